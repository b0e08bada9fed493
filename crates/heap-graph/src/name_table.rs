//! The strings of a graph that is being made, each held once.

use std::hash::Hasher;

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use crate::strings::{Strings, StringsBuilder};

/// Strings, found by their content.
#[derive(Default)]
pub(crate) struct NameTable {
    strings: StringsBuilder,
    string_of: HashTable<Held>,
}

/// A string's index, and its hash: a table of millions grows without a look at their texts.
#[derive(Clone, Copy)]
struct Held {
    index: u32,
    hash: u32,
}

impl Held {
    /// A hash table takes places from the low bits, and tells what is there apart by the high ones.
    fn spread(hash: u32) -> u64 {
        u64::from(hash) << 32 | u64::from(hash)
    }
}

fn hash_of(text: &[u8]) -> u32 {
    let mut hasher = FxHasher::default();
    hasher.write(text);
    let hash = hasher.finish();
    (hash ^ hash >> 32) as u32
}

impl NameTable {
    /// The index of a text.
    pub(crate) fn hold(&mut self, text: &str) -> u32 {
        let hash = hash_of(text.as_bytes());
        let is_it = |held: &Held| held.hash == hash && self.strings.bytes(held.index) == text.as_bytes();
        if let Some(held) = self.string_of.find(Held::spread(hash), is_it) {
            return held.index;
        }
        let index = self.strings.push(text);
        self.string_of
            .insert_unique(Held::spread(hash), Held { index, hash }, |held| Held::spread(held.hash));
        index
    }

    /// Makes room for so many bytes of text.
    pub(crate) fn reserve(&mut self, text: usize) {
        self.strings.reserve(text);
    }

    pub(crate) fn finish(self) -> Strings {
        self.strings.finish()
    }
}
