//! The extended state (XSAVE) as the kernel gives it in `NT_X86_XSTATE`.

/// Where the kernel notes which features the machine has (XCR0), within the legacy area.
pub(super) const FEATURES: usize = 464;
/// Where the state says which of them are in use (XSTATE_BV).
const IN_USE: usize = 512;
/// AMX: the configuration of tiles, and the tiles.
const TILES: u64 = 3 << 17;
const PROTECTION_KEYS: u64 = 1 << 9;
/// Behind the registers of AVX-512, and behind the protection keys that follow them on every machine with AMX.
const AFTER_AVX512: usize = 2688;
const AFTER_KEYS: usize = 2696;

fn word(state: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(state.get(at..at + 8)?.try_into().ok()?))
}

/// Leaves out the tiles of AMX from a thread that does not use them: the kernel refuses a signal frame that is larger
/// than what the thread may use, and gdb 13 knows no such size.
pub(crate) fn without_tiles(mut state: Vec<u8>) -> Vec<u8> {
    let (Some(features), Some(in_use)) = (word(&state, FEATURES), word(&state, IN_USE)) else { return state };
    if features & TILES == 0 || in_use & TILES != 0 {
        return state;
    }
    let end = if features & PROTECTION_KEYS == 0 { AFTER_AVX512 } else { AFTER_KEYS };
    if state.len() > end {
        state.truncate(end);
        state[FEATURES..FEATURES + 8].copy_from_slice(&(features & !TILES).to_ne_bytes());
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(features: u64, in_use: u64) -> Vec<u8> {
        let mut state = vec![1; 11008];
        state[FEATURES..FEATURES + 8].copy_from_slice(&features.to_ne_bytes());
        state[IN_USE..IN_USE + 8].copy_from_slice(&in_use.to_ne_bytes());
        state
    }

    #[test]
    fn tiles_go_only_when_nobody_uses_them() {
        let all = 0x6_02e7;
        let cut = without_tiles(state(all, 7));
        assert_eq!((cut.len(), word(&cut, FEATURES)), (2696, Some(0x2e7)));
        assert_eq!(without_tiles(state(all & !PROTECTION_KEYS, 7)).len(), 2688);
        assert_eq!(without_tiles(state(all, 7 | TILES)).len(), 11008);
        assert_eq!(without_tiles(state(0x2e7, 7)).len(), 11008);
        assert_eq!(without_tiles(vec![1; 512]).len(), 512);
    }
}
