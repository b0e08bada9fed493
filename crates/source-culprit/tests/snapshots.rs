//! Real heap snapshots of a program that grows one thing of each kind, with each Node at hand.
//!
//! `HEAPDOWSE_TEST_NODES` names the binaries, separated by colons; without it, `node` is taken.

mod support {
    pub mod capture;
}

use std::path::{Path, PathBuf};
use std::process::Command;

use heap_graph::{EdgeKind, NodeIndex, NodeKind};
use source_culprit::{Confidence, Hop};
use support::capture::Captured;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
const CAPTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/capture.cjs");

/// What to look at: the edge that leads to the growing thing, the mark in the source, and the file.
const THINGS: [(&str, &str, &str); 19] = [
    ("visitLog", "visitLog", "main.cjs"),
    ("byVisitor", "byVisitor", "main.cjs"),
    ("openTickets", "openTickets", "main.cjs"),
    ("transcript", "transcript", "main.cjs"),
    ("newestJob", "newestJob", "main.cjs"),
    ("tick-of-all", "busOfAll", "main.cjs"),
    ("drafts", "state", "main.cjs"),
    ("sharedRows", "sharedRows", "main.cjs"),
    ("globalBag", "globalBag", "main.cjs"),
    ("perName", "perName", "main.cjs"),
    ("stopSignal", "stopSignal", "main.cjs"),
    ("backlogRows", "backlogRows", "main.cjs"),
    ("blockLog", "blockLog", "main.cjs"),
    ("tallies", "tallies", "main.cjs"),
    ("#hiddenIndex", "hiddenIndex", "registry.cjs"),
    ("everyKept", "everyKept", "registry.cjs"),
    ("keptList", "keptList", "registry.cjs"),
    ("seen in a cell", "exportedNotes", "store.mjs"),
    ("privateNotes", "privateNotes", "store.mjs"),
];

fn nodes() -> Vec<PathBuf> {
    match std::env::var("HEAPDOWSE_TEST_NODES") {
        Ok(list) => list.split(':').map(PathBuf::from).collect(),
        Err(_) => vec![PathBuf::from("node")],
    }
}

fn capture(node: &Path) -> Captured {
    let dir = tempfile::tempdir().expect("a folder");
    let output = Command::new(node)
        .args(["--require", CAPTURE])
        .arg(Path::new(FIXTURES).join("main.cjs"))
        .arg(dir.path())
        .output()
        .expect("node runs; name it in HEAPDOWSE_TEST_NODES if it is not on PATH");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Captured::load(dir.path(), "main")
}

/// The 1-based line with a mark.
fn line(file: &str, mark: &str) -> u32 {
    let text = std::fs::read_to_string(Path::new(FIXTURES).join(file)).expect("a fixture");
    let found = text.lines().position(|line| line.ends_with(mark));
    found.unwrap_or_else(|| panic!("no {mark} in {file}")) as u32 + 1
}

fn children(heap: &Captured, node: NodeIndex) -> usize {
    let table = heap.graph.child(node, EdgeKind::Internal, "table");
    heap.graph.edges(table.unwrap_or(node)).len()
}

/// The biggest thing that an edge of this name leads to; for the module's cell, the biggest array of a cell.
fn point(heap: &Captured, edge_name: &str) -> NodeIndex {
    let in_cell = edge_name == "seen in a cell";
    let mut best: Option<(usize, NodeIndex)> = None;
    for node in heap.graph.nodes() {
        let is_cell = heap.graph.name(node) == "system / Cell";
        for edge in heap.graph.edges(node) {
            let numbered = matches!(edge.kind, EdgeKind::Element | EdgeKind::Hidden);
            let named = match numbered {
                true => heap.graph.block_variable(node, &edge).contains(&edge_name),
                false => heap.graph.edge_name(&edge).to_string() == edge_name,
            };
            let target = heap.graph.kind(edge.to);
            let wanted = if in_cell {
                is_cell && heap.graph.name(edge.to) == "Array"
            } else {
                named && (target == NodeKind::Object || target == NodeKind::ConcatenatedString)
            };
            if wanted && best.is_none_or(|(size, _)| children(heap, edge.to) > size) {
                best = Some((children(heap, edge.to), edge.to));
            }
        }
    }
    best.unwrap_or_else(|| panic!("no edge {edge_name}")).1
}

#[test]
fn every_kind_of_holder_is_found_in_real_heaps() {
    for node in nodes() {
        let heap = capture(&node);
        let mut wrong = Vec::new();
        for (edge, mark, file) in THINGS {
            let point = point(&heap, edge);
            let evidence = heap.evidence(point);
            let found = source_culprit::locate(&evidence, &heap);
            let owner = found.owner.as_ref().map(|place| (place.file.clone(), place.line));
            let added = found.added_at.as_ref().map(|at| (at.file.clone(), at.line));
            let path = Path::new(FIXTURES).join(file).to_string_lossy().into_owned();
            let expected_owner = Some((path.clone(), line(file, &format!("// owner: {mark}"))));
            let expected_added = Some((path, line(file, &format!("// adds: {mark}"))));
            let sure = found.confidence > Confidence::Guess;
            if owner != expected_owner || added != expected_added || !sure {
                wrong.push(format!(
                    "{mark}: {found:#?}\n{:#?}",
                    &evidence.chain[..evidence.chain.len().min(4)]
                ));
            }
        }
        assert!(wrong.is_empty(), "{}: {} wrong\n{}", node.display(), wrong.len(), wrong.join("\n"));
    }
}

#[test]
fn a_chain_without_a_path_is_found_by_itself() {
    let heap = capture(&nodes()[0]);
    let point = point(&heap, "visitLog");
    let evidence = heap.evidence_without_path(point);
    assert!(matches!(&evidence.chain[0], Hop::ContextSlot { name, .. } if name == "visitLog"));
}
