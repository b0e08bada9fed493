//! The commands of mdb_v8 and llnode, in their own syntax, on cores of Node 18 and newer and on heap snapshots.
//!
//! ```text
//! a line ──syntax──► stages ──table──► commands ──► answers (plain data) ──► text or JSON, made by the caller
//!                        ▲                              │
//!                        └──────── words of a pipe ─────┘
//! ```
//!
//! [`run()`] reads a line and runs its commands one after another; what one answers, the next works on. What stands
//! behind `!` is left to the caller: nothing here knows a terminal or starts a program.

pub mod answer;
mod commands;
mod error;
mod options;
mod run;
mod session;
mod snapshot;
mod syntax;
mod table;
pub mod wording;

pub use commands::walkers;
pub use error::CommandError;
pub use options::Call;
pub use run::{Target, run, run_stage};
pub use session::{Session, Tell, heaps};
pub use snapshot::SnapshotSession;
pub use syntax::{Form, Line, Stage, number, parse};
pub use table::{Address, Command, OnSnapshot, Opt, Run, RunOnSnapshot, commands, find};
