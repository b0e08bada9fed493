//! `convert`, and the commands for snapshots on cores: real cores of every version.

mod common;

use std::os::unix::fs::PermissionsExt;

use common::Files;
use test_heaps::cores::{Core, How, core};
use test_heaps::nodes::{SUPPORTED, V22, V26};

fn known(version: &str) -> Core {
    let arguments = ["facts.json", "--snapshot", "known.heapsnapshot", "--abort"];
    core(version, "known.cjs", &arguments, How::Abort).expect("a core")
}

#[test]
fn a_cores_snapshot_has_what_v8s_own_has() {
    let files = Files::new();
    for version in SUPPORTED {
        let made = known(version);
        let core = made.path().to_string_lossy().into_owned();
        let name = format!("{version}.heapsnapshot");
        let answer = files.json(&["convert", &core, "-o", &name, "--json"]);
        let meta = std::fs::metadata(files.path().join(&name)).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o600);
        assert_eq!(answer["bytes"].as_u64().unwrap(), meta.len());
        let own = made.file("known.heapsnapshot");
        let own = own.to_str().unwrap();
        for class in ["Alpha", "Beta"] {
            // The core itself, its snapshot, and the snapshot that V8 wrote a moment before.
            let rows: Vec<_> = [core.as_str(), &name, own]
                .map(|file| {
                    let answer = files.json(&["classes", file, "--match", class, "--json"]);
                    let rows = answer["classes"].as_array().unwrap().clone();
                    rows.into_iter().filter(|row| row["name"] == class).collect::<Vec<_>>()
                })
                .into_iter()
                .collect();
            assert_eq!(rows[0], rows[1], "{version} {class}");
            let numbers = |rows: &[serde_json::Value], names: &[&str]| -> Vec<Vec<u64>> {
                let numbers =
                    |row: &serde_json::Value| names.iter().map(|name| row[*name].as_u64().unwrap()).collect();
                rows.iter().map(numbers).collect()
            };
            let exact = ["count", "shallow_size"];
            assert_eq!(numbers(&rows[0], &exact), numbers(&rows[2], &exact), "{version} {class}");
            // V8 may have compiled the constructor once more in between: its code then belongs to the class.
            let retained = |rows| numbers(rows, &["retained_size"]).concat();
            for (ours, theirs) in retained(&rows[0]).into_iter().zip(retained(&rows[2])) {
                assert!(ours.abs_diff(theirs) <= 200, "{version} {class}: {ours} of {theirs}");
            }
            assert_eq!(rows[0][0]["location"], rows[2][0]["location"], "{version} {class}");
        }
    }
}

#[test]
fn devtools_opens_it() {
    let files = Files::new();
    let oracle = devtools_oracle::Oracle::prepare(&test_heaps::cache_dir()).unwrap();
    for version in [V22, V26] {
        let core = known(version).path().to_string_lossy().into_owned();
        let answer = files.json(&["convert", &core, "-o", "it.heapsnapshot", "--json"]);
        let path = files.path().join("it.heapsnapshot");
        let rows = oracle.nodes(&path).unwrap();
        assert_eq!(rows.len() as u64, answer["node_count"].as_u64().unwrap());
        let total: u64 = (0..rows.len()).map(|ordinal| rows.row(ordinal).raw_self_size).sum();
        assert_eq!(total, answer["total_size"].as_u64().unwrap());
        let nearest = (0..rows.len()).filter(|ordinal| rows.row(*ordinal).distance == 1).count();
        assert!(nearest >= 1, "{version}: a global object");
        let reached = (0..rows.len()).filter(|ordinal| rows.row(*ordinal).distance >= 0).count();
        assert!(reached * 100 >= rows.len() * 99, "{version}: {reached} of {}", rows.len());
    }
}

#[test]
fn texts_and_numbers_are_written_as_asked() {
    let files = Files::new();
    let core = known(V22).path().to_string_lossy().into_owned();
    let text = |name: &str, options: &[&str]| {
        let arguments = [&["convert", core.as_str(), "-o", name], options].concat();
        files.stdout(&arguments);
        std::fs::read_to_string(files.path().join(name)).unwrap()
    };
    let (plain, whole) = (text("plain", &[]), text("whole", &["--full-strings", "--numbers"]));
    assert!(plain.contains("\"heap number\"") && !whole.contains("\"heap number\""));
    // The program's own source is a string of the heap, and longer than V8 shows.
    let end = "process.abort()";
    assert!(whole.contains(end) && whole.len() > plain.len());
    let redacted = text("redacted", &["--redact"]);
    assert!(plain.contains("\"alpha 7\"") && !redacted.contains("\"alpha 7\""));
    assert!(redacted.contains("\"Alpha\""));
}

#[test]
fn what_cannot_be_converted_is_refused() {
    let files = Files::new();
    let core = known(V22).path().to_string_lossy().into_owned();
    files.run(&["convert", &core, "-o", "x", "--worker", "1"]).must_fail(2, "no worker threads");
    files.write("no-core", b"not a core at all, but long enough to be looked at as one");
    files.run(&["convert", "no-core", "-o", "x"]).must_fail(5, "no-core: ");
    assert!(!files.path().join("x").exists());
}

/// V8 keeps the ids of a snapshot that it wrote, and the core has them: both can be compared object by object.
#[test]
fn a_core_is_compared_with_v8s_own_snapshot_object_by_object() {
    let files = Files::new();
    for version in SUPPORTED {
        let made = known(version);
        let (own, core) = (made.file("known.heapsnapshot"), made.path());
        let answer = files.json(&["diff", own.to_str().unwrap(), core.to_str().unwrap(), "--json"]);
        assert_eq!(answer["comparison"], "by-id", "{version}");
        let classes = answer["classes"].as_array().unwrap();
        for name in ["Alpha", "Beta", "Secret", "Known"] {
            assert!(classes.iter().all(|row| row["name"] != name), "{version}: {name} is the same in both");
        }
    }
}
