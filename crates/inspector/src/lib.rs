//! The V8 inspector protocol over a given stream: snapshots, statistics, sources.
