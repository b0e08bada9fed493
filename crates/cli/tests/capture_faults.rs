//! The tracer dies at every system call of its life, and every system call of it fails once: the process must not
//! notice. Here at all calls that touch the process and at a sample of those that read and write in bulk;
//! `HEAPDOWSE_SOAK=1` tries every single one.

#![allow(clippy::print_stderr, reason = "which call it was matters when one fails")]

mod common;

use std::{
    os::unix::process::ExitStatusExt,
    process::Stdio,
    time::{Duration, Instant},
};

use common::{
    Files,
    victim::{Checker, Victim, ask, children, threads},
};

/// Calls that are made once for each piece of memory, or when time has passed: of each, so many are tried.
const BULK: [&str; 8] =
    ["ioctl", "pread64", "pwrite64", "process_vm_readv", "clock_nanosleep", "poll", "cgroup", "meminfo"];
const SAMPLE: usize = 6;

/// The calls of one whole capture, in their order.
fn calls(files: &Files, victim: &Victim, mode: &str) -> Vec<String> {
    let trace = files.path().join("trace");
    let output = files
        .command(&["capture", &victim.pid().to_string(), "-o", "whole", "--mode", mode])
        .env("HEAPDOWSE_CAPTURE_FAULT", format!("trace:{}", trace.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::remove_file(files.path().join("whole")).unwrap();
    std::fs::read_to_string(trace).unwrap().lines().map(str::to_owned).collect()
}

/// The numbers of the calls that are tried, counted from 1; one more than there are is a capture without a fault.
fn tried(calls: &[String]) -> Vec<usize> {
    let all = std::env::var_os("HEAPDOWSE_SOAK").is_some();
    let mut numbers: Vec<usize> = Vec::new();
    for (index, name) in calls.iter().enumerate() {
        let of_kind = || calls.iter().filter(|call| *call == name).count();
        let rank = calls[..index].iter().filter(|call| *call == name).count();
        let spread = || (of_kind() / SAMPLE).max(1);
        if all || !BULK.contains(&name.as_str()) || rank.is_multiple_of(spread()) {
            numbers.push(index + 1);
        }
    }
    numbers.push(calls.len() + 1);
    numbers
}

/// What must not grow.
fn holdings(victim: &Victim) -> (usize, usize) {
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", victim.pid())).unwrap().count();
    (descriptors, threads(victim.pid()).len())
}

/// Fails unless it holds what it held before; sockets that were closed by us need a moment.
fn assert_holds(victim: &Victim, before: (usize, usize)) {
    let until = Instant::now() + Duration::from_secs(10);
    while holdings(victim) != before && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(holdings(victim), before);
}

fn capture_with(files: &Files, victim: &Victim, mode: &str, fault: &str) -> std::process::ExitStatus {
    files
        .command(&["capture", &victim.pid().to_string(), "-o", "core", "--mode", mode])
        .env("HEAPDOWSE_CAPTURE_FAULT", fault)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
}

/// The table of fail points against what the kernel sees: no call that touches a process or names a file goes past it.
#[test]
fn the_table_of_calls_is_that_of_strace() {
    let files = Files::new();
    let victim = Victim::start(2);
    let (trace, seen) = (files.path().join("trace"), files.path().join("seen"));
    let calls =
        ["ptrace", "wait4", "process_vm_readv", "process_vm_writev", "kill", "pidfd_open", "linkat", "fsync"];
    for mode in ["fork", "stop"] {
        let status = std::process::Command::new("strace")
            .args(["-f", "-qq", "-e", &format!("trace={}", calls.join(",")), "-e", "signal=none", "-o"])
            .arg(&seen)
            .args([
                env!("CARGO_BIN_EXE_heapdowse"),
                "capture",
                &victim.pid().to_string(),
                "--mode",
                mode,
                "-o",
            ])
            .arg(files.path().join(mode))
            .env("HEAPDOWSE_CAPTURE_FAULT", format!("trace:{}", trace.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
        let (ours, seen) =
            (std::fs::read_to_string(&trace).unwrap(), std::fs::read_to_string(&seen).unwrap());
        for call in calls {
            let noted = ours.lines().filter(|line| line.split('(').next() == Some(call)).count();
            let made = seen.lines().filter(|line| line.contains(&format!(" {call}("))).count();
            assert_eq!(noted, made, "{mode}: {call}");
            // A stopped process is read through a file; a fork's code is looked at and changed in between.
            let only_in_fork =
                ["process_vm_readv", "process_vm_writev", "kill"].contains(&call) && mode == "stop";
            assert!(only_in_fork || made > 0, "{mode}: {call} was never made");
        }
    }
    victim.assert_unharmed(0);
}

fn killed_everywhere(mode: &str) {
    let files = Files::new();
    let victim = Victim::start(2);
    let calls = calls(&files, &victim, mode);
    assert!(calls.iter().any(|call| call == "ptrace(SEIZE)"), "{calls:?}");
    assert_eq!(calls.iter().any(|call| call == "ptrace(GETEVENTMSG)"), mode == "fork");
    let before = holdings(&victim);
    let mut checker = Checker::of(&victim);
    let mut killed = 0;
    for number in tried(&calls) {
        let zombies = children(victim.pid()).len();
        let status = capture_with(&files, &victim, mode, &format!("kill:{number}"));
        let what = calls.get(number - 1).map_or("none", |name| name);
        eprintln!("killed at call {number} ({what}): {status}");
        killed += usize::from(status.signal() == Some(9));
        victim.assert_unharmed(zombies + 1);
        // A file under the final name is a whole one.
        if std::fs::remove_file(files.path().join("core")).is_ok() {
            let last = ["linkat", "fsync", "none"];
            assert!(status.success() || last.contains(&what), "a core after a death at {what}");
        }
        assert_eq!(files.names(), ["trace"], "something was left behind");
        if number % 50 == 0 {
            checker.finish();
            checker = Checker::of(&victim);
        }
    }
    assert!(killed > 100, "{killed}");
    checker.finish();
    assert_holds(&victim, before);
    assert_eq!(ask(victim.port(), "/spawn").as_deref(), Ok("7"));
}

#[test]
fn killed_at_every_call_of_a_fork() {
    killed_everywhere("fork");
}

#[test]
fn killed_at_every_call_of_a_stop() {
    killed_everywhere("stop");
}

#[test]
fn every_call_of_a_fork_fails_once() {
    let files = Files::new();
    let victim = Victim::start(2);
    let calls = calls(&files, &victim, "auto");
    let before = holdings(&victim);
    let checker = Checker::of(&victim);
    // No such process, not permitted, out of memory, interrupted, bad address, no space.
    for (round, number) in tried(&calls).into_iter().enumerate() {
        let errno = [3, 1, 12, 4, 14, 28][round % 6];
        let zombies = children(victim.pid()).len();
        let status = capture_with(&files, &victim, "auto", &format!("fail:{number}:{errno}"));
        let what = calls.get(number - 1).map_or("none", |name| name);
        eprintln!("error {errno} at call {number} ({what}): {status}");
        assert!(status.code().is_some_and(|code| [0, 4, 5].contains(&code)), "{status} at {what}");
        victim.assert_unharmed(zombies + 1);
        let named = std::fs::remove_file(files.path().join("core")).is_ok();
        assert!(named == status.success() || what == "fsync", "{status} at {what}, and a core: {named}");
        assert_eq!(files.names(), ["trace"], "something was left behind");
    }
    checker.finish();
    assert_holds(&victim, before);
    assert_eq!(ask(victim.port(), "/spawn").as_deref(), Ok("7"));
}
