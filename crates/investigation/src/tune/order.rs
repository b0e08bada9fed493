//! In which order settings are measured: the machine is not the same from minute to minute, so each round has
//! every setting once and the baseline twice, shuffled.

/// Indexes of settings, `None` for the baseline, for all rounds. The same seed gives the same order.
pub(super) fn interleaved(settings: usize, repeats: u32, seed: u64) -> Vec<Option<usize>> {
    let mut state = seed;
    let mut order = Vec::new();
    for _ in 0..repeats {
        let mut round: Vec<Option<usize>> = (0..settings).map(Some).chain([None, None]).collect();
        for last in (1..round.len()).rev() {
            let other = next(&mut state) % (last as u64 + 1);
            round.swap(last, other as usize);
        }
        order.extend(round);
    }
    order
}

/// SplitMix64: small, and any seed will do.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_has_all_of_them_in_an_order_of_its_own() {
        let order = interleaved(4, 6, 1);
        let rounds: Vec<&[Option<usize>]> = order.chunks(6).collect();
        for round in &rounds {
            let mut sorted = round.to_vec();
            sorted.sort();
            assert_eq!(sorted, [None, None, Some(0), Some(1), Some(2), Some(3)]);
        }
        assert!(rounds.windows(2).any(|pair| pair[0] != pair[1]));
        assert_eq!(order, interleaved(4, 6, 1));
        assert_ne!(order, interleaved(4, 6, 2));
    }
}
