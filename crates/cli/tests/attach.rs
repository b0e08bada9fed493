//! `attach` and `snapshot` as a user runs them, on servers that must not notice.

mod common;

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use common::{Files, until_said};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use test_heaps::nodes;
use test_heaps::server::{Client, Server, get, listening, programs};

/// A guest that was killed leaves the inspector open no longer.
const CLOSES_WITHIN: Duration = Duration::from_secs(10);

fn node() -> PathBuf {
    nodes::binary(nodes::V22).unwrap()
}

fn server() -> Server {
    Server::start(&node(), &["--inspect-port=0", "serves.cjs"])
}

/// Starts the program and kills it (no handler runs) a while after it has said these words.
fn kill_after(mut command: Command, words: &str, while_later: Duration) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let said = stderr.lines().map_while(Result::ok).find(|line| line.contains(words));
    assert!(said.is_some(), "it never said {words:?}");
    std::thread::sleep(while_later);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn whenever_we_are_killed_the_inspector_closes_and_the_target_serves() {
    let files = Files::new();
    for (words, milliseconds) in [
        ("sent SIGUSR1", 0),
        ("sent SIGUSR1", 15),
        ("sent SIGUSR1", 60),
        ("connected to process", 0),
        ("round 0", 100),
    ] {
        let server = server();
        let client = Client::of(&server);
        let pid = server.pid().to_string();
        kill_after(files.command(&["attach", &pid]), words, Duration::from_millis(milliseconds));
        // Before the probe is in, the inspector may still be about to open.
        std::thread::sleep(Duration::from_millis(700));
        server.assert_closes_within(CLOSES_WITHIN);
        client.finish();
        assert_eq!(*server.printed.lock().unwrap(), "", "after {words} and {milliseconds} ms");
    }
}

fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
}

#[test]
fn interrupted_or_put_to_sleep_it_does_not_hold_the_target_up() {
    let files = Files::new();
    let server = server();
    let client = Client::of(&server);
    let pid = server.pid().to_string();
    let mut interrupted = until_said(files.command(&["attach", &pid]), "round 0");
    signal(interrupted.id(), Signal::SIGINT);
    assert_eq!(interrupted.wait().unwrap().code(), Some(130));
    server.assert_closes_within(Duration::ZERO);

    // As with Ctrl-Z: the connection is there and nobody answers. Closing the inspector now would stop the target.
    let mut asleep = until_said(files.command(&["attach", &pid, "--for", "20s"]), "round 0");
    signal(asleep.id(), Signal::SIGSTOP);
    std::thread::sleep(Duration::from_secs(7));
    let begun = Instant::now();
    get(server.port, "/").unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "the target stood still");
    signal(asleep.id(), Signal::SIGKILL);
    asleep.wait().unwrap();
    server.assert_closes_within(CLOSES_WITHIN);
    client.finish();
}

#[test]
fn a_target_that_ends_in_order_is_not_kept_from_it() {
    let files = Files::new();
    let mut server = server();
    let pid = server.pid().to_string();
    let mut attached = until_said(files.command(&["attach", &pid, "--for", "60s"]), "round 0");
    let begun = Instant::now();
    // Node waits for its debuggers at the end; we are told and go.
    get(server.port, "/end").unwrap();
    let status = server.child.wait().unwrap();
    assert!(
        status.success() && begun.elapsed() < Duration::from_secs(5),
        "{status} after {:?}",
        begun.elapsed()
    );
    assert_eq!(attached.wait().unwrap().code(), Some(3), "too little was seen");
}

#[test]
fn killed_during_a_snapshot_no_file_is_left_under_its_name() {
    let files = Files::new();
    let server = server();
    for _ in 0..4 {
        get(server.port, "/grow").unwrap();
    }
    let client = Client::of(&server);
    let pid = server.pid().to_string();
    let command = files.command(&["snapshot", "--via", "inspector", &pid, "-o", "x.heapsnapshot"]);
    kill_after(command, "the snapshot needs", Duration::from_millis(150));
    // The snapshot that was begun goes on without us, and blocks the event loop until it is made.
    server.assert_closes_within(CLOSES_WITHIN + Duration::from_secs(50));
    assert!(!files.path().join("x.heapsnapshot").exists());
    client.finish();
}

#[test]
fn a_snapshot_is_whole_and_readable() {
    let files = Files::new();
    let server = server();
    let client = Client::of(&server);
    let pid = server.pid().to_string();
    let run = files.run(&["snapshot", "--via", "inspector", &pid, "-o", "x.heapsnapshot", "--json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let answer: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let length = std::fs::metadata(files.path().join("x.heapsnapshot")).unwrap().len();
    assert_eq!(answer["bytes"].as_u64(), Some(length));
    let resident = |name: &str| answer[name].as_u64().unwrap();
    let grown = resident("resident_after").saturating_sub(resident("resident_before"));
    assert!((grown as f64) < answer["predicted"]["bytes"]["high"].as_f64().unwrap(), "{answer}");
    assert!(files.stdout(&["classes", "x.heapsnapshot"]).contains("Object"));

    let run = files.run(&["snapshot", "--via", "inspector", &pid, "-o", "y.heapsnapshot.zst"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    files.stdout(&["classes", "y.heapsnapshot.zst"]);

    let piped = files
        .command(&["snapshot", "--via", "inspector", "--listening", &server.port.to_string(), "-o", "-"])
        .output()
        .unwrap();
    assert!(piped.stdout.starts_with(b"{\"snapshot\"") && piped.stdout.ends_with(b"]}"));

    files
        .run(&["snapshot", &pid, "--worker", "9"])
        .assert_last(2, "worker 9: the process has no worker threads");
    let run = files.run(&["snapshot", &pid, "--worker", "9", "--via", "inspector"]);
    run.assert_last(2, "no worker 9; there is none");
    server.assert_closes_within(Duration::ZERO);
    client.finish();
}

#[test]
fn what_cannot_be_attached_to_is_said_in_one_line() {
    let files = Files::new();
    let own = Server::start_with(&node(), &["--inspect-port=0", "serves.cjs"], &[("OWN", "1")]);
    let disabled = Server::start(&node(), &["--heapsnapshot-signal=SIGUSR1", "serves.cjs"]);
    files.run(&["attach", &disabled.pid().to_string()]).must_fail(4, "--heapsnapshot-signal=SIGUSR1");
    files
        .run(&["attach", &disabled.pid().to_string(), "--dry-run"])
        .assert_last(4, "--heapsnapshot-signal=SIGUSR1");
    let mut sleeping = Command::new("sleep").arg("60").spawn().unwrap();
    files.run(&["attach", &sleeping.id().to_string()]).must_fail(4, "is not Node.js");
    sleeping.kill().unwrap();
    sleeping.wait().unwrap();
    files.run(&["attach", "--listening", "1"]).must_fail(4, "no Node.js process listens on port 1");
    files.run(&["attach"]).must_fail(2, "which process?");
    files.run(&["attach", &own.pid().to_string()]).assert_last(4, "restart it with --inspect=127.0.0.1:0");
    get(own.port, "/").unwrap();
    get(disabled.port, "/").unwrap();
}

#[test]
fn a_worker_is_named_with_its_floors() {
    let files = Files::new();
    let server = Server::start_with(&node(), &["--inspect-port=0", "serves.cjs"], &[("WORKER", "1")]);
    let run = files.run(&["attach", &server.pid().to_string(), "--for", "6s", "--json"]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    let answer: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let isolates = answer["isolates"].as_array().unwrap();
    assert_eq!(isolates.len(), 2, "{answer}");
    assert_eq!(isolates[1]["watched"]["worker"]["id"], "1", "{answer}");
    assert!(!isolates[1]["rounds"].as_array().unwrap().is_empty(), "{answer}");
    let run = files.run(&["snapshot", &server.pid().to_string(), "--worker", "1", "-o", "w.heapsnapshot"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(files.stdout(&["classes", "w.heapsnapshot"]).contains("OnlyInWorker"));
    server.assert_closes_within(Duration::ZERO);
}

#[test]
fn no_pause_longer_than_allowed() {
    let files = Files::new();
    let server = server();
    let pid = server.pid().to_string();
    let run = files.run(&["attach", &pid, "--max-pause", "0", "--for", "2s", "--json"]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    let answer: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(answer["verdict"], "inconclusive");
    assert!(answer["warnings"].to_string().contains("--max-pause"), "{answer}");
    server.assert_closes_within(Duration::ZERO);

    // Floors after load need collections: nothing is done.
    let run = files.run(&["attach", &pid, "--url", "/", "--max-pause", "0"]);
    run.assert_last(4, "--max-pause forbids");
    assert!(run.stderr.contains("full collections will stop the process for about"), "{}", run.stderr);
    assert_eq!(run.stdout, "");
    server.assert_closes_within(Duration::ZERO);
}

#[test]
fn in_a_cluster_the_workers_are_watched_and_all_are_left_as_they_were() {
    let files = Files::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut primary = Command::new(node())
        .arg("cluster.cjs")
        .current_dir(programs())
        .env("PORT", port.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while get(port, "/").is_err() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the cluster does not come up");
        std::thread::sleep(Duration::from_millis(50));
    }
    let pid = primary.id().to_string();
    let run = files.run(&["attach", &pid, "--url", "/", "--rounds", "8", "--requests", "499", "--json"]);
    let all = children(&primary);
    let open: Vec<u16> = all.iter().flat_map(|&pid| listening(pid)).filter(|&open| open != port).collect();
    let alive = get(port, "/");
    // Of the primary alone: it would tell its workers to open theirs.
    let alone = files.run(&["snapshot", "--via", "inspector", &pid, "-o", "primary.heapsnapshot"]);
    let open_after: Vec<u16> =
        all.iter().flat_map(|&pid| listening(pid)).filter(|&open| open != port).collect();
    primary.kill().unwrap();
    primary.wait().unwrap();
    let answer: serde_json::Value = serde_json::from_str(&run.stdout).expect(&run.stderr);
    assert_eq!(answer["watched"]["cluster_worker"], true, "{answer}");
    assert_eq!(answer["verdict"], "leak", "{answer}");
    // The primary and both workers are judged, each by its own floors.
    let isolates = answer["isolates"].as_array().unwrap();
    let words: Vec<_> =
        isolates.iter().map(|isolate| (&isolate["watched"]["pid"], &isolate["verdict"])).collect();
    assert_eq!(words.len(), 3, "{words:?}");
    let first =
        isolates.iter().find(|isolate| isolate["watched"]["pid"] == primary.id()).expect("the primary");
    assert_eq!(first["verdict"], "no-leak", "{first}");
    // Its few megabytes are measured to some kilobytes, and not with what V8 has set aside beside them.
    let mut floors: Vec<u64> = first["rounds"].as_array().unwrap()[2..]
        .iter()
        .map(|round| round["heap_used"].as_u64().unwrap() - round["code"].as_u64().unwrap())
        .collect();
    floors.sort_unstable();
    assert!(floors[floors.len() - 3] - floors[2] < 80 << 10, "{floors:?} {first}");
    assert!(words.iter().filter(|(_, word)| *word == "leak").count() >= 1, "{words:?}");
    assert!(all.len() > 2, "{all:?}");
    assert_eq!(open, Vec::<u16>::new(), "{}", run.stderr);
    alive.unwrap();
    assert_eq!((alone.code, open_after), (Some(0), Vec::new()), "{}", alone.stderr);
    // The probe has looked for connections: nothing of the machine's table of them stays in the process.
    let strings = files.stdout(&["strings", "primary.heapsnapshot"]);
    assert!(!strings.contains("rem_address"), "{strings}");
}

/// The process and its children.
fn children(process: &Child) -> Vec<u32> {
    let path = format!("/proc/{0}/task/{0}/children", process.id());
    let text = std::fs::read_to_string(path).unwrap();
    std::iter::once(process.id()).chain(text.split_whitespace().map(|pid| pid.parse().unwrap())).collect()
}

/// Needs root, as containers do. A machine without it fails this test rather than passing it unseen.
#[test]
fn into_another_network_namespace() {
    let files = Files::new();
    let script = "setInterval(() => {}, 1000); console.log('port 1')";
    let shell = format!("ip link set lo up && exec {} --inspect-port=0 -e \"{script}\"", node().display());
    let server = Server::start(std::path::Path::new("unshare"), &["--net", "sh", "-c", &shell]);
    let run =
        files.run(&["snapshot", "--via", "inspector", &server.pid().to_string(), "-o", "x.heapsnapshot"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    files.stdout(&["classes", "x.heapsnapshot"]);
    server.assert_closes_within(Duration::ZERO);
}
