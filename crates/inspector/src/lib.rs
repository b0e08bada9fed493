//! The V8 inspector protocol over a given stream: snapshots, statistics, sources.
//!
//! The caller opens the stream (a `TcpStream` to the inspector's port, usually) and hands it over; this
//! crate speaks HTTP for the list of targets and WebSocket for the session, and nothing else of the machine.
//! Give the stream a short read timeout: every time it runs out, the session looks at its deadline and at
//! the cancel flag, so no call can hang on a target that stopped answering.
//!
//! A heap snapshot arrives as JSON strings inside JSON messages. Those messages go around the JSON parser:
//! the payload is found by its quotes and unescaped straight into a writer ([`take_heap_snapshot`]), which
//! can be one end of a bounded [`pipe()`] whose other end is read while the chunks still arrive.
//!
//! [`take_heap_snapshot`]: Session::take_heap_snapshot

mod chunk;
mod debugger;
mod error;
mod heap_profiler;
mod message;
mod pipe;
mod runtime;
mod session;
mod target;
mod tracing;
mod worker;

pub use debugger::Script;
pub use error::InspectorError;
pub use heap_profiler::SnapshotProgress;
pub use pipe::{PipeReader, PipeWriter, pipe};
pub use runtime::HeapUsage;
pub use session::{DEFAULT_PATIENCE, Session};
pub use target::{Target, list_targets};
pub use worker::Worker;
