//! `attach` to programs of several isolates: each has a verdict of its own, and the report says which one leaks.

mod common;

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
            || watched["command_line"].as_array().unwrap().iter().any(|word| word.as_str().unwrap().ends_with(file)),
            |url| url.ends_with(file),
        )
    };
    let found: Vec<&Value> = isolates.iter().filter(runs).collect();
    assert_eq!(found.len(), 1, "{file}: {answer}");
    found[0]
}

/// The leak is in `auditor.cjs`, line 14, and nowhere else.
fn assert_only_the_auditor_leaks(answer: &Value, stderr: &str) {
    assert_eq!(answer["verdict"], "leak", "{answer} {stderr}");
    assert_eq!(isolate(answer, "auditor.cjs")["verdict"], "leak");
    assert_eq!(answer["watched"], isolate(answer, "auditor.cjs")["watched"]);
    let suspect = &answer["suspects"][0];
    assert!(suspect["owner"]["file"].as_str().unwrap().ends_with("threads/auditor.cjs"), "{suspect}");
    assert_eq!(suspect["owner"]["symbol"], "trail", "{suspect}");
    assert_eq!(suspect["added_at"]["line"], 14, "{suspect}");
    assert_eq!(suspect["class"], "AuditEntry", "{suspect}");
    for innocent in ["main.cjs", "renderer.cjs"] {
        let isolate = isolate(answer, innocent);
        assert_eq!(isolate["verdict"], "no-leak", "{innocent}: {isolate}");
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
        server.assert_closes_within(std::time::Duration::ZERO);
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
    assert_only_the_auditor_leaks(&answer, &run.stderr);
    server.assert_closes_within(std::time::Duration::ZERO);
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
    server.assert_closes_within(std::time::Duration::ZERO);
    drop(server);
}
