//! What the tests against DevTools share.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;

use devtools_oracle::Oracle;
use heap_graph::{Analysis, HeapGraph, ReadOptions};
use test_heaps::cache_dir;

/// DevTools in one process, for many questions.
pub(crate) fn oracle() -> Oracle {
    let oracle = Oracle::prepare(&cache_dir()).expect("the oracle can be installed");
    oracle.in_one_process().expect("node can be started")
}

pub(crate) fn read(file: &Path) -> (HeapGraph, Analysis) {
    let source = File::open(file).expect("the snapshot is there");
    let graph = heap_graph::read(source, &ReadOptions::default(), &mut |_| ControlFlow::Continue(()))
        .expect("a snapshot that DevTools reads");
    let analysis = Analysis::new(&graph, &mut |_| ControlFlow::Continue(())).expect("a whole snapshot");
    (graph, analysis)
}

/// The rows that only one of two bags has; the rows of each may be equal to each other, and have no order.
pub(crate) fn bag_difference<T: Ord + Debug>(
    what: &str,
    ours: impl IntoIterator<Item = T>,
    theirs: impl IntoIterator<Item = T>,
) -> Vec<String> {
    let mut balance: BTreeMap<T, i64> = BTreeMap::new();
    for row in ours {
        *balance.entry(row).or_default() += 1;
    }
    for row in theirs {
        *balance.entry(row).or_default() -= 1;
    }
    let only = |count: i64| if count > 0 { "only ours" } else { "only DevTools'" };
    let differ = balance.into_iter().filter(|(_, count)| *count != 0);
    differ.map(|(row, count)| format!("{what} {row:?}: {}", only(count))).take(8).collect()
}

/// The layout of a random heap is long, and its name says all of it.
fn label(item: &impl Debug) -> String {
    let text = format!("{item:?}");
    match text.split_once(", node_fields") {
        Some((start, _)) => format!("{start} .."),
        None => text,
    }
}

/// Does each piece of work, on two threads with an oracle each: whichever is free takes the next one. All that
/// they find different is told together.
pub(crate) fn compare_all<T: Send + Debug>(
    work: Vec<T>,
    compare: impl Fn(&Oracle, &T) -> Vec<String> + Sync,
) {
    let expected = work.len();
    let queue = Mutex::new(work);
    let found = Mutex::new((0, Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let oracle = oracle();
                loop {
                    let Some(item) = queue.lock().expect("no thread panicked").pop() else { return };
                    let differences = compare(&oracle, &item);
                    let mut found = found.lock().expect("no thread panicked");
                    found.0 += 1;
                    found.1.extend(differences.into_iter().map(|text| format!("{}: {text}", label(&item))));
                }
            });
        }
    });
    let (done, differences) = found.into_inner().expect("no thread panicked");
    assert_eq!(done, expected, "all was compared");
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
}
