//! `attach` to processes in containers: other mount, process and network namespaces, and system call filters.
//!
//! Needs root, as containers do. A machine without it fails these tests rather than passing them unseen.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use common::Files;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use serde_json::Value;
use test_heaps::nodes;
use test_heaps::server::{Server, programs};

/// The Node.js process in the namespaces that `unshare` has made; it ends with them.
fn inner(server: &Server) -> u32 {
    let children = format!("/proc/{0}/task/{0}/children", server.pid());
    fs::read_to_string(children).unwrap().trim().parse().unwrap()
}

#[test]
fn a_leak_in_a_container_is_found_with_the_containers_sources() {
    let files = Files::new();
    let node = nodes::binary(nodes::V22).unwrap();
    // Only the container has this program at this path, and beside it a source map.
    let (image, root) = (files.path().join("image"), files.path().join("root"));
    fs::create_dir_all(&image).unwrap();
    fs::create_dir_all(&root).unwrap();
    let program = fs::read_to_string(programs().join("restarted-shop.cjs")).unwrap();
    fs::write(image.join("shop.cjs"), program + "//# sourceMappingURL=shop.cjs.map\n").unwrap();
    // `const visits` is line 9 of what runs and line 1 of its original, the push is line 11 and line 3.
    let map = serde_json::json!({
        "version": 3, "file": "shop.cjs", "sources": ["shop.ts"], "names": [],
        "mappings": ";;;;;;;;AAAA;;AAEE",
        "sourcesContent": ["const visits: Visit[] = [];\n// Each request:\n  visits.push(new Visit(request.url));\n"],
    });
    fs::write(image.join("shop.cjs.map"), map.to_string()).unwrap();
    let shell = format!(
        "set -e; ip link set lo up; mount --make-rprivate /; mount --rbind / {root}; mkdir -p {root}/mnt; \
         mount -t tmpfs none {root}/mnt; mkdir {root}/mnt/app; mount --bind {image} {root}/mnt/app; \
         exec chroot {root} {node} --inspect-port=0 /mnt/app/shop.cjs",
        root = root.display(),
        image = image.display(),
        node = node.display()
    );
    let arguments = ["--mount", "--pid", "--net", "--fork", "--kill-child", "sh", "-c", &shell];
    let server = Server::start(Path::new("unshare"), &arguments);
    let pid = inner(&server);
    assert!(!Path::new("/mnt/app/shop.cjs").exists(), "the path must mean nothing out here");

    // The built-in load has to go into the container's network.
    let run = files.run(&[
        "attach",
        &pid.to_string(),
        "--url",
        "/",
        "--rounds",
        "9",
        "--requests",
        "499",
        "--json",
    ]);
    let answer: Value = serde_json::from_str(&run.stdout).expect(&run.stderr);
    assert_eq!(answer["verdict"], "leak", "{answer} {}", run.stderr);
    let suspect = &answer["suspects"][0];
    assert_eq!(suspect["owner"]["symbol"], "visits", "{suspect}");
    assert_eq!(suspect["owner"]["file"], "/mnt/app/shop.ts", "{suspect}");
    assert_eq!(suspect["added_at"]["line"], 3, "{suspect}");
    assert!(test_heaps::server::listening(pid).len() == 1, "the inspector is closed again");

    let dry = files.run(&["attach", &pid.to_string(), "--dry-run", "--json"]);
    let dry: Value = serde_json::from_str(&dry.stdout).unwrap();
    assert_eq!(dry["process"]["inner_pid"], 1, "{dry}");
    assert_eq!(dry["process"]["shares_network"], false, "{dry}");
}

#[test]
fn a_process_that_may_not_be_traced_is_attached_to_all_the_same() {
    let files = Files::new();
    // What the profiles of containers forbid.
    let server = confined("serves.cjs", "ptrace kill tgkill process_vm_readv process_vm_writev");
    let run = files.run(&["attach", &server.pid().to_string(), "--for", "6s", "--json"]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(answer["rounds"].as_array().unwrap().len(), 2, "{answer}");
    server.assert_closes_within(Duration::ZERO);
}

#[test]
fn a_process_that_may_not_listen_is_left_alone_with_the_reason() {
    let files = Files::new();
    let mut server = confined("idle.cjs", "listen bind");
    let run = files.run(&["attach", &server.pid().to_string(), "--for", "6s"]);
    run.assert_last(4, "system call filter (seccomp)");
    assert!(server.child.try_wait().unwrap().is_none(), "it lives on");
}

/// A program of the tests to which these system calls are denied.
fn confined(program: &str, denied: &str) -> Server {
    let launcher = std::env::current_exe().unwrap();
    let node = nodes::binary(nodes::V22).unwrap();
    let environment = [
        ("CONFINED_NODE", node.to_str().unwrap()),
        ("CONFINED_PROGRAM", program),
        ("CONFINED_DENIED", denied),
    ];
    Server::start_with(&launcher, &["--ignored", "--exact", "--nocapture", "launcher"], &environment)
}

/// Becomes the program that its environment names, under a filter.
#[test]
#[ignore = "started by the tests above, in a process of its own"]
fn launcher() {
    let named = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is given"));
    let number = |name: &str| match name {
        "ptrace" => nix::libc::SYS_ptrace,
        "kill" => nix::libc::SYS_kill,
        "tgkill" => nix::libc::SYS_tgkill,
        "process_vm_readv" => nix::libc::SYS_process_vm_readv,
        "process_vm_writev" => nix::libc::SYS_process_vm_writev,
        "listen" => nix::libc::SYS_listen,
        "bind" => nix::libc::SYS_bind,
        other => panic!("no number for {other}"),
    };
    let rules: BTreeMap<i64, _> =
        named("CONFINED_DENIED").split(' ').map(|name| (number(name), Vec::new())).collect();
    let deny = SeccompAction::Errno(u32::try_from(nix::libc::EPERM).unwrap());
    let filter =
        SeccompFilter::new(rules, SeccompAction::Allow, deny, std::env::consts::ARCH.try_into().unwrap());
    let program: BpfProgram = filter.unwrap().try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
    let node = named("CONFINED_NODE");
    panic!("{}", Command::new(node).args(["--inspect-port=0", &named("CONFINED_PROGRAM")]).exec());
}
