//! Graph evidence and script sources to the declaration that holds and the statement that adds.
//!
//! [`Evidence`] says what grows and what holds it, as plain data; [`Sources`] gives the scripts. [`locate()`]
//! finds the declaration of the nearest holder that has one in source code, follows its value through the
//! program by resolved bindings, and chooses the statement that explains the growth best. Positions of code
//! that was generated are told in the source it was made from.
//!
//! Nothing here reads files or talks to a process; implementations of [`Sources`] do.

mod anchor;
mod answer;
mod application;
mod assignment;
mod callback;
mod climb;
mod creation;
mod depth;
mod evidence;
mod exports;
mod fields;
mod follow;
mod functions;
mod graph;
mod lines;
mod locate;
mod locations;
mod operation;
mod original;
mod parsed;
mod rank;
mod render;
mod sources;
mod workspace;

pub use answer::{Confidence, Culprit, Note, Place, Statement};
pub use evidence::{CollectionKind, Evidence, FunctionPosition, Growing, Hop};
pub use graph::{GraphView, brought_by, from_graph, kept_functions};
pub use locate::locate;
pub use locations::{is_builtin, is_library, to_file};
pub use original::{Mapping, NoMapping, Original};
pub use sources::{Script, ScriptInfo, SourceMapRef, Sources};
