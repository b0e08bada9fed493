//! JavaScript stacks: the frames that V8's code left on the stacks of threads.

mod baseline;
mod code_index;
mod deoptimization;
mod frames;
mod optimized;
mod source_positions;
mod walker;

pub use code_index::{Code, CodeIndex, CodeKind};
pub use frames::{Frame, FrameKind, Stack};
pub use walker::Walker;
