//! Where each node's edges begin: 64-bit offsets in four bytes a node.

use std::ops::Range;

use crate::column::Column;

/// Nodes per block. Within one block the offsets may not span 2^32 edges.
const BLOCK_SHIFT: usize = 16;

/// Start offsets of rows in a big array: `offset(i)` for `i` in `0..=rows`.
///
/// Only the low 32 bits are kept per row; the start of every 65,536th row is kept in full, and a row's high
/// bits follow from it. A graph of more than 2^32 edges thus costs no more per node than a small one.
#[derive(Clone, Default)]
pub struct Offsets {
    low: Column<u32>,
    blocks: Column<u64>,
}

/// A block of rows holds 2^32 entries or more, which four bytes a row can't tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("rows {first_row} to {last_row} hold 2^32 entries or more together; this is not supported")]
pub struct TooDense {
    /// First row of the block.
    pub first_row: usize,
    /// Last row of the block.
    pub last_row: usize,
}

impl Offsets {
    /// Turns counts per row into offsets, in place.
    ///
    /// # Errors
    /// If 65,536 neighbouring rows hold 2^32 entries or more.
    pub fn from_counts(mut counts: Vec<u32>) -> Result<Self, TooDense> {
        let mut blocks = Vec::with_capacity((counts.len() >> BLOCK_SHIFT) + 1);
        let mut sum = 0u64;
        counts.push(0);
        for (row, value) in counts.iter_mut().enumerate() {
            if row % (1 << BLOCK_SHIFT) == 0 {
                blocks.push(sum);
            }
            let block = blocks[row >> BLOCK_SHIFT];
            if sum - block > u64::from(u32::MAX) {
                let first_row = row >> BLOCK_SHIFT << BLOCK_SHIFT;
                return Err(TooDense { first_row, last_row: row });
            }
            let count = *value;
            *value = sum as u32;
            sum += u64::from(count);
        }
        Ok(Offsets { low: counts.into(), blocks: blocks.into() })
    }

    /// From the two columns of an index file.
    pub(crate) fn from_columns(low: Column<u32>, blocks: Column<u64>) -> Self {
        Offsets { low, blocks }
    }

    pub(crate) fn columns(&self) -> (&Column<u32>, &Column<u64>) {
        (&self.low, &self.blocks)
    }

    /// The same with its columns at hand, for loops that ask millions of times.
    pub(crate) fn view(&self) -> OffsetsView<'_> {
        OffsetsView { low: &self.low, blocks: &self.blocks }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.low.len().saturating_sub(1)
    }

    /// Start of row `row`; of the row after the last: the number of entries.
    #[inline]
    pub fn get(&self, row: usize) -> u64 {
        self.view().get(row)
    }

    /// The entries of row `row`.
    #[inline]
    pub fn range(&self, row: usize) -> Range<u64> {
        self.get(row)..self.get(row + 1)
    }

    /// Number of entries in all rows.
    pub fn total(&self) -> u64 {
        if self.low.is_empty() { 0 } else { self.get(self.rows()) }
    }

    /// The row that entry `entry` belongs to.
    pub fn row_of(&self, entry: u64) -> usize {
        let (mut low, mut high) = (0, self.rows());
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            if self.get(middle) <= entry { low = middle } else { high = middle }
        }
        // Rows without entries share their start with the next one; the owner is the one that is not empty.
        while self.get(low + 1) <= entry {
            low += 1;
        }
        low
    }

    pub(crate) fn owned_bytes(&self) -> usize {
        self.low.owned_bytes() + self.blocks.owned_bytes()
    }
}

/// Offsets whose columns have been looked up.
#[derive(Clone, Copy)]
pub(crate) struct OffsetsView<'a> {
    low: &'a [u32],
    blocks: &'a [u64],
}

impl OffsetsView<'_> {
    #[inline(always)]
    pub(crate) fn get(self, row: usize) -> u64 {
        let block = self.blocks[row >> BLOCK_SHIFT];
        block + u64::from(self.low[row].wrapping_sub(block as u32))
    }

    /// The entries of row `row`, as indices.
    #[inline(always)]
    pub(crate) fn range(self, row: usize) -> Range<usize> {
        self.get(row) as usize..self.get(row + 1) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_beyond_four_billion_keep_their_high_bits() {
        // 200,000 rows of 50,000 entries: 10^10 in all, and blocks that start beyond 2^32.
        let offsets = Offsets::from_counts(vec![50_000; 200_000]).unwrap();
        for row in [0usize, 1, 65_535, 65_536, 85_899, 85_900, 131_072, 199_999] {
            assert_eq!(offsets.range(row), row as u64 * 50_000..(row as u64 + 1) * 50_000, "row {row}");
        }
        assert_eq!(offsets.total(), 10_000_000_000);
        assert_eq!(offsets.row_of(4_294_967_296), 85_899);
        assert_eq!(offsets.row_of(9_999_999_999), 199_999);
    }

    #[test]
    fn a_block_that_spans_too_much_is_refused() {
        let error = Offsets::from_counts(vec![u32::MAX, 1, 1, 1]).err().unwrap();
        assert_eq!(error.first_row, 0);
        assert!(Offsets::from_counts(vec![u32::MAX, 0]).is_ok());
    }

    #[test]
    fn empty_rows_own_nothing() {
        let offsets = Offsets::from_counts(vec![0, 0, 2, 0, 1, 0]).unwrap();
        assert_eq!(offsets.row_of(0), 2);
        assert_eq!(offsets.row_of(1), 2);
        assert_eq!(offsets.row_of(2), 4);
        assert_eq!(offsets.range(3), 2..2);
    }
}
