//! A shop with sessions, as snapshots of any age, and the program to ask about it.

#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod cgroup;
pub(crate) mod core;
pub(crate) mod victim;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use test_heaps::{Layout, Node, TestHeap};

/// What strings of the shop say; nobody but who asks may see it.
pub(crate) const SECRET: &str = "secret-token";
/// A class name that a terminal would obey.
pub(crate) const EVIL: &str = "\u{1b}[31mEvil\u{202e}\0\nName";

/// A shop with so many sessions: later snapshots of one process have more.
pub(crate) fn shop(sessions: u64) -> TestHeap {
    let mut heap = TestHeap::new(Layout::node20());
    let root = heap.node("synthetic", "", 1, 0);
    let gc_roots = heap.node("synthetic", "(GC roots)", 3, 0);
    let global = heap.node("object", "global", 5, 48);
    let app = heap.node("object", "Object", 7, 56);
    heap.edge(root, "element", 1u32, gc_roots).edge(root, "shortcut", "global", global);
    heap.edge(global, "property", "app", app);
    let array = heap.node("object", "Array", 9, 32);
    let elements = heap.node("array", "(object elements)", 11, 16 + 8 * 200);
    heap.edge(app, "property", "sessions", array).edge(array, "internal", "elements", elements);
    let evil = heap.node("object", EVIL, 13, 24);
    heap.edge(app, "property", "evil\u{7}", evil);
    let long = heap.node("string", "x".repeat(1024), 15, 9000);
    heap.edge(app, "property", "page", long);
    functions(&mut heap, app);
    for number in 0..sessions {
        session(&mut heap, array, elements, number);
    }
    heap
}

fn functions(heap: &mut TestHeap, app: Node) {
    let scope = heap.node("object", "system / Context", 17, 40);
    let cache = heap.node("object", "Map", 19, 32);
    let table = heap.node("array", "", 21, 40 + 28 * 64);
    heap.edge(scope, "context", "cache", cache).edge(cache, "internal", "table", table);
    let key = heap.node("object", "Key", 23, 64);
    heap.edge(table, "internal", "35", key);
    for (number, name) in [(25, "onRequest"), (27, "onClose")] {
        let function = heap.node("closure", name, number, 64);
        heap.edge(app, "property", name, function).edge(function, "internal", "context", scope);
        heap.location(function, 7, 20 + number as u32, 2);
    }
}

fn session(heap: &mut TestHeap, array: Node, elements: Node, number: u64) {
    let session = heap.node("object", "Session", 101 + 4 * number, 56);
    let token = heap.node("string", format!("{SECRET}-{}", number % 4), 103 + 4 * number, 40);
    heap.location(session, 7, 9, 4);
    heap.edge(array, "element", number as u32, session);
    heap.edge(elements, "internal", number.to_string(), session);
    heap.edge(session, "property", "token", token);
}

/// The same program started anew: nothing has the id that it had.
pub(crate) fn other_process(sessions: u64) -> TestHeap {
    let mut heap = TestHeap::new(Layout::node20());
    let root = heap.node("synthetic", "", 1, 0);
    let global = heap.node("object", "global", 9005, 48);
    heap.edge(root, "shortcut", "global", global);
    let array = heap.node("object", "Array", 9009, 32);
    heap.edge(global, "property", "list", array);
    for number in 0..sessions {
        let session = heap.node("object", "Session", 9101 + 2 * number, 56);
        heap.edge(array, "element", number as u32, session);
    }
    heap
}

/// A folder with files, gone when dropped.
pub(crate) struct Files(tempfile::TempDir);

impl Files {
    pub(crate) fn new() -> Files {
        Files(tempfile::tempdir().expect("a temporary folder can be made"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).expect("a temporary file can be written");
        path
    }

    /// The program, run in this folder, with a cache of its own.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heapdowse"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env("XDG_CACHE_HOME", self.path().join("cache"))
            .env_remove("NO_COLOR")
            .env_remove("CI")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).output().expect("heapdowse can be started"))
    }

    /// What is in the folder, but for the cache.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path()).expect("the folder can be read");
        let names =
            entries.map(|entry| entry.expect("it is still there").file_name().to_string_lossy().into_owned());
        names.filter(|name| name != "cache").collect()
    }

    /// Standard output of a run that must end well.
    pub(crate) fn stdout(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_eq!(run.code, Some(0), "{arguments:?}: {}", run.stderr);
        run.stdout
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let printed = self.stdout(arguments);
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {printed}"))
    }
}

/// Starts the program, waits until it has said these words, and leaves it running.
pub(crate) fn until_said(mut command: Command, words: &str) -> Child {
    command.stdout(Stdio::null());
    until_said_keeping(command, words)
}

/// The same, with its standard output as it was set up.
pub(crate) fn until_said_keeping(mut command: Command, words: &str) -> Child {
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains(words)), "it never said {words:?}");
    // The rest must be read, or it could block on a full pipe.
    std::thread::spawn(move || lines.for_each(drop));
    child
}

/// What a run left.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(output: Output) -> Run {
        Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("text is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("remarks are UTF-8"),
        }
    }

    /// One line on standard error with these words, nothing on standard output, and this exit code.
    pub(crate) fn must_fail(&self, code: i32, words: &str) {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        assert!(self.stderr.contains(words), "{:?} is not in {}", words, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        assert_eq!(self.stdout, "");
    }

    /// These words on the last line of standard error, nothing on standard output that matters, and this exit code.
    pub(crate) fn assert_last(&self, code: i32, words: &str) {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        let last = self.stderr.lines().last().unwrap_or_default();
        assert!(last.contains(words), "{words:?} is not in {}", self.stderr);
    }
}
