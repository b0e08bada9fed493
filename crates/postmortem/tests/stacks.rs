//! The frames of a program that ended in frames of all kinds are those that V8's own `Error.stack` lists.

mod common;

use postmortem::stack::{Frame, FrameKind, Walker};
use test_heaps::cores::{How, core};
use test_heaps::nodes::{V18, V20, V22, V24, V26};

use common::open;

/// Function, line and column of a line of `Error.stack`: `at new Holder (file:47:35)`, `at Array.map (<anonymous>)`,
/// `at Immediate.start [as _onImmediate] (file:1:2)`, `at file:47:49`.
fn listed(line: &str) -> (String, Option<(u64, u64)>) {
    let line = line.trim().trim_start_matches("at ");
    let (name, place) = match line.split_once(" (") {
        Some((name, place)) => (name, place.trim_end_matches(')')),
        None => ("", line),
    };
    let name = name.trim_start_matches("new ").split(" [as").next().unwrap();
    let name = name.rsplit('.').next().unwrap().to_owned();
    let mut numbers = place.rsplit(':').map(|part| part.parse().ok());
    let (column, line) = (numbers.next().flatten(), numbers.next().flatten());
    (name, line.zip(column))
}

fn told(frame: &Frame) -> (String, Option<(u64, u64)>) {
    (frame.function.clone().unwrap_or_default(), frame.line.zip(frame.column))
}

fn frames_are_v8s(version: &str, how: How) {
    let end = if how == How::Abort { "--abort" } else { "--wait" };
    let arguments = ["facts.json", end];
    let opened = open(core(version, "stacks.cjs", &arguments, how).expect("a core"));
    let facts = std::fs::read_to_string(opened.made.file("facts.json")).unwrap();
    let facts: serde_json::Value = serde_json::from_str(&facts).unwrap();
    let heap = opened.heap();
    let stack = Walker::new(&heap, &opened.executable).stack().expect("a stack");
    assert_eq!(stack.incomplete, None);
    let lines = facts["lines"].as_array().unwrap().iter().map(|line| listed(line.as_str().unwrap()));
    // Behind the frame that made the list, all positions are those of its calls.
    let expected: Vec<_> = lines.skip(1).collect();
    let crash = stack.frames.iter().position(|frame| frame.function.as_deref() == Some("crash"));
    let frames = &stack.frames[crash.expect("the innermost function")..];
    assert_eq!(frames[0].line, Some(if how == How::Abort { 15 } else { 17 }));
    assert!(frames[0].script.as_ref().is_some_and(|script| script.ends_with("stacks.cjs")));
    let ours: Vec<_> = frames[1..].iter().map(told).collect();
    assert!(expected.len() >= 9);
    assert_eq!(ours[..expected.len()], expected);
    // Which frames V8 lists on top of these is limited to ten; ours go on to the outermost.
    assert_eq!(frames.last().and_then(|frame| frame.function.as_deref()), Some("processImmediate"));
    let kind = |name: &str| {
        frames.iter().find(|frame| frame.function.as_deref() == Some(name)).map(|frame| frame.kind)
    };
    let has_maglev = matches!(version, V24 | V26);
    let maglev = if has_maglev { FrameKind::Maglev } else { FrameKind::Interpreted };
    let inlined = if has_maglev { FrameKind::Inlined } else { FrameKind::Interpreted };
    let kinds = ["interpreted", "baseline", "maglevInlined", "maglev", "turbofanInlined", "turbofan", "map"];
    let expected = [
        FrameKind::Interpreted,
        FrameKind::Baseline,
        inlined,
        maglev,
        FrameKind::Inlined,
        FrameKind::Turbofan,
        FrameKind::Builtin,
    ];
    assert_eq!(kinds.map(kind), expected.map(Some));
    let argument = |name: &str| frames.iter().find(|frame| frame.function.as_deref() == Some(name)).unwrap();
    assert_eq!(argument("interpreted").arguments, ["1"]);
    assert_eq!(argument("baseline").arguments, ["1"]);
}

#[test]
fn node18() {
    frames_are_v8s(V18, How::Abort);
    frames_are_v8s(V18, How::Gcore);
}

#[test]
fn node20() {
    frames_are_v8s(V20, How::Abort);
    frames_are_v8s(V20, How::Gcore);
}

#[test]
fn node22() {
    frames_are_v8s(V22, How::Abort);
    frames_are_v8s(V22, How::Gcore);
}

#[test]
fn node24() {
    frames_are_v8s(V24, How::Abort);
    frames_are_v8s(V24, How::Gcore);
}

#[test]
fn node26() {
    frames_are_v8s(V26, How::Abort);
    frames_are_v8s(V26, How::Gcore);
}
