//! Processes whose system calls are filtered. A filter that forbids what would be injected must be found out before.

mod common;

use std::path::Path;

use common::{
    Files, Run,
    victim::{Victim, ask, compiled, node, programs, threads},
};
use test_heaps::server::Server;

fn filtered(kind: &str) -> Victim {
    let (filter, node, script) = (compiled("filter"), node(), programs().join("victim.cjs"));
    let own = [kind, node.to_str().unwrap(), script.to_str().unwrap(), "2"];
    Victim::of(Server::start(Path::new(&filter), &own))
}

/// As a tracer without CAP_SYS_ADMIN, which may not read filters.
fn without_admin(files: &Files, arguments: &[&str]) -> Run {
    let mut command = std::process::Command::new("setpriv");
    command.args(["--bounding-set=-sys_admin", "--inh-caps=-sys_admin", env!("CARGO_BIN_EXE_heapdowse")]);
    Run::of(command.args(arguments).current_dir(files.path()).output().unwrap())
}

#[test]
fn a_filter_that_allows_all_is_read_and_forked() {
    let files = Files::new();
    for kind in ["allow", "docker"] {
        let victim = filtered(kind);
        let answer = files.json(&["capture", &victim.pid().to_string(), "-o", kind, "--json"]);
        assert_eq!(answer["mode"], "fork", "{kind}: {answer}");
        victim.assert_unharmed(0);
        assert_eq!(ask(victim.port(), "/spawn").as_deref(), Ok("7"));
    }
}

#[test]
fn a_filter_that_forbids_the_fork_is_never_met() {
    let files = Files::new();
    for kind in ["kill", "errno"] {
        let victim = filtered(kind);
        let pid = victim.pid().to_string();
        let before = threads(victim.pid());
        let answer = files.json(&["capture", &pid, "-o", kind, "--json"]);
        assert_eq!(answer["mode"], "stop", "{kind}: {answer}");
        assert!(answer["mode_reason"].as_str().unwrap().contains("forbids clone"), "{answer}");
        files.run(&["capture", &pid, "-o", "x", "--mode", "fork"]).must_fail(4, "forbids clone");
        assert_eq!(threads(victim.pid()), before, "a thread was killed");
        victim.assert_unharmed(0);
    }
}

#[test]
fn dockers_profile_is_forked_on_trust() {
    let files = Files::new();
    let victim = filtered("docker");
    let pid = victim.pid().to_string();
    let run = without_admin(&files, &["capture", &pid, "-o", "a", "--json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(
        run.stdout.contains("\"mode\": \"stop\"") && run.stdout.contains("--trust-seccomp"),
        "{}",
        run.stdout
    );
    let run = without_admin(&files, &["capture", &pid, "-o", "b", "--json", "--trust-seccomp"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("\"mode\": \"fork\""), "{}", run.stdout);
    // Both in containers: the tracer has the profile too.
    let mut both = std::process::Command::new(compiled("filter"));
    both.args([
        "docker",
        env!("CARGO_BIN_EXE_heapdowse"),
        "capture",
        &pid,
        "-o",
        "c",
        "--json",
        "--trust-seccomp",
    ]);
    let run = Run::of(both.current_dir(files.path()).output().unwrap());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("\"mode\": \"fork\""), "{}", run.stdout);
    victim.assert_unharmed(0);
    assert_eq!(ask(victim.port(), "/spawn").as_deref(), Ok("7"));
}

/// An operator who trusts a filter that answers with an error has lost nothing.
#[test]
fn a_fork_that_is_refused_after_all_becomes_a_stop() {
    let files = Files::new();
    let victim = filtered("errno");
    let pid = victim.pid().to_string();
    let answer = files.json(&["capture", &pid, "-o", "a", "--json", "--trust-seccomp"]);
    assert_eq!(answer["mode"], "stop", "{answer}");
    assert!(answer["mode_reason"].as_str().unwrap().contains("clone failed"), "{answer}");
    victim.assert_unharmed(0);
}
