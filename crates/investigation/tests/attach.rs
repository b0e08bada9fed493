//! Attaching to real processes that go on serving.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use investigation::attach::{AttachError, AttachEvent, AttachOptions, connect};
use test_heaps::nodes;
use test_heaps::server::{Client, Server, get};

/// Options without a guardian, and what was told.
fn options() -> (AttachOptions, Arc<Mutex<Vec<AttachEvent>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let into = told.clone();
    (AttachOptions::new(None, Arc::new(move |event| into.lock().unwrap().push(event.clone()))), told)
}

fn node() -> std::path::PathBuf {
    nodes::binary(nodes::V20).unwrap()
}

/// Attaches, reads, takes a floor, detaches; the server must serve throughout and be as before at the end.
fn attach_and_leave(node: &Path, program: &str) {
    let server = Server::start(node, &["--inspect-port=0", program]);
    let client = Client::of(&server);
    let (options, told) = options();
    let mut attached = connect(server.pid(), &options).unwrap();
    assert_eq!(attached.process().pid, server.pid());
    let first = attached.read().unwrap();
    assert!(
        first.requests_counted && first.heap_used > 1 << 20 && first.resident > first.heap_used,
        "{first:?}"
    );
    assert!(first.spaces.iter().any(|space| space.name == "old_space" && space.used > 0));
    assert!(first.heap_limit.unwrap() > 100 << 20 && first.heap_statistics["used_heap_size"] > 0.0);
    let floor = attached.floor().unwrap();
    assert!(floor.collections >= 2 && floor.heap_used <= floor.heap_before + (1 << 20), "{floor:?}");
    assert!(attached.wait(Duration::from_millis(600)));
    let second = attached.read().unwrap();
    assert!(second.requests > first.requests, "the client asks all the time: {second:?}");
    assert!(second.collections.iter().filter(|collection| collection.is_major()).count() >= 2, "{second:?}");
    assert!(second.collections.iter().any(|collection| collection.used_after.is_some()));
    assert!(second.event_loop.is_some());
    assert_eq!(
        second.resources.get("TCPServerWrap").or(second.resources.get("TCPSERVERWRAP")),
        Some(&1),
        "{second:?}"
    );
    let third = attached.read().unwrap();
    assert!(third.collections.len() < second.collections.len(), "collections are told once");
    attached.detach();
    server.assert_closes_within(Duration::ZERO);
    assert!(matches!(told.lock().unwrap().last(), Some(AttachEvent::Closed { .. })), "{told:?}");
    // It can be done again, so nothing is left behind.
    connect(server.pid(), &options).unwrap().detach();
    server.assert_closes_within(Duration::ZERO);
    client.finish();
    assert_eq!(*server.printed.lock().unwrap(), "");
}

#[test]
fn node_18_to_26_in_both_module_systems() {
    for version in nodes::SUPPORTED {
        let node = nodes::binary(version).unwrap();
        for program in ["serves.cjs", "serves.mjs"] {
            println!("{version} {program}");
            attach_and_leave(&node, program);
        }
    }
}

/// Telling of each would cost a process that collects all the time too much, but no full one is missed.
#[test]
fn of_very_many_collections_only_the_full_ones_are_all_told() {
    for version in nodes::SUPPORTED {
        let node = nodes::binary(version).unwrap();
        let server = Server::start(&node, &["--inspect-port=0", "--expose-gc", "serves.cjs"]);
        let (options, _) = options();
        let mut attached = connect(server.pid(), &options).unwrap();
        get(server.port, "/churn").unwrap();
        // Whatever was told in that second, in the next one some are told again.
        std::thread::sleep(Duration::from_millis(1100));
        get(server.port, "/churn").unwrap();
        let reading = attached.read().unwrap();
        type Collections = Vec<investigation::attach::Collection>;
        let (full, others): (Collections, Collections) =
            reading.collections.iter().partition(|gc| gc.is_major());
        assert!((1..150).contains(&others.len()), "{version}: {others:?}");
        assert!(reading.rested_ms > 0.0, "{version}");
        assert!(full.iter().any(|gc| gc.used_after.is_some() && !gc.forced), "{version}: {full:?}");
        assert!(full.len() <= 4, "{version}: scavenges are taken for full collections: {full:?}");

        // Those of a floor are all told, with their pauses.
        let floor = attached.floor().unwrap();
        let told = attached.read().unwrap().collections;
        let forced: Vec<_> = told.iter().filter(|gc| gc.forced && gc.pause_ms.is_some()).collect();
        assert!(forced.len() >= floor.collections as usize, "{version}: {floor:?}, {told:?}");
        attached.detach();
        server.assert_closes_within(Duration::ZERO);
    }
}

#[test]
fn an_inspector_that_is_open_stays_open() {
    let server = Server::start(&node(), &["--inspect=127.0.0.1:0", "serves.cjs"]);
    let before = server.inspectors();
    assert_eq!(before.len(), 1);
    let (options, told) = options();
    connect(server.pid(), &options).unwrap().detach();
    assert_eq!(server.inspectors(), before);
    let told = told.lock().unwrap();
    assert!(matches!(told[0], AttachEvent::Connected { opened: false, .. }), "{told:?}");
    assert!(matches!(told[1], AttachEvent::Left { .. }), "{told:?}");
}

#[test]
fn what_the_signal_is_not_for_is_not_signalled() {
    let (mut options, told) = options();
    let server = Server::start(&node(), &["--heapsnapshot-signal=SIGUSR1", "serves.cjs"]);
    let error = connect(server.pid(), &options).err().unwrap();
    assert!(error.to_string().contains("--heapsnapshot-signal"), "{error}");

    let disabled = Server::start(&nodes::binary(nodes::V24).unwrap(), &["--disable-sigusr1", "serves.cjs"]);
    let error = connect(disabled.pid(), &options).err().unwrap();
    assert!(error.to_string().contains("--disable-sigusr1"), "{error}");

    let error = connect(std::process::id(), &options).err().unwrap();
    assert!(matches!(error, AttachError::NotNode { .. }), "{error}");
    let error = connect(u32::MAX - 7, &options).err().unwrap();
    assert!(error.to_string().contains("does not exist"), "{error}");
    assert!(told.lock().unwrap().is_empty(), "nobody was signalled");

    options.patience = Duration::from_secs(2);
    let own = Server::start_with(&node(), &["--inspect-port=0", "serves.cjs"], &[("OWN", "1")]);
    let error = connect(own.pid(), &options).err().unwrap();
    assert!(matches!(error, AttachError::NoInspector { .. }), "{error}");
    assert!(error.to_string().contains("--inspect=127.0.0.1:0"), "{error}");
    for mut server in [server, disabled, own] {
        assert!(server.child.try_wait().unwrap().is_none(), "it lives on");
    }
}

#[test]
fn a_port_that_is_taken_is_seen_before_the_signal() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let server = Server::start(&node(), &[&format!("--inspect-port={port}"), "serves.cjs"]);
    let (options, told) = options();
    let error = connect(server.pid(), &options).err().unwrap();
    assert!(matches!(error, AttachError::PortTaken { .. }), "{error}");
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    assert!(told.lock().unwrap().is_empty());
}

#[test]
fn a_target_that_is_stopped_blocked_or_killed() {
    let (options, told) = options();
    let mut server = Server::start(&node(), &["--inspect-port=0", "serves.cjs"]);
    let signal =
        |signal| nix::sys::signal::kill(nix::unistd::Pid::from_raw(server.pid() as i32), signal).unwrap();
    signal(nix::sys::signal::Signal::SIGSTOP);
    std::thread::sleep(Duration::from_millis(50));
    assert!(matches!(connect(server.pid(), &options), Err(AttachError::Stopped { .. })));
    signal(nix::sys::signal::Signal::SIGCONT);

    // Blocked for five seconds: V8 opens the inspector in between, or after that.
    let port = server.port;
    let blocked = std::thread::spawn(move || get(port, "/block/5000"));
    std::thread::sleep(Duration::from_millis(200));
    let mut attached = connect(server.pid(), &options).unwrap();
    attached.read().unwrap();
    attached.detach();
    blocked.join().unwrap().unwrap();
    server.assert_closes_within(Duration::from_secs(10));

    let mut attached = connect(server.pid(), &options).unwrap();
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    assert!(attached.read().unwrap_err().is_closed());
    assert!(!attached.wait(Duration::from_secs(5)));
    told.lock().unwrap().clear();
    attached.detach();
    assert!(told.lock().unwrap().is_empty(), "there is nothing to tell of a process that is gone");
}

#[test]
fn two_at_once_share_the_inspector_and_the_last_one_closes_it() {
    let server = Server::start(&node(), &["--inspect-port=0", "serves.cjs"]);
    let (options, _) = options();
    let first = connect(server.pid(), &options).unwrap();
    // The port is found by the option or because it is told; a random one is found after a signal without effect.
    let port = server.inspectors()[0];
    let mut second = connect(server.pid(), &options).unwrap();
    assert_eq!(server.inspectors(), [port]);
    std::thread::scope(|scope| {
        let leaving = scope.spawn(|| first.detach());
        leaving.join().unwrap();
    });
    second.read().unwrap();
    second.detach();
    server.assert_closes_within(Duration::from_secs(5));
}

#[test]
fn a_worker_is_seen_and_has_a_heap_of_its_own() {
    let server = Server::start_with(&node(), &["--inspect-port=0", "serves.cjs"], &[("WORKER", "1")]);
    let (options, _) = options();
    let mut attached = connect(server.pid(), &options).unwrap();
    let workers = attached.workers().unwrap();
    assert_eq!(workers.len(), 1, "{workers:?}");
    let floor = attached.worker_floor(&workers[0]).unwrap();
    assert!(floor > 500_000 && floor < attached.floor().unwrap().heap_used * 2, "{floor}");
    let (mut main, mut worker) = (Vec::new(), Vec::new());
    attached.snapshot(Some(&workers[0]), &mut worker, &mut |_| {}).unwrap();
    attached.snapshot(None, &mut main, &mut |_| {}).unwrap();
    attached.detach();
    let has = |bytes: &[u8], name: &str| String::from_utf8_lossy(bytes).contains(&format!("\"{name}\""));
    assert!(has(&worker, "OnlyInWorker") && !has(&main, "OnlyInWorker"));
    for bytes in [&worker, &main] {
        let end = String::from_utf8_lossy(&bytes[bytes.len() - 40..]).into_owned();
        assert!(end.trim_end().ends_with("]}"), "{} bytes, {end}", bytes.len());
    }
    server.assert_closes_within(Duration::ZERO);
}

#[test]
fn several_processes_take_turns_on_one_port() {
    // They were all told the same port; the guest moves each inspector away for the next one.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let argument = format!("--inspect-port={port}");
    let servers: Vec<Server> = (0..3).map(|_| Server::start(&node(), &[&argument, "serves.cjs"])).collect();
    let (mut options, _) = options();
    options.several = true;
    let mut attached: Vec<_> =
        servers.iter().map(|server| connect(server.pid(), &options).unwrap()).collect();
    for (server, attached) in servers.iter().zip(&mut attached) {
        attached.read().unwrap();
        assert_eq!(server.inspectors().len(), 1);
        assert_ne!(server.inspectors(), [port]);
    }
    attached.into_iter().for_each(investigation::attach::Attached::detach);
    for server in &servers {
        server.assert_closes_within(Duration::ZERO);
    }
    // The port that they were told is theirs again.
    options.several = false;
    let again = connect(servers[0].pid(), &options).unwrap();
    assert_eq!(servers[0].inspectors(), [port]);
    again.detach();
}
