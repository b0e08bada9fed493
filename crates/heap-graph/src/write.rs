//! A graph back to the bytes of a `.heapsnapshot` that Chrome DevTools opens.
//!
//! The field layout that all readers know, with `trace_node_id` and `detachedness` where the graph's header names them, as
//! versions of V8 differ in these. Reading it again gives the same graph.

use std::io::{self, Write};

use rustc_hash::FxHashMap;

use crate::decimal::Records;
use crate::graph::{Header, HeapGraph, NodeIndex};
use crate::kinds::{EdgeKind, NodeKind};
use crate::sink::GraphSink as _;
use crate::strings::Strings;

/// Writes the whole graph.
///
/// # Errors
/// What the writer says.
pub fn write(graph: &HeapGraph, out: &mut impl Write) -> io::Result<()> {
    Writer { graph, out }.file()
}

struct Writer<'a, W> {
    graph: &'a HeapGraph,
    out: &'a mut W,
}

fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| serde_json::Value::from(*name).to_string()).collect();
    format!("[{}]", names.join(","))
}

/// The list of kinds: of the known ones as many as the version has. Kinds without a name of ours follow all of them.
fn kinds<'n>(known: &[&'n str], unknown: &'n [String], last: Option<u8>, highest: u8) -> Vec<&'n str> {
    let count = match last {
        Some(last) if unknown.is_empty() => usize::from(last.max(highest)) + 1,
        _ => known.len(),
    };
    known.iter().copied().take(count).chain(unknown.iter().map(String::as_str)).collect()
}

/// What stands before the nodes.
pub(crate) struct Head<'a> {
    pub(crate) header: &'a Header,
    pub(crate) has_traces: bool,
    pub(crate) node_count: u64,
    pub(crate) edge_count: u64,
    /// The highest codes of kinds of nodes and edges.
    pub(crate) highest_kinds: (u8, u8),
}

impl Head<'_> {
    /// What is said of each node, in this order.
    pub(crate) fn node_fields(&self) -> Vec<&'static str> {
        let mut fields = vec!["type", "name", "id", "self_size", "edge_count"];
        if self.has_traces {
            fields.push("trace_node_id");
        }
        if self.header.has_detachedness() {
            fields.push("detachedness");
        }
        fields
    }
}

/// Writes it.
pub(crate) fn head(out: &mut impl Write, facts: &Head<'_>) -> io::Result<()> {
    let header = facts.header;
    let node_kinds = kinds(
        &NodeKind::KNOWN.map(NodeKind::name),
        &header.unknown_node_kinds,
        header.last_node_kind,
        facts.highest_kinds.0,
    );
    let edge_kinds = kinds(
        &EdgeKind::KNOWN.map(EdgeKind::name),
        &header.unknown_edge_kinds,
        header.last_edge_kind,
        facts.highest_kinds.1,
    );
    let fields = facts.node_fields();
    let numbers = vec!["\"number\""; fields.len() - 2].join(",");
    let native = match header.extra_native_bytes {
        0 => String::new(),
        bytes => format!(",\"extra_native_bytes\":{bytes}"),
    };
    writeln!(
        out,
        "{{\"snapshot\":{{\"meta\":{{\"node_fields\":{},\"node_types\":[{},\"string\",{numbers}],\
         \"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],\
         \"edge_types\":[{},\"string_or_number\",\"node\"],\
         \"trace_function_info_fields\":[\"function_id\",\"name\",\"script_name\",\"script_id\",\"line\",\"column\"],\
         \"trace_node_fields\":[\"id\",\"function_info_index\",\"count\",\"size\",\"children\"],\
         \"sample_fields\":[\"timestamp_us\",\"last_assigned_id\"],\
         \"location_fields\":[\"object_index\",\"script_id\",\"line\",\"column\"]}},\
         \"node_count\":{},\"edge_count\":{},\"trace_function_count\":{}{native}}},",
        quoted(&fields),
        quoted(&node_kinds),
        quoted(&edge_kinds),
        facts.node_count,
        facts.edge_count,
        header.trace_function_count,
    )
}

/// Writes where nodes come from: node, script, line and column of each.
pub(crate) fn locations(
    out: &mut impl Write,
    fields: u64,
    places: impl Iterator<Item = [u32; 4]>,
) -> io::Result<()> {
    out.write_all(b"\"locations\":[")?;
    let mut records = Records::new(&mut *out);
    for [node, script, line, column] in places {
        records.number(u64::from(node) * fields);
        for value in [script, line, column] {
            records.number(u64::from(value));
        }
        records.end()?;
    }
    records.finish()?;
    out.write_all(b"],\n")
}

/// Writes the texts of all names.
pub(crate) fn strings(out: &mut impl Write, strings: &Strings) -> io::Result<()> {
    out.write_all(b"\"strings\":[")?;
    for (at, string) in strings.iter().enumerate() {
        out.write_all(if at > 0 { b",\n" } else { b"" })?;
        serde_json::to_writer(&mut *out, string)?;
    }
    out.write_all(b"]")
}

impl<'a, W: Write> Writer<'a, W> {
    fn file(mut self) -> io::Result<()> {
        let facts = self.head();
        let (fields, has_traces) = (facts.node_fields().len() as u64, facts.has_traces);
        head(self.out, &facts)?;
        self.nodes(has_traces)?;
        self.edges(fields)?;
        self.traces()?;
        let graph = self.graph;
        let places = graph.locations.node.iter().enumerate().map(|(at, node)| {
            let place = graph.location_at(at);
            [*node, place.script_id, place.line, place.column]
        });
        locations(self.out, fields, places)?;
        strings(self.out, &graph.strings)?;
        self.out.write_all(b"}\n")
    }

    fn head(&self) -> Head<'a> {
        let graph = self.graph;
        let header = &graph.header;
        let named = header.node_fields.iter().any(|field| field == "trace_node_id");
        let highest = |codes: &[u8]| codes.iter().copied().max().unwrap_or(0);
        Head {
            header,
            has_traces: named || !graph.traces.node_trace.is_empty(),
            node_count: graph.node_count() as u64,
            edge_count: graph.edge_count(),
            highest_kinds: (highest(&graph.nodes.kind), highest(&graph.edges.kind)),
        }
    }

    fn nodes(&mut self, traced: bool) -> io::Result<()> {
        self.out.write_all(b"\"nodes\":[")?;
        let graph = self.graph;
        let states = graph.header.has_detachedness();
        let (kinds, names) = (&graph.nodes.kind[..], &graph.nodes.name[..]);
        let (ids, edges) = (&graph.nodes.id[..], graph.nodes.edges.view());
        let mut line = Records::new(&mut *self.out);
        for node in graph.nodes() {
            let at = node.index();
            line.number(u64::from(kinds[at]));
            line.number(u64::from(names[at]));
            line.number(u64::from(ids[at]));
            line.number(graph.raw_self_size(node));
            line.number(edges.range(at).len() as u64);
            if traced {
                line.number(u64::from(graph.traces.node_trace.get(at).copied().unwrap_or(0)));
            }
            if states {
                line.number(u64::from(graph.raw_detachedness(node)));
            }
            line.end()?;
        }
        line.finish()?;
        self.out.write_all(b"],\n")
    }

    fn edges(&mut self, fields: u64) -> io::Result<()> {
        self.out.write_all(b"\"edges\":[")?;
        let edges = &self.graph.edges;
        let mut line = Records::new(&mut *self.out);
        for ((kind, name), to) in edges.kind.iter().zip(edges.name.iter()).zip(edges.to.iter()) {
            line.number(u64::from(*kind));
            line.number(u64::from(*name));
            line.number(u64::from(*to) * fields);
            line.end()?;
        }
        line.finish()?;
        self.out.write_all(b"],\n")
    }

    fn traces(&mut self) -> io::Result<()> {
        let traces = &self.graph.traces;
        let none = |value: u32| if value == u32::MAX { u64::from(u32::MAX) } else { u64::from(value) };
        self.out.write_all(b"\"trace_function_infos\":[")?;
        let mut line = Records::new(&mut *self.out);
        for function in traces.functions.iter() {
            line.number(function.function_id);
            for value in
                [function.name, function.script_name, function.script_id, function.line, function.column]
            {
                line.number(none(value));
            }
            line.end()?;
        }
        line.finish()?;
        self.out.write_all(b"],\n\"trace_tree\":")?;
        self.trace_tree()?;
        self.out.write_all(b",\n\"samples\":[")?;
        let mut line = Records::new(&mut *self.out);
        for sample in traces.samples.iter() {
            line.number(sample.timestamp_us);
            line.number(sample.last_assigned_id);
            line.end()?;
        }
        line.finish()?;
        self.out.write_all(b"],\n")
    }

    /// The tree in depth-first order; it was read (and is kept) that way, parents before children.
    fn trace_tree(&mut self) -> io::Result<()> {
        let tree = &self.graph.traces.tree;
        self.out.write_all(b"[")?;
        // Positions whose lists of children are open.
        let mut open: Vec<u32> = Vec::new();
        for (position, node) in tree.iter().enumerate() {
            let is_top = node.parent as usize == position;
            let mut after_sibling = position > 0;
            while let Some(&parent) = open.last() {
                if !is_top && parent == node.parent {
                    break;
                }
                self.out.write_all(b"]")?;
                open.pop();
            }
            if position > 0 && !is_top && position as u32 - 1 == node.parent {
                after_sibling = false;
            }
            let separator = if after_sibling { "," } else { "" };
            write!(self.out, "{separator}{},{},{},{},[", node.id, node.function, node.count, node.size)?;
            open.push(position as u32);
        }
        for _ in open {
            self.out.write_all(b"]")?;
        }
        self.out.write_all(b"]")
    }
}

/// Everything that the given nodes hold, as a graph of its own below a new root: what they reach without weak
/// edges, and all edges among it. Ids, names, sizes and places stay the same.
pub fn slice(graph: &HeapGraph, wanted: &[NodeIndex]) -> HeapGraph {
    let mut new_of: FxHashMap<NodeIndex, u32> = FxHashMap::default();
    let mut order: Vec<NodeIndex> = Vec::new();
    for &node in wanted {
        if let std::collections::hash_map::Entry::Vacant(e) = new_of.entry(node) {
            e.insert(order.len() as u32 + 1);
            order.push(node);
        }
    }
    let roots = order.len();
    let mut next = 0;
    while let Some(&node) = order.get(next) {
        next += 1;
        for edge in graph.edges(node).filter(|edge| edge.kind != EdgeKind::Weak) {
            if edge.to != NodeIndex::ROOT && !new_of.contains_key(&edge.to) {
                new_of.insert(edge.to, order.len() as u32 + 1);
                order.push(edge.to);
            }
        }
    }
    // Stacks, and memory that no node stands for, are the whole heap's.
    let header = Header { extra_native_bytes: 0, trace_function_count: 0, ..graph.header.clone() };
    let mut builder = crate::builder::GraphBuilder::new(header);
    builder.node(NodeKind::Synthetic, "", 1, 0);
    for position in 0..roots {
        builder.edge(
            EdgeKind::Element,
            crate::EdgeName::Index(position as u32 + 1),
            NodeIndex(position as u32 + 1),
        );
    }
    for &node in &order {
        let at = node.index();
        builder.node_of_code(
            graph.nodes.kind[at],
            graph.name(node),
            graph.nodes.id[at],
            graph.raw_self_size(node),
        );
        builder.place(graph.location(node), graph.raw_detachedness(node));
        for edge in graph.edges(node) {
            if let Some(&to) = new_of.get(&edge.to) {
                builder.edge_of_code(graph.edges.kind[edge.index as usize], graph.edge_name(&edge), to);
            }
        }
    }
    builder.finish()
}
