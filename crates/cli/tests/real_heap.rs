//! Two snapshots of a real program, in which a leak was planted: the commands find it, and tell its numbers.

mod common;

use common::Files;
use test_heaps::fixtures::{Which, facts, snapshot};
use test_heaps::nodes::V20;

#[test]
fn the_planted_leak_is_found_and_counted() {
    let first = snapshot(V20, 7, Which::First).unwrap();
    let second = snapshot(V20, 7, Which::Second).unwrap();
    let (first, second) = (first.to_str().unwrap(), second.to_str().unwrap());
    let facts: serde_json::Value = serde_json::from_str(&facts(V20, 7).unwrap()).unwrap();
    let planted = |class: &str, when: &str| facts["planted"][class][when].as_u64().unwrap();
    let grown = planted("LeakedSession", "after") - planted("LeakedSession", "before");
    let files = Files::new();
    let answer = files.json(&["diff", first, second, "--suspects", "--json"]);
    let row =
        |name: &str| answer["classes"].as_array().unwrap().iter().find(|row| row["name"] == name).cloned();
    assert_eq!(row("LeakedSession").unwrap()["count_delta"], grown);
    let freed = row("FreedJob").unwrap();
    assert_eq!(
        (&freed["added_count"], freed["removed_count"].as_u64()),
        (&0.into(), Some(planted("FreedJob", "before")))
    );
    assert!(row("StableConfig").is_none(), "it did not change");
    let suspect = &answer["suspects"][0];
    assert_eq!((&suspect["class"], suspect["count"].as_u64()), (&"LeakedSession".into(), Some(grown)));
    assert!(suspect["path"].as_str().unwrap().contains(".sessions"), "{suspect}");

    // A second command on the same file answers the same from the index, and so does a third by other means.
    let classes = files.stdout(&["classes", second, "--json"]);
    assert_eq!(files.stdout(&["classes", second, "--json"]), classes);
    assert_eq!(files.stdout(&["classes", second, "--json", "--no-cache"]), classes);
    let merged = files.json(&["paths", second, "--class", "LeakedSession", "--json"]);
    let class = &files.json(&["classes", second, "--match", "LeakedSession", "--json"])["classes"][0];
    assert_eq!(merged["tree"]["count"], class["count"]);
    assert_eq!(merged["tree"]["shallow_size"], class["shallow_size"]);
    let place = &class["location"];
    assert!(place["file"].as_str().unwrap().ends_with("classes.mjs"), "{place}");
}

#[test]
fn a_long_list_is_blamed_on_its_head() {
    let files = Files::new();
    let mut bytes = Vec::new();
    test_heaps::shapes::linked_list(&mut bytes, 200_000).unwrap();
    files.write("list", &bytes);
    let answer = files.json(&["analyze", "list", "--json"]);
    let objects = answer["suspects"]["objects"].as_array().unwrap();
    assert_eq!(objects.len(), 1, "{objects:?}");
    assert_eq!(objects[0]["own_share"], 200_000 * 32);
    assert_eq!(objects[0]["node"]["distance"], 2);
    let class = objects[0]["node"]["class"].as_str().unwrap().to_owned();
    let merged = files.stdout(&["paths", "list", "--class", &class]);
    assert!(merged.contains("200,000") && merged.lines().count() < 8, "{merged}");
}
