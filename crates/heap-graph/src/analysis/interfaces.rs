//! Plain objects grouped by the properties they have, as DevTools infers "interfaces".
//!
//! An interface is a list of property names that enough plain objects begin with; its name is
//! `{a, b, c}`. A plain object belongs to the interface with the most properties that it has all of.
//! Sources: `inferInterfaceDefinitions` and `applyInterfaceDefinitions`.

use rustc_hash::FxHashMap;

use crate::graph::{HeapGraph, NodeIndex};
use crate::kinds::{EdgeKind, NodeKind};

/// Longest name, in UTF-16 units.
const MAX_NAME: usize = 120;
/// Fewest objects of an interface.
const MIN_OBJECTS: usize = 2;
/// An interface is at least this part of all plain objects (one in a thousand).
const MIN_PORTION: usize = 1000;

/// An interface: its name as shown, and its properties.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct InterfaceDefinition {
    /// `{a, b, c}`.
    pub name: String,
    /// Names of its properties, in the order of the objects that begin with them.
    pub properties: Vec<String>,
}

/// String indices of plain `Object` names; V8 has one.
pub(crate) fn plain_object_names(graph: &HeapGraph) -> Vec<u32> {
    let strings = graph.strings();
    strings.containing("Object").into_iter().filter(|&index| strings.get(index) == Some("Object")).collect()
}

/// All objects whose raw name is `Object`.
pub(crate) fn plain_objects<'a>(
    graph: &'a HeapGraph,
    names: &'a [u32],
) -> impl Iterator<Item = NodeIndex> + 'a {
    let object = NodeKind::Object as u8;
    let columns = graph.nodes.kind.iter().zip(graph.nodes.name.iter()).enumerate();
    columns
        .filter(move |(_, (kind, name))| **kind == object && names.contains(name))
        .map(|(node, _)| NodeIndex(node as u32))
}

/// Finds the interfaces of a snapshot, most frequent first.
pub(crate) fn infer(graph: &HeapGraph, plain_names: &[u32]) -> Vec<InterfaceDefinition> {
    let mut formatted = FormattedLengths::default();
    let mut candidates: FxHashMap<Vec<u32>, (usize, usize)> = FxHashMap::default();
    let mut total = 0;
    let mut properties = Vec::new();
    for node in plain_objects(graph, plain_names) {
        total += 1;
        leading_properties(graph, node, &mut formatted, &mut properties);
        if properties.is_empty() {
            continue;
        }
        match candidates.get_mut(properties.as_slice()) {
            Some((count, _)) => *count += 1,
            None => {
                let order = candidates.len();
                candidates.insert(properties.clone(), (1, order));
            }
        }
    }
    let mut sorted: Vec<_> = candidates.into_iter().collect();
    sorted.sort_unstable_by_key(|(_, (count, order))| (std::cmp::Reverse(*count), *order));
    let frequent = |count: usize| count >= MIN_OBJECTS && count * MIN_PORTION >= total;
    sorted
        .into_iter()
        .take_while(|(_, (count, _))| frequent(*count))
        .map(|(properties, _)| definition(graph, &properties))
        .collect()
}

/// The property names that an object's interface name would hold, into `properties`.
fn leading_properties(
    graph: &HeapGraph,
    node: NodeIndex,
    formatted: &mut FormattedLengths,
    properties: &mut Vec<u32>,
) {
    properties.clear();
    let mut length = 1;
    let range = graph.nodes.edges.view().range(node.index());
    let (kinds, names) = (&graph.edges.kind[range.clone()], &graph.edges.name[range]);
    for (&kind, &name) in kinds.iter().zip(names) {
        if kind != EdgeKind::Property as u8 {
            continue;
        }
        let Some(more) = formatted.of(graph, name) else { continue };
        if length > 1 && length + more > MAX_NAME {
            break;
        }
        length += more + if length > 1 { 2 } else { 0 };
        properties.push(name);
    }
}

/// Length of each property name as shown, in UTF-16 units; `None` for `__proto__`, which does not count.
#[derive(Default)]
struct FormattedLengths {
    known: FxHashMap<u32, Option<usize>>,
}

impl FormattedLengths {
    fn of(&mut self, graph: &HeapGraph, name: u32) -> Option<usize> {
        *self.known.entry(name).or_insert_with(|| {
            let text = graph.strings().get(name).unwrap_or("");
            (text != "__proto__").then(|| format_property(text).encode_utf16().count())
        })
    }
}

/// A property name inside an interface's name: quoted if it could be taken for something else.
pub(crate) fn format_property(name: &str) -> String {
    if name.contains([',', '\'', '"', '{', '}']) {
        serde_json::Value::from(name).to_string()
    } else {
        name.to_owned()
    }
}

fn definition(graph: &HeapGraph, properties: &[u32]) -> InterfaceDefinition {
    let properties: Vec<String> =
        properties.iter().map(|&name| graph.strings().get(name).unwrap_or("").to_owned()).collect();
    let shown: Vec<String> = properties.iter().map(|name| format_property(name)).collect();
    InterfaceDefinition { name: format!("{{{}}}", shown.join(", ")), properties }
}

/// Finds the interface of an object among given ones.
pub(crate) struct Matcher {
    /// Rank of a property name among all those of the definitions.
    rank_of: FxHashMap<u32, u32>,
    tree: Vec<TreeNode>,
    /// Outcomes by the ranks that an object has: objects of one shape are matched once.
    known: FxHashMap<Vec<u32>, Option<u32>>,
}

#[derive(Default)]
struct TreeNode {
    next: FxHashMap<u32, usize>,
    /// Number of properties and number of the definition that ends here.
    ends: Option<(usize, u32)>,
    greatest_next: Option<u32>,
}

impl Matcher {
    pub(crate) fn new(graph: &HeapGraph, definitions: &[InterfaceDefinition]) -> Self {
        let mut names: Vec<&str> = definitions
            .iter()
            .flat_map(|definition| definition.properties.iter().map(String::as_str))
            .collect();
        names.sort_unstable();
        names.dedup();
        let rank = |name: &str| names.binary_search(&name).map_or(u32::MAX, |rank| rank as u32);
        let mut matcher = Matcher {
            rank_of: FxHashMap::default(),
            tree: vec![TreeNode::default()],
            known: FxHashMap::default(),
        };
        if !names.is_empty() {
            for (index, string) in graph.strings().iter().enumerate() {
                if let Ok(rank) = names.binary_search(&string) {
                    matcher.rank_of.insert(index as u32, rank as u32);
                }
            }
        }
        for (number, definition) in definitions.iter().enumerate() {
            let mut ranks: Vec<u32> = definition.properties.iter().map(|name| rank(name)).collect();
            ranks.sort_unstable();
            matcher.add(&ranks, number as u32);
        }
        matcher
    }

    fn add(&mut self, ranks: &[u32], number: u32) {
        let mut at = 0;
        for &rank in ranks {
            at = match self.tree[at].next.get(&rank) {
                Some(&next) => next,
                None => {
                    let next = self.tree.len();
                    self.tree.push(TreeNode::default());
                    let node = &mut self.tree[at];
                    node.next.insert(rank, next);
                    node.greatest_next = node.greatest_next.max(Some(rank));
                    next
                }
            };
        }
        // Of two definitions with the same properties the earlier one counts.
        self.tree[at].ends.get_or_insert((ranks.len(), number));
    }

    /// Number of the definition that fits best; `None` if none does.
    pub(crate) fn matching(
        &mut self,
        graph: &HeapGraph,
        node: NodeIndex,
        ranks: &mut Vec<u32>,
    ) -> Option<u32> {
        ranks.clear();
        let range = graph.nodes.edges.view().range(node.index());
        let (kinds, names) = (&graph.edges.kind[range.clone()], &graph.edges.name[range]);
        for (&kind, name) in kinds.iter().zip(names) {
            if kind == EdgeKind::Property as u8
                && let Some(&rank) = self.rank_of.get(name)
            {
                ranks.push(rank);
            }
        }
        ranks.sort_unstable();
        if let Some(&known) = self.known.get(ranks.as_slice()) {
            return known;
        }
        let found = self.search(ranks);
        self.known.insert(ranks.clone(), found);
        found
    }

    fn search(&self, ranks: &[u32]) -> Option<u32> {
        let mut best: Option<(usize, u32)> = self.tree[0].ends;
        let mut states = vec![0usize];
        for &rank in ranks {
            let before = states.len();
            for at in 0..before {
                if let Some(&next) = self.tree[states[at]].next.get(&rank)
                    && !states.contains(&next)
                {
                    states.push(next);
                    best = better(best, self.tree[next].ends);
                }
            }
            // States from which no later property leads on are done.
            states.retain(|&state| self.tree[state].greatest_next.is_some_and(|greatest| rank < greatest));
        }
        best.map(|(_, number)| number)
    }
}

/// More properties win; of as many, the earlier definition.
fn better(a: Option<(usize, u32)>, b: Option<(usize, u32)>) -> Option<(usize, u32)> {
    let value = |entry: &(usize, u32)| (entry.0, std::cmp::Reverse(entry.1));
    a.into_iter().chain(b).max_by_key(value)
}
