//! The memory of a process as its readers see it: a stopped process, a frozen child and a core file give the same
//! answers.
//!
//! Bytes come through [`ProcessMemory::read_at`], which says *why* there are none where there are none: memory that
//! was never there and memory that cannot be read are different answers, and neither is zero.
//!
//! No system call is made here; who implements the trait makes them.

mod auxiliary;
mod build_id;
mod gap;
mod mapping;
mod memory;
mod thread;

pub use auxiliary::{AuxiliaryVector, auxiliary_type};
pub use build_id::{BuildId, BuildIdError, build_id_at, build_id_in_notes};
pub use gap::{Gap, GapKind};
pub use mapping::{FileBacking, Mapping, Permissions, mapping_at};
pub use memory::{ProcessMemory, ReadExt};
pub use thread::{Aarch64Registers, Registers, Thread, X86_64Registers};
