//! Reads off what V8 calls the fields of its own objects, from a process that wrote a snapshot and left a core: the
//! snapshot names the edges, V8's list of objects in the core says where both ends of each lie, and the words of the
//! source say at which offset it holds the target.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Display};

use heap_graph::{EdgeKind, HeapGraph, ReadOptions};
use process_memory::{ProcessMemory, ReadExt};

use super::{Opened, objects_map};

/// Objects of one type that are looked at; more say the same.
const ENOUGH: usize = 4000;
/// How many of the edges of a name must agree on where they are, of a hundred.
const AGREED: usize = 95;

/// A name of edges, and whether they are weak.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Name {
    pub weak: bool,
    pub name: String,
}

/// What was read off of one instance type.
#[derive(Default, Debug)]
pub struct Row {
    /// How often V8's snapshot has it as which kind of node.
    kinds: BTreeMap<String, usize>,
    /// For each name how many edges were seen, and how many of them each offset explains.
    edges: BTreeMap<Name, (usize, BTreeMap<u64, usize>)>,
    objects: usize,
}

impl Row {
    /// The kind of node that most of them are.
    pub fn kind(&self) -> &str {
        self.kinds.iter().max_by_key(|(_, count)| **count).map_or("", |(kind, _)| kind)
    }

    /// Whether some of them are such nodes: what an object is may depend on who holds it.
    pub fn has_kind(&self, kind: &str) -> bool {
        self.kinds.contains_key(kind)
    }

    /// The offsets that explain the edges of each name: none where they lie elsewhere (in a table, behind a handle),
    /// several where all objects that were seen hold the same in two fields.
    pub fn fields(&self) -> impl Iterator<Item = (&Name, Vec<u64>)> {
        self.edges.iter().map(|(name, (seen, offsets))| {
            let agreed = offsets.iter().filter(|(_, count)| **count * 100 >= *seen * AGREED);
            (name, agreed.map(|(offset, _)| *offset).collect())
        })
    }
}

/// A row as `shapes.txt` has it; fields that may lie in one of several places have all of them, with `|`.
impl Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind().replace(' ', "-"))?;
        let mut fields: Vec<(Vec<u64>, &Name)> =
            self.fields().filter(|(_, offsets)| !offsets.is_empty()).map(|(name, at)| (at, name)).collect();
        fields.sort();
        for (offsets, Name { weak, name }) in fields {
            let offsets: Vec<String> = offsets.iter().map(u64::to_string).collect();
            write!(f, " {}{name}@{}", if *weak { "~" } else { "" }, offsets.join("|"))?;
        }
        Ok(())
    }
}

/// Rows by the number of the instance type, for the program of a known heap.
pub fn read(opened: &Opened) -> BTreeMap<u16, Row> {
    let heap = opened.heap();
    let bytes = std::fs::read(opened.made.file("known.heapsnapshot")).expect("V8's snapshot");
    let options = ReadOptions { size: Some(bytes.len() as u64), threads: 2, salvage: false };
    let graph = heap_graph::read(&bytes[..], &options, &mut |_| std::ops::ControlFlow::Continue(()))
        .expect("V8's snapshot");
    let list = objects_map::find(&opened.memory);
    let by_id: HashMap<u64, u64> = list.iter().map(|entry| (u64::from(entry.id), entry.address)).collect();
    let mut rows: BTreeMap<u16, Row> = BTreeMap::new();
    for node in graph.nodes() {
        let Some(&address) = by_id.get(&graph.id(node)) else { continue };
        let (Some(kind), Some(size)) = (heap.kind_of(address), heap.size_of(address)) else { continue };
        // Both agree, so it is the object that the snapshot saw.
        if graph.raw_self_size(node) != size {
            continue;
        }
        let row = rows.entry(kind).or_default();
        if row.objects == ENOUGH {
            continue;
        }
        row.objects += 1;
        *row.kinds.entry(graph.kind_name(node).to_owned()).or_default() += 1;
        let Ok(bytes) = (&opened.memory as &dyn ProcessMemory).bytes_at(address, size) else { continue };
        let words: Vec<u64> = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
        for (name, target) in named(&graph, node, &by_id) {
            let (seen, offsets) = row.edges.entry(name).or_default();
            *seen += 1;
            // A pointer ends in 1, a weak one in 3.
            let holds = |word: &u64| word & 1 == 1 && word & !3 == target;
            // The first word is the map of every object.
            for (at, _) in words.iter().enumerate().skip(1).filter(|(_, word)| holds(word)) {
                *offsets.entry(8 * at as u64).or_default() += 1;
            }
        }
    }
    rows
}

/// The edges that V8 names by fields of its own, with the addresses that they lead to.
fn named(graph: &HeapGraph, node: heap_graph::NodeIndex, by_id: &HashMap<u64, u64>) -> Vec<(Name, u64)> {
    let mut found = Vec::new();
    for edge in graph.edges(node) {
        let weak = match edge.kind {
            EdgeKind::Internal => false,
            EdgeKind::Weak => true,
            _ => continue,
        };
        let name = graph.edge_name(&edge).to_string();
        // Numbers and sentences are no fields.
        if name.is_empty() || name.contains(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
            continue;
        }
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        if let Some(&target) = by_id.get(&graph.id(edge.to)) {
            found.push((Name { weak, name }, target));
        }
    }
    found
}
