//! Optimized code: which functions were inlined at an address, and where each of them was.

use super::code_index::Code;
use super::source_positions::{Position, position_at, rows};
use crate::heap::Heap;
use crate::heap::words::small_integer;

/// A function that was running at an address of optimized code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The shared function; none for the function of the frame itself.
    pub(super) shared: Option<u64>,
    /// Where it was, in characters of its script.
    pub(super) position: u64,
}

/// Calls are not inlined deeper than this.
const DEEPEST: usize = 256;

/// The functions, innermost first, the frame's own last. Empty if the code has no table of positions.
pub(super) fn places(heap: &Heap<'_>, code: &Code, address: u64) -> Vec<Place> {
    let fields = &heap.layout.fields;
    let newer = fields.source_position_format == 1;
    let table = heap.field(code.object, fields.code_position_table).ok();
    let Some(bytes) = table.and_then(|word| heap.target(word)).and_then(|table| heap.byte_array(table))
    else {
        return Vec::new();
    };
    // A return address is behind its call.
    let offset = address.saturating_sub(code.start) as i64 - 1;
    let Some(mut position) = position_at(&rows(&bytes, newer), offset) else { return Vec::new() };
    let data = Deoptimization::of(heap, code);
    let mut places = Vec::new();
    while let Some(inlining) = position.inlining {
        let Some((outer, function)) = data.as_ref().and_then(|data| data.inlining(inlining)) else {
            return Vec::new();
        };
        places.push(Place { shared: Some(function), position: position.offset });
        if places.len() > DEEPEST {
            return Vec::new();
        }
        position = outer;
    }
    places.push(Place { shared: None, position: position.offset });
    places
}

/// The parts of deoptimization data that lead to inlined functions.
pub(super) struct Deoptimization<'h, 'm> {
    pub(super) heap: &'h Heap<'m>,
    pub(super) words: Vec<u64>,
}

impl<'h, 'm> Deoptimization<'h, 'm> {
    pub(super) fn of(heap: &'h Heap<'m>, code: &Code) -> Option<Self> {
        let data = heap.field(code.object, heap.layout.fields.code_deoptimization_data).ok()?;
        let words = heap.array_words(heap.target(data)?);
        (!words.is_empty()).then_some(Self { heap, words })
    }

    fn part(&self, index: Option<u64>) -> Option<u64> {
        self.heap.target(*self.words.get(usize::try_from(index?).ok()?)?)
    }

    /// Where a call was that was inlined, and the function that was inlined there.
    fn inlining(&self, number: usize) -> Option<(Position, u64)> {
        let fields = &self.heap.layout.fields;
        let bytes = self.heap.byte_array(self.part(fields.deoptimization_inlining)?)?;
        // The position, the number of the function, padding.
        let entry = bytes.get(number.checked_mul(16)?..)?.first_chunk::<16>()?;
        let (raw, function) = (crate::elf::word(entry, 0), crate::elf::four(entry, 8) as i32);
        let function = usize::try_from(function).ok()?;
        Some((Position::unpack(raw)?, self.function(function)?))
    }

    /// The shared function of a literal: the first literals are the inlined functions.
    pub(super) fn function(&self, index: usize) -> Option<u64> {
        let literals = self.heap.layout.fields.deoptimization_literals?;
        // Newer versions keep code in an array of its own, before the other.
        let arrays = [Some(literals), literals.checked_sub(1)];
        arrays.into_iter().find_map(|array| {
            let words = self.heap.array_words(self.part(array)?);
            self.heap.shared_in(*words.get(index)?)
        })
    }

    /// The number at an index.
    pub(super) fn number(&self, index: usize) -> Option<i64> {
        self.words.get(index).copied().and_then(small_integer)
    }
}

impl Heap<'_> {
    /// A shared function, by itself or in a wrapper.
    pub(super) fn shared_in(&self, word: u64) -> Option<u64> {
        let types = &self.layout.types;
        let object = self.target(word)?;
        match self.kind_of(object)? {
            kind if kind == types.shared_function_info => Some(object),
            kind if kind == types.shared_function_info_wrapper => {
                let inner = self.target(self.field(object, 8).ok()?)?;
                (self.kind_of(inner)? == types.shared_function_info).then_some(inner)
            }
            _ => None,
        }
    }

    /// The bytes of a byte array.
    pub(crate) fn byte_array(&self, array: u64) -> Option<Vec<u8>> {
        let types = &self.layout.types;
        let kind = self.kind_of(array)?;
        if kind != types.byte_array && kind != types.trusted_byte_array {
            return None;
        }
        let length = crate::heap::words::count(self.field(array, 8).ok()?)?;
        let bytes = self.rest_of_page(array)?.get(16..)?;
        bytes.get(..usize::try_from(length).ok()?).map(<[u8]>::to_vec)
    }
}
