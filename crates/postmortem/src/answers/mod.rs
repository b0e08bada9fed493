//! Answers to the questions that people ask a heap: which objects there are, what one holds, who refers to it.

mod classes;
mod describe;
mod detail;
mod references;
mod value;

pub use classes::{ClassRow, Classes, find_objects};
pub use describe::{Describer, Limits};
pub use references::{Reference, find_references};
pub use value::{Member, MemberKind, Value, ValueKind, hex};
