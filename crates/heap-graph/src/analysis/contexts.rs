//! Which realm (native context) memory belongs to, as DevTools attributes it
//! (`calculateNativeContextAttribution`): the main program, or one of the contexts of `vm`.

use super::Analysis;
use crate::bits::BitSet;
use crate::graph::{HeapGraph, NodeIndex};
use crate::kinds::EdgeKind;

const NONE: u32 = u32::MAX;
const SHARED: u32 = u32::MAX - 1;

/// Whom a node belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContextOwner {
    /// No native context reaches it.
    None,
    /// Several do.
    Shared,
    /// This one.
    Context(NodeIndex),
}

/// Sizes of one native context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextSize {
    /// The native context.
    pub node: NodeIndex,
    /// Shallow sizes of all that belongs to it, in bytes.
    pub attributed_size: u64,
    /// What it retains, in bytes.
    pub retained_size: u64,
    /// Its own shallow size, in bytes.
    pub shallow_size: u64,
}

/// The owner of every node.
pub struct NativeContexts {
    owners: Vec<u32>,
    contexts: Vec<NodeIndex>,
}

fn is_native_context(graph: &HeapGraph, node: NodeIndex) -> bool {
    let name = graph.name(node);
    let name = name.strip_prefix("Detached ").unwrap_or(name);
    name == "system / NativeContext" || name.starts_with("system / NativeContext / ")
}

impl NativeContexts {
    /// Attributes every node: first those whose map's map names its native context, then what these reach
    /// without shortcuts and weak edges. What two of them reach is shared.
    pub fn new(graph: &HeapGraph) -> NativeContexts {
        let mut owners = vec![NONE; graph.node_count()];
        let mut fixed = BitSet::new(graph.node_count());
        let names: BitSet = native_context_names(graph);
        let is_context = |node: NodeIndex| names.contains(graph.name_index(node) as usize);
        let maps = maps(graph);
        let mut contexts = Vec::new();
        for node in graph.nodes() {
            let owner = if is_context(node) {
                contexts.push(node);
                Some(node.0)
            } else {
                let map = maps[node.index()];
                let meta_map = if map == NONE { NONE } else { maps[map as usize] };
                if meta_map == NONE {
                    None
                } else {
                    native_context_of(graph, NodeIndex(meta_map), &is_context)
                }
            };
            if let Some(owner) = owner {
                owners[node.index()] = owner;
                fixed.set(node.index());
            }
        }
        spread(graph, &mut owners, &fixed);
        NativeContexts { owners, contexts }
    }

    /// Whom a node belongs to.
    pub fn owner(&self, node: NodeIndex) -> ContextOwner {
        match self.owners[node.index()] {
            NONE => ContextOwner::None,
            SHARED => ContextOwner::Shared,
            context => ContextOwner::Context(NodeIndex(context)),
        }
    }

    /// Sizes of each native context, of what several share, and of what belongs to none.
    pub fn sizes(&self, analysis: &Analysis) -> (Vec<ContextSize>, u64, u64) {
        let mut sums = rustc_hash::FxHashMap::<u32, u64>::default();
        for (node, &owner) in self.owners.iter().enumerate() {
            *sums.entry(owner).or_default() += analysis.shallow.get(node);
        }
        let size = |&node: &NodeIndex| ContextSize {
            node,
            attributed_size: sums.get(&node.0).copied().unwrap_or(0),
            retained_size: analysis.retained_size(node),
            shallow_size: analysis.shallow_size(node),
        };
        let rest = |owner| sums.get(&owner).copied().unwrap_or(0);
        (self.contexts.iter().map(size).collect(), rest(SHARED), rest(NONE))
    }
}

/// Names of native contexts among the strings.
fn native_context_names(graph: &HeapGraph) -> BitSet {
    let mut names = BitSet::new(graph.strings().len());
    for index in graph.strings().containing("system / NativeContext") {
        let name = graph.strings().get(index).unwrap_or("");
        let plain = name.strip_prefix("Detached ").unwrap_or(name);
        if plain == "system / NativeContext" || plain.starts_with("system / NativeContext / ") {
            names.set(index as usize);
        }
    }
    names
}

/// The first internal edge `map` of every node.
fn maps(graph: &HeapGraph) -> Vec<u32> {
    let mut maps = vec![NONE; graph.node_count()];
    let Some(name) = graph.strings().find("map") else { return maps };
    for node in graph.nodes() {
        let is_map = |edge: &crate::Edge| edge.kind == EdgeKind::Internal && edge.name_or_index == name;
        maps[node.index()] = graph.edges(node).find(is_map).map_or(NONE, |edge| edge.to.0);
    }
    maps
}

fn native_context_of(
    graph: &HeapGraph,
    map: NodeIndex,
    is_context: &impl Fn(NodeIndex) -> bool,
) -> Option<u32> {
    graph
        .edges(map)
        .filter(|edge| edge.kind == EdgeKind::Internal)
        .find(|edge| graph.edge_name(edge) == crate::EdgeName::Name("native_context") && is_context(edge.to))
        .map(|edge| edge.to.0)
}

fn spread(graph: &HeapGraph, owners: &mut [u32], fixed: &BitSet) {
    let mut queue: Vec<u32> = fixed.iter().map(|node| node as u32).collect();
    while let Some(node) = queue.pop() {
        // The outcome does not depend on the order: an owner only ever goes from none to one to shared.
        let current = owners[node as usize];
        let range = graph.nodes.edges.range(node as usize);
        for edge in range.start as usize..range.end as usize {
            let kind = graph.edges.kind[edge];
            let to = graph.edges.to[edge];
            if kind == EdgeKind::Shortcut as u8
                || kind == EdgeKind::Weak as u8
                || to == node
                || fixed.get(to as usize)
            {
                continue;
            }
            let owner = &mut owners[to as usize];
            let merged = match *owner {
                NONE => current,
                same if same == current => same,
                _ => SHARED,
            };
            if merged != *owner {
                *owner = merged;
                queue.push(to);
            }
        }
    }
}

impl HeapGraph {
    /// Whether the node is a native context: the global state of one realm.
    pub fn is_native_context(&self, node: NodeIndex) -> bool {
        is_native_context(self, node)
    }

    /// Whether the node is a scope with variables (`isContextObject`).
    pub fn is_context(&self, node: NodeIndex) -> bool {
        let name = self.name(node);
        name == "system / Context" || name.starts_with("system / Context / ")
    }
}
