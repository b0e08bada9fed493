//! Why bytes that were asked for are not there.

use thiserror::Error;

/// Why an address gives no bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapKind {
    /// The process has no mapping at that address.
    Unmapped,
    /// The process had memory there, and the source does not hold it (a core left it out by filter, by
    /// `MADV_DONTDUMP`, or because the file that backs it was not found).
    Absent,
    /// The source should hold it and cannot give it: a file that ends early, a failed system call.
    Unreadable,
}

/// The first address of a read for which there are no bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no bytes at {address:#x}: {}", match kind {
    GapKind::Unmapped => "nothing is mapped there",
    GapKind::Absent => "this memory is not in the source",
    GapKind::Unreadable => "this memory cannot be read",
})]
pub struct Gap {
    /// The first address that could not be read; every byte before it was.
    pub address: u64,
    /// Why.
    pub kind: GapKind,
}
