//! The table of tasks that people and CI run.

fn main() {}
