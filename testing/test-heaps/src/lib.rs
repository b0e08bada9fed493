//! Writes small heap snapshots for tests, from its own layouts.
