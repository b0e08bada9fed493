//! A Node server that is asked all the time while something is done to it. Its ports are found without the code
//! that is under test.

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

/// A server; killed when dropped.
pub struct Server {
    /// The process.
    pub child: Child,
    /// The port it serves on.
    pub port: u16,
    /// What it printed on standard output after its port.
    pub printed: Arc<Mutex<String>>,
}

/// The programs of the tests of running processes.
pub fn programs() -> PathBuf {
    crate::cache::workspace().join("crates/investigation/tests/programs")
}

impl Server {
    /// Starts `node ARGUMENTS` and waits until it says `port NUMBER`.
    pub fn start(node: &Path, arguments: &[&str]) -> Self {
        Self::start_with(node, arguments, &[])
    }

    /// The same with more environment.
    pub fn start_with(node: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(node)
            .args(arguments)
            .envs(environment.iter().copied())
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

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its listening ports other than its own one.
    pub fn inspectors(&self) -> Vec<u16> {
        let mut ports = listening(self.pid());
        ports.retain(|&port| port != self.port);
        ports
    }

    /// Fails unless its inspector is closed by then.
    pub fn assert_closes_within(&self, patience: Duration) {
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
pub struct Client {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    thread: JoinHandle<Vec<String>>,
}

impl Client {
    /// Begins.
    pub fn of(server: &Server) -> Self {
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
    pub fn finish(self) -> u64 {
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

/// One request.
pub fn get(port: u16, path: &str) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(text)?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).map_err(text)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").map_err(text)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(text)?;
    if answer.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(format!("{answer:?}")) }
}

/// The TCP ports that a process listens on.
pub fn listening(pid: u32) -> Vec<u16> {
    let Ok(files) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    let links = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    let sockets: Vec<String> = links.map(|link| link.to_string_lossy().into_owned()).collect();
    let mut ports = Vec::new();
    for table in ["tcp", "tcp6"] {
        let text = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for row in text.lines().skip(1) {
            let fields: Vec<&str> = row.split_whitespace().collect();
            let [_, local, _, "0A", _, _, _, _, _, inode, ..] = fields[..] else { continue };
            if sockets.contains(&format!("socket:[{inode}]"))
                && let Some(port) = local.rsplit(':').next().and_then(|hex| u16::from_str_radix(hex, 16).ok())
            {
                ports.push(port);
            }
        }
    }
    ports
}
