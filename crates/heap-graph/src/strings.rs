//! The string table of a snapshot: one blob of UTF-8 and the end of each string in it.

use crate::bits::BitSet;
use crate::column::Column;

/// Interned strings, by their index in the file's `strings` section.
#[derive(Clone, Default)]
pub struct Strings {
    /// All strings, one after another. Checked to be UTF-8 when made.
    pub(crate) blob: Column<u8>,
    /// End offset of each string in `blob`.
    pub(crate) ends: Column<u64>,
}

impl Strings {
    /// Number of strings.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none (a file cut before its strings).
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all strings together.
    pub fn total_bytes(&self) -> usize {
        self.blob.len()
    }

    /// The bytes of string `index`, `None` beyond the table.
    pub fn bytes(&self, index: u32) -> Option<&[u8]> {
        let index = index as usize;
        let end = *self.ends.get(index)? as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        self.blob.get(start..end)
    }

    /// String `index`, `None` beyond the table.
    pub fn get(&self, index: u32) -> Option<&str> {
        std::str::from_utf8(self.bytes(index)?).ok()
    }

    /// Index of the first string equal to `wanted`.
    pub fn find(&self, wanted: &str) -> Option<u32> {
        (0..self.len() as u32).find(|&index| self.bytes(index) == Some(wanted.as_bytes()))
    }

    /// Indices of all strings equal to `wanted`: V8 writes one, other writers may repeat it.
    pub(crate) fn equal_to(&self, wanted: &str) -> BitSet {
        let mut found = BitSet::new(self.len());
        for index in self.containing(wanted) {
            if self.bytes(index) == Some(wanted.as_bytes()) {
                found.set(index as usize);
            }
        }
        found
    }

    /// Indices of all strings that contain `needle`, in order: one pass over the blob.
    pub fn containing(&self, needle: &str) -> Vec<u32> {
        let mut found = Vec::new();
        for at in memchr::memmem::find_iter(&self.blob, needle.as_bytes()) {
            let index = self.ends.partition_point(|&end| end <= at as u64);
            // A match that runs over the end of its string is none.
            let inside = self.ends.get(index).is_some_and(|&end| (at + needle.len()) as u64 <= end);
            if inside && found.last() != Some(&(index as u32)) {
                found.push(index as u32);
            }
        }
        found
    }

    /// All strings in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len() as u32).map(|index| self.get(index).unwrap_or(""))
    }
}

/// Collects strings for a [`Strings`] table.
#[derive(Default)]
pub struct StringsBuilder {
    blob: Vec<u8>,
    ends: Vec<u64>,
}

impl StringsBuilder {
    /// Appends a string and answers its index.
    pub fn push(&mut self, string: &str) -> u32 {
        self.blob.extend_from_slice(string.as_bytes());
        self.ends.push(self.blob.len() as u64);
        (self.ends.len() - 1) as u32
    }

    /// Makes room for so many bytes, if they can be had.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        let _ = self.blob.try_reserve_exact(bytes);
    }

    /// The bytes of the string being written; [`Self::finish_string`] ends it.
    pub(crate) fn open(&mut self) -> &mut Vec<u8> {
        &mut self.blob
    }

    /// Ends the string being written, and answers its index. Bytes that are no UTF-8 become U+FFFD.
    pub(crate) fn finish_string(&mut self) -> u32 {
        let start = self.ends.last().copied().unwrap_or(0) as usize;
        if std::str::from_utf8(&self.blob[start..]).is_err() {
            let mended = String::from_utf8_lossy(&self.blob[start..]).into_owned();
            self.blob.truncate(start);
            self.blob.extend_from_slice(mended.as_bytes());
        }
        self.ends.push(self.blob.len() as u64);
        (self.ends.len() - 1) as u32
    }

    /// Takes back what was written of a string that is not finished.
    pub(crate) fn drop_open(&mut self) {
        self.blob.truncate(self.ends.last().copied().unwrap_or(0) as usize);
    }

    /// A finished string.
    pub(crate) fn get(&self, index: u32) -> &str {
        std::str::from_utf8(self.bytes(index)).unwrap_or("")
    }

    /// Its bytes, which are UTF-8.
    pub(crate) fn bytes(&self, index: u32) -> &[u8] {
        let index = index as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        &self.blob[start..self.ends[index] as usize]
    }

    /// Number of finished strings.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether no string was finished.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The table.
    pub fn finish(mut self) -> Strings {
        self.blob.shrink_to_fit();
        self.ends.shrink_to_fit();
        Strings { blob: self.blob.into(), ends: self.ends.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_strings_and_never_across_their_ends() {
        let mut builder = StringsBuilder::default();
        for string in ["", "ab", "cab", "", "abab", "a", "b"] {
            builder.push(string);
        }
        let strings = builder.finish();
        assert_eq!(strings.containing("ab"), [1, 2, 4]);
        assert_eq!(strings.containing("ba"), [4]);
        assert_eq!(strings.find("cab"), Some(2));
        assert_eq!(strings.get(3), Some(""));
        assert_eq!(strings.get(7), None);
    }

    #[test]
    fn mends_bytes_that_are_no_utf8() {
        let mut builder = StringsBuilder::default();
        builder.open().extend_from_slice(b"a\xffb");
        builder.finish_string();
        assert_eq!(builder.finish().get(0), Some("a\u{fffd}b"));
    }
}
