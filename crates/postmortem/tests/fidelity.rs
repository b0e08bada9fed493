//! The graph of a core against V8's own snapshot of the same process, object by object.
//!
//! The program took a snapshot before its core was made; since then V8 keeps a list of the objects that it saw, with
//! their ids and addresses. So each of its nodes is known by address here.

#![allow(clippy::print_stdout, reason = "how much was compared")]

mod common;

use std::collections::HashMap;
use std::ops::ControlFlow;

use heap_graph::{Edge, EdgeKind, HeapGraph, NodeIndex, ReadOptions};
use postmortem::graph::{GraphOptions, NodeIds, graph, packed_graph};
use postmortem::heap::Liveness;
use test_heaps::cores::{How, real_program};
use test_heaps::nodes::{V18, V20, V22, V24, V26};
use test_heaps::real_programs;

use common::{Opened, known, objects_map, open};

/// How much of V8's graph was found.
#[derive(Default)]
struct Found {
    nodes: u64,
    same_kind: u64,
    same_name: u64,
    same_size: u64,
    same_id: u64,
    globals: u64,
    base_objects: u64,
    same_base_objects: u64,
    managed: u64,
    same_managed: u64,
    lost: u64,
    edges: u64,
    same_edges: u64,
    extra_edges: u64,
}

impl Found {
    fn share(part: u64, whole: u64) -> f64 {
        part as f64 / whole.max(1) as f64
    }
}

/// An edge as it is compared: the number in front of a pair's name counts V8's own writing.
fn label(graph: &HeapGraph, edge: &Edge) -> (EdgeKind, String) {
    let name = graph.edge_name(edge).to_string();
    if let Some(at) = name.find(" / part of key (") {
        let pair = name[at..].split(" @").next().unwrap_or_default().to_owned();
        return (edge.kind, pair);
    }
    (edge.kind, name)
}

fn is_number(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

/// How many edges are named by the number of edges before them.
fn numbered(graph: &HeapGraph, node: NodeIndex) -> usize {
    let counts = |edge: &Edge| matches!(edge.kind, EdgeKind::Hidden | EdgeKind::Weak);
    graph.edges(node).filter(|edge| counts(edge) && is_number(&graph.edge_name(edge).to_string())).count()
}

/// The fields and kinds that a snapshot announces in its first line.
fn meta(snapshot: &[u8]) -> serde_json::Value {
    let end = snapshot.iter().position(|byte| *byte == b'\n').unwrap();
    let mut header: serde_json::Value = serde_json::from_str(&format!(
        "{}}}",
        str::from_utf8(&snapshot[..end]).unwrap().trim_end_matches(',')
    ))
    .unwrap();
    let mut meta = header["snapshot"]["meta"].take();
    // V8 13 says five times that a field is a number, and has four such fields.
    meta["node_types"] = meta["node_types"][0].take();
    meta
}

/// The object of C++ that an object is there for: kind, name, and whether it is a root and names the object back.
fn base_object(graph: &HeapGraph, object: NodeIndex) -> Option<(String, String, bool, bool)> {
    let edge =
        graph.edges(object).find(|edge| graph.edge_name(edge).to_string() == "javascript_to_native")?;
    let is_root = graph.edges(NodeIndex(0)).any(|root| root.to == edge.to);
    let back = |back: Edge| back.to == object && graph.edge_name(&back).to_string() == "native_to_javascript";
    let names_back = graph.edges(edge.to).any(back);
    Some((graph.kind_name(edge.to).to_owned(), graph.name(edge.to).to_owned(), is_root, names_back))
}

/// What is counted together where something differs.
fn sort(graph: &HeapGraph, from: NodeIndex, label: &(EdgeKind, String)) -> String {
    let name = if is_number(&label.1) { "#" } else { &label.1 };
    let holder: String = graph.name(from).chars().take(40).collect();
    let holder = match graph.kind_name(from) {
        "string" | "object" | "closure" => String::new(),
        _ => holder,
    };
    format!("{} {name} of {} {holder}", label.0.name(), graph.kind_name(from))
}

fn compare(version: &str, opened: &Opened) -> Found {
    let heap = opened.heap();
    let live = Liveness::mark(&heap);
    let ours = graph(&heap, &live, GraphOptions::default(), &mut |_, _| ControlFlow::Continue(())).unwrap();
    let bytes = std::fs::read(opened.made.file("known.heapsnapshot")).unwrap();
    let options = ReadOptions { size: Some(bytes.len() as u64), threads: 2, salvage: false };
    let theirs = heap_graph::read(&bytes[..], &options, &mut |_| ControlFlow::Continue(())).unwrap();
    let mut written = Vec::new();
    heap_graph::write(&ours, &mut written).unwrap();
    assert_eq!(meta(&written), meta(&bytes), "{version}");
    let mut go_on = |_, _| ControlFlow::Continue(());
    let packed = packed_graph(&heap, &live, GraphOptions::default(), &mut go_on).unwrap();
    let mut of_packed = Vec::with_capacity(written.len());
    packed.write(&mut of_packed).unwrap();
    assert!(of_packed == written, "{version}");
    drop((of_packed, written));
    let ids = NodeIds::new(&heap, &live);
    let node_of = |address: u64| ids.node_of(&heap, address).map(NodeIndex);
    let address_of: HashMap<u64, u64> =
        objects_map::find(&opened.memory).iter().map(|entry| (u64::from(entry.id), entry.address)).collect();
    let pair = |node: NodeIndex| node_of(*address_of.get(&theirs.id(node))?);
    let groups = |graph: &HeapGraph| -> Vec<(u64, String)> {
        let group = |edge: Edge| (graph.id(edge.to), graph.name(edge.to).to_owned());
        graph.edges(NodeIndex(1)).map(group).collect()
    };
    assert_eq!(groups(&ours), groups(&theirs), "{version}");
    // Builtins have their numbers and names.
    let builtins = |graph: &HeapGraph| -> Vec<String> {
        let group = graph.edges(NodeIndex(1)).find(|edge| graph.name(edge.to) == "(Builtins)").unwrap();
        graph.edges(group.to).map(|edge| graph.edge_name(&edge).to_string()).collect()
    };
    let (own, v8) = (builtins(&ours), builtins(&theirs));
    let same = own.iter().zip(&v8).filter(|(a, b)| a == b).count();
    println!("{version}: {same} of {} edges to builtins, here {}", v8.len(), own.len());
    // In V8 10 other code comes first.
    assert!(heap.layout.version.major < 11 || same == v8.len() && own.len() == v8.len(), "{version}");
    let mut found = Found::default();
    let mut differences: HashMap<String, u64> = HashMap::new();
    let mut count = |what: String| *differences.entry(what).or_default() += 1;
    let back: HashMap<NodeIndex, NodeIndex> =
        theirs.nodes().filter_map(|node| Some((pair(node)?, node))).collect();
    for node in theirs.nodes() {
        // Memory beside the heap has no address here; of a few objects V8 makes one node with what C++ has for them.
        if theirs.kind_name(node) == "native" && pair(node).is_none() {
            continue;
        }
        let Some(own) = pair(node) else {
            let alive =
                address_of.get(&theirs.id(node)).is_some_and(|address| live.contains(&heap, *address));
            found.lost += u64::from(alive);
            continue;
        };
        found.nodes += 1;
        let sizes = (theirs.raw_self_size(node), ours.raw_self_size(own));
        found.same_id += u64::from(theirs.id(node) == ours.id(own));
        let (kinds, names) =
            ((theirs.kind_name(node), ours.kind_name(own)), (theirs.name(node), ours.name(own)));
        // The global object, what stands for it, and their realm are told apart by their names and edges.
        let is_global = |name: &str| name.starts_with("global") || name.contains(" (global");
        if theirs.kind_name(node) == "object" && is_global(names.0) {
            let edges = |graph: &HeapGraph, node| -> Vec<(EdgeKind, String)> {
                let own = |edge: &Edge| matches!(edge.kind, EdgeKind::Internal | EdgeKind::Shortcut);
                let mut edges: Vec<_> =
                    graph.edges(node).filter(own).map(|edge| label(graph, &edge)).collect();
                edges.sort();
                edges
            };
            assert_eq!(names.0, names.1, "{version}");
            assert_eq!(edges(&theirs, node), edges(&ours, own), "{version}: {}", names.0);
            found.globals += 1;
        }
        if let Some(base) = base_object(&theirs, node) {
            found.base_objects += 1;
            match base_object(&ours, own) {
                Some(own) if own == base => found.same_base_objects += 1,
                own => count(format!("BASE OBJECT {base:?} here {own:?}")),
            }
        }
        if theirs.kind_name(node) == "native" {
            found.managed += 1;
            found.same_managed += u64::from(kinds.0 == kinds.1 && names.0 == names.1);
        }
        found.same_size += u64::from(sizes.0 == sizes.1);
        if sizes.0 != sizes.1 {
            count(format!("SIZE {} here {} of {} {:.40}", sizes.0, sizes.1, theirs.kind_name(node), names.0));
        }
        found.same_kind += u64::from(kinds.0 == kinds.1);
        found.same_name += u64::from(names.0 == names.1);
        if kinds.0 != kinds.1 {
            count(format!("KIND {kinds:?} of {:.40}", names.0));
        } else if names.0 != names.1 {
            count(format!("NAME {:?} {:.60?} here {:.60?}", kinds.0, names.0, names.1));
        }
        // The program ran on behind its snapshot: where a function has learnt something since, all later numbers are others.
        let changed = numbered(&theirs, node) != numbered(&ours, own);
        let label = |graph: &HeapGraph, edge: &Edge| match label(graph, edge) {
            (kind @ (EdgeKind::Hidden | EdgeKind::Weak), name) if changed && is_number(&name) => {
                (kind, "#".to_owned())
            }
            label => label,
        };
        let mut there: HashMap<(EdgeKind, String, NodeIndex), i64> = HashMap::new();
        for edge in ours.edges(own).filter(|edge| back.contains_key(&edge.to)) {
            let (kind, name) = label(&ours, &edge);
            *there.entry((kind, name, edge.to)).or_default() += 1;
        }
        for edge in theirs.edges(node) {
            let Some(to) = pair(edge.to) else { continue };
            found.edges += 1;
            let (kind, name) = label(&theirs, &edge);
            match there.get_mut(&(kind, name.clone(), to)).filter(|left| **left > 0) {
                Some(left) => {
                    *left -= 1;
                    found.same_edges += 1;
                }
                None => count(format!("LACKS {}", sort(&theirs, node, &(kind, name)))),
            }
        }
        for ((kind, name, _), left) in there {
            if left > 0 {
                found.extra_edges += left as u64;
                count(format!("EXTRA {}", sort(&theirs, node, &(kind, name))));
            }
        }
    }
    println!(
        "{version}: {} nodes in both, {} lost, id {:.4}, size {:.4}, kind {:.4}, name {:.4}; {} edges, {:.4} found, {} more here, {} of {} objects of C++, {} of {} managed",
        found.nodes,
        found.lost,
        Found::share(found.same_id, found.nodes),
        Found::share(found.same_size, found.nodes),
        Found::share(found.same_kind, found.nodes),
        Found::share(found.same_name, found.nodes),
        found.edges,
        Found::share(found.same_edges, found.edges),
        found.extra_edges,
        found.same_base_objects,
        found.base_objects,
        found.same_managed,
        found.managed
    );
    let mut differences: Vec<_> = differences.into_iter().collect();
    differences.sort_by_key(|(what, count)| (std::cmp::Reverse(*count), what.clone()));
    for (what, count) in differences.iter().take(40) {
        println!("  {count:6} {what}");
    }
    found
}

/// `kinds`, `names` and `edges`: the least parts of V8's that must be here.
fn holds(version: &str, kinds: f64, names: f64, edges: f64) {
    let found = compare(version, &known(version, How::Gcore));
    assert!(found.nodes > 40_000);
    assert!(found.globals >= 2);
    assert_eq!(found.lost, 0, "alive, and without a node");
    assert!(found.base_objects >= 8);
    assert_eq!(found.same_base_objects, found.base_objects, "objects of C++");
    assert_eq!(found.same_managed, found.managed, "objects that V8 manages for C++");
    assert_eq!(found.same_size, found.nodes, "sizes");
    assert_eq!(found.same_id, found.nodes, "ids");
    assert!(Found::share(found.same_kind, found.nodes) >= kinds);
    assert!(Found::share(found.same_name, found.nodes) >= names);
    assert!(Found::share(found.same_edges, found.edges) >= edges);
    assert!(Found::share(found.extra_edges, found.edges) <= 0.001);
}

#[test]
fn node18() {
    holds(V18, 0.998, 0.998, 0.999);
}

#[test]
fn node20() {
    holds(V20, 0.998, 0.998, 0.999);
}

#[test]
fn node22() {
    holds(V22, 0.999, 0.999, 0.999);
}

#[test]
fn node24() {
    holds(V24, 0.999, 0.999, 0.999);
}

#[test]
fn node26() {
    holds(V26, 0.999, 0.999, 0.999);
}

/// The same of programs that do something: servers behind their requests, compilers and bundlers behind their work.
#[test]
fn real_programs_too() {
    let mut managed = 0;
    for program in real_programs::ALL {
        let opened = open(real_program(program.name, program.node).expect("a core"));
        let name = format!("{} on {}", program.name, program.node);
        let found = compare(&name, &opened);
        assert!(found.nodes > 50_000);
        assert_eq!(found.lost, 0, "{name}: alive, and without a node");
        assert!(found.base_objects >= 8, "{name}");
        assert_eq!(found.same_base_objects, found.base_objects, "{name}: objects of C++");
        assert_eq!(found.same_managed, found.managed, "{name}: objects that V8 manages for C++");
        managed += found.managed;
        assert_eq!(found.same_size, found.nodes, "{name}: sizes");
        assert_eq!(found.same_id, found.nodes, "{name}: ids");
        assert!(Found::share(found.same_kind, found.nodes) >= 0.998, "{name}");
        assert!(Found::share(found.same_name, found.nodes) >= 0.99, "{name}");
        assert!(Found::share(found.same_edges, found.edges) >= 0.999, "{name}");
        assert!(Found::share(found.extra_edges, found.edges) <= 0.001, "{name}");
    }
    assert!(managed > 0, "none was seen");
}
