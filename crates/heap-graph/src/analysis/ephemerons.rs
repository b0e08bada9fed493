//! Edges that stand for the entries of WeakMaps.
//!
//! V8 writes each entry twice: from the key and from the table, as internal edges whose *name* says what they
//! are: `N / part of key (K @1) -> value (V @2) pair in WeakMap (table @3)`. DevTools parses these names with
//! a regular expression (`tryParseWeakMapEdgeName`); so do we, by hand, once per string.

use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::bits::BitSet;
use crate::graph::HeapGraph;

/// An entry's name, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ephemeron {
    /// Number of the part of the name that both edges of one entry share.
    pub(crate) pair: u32,
    /// Id of the WeakMap's table.
    pub(crate) table_id: u64,
}

/// All names of WeakMap entries in a snapshot.
#[derive(Default)]
pub(crate) struct Ephemerons {
    is_one: BitSet,
    by_name: FxHashMap<u32, Ephemeron>,
}

impl Ephemerons {
    pub(crate) fn new(graph: &HeapGraph) -> Self {
        let strings = graph.strings();
        let mut found = Ephemerons { is_one: BitSet::new(strings.len()), by_name: FxHashMap::default() };
        let mut pairs: FxHashMap<&str, u32> = FxHashMap::default();
        for index in strings.containing(" pair in WeakMap (table @") {
            let Some((pair, table_id)) = strings.get(index).and_then(parse) else { continue };
            let next = pairs.len() as u32;
            let pair = *pairs.entry(pair).or_insert(next);
            found.by_name.insert(index, Ephemeron { pair, table_id });
            found.is_one.set(index as usize);
        }
        found
    }

    /// The entry that an internal edge with this name stands for.
    #[inline]
    pub(crate) fn get(&self, name: u32) -> Option<Ephemeron> {
        // Names beyond the strings are those of a file that was cut.
        if !self.is_one.contains(name as usize) {
            return None;
        }
        self.by_name.get(&name).copied()
    }

    /// Number of entries.
    pub(crate) fn pairs(&self) -> usize {
        self.by_name.values().map(|ephemeron| ephemeron.pair as usize + 1).max().unwrap_or(0)
    }
}

/// The id of the table that an edge's name says, if it is the name of a WeakMap's entry.
pub(crate) fn weak_map_entry(name: &str) -> Option<u64> {
    parse(name).map(|(_, table_id)| table_id)
}

/// Where the ids of key, value and table stand in the name of a WeakMap's entry.
pub(crate) fn weak_map_ids(name: &str) -> Option<[Range<usize>; 3]> {
    weak_map_entry(name)?;
    let is_digit = |c: char| c.is_ascii_digit();
    let before = |end: usize| name[..end].trim_end_matches(is_digit).len()..end;
    let table = before(name.len() - 1);
    let value = before(name[..table.start].rfind(") pair in WeakMap (table @")?);
    let mut splits = name[..value.start].match_indices(") -> value (").map(|(at, _)| before(at));
    let key = splits.find(|id| !id.is_empty() && name[..id.start].ends_with(" @"))?;
    Some([key, value, table])
}

/// The shared part of an entry's name and the table's id.
fn parse(name: &str) -> Option<(&str, u64)> {
    let shared = name.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_line_end = |c: char| matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}');
    if shared.len() == name.len() || shared.contains(is_line_end) {
        return None;
    }
    let inside = shared.strip_prefix(" / part of key (")?;
    let (rest, table_id) = strip_id(inside)?;
    let rest = rest.strip_suffix(" pair in WeakMap (table")?;
    let (rest, _value_id) = strip_id(rest)?;
    // `rest` is now "K @1) -> value (V": the key's id must stand somewhere in it.
    let key_ends = |(at, _): (usize, &str)| {
        let before = rest[..at].trim_end_matches(|c: char| c.is_ascii_digit());
        before.len() < at && before.ends_with(" @")
    };
    rest.match_indices(") -> value (").any(key_ends).then_some((shared, table_id))
}

/// Takes ` @123)` off the end.
fn strip_id(text: &str) -> Option<(&str, u64)> {
    let text = text.strip_suffix(')')?;
    let rest = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let id = text[rest.len()..].parse().ok()?;
    Some((rest.strip_suffix(" @")?, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_apart_as_devtools_does() {
        let name = "2 / part of key (Object @11) -> value (Foo / a (b) @13) pair in WeakMap (table @17)";
        let (shared, table) = parse(name).unwrap();
        assert_eq!(table, 17);
        assert!(shared.starts_with(" / part of key (Object @11)"));
        let odd = "2 / part of key (x) -> value (y @1) -> value (Foo @13) pair in WeakMap (table @17)";
        assert_eq!(parse(odd).unwrap().1, 17);
        let ids = |name: &str| weak_map_ids(name).unwrap().map(|place| name[place].to_owned());
        assert_eq!(ids(name), ["11", "13", "17"]);
        assert_eq!(ids(odd), ["1", "13", "17"]);
    }

    #[test]
    fn refuses_what_only_looks_like_one() {
        for name in [
            " / part of key (Object @11) -> value (Foo @13) pair in WeakMap (table @17)",
            "2 / part of key (Object) -> value (Foo @13) pair in WeakMap (table @17)",
            "2 / part of key (Object @11) -> value (Foo @13) pair in WeakMap (table @17) ",
            "2 / part of key (Object @11) -> value (Foo @) pair in WeakMap (table @17)",
            "2 / part of key (Ob\nject @11) -> value (Foo @13) pair in WeakMap (table @17)",
            "2 / part of key (Object @11) -> value (Foo @13) pair in WeakMap (table @x)",
        ] {
            assert_eq!(parse(name), None, "{name}");
        }
    }
}
