//! One size per node, in four bytes where it fits.

use crate::column::Column;
use crate::graph::{HeapGraph, NodeIndex};

/// Sizes in bytes. Those of 2^32 - 1 and more stand in a list of their own.
#[derive(Clone, Default)]
pub(crate) struct Sizes {
    pub(crate) low: Column<u32>,
    /// Sorted by node.
    pub(crate) big: Vec<(u32, u64)>,
}

impl Sizes {
    #[inline]
    pub(crate) fn get(&self, node: usize) -> u64 {
        match self.low[node] {
            u32::MAX => self.big_size(node as u32),
            size => u64::from(size),
        }
    }

    #[cold]
    fn big_size(&self, node: u32) -> u64 {
        self.big.binary_search_by_key(&node, |entry| entry.0).map_or(u64::from(u32::MAX), |at| self.big[at].1)
    }
}

/// Collects sizes that may be changed until they are finished.
pub(crate) struct SizesBuilder {
    low: Vec<u32>,
    big: rustc_hash::FxHashMap<u32, u64>,
}

impl SizesBuilder {
    /// The file's own self sizes.
    pub(crate) fn self_sizes(graph: &HeapGraph) -> Self {
        SizesBuilder { low: graph.nodes.self_size.to_vec(), big: graph.big_sizes.iter().copied().collect() }
    }

    pub(crate) fn zeros(nodes: usize) -> Self {
        SizesBuilder { low: vec![0; nodes], big: Default::default() }
    }

    pub(crate) fn get(&self, node: NodeIndex) -> u64 {
        match self.low[node.index()] {
            u32::MAX => self.big.get(&node.0).copied().unwrap_or(u64::from(u32::MAX)),
            size => u64::from(size),
        }
    }

    pub(crate) fn set(&mut self, node: NodeIndex, size: u64) {
        if size < u64::from(u32::MAX) {
            self.low[node.index()] = size as u32;
            if !self.big.is_empty() {
                self.big.remove(&node.0);
            }
        } else {
            self.low[node.index()] = u32::MAX;
            self.big.insert(node.0, size);
        }
    }

    pub(crate) fn finish(self) -> Sizes {
        let mut big: Vec<(u32, u64)> = self.big.into_iter().collect();
        big.sort_unstable();
        Sizes { low: self.low.into(), big }
    }
}
