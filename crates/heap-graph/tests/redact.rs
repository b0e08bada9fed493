//! Redacting changes texts, and nothing else.

mod support;

use std::collections::{HashMap, HashSet};

use heap_graph::{EdgeKind, EdgeName, HeapGraph, NodeIndex, NodeKind, redact, write};
use support::{analysis, graph_of, random_heaps, read};
use test_heaps::{Layout, TestHeap};

const KEY: [u8; 16] = *b"0123456789abcdef";

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Names of nodes and edges as pairs of old and new.
fn renamed<'a>(old: &'a HeapGraph, new: &'a HeapGraph) -> impl Iterator<Item = (String, String)> + 'a {
    let nodes = old.nodes().map(|node| (old.name(node).to_owned(), new.name(node).to_owned()));
    let edges = old.nodes().flat_map(move |node| {
        old.edges(node)
            .zip(new.edges(node))
            .map(|(a, b)| (old.edge_name(&a).to_string(), new.edge_name(&b).to_string()))
    });
    nodes.chain(edges)
}

#[test]
fn sizes_and_graph_stay_as_they_are() {
    for random in random_heaps(120, 400) {
        let graph = graph_of(&random.heap());
        let (redacted, _) = redact(&graph, &KEY);
        let mut bytes = Vec::new();
        write(&redacted, &mut bytes).unwrap();
        let redacted = read(&bytes).expect("what we write we read");
        let (before, after) = (analysis(&graph), analysis(&redacted));
        for node in graph.nodes() {
            let facts = |graph: &HeapGraph| {
                (
                    (graph.kind(node), graph.id(node), graph.raw_self_size(node), graph.location(node)),
                    graph.raw_detachedness(node),
                    graph.edges(node).map(|edge| (edge.kind, edge.to)).collect::<Vec<_>>(),
                )
            };
            assert_eq!(facts(&graph), facts(&redacted), "{node:?} of {random:?}");
            let derived = |analysis: &heap_graph::Analysis| {
                (
                    analysis.shallow_size(node),
                    analysis.retained_size(node),
                    analysis.distance(node),
                    analysis.dominator(node),
                )
            };
            assert_eq!(derived(&before), derived(&after), "{node:?} of {random:?}");
        }
        assert_eq!(before.statistics(), after.statistics(), "{random:?}");
        for (old, new) in renamed(&graph, &redacted) {
            if !old.contains(" / part of key (") {
                assert_eq!(units(&old), units(&new), "{old:?} became {new:?}");
            }
        }
    }
}

#[test]
fn strings_are_equal_where_they_were_equal() {
    for random in random_heaps(60, 300) {
        let graph = graph_of(&random.heap());
        let (redacted, _) = redact(&graph, &KEY);
        let (mut forth, mut back) = (HashMap::new(), HashMap::new());
        for node in graph.nodes().filter(|&node| graph.kind(node) == NodeKind::String) {
            let (old, new) = (graph.name(node), redacted.name(node));
            assert_eq!(*forth.entry(old).or_insert(new), new, "{random:?}");
            assert_eq!(*back.entry(new).or_insert(old), old, "{random:?}");
        }
    }
}

/// A session store: a dictionary with ids as keys, a record with declared names, what code mentions of them.
struct Shop {
    heap: TestHeap,
    secrets: Vec<&'static str>,
}

fn shop() -> Shop {
    let mut heap = TestHeap::new(Layout::node24());
    let root = heap.node("synthetic", "", 1, 0);
    let roots = heap.node("synthetic", "(GC roots)", 3, 0);
    let store = heap.node("object", "SessionStore", 5, 32);
    let dictionary = heap.node("array", "(object properties)", 7, 512);
    let session = heap.node("object", "Session", 9, 64);
    let key = heap.node("string", "mentionedKey", 11, 24);
    let id = heap.node("string", "sess_8f2ab77c", 13, 24);
    let pool = heap.node("code", "(constant pool)", 15, 64);
    let literal = heap.node("code", "system / ObjectBoilerplateDescription", 17, 48);
    let declared = heap.node("string", "cartTotal", 19, 24);
    let other = heap.node("string", "loginCount", 21, 24);
    let value = heap.node("string", "hunter2-secret", 23, 32);
    let rope = heap.node("concatenated string", "(concatenated string)", 25, 32);
    let half = heap.node("string", "rope-half-secret", 27, 32);
    let pattern = heap.node("regexp", "^secret-pattern$", 29, 56);
    let symbol = heap.node("symbol", "Symbol(secret-symbol)", 31, 24);
    let number = heap.node("number", "heap number", 33, 16);
    let digits = heap.node("string", "4111111111111111", 35, 0);
    let closure = heap.node("closure", "checkout", 37, 64);
    let element = heap.node("native", "<div id=\"secret-id\" class=\"x\">", 39, 64);
    let window = heap.node("object", "Window / https://shop.example/account?token=secret-token", 41, 64);
    let big = heap.node("bigint", "bigint", 43, 24);
    heap.edge(root, "element", 1, roots).edge(root, "shortcut", "1", store);
    heap.edge(store, "internal", "properties", dictionary);
    heap.edge(dictionary, "hidden", 4, key).edge(dictionary, "hidden", 7, id);
    heap.edge(store, "property", "mentionedKey", session).edge(store, "property", "sess_8f2ab77c", session);
    heap.edge(store, "element", 923_456_789, session).edge(store, "element", 3, session);
    heap.edge(session, "property", "cartTotal", number).edge(session, "property", "loginCount", value);
    heap.edge(session, "property", "get cartTotal", closure).edge(
        session,
        "property",
        "fromJsonSecret",
        rope,
    );
    heap.edge(session, "property", "mentionedKey", big).edge(
        session,
        "property",
        "<symbol secret-symbol>",
        symbol,
    );
    heap.edge(session, "property", "constructor", closure).edge(session, "property", "checkout", closure);
    heap.edge(session, "property", "<symbol Symbol.iterator>", closure);
    heap.edge(rope, "internal", "first", value).edge(rope, "internal", "second", half);
    heap.edge(number, "internal", "value", digits);
    heap.edge(closure, "context", "itemsInCart", pattern).edge(closure, "internal", "code", pool);
    heap.edge(session, "property", "itemsInCart", element).edge(session, "weak", "window", window);
    heap.edge(pool, "hidden", 1, literal).edge(pool, "hidden", 2, key).edge(literal, "hidden", 0, declared);
    heap.edge(pool, "hidden", 3, other);
    let pair = "7 / part of key (Session @9) -> value (hunter2-secret @23) pair in WeakMap (table @7)";
    heap.edge(session, "internal", pair, value).edge(dictionary, "internal", pair, value);
    let cut = "8 / part of key (secret-that-is-cut @1";
    heap.edge(dictionary, "internal", cut, value);
    let secrets = vec![
        "sess_8f2ab77c",
        "hunter2-secret",
        "rope-half-secret",
        "secret-pattern",
        "secret-symbol",
        "4111111111111111",
        "secret-id",
        "secret-token",
        "fromJsonSecret",
        "923456789",
        "secret",
    ];
    Shop { heap, secrets }
}

#[test]
fn no_secret_is_left_and_declared_names_stay() {
    let shop = shop();
    let graph = graph_of(&shop.heap);
    let (redacted, counts) = redact(&graph, &KEY);
    let mut bytes = Vec::new();
    write(&redacted, &mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    for secret in &shop.secrets {
        assert!(shop.heap.to_bytes().windows(secret.len()).any(|window| window == secret.as_bytes()));
        assert!(!text.contains(secret), "{secret} is still there");
    }
    let session = NodeIndex(4);
    let names = |node| -> Vec<String> {
        let properties = redacted.edges(node).filter(|edge| edge.kind == EdgeKind::Property);
        properties.map(|edge| redacted.edge_name(&edge).to_string()).collect()
    };
    let kept = names(session);
    for name in [
        "cartTotal",
        "loginCount",
        "get cartTotal",
        "mentionedKey",
        "constructor",
        "checkout",
        "itemsInCart",
        "<symbol Symbol.iterator>",
    ] {
        assert!(kept.iter().any(|kept| kept == name), "{name} is not in {kept:?}");
    }
    assert_eq!(counts.kept_properties, 8);
    // The same name is data where it is a key of a dictionary.
    let store = names(NodeIndex(2));
    assert!(store.iter().all(|name| name != "mentionedKey" && units(name) >= 12), "{store:?}");
    for name in ["SessionStore", "Session", "checkout", "(constant pool)", "heap number"] {
        assert!(redacted.nodes().any(|node| redacted.name(node) == name), "{name}");
    }
    assert!(redacted.nodes().any(|node| redacted.name(node).starts_with("Window / https://shop.example/")));
    assert!(
        redacted
            .nodes()
            .any(|node| redacted.name(node).starts_with("<div ") && redacted.name(node).ends_with('>'))
    );
}

#[test]
fn a_weak_maps_entries_are_still_understood() {
    let graph = graph_of(&shop().heap);
    let (redacted, _) = redact(&graph, &KEY);
    let value = redacted.name(NodeIndex(11)).to_owned();
    let internal: HashSet<String> = redacted
        .nodes()
        .flat_map(|node| {
            redacted.edges(node).map(|edge| redacted.edge_name(&edge).to_string()).collect::<Vec<_>>()
        })
        .filter(|name| name.contains(" / part of key ("))
        .collect();
    let whole = format!("7 / part of key (Session @9) -> value ({value} @23) pair in WeakMap (table @7)");
    assert!(internal.contains(&whole), "{internal:?}");
    assert_eq!(internal.len(), 2);
}

#[test]
fn small_indices_are_positions_and_stay() {
    let graph = graph_of(&shop().heap);
    let (redacted, counts) = redact(&graph, &KEY);
    let indices: Vec<EdgeName<'_>> = redacted
        .edges(NodeIndex(2))
        .filter(|edge| edge.kind == EdgeKind::Element)
        .map(|edge| redacted.edge_name(&edge))
        .collect();
    assert_eq!(indices[1], EdgeName::Index(3));
    assert!(matches!(indices[0], EdgeName::Index(index) if index != 923_456_789 && index.ilog10() == 8));
    assert_eq!(counts.elements, 1);
}
