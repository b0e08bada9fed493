//! DevTools' numbers for every node of a snapshot.

use serde::Deserialize;

/// Bytes of a record; `node-rows.mjs` says what stands in it.
const RECORD: usize = 56;

/// What DevTools knows of one node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NodeRow<'a> {
    /// V8's id, shown as `@id`.
    pub id: u64,
    /// The node's type, as `object`.
    pub kind: &'a str,
    /// The class name.
    pub class: &'a str,
    /// The self size in the file.
    pub raw_self_size: u64,
    /// The shallow size, after sizes went to their owners.
    pub self_size: u64,
    /// The retained size.
    pub retained_size: u64,
    /// The distance from the user's roots; 100,000,000 and more from the system's; -5 where nothing leads.
    pub distance: i32,
    /// The ordinal of the immediate dominator.
    pub dominator: u32,
    /// 0 unknown, 1 attached, 2 detached.
    pub detachedness: u32,
    /// How many edges leave it.
    pub edge_count: u32,
    /// The ordinal of the native context that owns it; -1 none, -2 several.
    pub native_context: i32,
}

#[derive(Deserialize)]
struct Tables {
    types: Vec<String>,
    classes: Vec<String>,
}

/// The rows of a snapshot, by ordinal.
pub struct NodeRows {
    records: Vec<u8>,
    tables: Tables,
}

impl NodeRows {
    pub(crate) fn new(records: Vec<u8>, header: &[u8]) -> Result<Self, serde_json::Error> {
        Ok(Self { records, tables: serde_json::from_slice(header)? })
    }

    /// How many nodes the snapshot has.
    pub fn len(&self) -> usize {
        self.records.len() / RECORD
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The row of the node with this ordinal, which is below [`len`](Self::len).
    pub fn row(&self, ordinal: usize) -> NodeRow<'_> {
        let record = &self.records[ordinal * RECORD..][..RECORD];
        let double = |at: usize| f64::from_le_bytes(array(&record[at..])) as u64;
        let word = |at: usize| u32::from_le_bytes(array(&record[at..]));
        NodeRow {
            id: double(0),
            retained_size: double(8),
            self_size: double(16),
            distance: word(24) as i32,
            dominator: word(28),
            detachedness: word(32),
            edge_count: word(36),
            raw_self_size: u64::from(word(40)),
            kind: &self.tables.types[word(44) as usize],
            class: &self.tables.classes[word(48) as usize],
            native_context: word(52) as i32,
        }
    }

    /// The rows in the file's order.
    pub fn iter(&self) -> impl Iterator<Item = NodeRow<'_>> {
        (0..self.len()).map(|ordinal| self.row(ordinal))
    }
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[..N]);
    array
}
