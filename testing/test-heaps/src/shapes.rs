//! Large heaps of one shape, written as a stream: for benchmarks, and for files that do not fit in memory twice.

use std::io::{self, Write};

use crate::Layout;
use crate::write::header;

/// A chain of `links` objects, each held by the one before: as deep as a heap can be.
pub fn linked_list(out: impl Write, links: u64) -> io::Result<()> {
    let last = FIRST + links - 1;
    Stream { out, nodes: FIRST + links, edges: 1 + links }.write(
        |node| match node {
            FIRST.. => Record { kind: OBJECT, name: 3, size: 32, edges: u64::from(node < last) },
            _ => top(node, 1),
        },
        |node, edge| match node {
            0 => edge(SHORTCUT, 1, 1),
            GLOBAL => edge(PROPERTY, 2, FIRST),
            _ if node < last => edge(PROPERTY, 4, node + 1),
            _ => Ok(()),
        },
        |string| string_at(&["<dummy>", "global", "list", "Link", "next"], string),
        5,
    )
}

/// One array of `elements` objects: as wide as a heap can be.
pub fn wide_array(out: impl Write, elements: u64) -> io::Result<()> {
    let (array, store, first) = (FIRST, FIRST + 1, FIRST + 2);
    Stream { out, nodes: first + elements, edges: 3 + elements }.write(
        |node| match node {
            _ if node == array => Record { kind: OBJECT, name: 3, size: 32, edges: 1 },
            _ if node == store => Record { kind: ARRAY, name: 4, size: 16 + 8 * elements, edges: elements },
            _ if node >= first => Record { kind: OBJECT, name: 5, size: 24, edges: 0 },
            _ => top(node, 1),
        },
        |node, edge| match node {
            0 => edge(SHORTCUT, 1, 1),
            GLOBAL => edge(PROPERTY, 2, array),
            _ if node == array => edge(INTERNAL, 6, store),
            _ if node == store => (0..elements).try_for_each(|index| edge(HIDDEN, index, first + index)),
            _ => Ok(()),
        },
        |string| string_at(&["<dummy>", "global", "wide", "Array", "", "Item", "elements"], string),
        7,
    )
}

/// A heap whose file has the size that is asked for, or up to a tenth less: every section grows.
///
/// Each node holds `fan_out` others, chosen to be far apart, and has a name of its own kind out of many.
pub fn of_file_size(out: impl Write, bytes: u64, fan_out: u64) -> io::Result<()> {
    // A tenth of the file is strings; the numbers of the other records are as long as the heap is large.
    const STRING: u64 = 1024;
    let strings = bytes / 10 / STRING;
    let digits = |number: u64| u64::from(number.checked_ilog10().unwrap_or(0)) + 1;
    let mut nodes = bytes / 100;
    for _ in 0..4 {
        let node = digits(strings) + digits(2 * nodes) + digits(fan_out) + 13;
        let edge = digits(7 * nodes) + 6;
        nodes = (bytes - strings * STRING) / (node + edge * fan_out);
    }
    let targets = nodes.max(1);
    Stream { out, nodes: FIRST + nodes, edges: 1 + nodes.min(1) + nodes * fan_out }.write(
        |node| match node {
            FIRST.. => Record { kind: OBJECT, name: 3 + node % strings.max(1), size: 48, edges: fan_out },
            _ => top(node, nodes.min(1)),
        },
        |node, edge| match node {
            0 => edge(SHORTCUT, 1, 1),
            GLOBAL if nodes > 0 => edge(PROPERTY, 2, FIRST),
            FIRST.. => (0..fan_out).try_for_each(|number| {
                // The first edge makes every node reachable, the others lead across the file.
                let to = if number == 0 { node - FIRST + 1 } else { (node + 1) * 2_654_435_761 * number };
                edge(PROPERTY, 2, FIRST + to % targets)
            }),
            _ => Ok(()),
        },
        |string| match string {
            0..3 => string_at(&["<dummy>", "global", "held"], string),
            _ => {
                format!("Class{string}_").repeat(STRING as usize).chars().take(STRING as usize - 3).collect()
            }
        },
        3 + strings,
    )
}

const ARRAY: u64 = 1;
const OBJECT: u64 = 3;
const SYNTHETIC: u64 = 9;
const PROPERTY: u64 = 2;
const INTERNAL: u64 = 3;
const HIDDEN: u64 = 4;
const SHORTCUT: u64 = 5;

/// The global object, which the root holds by a shortcut.
const GLOBAL: u64 = 1;
/// The first node that belongs to the shape.
const FIRST: u64 = 2;

struct Record {
    kind: u64,
    name: u64,
    size: u64,
    edges: u64,
}

/// The root or the global object.
fn top(node: u64, global_edges: u64) -> Record {
    match node {
        0 => Record { kind: SYNTHETIC, name: 0, size: 0, edges: 1 },
        _ => Record { kind: OBJECT, name: 1, size: 64, edges: global_edges },
    }
}

fn string_at(strings: &[&str], index: u64) -> String {
    strings[index as usize].to_owned()
}

/// Writes an edge: type, name or index, ordinal of the target.
type EdgeWriter<'a> = dyn FnMut(u64, u64, u64) -> io::Result<()> + 'a;

struct Stream<W> {
    out: W,
    nodes: u64,
    edges: u64,
}

impl<W: Write> Stream<W> {
    /// In the layout of Node 22: seven fields a node, one record a line.
    fn write(
        mut self,
        node: impl Fn(u64) -> Record,
        edges: impl Fn(u64, &mut EdgeWriter<'_>) -> io::Result<()>,
        string: impl Fn(u64) -> String,
        strings: u64,
    ) -> io::Result<()> {
        const FIELDS: u64 = 7;
        let out = &mut self.out;
        write!(out, "{{\"snapshot\":{},\n\"nodes\":[", header(Layout::node22(), self.nodes, self.edges))?;
        for ordinal in 0..self.nodes {
            let Record { kind, name, size, edges } = node(ordinal);
            let comma = if ordinal == 0 { "" } else { "," };
            writeln!(out, "{comma}{kind},{name},{},{size},{edges},0,0", 2 * ordinal + 1)?;
        }
        write!(out, "],\n\"edges\":[")?;
        let mut written = 0;
        for ordinal in 0..self.nodes {
            edges(ordinal, &mut |kind, label, to| {
                let comma = if written == 0 { "" } else { "," };
                written += 1;
                writeln!(out, "{comma}{kind},{label},{}", to * FIELDS)
            })?;
        }
        assert_eq!(written, self.edges, "the shape has as many edges as its header says");
        write!(
            out,
            "],\n\"trace_function_infos\":[],\n\"trace_tree\":[],\n\"samples\":[],\n\"locations\":[],\n"
        )?;
        write!(out, "\"strings\":[")?;
        for index in 0..strings {
            let comma = if index == 0 { "" } else { ",\n" };
            write!(out, "{comma}\"{}\"", string(index))?;
        }
        write!(out, "]}}")?;
        out.flush()
    }
}
