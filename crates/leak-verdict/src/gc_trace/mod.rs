//! GC traces: bytes in, one [`GcEvent`] for each garbage collection out.
//!
//! ```text
//! bytes ─► [`TraceReader`] ─┬─ lines: headers "[pid:isolate] N ms:" wherever they stand in a line
//!                           │     ├─ the one-line form (--trace-gc)              line.rs
//!                           │     └─ key=value and JSON forms (--trace-gc-nvp)   fields.rs
//!                           └─ objects of a trace-event file                     trace_events.rs
//!                                   ▼
//!                             [`GcEvent`] ─► [`Summary`]: kinds, pauses, rates, floors ─► verdict
//! ```
//!
//! A trace shares its stream with whatever the program prints, so nothing here takes a line for granted:
//! what is no GC line is counted, what looks like one and is not understood is counted and kept as an
//! example, and no input makes it panic or grow without bound.

mod distribution;
mod event;
mod fields;
mod header;
mod judge;
mod line;
mod reader;
mod reasons;
mod summary;
mod timeline;
mod trace_events;

pub use distribution::{Distribution, Percentiles};
pub use event::{GcEvent, GcKind, IsolateId, Marking};
pub use judge::judge;
pub use reader::{Skipped, TraceReader};
pub use summary::{Exactness, IsolateSummary, KindSummary, Rate, ReasonCount, Summary};
pub use timeline::{Timeline, TimelinePoint};
