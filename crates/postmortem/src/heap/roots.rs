//! The roots table: V8's well-known objects, at fixed places of the isolate.

use process_memory::ReadExt;

use super::Heap;
use super::words::{is_strong, untag};
use crate::layout::NO_TYPE;

/// More entries than any version has.
const MOST: u64 = 4096;

/// The well-known objects.
#[derive(Debug, Clone, Default)]
pub struct Roots {
    /// All entries, tagged.
    pub entries: Vec<u64>,
    /// The addresses of single ones.
    pub undefined: u64,
    /// What stands for no element.
    pub hole: u64,
    /// `null`
    pub null: u64,
    /// `true`
    pub true_value: u64,
    /// `false`
    pub false_value: u64,
    /// The string without characters.
    pub empty_string: u64,
}

/// Where in the isolate the table starts, and at which of its places `undefined` is: as the layout says, if that is so;
/// else from where it is found. Some maps may come before it.
fn place(heap: &Heap<'_>) -> (u64, u64) {
    let fields = &heap.layout.fields;
    let undefined = heap.layout.metadata.value("OddballUndefined");
    let is_undefined = |word: u64| {
        let object = untag(word);
        let is_oddball = is_strong(word) && heap.kind_of(object) == Some(heap.layout.types.oddball);
        let kind = heap.field(object, fields.oddball_kind).ok().and_then(super::words::small_integer);
        is_oddball && kind == undefined
    };
    let expected = (fields.roots, fields.root_undefined);
    let there = heap.memory.u64_at(heap.isolate.address.wrapping_add(expected.0 + 8 * expected.1));
    if there.is_ok_and(is_undefined) {
        return expected;
    }
    let words = heap.isolate.words(heap.memory);
    let Some(found) = words.iter().position(|word| is_undefined(*word)) else { return expected };
    let is_map = |word: &u64| heap.map_at_word(*word).is_some();
    let before = words[..found].iter().rev().take_while(|word| is_map(word)).count();
    (8 * (found - before) as u64, before as u64)
}

impl Roots {
    /// Reads the table: it ends where its words are neither small integers nor pointers to objects.
    pub(super) fn read(heap: &Heap<'_>) -> Self {
        let fields = &heap.layout.fields;
        let (offset, undefined) = place(heap);
        let start = heap.isolate.address.wrapping_add(offset);
        let mut entries = Vec::new();
        for i in 0..MOST {
            let Ok(word) = heap.memory.u64_at(start.wrapping_add(8 * i)) else { break };
            let small = word as u32 == 0;
            let object = is_strong(word) && heap.map_of(untag(word)).is_some();
            if !small && !object {
                break;
            }
            entries.push(word);
        }
        let at = |index: u64| {
            let index = (index + undefined).checked_sub(fields.root_undefined);
            index.and_then(|index| entries.get(index as usize)).map_or(0, |word| untag(*word))
        };
        Self {
            undefined: at(fields.root_undefined),
            hole: at(fields.root_hole),
            null: at(fields.root_null),
            true_value: at(fields.root_true),
            false_value: at(fields.root_false),
            empty_string: at(fields.root_empty_string),
            entries,
        }
    }

    /// What does not fit: the layout is checked against the objects themselves.
    pub fn check(&self, heap: &Heap<'_>) -> Vec<String> {
        let types = &heap.layout.types;
        let mut wrong = Vec::new();
        let mut expect = |name: &str, address: u64, kinds: &[u16]| {
            let kind = heap.kind_of(address);
            if !kind.is_some_and(|kind| kinds.contains(&kind)) {
                let kind = kind.map_or_else(|| "no object".to_owned(), |kind| format!("type {kind}"));
                wrong.push(format!("the root `{name}` at {address:#x} is {kind}, not one of {kinds:?}"));
            }
        };
        expect("undefined", self.undefined, &[types.oddball]);
        // Some versions do not name the type of holes.
        if types.hole != NO_TYPE {
            expect("the hole", self.hole, &[types.oddball, types.hole]);
        }
        expect("null", self.null, &[types.oddball]);
        expect("true", self.true_value, &[types.oddball]);
        expect("false", self.false_value, &[types.oddball]);
        expect("empty string", self.empty_string, &[8]);
        let length = heap.half(self.empty_string.wrapping_add(heap.layout.fields.string_length));
        if length != Ok(0) {
            wrong.push(format!("the empty string has the length {length:?}"));
        }
        if self.entries.len() < 500 {
            wrong.push(format!("the roots table has {} entries", self.entries.len()));
        }
        wrong
    }
}
