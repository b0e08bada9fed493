//! Ids that are made of what graphs hold, beside those that V8 gave: a program takes three snapshots, its ids are taken
//! away, and given back.

#![allow(clippy::print_stdout, reason = "how much was right")]

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use heap_graph::{
    Adopted, Analysis, HeapGraph, Moment, NodeIndex, ReadOptions, Retainers, Suspect, suspects,
};
use serde_json::Value;
use test_heaps::{Layout, TestHeap, nodes};

fn read(bytes: &[u8]) -> HeapGraph {
    heap_graph::read(bytes, &ReadOptions::default(), &mut |_| ControlFlow::Continue(())).unwrap()
}

/// The same snapshot with other ids, that say nothing.
fn forgetful(bytes: &[u8], base: u64) -> HeapGraph {
    let mut snapshot: Value = serde_json::from_slice(bytes).unwrap();
    let fields = snapshot["snapshot"]["meta"]["node_fields"].as_array().unwrap().clone();
    let at = fields.iter().position(|field| field == "id").unwrap();
    let nodes = snapshot["nodes"].as_array_mut().unwrap();
    let mut new_of = HashMap::new();
    for (ordinal, node) in nodes.chunks_mut(fields.len()).enumerate() {
        let old = node[at].as_u64().unwrap();
        let new = base + 2 * ordinal as u64 + old % 2;
        new_of.insert(old.to_string(), new);
        node[at] = new.into();
    }
    // Names of a WeakMap's entries quote ids.
    for text in snapshot["strings"].as_array_mut().unwrap() {
        let name = text.as_str().unwrap();
        if name.contains(" pair in WeakMap (table @") {
            let parts: Vec<&str> = name.split(" @").collect();
            let mut whole = parts[0].to_owned();
            for part in &parts[1..] {
                let (id, rest) = part.split_at(part.find(')').unwrap());
                whole += &format!(" @{}{rest}", new_of[id]);
            }
            whole = whole.replace("(table@", "(table @");
            *text = whole.into();
        }
    }
    read(&serde_json::to_vec(&snapshot).unwrap())
}

fn growth(graphs: &[HeapGraph]) -> Vec<Suspect> {
    let last = graphs.last().unwrap();
    let analysis = Analysis::new(last, &mut |_| ControlFlow::Continue(())).unwrap();
    let moments: Vec<_> = graphs.iter().map(|graph| Moment { graph }).collect();
    suspects(&moments, &analysis, &Retainers::new(last).unwrap())
}

fn three_snapshots(version: &str, folder: &Path) -> Vec<Vec<u8>> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/grows.cjs");
    let mut command = Command::new(nodes::binary(version).unwrap());
    assert!(command.arg(program).arg(folder).status().unwrap().success());
    (1..=3).map(|round| std::fs::read(folder.join(format!("{round}.heapsnapshot"))).unwrap()).collect()
}

#[test]
fn what_grows_is_found_without_ids() {
    for version in nodes::SUPPORTED {
        let folder = tempfile::tempdir().unwrap();
        let texts = three_snapshots(version, folder.path());
        let theirs: Vec<_> = texts.iter().map(|text| read(text)).collect();
        let mut own = vec![forgetful(&texts[0], 1_000_000_001 & !1)];
        for (text, base) in texts[1..].iter().zip([1_300_000_000, 1_100_000_000]) {
            let mut graph = forgetful(text, base);
            let adopted = graph.adopt_ids(own.last().unwrap()).unwrap();
            assert_eq!(adopted.kept + adopted.fresh, graph.node_count() as u64);
            own.push(graph);
        }
        // The second against the first: which are the same, by V8 and here.
        let known: HashMap<u64, NodeIndex> =
            theirs[0].nodes().map(|node| (theirs[0].id(node), node)).collect();
        let kept: HashMap<u64, NodeIndex> = own[0].nodes().map(|node| (own[0].id(node), node)).collect();
        let (mut same, mut wrong, mut missed, mut both_new) = (0_u64, 0_u64, 0_u64, 0_u64);
        for node in theirs[1].nodes() {
            match (known.get(&theirs[1].id(node)), kept.get(&own[1].id(node))) {
                (Some(a), Some(b)) if a == b => same += 1,
                (_, Some(_)) => wrong += 1,
                (Some(_), None) => missed += 1,
                (None, None) => both_new += 1,
            }
        }
        println!(
            "{version}: {same} the same in both, {wrong} taken for another, {missed} taken for new, {both_new} new"
        );
        let all = same + wrong + missed + both_new;
        assert!(wrong * 100 <= 2 * all && missed * 1000 <= all && both_new > 30_000, "{version}");
        // What grows is the same, in the same order; what is exchanged is none of it.
        let told = |suspects: Vec<Suspect>| -> Vec<_> {
            let told = suspects.into_iter().map(|suspect| (suspect.class, suspect.counts, suspect.signature));
            told.filter(|(class, ..)| !["Cached", "Job"].contains(&class.as_str())).take(5).collect()
        };
        assert_eq!(told(growth(&own)), told(growth(&theirs)), "{version}");
    }
}

#[test]
fn an_exchanged_object_is_not_new_and_ids_are_used_where_there_are_some() {
    let graph = |base: u64, names: &[&str]| {
        let mut heap = TestHeap::new(Layout::node22());
        let root = heap.node("synthetic", "", base + 1, 0);
        let list = heap.node("array", "", base + 3, 16);
        heap.edge(root, "shortcut", "list", list);
        for (at, name) in names.iter().enumerate() {
            let object = heap.node("object", "Item", base + 5 + 4 * at as u64, 24);
            let string = heap.node("string", *name, base + 7 + 4 * at as u64, 24);
            heap.edge(list, "internal", at.to_string(), object);
            heap.edge(object, "property", "name", string);
        }
        read(&heap.to_bytes())
    };
    let before = graph(100, &["a", "b", "c"]);
    // `a` is gone, `d` and `e` came: one object more, two texts more.
    let mut after = graph(1000, &["b", "c", "d", "e"]);
    assert_eq!(after.adopt_ids(&before), Some(Adopted { kept: 7, fresh: 3 }));
    let ids: Vec<u64> = after.nodes().map(|node| after.id(node)).collect();
    // Root and list; then b and c with theirs, d's object with that of `a`, and new ones.
    assert_eq!(ids[..6], [101, 103, 109, 111, 113, 115]);
    assert!(ids[6] == 105 && ids[7] > 115 && ids[8] > 115 && ids[9] > 115, "{ids:?}");
    // Again: nothing is new, and ids stay.
    let mut again = graph(1000, &["b", "c", "d", "e"]);
    assert_eq!(again.adopt_ids(&after), Some(Adopted { kept: 10, fresh: 0 }));
    assert!(again.nodes().map(|node| again.id(node)).eq(ids));
    // No higher ids are left: nothing changes.
    let full = graph(u64::from(u32::MAX) - 30, &["a"]);
    let mut other =
        graph(10, &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"]);
    assert_eq!(other.adopt_ids(&full), None);
    assert_eq!(other.id(NodeIndex(0)), 11);
}

/// The names of a WeakMap's entries quote ids; readers pair them by these.
#[test]
fn pairs_of_weak_maps_quote_the_new_ids() {
    let graph = |base: u64| {
        let mut heap = TestHeap::new(Layout::node22());
        let root = heap.node("synthetic", "", base + 1, 0);
        let mut object = |at: u64, name: &str| {
            let node = heap.node("object", name, base + at, 24);
            heap.edge(root, "shortcut", name, node);
            node
        };
        let (key, value, table) = (object(3, "Key"), object(5, "Value"), object(7, "Table"));
        let [k, v, t] = [3, 5, 7].map(|at| base + at);
        for (number, from) in [(1, key), (2, table)] {
            let name = format!(
                "{number} / part of key (Key @{k}) -> value (Value @{v}) pair in WeakMap (table @{t})"
            );
            heap.edge(from, "internal", name, value);
        }
        read(&heap.to_bytes())
    };
    let before = graph(100);
    let mut after = graph(1000);
    assert_eq!(after.adopt_ids(&before), Some(Adopted { kept: 4, fresh: 0 }));
    let names = |graph: &HeapGraph| -> Vec<String> {
        let edges = graph.nodes().flat_map(|node| graph.edges(node).collect::<Vec<_>>());
        edges.map(|edge| graph.edge_name(&edge).to_string()).collect()
    };
    assert_eq!(names(&after), names(&before));
    assert!(names(&after)[3].contains("(table @107)"), "{:?}", names(&after));
}

/// A handle more on V8's lists of roots, and each object has the number that another one had.
#[test]
fn numbers_in_lists_of_roots_say_nothing() {
    let graph = |base: u64, lists: &[(&str, u32)]| {
        let mut heap = TestHeap::new(Layout::node22());
        let root = heap.node("synthetic", "", base + 1, 0);
        let mut id = base + 1;
        let mut next = || {
            id += 2;
            id
        };
        let roots = heap.node("synthetic", "(GC roots)", next(), 0);
        let handles = heap.node("synthetic", "(Handle scope)", next(), 0);
        heap.edge(root, "element", 1, roots);
        heap.edge(roots, "element", 1, handles);
        for (at, (class, length)) in lists.iter().enumerate() {
            let list = heap.node("object", "Array", next(), 16);
            heap.edge(handles, "hidden", at as u32, list);
            for place in 0..*length {
                let object = heap.node("object", *class, next(), 24);
                heap.edge(list, "element", place, object);
            }
        }
        read(&heap.to_bytes())
    };
    let before = graph(100, &[("Request", 10), ("Listener", 5)]);
    let mut after = graph(1000, &[("Request", 1), ("Listener", 10), ("Request", 20)]);
    // The list that came, the one object in it, five listeners and ten requests.
    let adopted = after.adopt_ids(&before).unwrap();
    let id_of = |graph: &HeapGraph, class: &str| -> Vec<u64> {
        let nodes = graph.nodes().filter(|node| graph.name(*node) == class);
        nodes.map(|node| graph.id(node)).collect()
    };
    assert_eq!(id_of(&after, "Listener")[..5], id_of(&before, "Listener"));
    assert_eq!(adopted, Adopted { kept: 20, fresh: 17 });
}
