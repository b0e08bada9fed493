//! Questions to a core: which objects there are, what one of them holds, who refers to it, what ran.

mod dead;
mod files;
mod graph;
mod layout;
mod live;
mod moments;
mod objects;
mod originals;
mod print;
mod seekable;
mod stacks;

pub use dead::{CoreOptions, Dead, PostmortemError};
pub use layout::{LayoutAnswer, layout};
pub use live::ProcessError;
pub use moments::collections_of;
pub use objects::{IsolateNote, ObjectRow, ObjectsAnswer, ObjectsQuestion, find_objects};
pub use originals::add_originals;
pub use postmortem::answers::{Limits, Member, MemberKind, Reference, Value, ValueKind};
pub use postmortem::graph::GraphOptions;
pub use postmortem::stack::{Frame, FrameKind, Stack};
pub use print::{Printed, References, print, references};
pub use stacks::{StacksAnswer, stacks};
