//! Growth series and graph differences to a verdict with its evidence.
//!
//! A [`Recording`] is a list of floors: what memory a program holds right after a full garbage collection,
//! each with the work done until then. [`decide()`] turns it into a [`Verdict`]: one word, a grade, the growth
//! per unit of work with its interval, the detection limit, and every fact the word rests on.
//!
//! Everything here is pure: numbers in, plain data out. No percentage of confidence is given, because
//! nobody could say what it counts; the interval, the number of floors and the detection limit are facts.
//!
//! The floors are told apart from what the garbage collector has merely not collected yet, so neither the
//! resident set nor the used heap between collections takes part in the word `leak`.

mod decide;
pub mod gc_trace;
mod growth;
mod known;
mod load;
mod native;
mod recording;
mod sentences;
pub mod statistics;
mod verdict;

pub use decide::{MINIMUM_FLOORS, decide, seems_to_grow};
pub use growth::{Shape, Trend};
pub use known::{Clues, KnownCase, known_case};
pub use native::NativeKind;
pub use recording::{Floor, Recording, WorkUnit};
pub use verdict::{
    Evidence, EvidenceKind, FloorSummary, Grade, GraphGrowth, Growth, GrowthPlace, Verdict, Word,
};
