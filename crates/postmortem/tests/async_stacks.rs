//! Functions that wait are those that V8's own `Error.stack` lists behind `at async`.

mod common;

use postmortem::stack::{Frame, FrameKind, Walker};
use test_heaps::cores::{How, core};
use test_heaps::nodes::SUPPORTED;

use common::open;

/// Name and place of `    at async Service.serve (file:34:7)`, `    at async Promise.all (index 1)`; none of lines that
/// are on the stack themselves.
fn listed(line: &str) -> Option<(String, Option<(u64, u64)>)> {
    let rest = line.trim().strip_prefix("at async ")?;
    let (name, place) = rest.split_once(" (")?;
    let mut numbers = place.trim_end_matches(')').rsplit(':').map(|part| part.parse().ok());
    let (column, line) = (numbers.next().flatten(), numbers.next().flatten());
    let name = if name.starts_with("Promise.") { name } else { name.rsplit('.').next()? };
    Some((name.to_owned(), line.zip(column)))
}

fn told(frame: &Frame) -> (String, Option<(u64, u64)>) {
    assert_eq!(frame.kind, FrameKind::Async);
    (frame.function.clone().unwrap_or_default(), frame.line.zip(frame.column))
}

#[test]
fn functions_that_wait_are_those_that_v8_lists() {
    for version in SUPPORTED {
        for (how, end) in [(How::Abort, "--abort"), (How::Gcore, "--wait")] {
            let opened = open(core(version, "async.cjs", &["facts.json", end], how).expect("a core"));
            let facts = std::fs::read_to_string(opened.made.file("facts.json")).unwrap();
            let facts: serde_json::Value = serde_json::from_str(&facts).unwrap();
            let lines = facts["lines"].as_array().unwrap().iter();
            let expected: Vec<_> = lines.filter_map(|line| listed(line.as_str().unwrap())).collect();
            let names: Vec<&str> = expected.iter().map(|(name, _)| name.as_str()).collect();
            let waiting =
                ["numbers", "middle", "raced", "Promise.allSettled", "settled", "Promise.any", "any"];
            let outside = ["Promise.all", "arrow", "serve", "outer"];
            assert_eq!(names, [&waiting[..], &outside].concat(), "{version}");
            let heap = opened.heap();
            let stack = Walker::new(&heap, &opened.executable).stack().expect("a stack");
            let ours: Vec<_> = stack.async_frames.iter().map(told).collect();
            assert_eq!(ours, expected, "{version}");
            // What V8 goes on with has the name of its code.
            let builtins = stack.frames.iter().filter(|frame| frame.kind == FrameKind::Builtin);
            let mut names = builtins.filter_map(|frame| frame.function.as_deref());
            assert!(
                names.any(|name| name == "AsyncFunctionAwaitResolveClosure"),
                "{version}: {:?}",
                stack.frames
            );
        }
    }
}
