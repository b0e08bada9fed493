//! Scopes that several functions share: each of them keeps alive what any of them uses.

use std::collections::HashMap;

use heap_graph::{EdgeKind, NodeIndex, NodeKind};
use serde::Serialize;

use super::{NodeRef, Reference, View};

/// A variable of a scope.
#[derive(Clone, Debug, Serialize)]
pub struct Variable {
    /// The variable.
    pub edge: Reference,
    /// Its value.
    pub node: NodeRef,
}

/// A scope, and who shares it.
#[derive(Clone, Debug, Serialize)]
pub struct SharedScope {
    /// The scope.
    pub node: NodeRef,
    /// Functions that keep it alive.
    pub function_count: u64,
    /// The first few.
    pub functions: Vec<NodeRef>,
    /// The variables that retain most.
    pub variables: Vec<Variable>,
}

const FEW: usize = 3;

/// Scopes that two functions or more share, those that retain most first. The scopes of realms and scripts are
/// shared by all functions, and left out.
pub(crate) fn shared_scopes(view: &View<'_>, top: usize) -> Vec<SharedScope> {
    let (graph, analysis) = (view.graph, view.analysis);
    let mut functions: HashMap<NodeIndex, (u64, [Option<NodeIndex>; FEW])> = HashMap::new();
    for node in graph.nodes().filter(|&node| graph.kind(node) == NodeKind::Closure) {
        let Some(scope) = graph.child(node, EdgeKind::Internal, "context") else { continue };
        if !graph.is_context(scope) || graph.is_native_context(scope) {
            continue;
        }
        let (count, first) = functions.entry(scope).or_default();
        if let Some(slot) = first.get_mut(*count as usize) {
            *slot = Some(node);
        }
        *count += 1;
    }
    let mut shared: Vec<_> = functions.into_iter().filter(|(_, (count, _))| *count > 1).collect();
    shared.sort_by_key(|(scope, _)| (std::cmp::Reverse(analysis.retained_size(*scope)), *scope));
    shared.truncate(top);
    let scope = |(node, (function_count, first)): (NodeIndex, (u64, [Option<NodeIndex>; FEW]))| SharedScope {
        node: view.node(node),
        function_count,
        functions: first.into_iter().flatten().map(|function| view.node(function)).collect(),
        variables: variables(view, node),
    };
    shared.into_iter().map(scope).collect()
}

fn variables(view: &View<'_>, scope: NodeIndex) -> Vec<Variable> {
    let mut edges: Vec<_> =
        view.graph.edges(scope).filter(|edge| edge.kind == EdgeKind::Context && edge.to != scope).collect();
    edges.sort_by_key(|edge| (std::cmp::Reverse(view.analysis.retained_size(edge.to)), edge.index));
    edges.truncate(FEW);
    edges.iter().map(|edge| Variable { edge: view.reference(edge), node: view.node(edge.to) }).collect()
}
