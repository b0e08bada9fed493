//! The oracle answers, and its answers have the planted truth in them.

use devtools_oracle::Oracle;
use test_heaps::fixtures::{Which, snapshot};
use test_heaps::random::RandomHeap;
use test_heaps::{Layout, TestHeap, cache_dir, nodes};

fn oracle() -> Oracle {
    Oracle::prepare(&cache_dir()).expect("the oracle can be installed")
}

#[test]
fn the_planted_differences_are_found() {
    let before = snapshot(nodes::V20, 7, Which::First).expect("a fixture");
    let after = snapshot(nodes::V20, 7, Which::Second).expect("a fixture");
    let rows = oracle().diff(&before, &after).expect("an answer");
    let row = |name: &str| rows.iter().find(|row| row.name == name);
    assert_eq!(row("LeakedSession").map(|row| (row.added_count, row.removed_count)), Some((310, 0)));
    assert_eq!(row("FreedJob").map(|row| (row.added_count, row.removed_count)), Some((0, 205)));
    assert_eq!(row("StableConfig"), None);
}

#[test]
fn rows_agree_with_aggregates_and_totals() {
    let file = snapshot(nodes::V20, 7, Which::First).expect("a fixture");
    let oracle = oracle();
    let rows = oracle.nodes(&file).expect("an answer");
    let summary = oracle.summary(&file).expect("an answer");
    assert_eq!(rows.len() as u64, summary.node_count);
    assert_eq!(rows.iter().map(|row| row.self_size).sum::<u64>(), summary.root_retained);
    assert_eq!(rows.row(0).retained_size, summary.root_retained);
    assert_eq!(rows.iter().map(|row| u64::from(row.edge_count)).sum::<u64>(), summary.edge_count);
    let classes = oracle.aggregates(&file).expect("an answer");
    let config = classes.iter().find(|row| row.name == "StableConfig").expect("a planted class");
    let counted = rows.iter().filter(|row| row.kind == "object" && row.class == "StableConfig").count();
    assert_eq!((config.count, counted), (500, 500));

    let contexts = oracle.contexts(&file).expect("an answer");
    let total = contexts.native_contexts.native_contexts.iter().map(|row| row.attributed_size).sum::<u64>();
    let rest = contexts.native_contexts.shared_size + contexts.native_contexts.no_attribution_size;
    assert!(total > 0 && rest > 0);
    let config = rows.iter().find(|row| row.class == "StableConfig" && row.self_size > 0).expect("a config");
    let path = oracle.path(&file, config.id).expect("an answer");
    assert_eq!((path.info.self_size, path.info.retained_size), (config.self_size, config.retained_size));
    assert_eq!(path.dominators.last().map(|last| last.node_id), Some(1));
    assert!(path.retaining.paths.iter().any(|edge| edge.edge_type == "element"));
    assert!(!oracle.interfaces(&file).expect("an answer").is_empty());
    let duplicates = oracle.dupstrings(&file).expect("an answer");
    assert!(!duplicates.is_empty() && duplicates.iter().all(|row| row.count >= 2));
    assert!(!oracle.filter("duplicatedStrings", &file).expect("an answer").is_empty());
}

#[test]
fn heaps_of_every_layout_and_random_ones_are_read() {
    let oracle = oracle();
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let write = |heap: TestHeap| {
        std::fs::write(file.path(), heap.to_bytes()).expect("the file can be written");
        oracle.nodes(file.path()).expect("an answer")
    };
    for layout in Layout::all() {
        let random = RandomHeap { layout: layout.clone(), ..RandomHeap::new(5, 40) };
        assert_eq!(write(random.heap()).len(), 40, "{}", layout.name);
    }
    for seed in 0..6 {
        assert_eq!(write(RandomHeap::new(seed, 200).heap()).len(), 200, "seed {seed}");
    }
}

#[test]
fn a_file_that_devtools_refuses_is_an_error_with_its_words() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), "not a snapshot").expect("the file can be written");
    let error = oracle().summary(file.path()).expect_err("it is not a snapshot").to_string();
    assert!(error.contains("Token \"snapshot\" not found"), "{error}");
}
