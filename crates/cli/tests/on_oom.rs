//! `heapdowse run --on-oom` with programs that run out of memory under load, and before they are ready.

mod common;

use common::{Files, Run};

/// A run of a test program with a small heap, its last snapshots going into the folder of `files`.
fn run(files: &Files, program: &str, more: &[&str]) -> Run {
    let path = test_heaps::server::programs().join(program).display().to_string();
    let into = format!("--on-oom={}", files.path().display());
    let mut arguments = vec!["--color", "never", "run", &into];
    arguments.extend(more);
    arguments.extend(["--", "node", "--max-heap-size=60", &path]);
    files.run(&arguments)
}

fn snapshots(files: &Files) -> Vec<String> {
    let names = std::fs::read_dir(files.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().path().display().to_string());
    names.filter(|name| name.ends_with(".heapsnapshot")).collect()
}

#[test]
fn the_heap_at_the_end_is_told() {
    let load = ["--url=/", "--requests=499"];
    let files = Files::new();
    let text = run(&files, "runs-out.cjs", &load);
    let kept = snapshots(&files);
    assert_eq!(kept.len(), 1, "{}", text.stderr);
    assert!(text.stderr.contains(&format!("its last snapshot is {}", kept[0])), "{}", text.stderr);
    let (_, analysis) = text.stdout.split_once("The heap when memory ran out").expect(&text.stdout);
    for part in ["nodes", "Suspects: who holds a tenth", "Array"] {
        assert!(analysis.contains(part), "{part} is not in {analysis}");
    }

    let files = Files::new();
    let json = run(&files, "runs-out.cjs", &[&load[..], &["--json"]].concat());
    let answer: serde_json::Value = serde_json::from_str(&json.stdout).expect(&json.stderr);
    let last = &answer["last_snapshots"][0];
    assert_eq!(last["path"], snapshots(&files)[0].as_str());
    assert!(last["heap"]["nodes"].as_u64().unwrap() > 10_000, "{last}");
    let suspect = &last["heap"]["suspects"][0];
    assert_eq!(suspect["class"], "Array", "{last}");
    assert!(suspect["retained_size"].as_u64().unwrap() > 20_000_000, "{last}");
    assert!(suspect["path"].as_str().unwrap().contains("(GC roots)"), "{last}");
}

#[test]
fn a_death_before_anything_was_ready_leaves_its_snapshot() {
    let files = Files::new();
    let failed = run(&files, "runs-out-at-once.cjs", &["--url=/"]);
    assert_eq!(failed.code, Some(4), "{}", failed.stderr);
    assert!(failed.stderr.contains("before it was ready"), "{}", failed.stderr);
    let kept = snapshots(&files);
    assert_eq!(kept.len(), 1, "{}", failed.stderr);
    assert!(failed.stderr.contains(&format!("its last snapshot is {}", kept[0])), "{}", failed.stderr);
    assert!(failed.stderr.contains("× Array held"), "{}", failed.stderr);
}
