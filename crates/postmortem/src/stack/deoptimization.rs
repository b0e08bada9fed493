//! Deoptimization data: for each call in optimized code, the frames that the interpreter would have had there. Used
//! where code has no table of source positions.

use super::code_index::Code;
use super::optimized::{Deoptimization, Place};
use super::source_positions::variable_length;
use crate::elf::four;
use crate::heap::Heap;

/// Words before the entries, counted from the inlining positions: these, where exits start, and two counts.
const FIRST_ENTRY: usize = 4;
/// Words of an entry: bytecode offset, index of the translation, address.
const ENTRY: usize = 3;
/// Operations that stand for interpreted frames: with a place for a result, and without.
const INTERPRETED: [usize; 2] = [0, 1];
/// More than a table of calls or a translation ever has.
const MOST: usize = 1 << 20;

/// How many operands each operation has, as the executable has it.
#[derive(Debug, Clone, Default)]
pub(super) struct OperandCounts(Vec<u32>);

impl OperandCounts {
    /// From the bytes of V8's table.
    pub(super) fn new(bytes: &[u8]) -> Self {
        let (words, _) = bytes.as_chunks::<4>();
        let counts: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
        // The first operation must be a frame's: older versions have another order.
        let known = counts.first().is_some_and(|count| (5..=8).contains(count));
        Self(if known && counts.iter().all(|count| *count < 16) { counts } else { Vec::new() })
    }
}

/// An operation of a translation, its operands as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Operation {
    code: usize,
    operands: Vec<u64>,
}

/// The functions at a return address of Maglev's code, innermost first, the frame's own last.
pub(super) fn places(
    heap: &Heap<'_>,
    code: &Code,
    address: u64,
    counts: &OperandCounts,
    position_of: impl Fn(u64, i64) -> Option<u64>,
) -> Vec<Place> {
    let Some(data) = Deoptimization::of(heap, code) else { return Vec::new() };
    let found = call_index(heap, code, address).and_then(|call| frames(heap, &data, call, counts));
    let mut places = Vec::new();
    for (i, (function, bytecode)) in found.unwrap_or_default().into_iter().enumerate() {
        let Some(shared) = data.function(function) else { return Vec::new() };
        let Some(position) = position_of(shared, bytecode) else { return Vec::new() };
        places.push(Place { shared: (i > 0).then_some(shared), position });
    }
    places.reverse();
    places
}

/// Function (a literal's number) and bytecode offset of each frame of a call, outermost first.
fn frames(
    heap: &Heap<'_>,
    data: &Deoptimization<'_, '_>,
    call: usize,
    counts: &OperandCounts,
) -> Option<Vec<(usize, i64)>> {
    let first = usize::try_from(heap.layout.fields.deoptimization_inlining?).ok()? + FIRST_ENTRY;
    let at = first.checked_add(call.checked_mul(ENTRY)?)?.checked_add(1)?;
    let start = usize::try_from(data.number(at)?).ok()?;
    let bytes = heap.byte_array(heap.target(*data.words.first()?)?)?;
    translation(&bytes, start, counts)
}

/// The interpreted frames of the translation that starts at an index.
fn translation(bytes: &[u8], start: usize, counts: &OperandCounts) -> Option<Vec<(usize, i64)>> {
    let (begin, mut at) = operation(bytes, start, counts)?;
    // How far back the translation lies from which this one may copy; how many frames; how many of functions.
    // The distance is plain, the counts are signed numbers.
    let [back, _, wanted] = begin.operands[..] else { return None };
    let wanted = wanted >> 1;
    let mut basis = match usize::try_from(back).ok()? {
        0 => None,
        back => {
            let (_, after) = operation(bytes, start.checked_sub(back)?, counts)?;
            Some(after)
        }
    };
    let mut found = Vec::new();
    let mut operations = 0;
    while (found.len() as u64) < wanted {
        operations += 1;
        if operations > MOST {
            return None;
        }
        // A copy is an operation of its own, or its count is added to the number of operations.
        let copies = match usize::from(*bytes.get(at)?).checked_sub(counts.0.len()) {
            Some(copies) => {
                at += 1;
                copies
            }
            None => {
                let (next, after) = operation(bytes, at, counts)?;
                at = after;
                if next.code + 1 == counts.0.len() {
                    usize::try_from(*next.operands.first()?).ok()?
                } else {
                    // The basis goes on in step, whether it is copied from or not.
                    basis = match basis {
                        Some(basis) => operation(bytes, basis, counts).map(|(_, after)| after),
                        None => None,
                    };
                    found.extend(frame(&next));
                    continue;
                }
            }
        };
        for _ in 0..copies.min(MOST) {
            let (next, after) = operation(bytes, basis?, counts)?;
            basis = Some(after);
            found.extend(frame(&next));
        }
    }
    found.truncate(usize::try_from(wanted).ok()?);
    Some(found)
}

fn operation(bytes: &[u8], at: usize, counts: &OperandCounts) -> Option<(Operation, usize)> {
    let code = usize::from(*bytes.get(at)?);
    let count = *counts.0.get(code)?;
    let mut rest = bytes.get(at + 1..)?.iter().copied();
    let before = rest.len();
    let operands: Option<Vec<u64>> = (0..count).map(|_| variable_length(&mut rest)).collect();
    Some((Operation { code, operands: operands? }, at + 1 + (before - rest.len())))
}

/// Bytecode offset and function come first, both signed: the sign is the lowest bit.
fn frame(operation: &Operation) -> Option<(usize, i64)> {
    let signed = |value: u64| {
        let magnitude = (value >> 1) as i64;
        if value & 1 == 1 { -magnitude } else { magnitude }
    };
    if !INTERPRETED.contains(&operation.code) {
        return None;
    }
    let (bytecode, function) = (operation.operands.first()?, operation.operands.get(1)?);
    Some((usize::try_from(signed(*function)).ok()?, signed(*bytecode)))
}

/// The number of the call that returns to an address: Maglev's table of calls lies behind the instructions.
fn call_index(heap: &Heap<'_>, code: &Code, address: u64) -> Option<usize> {
    use process_memory::ReadExt;
    let offset = address.checked_sub(code.start)?;
    // Four numbers come first: newer versions have one more before the others, and one less behind.
    [0, 4].into_iter().find_map(|skipped| {
        let head = heap.memory.bytes_at(code.end + skipped, 12).ok()?;
        let (count, sizes) = (four(&head, 0) as usize, four(&head, 4));
        let size = |shift: u32| (sizes >> shift & 7) as usize;
        let (registers, pc, index) = (size(1), size(4), size(7));
        if sizes & 1 == 0 || !(1..=4).contains(&pc) || !(1..=4).contains(&index) || count > MOST {
            return None;
        }
        let entry = pc + index + pc + 1 + registers;
        let table = heap.memory.bytes_at(code.end + 16, (count * entry) as u64).ok()?;
        let number =
            |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        table.chunks_exact(entry).find_map(|row| {
            let trampoline = number(&row[pc + index..pc + index + pc]);
            let here = number(&row[..pc]) == offset || trampoline == offset + 1;
            let call = number(&row[pc..pc + index]).checked_sub(1)?;
            here.then_some(call as usize)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames have six and four operands, an operation 2 has one, 3 begins, 4 copies.
    fn counts() -> OperandCounts {
        let bytes: Vec<u8> = [6_u32, 4, 1, 3, 1].iter().flat_map(|count| count.to_le_bytes()).collect();
        OperandCounts::new(&bytes)
    }

    #[test]
    fn frames_are_found_with_their_bytecodes() {
        let bytes = [3, 0, 4, 4, 1, 40, 4, 0, 0, 2, 9, 0, 0x82, 0x01, 6, 0, 0, 0, 0, 2, 9];
        assert_eq!(translation(&bytes, 0, &counts()), Some(vec![(2, 20), (3, 65)]));
    }

    #[test]
    fn what_is_as_before_is_copied() {
        let first = [3, 0, 4, 4, 1, 40, 4, 0, 0, 2, 9, 1, 6, 6, 0, 0];
        // Three operations like the first translation's, the last frame in its own place.
        for copy in [vec![4, 2], vec![5 + 2]] {
            let mut bytes = first.to_vec();
            bytes.extend_from_slice(&[3, first.len() as u8, 4, 4]);
            bytes.extend_from_slice(&copy);
            bytes.extend_from_slice(&[1, 50, 6, 0, 0]);
            assert_eq!(translation(&bytes, first.len(), &counts()), Some(vec![(2, 20), (3, 25)]));
        }
    }

    #[test]
    fn broken_translations_are_none() {
        assert_eq!(translation(&[3, 0, 4, 4, 1], 0, &counts()), None);
        assert_eq!(translation(&[3, 9, 4, 4, 4, 1], 0, &counts()), None);
        assert_eq!(translation(&[], 5, &counts()), None);
        assert_eq!(translation(&[3, 0, 4, 4, 4, 1], 0, &OperandCounts::default()), None);
    }
}
