//! Faults of our own that tests ask for: what we hold in other processes must be let go of whatever happens here.

/// Panics if the environment of a debug build asks for it at this place. Release builds have nothing of it.
pub(crate) fn here(place: &str) {
    #[cfg(debug_assertions)]
    assert!(
        std::env::var("HEAPDOWSE_FAULT").as_deref() != Ok(place),
        "a fault that was asked for, at {place}"
    );
    #[cfg(not(debug_assertions))]
    let _ = place;
}
