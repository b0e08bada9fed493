//! What DevTools shows beyond nodes and classes is the same here: filters, realms, statistics, duplicate strings,
//! interfaces, names, dominators and retaining paths.

mod support;

use std::path::Path;

use devtools_oracle::{Oracle, RetainingEdge};
use heap_graph::{
    Analysis, ContextOwner, Filter, HeapGraph, NativeContexts, NodeIndex, Retainers, duplicate_strings,
    retaining_paths,
};
use support::{bag_difference, compare_all, read};
use test_heaps::fixtures::{Which, snapshot};
use test_heaps::random::{Random, RandomHeap};
use test_heaps::{Layout, TestHeap, nodes};

/// Nodes whose paths are compared in each file.
const PATHS: usize = 50;

const FILTERS: [(Filter, &str); 7] = [
    (Filter::RetainedByContexts, "objectsRetainedByContexts"),
    (Filter::RetainedByDetachedDom, "objectsRetainedByDetachedDomNodes"),
    (Filter::RetainedByConsole, "objectsRetainedByConsole"),
    (Filter::RetainedByEventHandlers, "objectsRetainedByEventHandlers"),
    (Filter::DuplicatedStrings, "duplicatedStrings"),
    (Filter::SharedNativeContext, "sharedNativeContext"),
    (Filter::NoNativeContext, "noNativeContext"),
];

fn differences(oracle: &Oracle, file: &Path) -> Vec<String> {
    let (graph, analysis) = read(file);
    let mut found = filters(oracle, file, &graph, &analysis);
    found.extend(contexts(oracle, file, &graph, &analysis));
    found.extend(statistics(oracle, file, &graph, &analysis));
    found.extend(duplicates(oracle, file, &graph, &analysis));
    found.extend(interfaces(oracle, file, &analysis));
    found.extend(paths(oracle, file, &graph, &analysis));
    found
}

fn filters(oracle: &Oracle, file: &Path, graph: &HeapGraph, analysis: &Analysis) -> Vec<String> {
    let mut found = Vec::new();
    for (filter, name) in FILTERS {
        let rows = analysis.class_rows_of(graph, &analysis.filter(graph, filter));
        let ours = rows.iter().map(|row| {
            let name = analysis.class_key(row.class).name.clone();
            (name, row.count, row.shallow_size, row.retained_size, i64::from(row.distance))
        });
        let theirs = oracle.filter(name, file).expect("an answer").into_iter();
        let theirs =
            theirs.map(|row| (row.name, row.count, row.shallow_size, row.retained_size, row.distance));
        found.extend(bag_difference(name, ours, theirs));
    }
    found
}

fn contexts(oracle: &Oracle, file: &Path, graph: &HeapGraph, analysis: &Analysis) -> Vec<String> {
    let contexts = NativeContexts::new(graph);
    let answer = oracle.contexts(file).expect("an answer");
    let (sizes, shared, none) = contexts.sizes(analysis);
    let theirs = answer.native_contexts;
    let ours = sizes
        .iter()
        .map(|size| (graph.id(size.node), size.attributed_size, size.retained_size, size.shallow_size));
    let rows = theirs.native_contexts.iter();
    let rows = rows.map(|row| (row.node_id, row.attributed_size, row.retained_size, row.self_size));
    let mut found = bag_difference("native context", ours, rows);
    if (shared, none) != (theirs.shared_size, theirs.no_attribution_size) {
        let theirs = (theirs.shared_size, theirs.no_attribution_size);
        found.push(format!("shared and unattributed: {:?}, DevTools' {theirs:?}", (shared, none)));
    }
    let owners = oracle.nodes(file).expect("an answer");
    for (node, row) in graph.nodes().zip(owners.iter()) {
        let owner = match contexts.owner(node) {
            ContextOwner::None => -1,
            ContextOwner::Shared => -2,
            ContextOwner::Context(context) => context.0 as i32,
        };
        if owner != row.native_context && found.len() < 8 {
            found.push(format!("realm of {node:?}: {owner}, DevTools' {}", row.native_context));
        }
    }
    let by_context = analysis.filter(graph, Filter::RetainedByContexts);
    let sized = || graph.nodes().filter(|&node| analysis.shallow_size(node) > 0);
    let held = || sized().filter(|&node| by_context.contains(node));
    let ours = (
        sized().filter(|&node| graph.is_context(node)).count() as u64,
        held().count() as u64,
        held().map(|node| analysis.shallow_size(node)).sum::<u64>(),
        sized().map(|node| analysis.shallow_size(node)).sum::<u64>(),
    );
    let theirs = answer.retained_by_context;
    let theirs = (
        theirs.context_count,
        theirs.retained_by_context_count,
        theirs.retained_by_context_size,
        theirs.total_size,
    );
    if ours != theirs {
        found.push(format!("retained by contexts: {ours:?}, DevTools' {theirs:?}"));
    }
    found
}

fn statistics(oracle: &Oracle, file: &Path, graph: &HeapGraph, analysis: &Analysis) -> Vec<String> {
    let summary = oracle.summary(file).expect("an answer");
    let ours = analysis.statistics();
    let ours = [
        graph.node_count() as u64,
        graph.edge_count(),
        ours.total,
        ours.native,
        ours.typed_arrays,
        ours.v8_heap,
        ours.code,
        ours.js_arrays,
        ours.strings,
        ours.system,
    ];
    let (native, heap) = (summary.statistics.native, summary.statistics.v8heap);
    let theirs = [
        summary.node_count,
        summary.edge_count,
        summary.statistics.total,
        native.total,
        native.typed_arrays,
        heap.total,
        heap.code,
        heap.js_arrays,
        heap.strings,
        heap.system,
    ];
    if ours == theirs { Vec::new() } else { vec![format!("statistics {ours:?}, DevTools' {theirs:?}")] }
}

fn duplicates(oracle: &Oracle, file: &Path, graph: &HeapGraph, analysis: &Analysis) -> Vec<String> {
    let ours = duplicate_strings(graph, analysis, true)
        .into_iter()
        .map(|row| (row.value, row.nodes.len() as u64, row.shallow_size, row.retained_size, row.truncated));
    let theirs = oracle.dupstrings(file).expect("an answer").into_iter().map(|row| {
        let truncated = row.truncated.unwrap_or(false);
        (row.value, row.count, row.total_self_size, row.total_retained_size, truncated)
    });
    bag_difference("duplicate", ours, theirs)
}

fn interfaces(oracle: &Oracle, file: &Path, analysis: &Analysis) -> Vec<String> {
    let ours: Vec<_> = analysis.interfaces().iter().map(|one| (&one.name, &one.properties)).collect();
    let answer = oracle.interfaces(file).expect("an answer");
    let theirs: Vec<_> = answer.iter().map(|one| (&one.name, &one.properties)).collect();
    let differ = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs);
    match differ {
        _ if ours == theirs => Vec::new(),
        Some((ours, theirs)) => vec![format!("interface {ours:?}, DevTools' {theirs:?}")],
        None => vec![format!("{} interfaces, DevTools' {}", ours.len(), theirs.len())],
    }
}

fn paths(oracle: &Oracle, file: &Path, graph: &HeapGraph, analysis: &Analysis) -> Vec<String> {
    let retainers = Retainers::new(graph).expect("a small graph");
    let mut random = Random(graph.edge_count());
    let mut found = Vec::new();
    for _ in 0..PATHS {
        let node = NodeIndex(random.below(graph.node_count()) as u32);
        let answer = oracle.path(file, graph.id(node)).expect("an answer");
        let ours = (
            analysis.display_name(graph, node),
            (analysis.shallow_size(node), analysis.retained_size(node)),
            (i64::from(analysis.distance(node)), retainers.of(node).len() as u64),
        );
        let info = answer.info;
        let theirs = (info.name, (info.self_size, info.retained_size), (info.distance, info.retainer_count));
        if ours != theirs {
            found.push(format!("{node:?} is {ours:?}, DevTools' {theirs:?}"));
        }
        let mut chain = vec![node];
        while let Some(&last) = chain.last().filter(|&&last| last != NodeIndex::ROOT) {
            chain.push(analysis.dominator(last));
        }
        let ours: Vec<_> = chain
            .iter()
            .map(|&node| (graph.id(node), analysis.display_name(graph, node), analysis.retained_size(node)))
            .collect();
        let dominators = answer.dominators.into_iter();
        let theirs: Vec<_> =
            dominators.map(|step| (step.node_id, step.node_name, step.retained_size)).collect();
        if ours != theirs {
            found.push(format!("dominators of {node:?}: {ours:?}, DevTools' {theirs:?}"));
        }
        let tree = retaining_paths(graph, analysis, &retainers, node, Default::default());
        let limit = |name: &str| answer.retaining.limits_reached.get(name).copied().unwrap_or(false);
        let cut = (tree.cut_by_depth, tree.cut_by_nodes, tree.cut_by_siblings);
        let their_cut = (limit("depth"), limit("nodes"), limit("siblings"));
        if cut != their_cut {
            found.push(format!(
                "limits for {node:?}: {cut:?}, DevTools' {:?}",
                answer.retaining.limits_reached
            ));
        }
        if let Some(text) = forest_difference(graph, analysis, &tree.paths, &answer.retaining.paths) {
            found.push(format!("retaining paths of {node:?}: {text}"));
        }
    }
    found.truncate(8);
    found
}

fn forest_difference(
    graph: &HeapGraph,
    analysis: &Analysis,
    ours: &[heap_graph::RetainingEdge],
    theirs: &[RetainingEdge],
) -> Option<String> {
    if ours.len() != theirs.len() {
        return Some(format!("{} retainers, DevTools' {}", ours.len(), theirs.len()));
    }
    ours.iter().zip(theirs).find_map(|(ours, theirs)| {
        let our_facts = (
            graph.id(ours.from),
            analysis.display_name(graph, ours.from),
            graph.edge_name(&ours.edge).to_string(),
            ours.edge.kind.name(),
            i64::from(ours.distance),
        );
        let their_facts = (
            theirs.node_id,
            theirs.node_name.clone(),
            theirs.edge_name.clone(),
            theirs.edge_type.as_str(),
            theirs.distance,
        );
        if our_facts != their_facts {
            return Some(format!("{our_facts:?}, DevTools' {their_facts:?}"));
        }
        forest_difference(graph, analysis, &ours.retainers, &theirs.children)
    })
}

#[test]
fn facets_of_real_snapshots_are_devtools() {
    compare_all(nodes::SUPPORTED.to_vec(), |oracle, version| {
        differences(oracle, &snapshot(version, 7, Which::Second).expect("a fixture"))
    });
}

#[test]
fn facets_of_random_heaps_are_devtools() {
    let layouts = Layout::all().into_iter().cycle();
    let random = layouts.take(48).enumerate().map(|(number, layout)| {
        let edges_per_ten_nodes = [14, 22, 34][number % 3];
        RandomHeap { layout, edges_per_ten_nodes, ..RandomHeap::new(1000 + number as u64, 8 + number * 5) }
    });
    compare_all(random.collect(), |oracle, random| {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), random.heap().to_bytes()).expect("the file can be written");
        differences(oracle, file.path())
    });
}

/// `s += 'x'` makes a rope that hangs from its first half, as deep as there were additions.
fn rope_of(additions: u64) -> TestHeap {
    let mut heap = TestHeap::new(Layout::node22());
    let root = heap.node("synthetic", "", 1, 0);
    let global = heap.node("object", "global", 3, 8);
    heap.edge(root, "shortcut", "global", global);
    let mut rope = heap.node("string", "start ", 5, 24);
    let part = heap.node("string", "ab", 7, 24);
    for number in 0..additions {
        let longer = heap.node("concatenated string", "(concatenated string)", 9 + 2 * number, 32);
        heap.edge(longer, "internal", "first", rope).edge(longer, "internal", "second", part);
        rope = longer;
    }
    heap.edge(global, "property", "log", rope);
    heap
}

#[test]
fn deep_ropes_have_the_text_that_devtools_gives_them() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let oracle = support::oracle();
    std::fs::write(file.path(), rope_of(20_000).to_bytes()).expect("the file can be written");
    let (graph, analysis) = read(file.path());
    let last = NodeIndex(graph.node_count() as u32 - 1);
    let theirs = oracle.path(file.path(), graph.id(last)).expect("an answer").info.name;
    assert_eq!(analysis.display_name(&graph, last), theirs);
    // All but the first five hundred begin alike. (DevTools walks down anew from each.)
    assert_eq!(duplicate_strings(&graph, &analysis, true)[0].nodes.len(), 20_000 - 508);
    std::fs::write(file.path(), rope_of(2_000).to_bytes()).expect("the file can be written");
    let (graph, analysis) = read(file.path());
    assert_eq!(duplicates(&oracle, file.path(), &graph, &analysis), Vec::<String>::new());
}
