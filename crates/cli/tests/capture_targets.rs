//! Processes that are not plain: each is captured, or refused with its reason, and lives on. Needs root, as
//! containers and cgroups do.

mod common;

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use common::{
    Files, Run,
    cgroup::Group,
    victim::{Checker, Victim, ask, children, compiled, node, programs, state, threads},
};
use test_heaps::server::Server;

const NOBODY: u32 = 65534;

/// A capture whose output nobody reads: the frozen copy, or the stop, lasts until its end.
fn held(files: &Files, pid: u32, arguments: &[&str], words: &str) -> Child {
    let pid = pid.to_string();
    let mut command = files.command(&[&["capture", &pid, "-o", "-"], arguments].concat());
    command.stdout(Stdio::piped());
    common::until_said_keeping(command, words)
}

fn exit_code(child: &mut Child) -> Option<i32> {
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    panic!("it does not end");
}

fn victim_behind(program: &str, arguments: &[&str], megabytes: &str) -> Victim {
    let (node, script) = (node(), programs().join("victim.cjs"));
    let own = [node.to_str().unwrap(), script.to_str().unwrap(), megabytes];
    let server = Server::start(Path::new(program), &[arguments, &own].concat());
    let started = server.pid();
    let name = std::fs::read_to_string(format!("/proc/{started}/comm")).unwrap();
    let pid = if name.trim() == "unshare" { children(started)[0] } else { started };
    Victim::inside(server, pid)
}

fn forked(files: &Files, victim: &Victim) {
    let answer = files.json(&["capture", &victim.pid().to_string(), "-o", "core", "--force", "--json"]);
    assert_eq!(answer["mode"], "fork", "{answer}");
    assert_eq!(answer["warnings"].as_array().map(Vec::len), Some(0), "{answer}");
    victim.assert_unharmed(0);
}

#[test]
fn other_namespaces_rings_and_no_new_privileges_are_forked() {
    let files = Files::new();
    let checked = |victim: Victim| {
        let checker = Checker::of(&victim);
        forked(&files, &victim);
        checker.finish();
    };
    checked(victim_behind("unshare", &["--pid", "--fork", "--kill-child"], "4"));
    checked(victim_behind("setpriv", &["--no-new-privs"], "4"));
    checked(Victim::with(&node(), 4, &[("UV_USE_IO_URING", "1")]));
}

#[test]
fn the_same_user_may_and_another_may_not() {
    let files = Files::new();
    std::fs::set_permissions(files.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let (user, group) = (format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"));
    let theirs = victim_behind("setpriv", &[&user, &group, "--clear-groups"], "2");
    let ours = Victim::start(2);
    let as_nobody = |pid: u32, name: &str| {
        let mut command = files.command(&["capture", &pid.to_string(), "-o", name, "--json"]);
        Run::of(command.uid(NOBODY).gid(NOBODY).output().unwrap())
    };
    let run = as_nobody(theirs.pid(), "theirs");
    assert!(run.code == Some(0) && run.stdout.contains("\"mode\": \"fork\""), "{}", run.stderr);
    theirs.assert_unharmed(0);
    as_nobody(ours.pid(), "ours").must_fail(4, "without CAP_SYS_PTRACE");
    assert_eq!(files.names(), ["theirs"]);
    ours.assert_unharmed(0);
}

#[test]
fn what_has_no_memory_or_is_held_is_refused() {
    let files = Files::new();
    let mut parent = Command::new("sh").args(["-c", "true & exec sleep 60"]).spawn().unwrap();
    let zombie = loop {
        if let Some(zombie) = children(parent.id()).into_iter().find(|child| state(*child) == Some('Z')) {
            break zombie;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    files.run(&["capture", &zombie.to_string()]).must_fail(4, "zombie");
    parent.kill().unwrap();
    parent.wait().unwrap();
    // kthreadd, unless we are in a container, where the kernel's threads cannot be seen.
    if std::fs::read_to_string("/proc/2/comm").is_ok_and(|name| name == "kthreadd\n") {
        files.run(&["capture", "2"]).must_fail(4, "thread of the kernel");
    }
    let itself = format!("exec {} capture $$ -o core", env!("CARGO_BIN_EXE_heapdowse"));
    let run = Command::new("sh").args(["-c", &itself]).current_dir(files.path()).output().unwrap();
    Run::of(run).must_fail(4, "is this program itself");

    let victim = Victim::start(64);
    let mut holder = held(&files, victim.pid(), &["--mode", "stop", "--max-memory", "1M"], "stands still");
    let run = files.run(&["capture", &victim.pid().to_string(), "-o", "core"]);
    run.must_fail(4, &format!("traced already, by process {}", holder.id()));
    holder.kill().unwrap();
    holder.wait().unwrap();
    victim.assert_unharmed(0);
    assert_eq!(files.names(), Vec::<String>::new());
}

#[test]
fn a_thread_that_has_ended_but_is_not_buried_stops_nobody() {
    let files = Files::new();
    let mut tracer =
        Command::new(compiled("unburied")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(tracer.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let pid = said.trim().parse().unwrap();
    assert_eq!(threads(pid).len(), 2);
    for mode in ["fork", "stop"] {
        let answer = files.json(&["capture", said.trim(), "-o", "core", "--force", "--json", "--mode", mode]);
        assert_eq!(answer["mode"], mode, "{answer}");
        assert_eq!(answer["warnings"].as_array().map(Vec::len), Some(0), "{answer}");
        assert_eq!(state(pid), Some('S'));
        assert_eq!(children(pid), Vec::<u32>::new());
    }
    drop(tracer.stdin.take());
    assert!(tracer.wait().unwrap().success());
}

#[test]
fn a_stopped_process_goes_on_before_its_core_is_written() {
    let files = Files::new();
    let victim = Victim::start(64);
    // Nobody reads the pipe.
    let mut capture = held(&files, victim.pid(), &["--mode", "stop"], "stands still");
    let until = Instant::now() + Duration::from_secs(10);
    while state(victim.pid()) == Some('t') {
        assert!(Instant::now() < until, "it waits for the writing");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(ask(victim.port(), "/spawn").as_deref(), Ok("7"));
    assert_eq!(capture.try_wait().unwrap(), None);
    capture.kill().unwrap();
    capture.wait().unwrap();
    victim.assert_unharmed(0);
}

#[test]
fn who_asks_to_stop_is_heard_while_the_writing_hangs() {
    let files = Files::new();
    let victim = Victim::start(64);
    let mut capture = held(&files, victim.pid(), &["--mode", "stop", "--max-memory", "1M"], "stands still");
    // Nobody reads the pipe, and no more is read ahead: it stands still until somebody does something.
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(state(victim.pid()), Some('t'));
    assert!(Command::new("kill").args(["-INT", &capture.id().to_string()]).status().unwrap().success());
    let until = Instant::now() + Duration::from_secs(10);
    while state(victim.pid()) == Some('t') {
        assert!(Instant::now() < until, "it waits for the writing");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(ask(victim.port(), "/spawn").as_deref(), Ok("7"));
    drop(capture.stdout.take());
    assert_ne!(exit_code(&mut capture), None);
    victim.assert_unharmed(0);
}

#[test]
fn a_process_that_ends_frees_its_port_at_once() {
    let files = Files::new();
    let victim = Victim::start(16);
    let mut capture = held(&files, victim.pid(), &[], "and runs");
    let copy = children(victim.pid())[0];
    let port = victim.port();
    assert_eq!(ask(port, "/exit").as_deref(), Ok("bye"));
    let until = Instant::now() + Duration::from_millis(1500);
    while TcpListener::bind(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "the port is still bound");
        std::thread::sleep(Duration::from_millis(10));
    }
    let dead = || state(copy).is_none_or(|state| state == 'Z');
    while !dead() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(dead());
    drop(capture.stdout.take());
    assert_ne!(exit_code(&mut capture), None);
}

#[test]
fn a_process_may_become_another_program_meanwhile() {
    let files = Files::new();
    let mut shell =
        Command::new("sh").args(["-c", "read line; exec cat"]).stdin(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let mut capture = held(&files, shell.id(), &["--mode", "fork"], "and runs");
    let mut input = shell.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, b"go\n").unwrap();
    let mut core = Vec::new();
    std::io::Read::read_to_end(&mut capture.stdout.take().unwrap(), &mut core).unwrap();
    assert!(core.starts_with(b"\x7fELF") && core.len() > 100_000);
    assert_eq!(exit_code(&mut capture), Some(0));
    assert_eq!(std::fs::read_to_string(format!("/proc/{}/comm", shell.id())).unwrap(), "cat\n");
    assert_eq!(children(shell.id()), Vec::<u32>::new());
    shell.kill().unwrap();
    shell.wait().unwrap();
}

/// Threads come and go during the capture; the zoo makes hundreds a second.
#[test]
fn a_process_that_makes_threads_all_the_time() {
    let files = Files::new();
    let mut zoo = Command::new(compiled("zoo")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(200));
    for _ in 0..10 {
        let answer = files.json(&["capture", &zoo.id().to_string(), "-o", "core", "--force", "--json"]);
        assert_eq!(answer["mode"], "fork", "{answer}");
    }
    assert_eq!(children(zoo.id()), Vec::<u32>::new());
    assert!(threads(zoo.id()).len() >= 12);
    zoo.kill().unwrap();
    zoo.wait().unwrap();
}

#[test]
fn memory_larger_than_the_disk_leaves_nothing() {
    let files = Files::new();
    let disk = files.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=16m", "none"]).arg(&disk).status();
    assert!(mount.unwrap().success());
    let victim = Victim::start(16);
    let pid = victim.pid().to_string();
    let checker = Checker::of(&victim);
    let refused = files.run(&["capture", &pid, "-o", "disk/core"]);
    // The guess for compressed cores is generous: this one is found out while it is written.
    std::fs::write(disk.join("ballast"), vec![0; 12 << 20]).unwrap();
    let ran_full = files.command(&["capture", &pid, "-o", "disk/core.zst"]).output().unwrap();
    let names = std::fs::read_dir(&disk).unwrap().count();
    assert!(Command::new("umount").arg(&disk).status().unwrap().success());
    refused.must_fail(5, "bytes free");
    assert_eq!(ran_full.status.code(), Some(5), "{}", String::from_utf8_lossy(&ran_full.stderr));
    assert_eq!(names, 1);
    checker.finish();
    victim.assert_unharmed(0);
}

/// Memory is charged to the group where it is taken, so the server is started in it.
fn victim_in(group: &Group, megabytes: &str) -> Victim {
    let (node, script) = (node(), programs().join("victim.cjs"));
    let enter = format!("echo $$ > {}/cgroup.procs; exec \"$@\"", group.folder().display());
    let own = ["-c", &enter, "sh", node.to_str().unwrap(), script.to_str().unwrap(), megabytes];
    Victim::of(Server::start(Path::new("sh"), &own))
}

#[test]
fn a_copy_that_does_not_fit_the_container_is_not_made() {
    let files = Files::new();
    let group = Group::with_limit("tight", 400 << 20);
    let victim = victim_in(&group, "20");
    group.tighten(10 << 20);
    let pid = victim.pid().to_string();
    let answer = files.json(&["capture", &pid, "-o", "core", "--json"]);
    assert_eq!(answer["mode"], "stop", "{answer}");
    assert!(answer["mode_reason"].as_str().unwrap().contains("MB left"), "{answer}");
    files.run(&["capture", &pid, "-o", "other", "--mode", "fork"]).must_fail(4, "--mode stop");
    victim.assert_unharmed(0);
    group.take(victim.pid());
    drop(victim);
}

#[test]
fn a_copy_that_costs_too_much_is_given_up_in_time() {
    let files = Files::new();
    let group = Group::with_limit("growing", 600 << 20);
    let victim = victim_in(&group, "40");
    let mut capture = held(&files, victim.pid(), &[], "and runs");
    for _ in 0..16 {
        assert_eq!(ask(victim.port(), "/grow").as_deref(), Ok("grown"));
        std::thread::sleep(Duration::from_millis(120));
        if children(victim.pid()).is_empty() {
            break;
        }
    }
    victim.assert_unharmed(0);
    drop(capture.stdout.take());
    assert_ne!(exit_code(&mut capture), None);
    // By its own growth, too.
    let victim = Victim::start(60);
    let mut capture = held(&files, victim.pid(), &["--max-memory", "1M"], "and runs");
    let until = Instant::now() + Duration::from_secs(20);
    while !children(victim.pid()).is_empty() {
        assert!(Instant::now() < until, "the copy lives on");
        ask(victim.port(), "/leak").unwrap();
    }
    victim.assert_unharmed(0);
    drop(capture.stdout.take());
    exit_code(&mut capture);
}
