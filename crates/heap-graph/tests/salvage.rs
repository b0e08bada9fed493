//! Truncated files: what is there is read and equals the whole file's, and what is missing is named.

mod support;

use heap_graph::{Analysis, AnalysisError, HeapGraph, NodeIndex};
use support::{analysis, analysis_difference, difference, random_heaps, read, salvage};
use test_heaps::random::{Random, RandomHeap};
use test_heaps::{Layout, Section, Writing};

/// A file that was not cut.
struct Whole {
    graph: HeapGraph,
    analysis: Analysis,
}

impl Whole {
    fn read(bytes: &[u8]) -> Whole {
        let graph = read(bytes).expect("a good heap");
        let analysis = analysis(&graph);
        Whole { graph, analysis }
    }
}

/// Checks that a salvaged graph is a prefix of the whole one, and that `missing` is exact.
fn check_prefix(whole: &Whole, part: &HeapGraph, cut: usize, context: &str) {
    let numbers = &whole.analysis;
    let whole = &whole.graph;
    let missing = part.missing();
    assert_eq!(missing.cut_at, Some(cut as u64), "{context}");
    assert_eq!(missing.nodes, (whole.node_count() - part.node_count()) as u64, "{context}");
    assert_eq!(missing.edges, whole.edge_count() - part.edge_count(), "{context}");
    let strings = part.strings().len();
    assert!(strings <= whole.strings().len());
    assert!(part.strings().iter().eq(whole.strings().iter().take(strings)), "{context}");
    assert_eq!(missing.strings, missing.sections.contains(&"strings".to_owned()), "{context}");
    assert!(missing.strings || strings == whole.strings().len(), "{context}");
    for node in part.nodes() {
        assert_eq!(part.kind_name(node), whole.kind_name(node), "{node:?}, {context}");
        assert_eq!(part.id(node), whole.id(node));
        assert_eq!(part.raw_self_size(node), whole.raw_self_size(node));
        assert_eq!(part.raw_detachedness(node), whole.raw_detachedness(node));
        let expected = if part.has_name(node) { whole.name(node) } else { "" };
        assert_eq!(part.name(node), expected, "{node:?}, {context}");
        if let Some(place) = part.location(node) {
            assert_eq!(Some(place), whole.location(node), "{context}");
        }
        for (ours, theirs) in part.edges(node).zip(whole.edges(node)) {
            assert_eq!(ours, theirs, "{context}");
        }
        assert!(part.edges(node).len() <= whole.edges(node).len());
    }
    check_analysis(numbers, part, context);
}

/// What depends on missing edges is absent; with all edges and strings it is the whole file's.
fn check_analysis(whole: &Analysis, part: &HeapGraph, context: &str) {
    let missing = part.missing();
    match Analysis::new(part, &mut |_| std::ops::ControlFlow::Continue(())) {
        Err(AnalysisError::Incomplete { nodes, edges }) => {
            assert_eq!((nodes, edges), (missing.nodes, missing.edges), "{context}");
            assert!(nodes + edges > 0);
        }
        Err(AnalysisError::Empty) => assert_eq!(part.node_count(), 0, "{context}"),
        Err(other) => panic!("{other}, {context}"),
        Ok(numbers) => {
            assert!(missing.has_all_edges(), "{context}");
            if !missing.strings && !missing.sections.contains(&"locations".to_owned()) {
                assert_eq!(analysis_difference(part, whole, &numbers), None, "{context}");
            }
        }
    }
}

#[test]
fn a_cut_at_every_byte_leaves_a_prefix() {
    for (number, random) in random_heaps(8, 24).enumerate() {
        let writing = Writing { pretty: number % 2 == 1, ..Writing::default() };
        let bytes = random.heap().to_bytes_with(&writing);
        let whole = Whole::read(&bytes);
        let mut salvaged = 0;
        for cut in 0..bytes.len() {
            let context = format!("cut at {cut} of {}: {random:?}", bytes.len());
            match salvage(&bytes[..cut]) {
                Ok(part) if part.missing().is_nothing() => {
                    assert_eq!(difference(&whole.graph, &part), None, "{context}");
                    assert!(bytes[cut..].iter().all(u8::is_ascii_whitespace), "{context}");
                }
                Ok(part) => {
                    check_prefix(&whole, &part, cut, &context);
                    salvaged += 1;
                }
                Err(error) => {
                    let message = error.to_string();
                    assert_eq!(cut == 0, message.contains("it is empty"), "{message}, {context}");
                    // Only before the nodes is there nothing to salvage.
                    let nodes = bytes.windows(7).position(|window| window == b"\"nodes\"").expect("nodes");
                    assert!(cut <= nodes + 12, "{message}, {context}");
                }
            }
            assert!(read(&bytes[..cut]).is_err() || bytes[cut..].iter().all(u8::is_ascii_whitespace));
        }
        assert!(salvaged > 100, "{salvaged} of {}", bytes.len());
    }
}

#[test]
fn cuts_at_random_bytes_of_larger_files() {
    for layout in Layout::all() {
        let bytes = RandomHeap { layout, ..RandomHeap::new(3, 2000) }.heap().to_bytes();
        let whole = Whole::read(&bytes);
        let mut random = Random(8);
        for _ in 0..40 {
            let cut = 2000 + random.below(bytes.len() - 2002);
            let part = salvage(&bytes[..cut]).expect("something is there");
            check_prefix(&whole, &part, cut, &format!("cut at {cut}"));
        }
    }
}

#[test]
fn the_missing_sections_are_named() {
    let mut heap = RandomHeap { layout: Layout::node20(), ..RandomHeap::new(5, 60) }.heap();
    heap.location(test_heaps::Node(40), 1, 2, 3);
    let text = String::from_utf8(heap.to_bytes()).expect("ASCII");
    let cut_in = |section: &str| {
        let start = text.find(&format!("\"{section}\"")).expect("the section is there");
        salvage(&text.as_bytes()[..start + section.len() + 9]).expect("nodes are there").missing().clone()
    };
    assert_eq!(cut_in("edges").sections, ["edges", "strings", "locations"]);
    assert_eq!(cut_in("locations").sections, ["locations", "strings"]);
    assert_eq!(cut_in("strings").sections, ["strings"]);
    assert_eq!(cut_in("nodes").sections, ["nodes", "edges", "strings", "locations"]);
    assert!(cut_in("strings").has_all_edges() && !cut_in("edges").has_all_edges());
    let before_strings = &text[..text.find("\"strings\"").expect("strings")];
    let missing = salvage(before_strings.as_bytes()).expect("nodes are there").missing().clone();
    assert_eq!(missing.sections, ["strings"]);
    assert_eq!((missing.nodes, missing.edges, missing.strings), (0, 0, true));
    assert_eq!(missing.cut_at, Some(before_strings.len() as u64));
}

#[test]
fn a_cut_in_files_whose_sections_stand_in_another_order_is_safe() {
    let mut random = Random(77);
    for seed in 0..30 {
        let heap = RandomHeap::new(seed, 30 + seed as usize * 5).heap();
        let mut order = Section::ALL.to_vec();
        for at in (1..order.len()).rev() {
            order.swap(at, random.below(at + 1));
        }
        let writing = Writing { order: order.clone(), ..Writing::default() };
        let bytes = heap.to_bytes_with(&writing);
        let whole = Whole::read(&bytes);
        assert_eq!(difference(&whole.graph, &read(&heap.to_bytes()).expect("V8's order")), None);
        for _ in 0..60 {
            let cut = random.below(bytes.len());
            if let Ok(part) = salvage(&bytes[..cut])
                && !part.missing().is_nothing()
            {
                check_prefix(&whole, &part, cut, &format!("cut at {cut}, {order:?}"));
                let mut again = Vec::new();
                heap_graph::write(&part, &mut again).expect("memory can be written");
            }
        }
    }
}

#[test]
fn edge_counts_that_lie_are_refused_although_the_file_was_cut() {
    let heap = RandomHeap { layout: Layout::node22(), ..RandomHeap::new(5, 60) }.heap();
    // The fifth number of the first node is its edge_count.
    let bytes = heap.to_bytes_with(&Writing::patched(Section::Nodes, 4, "50"));
    let text = String::from_utf8_lossy(&bytes);
    for section in ["\"edges\"", "\"strings\""] {
        let cut = text.find(section).expect("the section is there") + 30;
        let error = salvage(&bytes[..cut]).map(|_| ()).expect_err("the counts do not add up").to_string();
        assert!(error.contains("the edge_count of all nodes add up to"), "{error}");
    }
}

#[test]
fn names_come_from_a_whole_snapshot_by_id_and_type() {
    for random in random_heaps(40, 120).filter(|random| random.nodes > 20) {
        let bytes = random.heap().to_bytes();
        let whole = read(&bytes).expect("a good heap");
        let strings = bytes.windows(9).rposition(|window| window == b"\"strings\"").expect("strings");
        let mut part = salvage(&bytes[..strings + 14]).expect("all but the strings is there");
        let nameless = part.nodes().filter(|&node| !part.has_name(node)).count();
        assert!(nameless > 0);
        let ids: std::collections::HashSet<u64> = whole.nodes().map(|node| whole.id(node)).collect();
        let named = part.take_names_from(&whole);
        assert!(part.nodes().filter(|&node| !part.has_name(node)).count() == nameless - named);
        if ids.len() == whole.node_count() {
            assert_eq!(named, nameless, "{random:?}");
            for node in whole.nodes() {
                assert_eq!(part.name(node), whole.name(node), "{node:?}, {random:?}");
            }
        }
        // No edge has taken a name that it did not have.
        for edge in part.nodes().flat_map(|node| part.edges(node)) {
            let name = part.edge_name(&edge).to_string();
            let theirs = whole.edge_name(&edge).to_string();
            assert!(name.is_empty() || name == theirs, "{edge:?} {name} {theirs}");
        }
    }
    let mut other = test_heaps::TestHeap::new(Layout::node22());
    other.node("synthetic", "", 1, 0);
    other.node("closure", "of another type", 3, 8);
    let mut heap = test_heaps::TestHeap::new(Layout::node22());
    let root = heap.node("synthetic", "", 1, 0);
    let object = heap.node("object", "Foo", 3, 8);
    heap.edge(root, "shortcut", "global", object);
    let bytes = heap.to_bytes();
    let strings = bytes.windows(9).position(|window| window == b"\"strings\"").expect("strings");
    let mut part = salvage(&bytes[..strings]).expect("all but the strings is there");
    let other = read(&other.to_bytes()).expect("a good heap");
    assert_eq!(part.take_names_from(&other), 1, "only the root is of one type in both");
    assert!(!part.has_name(NodeIndex(1)));
}
