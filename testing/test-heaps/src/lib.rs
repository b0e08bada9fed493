//! Heaps for tests: small snapshots written from this crate's own layouts, large shapes, real snapshots of real
//! Node versions, and the random graphs of property tests.
//!
//! Nothing here uses the reader: a layout that the reader has wrong must fail, not agree with itself.
//!
//! ```
//! use test_heaps::{Layout, TestHeap};
//!
//! let mut heap = TestHeap::new(Layout::node26());
//! let root = heap.node("synthetic", "", 1, 0);
//! let object = heap.node("object", "Foo", 3, 32);
//! heap.edge(root, "shortcut", "global", object);
//! let bytes: Vec<u8> = heap.to_bytes();
//! assert!(bytes.starts_with(b"{\"snapshot\":{\"meta\":"));
//! ```

mod cache;
pub mod cores;
mod error;
pub mod fixtures;
mod heap;
mod layout;
pub mod nodes;
pub mod npm;
pub mod random;
pub mod real_programs;
pub mod server;
pub mod shapes;
mod write;
mod writing;

pub use cache::{cache_dir, produce_once};
pub use error::SetupError;
pub use heap::{EdgeLabel, Location, Node, TestHeap, Text, TraceNode};
pub use layout::Layout;
pub use writing::{Escapes, Section, Writing};
