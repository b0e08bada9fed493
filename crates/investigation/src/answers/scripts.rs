//! Which file a script number stands for, as far as the snapshot itself tells.

use std::collections::HashMap;

use heap_graph::{EdgeKind, HeapGraph, NodeKind};

/// Names of scripts by V8's number: found where a function leads through its shared code to its script.
pub(crate) fn script_names(graph: &HeapGraph) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    for node in graph.nodes().filter(|&node| graph.kind(node) == NodeKind::Closure) {
        let Some(location) = graph.location(node) else { continue };
        if names.contains_key(&location.script_id) {
            continue;
        }
        let script = graph.child(node, EdgeKind::Internal, "shared").and_then(|shared| {
            ["script", "script_or_debug_info"]
                .into_iter()
                .find_map(|name| graph.child(shared, EdgeKind::Internal, name))
        });
        if let Some(script) = script
            && graph.kind(script) == NodeKind::Code
            && !graph.name(script).is_empty()
            && !graph.name(script).starts_with("system / ")
        {
            names.insert(location.script_id, graph.name(script).to_owned());
        }
    }
    names
}
