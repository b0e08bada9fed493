//! From an address to its page.

use super::page::PAGE;

/// A table from page numbers to indexes; every address of every traced pointer is looked up in it.
#[derive(Debug, Default)]
pub(crate) struct PageTable {
    /// Page number plus one (0 is a free slot), and index.
    slots: Vec<(u64, u32)>,
    shift: u32,
}

impl PageTable {
    /// A table of (first address, address behind the end) by index.
    pub(crate) fn new(ranges: &[(u64, u64)]) -> Self {
        let numbers: usize =
            ranges.iter().map(|(start, end)| ((end.saturating_sub(*start)) / PAGE + 2) as usize).sum();
        let size = (numbers * 2).next_power_of_two().max(16);
        let mut table = Self { slots: vec![(0, 0); size], shift: 64 - size.trailing_zeros() };
        for (i, (start, end)) in ranges.iter().enumerate() {
            for number in start / PAGE..=end.saturating_sub(1).max(*start) / PAGE {
                table.insert(number, i as u32);
            }
        }
        table
    }

    fn insert(&mut self, number: u64, index: u32) {
        let mut slot = self.slot(number);
        while self.slots[slot].0 != 0 && self.slots[slot].0 != number + 1 {
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        if self.slots[slot].0 == 0 {
            self.slots[slot] = (number + 1, index);
        }
    }

    fn slot(&self, number: u64) -> usize {
        (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize
    }

    /// The index of the page that holds an address. The page's own bounds are still to be checked.
    pub(crate) fn get(&self, address: u64) -> Option<usize> {
        let number = address / PAGE;
        let mut slot = self.slot(number);
        loop {
            match self.slots.get(slot)? {
                (0, _) => return None,
                (key, index) if *key == number + 1 => return Some(*index as usize),
                _ => slot = (slot + 1) & (self.slots.len() - 1),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_page_leads_to_it() {
        let ranges: Vec<_> = (1..200).map(|i| (i * 3 * PAGE + 16, (i * 3 + i % 3) * PAGE + 100)).collect();
        let table = PageTable::new(&ranges);
        for (i, (start, end)) in ranges.iter().enumerate() {
            assert_eq!(table.get(*start), Some(i));
            assert_eq!(table.get(end - 1), Some(i));
        }
        assert_eq!(table.get(PAGE), None);
        assert_eq!(table.get(u64::MAX), None);
        assert_eq!(PageTable::new(&[]).get(0), None);
    }
}
