//! Which class each node belongs to, and the classes' sums (`calculateObjectNames`, `classKeyInternal`).

use rustc_hash::FxHashMap;

use super::detached::Detachedness;
use super::dominators::DominatorTree;
use super::interfaces::{self, InterfaceDefinition, Matcher};
use super::sizes::Sizes;
use crate::column::Column;
use crate::graph::{HeapGraph, Location, NodeIndex};
use crate::kinds::NodeKind;

/// What tells classes apart: the name and, for objects that have one, the place of their constructor, as two
/// constructors may share a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct ClassKey {
    /// The class's name as shown.
    pub name: String,
    /// Where the constructor stands.
    pub location: Option<Location>,
    /// Whether the name is the heap's own, not one that DevTools gives to a kind of node: objects of a class
    /// that somebody named `Function` are not V8's functions.
    #[serde(skip)]
    pub is_own_name: bool,
}

/// The class of each node.
#[derive(Clone, Default)]
pub(crate) struct ClassColumn {
    /// Number of the class of each node.
    pub(crate) class_of: Column<u32>,
    pub(crate) keys: Vec<ClassKey>,
}

/// One class of a snapshot, as a row of DevTools' Summary view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassRow {
    /// Number of the class ([`crate::Analysis::class_of`]).
    pub class: u32,
    /// Nodes with a shallow size above 0.
    pub count: u64,
    /// Their shallow sizes together, in bytes.
    pub shallow_size: u64,
    /// What would be freed with all of them, in bytes: nodes below another of the same class count once.
    pub retained_size: u64,
    /// The smallest distance of any of them.
    pub distance: i32,
}

impl ClassColumn {
    /// Sorts every node into its class. `definitions` are the interfaces to use for plain objects.
    pub(crate) fn new(
        graph: &HeapGraph,
        detached: &Detachedness,
        definitions: &[InterfaceDefinition],
    ) -> Self {
        let mut sorter = Sorter::default();
        let mut class_of = Vec::with_capacity(graph.node_count());
        let mut by_name = NameTable { graph, numbers: vec![0; graph.strings().len()], unnamed: 0 };
        let by_kind: Vec<Option<u32>> = (0..=u8::MAX).map(|code| sorter.fixed(graph, code)).collect();
        for (&kind, &name) in graph.nodes.kind.iter().zip(graph.nodes.name.iter()) {
            class_of.push(match by_kind[usize::from(kind)] {
                Some(class) => class,
                None => by_name.class(name, &mut sorter),
            });
        }
        for node in detached.renamed() {
            class_of[node.index()] =
                sorter.class(&markup_class(&format!("Detached {}", graph.name(node))), true, None);
        }
        let plain_names = interfaces::plain_object_names(graph);
        let mut matcher = Matcher::new(graph, definitions);
        let mut ranks = Vec::new();
        let classes: Vec<u32> =
            definitions.iter().map(|definition| sorter.class(&definition.name, false, None)).collect();
        for node in interfaces::plain_objects(graph, &plain_names) {
            if let Some(number) = matcher.matching(graph, node, &mut ranks) {
                class_of[node.index()] = classes[number as usize];
            }
        }
        sorter.split_by_location(graph, &mut class_of);
        ClassColumn { class_of: class_of.into(), keys: sorter.keys }
    }
}

/// Numbers classes.
#[derive(Default)]
struct Sorter {
    keys: Vec<ClassKey>,
    numbers: FxHashMap<ClassKey, u32>,
}

impl Sorter {
    fn class(&mut self, name: &str, is_own_name: bool, location: Option<Location>) -> u32 {
        let key = ClassKey { name: name.to_owned(), location, is_own_name };
        *self.numbers.entry(key).or_insert_with_key(|key| {
            self.keys.push(key.clone());
            (self.keys.len() - 1) as u32
        })
    }

    /// The class of all nodes of a type; `None` for types whose nodes are classed by name.
    fn fixed(&mut self, graph: &HeapGraph, code: u8) -> Option<u32> {
        let name = match NodeKind::from_code(code) {
            NodeKind::Object | NodeKind::Native => return None,
            NodeKind::Hidden => "(system)".to_owned(),
            NodeKind::Code => "(compiled code)".to_owned(),
            NodeKind::Closure => "Function".to_owned(),
            NodeKind::RegExp => "RegExp".to_owned(),
            NodeKind::Other => {
                let unknown = usize::from(code) - NodeKind::KNOWN.len();
                format!("({})", graph.header.unknown_node_kinds.get(unknown)?)
            }
            known => format!("({})", known.name()),
        };
        Some(self.class(&name, false, None))
    }

    /// Gives objects with a place a class of their own for each name and place.
    fn split_by_location(&mut self, graph: &HeapGraph, class_of: &mut [u32]) {
        let mut split: FxHashMap<(u32, Location), u32> = FxHashMap::default();
        let object = NodeKind::Object as u8;
        for (at, &node) in graph.locations.node.iter().enumerate() {
            if graph.nodes.kind.get(node as usize) != Some(&object) {
                continue;
            }
            let location = graph.location_at(at);
            let class = &mut class_of[node as usize];
            *class = *split.entry((*class, location)).or_insert_with(|| {
                let key = self.keys[*class as usize].clone();
                self.class(&key.name, key.is_own_name, Some(location))
            });
        }
    }
}

/// Classes of raw names, each looked up once.
struct NameTable<'a> {
    graph: &'a HeapGraph,
    /// Class plus one of each string; 0 where not yet known.
    numbers: Vec<u32>,
    /// Class plus one of nodes whose name was cut off.
    unnamed: u32,
}

impl NameTable<'_> {
    fn class(&mut self, name: u32, sorter: &mut Sorter) -> u32 {
        let graph = self.graph;
        let slot = self.numbers.get_mut(name as usize).unwrap_or(&mut self.unnamed);
        if *slot == 0 {
            let text = graph.strings().get(name).map_or("(name missing)".into(), markup_class);
            *slot = sorter.class(&text, true, None) + 1;
        }
        *slot - 1
    }
}

/// `<div id="a">` is shown as `<div>`, also when detached.
fn markup_class(name: &str) -> std::borrow::Cow<'_, str> {
    let from = if name.starts_with('<') {
        0
    } else if name.starts_with("Detached <") {
        10
    } else {
        return name.into();
    };
    match name[from..].find(' ') {
        Some(space) => format!("{}>", &name[..from + space]).into(),
        None => name.into(),
    }
}

/// Sums per class, in the order in which classes first appear.
pub(crate) fn class_rows(
    classes: &ClassColumn,
    shallow: &Sizes,
    retained: &Sizes,
    distances: &[i32],
    tree: &DominatorTree,
) -> Vec<ClassRow> {
    filtered_rows(classes, shallow, retained, distances, tree, &|_| true)
}

/// The same for some nodes only.
pub(crate) fn filtered_rows(
    classes: &ClassColumn,
    shallow: &Sizes,
    retained: &Sizes,
    distances: &[i32],
    tree: &DominatorTree,
    wanted: &impl Fn(NodeIndex) -> bool,
) -> Vec<ClassRow> {
    let mut rows: Vec<ClassRow> = Vec::new();
    let mut row_of = vec![u32::MAX; classes.keys.len()];
    for (node, &class) in classes.class_of.iter().enumerate() {
        let size = shallow.get(node);
        if size == 0 || !wanted(NodeIndex(node as u32)) {
            continue;
        }
        let slot = &mut row_of[class as usize];
        if *slot == u32::MAX {
            *slot = rows.len() as u32;
            let distance = distances[node];
            rows.push(ClassRow { class, count: 0, shallow_size: 0, retained_size: 0, distance });
        }
        let row = &mut rows[*slot as usize];
        row.count += 1;
        row.shallow_size += size;
        row.distance = row.distance.min(distances[node]);
    }
    add_retained(classes, shallow, retained, tree, wanted, |class, size| {
        rows[row_of[class as usize] as usize].retained_size += size;
    });
    rows
}

/// Walks the dominator tree and reports each node of shallow size above 0 that is not below another such node
/// of its class (`calculateClassesRetainedSize`).
fn add_retained(
    classes: &ClassColumn,
    shallow: &Sizes,
    retained: &Sizes,
    tree: &DominatorTree,
    wanted: &impl Fn(NodeIndex) -> bool,
    mut add: impl FnMut(u32, u64),
) {
    const NONE: u32 = u32::MAX;
    let count = tree.node_of.len();
    if count == 0 {
        return;
    }
    // Children as linked lists in the space of depth-first numbers.
    let mut first_child = vec![NONE; count];
    let mut next_sibling = vec![NONE; count];
    for number in (1..count as u32).rev() {
        let parent = tree.dominator[number as usize] as usize;
        next_sibling[number as usize] = first_child[parent];
        first_child[parent] = number;
    }
    let mut open = crate::bits::BitSet::new(classes.keys.len());
    // Numbers on the way down, and whether each one opened its class.
    let mut path: Vec<(u32, bool)> = Vec::new();
    let mut at = 0u32;
    loop {
        let node = NodeIndex(tree.node_of[at as usize]);
        let class = classes.class_of[node.index()];
        let counts = shallow.get(node.index()) != 0 && !open.get(class as usize) && wanted(node);
        if counts {
            add(class, retained.get(node.index()));
        }
        let child = first_child[at as usize];
        if child != NONE {
            if counts {
                open.set(class as usize);
            }
            path.push((at, counts));
            at = child;
            continue;
        }
        loop {
            let sibling = next_sibling[at as usize];
            if sibling != NONE {
                at = sibling;
                break;
            }
            let Some((parent, opened)) = path.pop() else { return };
            if opened {
                open.clear(classes.class_of[tree.node_of[parent as usize] as usize] as usize);
            }
            at = parent;
        }
    }
}
