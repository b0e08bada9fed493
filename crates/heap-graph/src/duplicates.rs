//! Strings that exist more than once (`getDuplicateStrings`), without taking a cut for equality.
//!
//! V8 writes at most 1,024 characters of a string. Newer V8s also say `truncated`, `length` and `hash`; Node
//! up to 26 does not, and DevTools then takes any two long strings with the same beginning for duplicates.
//! Here such groups are marked, and their members told apart by size where that proves a difference.

use rustc_hash::FxHashMap;

use crate::analysis::Analysis;
use crate::graph::{HeapGraph, NodeIndex};
use crate::kinds::NodeKind;
use crate::ropes::Ropes;

/// Characters of a string that V8 writes.
const WRITTEN: usize = 1024;

/// Strings of the same content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicateStrings {
    /// The content as far as the snapshot has it.
    pub value: String,
    /// Whether the snapshot has only the beginning.
    pub truncated: bool,
    /// Whether equality is certain: false for a cut string of which V8 wrote no hash.
    pub certain: bool,
    /// The strings, in the file's order.
    pub nodes: Vec<NodeIndex>,
    /// Their shallow sizes together, in bytes.
    pub shallow_size: u64,
    /// Their retained sizes together, in bytes.
    pub retained_size: u64,
}

/// What makes two strings the same, beyond their visible text.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Beyond {
    /// Nothing is hidden.
    Whole,
    /// V8 says length and hash.
    Hashed(Option<String>, Option<String>),
    /// Only the size in memory is known.
    Sized(u64),
}

/// All groups of two and more, the largest retained size first.
///
/// `as_devtools` takes equal beginnings for equality, as DevTools does on files without hashes.
pub fn duplicate_strings(graph: &HeapGraph, analysis: &Analysis, as_devtools: bool) -> Vec<DuplicateStrings> {
    let mut groups: FxHashMap<(String, Beyond), Vec<NodeIndex>> = FxHashMap::default();
    let mut ropes = Ropes::new(graph);
    for node in graph.nodes() {
        let kind = graph.kind(node);
        if !matches!(kind, NodeKind::String | NodeKind::ConcatenatedString)
            || analysis.shallow_size(node) == 0
            || ropes.is_flat(node)
        {
            continue;
        }
        let text = ropes.text(node).to_string();
        let beyond = beyond(graph, node, &text, as_devtools);
        groups.entry((text, beyond)).or_default().push(node);
    }
    let mut found: Vec<DuplicateStrings> = groups
        .into_iter()
        .filter(|(_, nodes)| nodes.len() > 1)
        .map(|((value, beyond), nodes)| DuplicateStrings {
            value,
            truncated: beyond != Beyond::Whole,
            certain: !matches!(beyond, Beyond::Sized(_)),
            shallow_size: nodes.iter().map(|&node| analysis.shallow_size(node)).sum(),
            // Ropes may lie in each other, and are counted again each time.
            retained_size: nodes
                .iter()
                .fold(0, |sum: u64, &node| sum.saturating_add(analysis.retained_size(node))),
            nodes,
        })
        .collect();
    found.sort_unstable_by(|a, b| b.retained_size.cmp(&a.retained_size).then_with(|| a.nodes.cmp(&b.nodes)));
    found
}

fn beyond(graph: &HeapGraph, node: NodeIndex, text: &str, as_devtools: bool) -> Beyond {
    if graph.attached_value(node, "truncated") == Some("true") {
        let value = |name| graph.attached_value(node, name).map(str::to_owned);
        return Beyond::Hashed(value("length"), value("hash"));
    }
    if as_devtools || text.len() < WRITTEN || text.chars().map(char::len_utf16).sum::<usize>() < WRITTEN {
        return Beyond::Whole;
    }
    Beyond::Sized(graph.raw_self_size(node))
}
