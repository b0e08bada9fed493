//! How the layout of a core's V8 was found.

use postmortem::answers::hex;
use postmortem::layout::Provenance;
use serde::Serialize;

use super::Dead;

/// The layout and what it was checked against.
#[derive(Clone, Debug, Serialize)]
pub struct LayoutAnswer {
    /// Version of V8.
    pub v8_version: String,
    /// The program that was read.
    pub executable: String,
    /// Its build id.
    pub build_id: Option<String>,
    /// Whether the core confirms it.
    pub confirmed: bool,
    /// Addresses of the isolates.
    pub isolates: Vec<String>,
    /// What does not fit; empty if the core's own roots are what the layout says.
    pub problems: Vec<String>,
    /// Every value and how it was found.
    pub rows: Vec<Provenance>,
}

/// Tells how every value was found, and checks them.
pub fn layout(dead: &Dead) -> LayoutAnswer {
    let problems = dead.isolates().first().map(|isolate| {
        let heap = dead.heap(isolate);
        heap.roots.check(&heap)
    });
    LayoutAnswer {
        v8_version: dead.layout.version_text.clone(),
        executable: dead.executable.path.clone(),
        build_id: dead.executable.build_id.as_ref().map(ToString::to_string),
        confirmed: dead.executable.confirmed,
        isolates: dead.isolates().iter().map(|isolate| hex(isolate.address)).collect(),
        problems: problems.unwrap_or_default(),
        rows: dead.layout.provenance.clone(),
    }
}
