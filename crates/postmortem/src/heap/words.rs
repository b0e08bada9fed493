//! Words as V8 keeps them: small integers and tagged pointers.

/// Bytes of a word.
pub const WORD: u64 = 8;

/// A tagged pointer that keeps its object alive.
pub fn is_strong(word: u64) -> bool {
    word & 3 == 1
}

/// A tagged pointer that does not, and was not cleared.
pub fn is_weak(word: u64) -> bool {
    word & 3 == 3 && word as u32 != 3
}

/// The address that a tagged pointer names.
pub fn untag(word: u64) -> u64 {
    word & !3
}

/// The tagged pointer to an address.
pub fn tag(address: u64) -> u64 {
    address | 1
}

/// The value of a small integer; `None` for a pointer.
pub fn small_integer(word: u64) -> Option<i64> {
    (word & 1 == 0).then_some((word as i64) >> 32)
}

/// A count that a small integer holds; `None` for a pointer and for negative numbers.
pub(crate) fn count(word: u64) -> Option<u64> {
    small_integer(word).and_then(|value| u64::try_from(value).ok())
}
