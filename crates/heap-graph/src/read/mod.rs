//! Bytes of a `.heapsnapshot` to a graph.
//!
//! The file is one JSON object; its big members are flat arrays of integers. It is read once, front to back,
//! from any [`Read`]: members in any order, unknown ones skipped, records by the field names in `meta`.
//! Everything is checked: index ranges, counts, number ranges; an error says section, record and byte.
//!
//! Sources: V8's writer (`HeapSnapshotJSONSerializer` in `src/profiler/heap-snapshot-generator.cc`) and
//! Chrome DevTools' reader (`HeapSnapshotLoader.ts`).

mod error;
mod header;
mod input;
mod records;
mod sinks;
mod traces;

use std::io::Read;
use std::ops::ControlFlow;

pub use error::ReadError;
use header::Layout;
use input::{Input, Kept};
use records::{Plan, read_records};
use sinks::{EdgeBuffers, EdgeSink, HighestName, LocationSink, NodeBuffers, NodeSink, RareFields};

use crate::graph::{EdgeColumns, HeapGraph, LocationColumns, Missing, NodeColumns};
use crate::offsets::Offsets;
use crate::progress::Step;
use crate::strings::{Strings, StringsBuilder};
use crate::traces::AllocationTraces;

/// How to read.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// Length of the (decompressed) file in bytes, if known. It bounds what a lying header can ask for.
    pub size: Option<u64>,
    /// Threads that scan integers, the caller's own included.
    pub threads: usize,
    /// Read a truncated file up to its cut; [`HeapGraph::missing`] says what is not there.
    pub salvage: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        ReadOptions { size: None, threads, salvage: false }
    }
}

/// Reads a heap snapshot (also a `.heaptimeline`) from decompressed bytes.
///
/// Memory: the graph's columns, and a megabyte or two for each thread. `progress` is called on the caller's
/// thread about once a megabyte, and may stop the work.
///
/// # Errors
/// The first thing in the file that is wrong, with its place; a truncated file unless salvaging.
pub fn read<R: Read + Send>(
    source: R,
    options: &ReadOptions,
    progress: &mut dyn FnMut(Step) -> ControlFlow<()>,
) -> Result<HeapGraph, ReadError> {
    let mut input = Input::new(source, options.size, 0);
    let mut reader = Reader { options, progress, parts: Parts::default(), waiting: Vec::new() };
    let outcome = reader.members(&mut input);
    match outcome {
        Err(ReadError::Cut { section, offset, .. }) if options.salvage => {
            reader.parts.cut(&section, offset);
        }
        other => other?,
    }
    if let Some(offset) = reader.parts.missing.cut_at
        && reader.parts.nodes.is_none()
    {
        let problem = format!("it ends at byte {offset}, before its first node: nothing can be salvaged");
        return Err(ReadError::Inconsistent { section: "file".to_owned(), problem });
    }
    reader.parts.finish(options.salvage)
}

const SECTIONS: [&str; 8] =
    ["snapshot", "nodes", "edges", "strings", "locations", "trace_function_infos", "trace_tree", "samples"];

struct Reader<'a> {
    options: &'a ReadOptions,
    progress: &'a mut dyn FnMut(Step) -> ControlFlow<()>,
    parts: Parts,
    /// Sections that came before the header, with the offset of their first byte.
    waiting: Vec<(&'static str, u64, Vec<u8>)>,
}

/// What has been read so far.
#[derive(Default)]
struct Parts {
    layout: Option<Layout>,
    seen: Vec<&'static str>,
    nodes: Option<(NodeBuffers, RareFields)>,
    edges: Option<(EdgeBuffers, HighestName)>,
    strings: Option<Strings>,
    locations: LocationColumns,
    traces: AllocationTraces,
    missing: Missing,
}

impl Reader<'_> {
    fn members<R: Read + Send>(&mut self, input: &mut Input<R>) -> Result<(), ReadError> {
        if input.peek()?.is_none() {
            let (section, problem) = ("file".to_owned(), "it is empty".to_owned());
            return Err(ReadError::Inconsistent { section, problem });
        }
        input.expect(b'{', "file")?;
        let mut first = true;
        loop {
            match input.peek()? {
                Some(b'}') => {
                    input.bump();
                    break;
                }
                Some(b',') if !first => input.bump(),
                Some(_) if first => {}
                found => return Err(input.unexpected("file", "',' or '}'", found)),
            }
            first = false;
            let start = input.offset();
            let mut key = Vec::new();
            input.string(&mut key, "file")?;
            input.expect(b':', "file")?;
            match SECTIONS.into_iter().find(|section| section.as_bytes() == key) {
                None => input.skip_value("an unknown section", None)?,
                Some(section) => self.member(input, section, start)?,
            }
            if self.parts.missing.cut_at.is_some() {
                return Ok(());
            }
        }
        match input.peek()? {
            None => Ok(()),
            found => Err(input.unexpected("file", "the end of the file", found)),
        }
    }

    fn member<R: Read + Send>(
        &mut self,
        input: &mut Input<R>,
        section: &'static str,
        start: u64,
    ) -> Result<(), ReadError> {
        if self.parts.seen.contains(&section) {
            return Err(ReadError::DuplicateSection { section: section.to_owned(), offset: start });
        }
        self.parts.seen.push(section);
        input.peek()?;
        if section == "snapshot" {
            let offset = input.offset();
            let mut kept = Kept::small();
            input.skip_value(section, Some(&mut kept))?;
            self.parts.layout = Some(Layout::parse(&kept.bytes, offset)?);
            for (section, offset, bytes) in std::mem::take(&mut self.waiting) {
                let mut early = Input::new(bytes.as_slice(), None, offset);
                self.section(&mut early, section)?;
            }
            return Ok(());
        }
        if self.parts.layout.is_none() && section != "strings" {
            let offset = input.offset();
            let mut kept = Kept::section();
            input.skip_value(section, Some(&mut kept))?;
            self.waiting.push((section, offset, kept.bytes));
            return Ok(());
        }
        self.section(input, section)
    }

    fn section<R: Read + Send>(
        &mut self,
        input: &mut Input<R>,
        section: &'static str,
    ) -> Result<(), ReadError> {
        if section == "strings" {
            return self.strings(input);
        }
        let layout = self.parts.layout.take().ok_or(ReadError::MissingSection { section: "snapshot" })?;
        let done = match section {
            "nodes" => self.nodes(input, &layout),
            "edges" => self.edges(input, &layout),
            "locations" => self.locations(input, &layout),
            "trace_function_infos" => traces::functions(input, &layout.trace_functions)
                .map(|read| self.parts.traces.functions = read),
            "trace_tree" => {
                traces::tree(input, &layout.trace_nodes).map(|read| self.parts.traces.tree = read)
            }
            _ => traces::samples(input, &layout.samples).map(|read| self.parts.traces.samples = read),
        };
        self.parts.layout = Some(layout);
        done
    }

    fn plan(&mut self, section: &'static str, fields: usize) -> Plan<'_> {
        let (threads, salvage) = (self.options.threads, self.options.salvage);
        Plan { section, fields, threads, salvage, progress: self.progress }
    }

    fn nodes<R: Read + Send>(&mut self, input: &mut Input<R>, layout: &Layout) -> Result<(), ReadError> {
        let count = believe("node_count", layout.node_count, layout.nodes.fields, self.options)?;
        if layout.node_count >= u64::from(u32::MAX) {
            let problem =
                format!("node_count is {}; at most 4,294,967,294 nodes are supported", layout.node_count);
            return Err(ReadError::TooLarge { problem });
        }
        let mut buffers = NodeBuffers {
            kind: zeroed(count)?,
            name: zeroed(count)?,
            id: zeroed(count)?,
            self_size: zeroed(count)?,
            edge_count: zeroed(count)?,
        };
        let sink = NodeSink::new(&layout.nodes, &mut buffers);
        let (sink, ended) = read_records(input, sink, self.plan("nodes", layout.nodes.fields))?;
        let rare = sink.finish();
        let read = self.parts.count(("nodes", "node_count"), layout.node_count, &ended, input.offset())?;
        self.parts.missing.nodes = layout.node_count - ended.records;
        buffers.kind.truncate(read);
        buffers.name.truncate(read);
        buffers.id.truncate(read);
        buffers.self_size.truncate(read);
        buffers.edge_count.truncate(read);
        self.parts.nodes = Some((buffers, rare));
        Ok(())
    }

    fn edges<R: Read + Send>(&mut self, input: &mut Input<R>, layout: &Layout) -> Result<(), ReadError> {
        let count = believe("edge_count", layout.edge_count, layout.edges.fields, self.options)?;
        let mut buffers = EdgeBuffers { kind: zeroed(count)?, name: zeroed(count)?, to: zeroed(count)? };
        let sink = EdgeSink::new(&layout.edges, layout.nodes.fields, layout.node_count, &mut buffers);
        let (sink, ended) = read_records(input, sink, self.plan("edges", layout.edges.fields))?;
        let highest = sink.highest_name;
        let read = self.parts.count(("edges", "edge_count"), layout.edge_count, &ended, input.offset())?;
        buffers.kind.truncate(read);
        buffers.name.truncate(read);
        buffers.to.truncate(read);
        self.parts.edges = Some((buffers, highest));
        Ok(())
    }

    fn locations<R: Read + Send>(&mut self, input: &mut Input<R>, layout: &Layout) -> Result<(), ReadError> {
        match LocationSink::new(&layout.locations, layout.nodes.fields, layout.node_count) {
            None => input.skip_value("locations", None),
            Some(sink) => {
                let (sink, ended) =
                    read_records(input, sink, self.plan("locations", layout.locations.fields()))?;
                self.parts.note_cut("locations", ended.cut_at);
                self.parts.locations = sink.finish();
                Ok(())
            }
        }
    }

    fn strings<R: Read + Send>(&mut self, input: &mut Input<R>) -> Result<(), ReadError> {
        input.expect(b'[', "strings")?;
        let mut builder = StringsBuilder::default();
        let done = self.string_list(input, &mut builder);
        if matches!(done, Err(ReadError::Cut { .. })) {
            builder.drop_open();
        }
        self.parts.strings = Some(builder.finish());
        done
    }

    fn string_list<R: Read>(
        &mut self,
        input: &mut Input<R>,
        builder: &mut StringsBuilder,
    ) -> Result<(), ReadError> {
        if let Some(left) = input.remaining() {
            // The rest of the file is a bound on the text; what is not used is given back.
            let _ = builder.open().try_reserve_exact(left as usize);
        }
        loop {
            match input.peek()? {
                Some(b']') if builder.is_empty() => break,
                _ => {
                    input.string(builder.open(), "strings")?;
                    builder.finish_string();
                }
            }
            if builder.len().is_multiple_of(1 << 14) {
                let step = Step { name: "strings", done: input.offset(), total: input.size };
                if (self.progress)(step).is_break() {
                    return Err(ReadError::Interrupted);
                }
            }
            match input.peek()? {
                Some(b',') => input.bump(),
                Some(b']') => break,
                found => return Err(input.unexpected("strings", "',' or ']'", found)),
            }
        }
        input.bump();
        Ok(())
    }
}

/// A count of the header, unless the file is too short for it. A file that was cut may well be: of its records no
/// more can come than fit.
fn believe(name: &str, count: u64, fields: usize, options: &ReadOptions) -> Result<usize, ReadError> {
    // A record is at least one digit and one comma for each field.
    let most = options.size.map_or(u64::MAX, |size| size / (2 * fields as u64) + 1);
    if count > most && !options.salvage {
        return Err(ReadError::Inconsistent {
            section: "snapshot".to_owned(),
            problem: format!(
                "{name} is {count}, which cannot fit into the file's {} bytes",
                options.size.unwrap_or(0)
            ),
        });
    }
    usize::try_from(count.min(most))
        .map_err(|_| ReadError::TooLarge { problem: format!("{name} is {count}") })
}

/// Zeros that cost memory only where they are written.
fn zeroed<T: Clone + Default>(count: usize) -> Result<Vec<T>, ReadError> {
    // Asks first, as `vec!` would abort the program.
    Vec::<T>::new().try_reserve_exact(count).map_err(|_| ReadError::TooLarge {
        problem: format!("no memory for {count} records of {} bytes", size_of::<T>()),
    })?;
    Ok(vec![T::default(); count])
}

impl Parts {
    fn note_cut(&mut self, section: &str, cut_at: Option<u64>) {
        if let Some(offset) = cut_at {
            self.cut(section, offset);
        }
    }

    fn cut(&mut self, section: &str, offset: u64) {
        self.missing.cut_at = Some(offset);
        if !self.missing.sections.iter().any(|name| name == section) && SECTIONS.contains(&section) {
            self.missing.sections.push(section.to_owned());
        }
    }

    /// Checks how many records came against the header.
    fn count(
        &mut self,
        (section, header): (&'static str, &str),
        expected: u64,
        ended: &records::Ended,
        offset: u64,
    ) -> Result<usize, ReadError> {
        if ended.cut_at.is_none() && ended.records != expected {
            return Err(ReadError::Inconsistent {
                section: section.to_owned(),
                problem: format!(
                    "it ends at byte {offset} after {} records, but the header's {header} is {expected}",
                    ended.records
                ),
            });
        }
        self.note_cut(section, ended.cut_at);
        Ok(ended.records as usize)
    }

    fn finish(mut self, salvage: bool) -> Result<HeapGraph, ReadError> {
        let layout = self.layout.take().ok_or(ReadError::MissingSection { section: "snapshot" })?;
        for section in ["nodes", "edges", "strings"] {
            if !self.seen.contains(&section) {
                if !(salvage && self.missing.cut_at.is_some()) {
                    return Err(ReadError::MissingSection { section });
                }
                self.missing.sections.push(section.to_owned());
            }
        }
        // V8 writes places whenever the header has their fields; only a cut can have taken them.
        let has_places = layout.locations.fields() > 0 && !self.seen.contains(&"locations");
        if has_places && self.missing.cut_at.is_some() {
            self.missing.sections.push("locations".to_owned());
        }
        self.missing.strings = self.missing.sections.iter().any(|section| section == "strings");
        let strings = self.strings.take().unwrap_or_default();
        let (mut nodes, mut rare) =
            self.nodes.take().ok_or(ReadError::MissingSection { section: "nodes" })?;
        check_sizes(&rare.big_sizes, layout.header.extra_native_bytes)?;
        let none =
            || (EdgeBuffers { kind: Vec::new(), name: Vec::new(), to: Vec::new() }, HighestName::default());
        if self.missing.nodes > 0 {
            // Only where edges stand before nodes: some of them lead to nodes that are gone.
            self.edges = None;
            self.locations = LocationColumns::default();
        }
        let (edges, highest) = self.edges.take().unwrap_or_else(none);
        self.missing.edges = layout.edge_count - edges.to.len() as u64;
        self.check_edge_counts(&mut nodes.edge_count, edges.to.len() as u64, layout.edge_count)?;
        if !self.missing.strings {
            check_name("nodes", "name", rare.highest_name, strings.len())?;
            check_name("edges", "name_or_index", highest, strings.len())?;
        }
        if self.missing.is_nothing() {
            check_traces(&self.traces, strings.len())?;
        }
        if !rare.traces.is_empty() {
            self.traces.node_trace = vec![0; nodes.kind.len()];
            for (node, trace) in rare.traces.drain(..) {
                self.traces.node_trace[node as usize] = trace;
            }
        }
        let offsets = Offsets::from_counts(nodes.edge_count)
            .map_err(|error| ReadError::TooLarge { problem: error.to_string() })?;
        Ok(HeapGraph {
            nodes: NodeColumns {
                kind: nodes.kind.into(),
                name: nodes.name.into(),
                id: nodes.id.into(),
                self_size: nodes.self_size.into(),
                edges: offsets,
            },
            edges: EdgeColumns { kind: edges.kind.into(), name: edges.name.into(), to: edges.to.into() },
            strings,
            locations: self.locations,
            big_sizes: rare.big_sizes,
            detachedness: rare.detachedness,
            traces: self.traces,
            header: layout.header,
            missing: self.missing,
        })
    }

    /// The edge counts of all nodes must add up to the edges, also if edges are cut off. Nodes whose edges are
    /// cut off lose them.
    fn check_edge_counts(&self, counts: &mut [u32], edges: u64, promised: u64) -> Result<(), ReadError> {
        let sum: u64 = counts.iter().map(|&count| u64::from(count)).sum();
        if self.missing.nodes == 0 && sum != promised {
            return Err(ReadError::Inconsistent {
                section: "nodes".to_owned(),
                problem: format!(
                    "the edge_count of all nodes add up to {sum}, but there are {promised} edges"
                ),
            });
        }
        let mut left = edges;
        for count in counts {
            *count = u64::from(*count).min(left) as u32;
            left -= u64::from(*count);
        }
        Ok(())
    }
}

/// Functions have names, and call sites have functions.
fn check_traces(traces: &AllocationTraces, strings: usize) -> Result<(), ReadError> {
    let outside = |section: &str, record: usize, problem: String| {
        let problem = format!("record {record}: {problem}");
        Err(ReadError::Inconsistent { section: section.to_owned(), problem })
    };
    for (record, function) in traces.functions.iter().enumerate() {
        let name = function.name.max(function.script_name);
        if name as usize >= strings {
            let problem = format!("name {name} should be below {strings} (number of strings)");
            return outside("trace_function_infos", record, problem);
        }
    }
    let functions = traces.functions.len();
    match traces.tree.iter().position(|node| node.function as usize >= functions) {
        None => Ok(()),
        Some(record) => {
            let function = traces.tree[record].function;
            let problem =
                format!("function_info_index {function} should be below {functions} (number of functions)");
            outside("trace_tree", record, problem)
        }
    }
}

/// Sums over nodes must be exact, also as doubles in DevTools: all sizes together stay below 2^53 bytes. Sizes that
/// are not big can't reach that.
fn check_sizes(big_sizes: &[(u32, u64)], extra_native_bytes: u64) -> Result<(), ReadError> {
    let sum = big_sizes.iter().fold(extra_native_bytes, |sum, (_, size)| sum.saturating_add(*size));
    if sum < 1 << 53 {
        return Ok(());
    }
    let largest = big_sizes.iter().max_by_key(|(_, size)| *size);
    let problem = match largest {
        Some((node, size)) if *size > extra_native_bytes => {
            format!("all self_size add up to 2^53 bytes or more, which no heap has; record {node} has {size}")
        }
        _ => format!("extra_native_bytes is {extra_native_bytes}; no heap has 2^53 bytes or more"),
    };
    Err(ReadError::Inconsistent { section: "nodes".to_owned(), problem })
}

fn check_name(section: &str, field: &str, highest: HighestName, strings: usize) -> Result<(), ReadError> {
    if (highest.name as usize) < strings || (highest.offset == 0 && highest.name == 0) {
        return Ok(());
    }
    Err(ReadError::Malformed {
        section: section.to_owned(),
        record: Some(highest.record),
        offset: highest.offset,
        expected: format!("{field} below {strings} (number of strings)"),
        found: highest.name.to_string(),
    })
}

/// Reads a section of plain numbers, for the small ones.
pub(crate) fn flat_numbers<R: Read>(input: &mut Input<R>, section: &str) -> Result<Vec<u64>, ReadError> {
    input.expect(b'[', section)?;
    let mut numbers = Vec::new();
    loop {
        match input.peek()? {
            Some(b']') if numbers.is_empty() => break,
            _ => numbers.push(input.unsigned(section)?),
        }
        match input.peek()? {
            Some(b',') => input.bump(),
            Some(b']') => break,
            found => return Err(input.unexpected(section, "',' or ']'", found)),
        }
    }
    input.bump();
    Ok(numbers)
}
