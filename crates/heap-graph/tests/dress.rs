//! The same heap in every dress that a file can have is the same graph; sizes and shapes at their limits.

mod support;

use std::ops::ControlFlow;

use heap_graph::{HeapGraph, NodeIndex, ReadOptions, Retainers, shortest_path};
use support::{analysis, difference, graph_of, random_heaps, read};
use test_heaps::random::RandomHeap;
use test_heaps::{Escapes, Layout, Section, TestHeap, Text, Writing, shapes};

#[test]
fn every_dress_is_the_same_heap() {
    for random in random_heaps(48, 200) {
        let heap = random.heap();
        let plain = graph_of(&heap);
        let mut strings_first = Section::ALL.to_vec();
        strings_first.rotate_right(1);
        let mut reversed = Section::ALL.to_vec();
        reversed.reverse();
        let default = Writing::default;
        for writing in [
            Writing { order: strings_first, ..default() },
            Writing { order: reversed, pretty: true, ..default() },
            Writing { pretty: true, ..default() },
            Writing { escapes: Escapes::Utf8, ..default() },
            Writing { unknown_sections: true, unknown_fields: true, ..default() },
        ] {
            let graph = read(&heap.to_bytes_with(&writing)).expect("a good heap");
            assert_eq!(difference(&plain, &graph), None, "{writing:?} {random:?}");
        }
        // Minified: no white space at all outside of strings, of which these have none with line breaks.
        let minified: Vec<u8> = heap.to_bytes().into_iter().filter(|byte| *byte != b'\n').collect();
        assert_eq!(difference(&plain, &read(&minified).expect("a good heap")), None, "{random:?}");
    }
}

#[test]
fn any_pieces_and_threads_give_the_same_graph() {
    let heap = RandomHeap { layout: Layout::node18(), ..RandomHeap::new(2, 60_000) };
    let bytes = heap.heap().to_bytes();
    assert!(bytes.len() > 3 << 20, "several chunks: {}", bytes.len());
    let whole = read(&bytes).expect("a good heap");
    for (size, threads, piece) in
        [(None, 1, 1000), (None, 2, 65_536), (None, 5, 1 << 20), (Some(bytes.len() as u64), 3, 77_777)]
    {
        let options = ReadOptions { size, threads, salvage: false };
        let source = Pieces { bytes: &bytes, piece };
        let graph =
            heap_graph::read(source, &options, &mut |_| ControlFlow::Continue(())).expect("a good heap");
        assert_eq!(difference(&whole, &graph), None, "{size:?} {threads} {piece}");
    }
}

/// A source that gives a little at a time.
struct Pieces<'a> {
    bytes: &'a [u8],
    piece: usize,
}

impl std::io::Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = into.len().min(self.piece).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(count);
        into[..count].copy_from_slice(now);
        self.bytes = later;
        Ok(count)
    }
}

#[test]
fn one_byte_at_a_time() {
    let mut heap = TestHeap::new(Layout::node26());
    let root = heap.node("synthetic", "", 1, 0);
    let name = Text::Literal(br"a\u00e9\ud83d\ude00\ud83d\u0041\udc00\n\t\\\/".to_vec());
    let object = heap.node("object", name, 3, 5_000_000_000);
    heap.edge(root, "shortcut", "global", object);
    let bytes = heap.to_bytes();
    let source = Pieces { bytes: &bytes, piece: 1 };
    let options = ReadOptions { size: None, threads: 1, salvage: false };
    let graph = heap_graph::read(source, &options, &mut |_| ControlFlow::Continue(())).expect("a good heap");
    assert_eq!(graph.name(NodeIndex(1)), "aé😀\u{fffd}A\u{fffd}\n\t\\/");
    assert_eq!(difference(&graph, &read(&bytes).expect("the same")), None);
}

#[test]
fn the_last_of_several_places_of_a_node_counts() {
    let mut heap = TestHeap::new(Layout::node22());
    let root = heap.node("synthetic", "", 1, 0);
    let (a, b) = (heap.node("object", "A", 3, 8), heap.node("object", "B", 5, 8));
    heap.edge(root, "shortcut", "global", a).edge(a, "property", "b", b);
    heap.location(b, 1, 1, 1).location(a, 2, 2, 2).location(b, 3, 3, 3).location(a, 4, 4, 4);
    let graph = graph_of(&heap);
    let script = |node| graph.location(NodeIndex(node)).expect("a place").script_id;
    assert_eq!((script(1), script(2)), (4, 3));
}

#[test]
fn sizes_and_sums_beyond_32_bits_are_exact() {
    let mut heap = TestHeap::new(Layout::node24());
    let root = heap.node("synthetic", "", 1, 0);
    let global = heap.node("object", "global", 3, 10);
    heap.edge(root, "shortcut", "global", global);
    let sizes = [5_000_000_000, 4_294_967_295, 4_294_967_294, 4_294_967_296, 3_000_000_000, 3_000_000_000];
    for (number, size) in sizes.into_iter().enumerate() {
        let node = heap.node("object", "Big", 5 + 2 * number as u64, size);
        heap.edge(global, "element", number as u32, node);
        // An array of its own that moves to it, over the limit of 32 bits.
        let store = heap.node("array", "", 105 + 2 * number as u64, 3_000_000_000);
        heap.edge(node, "internal", "elements", store);
    }
    heap.extra_native_bytes(6_000_000_000);
    let graph = graph_of(&heap);
    let numbers = analysis(&graph);
    let sum: u64 = sizes.iter().sum::<u64>() + 6 * 3_000_000_000;
    assert_eq!(graph.total_self_size(), sum + 10);
    for (number, size) in sizes.into_iter().enumerate() {
        let node = NodeIndex(2 + 2 * number as u32);
        assert_eq!(graph.raw_self_size(node), size);
        assert_eq!(numbers.shallow_size(node), size + 3_000_000_000);
        assert_eq!(numbers.retained_size(node), size + 3_000_000_000);
        assert_eq!(numbers.shallow_size(NodeIndex(node.0 + 1)), 0);
    }
    assert_eq!(numbers.retained_size(NodeIndex::ROOT), sum + 10);
    assert_eq!(numbers.statistics().total, sum + 10 + 6_000_000_000);
    let row = numbers.class_rows().iter().find(|row| numbers.class_key(row.class).name == "Big");
    let row = row.expect("a row of Big");
    assert_eq!((row.count, row.shallow_size, row.retained_size), (6, sum, sum));
}

fn shape(make: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> HeapGraph {
    let mut bytes = Vec::new();
    make(&mut bytes).expect("memory can be written");
    read(&bytes).expect("a shape")
}

#[test]
fn a_chain_of_a_million_needs_no_stack() {
    const LINKS: u32 = 1_000_000;
    let graph = shape(|out| shapes::linked_list(out, u64::from(LINKS)));
    let numbers = analysis(&graph);
    let last = NodeIndex(graph.node_count() as u32 - 1);
    assert_eq!(numbers.distance(last), LINKS as i32 + 1);
    assert_eq!(numbers.retained_size(NodeIndex(2)), u64::from(LINKS) * 32);
    assert_eq!(numbers.dominator(last), NodeIndex(last.0 - 1));
    let retainers = Retainers::new(&graph).expect("few edges a node");
    let path = shortest_path(&graph, &numbers, &retainers, last);
    assert_eq!(path.len(), LINKS as usize + 1);
    assert_eq!(heap_graph::slice(&graph, &[NodeIndex(2)]).node_count(), LINKS as usize + 1);
    let paths = heap_graph::retaining_paths(&graph, &numbers, &retainers, last, Default::default());
    assert!(paths.cut_by_depth);
}

#[test]
fn an_array_of_a_million_is_no_trouble() {
    const WIDTH: u32 = 1_000_000;
    let graph = shape(|out| shapes::wide_array(out, u64::from(WIDTH)));
    let numbers = analysis(&graph);
    let last = NodeIndex(graph.node_count() as u32 - 1);
    assert_eq!(numbers.distance(last), 4);
    let row = numbers.class_rows().iter().find(|row| numbers.class_key(row.class).name == "Item");
    assert_eq!(row.expect("a row of Item").count, u64::from(WIDTH));
    let retainers = Retainers::new(&graph).expect("few edges a node");
    assert_eq!(shortest_path(&graph, &numbers, &retainers, last).len(), 4);
}
