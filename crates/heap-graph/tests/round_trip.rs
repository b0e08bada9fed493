//! A graph that was written, or kept in an index, is the same graph when it is read again.

mod support;

use std::sync::Arc;

use heap_graph::column::Bytes;
use heap_graph::{
    Analysis, HeapGraph, Index, IndexError, NodeIndex, NodeKind, Retainers, slice, write, write_index,
    write_retainer_index,
};
use support::{analysis, analysis_difference, difference, graph_of, random_heaps, read};
use test_heaps::random::{Random, RandomHeap};
use test_heaps::{Layout, Location, TestHeap, TraceNode, Writing};

fn written(graph: &HeapGraph) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(graph, &mut bytes).expect("memory can be written");
    bytes
}

/// A random heap with everything that few heaps have: stacks, samples, big sizes.
fn decorated(random: &RandomHeap) -> TestHeap {
    let mut heap = random.heap();
    let mut numbers = Random(random.seed ^ 0xfeed);
    let node = heap.node("object", "Enormous \u{1} \"\\ é 日 😀", 4_000_000_001, 5_000_000_000);
    heap.edge(test_heaps::Node(0), "element", 4_294_967_295, node);
    heap.extra_native_bytes(12_345);
    for function in 0..=numbers.below(4) {
        let location = Location { script_id: 3, line: u32::MAX, column: function as u32 };
        heap.trace_function(function as u64 + 1, format!("f{function}"), "app.js", location);
    }
    if numbers.one_in(2) {
        let mut next_id = 0;
        heap.trace_tree(trace_tree(&mut numbers, &mut next_id, 5));
        heap.sample(1_000, 77).sample(2_000, 99);
        heap.trace_node(node, 2);
    }
    heap
}

fn trace_tree(numbers: &mut Random, next_id: &mut u64, depth: usize) -> TraceNode {
    *next_id += 1;
    let id = *next_id;
    let children = if depth == 0 { 0 } else { numbers.below(4) };
    let children = (0..children).map(|_| trace_tree(numbers, next_id, depth - 1)).collect();
    TraceNode { id, function: 0, count: 2, size: 5_000_000_000, children }
}

#[test]
fn reading_what_was_written_gives_the_same_graph() {
    for random in random_heaps(160, 300) {
        let heap = decorated(&random);
        for writing in [Writing::default(), Writing { unknown_fields: true, ..Writing::default() }] {
            let graph = read(&heap.to_bytes_with(&writing)).expect("a good heap");
            let again = read(&written(&graph)).expect("what we write we read");
            assert_eq!(difference(&graph, &again), None, "{random:?}");
            assert_eq!(written(&again), written(&graph), "the second writing is the first, {random:?}");
        }
    }
}

#[test]
fn types_that_nobody_knows_keep_their_names() {
    let mut layout = Layout::node26();
    layout.node_types.insert(3, "novelty");
    layout.node_types.push("other novelty");
    layout.edge_types.insert(0, "magic");
    let mut heap = TestHeap::new(layout);
    let root = heap.node("synthetic", "", 1, 0);
    let strange = heap.node("novelty", "Strange", 3, 8);
    let stranger = heap.node("other novelty", "Stranger", 5, 16);
    heap.edge(root, "shortcut", "global", strange).edge(strange, "magic", "wand", stranger);
    let graph = graph_of(&heap);
    assert_eq!(graph.kind(NodeIndex(1)), NodeKind::Other);
    assert_eq!(graph.kind_name(NodeIndex(1)), "novelty");
    assert_eq!(graph.header().unknown_edge_kinds, ["magic"]);
    let again = read(&written(&graph)).expect("what we write we read");
    assert_eq!(difference(&graph, &again), None);
    assert_eq!(again.kind_name(NodeIndex(2)), "other novelty");
    assert_eq!(analysis(&again).class_name(NodeIndex(2)), "(other novelty)");
}

#[test]
fn as_many_types_as_are_read_can_be_written() {
    let mut layout = Layout::node26();
    let names: Vec<&'static str> = (0..127).map(|number| &*format!("type {number}").leak()).collect();
    layout.node_types = names;
    layout.node_types.push("synthetic");
    let mut heap = TestHeap::new(layout);
    let root = heap.node("synthetic", "", 1, 0);
    let last = heap.node("type 126", "last", 3, 8);
    heap.edge(root, "element", 1, last);
    let graph = graph_of(&heap);
    let again = read(&written(&graph)).expect("what we write we read");
    assert_eq!(again.kind_name(NodeIndex(1)), "type 126");
}

#[test]
fn a_slice_has_all_that_its_nodes_hold() {
    for random in random_heaps(80, 200) {
        let graph = graph_of(&decorated(&random));
        let mut numbers = Random(random.seed);
        let wanted: Vec<NodeIndex> =
            (0..3).map(|_| NodeIndex(numbers.below(graph.node_count()) as u32)).collect();
        let part = slice(&graph, &wanted);
        let again = read(&written(&part)).expect("what we write we read");
        assert_eq!(difference(&part, &again), None, "{random:?}");
        let mut held: Vec<NodeIndex> = wanted.clone();
        held.sort_unstable();
        held.dedup();
        let mut next = 0;
        while let Some(&node) = held.get(next) {
            next += 1;
            for edge in graph.edges(node).filter(|edge| edge.kind != heap_graph::EdgeKind::Weak) {
                if edge.to != NodeIndex::ROOT && !held.contains(&edge.to) {
                    held.push(edge.to);
                }
            }
        }
        let facts = |graph: &HeapGraph, node| {
            (graph.id(node), graph.name(node).to_owned(), graph.raw_self_size(node), graph.location(node))
        };
        let mut expected: Vec<_> = held.iter().map(|&node| facts(&graph, node)).collect();
        let mut found: Vec<_> = part.nodes().skip(1).map(|node| facts(&part, node)).collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "{random:?}");
        assert!(analysis(&part).retained_size(NodeIndex::ROOT) == part.total_self_size());
    }
}

/// An index in memory. Columns that are lent from it must be aligned, as a mapped file is.
struct Held(Vec<u64>, usize);

impl Held {
    fn holder(bytes: &[u8]) -> Arc<dyn Bytes> {
        let words = bytes.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_ne_bytes(word)
        });
        Arc::new(Held(words.collect(), bytes.len()))
    }
}

impl Bytes for Held {
    fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.0)[..self.1]
    }
}

const IDENTITY: &[u8] = b"some file";

fn indexed(graph: &HeapGraph, analysis: &Analysis) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_index(IDENTITY, graph, analysis, &mut bytes).expect("memory can be written");
    bytes
}

fn load(bytes: &[u8]) -> Result<(HeapGraph, Analysis), IndexError> {
    let index = Index::open(Held::holder(bytes), IDENTITY)?;
    Ok((index.graph()?, index.analysis()?))
}

#[test]
fn an_index_gives_back_graph_analysis_and_retainers() {
    for random in random_heaps(80, 300) {
        let graph = graph_of(&decorated(&random));
        let analysis = analysis(&graph);
        let (loaded, numbers) = load(&indexed(&graph, &analysis)).expect("an index of our own");
        assert_eq!(difference(&graph, &loaded), None, "{random:?}");
        assert_eq!(graph.header(), loaded.header());
        assert_eq!(analysis_difference(&graph, &analysis, &numbers), None, "{random:?}");

        let retainers = Retainers::new(&graph).expect("a small graph");
        let mut bytes = Vec::new();
        write_retainer_index(IDENTITY, &retainers, &mut bytes).expect("memory can be written");
        let index = Index::open(Held::holder(&bytes), IDENTITY).expect("an index of our own");
        let loaded = index.retainers().expect("whole");
        for node in graph.nodes() {
            assert_eq!(retainers.of(node), loaded.of(node));
        }
        assert!(matches!(index.graph(), Err(IndexError::Damaged(_))), "it has no graph");
    }
}

#[test]
fn a_flipped_bit_anywhere_is_noticed_or_in_a_gap() {
    let graph = graph_of(&decorated(&RandomHeap { layout: Layout::node20(), ..RandomHeap::new(4, 60) }));
    let whole = analysis(&graph);
    let bytes = indexed(&graph, &whole);
    let mut kinds = std::collections::BTreeSet::new();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        match load(&damaged) {
            // Between sections stand zeros that nobody reads.
            Ok((loaded, numbers)) => {
                assert_eq!(bytes[at], 0, "byte {at} changed and nobody saw it");
                assert_eq!(difference(&graph, &loaded), None);
                assert_eq!(analysis_difference(&graph, &whole, &numbers), None);
            }
            Err(IndexError::Damaged(section)) => drop(kinds.insert(section)),
            Err(IndexError::NotAnIndex | IndexError::OtherVersion(_) | IndexError::OtherSource) => {
                assert!(at < 24 + IDENTITY.len() + 23 * 32, "byte {at} is no head");
            }
        }
    }
    // Sections without bytes can't be damaged.
    assert!(kinds.len() >= 20, "{kinds:?}");
}

#[test]
fn an_index_that_was_cut_or_is_another_files_is_refused() {
    let graph = graph_of(&RandomHeap::new(9, 50).heap());
    let bytes = indexed(&graph, &analysis(&graph));
    for length in 0..bytes.len() {
        assert!(load(&bytes[..length]).is_err(), "cut to {length} of {}", bytes.len());
    }
    let other = Index::open(Held::holder(&bytes), b"other fil").err();
    assert_eq!(other, Some(IndexError::OtherSource));
    let mut newer = bytes.clone();
    newer[8] += 1;
    assert!(matches!(load(&newer), Err(IndexError::OtherVersion(_))));
}
