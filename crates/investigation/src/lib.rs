//! Opens any input, runs the hunt for a leak, answers in plain data.

pub mod attribute;
pub mod demo;
pub mod open;
pub mod run;
