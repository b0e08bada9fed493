//! Every object has the class that V8's own snapshot of the same moment gives it.

#![allow(clippy::print_stdout, reason = "how much was compared")]

mod common;

use postmortem::object::ClassNames;
use rustc_hash::FxHashMap;
use serde_json::Value;
use test_heaps::cores::How;
use test_heaps::nodes::{V18, V20, V22, V24, V26};

use common::{known, objects_map};

/// Type and name of each node of a snapshot, by id.
fn names(snapshot: &str) -> FxHashMap<u64, (String, String)> {
    let snapshot: Value = serde_json::from_str(snapshot).unwrap();
    let meta = &snapshot["snapshot"]["meta"];
    let fields = meta["node_fields"].as_array().unwrap();
    let field = |name: &str| fields.iter().position(|field| field == name).unwrap();
    let types = meta["node_types"][field("type")].as_array().unwrap();
    let strings = snapshot["strings"].as_array().unwrap();
    let nodes: Vec<u64> = snapshot["nodes"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
    let node = |node: &[u64]| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let kind = text(&types[node[field("type")] as usize]);
        (node[field("id")], (kind, text(&strings[node[field("name")] as usize])))
    };
    nodes.chunks_exact(fields.len()).map(node).collect()
}

fn classes_are_v8s(version: &str) {
    let opened = known(version, How::Gcore);
    let heap = opened.heap();
    let snapshot = std::fs::read_to_string(opened.made.file("known.heapsnapshot")).unwrap();
    let names = names(&snapshot);
    let classes = ClassNames::new(&heap);
    let (mut same, mut functions) = (0, 0);
    let mut other: FxHashMap<(String, String), (u32, u64)> = FxHashMap::default();
    for entry in objects_map::find(&opened.memory) {
        let Some((kind, name)) = names.get(&u64::from(entry.id)) else { continue };
        let Some(map) = heap.map_of(entry.address).filter(|map| map.is_receiver(&opened.layout)) else {
            continue;
        };
        let ours = match kind.as_str() {
            "object" => classes.of(entry.address).unwrap(),
            "closure" if map.is_function(&opened.layout) => {
                functions += 1;
                // Snapshots show a function's own name only.
                let own = heap.function(entry.address).unwrap().name;
                if name.is_empty() { String::new() } else { own }
            }
            _ => continue,
        };
        // A global object has a tag behind its name.
        let tagged = [" / ", " (global"].iter().any(|tag| name.starts_with(&format!("{ours}{tag}")));
        if ours == *name || tagged {
            same += 1;
        } else {
            let row = other.entry((name.clone(), ours)).or_default();
            *row = (row.0 + 1, entry.address);
        }
    }
    println!("{version}: {same} objects have V8's name, {functions} of them functions");
    for ((v8, ours), (count, address)) in &other {
        println!("  {count} × V8 says `{v8}`, we say `{ours}`, such as {address:#x}");
    }
    assert!(same > 7000, "{same}");
    assert!(other.is_empty(), "{other:?}");
}

#[test]
fn node18() {
    classes_are_v8s(V18);
}

#[test]
fn node20() {
    classes_are_v8s(V20);
}

#[test]
fn node22() {
    classes_are_v8s(V22);
}

#[test]
fn node24() {
    classes_are_v8s(V24);
}

#[test]
fn node26() {
    classes_are_v8s(V26);
}

#[test]
fn odd_versions() {
    for version in ["19.0.0", "19.8.1", "21.7.3", "23.11.1", "25.2.1"] {
        classes_are_v8s(version);
    }
}
