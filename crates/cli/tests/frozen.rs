//! Verdicts from frozen copies: where V8's own snapshots would stop the process for seconds, none is asked for.

mod common;

use common::Files;
use serde_json::Value;
use test_heaps::nodes;
use test_heaps::server::Server;

fn program() -> String {
    format!("{}/tests/programs/large.cjs", env!("CARGO_MANIFEST_DIR"))
}

/// The leak is named, line by line, and what is exchanged is not.
fn named(files: &Files, arguments: &[&str], version: &str) -> Value {
    let run = files.run(arguments);
    assert_eq!(run.code, Some(1), "{version}: {}", run.stderr);
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(answer["verdict"], "leak", "{version}: {answer}");
    let snapshots = answer["snapshots"].as_array().unwrap();
    assert!(snapshots.len() >= 2, "{version}: {snapshots:?}");
    assert!(snapshots.iter().all(|one| one["via"] == "fork"), "{version}: {snapshots:?}");
    let suspect = &answer["suspects"][0];
    assert_eq!(suspect["owner"]["symbol"], "seen", "{version}: {suspect}");
    assert!(suspect["owner"]["file"].as_str().unwrap().ends_with("large.cjs"), "{version}: {suspect}");
    assert_eq!(
        (&suspect["owner"]["line"], &suspect["added_at"]["line"]),
        (&8.into(), &14.into()),
        "{suspect}"
    );
    let rate = suspect["count_per_request"].as_f64().unwrap();
    assert!((0.9..4.1).contains(&rate), "{version}: {suspect}");
    let symbols = answer["suspects"].as_array().unwrap().iter().map(|suspect| &suspect["owner"]["symbol"]);
    assert!(symbols.filter(|symbol| *symbol == "recent").count() == 0, "{version}: {answer}");
    answer
}

#[test]
fn a_run_of_a_large_heap_asks_frozen_copies() {
    for version in [nodes::V18, nodes::V22, nodes::V26] {
        let files = Files::new();
        let node = nodes::binary(version).unwrap();
        let node = node.to_str().unwrap();
        let program = program();
        let arguments = [
            "run",
            "--url",
            "/",
            "--rounds",
            "8",
            "--requests",
            "150",
            "--json",
            "--keep-snapshots",
            "kept",
            "--",
        ];
        // V8 would take more than two seconds for so many.
        let answer = named(&files, &[&arguments[..], &[node, &program, "200000"]].concat(), version);
        // What is kept can be compared afterwards, by id.
        let kept: Vec<&str> =
            answer["snapshots"].as_array().unwrap().iter().map(|one| one["file"].as_str().unwrap()).collect();
        let diff = files.json(&[&["diff"][..], &kept, &["--json"]].concat());
        assert_eq!(diff["comparison"], "by-id", "{version}");
    }
}

#[test]
fn what_may_not_stop_is_asked_through_a_frozen_copy() {
    let files = Files::new();
    let server = Server::start(&nodes::binary(nodes::V24).unwrap(), &[&program(), "60000"]);
    let pid = server.pid().to_string();
    // Collections stop it for less than that, V8's snapshot for more.
    let arguments =
        ["attach", &pid, "--url", "/", "--rounds", "8", "--requests", "150", "--max-pause", "1000", "--json"];
    named(&files, &arguments, nodes::V24);
}

/// In a worker thread, by its own number: the first one has ended.
#[test]
fn what_a_worker_holds_is_asked_through_a_frozen_copy() {
    for version in [nodes::V20, nodes::V26] {
        let files = Files::new();
        let program = format!("{}/tests/programs/large-worker.cjs", env!("CARGO_MANIFEST_DIR"));
        let server = Server::start(&nodes::binary(version).unwrap(), &[&program, "60000"]);
        let pid = server.pid().to_string();
        let arguments = [
            &["attach", &pid, "--url", "/", "--rounds", "8", "--requests", "150", "--max-pause", "1000"][..],
            &["--keep-snapshots", "kept", "--json"],
        ];
        let run = files.run(&arguments.concat());
        assert_eq!(run.code, Some(1), "{version}: {}", run.stderr);
        let answer: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(
            (&answer["verdict"], &answer["watched"]["worker"]["id"]),
            (&"leak".into(), &"3".into()),
            "{version}: {answer}"
        );
        let isolates = answer["isolates"].as_array().unwrap();
        let leaking = isolates.iter().find(|isolate| isolate["verdict"] == "leak").unwrap();
        let snapshots = leaking["snapshots"].as_array().unwrap();
        assert!(snapshots.len() >= 2, "{version}: {leaking}");
        for snapshot in snapshots {
            assert_eq!(snapshot["via"], "fork", "{version}: {snapshots:?}");
            let file = snapshot["file"].as_str().unwrap();
            assert!(file.ends_with(&format!("-{pid}-worker-3.heapsnapshot")), "{file}");
            let text = std::fs::read_to_string(files.path().join(file)).unwrap();
            assert!(text.contains("\"thread 3\""), "{file}");
        }
        let suspect = &answer["suspects"][0];
        assert_eq!(suspect["owner"]["symbol"], "seen", "{version}: {suspect}");
        assert!(suspect["owner"]["file"].as_str().unwrap().ends_with("large-worker.cjs"), "{suspect}");
        assert_eq!((&suspect["owner"]["line"], &suspect["added_at"]["line"]), (&25.into(), &28.into()));
    }
}
