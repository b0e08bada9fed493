//! What can be read can be analysed, and every answer printed.
#![no_main]

use std::fmt::Write;
use std::ops::ControlFlow;

use heap_graph::{Analysis, ReadOptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let options = ReadOptions { size: Some(bytes.len() as u64), threads: 1, salvage: true };
    let Ok(graph) = heap_graph::read(bytes, &options, &mut |_| ControlFlow::Continue(())) else { return };
    let mut printed = String::new();
    for node in graph.nodes() {
        let _ = write!(printed, "@{} {:?} {}", graph.id(node), graph.kind(node), graph.name(node));
        for edge in graph.edges(node) {
            let _ = write!(printed, " {} -> {}", graph.edge_name(&edge), edge.to.index());
        }
    }
    let Ok(analysis) = Analysis::new(&graph, &mut |_| ControlFlow::Continue(())) else { return };
    for node in graph.nodes() {
        let class = analysis.class_name(node);
        let (own, retained) = (analysis.shallow_size(node), analysis.retained_size(node));
        let dominator = analysis.dominator(node).index();
        let _ = write!(printed, "{class} {own} {retained} {} {dominator}", analysis.distance(node));
    }
    for row in analysis.class_rows() {
        let _ = write!(printed, "{row:?} {:?}", analysis.class_key(row.class));
    }
    let _ = write!(printed, "{:?} {:?}", analysis.interfaces(), analysis.statistics());
});
