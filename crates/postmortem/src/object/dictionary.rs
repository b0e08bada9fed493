//! Hash tables: of properties in slow mode, of sparse elements, of maps and sets.

use crate::heap::Heap;
use crate::heap::words::{count, tag};

/// An entry of a hash table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Key, tagged.
    pub key: u64,
    /// Value, tagged; the key itself in a set.
    pub value: u64,
    /// V8's details of a property; 0 if the table has none.
    pub details: u64,
}

impl Heap<'_> {
    /// The words of an array's body.
    pub fn array_words(&self, array: u64) -> Vec<u64> {
        let fields = &self.layout.fields;
        let length = self.field(array, fields.array_length).ok().and_then(count).unwrap_or(0);
        let Some(bytes) = self.rest_of_page(array.saturating_add(fields.array_data)) else {
            return Vec::new();
        };
        let length = length.min(bytes.len() as u64 / 8) as usize;
        let (words, _) = bytes.as_chunks::<8>();
        words[..length].iter().map(|word| u64::from_le_bytes(*word)).collect()
    }

    /// The entries of a hash table whose entries have `size` words and start behind `3 + prefix` words.
    fn table_entries(&self, table: u64, prefix: u64, size: usize) -> Vec<Entry> {
        let words = self.array_words(table);
        let first = (3 + prefix) as usize;
        let unused = [tag(self.roots.undefined), tag(self.roots.hole)];
        let entries = words.get(first..).unwrap_or_default().chunks_exact(size);
        entries
            .filter(|entry| !unused.contains(&entry[0]))
            .map(|entry| Entry {
                key: entry[0],
                value: entry.get(1).copied().unwrap_or(entry[0]),
                details: entry.get(2).copied().and_then(count).unwrap_or(0),
            })
            .collect()
    }

    /// The properties of a name dictionary or a global dictionary.
    pub fn name_dictionary(&self, table: u64) -> Vec<Entry> {
        let fields = &self.layout.fields;
        if self.kind_of(table) != Some(self.layout.types.global_dictionary) {
            return self.table_entries(table, fields.name_dictionary_prefix, 3);
        }
        // Each entry is a cell, so that code can refer to it.
        let cells = self.table_entries(table, fields.name_dictionary_prefix, 1);
        let of_cell = |entry: Entry| {
            let cell = self.target(entry.key)?;
            let value = self.field(cell, fields.property_cell_value).ok()?;
            let details = self.field(cell, fields.property_cell_details).ok().and_then(count)?;
            let key = self.field(cell, fields.property_cell_name).ok()?;
            (value != tag(self.roots.hole)).then_some(Entry { key, value, details })
        };
        cells.into_iter().filter_map(of_cell).collect()
    }

    /// The elements of a number dictionary.
    pub fn number_dictionary(&self, table: u64) -> Vec<Entry> {
        self.table_entries(table, self.layout.fields.number_dictionary_prefix, 3)
    }

    /// The pairs of a weak map's table.
    pub fn ephemerons(&self, table: u64) -> Vec<Entry> {
        let prefix = self.layout.fields.ephemeron_prefix / 8 - 5;
        self.table_entries(table, prefix, 2)
    }

    /// How many pairs of a weak collection's table were deleted since it was made.
    pub(crate) fn deleted_ephemerons(&self, table: u64) -> usize {
        let prefix = (self.layout.fields.ephemeron_prefix / 8).saturating_sub(2) as usize;
        let words = self.array_words(table);
        let entries = words.get(prefix..).unwrap_or_default().chunks_exact(2);
        entries.filter(|entry| entry[0] == tag(self.roots.hole)).count()
    }

    /// The entries of a map or set, in order: `[count, deleted, buckets, bucket heads, entries]`.
    pub fn ordered_table(&self, table: u64, is_map: bool) -> Vec<Entry> {
        let words = self.array_words(table);
        let at = |i: usize| words.get(i).copied().and_then(count).unwrap_or(0);
        let (live, deleted, buckets) = (at(0), at(1), at(2));
        let size = if is_map { 3 } else { 2 };
        let Some(first) = usize::try_from(buckets).ok().and_then(|buckets| buckets.checked_add(3)) else {
            return Vec::new();
        };
        let used = live.saturating_add(deleted).min(words.len() as u64) as usize;
        let entries = words.get(first..).unwrap_or_default().chunks_exact(size).take(used);
        entries
            .filter(|entry| !self.is_hole(entry[0]))
            .map(|entry| Entry { key: entry[0], value: if is_map { entry[1] } else { entry[0] }, details: 0 })
            .collect()
    }

    /// Whether a word is any of V8's marks for "nothing here".
    pub(crate) fn is_hole(&self, word: u64) -> bool {
        let find = || {
            let kind = |object: u64| self.kind_of(object).filter(|kind| *kind != self.layout.types.oddball);
            let of_holes = kind(self.roots.hole);
            // All of them are among the roots.
            let roots = self.roots.entries.iter().copied();
            let others =
                roots.filter(|word| of_holes.is_some() && self.target(*word).and_then(kind) == of_holes);
            std::iter::once(tag(self.roots.hole)).chain(others).collect()
        };
        self.holes.get_or_init(find).contains(&word)
    }
}
