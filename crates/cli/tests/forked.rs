//! Snapshots of frozen copies, and processes in the place of files.

mod common;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use common::Files;
use serde_json::Value;
use test_heaps::nodes::{SUPPORTED, V20, V22, V24, binary};
use test_heaps::server::get;

/// A program that holds objects of a class, makes more, and says how often it did.
struct Holder {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

const SOURCE: &str = "
class Held { constructor(i) { this.i = i; this.note = 'planted secret ' + i; } }
globalThis.held = Array.from({ length: 3000 }, (_, i) => new Held(i));
let beats = 0;
setInterval(() => { beats++; }, 5);
process.stdin.on('data', () => {
  for (let i = 0; i < 500; i++) globalThis.held.push(new Held(i));
  console.log(beats);
});
console.log('ready');";

impl Holder {
    fn start(version: &str) -> Holder {
        let mut command = Command::new(binary(version).unwrap());
        command.args(["-e", SOURCE]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut holder = Holder { child, input, output };
        assert_eq!(holder.line(), "ready");
        holder
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Makes 500 more objects; answers how often its timer ran.
    fn grow(&mut self) -> u64 {
        self.input.write_all(b"?").unwrap();
        self.line().parse().unwrap()
    }

    /// That it goes on; what it wrote on standard error.
    fn end(mut self) -> String {
        let before = self.grow();
        while self.grow() == before {}
        self.child.kill().unwrap();
        let ended = self.child.wait_with_output().unwrap();
        String::from_utf8(ended.stderr).unwrap()
    }
}

fn count_of(files: &Files, file: &str, class: &str) -> u64 {
    let answer = files.json(&["classes", file, "--match", class, "--json"]);
    let rows = answer["classes"].as_array().unwrap();
    rows.iter().filter(|row| row["name"] == class).map(|row| row["count"].as_u64().unwrap()).max().unwrap()
}

#[test]
fn a_fork_gives_a_snapshot_without_the_inspector() {
    for version in SUPPORTED {
        let files = Files::new();
        let holder = Holder::start(version);
        let answer = files.json(&["snapshot", &holder.pid(), "-o", "x.heapsnapshot", "--json"]);
        assert_eq!(answer["via"], "fork", "{version}: {answer}");
        assert!(answer["pause_ms"].as_f64().unwrap() > 0.0);
        let meta = std::fs::metadata(files.path().join("x.heapsnapshot")).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o600);
        assert_eq!(answer["bytes"].as_u64(), Some(meta.len()));
        assert_eq!(files.names(), ["x.heapsnapshot"], "no core, nothing else");
        assert_eq!(count_of(&files, "x.heapsnapshot", "Held"), 3000, "{version}");
        assert_eq!(holder.end(), "", "{version}: nothing was opened in it");
    }
}

#[test]
fn a_process_is_read_like_a_file() {
    let files = Files::new();
    let mut holder = Holder::start(V24);
    let pid = holder.pid();
    assert_eq!(count_of(&files, &pid, "Held"), 3000);
    holder.grow();
    assert_eq!(count_of(&files, &pid, "Held"), 3500);
    let found = files.json(&["findjsobjects", &pid, "-c", "Held", "-p", "note", "--json"]);
    assert_eq!(found["classes"][0]["count"], 3500);
    let suspects = files.stdout(&["analyze", &pid]);
    assert!(suspects.contains("Suspects"), "{suspects}");
    let frames = files.json(&["jsstack", &pid, "--json"]);
    let threads = frames["threads"].as_array().unwrap();
    assert_eq!(threads.iter().filter(|thread| thread["isolate"].is_string()).count(), 1);
    // Where it waits is in C++.
    let mut waits = threads[0]["frames"].as_array().unwrap().iter();
    assert!(waits.any(|frame| frame["function"] == "uv__io_poll"), "{frames}");
    // A file of that name is another thing.
    files.run(&["classes", &format!("./{pid}")]).must_fail(5, "No such file");
    holder.end();
    files.run(&["classes", "2147483000"]).must_fail(4, "2147483000");
    files.run(&["shell", "2147483000", "-e", "::status"]).must_fail(4, "2147483000");
    files.run(&["snapshot", "2147483000"]).must_fail(4, "2147483000");
}

#[test]
fn no_secret_is_in_a_redacted_snapshot_by_either_way() {
    for via in ["fork", "inspector"] {
        let files = Files::new();
        let holder = Holder::start(V24);
        let pid = holder.pid();
        let whole = files.json(&["snapshot", &pid, "-o", "whole.heapsnapshot", "--via", via, "--json"]);
        let made =
            files.json(&["snapshot", &pid, "-o", "safe.heapsnapshot", "--via", via, "--redact", "--json"]);
        assert_eq!([&whole["via"], &made["via"]], [via; 2]);
        assert_eq!(made["redacted"], true);
        let text = |name: &str| std::fs::read_to_string(files.path().join(name)).unwrap();
        assert!(text("whole.heapsnapshot").contains("planted secret"));
        assert!(!text("safe.heapsnapshot").contains("planted secret"));
        assert_eq!(count_of(&files, "safe.heapsnapshot", "Held"), 3000);
        holder.end();
    }
}

#[test]
fn what_a_fork_cannot_do_is_left_to_the_inspector() {
    let files = Files::new();
    // A V8 that nobody measured.
    let holder = Holder::start("21.7.3");
    let run = files.run(&["snapshot", &holder.pid(), "-o", "x.heapsnapshot", "--json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("via inspector: V8 11.8"), "{}", run.stderr);
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(answer["via"], "inspector");
    assert_eq!(count_of(&files, "x.heapsnapshot", "Held"), 3000);
    holder.end();
    let holder = Holder::start(V20);
    let pid = holder.pid();
    files.run(&["snapshot", &pid, "--via", "inspector", "--numbers"]).must_fail(2, "--via fork");
    files.run(&["snapshot", &pid, "--every", "1s"]).assert_last(2, "");
    files
        .run(&["snapshot", &pid, "--via", "fork", "--worker", "1", "-o", "w"])
        .assert_last(2, "no worker threads");
    assert_eq!(files.names(), ["x.heapsnapshot"]);
    holder.end();
}

/// A series keeps ids, although V8 never gave any: what grew between its files is known object by object.
#[test]
fn a_series_knows_what_is_new() {
    for version in SUPPORTED {
        let files = Files::new();
        let mut holder = Holder::start(version);
        let pid = holder.pid();
        let arguments =
            ["snapshot", &pid, "--every", "2s", "--count", "3", "--json", "-o", "x.heapsnapshot.zst"];
        let mut series = files.command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        // One growth in each pause.
        for number in ["1", "2"] {
            while !files.path().join(format!("x.{number}.heapsnapshot.zst")).exists() {
                assert!(series.try_wait().unwrap().is_none(), "{version}");
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            holder.grow();
        }
        let answer: Value = serde_json::from_slice(&series.wait_with_output().unwrap().stdout).unwrap();
        let snapshots = answer["snapshots"].as_array().unwrap();
        assert!(snapshots.iter().all(|one| one["via"] == "fork"), "{answer}");
        assert_eq!(snapshots[0]["known_count"], Value::Null, "{answer}");
        let known = |at: usize| snapshots[at]["known_count"].as_u64().unwrap();
        let nodes = |at: usize| snapshots[at]["node_count"].as_u64().unwrap();
        assert!(known(1) + 500 <= nodes(1) && known(1) * 100 > nodes(0) * 97, "{version}: {answer}");
        let files_of = [1, 2, 3].map(|number| format!("x.{number}.heapsnapshot.zst"));
        assert_eq!(files_of.each_ref().map(|name| count_of(&files, name, "Held")), [3000, 3500, 4000]);
        let mut arguments: Vec<&str> = vec!["diff"];
        arguments.extend(files_of.iter().map(String::as_str));
        arguments.push("--json");
        let answer = files.json(&arguments);
        assert_eq!(answer["comparison"], "by-id", "{version}: {}", answer["comparison"]);
        let row = answer["classes"].as_array().unwrap().iter().find(|row| row["name"] == "Held").unwrap();
        assert_eq!(
            (&row["added_count"], &row["removed_count"]),
            (&Value::from(1000), &Value::from(0)),
            "{version}"
        );
        let held = |suspect: &&Value| suspect["counts"] == serde_json::json!([500, 500]);
        let suspects = answer["suspects"].as_array().unwrap();
        let found = suspects.iter().find(held).unwrap_or_else(|| panic!("{version}: {suspects:?}"));
        assert!(found["path"].as_str().unwrap().contains("held"), "{version}: {found}");
        holder.end();
    }
}

/// Cores of a process say nothing of which object is which; what they hold does.
#[test]
fn cores_of_one_process_are_matched() {
    let files = Files::new();
    let mut holder = Holder::start(V20);
    let pid = holder.pid();
    for name in ["1.core", "2.core", "3.core"] {
        assert_eq!(files.run(&["capture", &pid, "-o", name]).code, Some(0));
        holder.grow();
    }
    let cores = ["1.core", "2.core", "3.core"];
    let by_class = files.json(&[&["diff"][..], &cores, &["--json"]].concat());
    assert_eq!((&by_class["comparison"], &by_class["suspects"]), (&"by-class".into(), &Value::Null));
    let answer = files.json(&[&["diff", "--match"][..], &cores, &["--json"]].concat());
    assert_eq!(answer["comparison"], "by-match");
    let matched = answer["matched"].as_array().unwrap();
    assert!(
        matched.len() == 2 && matched.iter().all(|one| one["fresh"].as_u64().unwrap() >= 1000),
        "{matched:?}"
    );
    let suspects = answer["suspects"].as_array().unwrap();
    let counts = serde_json::json!([500, 500]);
    assert!(suspects.iter().any(|suspect| suspect["counts"] == counts), "{suspects:?}");
    let text = files.stdout(&[&["diff", "--match"][..], &cores].concat());
    assert!(text.contains("by what they hold and where they are"), "{text}");
    holder.end();
}

/// Two threads beside the main one, the first of which has ended.
const THREADS: &str = "
const { Worker } = require('worker_threads');
const code = `globalThis.whoami = 'thread ' + require('worker_threads').threadId; setInterval(() => {}, 1000);
  require('worker_threads').parentPort.postMessage('ready')`;
new Worker('0', { eval: true }).on('exit', () => {
  let left = 2;
  const ready = () => { if (--left === 0) console.log('ready'); };
  for (let i = 0; i < 2; i++) new Worker(code, { eval: true }).on('message', ready);
});
setInterval(() => {}, 1000);";

/// The number of a worker is the one that the program knows, whichever way is taken.
#[test]
fn a_worker_is_told_by_the_programs_own_number() {
    for version in SUPPORTED {
        let files = Files::new();
        let (_program, pid, _) = started(version, &files, &["-e", THREADS]);
        assert_eq!(files.run(&["capture", &pid, "-o", "core"]).code, Some(0));
        for thread in ["2", "3"] {
            let says = format!("\"thread {thread}\"");
            for via in ["auto", "inspector"] {
                let name = format!("{via}-{thread}");
                let run = files.run(&["snapshot", &pid, "--worker", thread, "--via", via, "-o", &name]);
                assert_eq!(run.code, Some(0), "{version}: {}", run.stderr);
                let text = std::fs::read_to_string(files.path().join(&name)).unwrap();
                assert!(text.contains(&says), "{version}, {name}");
            }
            let name = format!("core-{thread}");
            files.stdout(&["convert", "core", "--worker", thread, "-o", &name]);
            let text = std::fs::read_to_string(files.path().join(&name)).unwrap();
            assert!(text.contains(&says), "{version}, {name}");
        }
        for via in ["fork", "inspector"] {
            let run = files.run(&["snapshot", &pid, "--worker", "1", "--via", via, "-o", "x"]);
            assert_eq!(run.code, Some(2), "{}", run.stderr);
            let told = run.stderr.lines().last().unwrap();
            assert!(told.contains("worker 1") && (told.contains("2, 3") || told.contains("3, 2")), "{told}");
        }
        files.run(&["convert", "core", "--worker", "9", "-o", "x"]).must_fail(2, "worker 9: there are");
    }
}

/// A thread that answers nobody, and one that does.
const SILENT: &str = "
const { Worker } = require('worker_threads');
const pipe = process.argv[1];
require('child_process').execFileSync('mkfifo', [pipe]);
const silent = `globalThis.whoami = 'thread ' + 1; require('worker_threads').parentPort.postMessage('ready');
  require('fs').openSync(${JSON.stringify(pipe)}, 'r')`;
const other = `globalThis.whoami = 'thread ' + 2; setInterval(() => {}, 1000);
  require('worker_threads').parentPort.postMessage('ready')`;
let left = 2;
const ready = () => { if (--left === 0) console.log('ready'); };
for (const code of [silent, other]) new Worker(code, { eval: true }).on('message', ready);
setInterval(() => {}, 1000);";

#[test]
fn a_worker_that_answers_nobody_is_in_nobodys_way() {
    let files = Files::new();
    let pipe = files.path().join("nobody-writes").display().to_string();
    let (_program, pid, _) = started(V22, &files, &["-e", SILENT, &pipe]);
    let ask = |thread, via| files.run(&["snapshot", &pid, "--worker", thread, "--via", via, "-o", "x"]);
    for (thread, via) in [("2", "inspector"), ("2", "fork"), ("1", "fork")] {
        let run = ask(thread, via);
        assert_eq!(run.code, Some(0), "{thread} via {via}: {}", run.stderr);
        let text = std::fs::read_to_string(files.path().join("x")).unwrap();
        assert!(text.contains(&format!("\"thread {thread}\"")), "{thread} via {via}");
        std::fs::remove_file(files.path().join("x")).unwrap();
    }
    let told = "no worker 1; there are 2; 1 did not answer, which --via fork does not ask them to";
    ask("1", "inspector").assert_last(2, told);
}

/// Half of the time of this one V8 collects, and moves what is young and alive.
const BUSY: &str = "
class Held { constructor(i) { this.i = i; this.note = 'text ' + i; this.more = { a: i, b: [i, i + 1] }; } }
const ring = Array.from({ length: 100000 }, (_, i) => new Held(i));
let n = 0;
const step = () => {
  for (let i = 0; i < 20000; i++) ring[n++ % ring.length] = new Held(n);
  setImmediate(step);
};
step();
console.log('ready');";

/// Those in the ring, all of them, and the few that nothing but words on the stack still name. In the middle of a collection
/// they are missing, or there twice, by the hundred and the thousand.
const EXPECTED: std::ops::Range<u64> = 100_000..100_020;

/// While V8 moves objects, some are in two places or in none: such moments are waited out.
#[test]
fn no_copy_is_taken_in_the_middle_of_a_collection() {
    // Where V8 says what it does differs between releases of one version too.
    for version in SUPPORTED.into_iter().chain(["18.0.0", "20.0.0", "22.0.0", "24.0.0", "26.0.0"]) {
        let files = Files::new();
        let (_program, pid, _) = started(version, &files, &["-e", BUSY]);
        let count = |file: &str| {
            let answer = files.json(&["findjsobjects", file, "-c", "Held", "--json", "--no-cache"]);
            let isolate = &answer["isolates"][0];
            assert_eq!(isolate["collecting"], false, "{version}: {isolate}");
            answer["classes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["count"].as_u64().unwrap())
                .sum::<u64>()
        };
        for _ in 0..6 {
            let count = count(&pid);
            assert!(EXPECTED.contains(&count), "{version}: {count}");
        }
        for mode in ["fork", "stop"] {
            let run = files.run(&["capture", &pid, "--mode", mode, "-o", mode]);
            assert_eq!((run.code, run.stderr.contains("collecting")), (Some(0), false), "{}", run.stderr);
            let count = count(mode);
            assert!(EXPECTED.contains(&count), "{version}, {mode}: {count}");
        }
    }
}

/// A process that ends with the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program in the folder of the files (where V8 writes its snapshots) and waits for its first line: the process, its
/// id and the line.
fn started(version: &str, files: &Files, arguments: &[&str]) -> (Killed, String, String) {
    let mut command = Command::new(binary(version).unwrap());
    command.args(arguments).current_dir(files.path());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = Killed(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let pid = child.0.id().to_string();
    (child, pid, line)
}

/// What grows, and in what, is the same in our snapshots of frozen copies and in V8's own of the same moments. V8 keeps the
/// ids of the first one that it writes, and ours have them too.
#[test]
fn what_grows_is_the_same_in_our_snapshots_and_in_v8s() {
    for version in SUPPORTED {
        let files = Files::new();
        let program = format!("{}/tests/programs/large.cjs", env!("CARGO_MANIFEST_DIR"));
        let (_server, pid, line) =
            started(version, &files, &["--heapsnapshot-signal=SIGUSR2", &program, "5000"]);
        let port: u16 = line.trim().strip_prefix("port ").unwrap().parse().unwrap();
        let of_v8 = || -> Vec<String> {
            let mut names = files.names();
            names.retain(|name| name.starts_with("Heap.") && name.ends_with(".heapsnapshot"));
            names.sort();
            names
        };
        let ours = ["1.heapsnapshot", "2.heapsnapshot", "3.heapsnapshot"];
        for (at, name) in ours.iter().enumerate() {
            for _ in 0..120 {
                get(port, "/").unwrap();
            }
            let sent = Command::new("kill").args(["-USR2", &pid]).status().unwrap();
            assert!(sent.success());
            let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
            while of_v8().len() <= at {
                assert!(std::time::Instant::now() < until, "{version}: V8 writes nothing");
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            // It answers when V8 is done.
            get(port, "/").unwrap();
            assert_eq!(files.run(&["snapshot", &pid, "--via", "fork", "-o", name]).code, Some(0));
        }
        let theirs = of_v8();
        let theirs: Vec<&str> = theirs.iter().map(String::as_str).collect();
        let growing = |names: &[&str]| -> Vec<(String, String, Value, i64)> {
            let answer = files.json(&[&["diff"][..], names, &["--json"]].concat());
            assert_eq!(answer["comparison"], "by-id", "{version}: {names:?}");
            let suspects = answer["suspects"].as_array().unwrap();
            let grew = suspects.iter().filter(|suspect| suspect["grew_every_time"] == true);
            let mut rows: Vec<_> = grew
                .map(|suspect| {
                    let word = |name: &str| suspect[name].as_str().unwrap().to_owned();
                    let count = suspect["count"].as_i64().unwrap();
                    (word("class"), word("kind"), suspect["holder"]["id"].clone(), count)
                })
                // A connection more or less is no leak.
                .filter(|(.., count)| *count > 100)
                .collect();
            rows.sort_by(|a, b| a.0.cmp(&b.0));
            rows
        };
        let (a, b) = (growing(&ours), growing(&theirs));
        assert!(
            a.iter().any(|(class, kind, ..)| class.starts_with("{url") && kind == "array"),
            "{version}: {a:?}"
        );
        assert_eq!(a.len(), b.len(), "{version}: {a:?} {b:?}");
        for (ours, v8) in a.iter().zip(&b) {
            assert_eq!((&ours.0, &ours.1, &ours.2), (&v8.0, &v8.1, &v8.2), "{version}: {a:?} {b:?}");
            // The request by which each is told that V8 is done.
            assert!((ours.3 - v8.3).abs() <= 4, "{version}: {a:?} {b:?}");
        }
    }
}
