//! Nodes counted by type: all that is known of a file whose edges were cut off.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::open::Heap;

/// All nodes of one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KindCount {
    /// The type that the file gives them.
    #[serde(rename = "type")]
    pub kind: String,
    /// How many.
    pub count: u64,
    /// Their own sizes as the file has them.
    pub raw_self_size: u64,
}

/// Counts nodes by type, the most bytes first.
pub fn census(heap: &Heap) -> Vec<KindCount> {
    let graph = heap.graph();
    let mut sums: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for node in graph.nodes() {
        let sum = sums.entry(graph.kind_name(node)).or_default();
        sum.0 += 1;
        sum.1 += graph.raw_self_size(node);
    }
    let row = |(kind, (count, raw_self_size)): (&str, (u64, u64))| KindCount {
        kind: kind.to_owned(),
        count,
        raw_self_size,
    };
    let mut rows: Vec<KindCount> = sums.into_iter().map(row).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.raw_self_size));
    rows
}
