//! The formats that scripts rely on.

mod common;

use common::{Files, other_process, shop};
use test_heaps::{Layout, TestHeap};

#[test]
fn nodes_as_csv() {
    let files = Files::new();
    let mut heap = TestHeap::new(Layout::node20());
    let root = heap.node("synthetic", "", 1, 0);
    let first = heap.node("object", "a \"quoted\", name", 3, 32);
    let second = heap.node("object", "line\nbreak", 5, 16);
    heap.edge(root, "shortcut", "global", first).edge(first, "property", "next", second);
    files.write("q.heapsnapshot", &heap.to_bytes());
    let printed = files.stdout(&["nodes", "q.heapsnapshot", "--format", "csv"]);
    let expected = "id,type,class,distance,self_size,retained_size\n\
                    1,synthetic,(synthetic),100000000,0,48\n\
                    3,object,\"a \"\"quoted\"\", name\",1,32,48\n\
                    5,object,\"line\nbreak\",2,16,16\n";
    assert_eq!(printed, expected);
    assert_eq!(files.stdout(&["nodes", "q.heapsnapshot"]), expected, "CSV is what nodes prints by itself");
}

#[test]
fn nodes_as_json_lines() {
    let files = Files::new();
    files.write("a.heapsnapshot", &shop(3).to_bytes());
    let printed = files.stdout(&["nodes", "a.heapsnapshot", "--format", "jsonl"]);
    let rows: Vec<serde_json::Value> =
        printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), shop(3).node_count());
    assert_eq!(rows[0]["dominator"], serde_json::Value::Null);
    let array = rows.iter().find(|row| row["id"] == 9).unwrap();
    assert_eq!((&array["raw_self_size"], &array["dominator"]), (&32.into(), &7.into()));
    // The array owns its backing store: DevTools counts that with it.
    assert_eq!(array["self_size"], 32 + 16 + 8 * 200);
}

#[test]
fn classes_have_one_row_per_class_key() {
    let files = Files::new();
    files.write("a.heapsnapshot", &shop(5).to_bytes());
    let answer = files.json(&["classes", "a.heapsnapshot", "--json"]);
    assert_eq!((&answer["schema_version"], &answer["command"]), (&1.into(), &"classes".into()));
    let rows = answer["classes"].as_array().unwrap();
    let session = rows.iter().find(|row| row["name"] == "Session").unwrap();
    assert_eq!(session["count"], 5);
    assert_eq!(session["shallow_size"], 5 * 56);
    assert_eq!(session["retained_size"], 5 * (56 + 40));
    assert_eq!(session["distance"], 4);
    let place = serde_json::json!({"script_id": 7, "file": null, "line": 9, "column": 4});
    assert_eq!(session["location"], place);
    assert!(rows.iter().any(|row| row["name"] == "Array" && row["location"].is_null()));
}

#[test]
fn a_diff_counts_objects_by_id() {
    let files = Files::new();
    files.write("a.heapsnapshot", &shop(40).to_bytes());
    files.write("b.heapsnapshot", &shop(60).to_bytes());
    let answer = files.json(&["diff", "a.heapsnapshot", "b.heapsnapshot", "--json"]);
    assert_eq!(answer["comparison"], "by-id");
    assert_eq!(answer["suspects"], serde_json::Value::Null);
    let rows = answer["classes"].as_array().unwrap();
    let session = rows.iter().find(|row| row["name"] == "Session").unwrap();
    let numbers =
        ["added_count", "removed_count", "added_size", "removed_size"].map(|key| session[key].as_u64());
    assert_eq!(numbers, [Some(20), Some(0), Some(20 * 56), Some(0)]);
    let back = files.run(&["diff", "b.heapsnapshot", "a.heapsnapshot", "--json"]);
    assert!(back.stderr.contains("oldest first"), "{}", back.stderr);
}

#[test]
fn suspects_name_who_holds_what_grows() {
    let files = Files::new();
    for (name, sessions) in [("a", 40), ("b", 60), ("c", 80)] {
        files.write(name, &shop(sessions).to_bytes());
    }
    let three = files.json(&["diff", "a", "b", "c", "--json"]);
    let two = files.json(&["diff", "a", "c", "--json", "--suspects"]);
    for (answer, counts) in [(three, vec![20, 20]), (two, vec![40])] {
        let first = &answer["suspects"][0];
        assert_eq!(first["class"], "Session");
        assert_eq!((&first["kind"], &first["holder"]["id"]), (&"array".into(), &9.into()));
        assert_eq!(first["counts"], serde_json::json!(counts));
        assert_eq!((&first["count"], &first["grew_every_time"]), (&40.into(), &true.into()));
        assert_eq!(first["bytes"], 40 * (56 + 40));
    }
}

#[test]
fn different_processes_are_compared_by_class() {
    let files = Files::new();
    files.write("a", &shop(40).to_bytes());
    files.write("x", &other_process(100).to_bytes());
    let answer = files.json(&["diff", "a", "x", "--json"]);
    assert_eq!(answer["comparison"], "by-class");
    let rows = answer["classes"].as_array().unwrap();
    let session = rows.iter().find(|row| row["name"] == "Session").unwrap();
    assert_eq!((&session["added_count"], &session["removed_count"]), (&60.into(), &0.into()));
    let holders = answer["holders"].as_array().unwrap();
    let new = holders.iter().find(|row| row["class"] == "Session").unwrap();
    assert_eq!((&new["before_count"], &new["after_count"]), (&0.into(), &100.into()));
    assert!(new["signature"].as_str().unwrap().contains(".list"), "{new}");
}

#[test]
fn a_slice_is_a_snapshot_that_only_its_owner_reads() {
    use std::os::unix::fs::PermissionsExt;
    let files = Files::new();
    files.write("a", &shop(5).to_bytes());
    let run = files.run(&["object", "a", "@101", "--save-slice", "slice.heapsnapshot"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let mode = std::fs::metadata(files.path().join("slice.heapsnapshot")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let rows = files.stdout(&["nodes", "slice.heapsnapshot"]);
    assert!(rows.contains("\n101,object,Session,") && rows.contains("\n103,string,"), "{rows}");
    assert_eq!(rows.lines().count(), 1 + 3);
    let failed = files.run(&["object", "a", "@101", "--save-slice", "gone/slice"]);
    assert_eq!(failed.code, Some(5));
    assert!(failed.stderr.contains("gone/slice"), "{}", failed.stderr);
    let left: Vec<_> = std::fs::read_dir(files.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!left.iter().any(|path| path.extension().is_some_and(|ending| ending == "tmp")), "{left:?}");
}
