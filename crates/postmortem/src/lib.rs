//! The memory of a dead or frozen Node.js process to V8's objects and JavaScript stacks.
//!
//! Any [`process_memory::ProcessMemory`] will do; [`CoreFile`] makes one of a core file. No system call is made
//! here: files come in as bytes.

pub mod answers;
mod bytes;
pub mod core;
pub mod elf;
mod embedder;
pub mod graph;
pub mod heap;
pub mod layout;
pub mod object;
pub mod stack;

pub use bytes::{FileBytes, Files, SharedBytes};
pub use core::{CoreError, CoreFile, CutOff, Executable, ExecutableError, MappedFile};
pub use heap::Heap;
pub use layout::{Layout, LayoutError};
