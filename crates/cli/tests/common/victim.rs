//! Processes that are captured, and what must hold of them afterwards. Nothing here uses the code under test.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::{
    io::{Read, Write},
    net::TcpStream,
    ops::Range,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use test_heaps::{nodes, server::Server};

/// A Node server with known objects in its heap.
pub(crate) struct Victim {
    pub(crate) server: Server,
    pid: u32,
    sum: String,
    /// The signals that each thread blocks.
    masks: Vec<(u32, String)>,
}

/// Where the programs of these tests lie.
pub(crate) fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs")
}

/// The Node that tests use where the version does not matter.
pub(crate) fn node() -> PathBuf {
    nodes::binary(nodes::V22).unwrap()
}

impl Victim {
    pub(crate) fn start(megabytes: u32) -> Self {
        Self::with(&node(), megabytes, &[])
    }

    pub(crate) fn with(node: &Path, megabytes: u32, environment: &[(&str, &str)]) -> Self {
        let program = programs().join("victim.cjs");
        let arguments = [program.to_str().unwrap(), &megabytes.to_string()];
        let server = Server::start_with(node, &arguments, environment);
        Self::of(server)
    }

    /// With flags of Node.
    pub(crate) fn with_flags(flags: &[&str], megabytes: u32) -> Self {
        let (program, megabytes) = (programs().join("victim.cjs"), megabytes.to_string());
        let arguments = [flags, &[program.to_str().unwrap(), &megabytes]].concat();
        Self::of(Server::start(&node(), &arguments))
    }

    pub(crate) fn of(server: Server) -> Self {
        let pid = server.pid();
        Self::inside(server, pid)
    }

    /// The same where the server is a child of what was started.
    pub(crate) fn inside(server: Server, pid: u32) -> Self {
        let sum = ask(server.port, "/").unwrap();
        let masks = threads(pid).into_iter().map(|thread| (thread, mask(pid, thread))).collect();
        Self { server, pid, sum, masks }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.port
    }

    /// It serves, its objects are as they were, nobody traces it, no thread is stopped, and of all children that it
    /// was given at most so many are left, as zombies.
    pub(crate) fn assert_unharmed(&self, zombies: usize) {
        let until = Instant::now() + Duration::from_secs(5);
        loop {
            let problem = self.problem(zombies);
            match problem {
                None => break,
                Some(problem) => assert!(Instant::now() < until, "{problem}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(ask(self.port(), "/").as_deref(), Ok(&*self.sum));
    }

    fn problem(&self, zombies: usize) -> Option<String> {
        for thread in threads(self.pid()) {
            let path = format!("/proc/{}/task/{thread}/status", self.pid());
            let Ok(status) = std::fs::read_to_string(&path) else { continue };
            if field(&status, "TracerPid") != "0" {
                return Some(format!("thread {thread} is traced"));
            }
            if field(&status, "State").starts_with(['t', 'T']) {
                return Some(format!("thread {thread} is stopped"));
            }
            let before = self.masks.iter().find(|(id, _)| *id == thread);
            if before.is_some_and(|(_, mask)| mask != field(&status, "SigBlk")) {
                return Some(format!("thread {thread} blocks other signals: {status}"));
            }
        }
        let children = children(self.pid());
        let dead = children.iter().filter(|child| state(**child) == Some('Z')).count();
        let alive = children.len() - dead;
        if alive > 0 || dead > zombies {
            return Some(format!("{alive} children live, {dead} are zombies: {children:?}"));
        }
        None
    }
}

fn mask(pid: u32, thread: u32) -> String {
    let status = std::fs::read_to_string(format!("/proc/{pid}/task/{thread}/status")).unwrap_or_default();
    field(&status, "SigBlk").to_owned()
}

/// The value of a line of `/proc/PID/status`.
pub(crate) fn field<'a>(status: &'a str, name: &str) -> &'a str {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.map_or("", str::trim)
}

/// The threads of a process.
pub(crate) fn threads(pid: u32) -> Vec<u32> {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    tasks.filter_map(|task| task.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// The children of all threads of a process, zombies too.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let of_thread =
        |thread| std::fs::read_to_string(format!("/proc/{pid}/task/{thread}/children")).unwrap_or_default();
    let words = threads(pid).into_iter().map(of_thread).collect::<Vec<_>>().join(" ");
    words.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// The state letter of a process.
pub(crate) fn state(pid: u32) -> Option<char> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    field(&status, "State").chars().next()
}

/// The mappings with a flag of the kernel's.
pub(crate) fn ranges_flagged(pid: u32, flag: &str) -> Vec<Range<u64>> {
    mappings(pid).into_iter().filter(|(_, flags)| has(flags, flag)).map(|(range, _)| range).collect()
}

/// Those of `ranges` that are still there, but have the flag no longer.
pub(crate) fn ranges_without(pid: u32, flag: &str, ranges: &[Range<u64>]) -> Vec<Range<u64>> {
    let now = mappings(pid);
    let lost = |range: &&Range<u64>| {
        now.iter().any(|(mapping, flags)| mapping.contains(&range.start) && !has(flags, flag))
    };
    ranges.iter().filter(lost).cloned().collect()
}

fn has(flags: &str, flag: &str) -> bool {
    flags.split_whitespace().any(|word| word == flag)
}

fn mappings(pid: u32) -> Vec<(Range<u64>, String)> {
    let smaps = std::fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap();
    let mut range = 0..0;
    let mut found = Vec::new();
    for line in smaps.lines() {
        let first = line.split(' ').next().and_then(|word| word.split_once('-'));
        let number = |text| u64::from_str_radix(text, 16).ok();
        if let Some((start, end)) = first.and_then(|(start, end)| Some((number(start)?, number(end)?))) {
            range = start..end;
        } else if let Some(flags) = line.strip_prefix("VmFlags:") {
            found.push((range.clone(), flags.to_owned()));
        }
    }
    found
}

/// One request; the body of the answer.
pub(crate) fn ask(port: u16, path: &str) -> Result<String, String> {
    let text = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(text)?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).map_err(text)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").map_err(text)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(text)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(chunks(head, body)),
        _ => Err(format!("{answer:?}")),
    }
}

fn chunks(head: &str, body: &str) -> String {
    if !head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        return body.to_owned();
    }
    body.split("\r\n").skip(1).step_by(2).collect::<Vec<_>>().concat()
}

/// Asks all the time, on one connection, and checks every answer.
pub(crate) struct Checker {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(u64, Duration, Vec<String>)>,
}

impl Checker {
    pub(crate) fn of(victim: &Victim) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, port, sum) = (stop.clone(), victim.port(), victim.sum.clone());
        let thread = std::thread::spawn(move || check(port, &sum, &stopped));
        Self { stop, thread }
    }

    /// How many answers there were, and the longest time between two of them. None may have been wrong.
    pub(crate) fn finish(self) -> (u64, Duration) {
        std::thread::sleep(Duration::from_millis(50));
        self.stop.store(true, Ordering::Relaxed);
        let (answers, gap, failures) = self.thread.join().unwrap();
        assert_eq!(failures, Vec::<String>::new());
        assert!(answers > 3, "{answers}");
        (answers, gap)
    }
}

fn check(port: u16, sum: &str, stopped: &AtomicBool) -> (u64, Duration, Vec<String>) {
    let (mut answers, mut gap, mut failures) = (0, Duration::ZERO, Vec::new());
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut before = Instant::now();
    let mut buffer = [0; 4096];
    while !stopped.load(Ordering::Relaxed) && failures.is_empty() {
        if let Err(error) = stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") {
            failures.push(error.to_string());
            break;
        }
        let mut answer = String::new();
        while !answer.contains(&format!("\r\n\r\n{sum}")) && answer.len() < 2000 {
            match stream.read(&mut buffer) {
                Ok(0) => {
                    failures.push(format!("it closed after {answer:?}"));
                    break;
                }
                Ok(length) => answer.push_str(&String::from_utf8_lossy(&buffer[..length])),
                Err(error) => {
                    failures.push(format!("{error} after {answer:?}"));
                    break;
                }
            }
        }
        answers += 1;
        gap = gap.max(before.elapsed());
        before = Instant::now();
        // Leaves the machine to others; the gaps that matter are longer.
        std::thread::sleep(Duration::from_millis(1));
    }
    (answers, gap, failures)
}

/// A program of these tests in C, compiled.
pub(crate) fn compiled(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let program = folder.join(format!("{name}-{}", std::process::id()));
    // Several tests of a file may want it at once.
    static COMPILING: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _alone = COMPILING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !program.is_file() {
        let source = programs().join(format!("{name}.c"));
        let mut cc = std::process::Command::new("cc");
        cc.args(["-O2", "-Wall", "-Werror", "-pthread", "-o"]).arg(&program).arg(source);
        assert!(cc.status().unwrap().success());
    }
    program
}
