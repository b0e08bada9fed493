//! A program that runs out of memory leaves a whole snapshot and dies as it would have.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use investigation::run::{RunOptions, RunReport, run};
use test_heaps::nodes;

/// A run until memory is out, and what was printed.
fn run_out(version: &str, on_oom: Option<PathBuf>) -> (RunReport, String) {
    let printed = Arc::new(Mutex::new(String::new()));
    let into = printed.clone();
    let node = nodes::binary(version).unwrap().display().to_string();
    let command = [&node, "--max-heap-size=60", "runs-out.cjs"].map(ToString::to_string);
    let mut options = RunOptions::new(command.to_vec());
    options.folder = Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/programs"));
    options.output = Arc::new(move |line| into.lock().unwrap().push_str(&String::from_utf8_lossy(line)));
    options.settle = Duration::from_millis(20);
    options.snapshots = false;
    options.warm_up = 1;
    options.requests = Some(499);
    options.url = Some("/".to_owned());
    options.on_oom = on_oom;
    let report = run(&options, &mut (), &mut ()).unwrap();
    let printed = printed.lock().unwrap().clone();
    (report, printed)
}

#[test]
fn the_last_snapshot_is_whole_and_the_end_is_the_same() {
    for version in nodes::SUPPORTED {
        let folder = tempfile::tempdir().unwrap();
        let (without, said_without) = run_out(version, None);
        assert!(without.last_snapshots.is_empty());
        let (with, said) = run_out(version, Some(folder.path().join("made/for/it")));
        assert_eq!(with.ended_by_itself, without.ended_by_itself, "{version}");
        assert!(with.ended_by_itself.unwrap().contains("SIGABRT"), "{version}");
        for said in [&said, &said_without] {
            assert!(
                said.contains("FATAL ERROR:") && said.contains("JavaScript heap out of memory"),
                "{version}: {said}"
            );
        }
        let [last] = &with.last_snapshots[..] else { panic!("{version}: {:?} {said}", with.last_snapshots) };
        assert_eq!(last.pid, with.watched.map(|process| process.pid));
        assert_eq!(last.path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        // Nothing but the snapshot is left, neither in the folder nor in the program's.
        let names: Vec<_> = std::fs::read_dir(folder.path().join("made/for/it")).unwrap().collect();
        assert_eq!(names.len(), 1, "{names:?}");
        // An independent reader finds the arrays that were kept.
        let script = "const s = JSON.parse(require('fs').readFileSync(process.argv[1], 'utf8'));
            const fields = s.snapshot.meta.node_fields.length;
            const arrays = s.strings.indexOf('Array');
            let count = 0;
            for (let at = 1; at < s.nodes.length; at += fields) count += s.nodes[at] === arrays;
            console.log(s.nodes.length / fields === s.snapshot.node_count && count > 2000);";
        let output = Command::new("node").args(["-e", script]).arg(&last.path).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "true", "{version}");
    }
}
