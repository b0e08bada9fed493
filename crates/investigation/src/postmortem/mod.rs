//! Questions to a core: which objects there are, what one of them holds, who refers to it, what ran.

mod dead;
mod files;
mod layout;
mod objects;
mod print;
mod seekable;

pub use dead::{CoreOptions, Dead, PostmortemError};
pub use layout::{LayoutAnswer, layout};
pub use objects::{IsolateNote, ObjectRow, ObjectsAnswer, ObjectsQuestion, find_objects};
pub use postmortem::answers::{Limits, Member, MemberKind, Reference, Value, ValueKind};
pub use print::{Printed, References, print, references};
