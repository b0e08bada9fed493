//! Heaps, and processes of their own, for the tests of opening.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::print_stdout, reason = "children talk to their parents")]

use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use investigation::open::{CachePolicy, CacheSettings, Heap, OpenError, OpenOptions, open};
use test_heaps::random::RandomHeap;
use test_heaps::shapes;

/// Which case a child is to run, its words, and its cache folder.
const CASE: &str = "OPEN_TEST_CASE";
const WORDS: &str = "OPEN_TEST_WORDS";
const CACHE: &str = "OPEN_TEST_CACHE";

/// A heap of 200 nodes.
pub(crate) fn small_heap() -> Vec<u8> {
    RandomHeap::new(3, 200).heap().to_bytes()
}

/// A heap that is large enough to be kept in the cache; others with another number.
pub(crate) fn large_heap(number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    shapes::linked_list(&mut bytes, 130_000 + number).expect("memory can be written");
    assert!(bytes.len() > 4 << 20, "{}", bytes.len());
    bytes
}

pub(crate) fn cached_in(folder: &Path, max_total: u64) -> OpenOptions {
    let settings = CacheSettings { folder: folder.to_owned(), max_total };
    OpenOptions { cache: CachePolicy::On(settings), ..OpenOptions::default() }
}

pub(crate) fn opened(path: &Path, options: &OpenOptions) -> Result<Heap, OpenError> {
    open(&path.display().to_string(), options, &mut |_| ControlFlow::Continue(()))
}

/// The error of opening a file.
pub(crate) fn message(path: &Path, options: &OpenOptions) -> String {
    match opened(path, options) {
        Ok(heap) => panic!("{} was read: {} nodes", path.display(), heap.graph().node_count()),
        Err(error) => error.to_string(),
    }
}

/// Opens, analyses, keeps. Answers whether it came from the index, and what `keep` said.
pub(crate) fn open_and_keep(path: &Path, options: &OpenOptions) -> (bool, Option<String>, u64) {
    let mut heap = opened(path, options).unwrap_or_else(|error| panic!("{error}"));
    let analysis = heap.analysis(&mut |_| ControlFlow::Continue(())).expect("a whole heap");
    let total = analysis.retained_size(heap_graph::NodeIndex::ROOT);
    heap.retainers().expect("a small heap");
    let from_index = heap.from_index();
    (from_index, heap.keep(), total)
}

/// This test program, to run a case of [`child_case`] only.
pub(crate) fn as_child(case: &str, words: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this test has a path"));
    for_case(&mut command, case, words);
    command
}

fn for_case(command: &mut Command, case: &str, words: &[&str]) {
    command.args(["child", "--exact", "--nocapture"]).env(CASE, case).env(WORDS, words.join("\n"));
}

/// Runs a case through another program that starts this one; what it printed.
pub(crate) fn run_child(command: &mut Command, case: &str, words: &[&str]) -> String {
    for_case(command, case, words);
    let output = command.output().expect("the child can be started");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// The child's side: does what its case says, and prints what came of it.
pub(crate) fn child_case() {
    let Ok(case) = std::env::var(CASE) else { return };
    let words = std::env::var(WORDS).unwrap_or_default();
    let words: Vec<&str> = words.lines().collect();
    let path = Path::new(words[0]);
    match case.as_str() {
        "reads a file" | "reads its standard input" => match opened(path, &OpenOptions::default()) {
            Ok(heap) => println!("read {} nodes", heap.graph().node_count()),
            Err(error) => println!("{error}"),
        },
        "keeps an index" => {
            let (from_index, kept, total) = open_and_keep(path, &cached_in(Path::new(words[1]), u64::MAX));
            println!("from_index={from_index} kept={kept:?} total={total}");
        }
        other => panic!("no case {other}"),
    }
}
