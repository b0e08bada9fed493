//! What several tests of the engine share.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod essential;

use std::ops::ControlFlow;

use heap_graph::{Analysis, HeapGraph, ReadError, ReadOptions};
use test_heaps::random::RandomHeap;
use test_heaps::{Layout, TestHeap};

pub(crate) fn read(bytes: &[u8]) -> Result<HeapGraph, ReadError> {
    read_with(bytes, false)
}

pub(crate) fn salvage(bytes: &[u8]) -> Result<HeapGraph, ReadError> {
    read_with(bytes, true)
}

fn read_with(bytes: &[u8], salvage: bool) -> Result<HeapGraph, ReadError> {
    let options = ReadOptions { size: Some(bytes.len() as u64), threads: 2, salvage };
    heap_graph::read(bytes, &options, &mut |_| ControlFlow::Continue(()))
}

pub(crate) fn analysis(graph: &HeapGraph) -> Analysis {
    Analysis::new(graph, &mut |_| ControlFlow::Continue(())).expect("a whole graph")
}

pub(crate) fn graph_of(heap: &TestHeap) -> HeapGraph {
    read(&heap.to_bytes()).expect("a heap as V8 writes it")
}

/// Random heaps of all layouts, the small ones first.
pub(crate) fn random_heaps(count: usize, most_nodes: usize) -> impl Iterator<Item = RandomHeap> {
    let layouts = Layout::all();
    (0..count).map(move |number| {
        let layout = layouts[number % layouts.len()].clone();
        let nodes = 1 + number * most_nodes / count;
        let edges_per_ten_nodes = [12, 22, 40][number % 3];
        RandomHeap { layout, edges_per_ten_nodes, ..RandomHeap::new(number as u64, nodes) }
    })
}

/// Says where two graphs differ; nothing if they are equal. `node_fields` are the writer's choice.
pub(crate) fn difference(a: &HeapGraph, b: &HeapGraph) -> Option<String> {
    if (a.node_count(), a.edge_count()) != (b.node_count(), b.edge_count()) {
        return Some(format!("{} nodes, {} edges", b.node_count(), b.edge_count()));
    }
    for node in a.nodes() {
        let all = |graph: &HeapGraph| {
            (
                (graph.kind(node), graph.kind_name(node).to_owned(), graph.name(node).to_owned()),
                (graph.id(node), graph.raw_self_size(node), graph.raw_detachedness(node)),
                graph.location(node),
                graph.traces().node_trace.get(node.index()).copied(),
            )
        };
        if all(a) != all(b) {
            return Some(format!("node {node:?}: {:?} and {:?}", all(a), all(b)));
        }
        for (x, y) in a.edges(node).zip(b.edges(node)) {
            if x != y || a.edge_name(&x) != b.edge_name(&y) {
                return Some(format!("edge of {node:?}: {x:?} and {y:?}"));
            }
        }
        if a.edges(node).len() != b.edges(node).len() {
            return Some(format!("edges of {node:?}"));
        }
    }
    let tables = |graph: &HeapGraph| {
        let header = graph.header();
        (
            graph.strings().iter().map(str::to_owned).collect::<Vec<_>>(),
            (header.extra_native_bytes, header.trace_function_count),
            (header.unknown_node_kinds.clone(), header.unknown_edge_kinds.clone()),
            graph.missing().clone(),
            graph.traces().clone(),
        )
    };
    (tables(a) != tables(b)).then(|| "strings, header or traces".to_owned())
}

/// Says where two analyses of one graph differ.
pub(crate) fn analysis_difference(graph: &HeapGraph, a: &Analysis, b: &Analysis) -> Option<String> {
    for node in graph.nodes() {
        let all = |analysis: &Analysis| {
            (
                analysis.shallow_size(node),
                analysis.retained_size(node),
                analysis.distance(node),
                analysis.dominator(node),
                analysis.class_key(analysis.class_of(node)).clone(),
                analysis.display_name(graph, node),
            )
        };
        if all(a) != all(b) {
            return Some(format!("{node:?}: {:?} and {:?}", all(a), all(b)));
        }
    }
    let same = a.class_rows() == b.class_rows()
        && a.interfaces() == b.interfaces()
        && a.statistics() == b.statistics();
    (!same).then(|| "rows, interfaces or statistics".to_owned())
}
