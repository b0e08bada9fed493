//! `attach` to programs of several isolates: each has a verdict of its own, and the report says which one leaks.

mod common;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use common::Files;
use serde_json::Value;
use test_heaps::nodes;
use test_heaps::server::{Client, Server};

/// The isolate that runs this file.
fn isolate<'a>(answer: &'a Value, file: &str) -> &'a Value {
    let isolates = answer["isolates"].as_array().unwrap();
    let runs = |isolate: &&Value| {
        let watched = &isolate["watched"];
        let url = watched["worker"]["url"].as_str();
        url.map_or_else(
            || {
                watched["command_line"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|word| word.as_str().unwrap().ends_with(file))
            },
            |url| url.ends_with(file),
        )
    };
    let found: Vec<&Value> = isolates.iter().filter(runs).collect();
    assert_eq!(found.len(), 1, "{file}: {answer}");
    found[0]
}

/// The leak is in `auditor.cjs`, line 14.
fn assert_the_auditor_leaks(answer: &Value, stderr: &str) {
    assert_eq!(answer["verdict"], "leak", "{answer} {stderr}");
    assert_eq!(isolate(answer, "auditor.cjs")["verdict"], "leak");
    assert_eq!(answer["watched"], isolate(answer, "auditor.cjs")["watched"]);
    let suspect = &answer["suspects"][0];
    assert!(suspect["owner"]["file"].as_str().unwrap().ends_with("threads/auditor.cjs"), "{suspect}");
    assert_eq!(suspect["owner"]["symbol"], "trail", "{suspect}");
    assert_eq!(suspect["added_at"]["line"], 14, "{suspect}");
    assert_eq!(suspect["class"], "AuditEntry", "{suspect}");
}

/// The leak is in `auditor.cjs`, line 14, and nowhere else.
fn assert_only_the_auditor_leaks(answer: &Value, stderr: &str) {
    assert_the_auditor_leaks(answer, stderr);
    for innocent in ["main.cjs", "renderer.cjs"] {
        let isolate = isolate(answer, innocent);
        // Its warm-up may be seen to level off; but it keeps no objects.
        assert!(
            ["no-leak", "bounded-cache"].iter().any(|word| isolate["verdict"] == *word),
            "{innocent}: {isolate}"
        );
        assert!(isolate["rounds"].as_array().unwrap().len() >= 8, "{isolate}");
        assert!(isolate["suspects"].as_array().unwrap().is_empty(), "{isolate}");
    }
}

#[test]
fn a_leak_in_a_worker_thread_under_load_of_ours() {
    let files = Files::new();
    for version in [nodes::V18, nodes::V26] {
        let node = nodes::binary(version).unwrap();
        let server = Server::start(&node, &["--inspect-port=0", "threads/main.cjs"]);
        let pid = server.pid().to_string();
        let run = files.run(&["attach", &pid, "--url", "/", "--json"]);
        assert_eq!(run.code, Some(1), "{version}: {}", run.stderr);
        let answer: Value = serde_json::from_str(&run.stdout).unwrap();
        println!("{version}: {} s", answer["seconds"]);
        assert_only_the_auditor_leaks(&answer, &run.stderr);
        assert!(answer["watched"]["worker"]["id"].is_string(), "{answer}");
        server.assert_closes_within(Duration::ZERO);
    }
}

#[test]
fn a_leak_in_a_worker_thread_under_the_programs_own_traffic() {
    let files = Files::new();
    let server =
        Server::start(&nodes::binary(nodes::V22).unwrap(), &["--inspect-port=0", "threads/main.cjs"]);
    let client = Client::of(&server);
    let run = files.run(&["attach", &server.pid().to_string(), "--json"]);
    client.finish();
    let answer: Value = serde_json::from_str(&run.stdout).expect(&run.stderr);
    // Traffic that nobody stops makes the others' floors scatter, so that they may be left undecided.
    assert_the_auditor_leaks(&answer, &run.stderr);
    server.assert_closes_within(Duration::ZERO);
}

#[test]
fn a_leak_in_one_of_several_processes() {
    let files = Files::new();
    let server = Server::start_with(
        &nodes::binary(nodes::V22).unwrap(),
        &["--inspect-port=0", "threads/main.cjs"],
        &[("PROCESSES", "1")],
    );
    let pid = server.pid().to_string();
    let run = files.run(&["attach", &pid, "--url", "/", "--json"]);
    let answer: Value = serde_json::from_str(&run.stdout).expect(&run.stderr);
    assert_only_the_auditor_leaks(&answer, &run.stderr);
    assert_ne!(answer["watched"]["pid"], server.pid());
    server.assert_closes_within(Duration::ZERO);
    drop(server);
}

#[test]
fn a_leak_in_a_worker_of_a_program_that_we_start() {
    let files = Files::new();
    let node = nodes::binary(nodes::V24).unwrap();
    for environment in [None, Some("PROCESSES")] {
        let main = test_heaps::server::programs().join("threads/main.cjs");
        let arguments = ["run", "--json", "--", node.to_str().unwrap(), main.to_str().unwrap()];
        let mut command = files.command(&arguments);
        if let Some(name) = environment {
            command.env(name, "1");
        }
        let run = command.output().unwrap();
        let said = String::from_utf8_lossy(&run.stderr);
        let answer: Value = serde_json::from_slice(&run.stdout).expect(&said);
        assert_only_the_auditor_leaks(&answer, &said);
    }
}

/// A shop that leaks, asked 150 times a second. Its last argument makes it one test's own.
fn shop(sign: &str) -> (Server, Client) {
    let node = nodes::binary(nodes::V22).unwrap();
    let server = Server::start(&node, &["--inspect-port=0", "restarted-shop.cjs", sign]);
    let client = Client::of(&server);
    (server, client)
}

#[test]
fn a_name_is_followed_over_a_restart_and_all_that_have_it_are_watched() {
    let files = Files::new();
    // Quiet, and under the same name all the time.
    let quiet = Server::start(
        &nodes::binary(nodes::V20).unwrap(),
        &["--inspect-port=0", "restarted-shop.cjs", "blue"],
    );
    let (first, client) = shop("blue");
    let first_pid = first.pid();
    let attached = files.command(&["attach", "--name", "restarted-shop[.]cjs blue$", "--json"]);
    let mut attached = Attached::start(attached);
    attached.wait_for("round 4");
    // Asked no more before it ends: what fails then is not the matter here.
    client.finish();
    drop(first);
    std::thread::sleep(Duration::from_secs(2));
    let (second, client) = shop("blue");
    let (code, answer, stderr) = attached.end();
    client.finish();
    assert_eq!(code, Some(1), "{stderr}");
    assert_eq!(answer["verdict"], "leak", "{stderr}");
    let pids: Vec<u64> = answer["isolates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["watched"]["pid"].as_u64().unwrap())
        .collect();
    for pid in [quiet.pid(), first_pid, second.pid()] {
        assert!(pids.contains(&u64::from(pid)), "{pid} is not in {pids:?}: {stderr}");
    }
    assert_eq!(answer["watched"]["pid"], second.pid(), "{stderr}");
    assert_eq!(answer["suspects"][0]["owner"]["symbol"], "visits", "{answer}");
    let of_quiet = &answer["isolates"][pids.iter().position(|&pid| pid == u64::from(quiet.pid())).unwrap()];
    // Few floors, and another process was asked: no more than that it does not leak can be expected.
    assert_ne!(of_quiet["verdict"], "leak", "{of_quiet}");
    assert!(answer["warnings"].to_string().contains("is watched in its place"), "{}", answer["warnings"]);
    for server in [&quiet, &second] {
        server.assert_closes_within(Duration::ZERO);
    }
}

#[test]
fn watching_a_name_follows_a_restart() {
    let files = Files::new();
    let (first, client) = shop("green");
    let name = "restarted-shop[.]cjs green$";
    let watch =
        files.command(&["watch", "--name", name, "--for", "14s", "--no-ui", "--json", "-o", "w.heapdowse"]);
    let watch = Attached::start(watch);
    std::thread::sleep(Duration::from_secs(4));
    client.finish();
    let first_pid = first.pid();
    drop(first);
    let (second, client) = shop("green");
    let (_, answer, stderr) = watch.end();
    client.finish();
    second.assert_closes_within(Duration::from_secs(5));
    let recording = std::fs::read_to_string(files.path().join("w.heapdowse")).unwrap();
    for pid in [first_pid, second.pid()] {
        let heap = recording.lines().filter(|line| {
            line.contains(r#""record":"sample""#)
                && line.contains(&format!("\"pid\":{pid},"))
                && line.contains("heap_used")
        });
        assert!(heap.count() >= 2, "{pid}: {stderr}");
    }
    assert!(recording.contains(&format!("process {first_pid} has ended")) || recording.contains("\"ended\""));
    assert!(answer["watched"]["pid"].is_u64(), "{answer}");
}

/// A run of ours whose words are heard while it goes on.
struct Attached {
    child: Child,
    said: Arc<Mutex<String>>,
    printed: JoinHandle<String>,
}

impl Attached {
    fn start(mut command: Command) -> Attached {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let into = Arc::clone(&said);
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| into.lock().unwrap().push_str(&(line + "\n")));
        });
        let mut stdout = child.stdout.take().unwrap();
        let printed = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).unwrap();
            text
        });
        Attached { child, said, printed }
    }

    fn wait_for(&mut self, words: &str) {
        while !self.said.lock().unwrap().contains(words) {
            assert!(self.child.try_wait().unwrap().is_none(), "{}", self.said.lock().unwrap());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn end(mut self) -> (Option<i32>, Value, String) {
        let status = self.child.wait().unwrap();
        let printed = self.printed.join().unwrap();
        let said = self.said.lock().unwrap().clone();
        (status.code(), serde_json::from_str(&printed).expect(&said), said)
    }
}
