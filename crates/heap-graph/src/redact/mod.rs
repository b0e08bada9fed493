//! A graph without the data of the program: same nodes, edges, ids and sizes, other texts.
//!
//! **Replaced**, each by a text of the same length, equal where those were equal: what strings, ropes, symbols, big
//! integers, numbers and regular expressions hold; names of properties that are data, whether they are keys of a
//! dictionary or not; attributes of DOM elements; what follows the host in addresses that are class names; big sparse
//! element indices.
//!
//! **Kept**: names of classes, functions, scripts, variables and hidden things, and names of properties that code
//! declares ([`declared`] says how that is told).
//!
//! The replacement is a keyed hash ([`pseudonyms`]); whoever throws the key away cannot get back, nor compare two
//! redacted snapshots by their texts.

mod declared;
mod ephemeron_names;
mod pseudonyms;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::column::Column;
use crate::graph::{Edge, HeapGraph, NodeIndex};
use crate::kinds::{EdgeKind, NodeKind};
use crate::strings::StringsBuilder;
use declared::{Declared, Standing, dictionary_keys};
use pseudonyms::Pseudonyms;

/// Element indices from here on are looked at: smaller ones are positions.
const FIRST_SPARSE_INDEX: u32 = 1 << 16;

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct RedactionCounts {
    /// Different texts that were replaced.
    pub texts: usize,
    /// Nodes that have another name now.
    pub nodes: u64,
    /// Property edges that have another name now.
    pub properties: u64,
    /// Different names of properties that stayed.
    pub kept_properties: usize,
    /// Element edges that have another index now.
    pub elements: u64,
}

/// The graph with all data replaced, and what that came to. `key` must be random and thrown away.
pub fn redact(graph: &HeapGraph, key: &[u8; 16]) -> (HeapGraph, RedactionCounts) {
    Redactor::new(graph, key).run()
}

struct Redactor<'a> {
    graph: &'a HeapGraph,
    declared: Declared<'a>,
    pseudonyms: Pseudonyms<'a>,
    out: StringsBuilder,
    index_of: FxHashMap<Box<str>, u32>,
    kept_properties: FxHashSet<&'a str>,
    indices: FxHashMap<u32, u32>,
    taken_indices: FxHashSet<u32>,
    /// Values of numbers that say how long a string is.
    lengths: FxHashSet<NodeIndex>,
    counts: RedactionCounts,
}

impl<'a> Redactor<'a> {
    fn new(graph: &'a HeapGraph, key: &[u8; 16]) -> Self {
        Redactor {
            graph,
            declared: Declared::new(graph),
            pseudonyms: Pseudonyms::new(key),
            out: StringsBuilder::default(),
            index_of: FxHashMap::default(),
            kept_properties: FxHashSet::default(),
            indices: FxHashMap::default(),
            taken_indices: FxHashSet::default(),
            lengths: lengths(graph),
            counts: RedactionCounts::default(),
        }
    }

    fn run(mut self) -> (HeapGraph, RedactionCounts) {
        let graph = self.graph;
        // Kept names first: no pseudonym may look like one.
        for node in graph.nodes().filter(|&node| keeps_whole_name(graph, node)) {
            self.pseudonyms.reserve(graph.name(node));
        }
        let names: Vec<u32> = graph.nodes().map(|node| self.node(node)).collect();
        let mut edge_names = Vec::with_capacity(graph.edges.name.len());
        let mut weak_map_names = Vec::new();
        for node in graph.nodes() {
            self.edges(node, &mut edge_names, &mut weak_map_names);
        }
        self.weak_map_entries(&names, &weak_map_names, &mut edge_names);
        let mut traces = graph.traces.clone();
        for function in &mut traces.functions {
            for name in [&mut function.name, &mut function.script_name] {
                *name = graph.strings.get(*name).map_or(*name, |text| self.string(text));
            }
        }
        self.counts.texts = self.pseudonyms.len();
        self.counts.kept_properties = self.kept_properties.len();
        let mut redacted = graph.clone();
        redacted.traces = traces;
        redacted.nodes.name = Column::from(names);
        redacted.edges.name = Column::from(edge_names);
        redacted.strings = self.out.finish();
        (redacted, self.counts)
    }

    /// Index of a text in the new table.
    fn string(&mut self, text: &str) -> u32 {
        if let Some(&index) = self.index_of.get(text) {
            return index;
        }
        let index = self.out.push(text);
        self.index_of.insert(text.into(), index);
        index
    }

    fn pseudonym(&mut self, text: &'a str) -> u32 {
        let text = self.pseudonyms.get(text).to_owned();
        self.string(&text)
    }

    fn node(&mut self, node: NodeIndex) -> u32 {
        let name = self.graph.name(node);
        if keeps_whole_name(self.graph, node) || self.lengths.contains(&node) {
            return self.string(name);
        }
        self.counts.nodes += u64::from(!name.is_empty());
        let kept = kept_part(self.graph.kind(node), name);
        if kept == 0 {
            return self.pseudonym(name);
        }
        let end = if name.ends_with('>') { name.len() - 1 } else { name.len() };
        let mended = format!("{}{}{}", &name[..kept], self.pseudonyms.get(&name[kept..end]), &name[end..]);
        self.string(&mended)
    }

    fn edges(&mut self, node: NodeIndex, names: &mut Vec<u32>, weak_map_names: &mut Vec<usize>) {
        let graph = self.graph;
        // Only asked for when a name's standing depends on it.
        let mut keys: Option<FxHashSet<&str>> = None;
        let count = graph.edges(node).len();
        for edge in graph.edges(node) {
            let new = match edge.kind {
                EdgeKind::Element => self.element(&edge, count),
                EdgeKind::Hidden => edge.name_or_index,
                _ => match graph.strings.get(edge.name_or_index) {
                    // A name that was cut off.
                    None => u32::MAX,
                    Some(name) if edge.kind == EdgeKind::Property || edge.kind == EdgeKind::Other => self
                        .property(name, &mut || {
                            keys.get_or_insert_with(|| dictionary_keys(graph, node)).contains(name)
                        }),
                    Some(name)
                        if edge.kind == EdgeKind::Internal && ephemeron_names::head(name).is_some() =>
                    {
                        weak_map_names.push(names.len());
                        0
                    }
                    Some(name) => self.string(name),
                },
            };
            names.push(new);
        }
    }

    /// A property's name: `name`, `get name`, `set name` or `<symbol name>`.
    fn property(&mut self, whole: &'a str, is_key: &mut dyn FnMut() -> bool) -> u32 {
        let symbol = whole.strip_prefix("<symbol ").and_then(|rest| rest.strip_suffix('>'));
        let (start, name) = match symbol {
            // Private names are declared like variables; what describes other symbols is data.
            Some(name) => ("<symbol ".len(), name),
            None => {
                let name = ["get ", "set "].iter().find_map(|accessor| whole.strip_prefix(accessor));
                name.map_or((0, whole), |name| (whole.len() - name.len(), name))
            }
        };
        let stays = match (self.declared.standing(whole), self.declared.standing(name)) {
            (Standing::Known, _) => true,
            _ if name.is_empty() => true,
            (_, standing) if symbol.is_some() => name.starts_with('#') && standing != Standing::Data,
            (_, Standing::Known) => true,
            (_, Standing::Mentioned) => !is_key(),
            (_, Standing::Data) => false,
        };
        if stays {
            self.kept_properties.insert(whole);
            return self.string(whole);
        }
        self.counts.properties += 1;
        let end = start + name.len();
        let new = format!("{}{}{}", &whole[..start], self.pseudonyms.get(name), &whole[end..]);
        self.string(&new)
    }

    /// An element's index: a key, when it is far beyond what the number of elements explains.
    fn element(&mut self, edge: &Edge, count: usize) -> u32 {
        let index = edge.name_or_index;
        if index < FIRST_SPARSE_INDEX || (index as usize) / 4 < count {
            return index;
        }
        self.counts.elements += 1;
        if let Some(&new) = self.indices.get(&index) {
            return new;
        }
        let new = self.new_index(index);
        self.taken_indices.insert(new);
        self.indices.insert(index, new);
        new
    }

    /// An index of as many digits that no other has.
    fn new_index(&mut self, index: u32) -> u32 {
        let digits = index.ilog10();
        let low = 10_u32.pow(digits);
        let span = 10_u64.pow(digits + 1).min(u64::from(u32::MAX)) - u64::from(low);
        let drawn = self.pseudonyms.number(index, span);
        // In order from there: there are as many new ones as old ones.
        (0..span)
            .map(|step| low + ((drawn + step) % span) as u32)
            .find(|new| !self.taken_indices.contains(new))
            .unwrap_or(index)
    }

    /// Writes the names of WeakMap entries anew, with the new names of their keys and values.
    fn weak_map_entries(&mut self, names: &[u32], places: &[usize], edge_names: &mut [u32]) {
        if places.is_empty() {
            return;
        }
        let graph = self.graph;
        let by_id: FxHashMap<u64, NodeIndex> = graph.nodes().map(|node| (graph.id(node), node)).collect();
        let mut renamed: FxHashMap<u32, u32> = FxHashMap::default();
        for &place in places {
            let old = graph.edges.name[place];
            edge_names[place] = match renamed.get(&old) {
                Some(&new) => new,
                None => {
                    let name = graph.strings.get(old).unwrap_or("");
                    let new = self.weak_map_entry(name, names, &by_id);
                    let new = self.string(&new);
                    renamed.insert(old, new);
                    new
                }
            };
        }
    }

    fn weak_map_entry(&mut self, name: &'a str, names: &[u32], by_id: &FxHashMap<u64, NodeIndex>) -> String {
        let (graph, out, pseudonyms) = (self.graph, &self.out, &mut self.pseudonyms);
        let of_node = |text: &str, id: u64| {
            let node = by_id.get(&id).filter(|&&node| graph.name(node) == text)?;
            Some(out.get(names[node.index()]).to_owned())
        };
        let exact = ephemeron_names::rewrite(name, |text, id| {
            if text.is_empty() { Some(String::new()) } else { of_node(text, id) }
        });
        // V8 writes the name that a node had at that moment; some get theirs later.
        let found = exact.or_else(|| {
            ephemeron_names::rewrite(name, |text, id| {
                of_node(text, id).or_else(|| Some(pseudonyms.get(text).to_owned()))
            })
        });
        let start = ephemeron_names::head(name).unwrap_or(0);
        found.unwrap_or_else(|| name[..start].to_owned() + pseudonyms.get(&name[start..]))
    }
}

/// Values below the numbers that say how long a string is (`length`, `truncated` in snapshots of newer V8s): lengths
/// stay as they are.
fn lengths(graph: &HeapGraph) -> FxHashSet<NodeIndex> {
    let mut found = FxHashSet::default();
    for node in graph.nodes().filter(|&node| is_string(graph.kind(node))) {
        for name in ["length", "truncated"] {
            let number = graph.child(node, EdgeKind::Internal, name);
            let number = number.filter(|&number| graph.kind(number) == NodeKind::Number);
            found.extend(number.and_then(|number| graph.child(number, EdgeKind::Internal, "value")));
        }
    }
    found
}

fn is_string(kind: NodeKind) -> bool {
    matches!(kind, NodeKind::String | NodeKind::ConcatenatedString | NodeKind::SlicedString)
}

/// Whether nothing of a node's name is data.
fn keeps_whole_name(graph: &HeapGraph, node: NodeIndex) -> bool {
    let name = graph.name(node);
    match graph.kind(node) {
        NodeKind::String | NodeKind::RegExp => false,
        // V8 has one word for all of a kind, unless it writes their content.
        NodeKind::ConcatenatedString => name == "(concatenated string)",
        NodeKind::SlicedString => name == "(sliced string)",
        NodeKind::Symbol => matches!(name, "symbol" | "private symbol"),
        NodeKind::BigInt => name == "bigint",
        NodeKind::Number => matches!(name, "heap number" | "smi number" | "number" | "int" | "double"),
        NodeKind::Other => name.starts_with("system / ") || name.starts_with('('),
        kind => kept_part(kind, name) == name.len(),
    }
}

/// How many bytes of a name say what the node is; what follows is data.
fn kept_part(kind: NodeKind, name: &str) -> usize {
    match kind {
        NodeKind::Object | NodeKind::Native => {
            let plain = name.strip_prefix("Detached ").unwrap_or(name);
            if plain.starts_with('<') {
                // `<div id="…" class="…">`: DevTools' class is `<div>`, up to the first space.
                return plain.find(' ').map_or(name.len(), |space| name.len() - plain.len() + space + 1);
            }
            // `Window / https://host/path?query`.
            let host = name.find("://").map(|scheme| scheme + 3);
            let path = host.and_then(|host| name[host..].find(['/', '?', '#']).map(|path| host + path + 1));
            path.unwrap_or(name.len())
        }
        NodeKind::Hidden
        | NodeKind::Array
        | NodeKind::Code
        | NodeKind::Closure
        | NodeKind::Synthetic
        | NodeKind::ObjectShape
        | NodeKind::WasmObject => name.len(),
        _ => 0,
    }
}
