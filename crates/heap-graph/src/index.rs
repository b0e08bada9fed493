//! The index file: a graph and its analysis as they are in memory, to be mapped instead of computed again.
//!
//! Layout, all little-endian: 8 bytes magic, 4 bytes version, 4 bytes number of sections, 8 bytes length of the
//! identity, the identity (what the caller knows its source by), then for each section 8 bytes each: number,
//! offset, length, XXH3 of its bytes. Sections begin at multiples of 64. Columns are stored as they are; the
//! rest is JSON. A section is checked against its hash when it is first asked for.
//!
//! Versions: 1 is the first, 2 knows how many kinds the file lists. A file of another version is not read, but made anew.

use std::io::{self, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::analysis::classes::{ClassColumn, ClassKey, ClassRow};
use crate::analysis::sizes::Sizes;
use crate::analysis::{Analysis, InterfaceDefinition, Statistics};
use crate::column::{Bytes, Column, Plain};
use crate::graph::{EdgeColumns, Header, HeapGraph, Location, LocationColumns, NodeColumns};
use crate::offsets::Offsets;
use crate::retainers::Retainers;
use crate::strings::Strings;
use crate::traces::AllocationTraces;

const MAGIC: [u8; 8] = *b"HDWINDEX";
const VERSION: u32 = 2;
const ALIGNMENT: u64 = 64;

/// Why an index file can't serve. The remedy is always to make it anew.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// The bytes are no index, or were cut.
    #[error("this is no index file, or it was cut")]
    NotAnIndex,
    /// Another version of this program made it.
    #[error("the index has version {0}")]
    OtherVersion(u32),
    /// It belongs to another source.
    #[error("the index belongs to another file")]
    OtherSource,
    /// A section's bytes are not what was written.
    #[error("section {0} of the index is damaged")]
    Damaged(u32),
}

/// Numbers of the sections.
mod section {
    pub(super) const GRAPH_FACTS: u32 = 1;
    pub(super) const NODE_KIND: u32 = 2;
    pub(super) const NODE_NAME: u32 = 3;
    pub(super) const NODE_ID: u32 = 4;
    pub(super) const NODE_SIZE: u32 = 5;
    pub(super) const EDGE_OFFSET: u32 = 6;
    pub(super) const EDGE_OFFSET_BLOCK: u32 = 7;
    pub(super) const EDGE_KIND: u32 = 8;
    pub(super) const EDGE_NAME: u32 = 9;
    pub(super) const EDGE_TO: u32 = 10;
    pub(super) const STRING_BLOB: u32 = 11;
    pub(super) const STRING_END: u32 = 12;
    pub(super) const PLACE_NODE: u32 = 13;
    pub(super) const PLACE_SCRIPT: u32 = 14;
    pub(super) const PLACE_LINE: u32 = 15;
    pub(super) const PLACE_COLUMN: u32 = 16;
    pub(super) const NODE_TRACE: u32 = 17;
    pub(super) const ANALYSIS_FACTS: u32 = 32;
    pub(super) const SHALLOW: u32 = 33;
    pub(super) const RETAINED: u32 = 34;
    pub(super) const DISTANCE: u32 = 35;
    pub(super) const DOMINATOR: u32 = 36;
    pub(super) const CLASS: u32 = 37;
    pub(super) const RETAINER_OFFSET: u32 = 48;
    pub(super) const RETAINER_OFFSET_BLOCK: u32 = 49;
    pub(super) const RETAINER: u32 = 50;
}

#[derive(Serialize, Deserialize)]
struct GraphFacts {
    header: Header,
    big_sizes: Vec<(u32, u64)>,
    detachedness: Vec<(u32, u8)>,
    functions: Vec<crate::traces::TraceFunction>,
    tree: Vec<crate::traces::TraceNode>,
    samples: Vec<crate::traces::Sample>,
}

/// Script, line, column.
type Place = (u32, u32, u32);

#[derive(Serialize, Deserialize)]
struct AnalysisFacts {
    big_shallow: Vec<(u32, u64)>,
    big_retained: Vec<(u32, u64)>,
    classes: Vec<(String, Option<Place>, bool)>,
    rows: Vec<(u32, u64, u64, u64, i32)>,
    interfaces: Vec<InterfaceDefinition>,
    statistics: Statistics,
    renamed: Vec<u32>,
}

/// Writes the index of a whole snapshot. A salvaged one has none.
///
/// # Errors
/// What the writer says.
pub fn write_index(
    identity: &[u8],
    graph: &HeapGraph,
    analysis: &Analysis,
    out: &mut impl Write,
) -> io::Result<()> {
    let facts = serde_json::to_vec(&GraphFacts {
        header: graph.header.clone(),
        big_sizes: graph.big_sizes.clone(),
        detachedness: graph.detachedness.clone(),
        functions: graph.traces.functions.clone(),
        tree: graph.traces.tree.clone(),
        samples: graph.traces.samples.clone(),
    })?;
    let place = |place: Location| (place.script_id, place.line, place.column);
    let row = |row: &ClassRow| (row.class, row.count, row.shallow_size, row.retained_size, row.distance);
    let analysis_facts = serde_json::to_vec(&AnalysisFacts {
        big_shallow: analysis.shallow.big.clone(),
        big_retained: analysis.retained.big.clone(),
        classes: analysis
            .classes
            .keys
            .iter()
            .map(|key| (key.name.clone(), key.location.map(place), key.is_own_name))
            .collect(),
        rows: analysis.rows.iter().map(row).collect(),
        interfaces: analysis.interfaces.clone(),
        statistics: analysis.statistics,
        renamed: analysis.renamed.clone(),
    })?;
    let (nodes, edges) = (&graph.nodes, &graph.edges);
    let (offset_low, offset_blocks) = nodes.edges.columns();
    write_sections(
        identity,
        &[
            (section::ANALYSIS_FACTS, &analysis_facts),
            (section::GRAPH_FACTS, &facts),
            (section::NODE_KIND, bytes(&nodes.kind)),
            (section::NODE_NAME, bytes(&nodes.name)),
            (section::NODE_ID, bytes(&nodes.id)),
            (section::NODE_SIZE, bytes(&nodes.self_size)),
            (section::EDGE_OFFSET, bytes(offset_low)),
            (section::EDGE_OFFSET_BLOCK, bytes(offset_blocks)),
            (section::EDGE_KIND, bytes(&edges.kind)),
            (section::EDGE_NAME, bytes(&edges.name)),
            (section::EDGE_TO, bytes(&edges.to)),
            (section::STRING_BLOB, bytes(&graph.strings.blob)),
            (section::STRING_END, bytes(&graph.strings.ends)),
            (section::PLACE_NODE, bytes(&graph.locations.node)),
            (section::PLACE_SCRIPT, bytes(&graph.locations.script)),
            (section::PLACE_LINE, bytes(&graph.locations.line)),
            (section::PLACE_COLUMN, bytes(&graph.locations.column)),
            (section::NODE_TRACE, bytemuck::cast_slice(&graph.traces.node_trace)),
            (section::SHALLOW, bytes(&analysis.shallow.low)),
            (section::RETAINED, bytes(&analysis.retained.low)),
            (section::DISTANCE, bytes(&analysis.distances)),
            (section::DOMINATOR, bytes(&analysis.dominators)),
            (section::CLASS, bytes(&analysis.classes.class_of)),
        ],
        out,
    )
}

/// Writes the index of the backward edges, which only some questions need.
///
/// # Errors
/// What the writer says.
pub fn write_retainer_index(identity: &[u8], retainers: &Retainers, out: &mut impl Write) -> io::Result<()> {
    let (low, blocks) = retainers.offsets.columns();
    write_sections(
        identity,
        &[
            (section::RETAINER_OFFSET, bytes(low)),
            (section::RETAINER_OFFSET_BLOCK, bytes(blocks)),
            (section::RETAINER, bytes(&retainers.from)),
        ],
        out,
    )
}

fn bytes<T: Plain>(column: &Column<T>) -> &[u8] {
    bytemuck::cast_slice(column)
}

fn write_sections(identity: &[u8], sections: &[(u32, &[u8])], out: &mut impl Write) -> io::Result<()> {
    if cfg!(target_endian = "big") {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "index files are made on little-endian machines",
        ));
    }
    out.write_all(&MAGIC)?;
    out.write_all(&VERSION.to_le_bytes())?;
    out.write_all(&(sections.len() as u32).to_le_bytes())?;
    out.write_all(&(identity.len() as u64).to_le_bytes())?;
    out.write_all(identity)?;
    let mut at = 24 + identity.len() as u64 + 32 * sections.len() as u64;
    let head = at;
    for (number, bytes) in sections {
        at = at.next_multiple_of(ALIGNMENT);
        for value in [u64::from(*number), at, bytes.len() as u64, xxh3_64(bytes)] {
            out.write_all(&value.to_le_bytes())?;
        }
        at += bytes.len() as u64;
    }
    let mut at = head;
    for (_, bytes) in sections {
        let gap = at.next_multiple_of(ALIGNMENT) - at;
        out.write_all(&[0; ALIGNMENT as usize][..gap as usize])?;
        out.write_all(bytes)?;
        at += gap + bytes.len() as u64;
    }
    Ok(())
}

/// An open index file.
pub struct Index {
    holder: Arc<dyn Bytes>,
    sections: Vec<Section>,
}

#[derive(Clone, Copy)]
struct Section {
    number: u32,
    start: usize,
    len: usize,
    hash: u64,
}

impl Index {
    /// Opens an index that was made for the source with this identity.
    ///
    /// # Errors
    /// If it is none, of another version, of another source, or cut.
    pub fn open(holder: Arc<dyn Bytes>, identity: &[u8]) -> Result<Index, IndexError> {
        let bytes = holder.bytes();
        let number = |at: usize, len: usize| -> Result<u64, IndexError> {
            let field =
                at.checked_add(len).and_then(|end| bytes.get(at..end)).ok_or(IndexError::NotAnIndex)?;
            let mut value = [0; 8];
            value[..len].copy_from_slice(field);
            Ok(u64::from_le_bytes(value))
        };
        if bytes.get(..8) != Some(&MAGIC) {
            return Err(IndexError::NotAnIndex);
        }
        let version = number(8, 4)? as u32;
        if version != VERSION {
            return Err(IndexError::OtherVersion(version));
        }
        let count = number(12, 4)?;
        let identity_len = usize::try_from(number(16, 8)?).map_err(|_| IndexError::NotAnIndex)?;
        let table = 24usize.checked_add(identity_len).ok_or(IndexError::NotAnIndex)?;
        if bytes.get(24..table).ok_or(IndexError::NotAnIndex)? != identity {
            return Err(IndexError::OtherSource);
        }
        let mut sections = Vec::new();
        for row in 0..count as usize {
            let at = table + 32 * row;
            let (start, len) = (number(at + 8, 8)? as usize, number(at + 16, 8)? as usize);
            if start.checked_add(len).is_none_or(|end| end > bytes.len()) {
                return Err(IndexError::NotAnIndex);
            }
            sections.push(Section { number: number(at, 8)? as u32, start, len, hash: number(at + 24, 8)? });
        }
        Ok(Index { holder, sections })
    }

    fn section(&self, number: u32) -> Result<Section, IndexError> {
        let damaged = IndexError::Damaged(number);
        let section = self.sections.iter().find(|section| section.number == number).ok_or(damaged.clone())?;
        let bytes = &self.holder.bytes()[section.start..section.start + section.len];
        if xxh3_64(bytes) != section.hash { Err(damaged) } else { Ok(*section) }
    }

    fn column<T: Plain>(&self, number: u32) -> Result<Column<T>, IndexError> {
        let section = self.section(number)?;
        Column::lent(&self.holder, section.start, section.len).ok_or(IndexError::Damaged(number))
    }

    fn json<'a, T: Deserialize<'a>>(&'a self, number: u32) -> Result<T, IndexError> {
        let section = self.section(number)?;
        let bytes = &self.holder.bytes()[section.start..section.start + section.len];
        serde_json::from_slice(bytes).map_err(|_| IndexError::Damaged(number))
    }

    /// The graph, its columns lent from the file.
    ///
    /// # Errors
    /// If a section is damaged.
    pub fn graph(&self) -> Result<HeapGraph, IndexError> {
        let facts: GraphFacts = self.json(section::GRAPH_FACTS)?;
        let edges = Offsets::from_columns(
            self.column(section::EDGE_OFFSET)?,
            self.column(section::EDGE_OFFSET_BLOCK)?,
        );
        Ok(HeapGraph {
            nodes: NodeColumns {
                kind: self.column(section::NODE_KIND)?,
                name: self.column(section::NODE_NAME)?,
                id: self.column(section::NODE_ID)?,
                self_size: self.column(section::NODE_SIZE)?,
                edges,
            },
            edges: EdgeColumns {
                kind: self.column(section::EDGE_KIND)?,
                name: self.column(section::EDGE_NAME)?,
                to: self.column(section::EDGE_TO)?,
            },
            strings: Strings {
                blob: self.column(section::STRING_BLOB)?,
                ends: self.column(section::STRING_END)?,
            },
            locations: LocationColumns {
                node: self.column(section::PLACE_NODE)?,
                script: self.column(section::PLACE_SCRIPT)?,
                line: self.column(section::PLACE_LINE)?,
                column: self.column(section::PLACE_COLUMN)?,
            },
            big_sizes: facts.big_sizes,
            detachedness: facts.detachedness,
            traces: AllocationTraces {
                functions: facts.functions,
                tree: facts.tree,
                samples: facts.samples,
                node_trace: self.column::<u32>(section::NODE_TRACE)?.to_vec(),
            },
            header: facts.header,
            missing: Default::default(),
        })
    }

    /// The analysis, its columns lent from the file.
    ///
    /// # Errors
    /// If a section is damaged.
    pub fn analysis(&self) -> Result<Analysis, IndexError> {
        let facts: AnalysisFacts = self.json(section::ANALYSIS_FACTS)?;
        let location = |(script_id, line, column)| Location { script_id, line, column };
        let keys = facts
            .classes
            .into_iter()
            .map(|(name, place, is_own_name)| ClassKey { name, location: place.map(location), is_own_name })
            .collect();
        let row = |(class, count, shallow_size, retained_size, distance)| ClassRow {
            class,
            count,
            shallow_size,
            retained_size,
            distance,
        };
        Ok(Analysis {
            shallow: Sizes { low: self.column(section::SHALLOW)?, big: facts.big_shallow },
            retained: Sizes { low: self.column(section::RETAINED)?, big: facts.big_retained },
            distances: self.column(section::DISTANCE)?,
            dominators: self.column(section::DOMINATOR)?,
            classes: ClassColumn { class_of: self.column(section::CLASS)?, keys },
            rows: facts.rows.into_iter().map(row).collect(),
            interfaces: facts.interfaces,
            statistics: facts.statistics,
            renamed: facts.renamed,
        })
    }

    /// The backward edges, lent from the file.
    ///
    /// # Errors
    /// If a section is damaged, or this is the index of a graph.
    pub fn retainers(&self) -> Result<Retainers, IndexError> {
        let low = self.column(section::RETAINER_OFFSET)?;
        let blocks = self.column(section::RETAINER_OFFSET_BLOCK)?;
        Ok(Retainers { offsets: Offsets::from_columns(low, blocks), from: self.column(section::RETAINER)? })
    }
}
