//! Where the integers of each big section go.

use super::header::{EdgeLayout, NodeLayout, SmallLayout};
use super::records::{FieldProblem, Part, Sink};
use crate::graph::LocationColumns;

/// The highest string index seen, and where: checked once the strings are known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HighestName {
    pub(crate) name: u32,
    pub(crate) record: u64,
    pub(crate) offset: u64,
}

impl HighestName {
    #[inline]
    fn see(&mut self, name: u32, record: u64, offset: u64) {
        if name > self.name {
            *self = HighestName { name, record, offset };
        }
    }

    fn merge(&mut self, other: HighestName) {
        if other.name > self.name {
            *self = other;
        }
    }
}

/// A file's type number to our code; 255 for numbers without a type.
fn code_table(codes: &[u8]) -> [u8; 256] {
    let mut table = [u8::MAX; 256];
    table[..codes.len()].copy_from_slice(codes);
    table
}

fn kind_code(table: &[u8; 256], types: usize, value: u64) -> Result<u8, FieldProblem> {
    match table.get(value as usize) {
        Some(&code) if code != u8::MAX && value < 256 => Ok(code),
        _ => Err(FieldProblem { field: "type", expected: format!("below {types}"), found: value }),
    }
}

fn narrow(field: &'static str, value: u64) -> Result<u32, FieldProblem> {
    u32::try_from(value).map_err(|_| FieldProblem { field, expected: "below 2^32".to_owned(), found: value })
}

/// Columns of the nodes while they are being filled.
pub(crate) struct NodeSink<'a> {
    layout: &'a NodeLayout,
    table: [u8; 256],
    next: u32,
    kind: &'a mut [u8],
    name: &'a mut [u32],
    id: &'a mut [u32],
    self_size: &'a mut [u32],
    edge_count: &'a mut [u32],
    rare: RareFields,
}

/// Values that few nodes have.
#[derive(Default)]
pub(crate) struct RareFields {
    pub(crate) big_sizes: Vec<(u32, u64)>,
    pub(crate) traces: Vec<(u32, u32)>,
    pub(crate) detachedness: Vec<(u32, u8)>,
    pub(crate) highest_name: HighestName,
}

/// The five columns that every node has.
pub(crate) struct NodeBuffers {
    pub(crate) kind: Vec<u8>,
    pub(crate) name: Vec<u32>,
    pub(crate) id: Vec<u32>,
    pub(crate) self_size: Vec<u32>,
    pub(crate) edge_count: Vec<u32>,
}

impl<'a> NodeSink<'a> {
    pub(crate) fn new(layout: &'a NodeLayout, buffers: &'a mut NodeBuffers) -> Self {
        NodeSink {
            layout,
            table: code_table(&layout.kinds),
            next: 0,
            kind: &mut buffers.kind,
            name: &mut buffers.name,
            id: &mut buffers.id,
            self_size: &mut buffers.self_size,
            edge_count: &mut buffers.edge_count,
            rare: RareFields::default(),
        }
    }

    pub(crate) fn finish(self) -> RareFields {
        let mut rare = self.rare;
        rare.big_sizes.sort_unstable();
        rare.traces.sort_unstable();
        rare.detachedness.sort_unstable();
        rare
    }
}

/// Takes the first `count` values out of a slice that is handed out piece by piece.
fn cut<'a, T>(slice: &mut &'a mut [T], count: usize) -> &'a mut [T] {
    let (head, tail) = std::mem::take(slice).split_at_mut(count);
    *slice = tail;
    head
}

impl<'a> Sink for NodeSink<'a> {
    type Part = NodePart<'a>;

    fn split(&mut self, records: usize) -> Result<NodePart<'a>, String> {
        if records > self.kind.len() {
            let expected = self.next as usize + self.kind.len();
            return Err(format!("there are more nodes than the {expected} of the header's node_count"));
        }
        let first = self.next;
        self.next += records as u32;
        Ok(NodePart {
            layout: self.layout,
            table: self.table,
            first,
            kind: cut(&mut self.kind, records),
            name: cut(&mut self.name, records),
            id: cut(&mut self.id, records),
            self_size: cut(&mut self.self_size, records),
            edge_count: cut(&mut self.edge_count, records),
            rare: RareFields::default(),
        })
    }

    fn merge(&mut self, part: NodePart<'a>) {
        self.rare.big_sizes.extend(part.rare.big_sizes);
        self.rare.traces.extend(part.rare.traces);
        self.rare.detachedness.extend(part.rare.detachedness);
        self.rare.highest_name.merge(part.rare.highest_name);
    }
}

pub(crate) struct NodePart<'a> {
    layout: &'a NodeLayout,
    table: [u8; 256],
    first: u32,
    kind: &'a mut [u8],
    name: &'a mut [u32],
    id: &'a mut [u32],
    self_size: &'a mut [u32],
    edge_count: &'a mut [u32],
    rare: RareFields,
}

impl Part for NodePart<'_> {
    #[inline(always)]
    fn store(&mut self, index: usize, record: &[u64], offset: u64) -> Result<(), FieldProblem> {
        let layout = self.layout;
        let node = self.first + index as u32;
        self.kind[index] = kind_code(&self.table, layout.kinds.len(), record[layout.kind])?;
        let name = narrow("name", record[layout.name])?;
        self.rare.highest_name.see(name, u64::from(node), offset);
        self.name[index] = name;
        self.id[index] = narrow("id", record[layout.id])?;
        self.edge_count[index] = narrow("edge_count", record[layout.edge_count])?;
        let size = record[layout.self_size];
        if size < u64::from(u32::MAX) {
            self.self_size[index] = size as u32;
        } else {
            self.self_size[index] = u32::MAX;
            self.rare.big_sizes.push((node, size));
        }
        if let Some(at) = layout.trace_node_id
            && record[at] != 0
        {
            self.rare.traces.push((node, narrow("trace_node_id", record[at])?));
        }
        if let Some(at) = layout.detachedness
            && record[at] != 0
        {
            let value = u8::try_from(record[at]).map_err(|_| FieldProblem {
                field: "detachedness",
                expected: "below 256".to_owned(),
                found: record[at],
            })?;
            self.rare.detachedness.push((node, value));
        }
        Ok(())
    }
}

/// Columns of the edges while they are being filled.
pub(crate) struct EdgeSink<'a> {
    layout: &'a EdgeLayout,
    target: Target,
    table: [u8; 256],
    next: u64,
    kind: &'a mut [u8],
    name: &'a mut [u32],
    to: &'a mut [u32],
    pub(crate) highest_name: HighestName,
}

/// The three columns that every edge has.
pub(crate) struct EdgeBuffers {
    pub(crate) kind: Vec<u8>,
    pub(crate) name: Vec<u32>,
    pub(crate) to: Vec<u32>,
}

/// Turns `to_node` (ordinal times fields per node) into an ordinal, without a division.
#[derive(Clone, Copy)]
struct Target {
    fields: u64,
    /// 2^64 / fields, rounded up: the high half of a product with it is the quotient, exactly so for values
    /// below 2^57 and 2 to 64 fields, as value * (error of the reciprocal, at most 64) < 2^64.
    reciprocal: u64,
    nodes: u64,
}

impl Target {
    fn new(fields: usize, nodes: u64) -> Self {
        let fields = fields as u64;
        Target { fields, reciprocal: (u64::MAX / fields) + 1, nodes }
    }

    #[inline(always)]
    fn ordinal(self, value: u64) -> Result<u32, FieldProblem> {
        let quotient = ((u128::from(value) * u128::from(self.reciprocal)) >> 64) as u64;
        if quotient * self.fields == value && quotient < self.nodes && value < 1 << 57 {
            return Ok(quotient as u32);
        }
        let expected = format!(
            "a multiple of {} (fields of a node) below {} ({} nodes)",
            self.fields,
            self.nodes * self.fields,
            self.nodes
        );
        Err(FieldProblem { field: "to_node", expected, found: value })
    }
}

impl<'a> EdgeSink<'a> {
    pub(crate) fn new(
        layout: &'a EdgeLayout,
        node_fields: usize,
        node_count: u64,
        buffers: &'a mut EdgeBuffers,
    ) -> Self {
        EdgeSink {
            layout,
            target: Target::new(node_fields, node_count),
            table: code_table(&layout.kinds),
            next: 0,
            kind: &mut buffers.kind,
            name: &mut buffers.name,
            to: &mut buffers.to,
            highest_name: HighestName::default(),
        }
    }
}

impl<'a> Sink for EdgeSink<'a> {
    type Part = EdgePart<'a>;

    fn split(&mut self, records: usize) -> Result<EdgePart<'a>, String> {
        if records > self.kind.len() {
            let expected = self.next + self.kind.len() as u64;
            return Err(format!("there are more edges than the {expected} of the header's edge_count"));
        }
        let first = self.next;
        self.next += records as u64;
        Ok(EdgePart {
            layout: self.layout,
            target: self.target,
            table: self.table,
            first,
            kind: cut(&mut self.kind, records),
            name: cut(&mut self.name, records),
            to: cut(&mut self.to, records),
            highest_name: HighestName::default(),
        })
    }

    fn merge(&mut self, part: EdgePart<'a>) {
        self.highest_name.merge(part.highest_name);
    }
}

pub(crate) struct EdgePart<'a> {
    layout: &'a EdgeLayout,
    target: Target,
    table: [u8; 256],
    first: u64,
    kind: &'a mut [u8],
    name: &'a mut [u32],
    to: &'a mut [u32],
    highest_name: HighestName,
}

impl Part for EdgePart<'_> {
    #[inline(always)]
    fn store(&mut self, index: usize, record: &[u64], offset: u64) -> Result<(), FieldProblem> {
        let layout = self.layout;
        let code = kind_code(&self.table, layout.kinds.len(), record[layout.kind])?;
        self.kind[index] = code;
        let name = narrow("name_or_index", record[layout.name])?;
        if !crate::kinds::EdgeKind::from_code(code).is_numbered() {
            self.highest_name.see(name, self.first + index as u64, offset);
        }
        self.name[index] = name;
        self.to[index] = self.target.ordinal(record[layout.to])?;
        Ok(())
    }
}

/// Places, in the file's order.
pub(crate) struct LocationSink {
    fields: [usize; 4],
    target: Target,
    next: usize,
    parts: Vec<LocationPart>,
}

impl LocationSink {
    /// `None` when the header names no such fields.
    pub(crate) fn new(layout: &SmallLayout, node_fields: usize, node_count: u64) -> Option<Self> {
        let fields =
            [layout.at("object_index")?, layout.at("script_id")?, layout.at("line")?, layout.at("column")?];
        Some(LocationSink {
            fields,
            target: Target::new(node_fields, node_count),
            next: 0,
            parts: Vec::new(),
        })
    }

    /// The columns, sorted by node. Of several places of one node the last counts, as in DevTools.
    pub(crate) fn finish(mut self) -> LocationColumns {
        self.parts.sort_unstable_by_key(|part| part.first);
        let mut rows: Vec<[u32; 4]> = Vec::with_capacity(self.next);
        for part in &mut self.parts {
            rows.append(&mut part.rows);
        }
        if !rows.is_sorted_by(|a, b| a[0] < b[0]) {
            rows.reverse();
            rows.sort_by_key(|row| row[0]);
            rows.dedup_by_key(|row| row[0]);
        }
        let column = |at: usize| rows.iter().map(|row| row[at]).collect::<Vec<u32>>().into();
        LocationColumns { node: column(0), script: column(1), line: column(2), column: column(3) }
    }
}

impl Sink for LocationSink {
    type Part = LocationPart;

    fn split(&mut self, records: usize) -> Result<LocationPart, String> {
        let first = self.next;
        self.next += records;
        let rows = Vec::with_capacity(records);
        Ok(LocationPart { fields: self.fields, target: self.target, first, rows })
    }

    fn merge(&mut self, part: LocationPart) {
        self.parts.push(part);
    }
}

pub(crate) struct LocationPart {
    fields: [usize; 4],
    target: Target,
    first: usize,
    rows: Vec<[u32; 4]>,
}

impl Part for LocationPart {
    #[inline(always)]
    fn store(&mut self, _index: usize, record: &[u64], _offset: u64) -> Result<(), FieldProblem> {
        let [object, script, line, column] = self.fields;
        let node = self
            .target
            .ordinal(record[object])
            .map_err(|problem| FieldProblem { field: "object_index", ..problem })?;
        self.rows.push([
            node,
            narrow("script_id", record[script])?,
            narrow("line", record[line])?,
            narrow("column", record[column])?,
        ]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinals_without_division_are_exact() {
        for fields in 5..=64 {
            let target = Target::new(fields, 1 << 40);
            for ordinal in [0u64, 1, 2, 4_294_967_295, 613_566_756, 1 << 31] {
                let value = ordinal * fields as u64;
                assert_eq!(target.ordinal(value).ok(), Some(ordinal as u32), "{ordinal} * {fields}");
                assert!(target.ordinal(value + 1).is_err(), "{ordinal} * {fields} + 1");
            }
        }
        assert!(Target::new(7, 10).ordinal(70).is_err());
        assert!(Target::new(7, 10).ordinal(u64::MAX).is_err());
    }
}
