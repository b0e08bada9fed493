//! Stacks: the frames of JavaScript and of C++, mixed as they lie on the stacks of threads.

mod asynchronous;
mod baseline;
mod code_index;
mod deoptimization;
mod frames;
mod native;
mod native_names;
mod optimized;
mod source_positions;
mod walker;

pub use code_index::{Code, CodeIndex, CodeKind};
pub use frames::{Frame, FrameKind, OriginalPlace, Stack};
pub use native::Native;
pub use native_names::name_native_frames;
pub use walker::Walker;
