//! A set of nodes (or edges, or strings), one bit each: small enough to stay in the processor's cache.

/// One bit per index.
#[derive(Clone, Debug, Default)]
pub(crate) struct BitSet {
    words: Vec<u64>,
}

impl BitSet {
    pub(crate) fn new(len: usize) -> Self {
        BitSet { words: vec![0; len.div_ceil(64)] }
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> bool {
        self.words[index >> 6] & (1 << (index & 63)) != 0
    }

    /// As `get`, but false beyond the end.
    #[inline]
    pub(crate) fn contains(&self, index: usize) -> bool {
        self.words.get(index >> 6).is_some_and(|word| word & (1 << (index & 63)) != 0)
    }

    #[inline]
    pub(crate) fn set(&mut self, index: usize) {
        self.words[index >> 6] |= 1 << (index & 63);
    }

    #[inline]
    pub(crate) fn clear(&mut self, index: usize) {
        self.words[index >> 6] &= !(1 << (index & 63));
    }

    /// Sets a bit and answers whether it was clear.
    #[inline]
    pub(crate) fn insert(&mut self, index: usize) -> bool {
        let (word, bit) = (&mut self.words[index >> 6], 1 << (index & 63));
        let fresh = *word & bit == 0;
        *word |= bit;
        fresh
    }

    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    /// All indices that are set, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            std::iter::successors((word != 0).then_some(word), |left| {
                let left = left & (left - 1);
                (left != 0).then_some(left)
            })
            .map(move |left| at * 64 + left.trailing_zeros() as usize)
        })
    }
}
