//! `corpus`: writes the committed corpus again, from test-heaps: small files that every reader of snapshots must
//! read (`good-`) or refuse (`bad-`). Fuzzing starts from them, tests replay them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use test_heaps::random::RandomHeap;
use test_heaps::{Escapes, Layout, Location, Section, TestHeap, Text, TraceNode, Writing};

use crate::arguments::Arguments;
use crate::shell::root;

pub(crate) fn run(arguments: Arguments) -> Result<()> {
    arguments.finish()?;
    let folder = root().join("testing").join("corpus");
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    for (name, bytes) in good().into_iter().chain(bad()) {
        let path = folder.join(format!("{name}.heapsnapshot"));
        std::fs::write(&path, bytes).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn slug(layout: &Layout) -> String {
    layout.name.to_lowercase().replace(' ', "-")
}

/// Something of everything that a snapshot can hold.
fn full(layout: Layout) -> TestHeap {
    let mut heap = TestHeap::new(layout);
    let root = heap.node("synthetic", "", 1, 0);
    let roots = heap.node("synthetic", "(GC roots)", 3, 0);
    let global = heap.node("object", "global", 5, 64);
    let class = heap.node("object", "Session", 7, 48);
    let closure = heap.node("closure", "onData", 9, 64);
    let text = heap.node("string", "quote \" tab\t \u{1} é 日 😀", 11, 24);
    let map = heap.node("object shape", "system / Map", 13, 80);
    let native = heap.node("native", "system / JSArrayBufferData", 16, 4096);
    let script = heap.node("code", "server.js", 17, 0);
    heap.edge(root, "element", 1, roots).edge(root, "shortcut", "global", global);
    heap.edge(roots, "element", 0, script).edge(roots, "weak", "handle", native);
    heap.edge(global, "property", "sessions", class).edge(global, "context", "listener", closure);
    heap.edge(class, "element", 0, text).edge(class, "internal", "map", map).edge(class, "hidden", 3, native);
    let pair = "1 / part of key (Session @7) -> value (onData @9) pair in WeakMap (table @5)";
    heap.edge(class, "internal", pair, closure).edge(global, "internal", pair, closure);
    heap.location(class, 4, 11, 2).location(closure, 4, 20, 8);
    heap.detachedness(native, 2).trace_node(class, 2);
    heap.trace_function(1, "(root)", "", Location { script_id: 0, line: 0, column: 0 });
    heap.trace_function(2, "add", "server.js", Location { script_id: 4, line: 12, column: 4 });
    let leaf = TraceNode { id: 2, function: 1, count: 3, size: 144, children: Vec::new() };
    heap.trace_tree(TraceNode { id: 1, function: 0, count: 0, size: 0, children: vec![leaf] });
    heap.sample(0, 3).sample(48_041, 17).extra_native_bytes(12_345);
    heap.scope(script, 1, 0, &["sessions"], &[]).scope(script, 2, 1, &[], &[(1, 0)]);
    heap
}

fn good() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for layout in Layout::all() {
        files.insert(format!("good-{}", slug(&layout)), full(layout).to_bytes());
    }
    let heap = full(Layout::node26());
    let mut backwards = Section::ALL.to_vec();
    backwards.reverse();
    let dresses = [
        ("backwards", Writing { order: backwards, ..Writing::default() }),
        ("pretty", Writing { pretty: true, ..Writing::default() }),
        ("utf8", Writing { escapes: Escapes::Utf8, ..Writing::default() }),
        ("unknown", Writing { unknown_sections: true, unknown_fields: true, ..Writing::default() }),
    ];
    for (name, writing) in dresses {
        files.insert(format!("good-{name}"), heap.to_bytes_with(&writing));
    }
    for seed in 0..3 {
        files.insert(format!("good-random-{seed}"), RandomHeap::new(seed, 40).heap().to_bytes());
    }
    let mut strange = TestHeap::new(Layout::node22());
    strange.node("synthetic", Text::Literal(b"\\ud800 \\udc00\\ud83d\\ude00 \\/".to_vec()), 1, 0);
    files.insert("good-surrogates".to_owned(), strange.to_bytes());
    files
}

fn bad() -> BTreeMap<String, Vec<u8>> {
    let heap = full(Layout::node26());
    let whole = heap.to_bytes();
    let mut files = BTreeMap::new();
    let mut add = |name: &str, bytes: Vec<u8>| files.insert(format!("bad-{name}"), bytes);
    for section in [Section::Snapshot, Section::Nodes, Section::Edges, Section::Strings] {
        add(&format!("without-{}", section.key()), heap.to_bytes_with(&Writing::without(section)));
        let key = format!("\"{}\":", section.key());
        let at = whole.windows(key.len()).position(|window| window == key.as_bytes()).unwrap_or_default();
        add(&format!("cut-in-{}", section.key()), whole[..at + key.len() + 9].to_vec());
        let mut order = Section::ALL.to_vec();
        order.push(section);
        add(
            &format!("twice-{}", section.key()),
            heap.to_bytes_with(&Writing { order, ..Writing::default() }),
        );
    }
    // Positions: the first node is type, name, id, self_size, edge_count, detachedness; an edge type, name, target.
    let patches = [
        ("target-outside", Section::Edges, 2, "6000"),
        ("target-between-nodes", Section::Edges, 2, "7"),
        ("edge-name-outside", Section::Edges, 4, "999"),
        ("edge-type-outside", Section::Edges, 0, "99"),
        ("node-name-outside", Section::Nodes, 1, "999"),
        ("node-type-outside", Section::Nodes, 0, "99"),
        ("edge-count-too-large", Section::Nodes, 4, "3"),
        ("edge-count-huge", Section::Nodes, 4, "18446744073709551615"),
        ("negative", Section::Nodes, 3, "-8"),
        ("over-64-bits", Section::Nodes, 2, "99999999999999999999999"),
        ("fraction", Section::Nodes, 3, "1.5"),
        ("string-for-number", Section::Nodes, 3, "\"8\""),
        ("nested", Section::Edges, 1, "[[[[1]]]]"),
        ("location-outside", Section::Locations, 0, "6000"),
    ];
    for (name, section, position, text) in patches {
        add(name, heap.to_bytes_with(&Writing::patched(section, position, text)));
    }
    let lies = |nodes: Option<&str>, edges: Option<&str>| {
        let writing = Writing {
            node_count: nodes.map(str::to_owned),
            edge_count: edges.map(str::to_owned),
            ..Writing::default()
        };
        heap.to_bytes_with(&writing)
    };
    add("node-count-too-large", lies(Some("19"), None));
    add("node-count-huge", lies(Some("4000000000000"), None));
    add("edge-count-too-small", lies(None, Some("1")));
    add("empty", Vec::new());
    add("not-json", b"\x7fELF\x02\x01\x01".to_vec());
    add("empty-object", b"{}".to_vec());
    add("deep", [b"{\"snapshot\":".to_vec(), vec![b'['; 20_000]].concat());
    files
}
