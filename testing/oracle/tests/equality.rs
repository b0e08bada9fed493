//! heap-graph's numbers are DevTools' numbers: every node, every class and every change, on real and on random
//! heaps, as they were written and as heap-graph writes them.

mod support;

use std::path::{Path, PathBuf};

use devtools_oracle::Oracle;
use heap_graph::{Analysis, ClassKey, ClassedHeap, HeapGraph, Location, NodeIndex, diff, slice, write};
use support::{bag_difference, compare_all, read};
use test_heaps::fixtures::{Which, snapshot};
use test_heaps::random::{Random, RandomHeap};
use test_heaps::{Layout, nodes};

/// DevTools' key of a class.
fn key_text(key: &ClassKey) -> String {
    let ClassKey { name, location, .. } = key;
    match location {
        Some(Location { script_id, line, column }) => format!("{script_id},{line},{column},{name}"),
        None => format!(",{name}"),
    }
}

/// Names the first nodes and classes that differ.
fn differences(oracle: &Oracle, file: &Path, graph: &HeapGraph, analysis: &Analysis) -> Vec<String> {
    let mut found = node_differences(oracle, file, graph, analysis);
    let ours = analysis.class_rows().iter().map(|row| {
        let key = analysis.class_key(row.class);
        (
            key_text(key),
            key.name.clone(),
            row.count,
            row.shallow_size,
            row.retained_size,
            i64::from(row.distance),
        )
    });
    let theirs = oracle.aggregates(file).expect("an answer").into_iter();
    let theirs =
        theirs.map(|row| (row.key, row.name, row.count, row.shallow_size, row.retained_size, row.distance));
    found.extend(bag_difference("class", ours, theirs));
    found
}

fn node_differences(oracle: &Oracle, file: &Path, graph: &HeapGraph, analysis: &Analysis) -> Vec<String> {
    let rows = oracle.nodes(file).expect("an answer");
    assert_eq!(rows.len(), graph.node_count());
    let mut found = Vec::new();
    for (ordinal, theirs) in rows.iter().enumerate() {
        let node = NodeIndex(ordinal as u32);
        let ours = (
            (graph.id(node), graph.kind_name(node), analysis.class_name(node)),
            (graph.raw_self_size(node), graph.edges(node).len() as u32),
            (analysis.shallow_size(node), analysis.retained_size(node)),
            (analysis.distance(node), analysis.dominator(node).0),
        );
        let theirs = (
            (theirs.id, theirs.kind, theirs.class),
            (theirs.raw_self_size, theirs.edge_count),
            (theirs.self_size, theirs.retained_size),
            (theirs.distance, theirs.dominator),
        );
        if ours != theirs && found.len() < 5 {
            found.push(format!("node {ordinal}: ours {ours:?}, DevTools' {theirs:?}"));
        }
    }
    found
}

fn random_heaps() -> Vec<RandomHeap> {
    let layouts = Layout::all().into_iter().cycle();
    let random = layouts.take(64).enumerate().map(|(number, layout)| {
        let edges_per_ten_nodes = [22, 12, 40][number % 3];
        RandomHeap { layout, edges_per_ten_nodes, ..RandomHeap::new(number as u64, 10 + number * 7) }
    });
    random.collect()
}

fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), bytes).expect("the file can be written");
    file
}

fn written_graph(graph: &HeapGraph) -> tempfile::NamedTempFile {
    let mut bytes = Vec::new();
    write(graph, &mut bytes).expect("memory can be written");
    written(&bytes)
}

#[test]
fn real_snapshots_have_devtools_numbers() {
    compare_all(nodes::SUPPORTED.to_vec(), |oracle, version| {
        let file = snapshot(version, 7, Which::First).expect("a fixture");
        let (graph, analysis) = read(&file);
        differences(oracle, &file, &graph, &analysis)
    });
}

#[test]
fn random_heaps_have_devtools_numbers() {
    compare_all(random_heaps(), |oracle, random| {
        let file = written(&random.heap().to_bytes());
        let (graph, analysis) = read(file.path());
        differences(oracle, file.path(), &graph, &analysis)
    });
}

/// DevTools opens what heap-graph writes, and sees the numbers of the graph that was written.
#[test]
fn written_graphs_and_slices_have_the_same_numbers_in_devtools() {
    compare_all(random_heaps(), |oracle, random| {
        let (graph, analysis) = read(written(&random.heap().to_bytes()).path());
        let file = written_graph(&graph);
        let mut found = differences(oracle, file.path(), &graph, &analysis);
        let mut numbers = Random(random.seed);
        let wanted: Vec<NodeIndex> =
            (0..4).map(|_| NodeIndex(numbers.below(graph.node_count()) as u32)).collect();
        let file = written_graph(&slice(&graph, &wanted));
        let (part, numbers) = read(file.path());
        found.extend(differences(oracle, file.path(), &part, &numbers));
        found
    });
}

#[test]
fn a_written_real_snapshot_and_a_slice_of_it_open_in_devtools() {
    compare_all(vec![nodes::V18, nodes::V26], |oracle, version| {
        let (graph, analysis) = read(&snapshot(version, 7, Which::First).expect("a fixture"));
        let file = written_graph(&graph);
        let mut found = differences(oracle, file.path(), &graph, &analysis);
        let sessions = graph.nodes().filter(|&node| analysis.class_name(node) == "StableConfig");
        let wanted: Vec<NodeIndex> = sessions.take(100).collect();
        assert_eq!(wanted.len(), 100);
        let file = written_graph(&slice(&graph, &wanted));
        let (part, numbers) = read(file.path());
        found.extend(differences(oracle, file.path(), &part, &numbers));
        let count = part.nodes().filter(|&node| numbers.class_name(node) == "StableConfig").count();
        assert!(count >= 100, "{count}");
        found
    });
}

/// Classes are compared by their keys: for a class of which nothing is left DevTools shows the name that it had by
/// the interfaces of the earlier snapshot, though it counts by those of the later one.
fn diff_differences(oracle: &Oracle, before: &Path, after: &Path) -> Vec<String> {
    let ((old, old_numbers), (new, new_numbers)) = (read(before), read(after));
    let interfaces = new_numbers.interfaces();
    let rows = diff(
        &ClassedHeap::with(&old, &old_numbers, interfaces),
        &ClassedHeap::with(&new, &new_numbers, interfaces),
    );
    let fresh = diff(&ClassedHeap::new(&old, interfaces), &ClassedHeap::new(&new, interfaces));
    assert_eq!(rows, fresh, "an analysis saves work and changes nothing");
    let ours = rows.into_iter().map(|row| {
        let (count, size) = (row.count_delta(), row.size_delta());
        (
            key_text(&row.class),
            row.added_count,
            row.removed_count,
            row.added_size,
            row.removed_size,
            count,
            size,
        )
    });
    let theirs = oracle.diff(before, after).expect("an answer").into_iter().map(|row| {
        let (count, size) = (row.count_delta, row.size_delta);
        (row.key, row.added_count, row.removed_count, row.added_size, row.removed_size, count, size)
    });
    bag_difference("change of", ours, theirs)
}

#[test]
fn differences_of_real_snapshots_are_devtools() {
    compare_all(nodes::SUPPORTED.to_vec(), |oracle, version| {
        let file = |which| -> PathBuf { snapshot(version, 7, which).expect("a fixture") };
        diff_differences(oracle, &file(Which::First), &file(Which::Second))
    });
}

#[test]
fn differences_of_random_heaps_are_devtools() {
    let heaps = random_heaps();
    // Pairs of one layout: ids of both are the ordinals, so that they share most, under other classes.
    let pairs: Vec<_> = heaps.iter().zip(&heaps[8..]).map(|(a, b)| (a.clone(), b.clone())).collect();
    compare_all(pairs, |oracle, (before, after)| {
        let (before, after) = (written(&before.heap().to_bytes()), written(&after.heap().to_bytes()));
        diff_differences(oracle, before.path(), after.path())
    });
}
