//! Strings: the biggest, and those that exist more than once.

use std::collections::HashSet;

use heap_graph::{NodeIndex, duplicate_strings};
use serde::Serialize;

use super::node::is_string;
use super::{AnswerError, NodeRef, Text, View};
use crate::open::{Heap, Progress};

/// One content that several strings have.
#[derive(Clone, Debug, Serialize)]
pub struct Duplicate {
    /// The content.
    pub text: Text,
    /// How many strings have it.
    pub count: u64,
    /// Their shallow sizes together.
    pub shallow_size: u64,
    /// Their retained sizes together.
    pub retained_size: u64,
    /// What one copy instead of all would save.
    pub wasted_size: u64,
    /// False where only the beginning of the strings is in the file, and they may differ after it.
    pub certain: bool,
    /// Ids of the first few.
    pub ids: Vec<u64>,
}

/// Strings that exist more than once.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Duplicates {
    /// Different contents.
    pub content_count: usize,
    /// Strings in all.
    pub string_count: u64,
    /// What one copy of each would save, where equality is certain.
    pub wasted_size: u64,
    /// The most wasteful.
    pub duplicates: Vec<Duplicate>,
}

/// The biggest strings.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Strings {
    /// Strings that match.
    pub count: u64,
    /// Their shallow sizes together.
    pub shallow_size: u64,
    /// The biggest by retained size.
    pub strings: Vec<NodeRef>,
}

/// Ids that are told of each content.
const FEW: usize = 3;

/// Answers which strings exist more than once. With `matching`, only those that contain it.
///
/// # Errors
/// If the heap can't be analysed.
pub fn duplicates(
    heap: &Heap,
    matching: Option<&str>,
    top: usize,
    reveal: bool,
    progress: Progress<'_>,
) -> Result<Duplicates, AnswerError> {
    let graph = heap.graph();
    let mut groups = duplicate_strings(graph, heap.analysis(progress)?, false);
    groups.retain(|group| matching.is_none_or(|wanted| group.value.contains(wanted)));
    let wasted = |group: &heap_graph::DuplicateStrings| {
        group.shallow_size - group.shallow_size / group.nodes.len().max(1) as u64
    };
    groups.sort_by_key(|group| std::cmp::Reverse(wasted(group)));
    Ok(Duplicates {
        content_count: groups.len(),
        string_count: groups.iter().map(|group| group.nodes.len() as u64).sum(),
        wasted_size: groups.iter().filter(|group| group.certain).map(wasted).sum(),
        duplicates: groups
            .iter()
            .take(top)
            .map(|group| Duplicate {
                text: Text { cut: group.truncated, ..Text::new(&group.value, reveal) },
                count: group.nodes.len() as u64,
                shallow_size: group.shallow_size,
                retained_size: group.retained_size,
                wasted_size: wasted(group),
                certain: group.certain,
                ids: group.nodes.iter().take(FEW).map(|&node| graph.id(node)).collect(),
            })
            .collect(),
    })
}

/// Answers which strings are the biggest. With `matching`, only those that contain it.
///
/// # Errors
/// If the heap can't be analysed.
pub fn biggest(
    heap: &Heap,
    matching: Option<&str>,
    top: usize,
    reveal: bool,
    progress: Progress<'_>,
) -> Result<Strings, AnswerError> {
    let graph = heap.graph();
    let analysis = heap.analysis(progress)?;
    let view = View::new(graph, analysis, reveal);
    // The table is searched once; the text of a rope is not in it, but put together from its parts.
    let texts: Option<HashSet<u32>> =
        matching.map(|wanted| graph.strings().containing(wanted).into_iter().collect());
    let matches = |node: NodeIndex| match (&texts, matching) {
        (Some(texts), Some(wanted)) => match graph.kind(node) {
            heap_graph::NodeKind::ConcatenatedString => graph.display_name(node).contains(wanted),
            _ => texts.contains(&graph.name_index(node)),
        },
        _ => true,
    };
    let mut found: Vec<NodeIndex> = graph
        .nodes()
        .filter(|&node| is_string(graph, node) && analysis.shallow_size(node) != 0 && matches(node))
        .collect();
    let shallow_size = found.iter().map(|&node| analysis.shallow_size(node)).sum();
    let count = found.len() as u64;
    found.sort_by_key(|&node| (std::cmp::Reverse(analysis.retained_size(node)), node));
    found.truncate(top);
    Ok(Strings { count, shallow_size, strings: found.into_iter().map(|node| view.node(node)).collect() })
}
