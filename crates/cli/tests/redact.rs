//! `redact` on snapshots of real programs: no secret is left, and all numbers are.

mod common;

use std::path::Path;
use std::process::Command;

use common::Files;
use serde_json::Value;
use test_heaps::nodes;

/// Takes the program's own snapshot, and answers what it planted: kinds and texts.
fn snapshot(version: &str, file: &Path) -> Vec<String> {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/secrets.cjs");
    let node = Command::new(nodes::binary(version).unwrap()).arg(program).arg(file).output().unwrap();
    assert!(node.status.success(), "{}", String::from_utf8_lossy(&node.stderr));
    let planted: Value = serde_json::from_slice(&node.stdout).unwrap();
    let kinds = planted.as_object().unwrap().values();
    let texts = kinds.flat_map(|texts| texts.as_array().unwrap()).map(|text| text.as_str().unwrap());
    // Their last part is the random one: joined texts lie in the heap in two parts.
    texts.map(|text| text[text.len().saturating_sub(18)..].to_owned()).collect()
}

#[test]
fn no_planted_secret_is_left() {
    let files = Files::new();
    for version in nodes::SUPPORTED {
        let whole = files.path().join(format!("{version}.heapsnapshot"));
        let secrets = snapshot(version, &whole);
        let before = std::fs::read_to_string(&whole).unwrap();
        let there: Vec<&String> = secrets.iter().filter(|secret| before.contains(*secret)).collect();
        // Contents of buffers are never in a snapshot, numbers only in some.
        assert!(there.len() > 900, "{version}: {}", there.len());
        let redacted = format!("{version}-redacted.heapsnapshot");
        let answer = files.json(&["redact", whole.to_str().unwrap(), "-o", &redacted, "--json"]);
        assert!(answer["replaced"]["properties"].as_u64().unwrap() >= 305, "{version}: {answer}");
        let after = std::fs::read_to_string(files.path().join(&redacted)).unwrap();
        let left: Vec<&String> = secrets.iter().filter(|secret| after.contains(*secret)).collect();
        assert!(left.is_empty(), "{version}: {left:?}");
        for name in
            ["Account", "settings", "nested", "deepestName", "ownerName", "chargeCustomer", "closureHolds"]
        {
            assert!(after.contains(&format!("\"{name}\"")), "{version}: {name} was declared");
        }
        let classes =
            |file: &str| files.json(&["classes", file, "--match", "Account", "--json"])["classes"].clone();
        assert_eq!(classes(whole.to_str().unwrap()), classes(&redacted), "{version}");
    }
}

#[test]
fn devtools_reads_a_redacted_snapshot_and_computes_the_same() {
    let files = Files::new();
    let whole = files.path().join("whole.heapsnapshot");
    snapshot(nodes::V24, &whole);
    files.stdout(&["redact", whole.to_str().unwrap(), "-o", "redacted.heapsnapshot"]);
    let redacted = files.path().join("redacted.heapsnapshot");
    let oracle = devtools_oracle::Oracle::prepare(&test_heaps::cache_dir()).unwrap();
    let (before, after) = (oracle.nodes(&whole).unwrap(), oracle.nodes(&redacted).unwrap());
    assert_eq!(before.len(), after.len());
    for ordinal in 0..before.len() {
        let (before, after) = (before.row(ordinal), after.row(ordinal));
        // Plain objects have their properties in their class's name.
        assert_eq!(devtools_oracle::NodeRow { class: after.class, ..before }, after);
    }
}

#[test]
fn a_cut_file_and_a_terminal_are_refused() {
    let files = Files::new();
    let whole = files.path().join("whole.heapsnapshot");
    snapshot(nodes::V22, &whole);
    let bytes = std::fs::read(&whole).unwrap();
    files.write("cut.heapsnapshot", &bytes[..bytes.len() / 2]);
    let run = files.run(&["redact", "cut.heapsnapshot", "--salvage", "-o", "out.heapsnapshot"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(!files.path().join("out.heapsnapshot").exists());
    let run = files.run(&["redact", "cut.heapsnapshot", "-o", "out.heapsnapshot"]);
    assert_eq!(run.code, Some(5), "{}", run.stderr);
    assert!(!files.path().join("out.heapsnapshot").exists());
}
