//! What a long piece of work is doing.

/// One report of a long piece of work. The callback that gets it answers whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is being done: a section's name while reading, an analysis afterwards.
    pub name: &'static str,
    /// How far: bytes of the file while reading, 0 or 1 otherwise.
    pub done: u64,
    /// Out of how much, if known.
    pub total: Option<u64>,
}

impl Step {
    /// A step without a measure.
    pub(crate) fn named(name: &'static str) -> Step {
        Step { name, done: 0, total: None }
    }
}
