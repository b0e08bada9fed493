//! Which property names were written by programmers, and which are data.
//!
//! A snapshot has one namespace for both: `user.name` and `sessions['8f2a…']` are two property edges. What tells them
//! apart is whether compiled code mentions the name, and how the object that has it keeps its properties.

use rustc_hash::FxHashSet;

use crate::graph::{HeapGraph, NodeIndex};
use crate::kinds::{EdgeKind, NodeKind};

/// Property names of a process of Node that runs nothing (18 to 26; `cargo xtask known-names` writes it): those of
/// JavaScript and of Node itself. One per line, sorted.
const OF_NODE: &str = include_str!("known_names.txt");

/// Levels of literals in literals that are followed below a constant pool.
const LITERAL_DEPTH: usize = 12;

/// How sure it is that a name was declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is a name of JavaScript, of Node, of a variable, a function or a script.
    Known,
    /// Compiled code mentions it, if only as a text.
    Mentioned,
    /// No code mentions it.
    Data,
}

/// The names that a heap's code declares.
pub(super) struct Declared<'a> {
    known: FxHashSet<&'a str>,
    mentioned: FxHashSet<&'a str>,
}

impl<'a> Declared<'a> {
    pub(super) fn new(graph: &'a HeapGraph) -> Self {
        let mut known: FxHashSet<&str> = OF_NODE.lines().collect();
        let mut mentioned = FxHashSet::default();
        for node in graph.nodes() {
            match graph.kind(node) {
                NodeKind::Closure | NodeKind::Code => {
                    known.insert(graph.name(node));
                    if graph.name(node) == "(constant pool)" {
                        mention(graph, node, &mut mentioned);
                    }
                }
                _ => {}
            }
            known.extend(
                graph
                    .edges(node)
                    .filter(|edge| edge.kind == EdgeKind::Context)
                    .filter_map(|edge| graph.strings().get(edge.name_or_index)),
            );
        }
        Declared { known, mentioned }
    }

    /// What is known of a property's name (of a symbol's: its text in the snapshot, `<symbol …>`).
    pub(super) fn standing(&self, name: &str) -> Standing {
        if self.known.contains(name) {
            Standing::Known
        } else if is_identifier(name) && self.mentioned.contains(name) {
            Standing::Mentioned
        } else {
            Standing::Data
        }
    }
}

/// The texts of a constant pool, and those of the object literals and classes in it.
fn mention<'a>(graph: &'a HeapGraph, pool: NodeIndex, mentioned: &mut FxHashSet<&'a str>) {
    let mut open = vec![(pool, 0)];
    while let Some((node, depth)) = open.pop() {
        for edge in graph.edges(node).filter(|edge| edge.kind != EdgeKind::Weak) {
            if graph.kind(edge.to) == NodeKind::String {
                mentioned.insert(graph.name(edge.to));
            } else if depth < LITERAL_DEPTH && is_literal(graph, edge.to) {
                open.push((edge.to, depth + 1));
            }
        }
    }
}

/// Whether a node describes an object literal or a class. Before Node 22 the descriptions have no name of their own.
fn is_literal(graph: &HeapGraph, node: NodeIndex) -> bool {
    match (graph.kind(node), graph.name(node)) {
        (NodeKind::Code, "") => true,
        (NodeKind::Code | NodeKind::Hidden | NodeKind::Array | NodeKind::ObjectShape, name) => matches!(
            name,
            "system / ObjectBoilerplateDescription"
                | "system / ClassBoilerplate"
                | "system / DescriptorArray"
                | "system / ScopeInfo"
                | "(object boilerplate description)"
                | "(class boilerplate)"
        ),
        _ => false,
    }
}

fn is_identifier(name: &str) -> bool {
    let is_letter = |c: char| c.is_alphabetic() || matches!(c, '_' | '$');
    let name = name.strip_prefix('#').unwrap_or(name);
    name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_numeric())
}

/// The names that an object's dictionary holds: what its backing store of properties refers to. Empty for objects with
/// a hidden class of their own, whose stores hold values only.
pub(super) fn dictionary_keys(graph: &HeapGraph, object: NodeIndex) -> FxHashSet<&str> {
    let store = graph.child(object, EdgeKind::Internal, "properties");
    let keys =
        store.into_iter().flat_map(|store| graph.edges(store)).filter(|edge| edge.kind != EdgeKind::Weak);
    keys.filter(|edge| graph.kind(edge.to) == NodeKind::String).map(|edge| graph.name(edge.to)).collect()
}
