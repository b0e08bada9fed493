//! Paths in words, and what kind of thing accumulates.

use std::fmt;

use super::holders::is_context;
use crate::graph::{EdgeName, HeapGraph, NodeIndex};
use crate::kinds::{EdgeKind, NodeKind};
use crate::paths::PathStep;

/// What kind of collection an accumulation point is, in the words of Node programmers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccumulationKind {
    /// Elements of an array.
    Array,
    /// Entries of a `Map`.
    Map,
    /// Members of a `Set`.
    Set,
    /// Entries of a `WeakMap`, held by their keys.
    WeakMap,
    /// Listeners of an event emitter or event target.
    Listeners,
    /// Timers that have not fired.
    Timers,
    /// Reactions that wait for a promise.
    Promise,
    /// Values in an `AsyncLocalStorage`.
    AsyncLocalStorage,
    /// Sockets, servers, workers and the like, which Node's native side holds.
    Handles,
    /// Modules that `require` keeps.
    RequireCache,
    /// Keys of a plain object.
    Dictionary,
    /// Something below a variable: a chain of objects, a growing string.
    Variable,
    /// Something below a property of an object.
    Field,
}

impl fmt::Display for AccumulationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AccumulationKind::Array => "array",
            AccumulationKind::Map => "Map",
            AccumulationKind::Set => "Set",
            AccumulationKind::WeakMap => "WeakMap",
            AccumulationKind::Listeners => "event listeners",
            AccumulationKind::Timers => "pending timers",
            AccumulationKind::Promise => "reactions of a promise",
            AccumulationKind::AsyncLocalStorage => "AsyncLocalStorage",
            AccumulationKind::Handles => "native handles",
            AccumulationKind::RequireCache => "require cache",
            AccumulationKind::Dictionary => "keys of an object",
            AccumulationKind::Variable => "variable",
            AccumulationKind::Field => "field",
        })
    }
}

/// Says what kind of collection `holder` is, from itself and the ways to and from it.
pub fn accumulation_kind(
    graph: &HeapGraph,
    holder: NodeIndex,
    path: &[PathStep],
    inside: &[PathStep],
) -> AccumulationKind {
    let near = |wanted: &[&str]| {
        let last = path.iter().rev().take(3).chain(inside.iter().take(3));
        last.into_iter()
            .any(|step| matches!(graph.edge_name(&step.edge), EdgeName::Name(name) if wanted.contains(&name)))
    };
    if near(&["_events"]) {
        return AccumulationKind::Listeners;
    }
    let near_nodes = || path.iter().rev().take(2).chain(inside.iter().take(2)).map(|step| step.node);
    let class_near = |wanted: &[&str]| near_nodes().any(|node| wanted.contains(&graph.name(node)));
    match graph.name(holder) {
        "Map" => return AccumulationKind::Map,
        "Set" => return AccumulationKind::Set,
        "WeakMap" | "WeakSet" => return AccumulationKind::WeakMap,
        "TimersList" | "Timeout" | "PriorityQueue" => return AccumulationKind::Timers,
        "Promise" => return AccumulationKind::Promise,
        "AsyncLocalStorage" | "AsyncContextFrame" => return AccumulationKind::AsyncLocalStorage,
        _ => {}
    }
    if class_near(&["TimersList"]) {
        return AccumulationKind::Timers;
    }
    if near(&["reactions_or_result"]) {
        return AccumulationKind::Promise;
    }
    if near(&["_cache"]) && class_near(&["Module"]) {
        return AccumulationKind::RequireCache;
    }
    let first = inside.first().map(|step| graph.edge_name(&step.edge));
    match (graph.name(holder), first) {
        ("Array", _) => AccumulationKind::Array,
        _ if is_context(graph, holder) => AccumulationKind::Variable,
        _ => by_first_edge(graph, inside),
    }
}

/// An object whose keys vary is a dictionary; one field that leads to everything is a field.
fn by_first_edge(graph: &HeapGraph, inside: &[PathStep]) -> AccumulationKind {
    let Some(step) = inside.first() else { return AccumulationKind::Field };
    let properties = graph.edges(step.node).filter(|edge| edge.kind == EdgeKind::Property).count();
    match (step.edge.kind, graph.edge_name(&step.edge)) {
        (EdgeKind::Element, _) => AccumulationKind::Array,
        (EdgeKind::Internal, EdgeName::Name("elements")) => AccumulationKind::Array,
        (EdgeKind::Internal, EdgeName::Name("table")) => AccumulationKind::Map,
        (EdgeKind::Internal, EdgeName::Name("properties")) => AccumulationKind::Dictionary,
        (EdgeKind::Property, _) if properties > 50 => AccumulationKind::Dictionary,
        _ => AccumulationKind::Field,
    }
}

/// One step in the notation that people know: `.name`, `[7]`, `variable name`, `{internal}`.
fn step_text(graph: &HeapGraph, step: &PathStep, indices: bool) -> Option<String> {
    let name = graph.edge_name(&step.edge);
    if let [name] = graph.block_variable(step.node, &step.edge).as_slice() {
        return Some(format!("variable {name}"));
    }
    Some(match (step.edge.kind, name) {
        (EdgeKind::Element, EdgeName::Index(index)) if indices => format!("[{index}]"),
        (EdgeKind::Element | EdgeKind::Hidden, _) => "[]".to_owned(),
        (EdgeKind::Context, name) => format!("variable {name}"),
        (EdgeKind::Property, name) => format!(".{name}"),
        (EdgeKind::Internal, EdgeName::Name("elements" | "properties" | "table")) => return None,
        (EdgeKind::Internal, EdgeName::Name(name)) if name.contains(" / part of key (") => {
            "{WeakMap entry}".to_owned()
        }
        // Slots of hash tables are numbered.
        (_, EdgeName::Name(name)) if !indices && name.bytes().all(|byte| byte.is_ascii_digit()) => {
            "{}".to_owned()
        }
        (_, name) => format!("{{{name}}}"),
    })
}

/// A node on a path: its class or V8's word for it; nothing for backing stores.
fn node_text(graph: &HeapGraph, node: NodeIndex) -> Option<String> {
    match graph.kind(node) {
        NodeKind::Array => None,
        NodeKind::Closure if graph.name(node).is_empty() => Some("(anonymous function)".to_owned()),
        NodeKind::Closure => Some(format!("{}()", graph.name(node))),
        NodeKind::String | NodeKind::ConcatenatedString | NodeKind::SlicedString => Some("string".to_owned()),
        _ if is_context(graph, node) => Some("scope".to_owned()),
        _ if graph.name(node).is_empty() => None,
        _ => Some(graph.name(node).trim_end_matches(" / ").to_owned()),
    }
}

/// A path as one line: nodes and the edges between them, without V8's backing stores. A step that repeats
/// itself (the links of a chain) is told once, with a count.
pub fn describe_path(graph: &HeapGraph, path: &[PathStep]) -> String {
    let mut parts: Vec<(String, usize)> = Vec::new();
    let mut open = String::new();
    for step in path.iter().filter(|step| step.node != NodeIndex::ROOT) {
        if let Some(node) = node_text(graph, step.node) {
            open.push_str(&node);
        }
        let Some(edge) = step_text(graph, step, true) else { continue };
        open = format!("{open} {edge}").trim().to_owned();
        match parts.last_mut() {
            Some((last, count)) if *last == open => *count += 1,
            _ => parts.push((std::mem::take(&mut open), 1)),
        }
        open.clear();
    }
    let last = path.last().and_then(|step| node_text(graph, step.edge.to));
    open.push_str(&last.unwrap_or_default());
    parts.push((open, 1));
    let shown = parts.into_iter().filter(|(part, _)| !part.is_empty()).map(|(part, count)| match count {
        1 => part,
        count => format!("{part} (×{count})"),
    });
    shown.collect::<Vec<String>>().join(" → ")
}

/// The path by names alone: stable between runs, so that the same leak is known again. Elements lose their
/// index, strings their content, nodes their id; keys that look computed (digits, long, spaces) become `*`.
pub fn path_signature(graph: &HeapGraph, path: &[PathStep], inside: &[PathStep]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for step in path.iter().chain(inside) {
        if step.node == NodeIndex::ROOT {
            continue;
        }
        parts.extend(node_text(graph, step.node).map(stable));
        parts.extend(step_text(graph, step, false).map(stable));
    }
    parts.dedup();
    parts.join(" ")
}

fn stable(part: String) -> String {
    let computed = part.len() > 60 || part.chars().filter(char::is_ascii_digit).count() > 3;
    match part.chars().next() {
        Some('.') if computed => ".*".to_owned(),
        Some('{') if computed => "{*}".to_owned(),
        _ if computed => "*".to_owned(),
        _ => part,
    }
}
