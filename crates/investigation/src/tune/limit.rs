//! The limit of the heap against the memory that the program may take.

use serde::Serialize;

const MIB: u64 = 1 << 20;
/// A part of the memory is left for what nobody has measured.
const RESERVE: f64 = 0.1;

/// How the heap's limit fits into the memory of the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LimitCheck {
    /// The heap's limit, bytes.
    pub heap_limit: u64,
    /// What the container may take, bytes.
    pub memory: u64,
    /// What the process held beside its heap under load, bytes.
    pub beside_heap: u64,
    /// Whether the heap could grow until the kernel kills the process.
    pub too_high: bool,
    /// The `--max-old-space-size` to give then, in MB; `None` when the memory is too small for the program.
    pub advised_old_space: Option<u64>,
}

/// `semi_space` and `held` are what new space's halves may grow to, and what the heap held after full collections.
pub(super) fn check(
    heap_limit: u64,
    memory: u64,
    beside_heap: u64,
    semi_space: u64,
    held: u64,
) -> LimitCheck {
    let usable = (memory as f64 * (1.0 - RESERVE)) as u64;
    let for_heap = usable.saturating_sub(beside_heap);
    let too_high = heap_limit > for_heap;
    // The limit of the heap is that of old space, and three times the largest semi-space.
    let old_space = for_heap.saturating_sub(3 * semi_space) / MIB;
    let enough = old_space * MIB > held + held / 2;
    let advised_old_space = (too_high && enough).then_some(old_space);
    LimitCheck { heap_limit, memory, beside_heap, too_high, advised_old_space }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_of_256_mib_gets_a_limit_that_it_cannot_hold() {
        let found = check(259 * MIB, 256 * MIB, 50 * MIB, 16 * MIB, 20 * MIB);
        assert!(found.too_high);
        // 230 usable, 50 beside the heap, 48 for new space.
        assert_eq!(found.advised_old_space, Some(132));
    }

    #[test]
    fn a_limit_with_room_is_left_alone_and_a_hopeless_one_is_not_advised() {
        let roomy = check(2096 * MIB, 4096 * MIB, 80 * MIB, 16 * MIB, 500 * MIB);
        assert!(!roomy.too_high && roomy.advised_old_space.is_none());
        let hopeless = check(259 * MIB, 256 * MIB, 60 * MIB, 16 * MIB, 200 * MIB);
        assert!(hopeless.too_high && hopeless.advised_old_space.is_none());
    }
}
