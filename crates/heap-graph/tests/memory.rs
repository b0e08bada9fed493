//! Memory stays within twice the decompressed bytes plus 64 MB, whatever the file claims. Each case runs in a
//! process of its own, whose peak the system measures.

#![allow(clippy::print_stdout, reason = "the child talks to its parent")]

use std::io::Read;
use std::ops::ControlFlow;
use std::process::Command;

use heap_graph::ReadOptions;

const MB: u64 = 1 << 20;

/// Set for the child: which case to run.
const CASE: &str = "HEAP_GRAPH_MEMORY_CASE";

const META: &str = concat!(
    r#"{"snapshot":{"meta":{"node_fields":["type","name","id","self_size","edge_count"],"#,
    r#""node_types":[["synthetic","object"],"string","number","number","number"],"#,
    r#""edge_fields":["type","name_or_index","to_node"],"#,
    r#""edge_types":[["element","property"],"string_or_number","node"]},"#,
);

/// Bytes that are made while they are read.
struct Generated {
    parts: Vec<(&'static [u8], u64)>,
    position: usize,
}

impl Read for Generated {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let Some((part, times)) = self.parts.first_mut() else { return Ok(0) };
        let count = (part.len() - self.position).min(into.len());
        into[..count].copy_from_slice(&part[self.position..self.position + count]);
        self.position += count;
        if self.position == part.len() {
            self.position = 0;
            *times -= 1;
            if *times == 0 {
                self.parts.remove(0);
            }
        }
        Ok(count)
    }
}

fn leaked(text: String) -> &'static [u8] {
    text.leak().as_bytes()
}

fn counts(nodes: u64, edges: u64) -> &'static [u8] {
    leaked(format!("\"node_count\":{nodes},\"edge_count\":{edges}}},"))
}

/// Where the system gives out memory that it does not have, the lie comes out later.
const LYING: &str = "it ends at byte|no memory for";

/// Parts of the file, and what the reader says of it.
fn case(name: &str) -> (Vec<(&'static [u8], u64)>, &'static str) {
    let start = (META.as_bytes(), 1);
    let megabyte = leaked("x".repeat(MB as usize));
    let nested = leaked("[".repeat(MB as usize));
    match name {
        "a string of a gigabyte" => (
            vec![
                start,
                (counts(1, 0), 1),
                (b"\"nodes\":[0,0,1,0,0],\"edges\":[],\"strings\":[\"", 1),
                (megabyte, 1024),
                (b"\"]}", 1),
            ],
            "read: 1 nodes, name of 1073741824 bytes",
        ),
        "four billion nodes that are not there" => {
            (vec![start, (counts(4_000_000_000, 9_000_000_000), 1), (b"\"nodes\":[0,0,1,0,0]}", 1)], LYING)
        }
        "as many edges that are not there" => (
            vec![
                start,
                (counts(1, 9_000_000_000), 1),
                (b"\"nodes\":[0,0,1,0,0],\"edges\":[],\"strings\":[\"\"]}", 1),
            ],
            LYING,
        ),
        "a quarter of a gigabyte of brackets" => {
            (vec![start, (counts(1, 0), 1), (b"\"extra\":", 1), (nested, 256)], "inside an unknown section")
        }
        "brackets where nodes should be" => (
            vec![start, (counts(1, 0), 1), (b"\"nodes\":[0,0,1,0,", 1), (nested, 64), (b"]", 1)],
            "16 MiB without one",
        ),
        "a header without an end" => {
            (vec![(b"{\"snapshot\":{\"meta\":\"", 1), (megabyte, 256)], "this value is larger than 16 MiB")
        }
        "a key without an end" => {
            (vec![(b"{\"", 1), (megabyte, 256)], "inside file: the end of a string expected")
        }
        other => panic!("no case {other}"),
    }
}

const CASES: [&str; 7] = [
    "a string of a gigabyte",
    "four billion nodes that are not there",
    "as many edges that are not there",
    "a quarter of a gigabyte of brackets",
    "brackets where nodes should be",
    "a header without an end",
    "a key without an end",
];

/// The child's part: reads, and prints what came of it and its peak.
#[test]
fn child() {
    let Ok(name) = std::env::var(CASE) else { return };
    let (parts, _) = case(&name);
    let bytes: u64 = parts.iter().map(|(part, times)| part.len() as u64 * times).sum();
    let options = ReadOptions { size: None, threads: 2, salvage: false };
    let source = Generated { parts, position: 0 };
    let outcome = heap_graph::read(source, &options, &mut |_| ControlFlow::Continue(()));
    let outcome = match outcome {
        Ok(graph) => {
            let length = graph.name(heap_graph::NodeIndex::ROOT).len();
            format!("read: {} nodes, name of {length} bytes", graph.node_count())
        }
        Err(error) => error.to_string(),
    };
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux says");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak is there");
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    println!("outcome={outcome}\npeak={} limit={}", peak * 1024, 2 * bytes + 64 * MB);
}

#[cfg(target_os = "linux")]
#[test]
fn memory_is_bounded_by_what_was_read() {
    for name in CASES {
        let program = std::env::current_exe().expect("this test has a path");
        let output = Command::new(program)
            .args(["child", "--exact", "--nocapture"])
            .env(CASE, name)
            .output()
            .expect("this test can be started");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{name}: {said}{}", String::from_utf8_lossy(&output.stderr));
        let expected = case(name).1.split('|').any(|words| said.contains(words));
        assert!(expected, "{name}: {said}");
        let number = |key: &str| -> u64 {
            let start = said.find(key).expect(key) + key.len();
            said[start..].split_whitespace().next().and_then(|word| word.parse().ok()).expect(key)
        };
        let (peak, limit) = (number("peak="), number("limit="));
        assert!(peak <= limit, "{name}: {} MB, at most {} MB", peak / MB, limit / MB);
    }
}
