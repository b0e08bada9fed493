//! The client against a real Node.js process.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use inspector::{InspectorError, Session, list_targets, pipe};

/// A Node process with an inspector on a free port; killed when dropped.
struct Node {
    child: Child,
    address: String,
}

impl Node {
    fn run(script: &str) -> Self {
        let mut child = Command::new("node")
            .args(["--inspect=127.0.0.1:0", "-e", &format!("{script}; globalThis.ready = true;")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("node is on the PATH");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines
            .find_map(|line| {
                let line = line.unwrap();
                let rest = line.strip_prefix("Debugger listening on ws://")?;
                Some(rest.split('/').next().unwrap().to_owned())
            })
            .expect("node says where its inspector listens");
        // The rest must be read, or the target could block on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        stream
    }

    fn session(&self, cancel: Arc<AtomicBool>) -> Session<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let targets = list_targets(&mut stream, &self.address).unwrap();
        let url = targets[0].web_socket_url.clone().expect("nobody else is connected");
        let mut session = Session::open(self.connect(), &url, cancel).unwrap();
        // The inspector listens before the program has run.
        while !session.evaluate::<bool>("globalThis.ready === true").unwrap() {
            std::thread::sleep(Duration::from_millis(20));
        }
        session
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const KEEP: &str = "globalThis.kept = []; class Parcel { constructor(i) { this.label = 'parcel ü\\n\"' + i; } } \
     for (let i = 0; i < 5000; i++) kept.push(new Parcel(i)); setInterval(() => {}, 1000);";

#[test]
fn statistics_and_expressions() {
    let node = Node::run(KEEP);
    let mut session = node.session(Arc::default());
    session.collect_garbage().unwrap();
    let usage = session.heap_usage().unwrap();
    assert!(usage.used_size > 1e6 && usage.total_size >= usage.used_size, "{usage:?}");
    assert_eq!(session.evaluate::<u32>("kept.length").unwrap(), 5000);
    let thrown = session.evaluate::<u32>("(() => { throw new Error('on purpose') })()").unwrap_err();
    assert!(thrown.to_string().contains("on purpose"), "{thrown}");
    let refused = session.call::<serde_json::Value>("Nothing.atAll", serde_json::json!({})).unwrap_err();
    assert!(matches!(refused, InspectorError::Refused { .. }), "{refused}");
}

#[test]
fn a_snapshot_streams_through_the_pipe() {
    let node = Node::run(KEEP);
    let mut session = node.session(Arc::default());
    let (mut writer, mut reader) = pipe(1 << 20);
    let thread = std::thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).map(|_| text)
    });
    let mut reports = 0;
    let bytes = session.take_heap_snapshot(&mut writer, &mut |_| reports += 1).unwrap();
    writer.finish().unwrap();
    let text = thread.join().unwrap().unwrap();
    assert_eq!(text.len() as u64, bytes);
    assert!(reports > 0);
    let whole: serde_json::Value = serde_json::from_str(&text).expect("a snapshot is JSON");
    let strings = whole["strings"].as_array().unwrap();
    assert!(strings.iter().any(|s| s == "Parcel"));
    assert!(strings.iter().any(|s| s.as_str().is_some_and(|s| s.contains("ü\n\""))));
    let fields = whole["snapshot"]["meta"]["node_fields"].as_array().unwrap().len();
    let count = whole["snapshot"]["node_count"].as_u64().unwrap() as usize;
    assert_eq!(whole["nodes"].as_array().unwrap().len(), fields * count);
}

#[test]
fn a_sink_that_fails_leaves_the_session_in_order() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let node = Node::run(KEEP);
    let mut session = node.session(Arc::default());
    let error = session.take_heap_snapshot(&mut Full, &mut |_| {}).unwrap_err();
    assert!(matches!(error, InspectorError::Sink(_)), "{error}");
    assert_eq!(session.evaluate::<u32>("1 + 1").unwrap(), 2);
}

#[test]
fn sources_come_with_the_number_of_their_script() {
    let node = Node::run(
        "const { Script } = require('vm'); globalThis.s = new Script('function named() { debugger; return 7 }\\n//# sourceMappingURL=x.map', { filename: 'made-up.js' }); s.runInThisContext(); setInterval(() => {}, 1000)",
    );
    let mut session = node.session(Arc::default());
    session.enable_debugger().unwrap();
    let script = session.scripts().iter().find(|script| script.url == "made-up.js").unwrap().clone();
    assert_eq!(script.source_map_url, "x.map");
    assert!(session.script_source(script.script_id).unwrap().starts_with("function named()"));
    assert_eq!(session.evaluate::<u32>("named()").unwrap(), 7, "a debugger statement does not stop it");
}

#[test]
fn a_program_that_ended_says_so_and_waits_for_us() {
    let node = Node::run("setTimeout(() => {}, 1500)");
    let mut session = node.session(Arc::default());
    session.notify_when_ended().unwrap();
    while !session.is_waiting_for_disconnect() {
        assert!(session.pump(Duration::from_millis(100)).unwrap(), "it closed before it told us");
    }
    let error = session.collect_garbage().unwrap_err();
    assert!(matches!(error, InspectorError::Ended { .. }) && error.is_closed(), "{error}");
    session.close();
    let mut node = node;
    assert!(node.child.wait().unwrap().success());
}

#[test]
fn a_target_that_dies_is_a_clear_error() {
    let mut node = Node::run(KEEP);
    let mut session = node.session(Arc::default());
    node.child.kill().unwrap();
    node.child.wait().unwrap();
    let error = session.heap_usage().unwrap_err();
    assert!(error.is_closed(), "{error}");
}

#[test]
fn a_target_that_stands_still_runs_into_the_deadline_and_can_be_cancelled() {
    let node = Node::run(KEEP);
    let cancel = Arc::new(AtomicBool::new(false));
    let mut session = node.session(cancel.clone());
    // A busy loop would not do: V8 answers in the middle of it.
    let stopped = Command::new("kill").args(["-STOP", &node.child.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    session.set_patience(Duration::from_millis(300));
    let error = session.evaluate::<u32>("1").unwrap_err();
    assert!(matches!(error, InspectorError::Timeout { .. }), "{error}");
    session.set_patience(Duration::from_secs(60));
    cancel.store(true, Ordering::Relaxed);
    let error = session.evaluate::<u32>("1").unwrap_err();
    assert!(matches!(error, InspectorError::Cancelled { .. }), "{error}");
}
