//! heap-graph's numbers are DevTools' numbers: every node and every class, on real and on random heaps.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;

use devtools_oracle::Oracle;
use heap_graph::{Analysis, HeapGraph, NodeIndex, ReadOptions};
use test_heaps::fixtures::{Which, snapshot};
use test_heaps::random::RandomHeap;
use test_heaps::{Layout, cache_dir, nodes};

fn oracle() -> Oracle {
    Oracle::prepare(&cache_dir()).expect("the oracle can be installed")
}

/// Names the first nodes and classes that differ.
fn differences(oracle: &Oracle, file: &Path) -> Vec<String> {
    let source = File::open(file).expect("the snapshot is there");
    let graph = heap_graph::read(source, &ReadOptions::default(), &mut |_| ControlFlow::Continue(()))
        .expect("a snapshot that DevTools reads");
    let analysis = Analysis::new(&graph, &mut |_| ControlFlow::Continue(())).expect("a whole snapshot");
    let mut found = node_differences(oracle, file, &graph, &analysis);
    found.extend(class_differences(oracle, file, &analysis));
    found
}

fn node_differences(oracle: &Oracle, file: &Path, graph: &HeapGraph, analysis: &Analysis) -> Vec<String> {
    let rows = oracle.nodes(file).expect("an answer");
    assert_eq!(rows.len(), graph.node_count());
    let mut found = Vec::new();
    for (ordinal, theirs) in rows.iter().enumerate() {
        let node = NodeIndex(ordinal as u32);
        let ours = (
            graph.id(node),
            analysis.class_name(node),
            graph.raw_self_size(node),
            analysis.shallow_size(node),
            analysis.retained_size(node),
            analysis.distance(node),
            analysis.dominator(node).0,
        );
        let theirs = (
            theirs.id,
            theirs.class,
            theirs.raw_self_size,
            theirs.self_size,
            theirs.retained_size,
            theirs.distance,
            theirs.dominator,
        );
        if ours != theirs && found.len() < 5 {
            found.push(format!("node {ordinal}: ours {ours:?}, DevTools' {theirs:?}"));
        }
    }
    found
}

/// Name, count, shallow size, retained size, distance.
type ClassNumbers = (String, u64, u64, u64, i64);

fn class_differences(oracle: &Oracle, file: &Path, analysis: &Analysis) -> Vec<String> {
    let mut balance: BTreeMap<ClassNumbers, i32> = BTreeMap::new();
    for row in analysis.class_rows() {
        let name = analysis.class_key(row.class).name.clone();
        let numbers = (name, row.count, row.shallow_size, row.retained_size, i64::from(row.distance));
        *balance.entry(numbers).or_default() += 1;
    }
    for row in oracle.aggregates(file).expect("an answer") {
        let numbers = (row.name, row.count, row.shallow_size, row.retained_size, row.distance);
        *balance.entry(numbers).or_default() -= 1;
    }
    let only = |count: i32| if count > 0 { "only ours" } else { "only DevTools'" };
    let differ = balance.into_iter().filter(|(_, count)| *count != 0);
    differ.map(|(numbers, count)| format!("class {numbers:?}: {}", only(count))).take(8).collect()
}

#[test]
fn real_snapshots_have_devtools_numbers() {
    let oracle = oracle();
    for version in nodes::SUPPORTED {
        let file = snapshot(version, 7, Which::First).expect("a fixture");
        assert_eq!(differences(&oracle, &file), Vec::<String>::new(), "Node {version}");
    }
}

#[test]
fn random_heaps_have_devtools_numbers() {
    let oracle = oracle();
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    for (number, layout) in Layout::all().into_iter().cycle().take(24).enumerate() {
        let nodes = 10 + number * 12;
        let random = RandomHeap { layout, ..RandomHeap::new(number as u64, nodes) };
        std::fs::write(file.path(), random.heap().to_bytes()).expect("the file can be written");
        assert_eq!(differences(&oracle, file.path()), Vec::<String>::new(), "{random:?}");
    }
}
