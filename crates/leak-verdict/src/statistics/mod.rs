//! The statistics, each in its own file, on plain slices.
//!
//! They are rank statistics where that can be, because floors come with outliers (a cache that was just
//! cleared, a timer that had not fired yet) and not with normal errors. Floors are taken as independent of
//! each other; a correction for autocorrelation has its place in [`mann_kendall`](fn@mann_kendall).

mod mann_kendall;
mod normal;
mod shape;
mod theil_sen;

pub use mann_kendall::{MannKendall, mann_kendall};
pub use normal::normal_cdf;
pub use shape::{Fits, fit_shapes};
pub use theil_sen::{TheilSen, median, theil_sen};
