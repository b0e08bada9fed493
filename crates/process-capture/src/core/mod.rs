//! ELF cores: what is in one, and how it is written.

mod about;
mod ahead;
mod elf;
mod notes;
mod segments;
mod write;

pub use about::Skipped;
pub(crate) use about::milliseconds;
pub(crate) use ahead::Ahead;
pub(crate) use segments::Content;
pub use segments::Why;
pub use write::Written;
pub(crate) use write::{Extras, Outcome, write};
