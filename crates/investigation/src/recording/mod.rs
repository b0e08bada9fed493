//! The timeline of a watched process: kept in memory for the report, and written as it goes to a `.heapdowse`
//! file that is readable after a crash of either side (docs/recording.md).
//!
//! ```text
//! sampler thread: /proc of the process, every 500 ms ─┐
//! events of a run or a watch: floors, rounds, ...    ─┼─► Recorder ─► Timeline ─► RunReport
//!                                                     │      └──────► file, a line each
//! file ─► read: whole lines, whatever they are ───────┴─► Recorded ─► RunReport
//! ```

mod events;
mod noted;
mod read;
mod record;
mod recorder;
mod sample;
mod timeline;
mod write;

pub(crate) use read::series;

pub use events::RecordedEvents;
pub use read::{ReadRecordingError, Recorded, Skipped, open, read, report_of};
pub use record::{FloorRecord, Header, Record};
pub use recorder::Recorder;
pub use sample::{Collection, CollectionKind, Mark, MarkKind, Sample, Space, sample_process};
pub(crate) use timeline::every_second;
pub use timeline::{CollectionTotal, Timeline};
pub use write::RecordingFile;
