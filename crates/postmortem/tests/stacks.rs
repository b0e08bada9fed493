//! The frames of a program that ended in frames of all kinds are those that V8's own `Error.stack` lists.

mod common;

use std::collections::HashMap;
use std::process::Command;

use postmortem::stack::{Frame, FrameKind, Native, Stack, Walker, name_native_frames};
use process_memory::ProcessMemory;
use test_heaps::cores::{How, core};
use test_heaps::nodes::{V18, V20, V22, V24, V26};

use common::{Opened, open};

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

/// C++ lies between what JavaScript called and what called JavaScript, up to the program's start.
fn native_frames_are_where_they_belong(stack: &Stack, how: How) {
    let names = |frames: &[Frame]| -> Vec<String> {
        frames.iter().map(|frame| frame.function.clone().unwrap_or_default()).collect()
    };
    let is_native = |frame: &Frame| frame.kind == FrameKind::Native;
    let first = stack.frames.iter().position(|frame| !is_native(frame)).unwrap();
    let last = stack.frames.iter().rposition(|frame| !is_native(frame)).unwrap();
    let innermost = names(&stack.frames[..first]);
    let called = match how {
        How::Abort => ["abort", "node::Abort"],
        How::Gcore => ["v8::internal::FutexEmulation::", "v8::internal::Builtin_AtomicsWait"],
    };
    for name in called {
        assert!(innermost.iter().any(|frame| frame.starts_with(name)), "{name} of {innermost:?}");
    }
    let outermost = names(&stack.frames[last + 1..]);
    for name in ["v8::internal::Execution::Call", "node::SpinEventLoop", "node::Start", "_start"] {
        assert!(outermost.iter().any(|frame| frame.starts_with(name)), "{name} of {outermost:?}");
    }
}

/// The addresses of all threads' frames as gdb has them: it cannot go through V8's code, so the outer ones of threads
/// that run it are not told.
fn gdbs_frames(opened: &Opened) -> HashMap<u32, Vec<u64>> {
    let ended = Command::new("gdb")
        // With lines of libc, gdb would tell of inlined functions, and leave out addresses.
        .args(["-batch", "-nx", "-iex", "set debug-file-directory /nowhere"])
        .args(["-ex", "set backtrace past-main on", "-ex", "thread apply all bt"])
        .arg(&opened.made.node)
        .arg(opened.made.path())
        .output()
        .expect("gdb");
    let mut frames: HashMap<u32, Vec<u64>> = HashMap::new();
    let mut thread = None;
    for line in String::from_utf8_lossy(&ended.stdout).lines() {
        if let Some((_, id)) = line.split_once("(LWP ") {
            let id = id.split(')').next().and_then(|id| id.parse().ok());
            // Before the first thread gdb tells where it is itself.
            thread = id.filter(|_| line.starts_with("Thread "));
        } else if let (Some(thread), true) = (thread, line.starts_with('#')) {
            // A function that another was inlined into has none.
            let word = line.split_whitespace().nth(1).and_then(|word| word.strip_prefix("0x"));
            frames.entry(thread).or_default().extend(word.map(|word| u64::from_str_radix(word, 16).unwrap()));
        }
    }
    frames
}

#[test]
fn frames_of_cpp_are_gdbs() {
    for version in [V18, V22, V26] {
        let opened =
            open(core(version, "stacks.cjs", &["facts.json", "--abort"], How::Abort).expect("a core"));
        let gdbs = gdbs_frames(&opened);
        let threads = opened.memory.threads();
        assert!(threads.len() > 4 && gdbs.len() == threads.len(), "{version}: {gdbs:x?}");
        let native = Native::new(&opened.memory);
        let pages = opened.pages();
        let main = opened.isolates(&pages)[0].thread.unwrap();
        for (i, thread) in threads.iter().enumerate() {
            let stack = native.stack(thread);
            let ours: Vec<u64> = stack.frames.iter().map(address).collect();
            let theirs = &gdbs[&thread.id];
            if i == main {
                // Up to the first frame of JavaScript both go by the same tables.
                let stack = Walker::new(&opened.heap(), &opened.executable).stack().unwrap();
                let run = stack.frames.iter().take_while(|frame| frame.kind == FrameKind::Native);
                let ours: Vec<u64> = run.map(address).collect();
                assert!(ours.len() >= 4, "{version}: {ours:x?}");
                assert_eq!(ours, theirs[..ours.len()], "{version}");
            } else {
                assert_eq!(stack.incomplete, None);
                assert_eq!(ours, *theirs, "{version}, thread {}", thread.id);
            }
        }
    }
}

fn address(frame: &Frame) -> u64 {
    u64::from_str_radix(frame.address.as_ref().unwrap().trim_start_matches("0x"), 16).unwrap()
}

fn frames_are_v8s(version: &str, how: How) {
    let end = if how == How::Abort { "--abort" } else { "--wait" };
    let arguments = ["facts.json", end];
    let opened = open(core(version, "stacks.cjs", &arguments, how).expect("a core"));
    let facts = std::fs::read_to_string(opened.made.file("facts.json")).unwrap();
    let facts: serde_json::Value = serde_json::from_str(&facts).unwrap();
    let heap = opened.heap();
    let mut stack = Walker::new(&heap, &opened.executable).stack().expect("a stack");
    assert_eq!(stack.incomplete, None);
    name_native_frames(std::slice::from_mut(&mut stack), &opened.memory);
    native_frames_are_where_they_belong(&stack, how);
    stack.frames.retain(|frame| frame.kind != FrameKind::Native);
    let lines = facts["lines"].as_array().unwrap().iter().map(|line| listed(line.as_str().unwrap()));
    // Behind the frame that made the list, all positions are those of its calls.
    let expected: Vec<_> = lines.skip(1).collect();
    let crash = stack.frames.iter().position(|frame| frame.function.as_deref() == Some("crash"));
    let frames = &stack.frames[crash.expect("the innermost function")..];
    assert_eq!(frames[0].line, Some(if how == How::Abort { 15 } else { 17 }));
    assert!(frames[0].script.as_ref().is_some_and(|script| script.ends_with("stacks.cjs")));
    let ours: Vec<_> = frames[1..].iter().map(told).collect();
    assert!(expected.len() >= 9);
    assert_eq!(ours[..expected.len()], expected, "{version} {how:?}");
    // Which frames V8 lists on top of these is limited to ten; ours go on to the outermost.
    assert_eq!(frames.last().and_then(|frame| frame.function.as_deref()), Some("processImmediate"));
    let kind = |name: &str| {
        frames.iter().find(|frame| frame.function.as_deref() == Some(name)).map(|frame| frame.kind)
    };
    let has_maglev = matches!(version, "23.11.1" | V24 | "25.2.1" | V26);
    // Node 21 may compile what ran a few times without being asked.
    let compiled = version == "21.7.3" && kind("interpreted") == Some(FrameKind::Baseline);
    let warm = if compiled { FrameKind::Baseline } else { FrameKind::Interpreted };
    let maglev = if has_maglev { FrameKind::Maglev } else { warm };
    let inlined = if has_maglev { FrameKind::Inlined } else { warm };
    let kinds = ["interpreted", "baseline", "maglevInlined", "maglev", "turbofanInlined", "turbofan", "map"];
    let expected = [
        warm,
        FrameKind::Baseline,
        inlined,
        maglev,
        FrameKind::Inlined,
        FrameKind::Turbofan,
        FrameKind::Builtin,
    ];
    assert_eq!(kinds.map(kind), expected.map(Some), "{version} {how:?}");
    let argument = |name: &str| frames.iter().find(|frame| frame.function.as_deref() == Some(name)).unwrap();
    assert_eq!(argument("interpreted").arguments, ["1"]);
    assert_eq!(argument("baseline").arguments, ["1"]);
    // A variable that a closure shares has its name, others are in registers in the order of their declarations.
    let local = |function: &str, name: &str| {
        let mut locals = argument(function).locals.iter().filter(|local| local.name == name);
        locals
            .next()
            .map(|local| local.value.clone())
            .unwrap_or_else(|| panic!("{version}: no {name} in {function}"))
    };
    let label = u64::from_str_radix(local("interpreted", "label").trim_start_matches("0x"), 16).unwrap();
    assert_eq!(heap.name_text(label & !3).as_deref(), Some("seen 1"));
    assert_eq!(
        (local("interpreted", "r0"), local("baseline", "r0")),
        ("42".to_owned(), "2".to_owned()),
        "{version}"
    );
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

#[test]
fn odd_versions() {
    for version in ["19.0.0", "19.8.1", "21.7.3", "23.11.1", "25.2.1"] {
        frames_are_v8s(version, How::Abort);
        frames_are_v8s(version, How::Gcore);
    }
}
