//! What an accumulation point is, and what grows in it.

use heap_graph::{EdgeKind, EdgeName, NodeIndex, NodeKind};
use rustc_hash::FxHashMap;

use super::{GraphView, position};
use crate::evidence::{CollectionKind, FunctionPosition, Growing};

/// Things that are looked at to tell what grows; the last ones, which are the newest in most collections.
const SAMPLE: usize = 48;

/// The collection itself, when `node` is its backing store.
pub(super) fn collection(view: &GraphView<'_>, node: NodeIndex) -> NodeIndex {
    let graph = view.graph;
    if graph.kind(node) != NodeKind::Array {
        return node;
    }
    let owners = (view.retainers)(node);
    let owner = owners.into_iter().find(|owner| {
        graph.edges(*owner).any(|edge| {
            let store = matches!(
                graph.edge_name(&edge),
                EdgeName::Name("elements" | "properties" | "table" | "backing_store")
            );
            edge.to == node && edge.kind == EdgeKind::Internal && store
        })
    });
    owner.unwrap_or(node)
}

/// The kind of a collection.
pub(super) fn kind(view: &GraphView<'_>, node: NodeIndex) -> CollectionKind {
    let graph = view.graph;
    match graph.kind(node) {
        NodeKind::String | NodeKind::ConcatenatedString | NodeKind::SlicedString => {
            return CollectionKind::Text;
        }
        NodeKind::Object => {}
        _ => return CollectionKind::Unknown,
    }
    match graph.name(node) {
        "Array" => CollectionKind::Array,
        "Map" | "SafeMap" => CollectionKind::Map,
        "Set" | "SafeSet" => CollectionKind::Set,
        "WeakMap" | "WeakSet" => CollectionKind::Weak,
        "Promise" => CollectionKind::Promise,
        "Object" if links_to_own_kind(view, node) => CollectionKind::LinkedList,
        "Object" => CollectionKind::Dictionary,
        "system / Context" => CollectionKind::Unknown,
        _ if links_to_own_kind(view, node) => CollectionKind::LinkedList,
        _ if has_children(view, node, "elements") => CollectionKind::Array,
        _ if has_children(view, node, "table") => CollectionKind::Map,
        _ => CollectionKind::Instance,
    }
}

/// Whether a node is a promise.
pub(super) fn is_promise(view: &GraphView<'_>, node: NodeIndex) -> bool {
    view.graph.kind(node) == NodeKind::Object && view.graph.name(node) == "Promise"
}

/// A subclass of a built-in collection has its store.
fn has_children(view: &GraphView<'_>, node: NodeIndex, store: &str) -> bool {
    let found = view.graph.child(node, EdgeKind::Internal, store);
    found.is_some_and(|found| view.graph.edges(found).len() > 8)
}

/// Whether a property leads to an object of the same class and the same properties, and on from there.
fn links_to_own_kind(view: &GraphView<'_>, node: NodeIndex) -> bool {
    let graph = view.graph;
    graph.edges(node).filter(|edge| edge.kind == EdgeKind::Property).any(|edge| {
        let EdgeName::Name(name) = graph.edge_name(&edge) else { return false };
        if matches!(name, "__proto__" | "constructor") || graph.name(edge.to) != graph.name(node) {
            return false;
        }
        let onwards = graph.child(edge.to, EdgeKind::Property, name);
        onwards.is_some_and(|next| graph.name(next) == graph.name(node) && next != node)
    })
}

/// What the newest things in a collection look like.
pub(super) fn growing(view: &GraphView<'_>, node: NodeIndex) -> Growing {
    let graph = view.graph;
    let members = members(view, node);
    let start = members.len().saturating_sub(SAMPLE);
    let mut classes: FxHashMap<&str, (usize, NodeIndex)> = FxHashMap::default();
    let mut functions = Vec::new();
    for member in &members[start..] {
        match graph.kind(*member) {
            NodeKind::Object => {
                let entry = classes.entry(graph.name(*member)).or_insert((0, *member));
                entry.0 += 1;
                for edge in graph.edges(*member).filter(|edge| edge.kind == EdgeKind::Property) {
                    if graph.kind(edge.to) == NodeKind::Closure && is_callback(view, &edge) {
                        functions.extend(position(graph.location(edge.to)));
                    }
                }
            }
            NodeKind::Closure => functions.extend(position(graph.location(*member))),
            _ => {}
        }
    }
    functions.sort_unstable();
    functions.dedup();
    let most = classes.into_iter().max_by_key(|(_, (count, first))| (*count, std::cmp::Reverse(*first)));
    let Some((class, (_, example))) = most else { return Growing { functions, ..Growing::default() } };
    Growing {
        class_name: Some(class.to_owned()),
        constructor: position(graph.location(example)),
        fields: fields(view, example),
        functions,
        brought_by: Vec::new(),
    }
}

fn is_callback(view: &GraphView<'_>, edge: &heap_graph::Edge) -> bool {
    matches!(
        view.graph.edge_name(edge),
        EdgeName::Name("listener" | "callback" | "_onTimeout" | "handler" | "fn" | "cb" | "func")
    )
}

/// Functions of the application that `thing` keeps: near it, and made no earlier than `since`.
pub(super) fn kept_functions(view: &GraphView<'_>, thing: NodeIndex, since: u64) -> Vec<FunctionPosition> {
    const DEEP: u32 = 5;
    const MANY: usize = 400;
    let graph = view.graph;
    let mut found = Vec::new();
    let mut seen = vec![thing];
    let mut at = 0;
    let mut end_of_level = 1;
    let mut depth = 0;
    while at < seen.len() && depth <= DEEP {
        let node = seen[at];
        let place = graph
            .location(node)
            .filter(|place| graph.kind(node) == NodeKind::Closure && !(view.is_library)(place.script_id));
        if let Some(place) = position(place)
            && !found.contains(&place)
        {
            found.push(place);
        }
        for edge in graph.edges(node) {
            let is_new = graph.id(edge.to) > since;
            let is_way = !matches!(edge.kind, EdgeKind::Weak | EdgeKind::Invisible | EdgeKind::Shortcut);
            if is_new && is_way && seen.len() < MANY && !seen.contains(&edge.to) {
                seen.push(edge.to);
            }
        }
        at += 1;
        if at == end_of_level {
            end_of_level = seen.len();
            depth += 1;
        }
    }
    found
}

/// Classes of the new objects above `thing`.
pub(super) fn brought_by(view: &GraphView<'_>, thing: NodeIndex, since: u64) -> Vec<String> {
    const MANY: usize = 300;
    let graph = view.graph;
    let mut classes: Vec<String> = Vec::new();
    let mut seen = vec![thing];
    let mut at = 0;
    while at < seen.len() {
        let node = seen[at];
        at += 1;
        for holder in (view.retainers)(node).into_iter().take(MANY) {
            let is_new = graph.kind(holder) != NodeKind::Synthetic && graph.id(holder) > since;
            let holds = |edge: &heap_graph::Edge| {
                edge.to == node
                    && !matches!(edge.kind, EdgeKind::Weak | EdgeKind::Invisible | EdgeKind::Shortcut)
            };
            if !is_new
                || seen.len() >= MANY
                || seen.contains(&holder)
                || !graph.edges(holder).any(|e| holds(&e))
            {
                continue;
            }
            seen.push(holder);
            let name = graph.name(holder);
            if graph.kind(holder) == NodeKind::Object && !classes.iter().any(|known| known == name) {
                classes.push(name.to_owned());
            }
        }
    }
    classes
}

fn members(view: &GraphView<'_>, node: NodeIndex) -> Vec<NodeIndex> {
    let graph = view.graph;
    let mut found = Vec::new();
    let add = |found: &mut Vec<NodeIndex>, from: NodeIndex, kinds: &[EdgeKind]| {
        for edge in graph.edges(from).filter(|edge| kinds.contains(&edge.kind)) {
            let skip =
                matches!(graph.edge_name(&edge), EdgeName::Name("__proto__" | "map" | "elements" | "table"));
            if !skip {
                found.push(edge.to);
            }
        }
    };
    if let Some(table) = graph.child(node, EdgeKind::Internal, "table") {
        add(&mut found, table, &[EdgeKind::Internal, EdgeKind::Element, EdgeKind::Hidden]);
    } else {
        add(&mut found, node, &[EdgeKind::Element, EdgeKind::Property]);
    }
    found
}

fn fields(view: &GraphView<'_>, node: NodeIndex) -> Vec<String> {
    let graph = view.graph;
    let mut names: Vec<String> = graph
        .edges(node)
        .filter(|edge| edge.kind == EdgeKind::Property)
        .filter_map(|edge| match graph.edge_name(&edge) {
            EdgeName::Name(name) if name != "__proto__" => Some(name.to_owned()),
            _ => None,
        })
        .take(32)
        .collect();
    names.dedup();
    names
}
