//! Why the objects of a class are alive: their shortest paths, merged where they are alike.

use std::collections::HashMap;

use heap_graph::{Analysis, Edge, EdgeKind, HeapGraph, NodeIndex};
use serde::Serialize;

use super::node::is_string;
use super::{AnswerError, Reference};
use crate::open::{Heap, Progress};

/// A place on merged paths: objects of one class, reached alike.
#[derive(Clone, Debug, Serialize)]
pub struct Branch {
    /// How those above refer to these; indices are `*`, so are names that look computed.
    pub edge: Option<Reference>,
    /// Their class.
    pub class: String,
    /// Objects asked for that are reached through here.
    pub count: u64,
    /// Their shallow sizes together.
    pub shallow_size: u64,
    /// How many of these places are objects asked for themselves.
    pub here: u64,
    /// Branches below, in all.
    pub branch_count: usize,
    /// The branches with most objects.
    pub branches: Vec<Branch>,
}

/// Merged shortest paths.
#[derive(Clone, Debug, Serialize)]
pub struct ClassPaths {
    /// The class that was asked for.
    pub class: String,
    /// Its objects.
    pub count: u64,
    /// Objects that nothing holds.
    pub unreachable_count: u64,
    /// From the root.
    pub tree: Branch,
}

/// Answers how the roots reach the objects of a class. Keeps `top` branches at each place.
///
/// # Errors
/// If the heap can't be analysed or has no such class.
pub fn class_paths(
    heap: &Heap,
    class: &str,
    top: usize,
    progress: Progress<'_>,
) -> Result<ClassPaths, AnswerError> {
    let graph = heap.graph();
    let analysis = heap.analysis(progress)?;
    let is_asked: Vec<bool> =
        (0..analysis.class_count() as u32).map(|number| analysis.class_key(number).name == class).collect();
    let members: Vec<NodeIndex> =
        graph.nodes().filter(|&node| is_asked[analysis.class_of(node) as usize]).collect();
    if members.is_empty() {
        return Err(AnswerError::NoSuchClass { file: heap.name().to_owned(), name: class.to_owned() });
    }
    let parents = Parents::new(graph, analysis);
    let mut merged = Merged::new(graph, analysis, &parents);
    let mut unreachable_count = 0;
    for &member in &members {
        match merged.place(member) {
            Some(place) => merged.add(place, analysis.shallow_size(member)),
            None => unreachable_count += 1,
        }
    }
    merged.sum_up();
    let tree = merged.branch(top);
    Ok(ClassPaths { class: class.to_owned(), count: members.len() as u64, unreachable_count, tree })
}

const NONE: u64 = u64::MAX;

/// The best edge by which each node is reached: one pass over all edges. Asking the retainers of each node would
/// look through a large array once for each of its elements.
struct Parents {
    edge: Vec<u64>,
}

impl Parents {
    fn new(graph: &HeapGraph, analysis: &Analysis) -> Parents {
        let mut edge_of = vec![NONE; graph.node_count()];
        let mut score = vec![u64::MAX; graph.node_count()];
        for from in graph.nodes() {
            let own = analysis.distance(from);
            let closeness = if from == NodeIndex::ROOT { 0 } else { i64::from(own) + 1 };
            if closeness < 0 || (own < 0 && from != NodeIndex::ROOT) {
                continue;
            }
            for edge in graph.edges(from) {
                let below = i64::from(analysis.distance(edge.to)) + 1;
                if edge.kind == EdgeKind::Weak || edge.to == NodeIndex::ROOT || closeness >= below {
                    continue;
                }
                let rank = match edge.kind {
                    EdgeKind::Property | EdgeKind::Context | EdgeKind::Element => 0,
                    EdgeKind::Internal => 1,
                    _ => 2,
                };
                let better = (closeness as u64) * 4 + rank;
                if better < score[edge.to.index()] {
                    score[edge.to.index()] = better;
                    edge_of[edge.to.index()] = edge.index;
                }
            }
        }
        Parents { edge: edge_of }
    }

    fn of(&self, graph: &HeapGraph, node: NodeIndex) -> Option<(NodeIndex, Edge)> {
        let edge = self.edge[node.index()];
        (edge != NONE).then(|| (graph.source(edge), graph.edge(edge)))
    }
}

struct Place {
    edge: Option<Reference>,
    class: String,
    parent: usize,
    count: u64,
    shallow_size: u64,
    here: u64,
    children: Vec<usize>,
}

struct Merged<'a> {
    graph: &'a HeapGraph,
    analysis: &'a Analysis,
    parents: &'a Parents,
    places: Vec<Place>,
    /// Parent place, reference and class to place.
    numbers: HashMap<(usize, Reference, u32), usize>,
    place_of: HashMap<NodeIndex, usize>,
}

impl<'a> Merged<'a> {
    fn new(graph: &'a HeapGraph, analysis: &'a Analysis, parents: &'a Parents) -> Self {
        let root = Place {
            edge: None,
            class: "(root)".to_owned(),
            parent: 0,
            count: 0,
            shallow_size: 0,
            here: 0,
            children: Vec::new(),
        };
        let place_of = HashMap::from([(NodeIndex::ROOT, 0)]);
        Merged { graph, analysis, parents, places: vec![root], numbers: HashMap::new(), place_of }
    }

    /// The place of a node: climbs to the first node whose place is known, and comes down again.
    fn place(&mut self, node: NodeIndex) -> Option<usize> {
        let mut climbed: Vec<(NodeIndex, Edge)> = Vec::new();
        let mut at = node;
        let mut place = loop {
            if let Some(&known) = self.place_of.get(&at) {
                break known;
            }
            let (above, edge) = self.parents.of(self.graph, at)?;
            climbed.push((at, edge));
            at = above;
        };
        for (node, edge) in climbed.into_iter().rev() {
            place = self.below(place, node, &edge);
            self.place_of.insert(node, place);
        }
        Some(place)
    }

    fn below(&mut self, parent: usize, node: NodeIndex, edge: &Edge) -> usize {
        let reference = stable(self.graph, edge);
        let class = self.analysis.class_of(node);
        // A list is a chain of like objects: all of it is one place.
        let above = &self.places[parent];
        let class_name = self.class_name(node);
        if above.edge.as_ref() == Some(&reference)
            && above.class == class_name
            && edge.kind == EdgeKind::Property
        {
            return parent;
        }
        let places = &mut self.places;
        *self.numbers.entry((parent, reference.clone(), class)).or_insert_with(|| {
            let number = places.len();
            places[parent].children.push(number);
            places.push(Place {
                edge: Some(reference),
                class: class_name,
                parent,
                count: 0,
                shallow_size: 0,
                here: 0,
                children: Vec::new(),
            });
            number
        })
    }

    /// What to call a node on a path: functions and V8's roots by name, others by class.
    fn class_name(&self, node: NodeIndex) -> String {
        let (graph, class) = (self.graph, self.analysis.class_name(node));
        let name = graph.name(node);
        match class {
            "Function" if !name.is_empty() => format!("{name}()"),
            "(synthetic)" | "(system)" if !name.is_empty() && !is_string(graph, node) => name.to_owned(),
            _ => class.to_owned(),
        }
    }

    fn add(&mut self, place: usize, size: u64) {
        let place = &mut self.places[place];
        place.here += 1;
        place.count += 1;
        place.shallow_size += size;
    }

    /// Adds what is below to what is above; places come after their parents.
    fn sum_up(&mut self) {
        for number in (1..self.places.len()).rev() {
            let (count, size, parent) =
                (self.places[number].count, self.places[number].shallow_size, self.places[number].parent);
            self.places[parent].count += count;
            self.places[parent].shallow_size += size;
        }
    }

    /// The tree with the largest branches. Built from the far ends, so that its depth costs no stack here.
    fn branch(mut self, top: usize) -> Branch {
        let mut wanted = vec![0];
        let mut next = 0;
        while let Some(&number) = wanted.get(next) {
            next += 1;
            let mut children = std::mem::take(&mut self.places[number].children);
            children.retain(|&child| self.places[child].count > 0);
            children.sort_by_key(|&child| (std::cmp::Reverse(self.places[child].count), child));
            wanted.extend(children.iter().take(top));
            self.places[number].children = children;
        }
        let mut built: HashMap<usize, Branch> = HashMap::new();
        for &number in wanted.iter().rev() {
            let place = &self.places[number];
            let kept = place.children.iter().take(top);
            let branches = kept.filter_map(|child| built.remove(child)).collect();
            built.insert(
                number,
                Branch {
                    edge: place.edge.clone(),
                    class: place.class.clone(),
                    count: place.count,
                    shallow_size: place.shallow_size,
                    here: place.here,
                    branch_count: place.children.len(),
                    branches,
                },
            );
        }
        built.remove(&0).unwrap_or(Branch {
            edge: None,
            class: String::new(),
            count: 0,
            shallow_size: 0,
            here: 0,
            branch_count: 0,
            branches: Vec::new(),
        })
    }
}

/// The reference without what differs between objects that are reached alike.
fn stable(graph: &HeapGraph, edge: &Edge) -> Reference {
    let name = graph.edge_name(edge).to_string();
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    let looks_computed = name.len() > 60 || name.bytes().filter(u8::is_ascii_digit).count() > 3;
    let differs = is_number || looks_computed || name.contains(" / part of key (");
    Reference { kind: edge.kind.name(), name: if differs { "*".to_owned() } else { name } }
}
