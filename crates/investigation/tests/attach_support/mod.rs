//! A Node server that is asked all the time while something is done to it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use investigation::attach::{AttachEvent, AttachOptions};

/// A server; killed when dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) port: u16,
    pub(crate) printed: Arc<Mutex<String>>,
}

pub(crate) fn programs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/programs")
}

impl Server {
    /// Starts `node ARGUMENTS` and waits until it says `port NUMBER`.
    pub(crate) fn start(node: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(node)
            .args(arguments)
            .current_dir(programs())
            .env_remove("NODE_OPTIONS")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next().expect("the server says its port").unwrap();
            if let Some(port) = line.strip_prefix("port ") {
                break port.parse().unwrap();
            }
        };
        let printed = Arc::new(Mutex::new(String::new()));
        let into = printed.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                into.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Self { child, port, printed }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its listening ports other than its own one.
    pub(crate) fn inspectors(&self) -> Vec<u16> {
        let ports = node_process::listening_ports([self.pid()]);
        ports.iter().map(|port| port.port).filter(|&port| port != self.port).collect()
    }

    pub(crate) fn assert_closes_within(&self, patience: Duration) {
        let begun = Instant::now();
        while !self.inspectors().is_empty() {
            assert!(begun.elapsed() < patience, "the inspector is still open after {patience:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks a server again and again, and counts.
pub(crate) struct Client {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    thread: JoinHandle<Vec<String>>,
}

impl Client {
    pub(crate) fn of(server: &Server) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, count, port) = (stop.clone(), answered.clone(), server.port);
        let thread = std::thread::spawn(move || {
            let mut failures = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                match ask(port) {
                    Ok(()) => drop(count.fetch_add(1, Ordering::Relaxed)),
                    Err(error) => failures.push(error),
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            failures
        });
        Self { stop, answered, thread }
    }

    /// Waits for a few more answers, and then says how many there were in all. None may have failed.
    pub(crate) fn finish(self) -> u64 {
        let before = self.answered.load(Ordering::Relaxed);
        let begun = Instant::now();
        while self.answered.load(Ordering::Relaxed) < before + 3 && begun.elapsed() < Duration::from_secs(20)
        {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.stop.store(true, Ordering::Relaxed);
        let failures = self.thread.join().unwrap();
        assert_eq!(failures, Vec::<String>::new());
        let answered = self.answered.load(Ordering::Relaxed);
        assert!(answered >= before + 3, "the target serves no more");
        answered
    }
}

fn ask(port: u16) -> Result<(), String> {
    get(port, "/")
}

pub(crate) fn get(port: u16, path: &str) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(text)?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).map_err(text)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").map_err(text)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(text)?;
    if answer.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(format!("{answer:?}")) }
}

/// Options without a guardian, and what was told.
pub(crate) fn options() -> (AttachOptions, Arc<Mutex<Vec<AttachEvent>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let into = told.clone();
    (AttachOptions::new(None, Arc::new(move |event| into.lock().unwrap().push(event.clone()))), told)
}
