//! Answers as plain data: one file per question. Text, JSON and HTML are made of them elsewhere, so that these
//! can't disagree.
//!
//! All sizes are bytes. Distances are DevTools' numbers: 100,000,000 and more for what only V8's own roots
//! reach, negative for what nothing reaches. Lines and columns count from 0, as in the file.

pub mod buffers;
pub mod census;
pub mod class_paths;
pub mod classes;
pub mod closures;
pub mod collections;
pub mod contexts;
pub mod diff;
pub mod dominators;
mod error;
pub mod growth;
pub mod heavy;
pub mod missing;
mod node;
pub mod nodes;
pub mod object;
pub mod paths;
pub mod profile;
pub mod retainers;
mod scripts;
pub mod slice;
pub mod strings;
pub mod summary;

pub use error::AnswerError;
pub use node::{NodeRef, Place, Reference, Text};

pub(crate) use node::View;
