//! Cores of running processes: their bytes, what debuggers see in them, where they go, and what is refused.

mod common;

use std::{
    os::unix::fs::{FileExt, PermissionsExt},
    process::{Command, Stdio},
};

use common::{
    Files,
    core::Core,
    victim::{Checker, Victim, ask, children, node, ranges_flagged, ranges_without, state, threads},
};
use test_heaps::nodes;

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap().success());
}

fn mode(answer: &serde_json::Value) -> &str {
    answer["mode"].as_str().unwrap()
}

#[test]
fn every_version_under_load_is_forked_and_serves_on() {
    let files = Files::new();
    for version in nodes::SUPPORTED {
        let victim = Victim::with(&nodes::binary(version).unwrap(), 8, &[]);
        let pid = victim.pid().to_string();
        let checker = Checker::of(&victim);
        for round in 0..3 {
            let unforkable = ranges_flagged(victim.pid(), "dc");
            assert!(unforkable.len() > 3, "{version}: V8 keeps its heap out of forks");
            let answer = files.json(&["capture", &pid, "-o", "core", "--force", "--json"]);
            assert_eq!(ranges_without(victim.pid(), "dc", &unforkable), [], "{version}, round {round}");
            assert_eq!(mode(&answer), "fork", "{version}, round {round}: {answer}");
            assert_eq!(answer["node_version"], version);
            assert_eq!(answer["warnings"].as_array().map(Vec::len), Some(0), "{answer}");
        }
        checker.finish();
        victim.assert_unharmed(0);
        assert_eq!(ask(victim.port(), "/spawn").as_deref(), Ok("7"), "{version}");
    }
}

/// Every byte in the core is that of the process, and nothing of the heap is missing.
fn assert_equal(core: &Core, pid: u32) {
    let memory = std::fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    let (mut compared, mut differing) = (0, Vec::new());
    for (addresses, in_file) in &core.segments {
        if in_file.is_empty() {
            continue;
        }
        let mut there = vec![0; in_file.len()];
        if memory.read_exact_at(&mut there, addresses.start).is_err() {
            panic!("{addresses:x?} is in the core and cannot be read");
        }
        let pairs = there.iter().zip(&core.bytes[in_file.clone()]).enumerate();
        differing.extend(pairs.filter(|(_, (a, b))| a != b).map(|(at, _)| addresses.start + at as u64));
        compared += there.len();
    }
    assert!(compared > 40 << 20, "{compared}");
    // The kernel notes in each thread's memory on which processor it last ran (rseq(2)): one thread did.
    assert!(differing.len() <= 8, "{differing:x?}");
    // Anonymous memory that is there and not in the core.
    let smaps = std::fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap();
    let mut start = 0;
    for line in smaps.lines() {
        let first = line.split(['-', ' ']).next().unwrap();
        if let (Ok(address), true) = (u64::from_str_radix(first, 16), line.contains('-')) {
            start = address;
        }
        if let Some(size) = line.strip_prefix("Anonymous:") {
            let in_core = core.segments.iter().find(|(addresses, _)| addresses.contains(&start));
            let missing = in_core.is_none_or(|(_, in_file)| in_file.is_empty());
            assert!(!missing || size.trim() == "0 kB", "{start:#x} is missing: {size}");
        }
    }
}

#[test]
fn the_bytes_are_those_of_the_stopped_process() {
    let files = Files::new();
    let victim = Victim::start(10);
    let pid = victim.pid().to_string();
    signal(victim.pid(), "STOP");
    for mode in ["fork", "stop"] {
        let answer = files.json(&["capture", &pid, "-o", "core", "--force", "--mode", mode, "--json"]);
        assert_eq!(answer["mode"], mode);
        assert_eq!(state(victim.pid()), Some('T'), "it was stopped and stays so");
        let core = Core::read(&files.path().join("core"));
        assert_equal(&core, victim.pid());
        let about = core.about();
        assert_eq!((&about["mode"], &about["pid"]), (&answer["mode"], &victim.pid().into()));
        assert_eq!(about["executable"]["node_version"], nodes::V22);
        assert!(about["pause_ms"].as_f64().unwrap() > 0.0, "{about}");
        let statuses = core.notes.iter().filter(|(name, kind, _)| name == "CORE" && *kind == 1);
        let ids: Vec<u32> =
            statuses.map(|(.., note)| u32::from_le_bytes(note[32..36].try_into().unwrap())).collect();
        assert_eq!(ids[0], victim.pid(), "the main thread is the first");
        assert_eq!(ids.len(), threads(victim.pid()).len());
        // Files that are named, private, sparse.
        let file = std::fs::metadata(files.path().join("core")).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
        assert_eq!(answer["core_bytes"], file.len());
    }
    signal(victim.pid(), "CONT");
    victim.assert_unharmed(0);
}

#[test]
fn compressed_streamed_and_plain_cores_hold_the_same() {
    let files = Files::new();
    let victim = Victim::start(4);
    let pid = victim.pid().to_string();
    signal(victim.pid(), "STOP");
    let executable = std::fs::read(node()).unwrap();
    files.json(&["capture", &pid, "-o", "plain", "--json", "--bundle-exe"]);
    let plain = Core::read(&files.path().join("plain"));
    let compressed = files.json(&["capture", &pid, "-o", "core.zst", "--json", "--mode", "stop"]);
    let zst = std::fs::read(files.path().join("core.zst")).unwrap();
    assert_eq!(compressed["written_bytes"], zst.len());
    assert!(zst.len() * 3 < plain.bytes.len());
    let from_zst = Core::parse(zstd::decode_all(&zst[..]).unwrap());
    let streamed = files.command(&["capture", &pid, "-o", "-"]).stderr(Stdio::null()).output().unwrap();
    let streamed = Core::parse(streamed.stdout);
    let zst_streamed =
        files.command(&["capture", &pid, "-o", "-", "--zst"]).stderr(Stdio::null()).output().unwrap();
    let zst_streamed = Core::parse(zstd::decode_all(&zst_streamed.stdout[..]).unwrap());
    for other in [&from_zst, &streamed, &zst_streamed] {
        let (ours, theirs) = (other.memory(), plain.memory());
        assert_eq!(ours.len(), theirs.len());
        let differing = ours.iter().zip(&theirs).filter(|(a, b)| a != b).count();
        // As above: threads of ours ran on other processors in between.
        assert!(differing <= 16, "{differing}");
        assert_eq!(other.about()["pid"], victim.pid());
    }
    // The executable is the last section but one, and lies at the end.
    assert_eq!(plain.about()["executable_bundled"], true);
    assert!(plain.bytes.ends_with(&executable));
    signal(victim.pid(), "CONT");
    victim.assert_unharmed(0);
}

#[test]
fn gdb_sees_the_threads_the_stack_and_the_memory() {
    let files = Files::new();
    let victim = Victim::start(4);
    for mode in ["fork", "stop"] {
        files.json(&["capture", &victim.pid().to_string(), "-o", mode, "--mode", mode, "--json"]);
        let gdb = Command::new("gdb")
            .args(["-nx", "-batch", "-ex", "info threads", "-ex", "bt", "-ex", "x/2gx $sp", "-c"])
            .arg(files.path().join(mode))
            .arg(node())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&gdb.stdout).into_owned();
        assert_eq!(said.matches("Thread 0x").count() - 1, threads(victim.pid()).len(), "{said}");
        assert!(
            said.contains("epoll_pwait") && said.contains("node::Start") && said.contains("_start"),
            "{said}"
        );
        assert!(!said.contains("Cannot access memory"), "{said}");
        let warnings = String::from_utf8_lossy(&gdb.stderr).into_owned();
        assert!(!warnings.contains("Unexpected size") && !warnings.contains("truncated"), "{warnings}");
    }
    victim.assert_unharmed(0);
}

#[test]
fn a_process_is_captured_when_something_happens() {
    let files = Files::new();
    let victim = Victim::with_flags(&["--max-old-space-size=200"], 16);
    let pid = victim.pid().to_string();
    let grows = std::thread::spawn({
        let port = victim.port();
        move || {
            std::thread::sleep(std::time::Duration::from_millis(900));
            (0..6).for_each(|_| drop(ask(port, "/grow")));
        }
    });
    let resident = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap();
    let pages: u64 = resident.split(' ').nth(1).unwrap().parse().unwrap();
    let trigger = format!("rss>{}M", ((pages * 4096) >> 20) + 40);
    let run = files.run(&[
        "capture",
        &pid,
        "--when",
        &trigger,
        "--count",
        "2",
        "--spacing",
        "100ms",
        "-o",
        "core.zst",
        "--json",
        "--keep-free",
        "1M",
    ]);
    grows.join().unwrap();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("looked at from outside only"), "{}", run.stderr);
    let mut names = files.names();
    names.sort();
    assert_eq!(names, ["core.1.zst", "core.2.zst"]);
    let answer: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(answer["captures"].as_array().unwrap().len(), 2);
    let run = files.run(&["capture", &pid, "--when", "heap>1%", "-o", "heap"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("inspector") && files.path().join("heap").is_file(), "{}", run.stderr);
    victim.server.assert_closes_within(std::time::Duration::from_secs(5));
    victim.assert_unharmed(0);
}

#[test]
fn a_signal_to_us_captures_and_floors_that_grow_do() {
    let files = Files::new();
    let victim = Victim::start(2);
    let pid = victim.pid().to_string();
    let waiting =
        common::until_said(files.command(&["capture", &pid, "--when", "signal", "-o", "core"]), "kill -USR2");
    signal(waiting.id(), "USR2");
    assert!(waiting.wait_with_output().unwrap().status.success());
    assert!(files.path().join("core").is_file());
    let port = victim.port();
    let work = std::thread::spawn(move || {
        (0..60).all(|_| {
            std::thread::sleep(std::time::Duration::from_millis(100));
            ask(port, "/leak").is_ok()
        })
    });
    let arguments = ["capture", &pid, "--when", "floor-grows", "--floor-every", "300ms", "-o", "grown"];
    let run = files.run(&arguments);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("the floor grew 3 times"), "{}", run.stderr);
    assert!(work.join().unwrap());
}

#[test]
fn under_the_name_of_gcore() {
    let files = Files::new();
    let (one, two) = (Victim::start(1), Victim::start(1));
    let gcore = files.path().join("gcore");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_heapdowse"), &gcore).unwrap();
    let (first, second) = (one.pid().to_string(), two.pid().to_string());
    let output = Command::new(&gcore).args([&first, &second]).current_dir(files.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, format!("Saved corefile core.{first}\nSaved corefile core.{second}\n"));
    assert_equal_notes(&Core::read(&files.path().join(format!("core.{first}"))), one.pid());
    let output = Command::new(&gcore)
        .args(["-a", "-o", "all", "-c", "anon", &first, "999999999"])
        .current_dir(files.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(files.path().join(format!("all.{first}")).is_file());
    one.assert_unharmed(0);
}

fn assert_equal_notes(core: &Core, pid: u32) {
    assert_eq!(core.about()["pid"], pid);
}

#[test]
fn what_cannot_be_is_said_in_one_line() {
    let files = Files::new();
    let victim = Victim::start(1);
    let pid = victim.pid().to_string();
    files.run(&["capture", "999999999"]).must_fail(4, "there is no process 999999999");
    let run = files.run(&["capture", "node"]);
    assert_eq!((run.code, run.stderr.contains("invalid value")), (Some(2), true));
    files.write("taken", b"mine");
    files.run(&["capture", &pid, "-o", "taken"]).must_fail(2, "--force");
    assert_eq!(std::fs::read(files.path().join("taken")).unwrap(), b"mine");
    files.run(&["capture", &pid, "-o", "."]).must_fail(2, "directory");
    files.run(&["capture", &pid, "-o", "no/such/folder/core"]).must_fail(5, "No such file");
    files
        .run(&["capture", &pid, "--max-pause", "10ms", "--max-memory", "1M", "--mode", "stop"])
        .must_fail(4, "--max-pause");
    let run = files.run(&["capture", &pid, "--when", "cpu>3"]);
    assert_eq!((run.code, run.stderr.contains("is no condition")), (Some(2), true));
    let thread = *threads(victim.pid()).iter().find(|thread| **thread != victim.pid()).unwrap();
    files.run(&["capture", &thread.to_string()]).must_fail(4, &format!("capture process {pid}"));
    assert_eq!(files.names(), ["taken"]);
    files.stdout(&["capture", &pid, "-o", "taken", "--force"]);
    assert_eq!(std::fs::read(files.path().join("taken")).unwrap()[..4], *b"\x7fELF");
    victim.assert_unharmed(0);
}

#[test]
fn the_self_test_passes_here() {
    let files = Files::new();
    let answer = files.json(&["capture", "--self-test", "--json"]);
    assert_eq!(
        (mode(&answer["captured"]), &answer["answers"], &answer["clean"]),
        ("fork", &true.into(), &true.into())
    );
    assert!(files.stdout(&["capture", "--self-test", "--mode", "stop"]).contains("mode      stop"));
    assert_eq!(files.names(), Vec::<String>::new());
}

#[test]
fn sockets_closed_during_a_capture_reach_the_peer_at_once() {
    let files = Files::new();
    let victim = Victim::start(16);
    // Nobody reads the pipe, so the frozen copy lives on.
    let mut capture = files.command(&["capture", &victim.pid().to_string(), "-o", "-"]);
    capture.stdout(Stdio::piped());
    let mut capture = common::until_said_keeping(capture, "and runs");
    assert_eq!(children(victim.pid()).len(), 1);
    let begun = std::time::Instant::now();
    assert!(ask(victim.port(), "/destroy").is_err());
    assert!(begun.elapsed() < std::time::Duration::from_millis(500), "{:?}", begun.elapsed());
    capture.kill().unwrap();
    capture.wait().unwrap();
    victim.assert_unharmed(1);
}
