//! What can go wrong with a process while it is attached to: it must go on, or end as it would have.

mod common;

use std::{
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::{Duration, Instant},
};

use common::{Files, cgroup::Group, until_said};
use test_heaps::nodes;
use test_heaps::server::{Client, Server, get, listening};

const NOBODY: u32 = 65534;

fn node() -> PathBuf {
    nodes::binary(nodes::V22).unwrap()
}

fn server() -> Server {
    Server::start(&node(), &["--inspect-port=0", "serves.cjs"])
}

/// The exit code, which must come in this time.
fn code_within(child: &mut Child, patience: Duration) -> Option<i32> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if begun.elapsed() > patience {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it did not end within {patience:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_target_that_forks_and_then_becomes_another_program() {
    let files = Files::new();
    let mut server = server();
    let pid = server.pid().to_string();
    let mut attached = until_said(files.command(&["attach", &pid, "--for", "60s"]), "round 0");
    get(server.port, "/fork").unwrap();
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let child: u32 = children.split_whitespace().next().unwrap().parse().unwrap();
    assert_eq!(listening(child), Vec::<u16>::new(), "the child has none of our sockets");
    // It answers nothing any more: it is another program from then on.
    get(server.port, "/exec").unwrap_err();
    assert_eq!(code_within(&mut attached, Duration::from_secs(20)), Some(3), "too little was seen");
    let begun = Instant::now();
    let port = loop {
        let printed = server.printed.lock().unwrap().clone();
        if let Some(port) = printed.strip_prefix("port ") {
            break port.trim().parse().unwrap();
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "the new program does not come up: {printed}");
        std::thread::sleep(Duration::from_millis(20));
    };
    get(port, "/").unwrap();
    assert_eq!(listening(server.pid()), [port]);
    assert!(server.child.try_wait().unwrap().is_none());
}

/// Panics of our own, wherever they come: the inspector is closed, and nobody who asks the target notices.
#[test]
fn our_own_panic_closes_the_inspector() {
    let files = Files::new();
    for (place, command, worker) in [
        ("signal", "attach", false),
        ("connect", "attach", false),
        ("floor", "attach", false),
        // In the middle of a talk with a worker thread.
        ("floor", "attach", true),
        ("snapshot", "attach", false),
        ("watch", "watch", false),
    ] {
        let environment: &[(&str, &str)] = if worker { &[("WORKER", "1")] } else { &[] };
        let program = if place == "snapshot" { "restarted-shop.cjs" } else { "serves.cjs" };
        let server = Server::start_with(&node(), &["--inspect-port=0", program], environment);
        let client = Client::of(&server);
        let pid = server.pid().to_string();
        let arguments: &[&str] = match command {
            "watch" => &["watch", &pid, "--no-ui", "--for", "3s"],
            _ if place == "snapshot" => &["attach", &pid, "--url", "/", "--requests", "499"],
            _ => &["attach", &pid, "--for", "10s"],
        };
        let output = files.command(arguments).env("HEAPDOWSE_FAULT", place).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(&format!("a fault that was asked for, at {place}")), "{place}: {said}");
        if command == "attach" {
            assert_eq!(output.status.code(), Some(101), "{place}: {said}");
        }
        // At once where the probe is in; before that a guardian waits for the inspector to open.
        let patience = if place == "signal" { Duration::from_secs(10) } else { Duration::from_millis(100) };
        server.assert_closes_within(patience);
        client.finish();
        assert_eq!(*server.printed.lock().unwrap(), "", "{place}");
    }
}

#[test]
fn a_target_that_stands_still_is_waited_for() {
    let files = Files::new();
    let server = server();
    let pid = server.pid().to_string();
    let mut attached = until_said(files.command(&["attach", &pid, "--for", "6s"]), "round 0");
    let port = server.port;
    let begun = Instant::now();
    let blocked = std::thread::spawn(move || get(port, "/block/12000"));
    assert_eq!(code_within(&mut attached, Duration::from_secs(40)), Some(3), "too little was seen");
    assert!(begun.elapsed() > Duration::from_secs(11), "it was left while it stood still");
    server.assert_closes_within(Duration::ZERO);
    blocked.join().unwrap().unwrap();
    let client = Client::of(&server);
    client.finish();
}

#[test]
fn a_snapshot_that_does_not_fit_the_container_is_refused() {
    let files = Files::new();
    let group = Group::with_limit("small", 120 << 20);
    let server = server();
    for _ in 0..3 {
        get(server.port, "/grow").unwrap();
    }
    group.take(server.pid());
    let client = Client::of(&server);
    let pid = server.pid().to_string();
    let run = files.run(&["snapshot", "--via", "inspector", &pid, "-o", "x.heapsnapshot"]);
    run.assert_last(4, "left under its memory limit");
    assert!(run.stderr.contains("raise the limit"), "{}", run.stderr);
    assert_eq!(files.names(), Vec::<String>::new());
    server.assert_closes_within(Duration::ZERO);
    client.finish();
    drop(server);
}

#[test]
fn a_target_that_dies_for_lack_of_memory_leaves_no_part_of_a_snapshot() {
    let files = Files::new();
    let mut server = server();
    for _ in 0..6 {
        get(server.port, "/grow").unwrap();
    }
    let pid = server.pid().to_string();
    // Its address space may grow by less than the snapshot needs.
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    let kilobytes: u64 = size.trim().trim_end_matches(" kB").parse().unwrap();
    let limit = format!("--as={}", (kilobytes << 10) + (24 << 20));
    assert!(Command::new("prlimit").args(["--pid", &pid, &limit]).status().unwrap().success());
    let run = files.run(&["snapshot", "--via", "inspector", &pid, "-o", "x.heapsnapshot", "--force"]);
    assert!(!server.child.wait().unwrap().success(), "it had memory enough");
    run.assert_last(4, "");
    assert_eq!(run.stderr.lines().filter(|line| line.contains("error")).count(), 1, "{}", run.stderr);
    assert_eq!(files.names(), Vec::<String>::new());
}

/// Needs root.
#[test]
fn of_another_user_if_that_is_allowed() {
    let files = Files::new();
    let script = "setInterval(() => {}, 1000); console.log('port 1')";
    let (user, group) = (format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"));
    let program = node();
    let program = program.to_str().unwrap();
    let arguments = [&user, &group, "--clear-groups", program, "--inspect-port=0", "-e", script];
    let theirs = Server::start(Path::new("setpriv"), &arguments);
    let run =
        files.run(&["snapshot", "--via", "inspector", &theirs.pid().to_string(), "-o", "x.heapsnapshot"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    theirs.assert_closes_within(Duration::ZERO);

    let ours = server();
    let before = ours.inspectors();
    let mut command = files.command(&["attach", &ours.pid().to_string()]);
    let output = command.uid(NOBODY).gid(NOBODY).current_dir("/").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("user"), "the reason and the way out: {stderr}");
    assert_eq!(ours.inspectors(), before);
    get(ours.port, "/").unwrap();
}
