//! The ways of writing: what must still be the same heap is, and what must be wrong is wrong as asked.

use serde_json::Value;
use test_heaps::random::RandomHeap;
use test_heaps::{Escapes, Layout, Section, TestHeap, Text, Writing, shapes};

fn small(layout: Layout) -> TestHeap {
    let mut heap = TestHeap::new(layout);
    let root = heap.node("synthetic", "", 1, 0);
    let object = heap.node("object", "Foo", 3, 32);
    let text = heap.node("string", "quote \" tab\t \u{1} é 日 😀", 5, 16);
    heap.edge(root, "shortcut", "global", object);
    heap.edge(object, "property", "text", text).edge(object, "element", 7, text);
    heap.location(object, 4, 5, 6);
    heap
}

fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}

#[test]
fn a_small_heap_is_the_json_that_v8_would_write() {
    let json = parsed(&small(Layout::node12()).to_bytes());
    assert_eq!(json["snapshot"]["node_count"], 3);
    assert_eq!(json["snapshot"]["edge_count"], 3);
    let nodes = [9, 1, 1, 0, 1, 0, 3, 2, 3, 32, 2, 0, 2, 3, 5, 16, 0, 0];
    assert_eq!(json["nodes"], serde_json::json!(nodes));
    assert_eq!(json["edges"], serde_json::json!([5, 4, 6, 2, 5, 12, 1, 7, 12]));
    assert_eq!(json["locations"], serde_json::json!([6, 4, 5, 6]));
    let strings = ["<dummy>", "", "Foo", "quote \" tab\t \u{1} é 日 😀", "global", "text"];
    assert_eq!(json["strings"], serde_json::json!(strings));
}

#[test]
fn every_layout_and_dress_is_json_of_the_same_heap() {
    for layout in Layout::all() {
        let heap = small(layout.clone());
        let plain = parsed(&heap.to_bytes());
        let mut reversed = Section::ALL.to_vec();
        reversed.reverse();
        for writing in [
            Writing { order: reversed, ..Writing::default() },
            Writing { pretty: true, ..Writing::default() },
            Writing { escapes: Escapes::Utf8, ..Writing::default() },
        ] {
            assert_eq!(parsed(&heap.to_bytes_with(&writing)), plain, "{} {writing:?}", layout.name);
        }
        let unknown = Writing { unknown_sections: true, unknown_fields: true, ..Writing::default() };
        let json = parsed(&heap.to_bytes_with(&unknown));
        assert_eq!(json["strings"], plain["strings"], "{}", layout.name);
        let per_node = json["snapshot"]["meta"]["node_fields"].as_array().map_or(0, Vec::len);
        assert_eq!(json["nodes"].as_array().map(Vec::len), Some(3 * per_node), "{}", layout.name);
        assert_eq!(plain["scopes"].is_array(), layout.has_scopes, "{}", layout.name);
    }
}

#[test]
fn a_writing_can_be_wrong_as_asked() {
    let heap = small(Layout::node26());
    let json = parsed(&heap.to_bytes_with(&Writing::without(Section::Edges)));
    assert_eq!(json["edges"], Value::Null);
    let json = parsed(&heap.to_bytes_with(&Writing::patched(Section::Edges, 2, "-7")));
    assert_eq!(json["edges"][2], -7);
    let lies = Writing { node_count: Some("99".into()), ..Writing::default() };
    assert_eq!(parsed(&heap.to_bytes_with(&lies))["snapshot"]["node_count"], 99);
    let twice = Writing { order: vec![Section::Nodes, Section::Nodes], ..Writing::default() };
    let text = String::from_utf8(heap.to_bytes_with(&twice)).expect("ASCII");
    assert_eq!(text.matches("\"nodes\":").count(), 2);
}

#[test]
fn literal_strings_stand_as_they_are() {
    let mut heap = TestHeap::new(Layout::node22());
    heap.node("synthetic", Text::Literal(b"\\ud800\xff".to_vec()), 1, 0);
    let bytes = heap.to_bytes();
    let wanted = b"\"\\ud800\xff\"";
    assert!(bytes.windows(wanted.len()).any(|window| window == wanted));
}

#[test]
fn random_heaps_come_from_their_seed() {
    let bytes = |seed| RandomHeap::new(seed, 60).heap().to_bytes();
    assert_eq!(bytes(1), bytes(1));
    assert_ne!(bytes(1), bytes(2));
    for nodes in 0..20 {
        for seed in 0..20 {
            parsed(&RandomHeap::new(seed, nodes).heap().to_bytes());
        }
    }
    let text = String::from_utf8_lossy(&bytes(3)).into_owned();
    assert!(text.contains("pair in WeakMap (table @"), "an ephemeron is there");
}

#[test]
fn shapes_have_the_counts_that_they_say() {
    let mut list = Vec::new();
    shapes::linked_list(&mut list, 50).expect("memory can be written");
    let mut array = Vec::new();
    shapes::wide_array(&mut array, 50).expect("memory can be written");
    let mut sized = Vec::new();
    shapes::of_file_size(&mut sized, 1_000_000, 3).expect("memory can be written");
    assert!((900_000..=1_000_000).contains(&sized.len()), "{} bytes", sized.len());
    for bytes in [list, array, sized] {
        let json = parsed(&bytes);
        let count = |key: &str| json["snapshot"][key].as_u64().expect("a count") as usize;
        let length = |key: &str| json[key].as_array().map_or(0, Vec::len);
        assert_eq!(length("nodes"), 7 * count("node_count"));
        assert_eq!(length("edges"), 3 * count("edge_count"));
        let edges = json["edges"].as_array().expect("edges");
        let targets = edges.iter().skip(2).step_by(3);
        assert!(targets.into_iter().all(|to| to.as_u64().is_some_and(|to| to < length("nodes") as u64)));
        let names = json["nodes"].as_array().expect("nodes").iter().skip(1).step_by(7);
        assert!(
            names.into_iter().all(|name| name.as_u64().is_some_and(|name| name < length("strings") as u64))
        );
    }
}
