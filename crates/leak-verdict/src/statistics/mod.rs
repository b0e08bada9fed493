//! The statistics, each in its own file, on plain slices.
//!
//! They are rank statistics where that can be, because floors come with outliers (a cache that was just
//! cleared, a timer that had not fired yet) and not with normal errors. Floors depend on the floors before
//! them; [`variance_factor`] says by how much less they may claim for that.

mod autocorrelation;
mod mann_kendall;
mod normal;
mod shape;
mod student;
mod theil_sen;

pub use autocorrelation::variance_factor;
pub use mann_kendall::{MannKendall, mann_kendall};
pub use normal::normal_cdf;
pub use shape::{Fits, fit_shapes};
pub use student::{MeanDifference, Noise, mean_difference, noise_within, student_quantile};
pub use theil_sen::{TheilSen, median, theil_sen};
