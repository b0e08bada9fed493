//! The graph of a core against the snapshot that V8 writes afterwards, when the program worked on and its collections
//! moved what was there: nothing is known by its address.

#![allow(clippy::print_stdout, reason = "how much was compared")]

mod common;

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use heap_graph::{Analysis, HeapGraph, NodeIndex, NodeKind, ReadOptions};
use postmortem::graph::{GraphOptions, graph};
use postmortem::heap::Liveness;
use test_heaps::cores::real_program_before;
use test_heaps::real_programs;

use common::open;

fn analysed(graph: &HeapGraph) -> Analysis {
    Analysis::new(graph, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// How many objects each class of the program has.
fn counts(graph: &HeapGraph) -> HashMap<&str, i64> {
    let mut counts = HashMap::new();
    for node in graph.nodes() {
        let name = graph.name(node);
        if graph.kind(node) == NodeKind::Object
            && !name.starts_with("system / ")
            && !name.starts_with("Node / ")
        {
            *counts.entry(name).or_default() += 1;
        }
    }
    counts
}

/// The objects of the program that retain most.
fn dominators(graph: &HeapGraph, analysis: &Analysis, most: usize) -> Vec<NodeIndex> {
    // The global object holds less where Node's own objects, which are not in cores' graphs, hold its parts too.
    let is_object = |node: &NodeIndex| {
        matches!(graph.kind(*node), NodeKind::Object | NodeKind::Closure | NodeKind::Array | NodeKind::String)
            && graph.name(*node) != "global"
    };
    let mut nodes: Vec<NodeIndex> = graph.nodes().filter(is_object).collect();
    nodes.sort_by_key(|node| std::cmp::Reverse(analysis.retained_size(*node)));
    nodes.truncate(most);
    nodes
}

#[test]
fn what_v8_writes_later_is_the_same_heap() {
    for program in real_programs::ALL {
        let name = format!("{} on {}", program.name, program.node);
        let opened = open(real_program_before(program.name, program.node).expect("a core"));
        let heap = opened.heap();
        let live = Liveness::mark(&heap);
        let ours =
            graph(&heap, &live, GraphOptions::default(), &mut |_, _| ControlFlow::Continue(())).unwrap();
        let bytes = std::fs::read(opened.made.file("known.heapsnapshot")).unwrap();
        let options = ReadOptions { size: Some(bytes.len() as u64), threads: 2, salvage: false };
        let mut theirs = heap_graph::read(&bytes[..], &options, &mut |_| ControlFlow::Continue(())).unwrap();
        let adopted = theirs.adopt_ids(&ours).unwrap();
        let (own, v8) = (analysed(&ours), analysed(&theirs));
        let (a, b) = (counts(&ours), counts(&theirs));
        let classes: HashSet<&str> = a.keys().chain(b.keys()).copied().collect();
        let of = |counts: &HashMap<&str, i64>, class: &str| counts.get(class).copied().unwrap_or(0);
        let mut different: Vec<_> = classes
            .into_iter()
            .map(|class| (of(&a, class), of(&b, class), class))
            .filter(|(a, b, _)| a != b)
            .collect();
        different.sort_by_key(|(a, b, class)| (-(a - b).abs(), *class));
        let objects: i64 = b.values().sum();
        let off: i64 = different.iter().map(|(a, b, _)| (a - b).abs()).sum();
        let by_id: HashMap<u64, NodeIndex> = ours.nodes().map(|node| (ours.id(node), node)).collect();
        let mut sizes = Vec::new();
        for node in dominators(&theirs, &v8, 100) {
            let size = v8.retained_size(node) as f64;
            match by_id.get(&theirs.id(node)) {
                Some(same) => sizes.push((own.retained_size(*same) as f64 / size, size, theirs.name(node))),
                None => sizes.push((0.0, size, theirs.name(node))),
            }
        }
        let close = sizes.iter().filter(|(ratio, ..)| (0.98..1.02).contains(ratio)).count();
        println!(
            "{name}: {} of {} nodes matched; {off} of {objects} objects more or less in {} classes; \
             {close} of {} retained sizes within 2 %",
            adopted.kept,
            theirs.node_count(),
            different.len(),
            sizes.len(),
        );
        for (a, b, class) in different.iter().take(10) {
            println!("  {class}: {a} here, {b} in V8's");
        }
        // The largest objects are the same ones.
        let largest = |graph: &HeapGraph, analysis: &Analysis| -> Vec<u64> {
            dominators(graph, analysis, 10).into_iter().map(|node| graph.id(node)).collect()
        };
        let (a, b) = (largest(&ours, &own), largest(&theirs, &v8));
        let both = a.iter().filter(|id| b.contains(id)).count();
        for (ratio, size, what) in sizes.iter().filter(|(ratio, ..)| !(0.98..1.02).contains(ratio)) {
            println!("  {what:.60}: {ratio:.2} of {size}");
        }
        assert!(adopted.kept * 100 > theirs.node_count() as u64 * 90, "{name}");
        // What was born and what died in between: vite's bindings let go of what they have when their finalizers run, which
        // may be before the core or behind it.
        let most = if program.name == "vite" { 5 } else { 1 };
        assert!(off * 100 <= most * objects && objects > 4000, "{name}");
        assert!(close >= 80 && both >= 6, "{name}: {both} of the ten largest");
    }
}
