//! One bit for every word of a page.

/// Bits that start out clear.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bitmap(Vec<u64>);

impl Bitmap {
    pub(crate) fn new(bits: usize) -> Self {
        Self(vec![0; bits.div_ceil(64)])
    }

    pub(crate) fn get(&self, bit: usize) -> bool {
        self.0.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    /// Sets a bit; answers whether it was clear. A bit behind the end is none.
    pub(crate) fn set(&mut self, bit: usize) -> bool {
        let Some(word) = self.0.get_mut(bit / 64) else { return false };
        let mask = 1 << (bit % 64);
        let was_clear = *word & mask == 0;
        *word |= mask;
        was_clear
    }

    /// Clears a bit; answers whether it was set.
    pub(crate) fn clear(&mut self, bit: usize) -> bool {
        let Some(word) = self.0.get_mut(bit / 64) else { return false };
        let mask = 1 << (bit % 64);
        let was_set = *word & mask != 0;
        *word &= !mask;
        was_set
    }

    /// The bits that are set here and not there, in the place of those there.
    pub(crate) fn without(&self, other: Self) -> Self {
        let mut bits = other.0;
        bits.resize(self.0.len(), 0);
        bits.iter_mut().zip(&self.0).for_each(|(other, own)| *other = own & !*other);
        Self(bits)
    }

    /// The set bits in order.
    pub(crate) fn ones(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(i, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                (rest != 0).then(|| {
                    let bit = rest.trailing_zeros() as usize;
                    rest &= rest - 1;
                    i * 64 + bit
                })
            })
        })
    }

    /// The bits in groups of 64, the first one lowest.
    pub(crate) fn words(&self) -> &[u64] {
        &self.0
    }

    /// How many bits are set.
    pub(crate) fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_set_once_and_listed_in_order() {
        let mut bits = Bitmap::new(130);
        assert!(bits.set(129) && bits.set(0) && bits.set(64));
        assert!(!bits.set(64) && !bits.set(1000));
        assert_eq!(bits.ones().collect::<Vec<_>>(), [0, 64, 129]);
        assert_eq!(bits.words(), [1, 1, 2]);
        assert_eq!((bits.count(), bits.get(64), bits.get(65), bits.get(1000)), (3, true, false, false));
        let all = bits.clone();
        assert!(bits.clear(64) && !bits.clear(64) && !bits.clear(1000));
        assert_eq!(all.without(bits).words(), [0, 1, 0]);
    }
}
