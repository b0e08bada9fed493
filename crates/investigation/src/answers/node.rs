//! How answers name an object, a reference, a place and a text.

use std::cell::OnceCell;
use std::collections::HashMap;

use heap_graph::{Analysis, Edge, EdgeKind, HeapGraph, Location, NodeIndex, NodeKind};
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use super::scripts::script_names;

/// Characters of a string that V8 writes to a snapshot.
const WRITTEN: usize = 1024;

/// An object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeRef {
    /// V8's id, DevTools' `@id`.
    pub id: u64,
    /// The type that the file gives it.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its class.
    pub class: String,
    /// Its name: a function's name, a plain object's keys. `None` for strings.
    pub name: Option<String>,
    /// For strings, what they say.
    pub text: Option<Text>,
    /// Steps from the roots.
    pub distance: i32,
    /// Bytes of the object itself, as DevTools shows them.
    pub shallow_size: u64,
    /// Bytes that would be freed with it.
    pub retained_size: u64,
    /// Where its constructor stands, or the function itself.
    pub location: Option<Place>,
}

/// The content of a string; secret unless asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Text {
    /// Characters (UTF-16 units) that the snapshot has.
    pub length: u64,
    /// Whether the string may be longer: V8 writes 1,024 characters at most.
    pub cut: bool,
    /// XXH3 of the content as UTF-8: the same for the same content.
    pub hash: String,
    /// The content; `None` while hidden.
    pub value: Option<String>,
}

impl Text {
    /// Describes a content, with it or without.
    pub fn new(content: &str, reveal: bool) -> Text {
        let length = content.encode_utf16().count();
        Text {
            length: length as u64,
            cut: length >= WRITTEN,
            hash: format!("{:016x}", xxh3_64(content.as_bytes())),
            value: reveal.then(|| content.to_owned()),
        }
    }
}

/// A place in a script, counted from 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// V8's number of the script.
    pub script_id: u32,
    /// The script's file, if the snapshot tells.
    pub file: Option<String>,
    /// Line, from 0.
    pub line: u32,
    /// Column, from 0.
    pub column: u32,
}

/// How one object refers to another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Reference {
    /// The type that the file gives it.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Property, variable, index, or V8's word.
    pub name: String,
}

impl Reference {
    /// In the notation that people know: `.name`, `[7]`, `variable name`, `{internal}`.
    pub fn words(&self) -> String {
        let name = &self.name;
        match self.kind {
            "property" if is_identifier(name) => format!(".{name}"),
            "property" => format!("[{name:?}]"),
            "element" => format!("[{name}]"),
            "context" => format!("variable {name}"),
            _ => format!("{{{name}}}"),
        }
    }
}

fn is_identifier(name: &str) -> bool {
    let letters = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || c == '#';
    !name.is_empty() && name.chars().all(letters) && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// A heap, seen by somebody who may or may not read its strings.
pub(crate) struct View<'a> {
    pub(crate) graph: &'a HeapGraph,
    pub(crate) analysis: &'a Analysis,
    reveal: bool,
    scripts: OnceCell<HashMap<u32, String>>,
}

impl<'a> View<'a> {
    pub(crate) fn new(graph: &'a HeapGraph, analysis: &'a Analysis, reveal: bool) -> Self {
        View { graph, analysis, reveal, scripts: OnceCell::new() }
    }

    pub(crate) fn node(&self, node: NodeIndex) -> NodeRef {
        let (graph, analysis) = (self.graph, self.analysis);
        let is_string = is_string(graph, node);
        let name = || analysis.display_name(graph, node);
        NodeRef {
            id: graph.id(node),
            kind: graph.kind_name(node).to_owned(),
            class: analysis.class_name(node).to_owned(),
            name: (!is_string).then(name).filter(|name| !name.is_empty()),
            text: is_string.then(|| self.text(node)),
            distance: analysis.distance(node),
            shallow_size: analysis.shallow_size(node),
            retained_size: analysis.retained_size(node),
            location: graph.location(node).map(|location| self.place(location)),
        }
    }

    pub(crate) fn text(&self, node: NodeIndex) -> Text {
        Text::new(&self.graph.display_name(node), self.reveal)
    }

    pub(crate) fn place(&self, location: Location) -> Place {
        let scripts = self.scripts.get_or_init(|| script_names(self.graph));
        let Location { script_id, line, column } = location;
        Place { script_id, file: scripts.get(&script_id).cloned(), line, column }
    }

    pub(crate) fn reference(&self, edge: &Edge) -> Reference {
        reference(self.graph, edge)
    }
}

pub(crate) fn reference(graph: &HeapGraph, edge: &Edge) -> Reference {
    Reference { kind: edge.kind.name(), name: graph.edge_name(edge).to_string() }
}

pub(crate) fn is_string(graph: &HeapGraph, node: NodeIndex) -> bool {
    matches!(graph.kind(node), NodeKind::String | NodeKind::ConcatenatedString | NodeKind::SlicedString)
}

/// Whether a node is one that programs make, as opposed to V8's own and its roots.
pub(crate) fn is_subject(graph: &HeapGraph, node: NodeIndex) -> bool {
    match graph.kind(node) {
        NodeKind::Object => !graph.name(node).starts_with("system / "),
        NodeKind::Closure
        | NodeKind::String
        | NodeKind::ConcatenatedString
        | NodeKind::SlicedString
        | NodeKind::RegExp
        | NodeKind::Symbol
        | NodeKind::BigInt
        | NodeKind::Native => true,
        _ => false,
    }
}

/// Edges that V8 keeps for itself, and that would bury the others in a list.
pub(crate) fn is_bookkeeping(graph: &HeapGraph, edge: &Edge) -> bool {
    match edge.kind {
        EdgeKind::Weak | EdgeKind::Hidden => true,
        EdgeKind::Internal => {
            matches!(graph.edge_name(edge), heap_graph::EdgeName::Name("map" | "code" | "shared"))
        }
        _ => false,
    }
}
