//! The live pages on a terminal of their own, on real processes; and recordings that outlive a kill.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_heapdowse");
/// What gives the terminal back: the main screen, and the cursor.
const RESTORED: &str = "\u{1b}[?1049l";

/// Processes told to open their inspectors at the same time get in each other's way: one test at a time.
static ONE: Mutex<()> = Mutex::new(());

/// A Node.js program that makes garbage and keeps some of it; ended when dropped.
struct Target(Child, #[allow(dead_code, reason = "held, not read")] MutexGuard<'static, ()>);

impl Target {
    fn start() -> Target {
        let alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let code = "const kept = []; setInterval(() => { for (let i = 0; i < 2000; i++) kept[i % 500] = \
            { text: 'x'.repeat(i) + i, list: new Array(50).fill(i) }; }, 5); console.log('up')";
        let child = Command::new("node")
            .args(["--max-semi-space-size=1", "-e", code])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = child.unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "up\n");
        Target(child, alone)
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    fn lives(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    fn inspector_is_open(&self) -> bool {
        node_process::listening_ports([self.pid()]).iter().any(|port| port.loopback().is_loopback())
    }

    fn wait_until_closed(&self, patience: Duration) {
        let begun = Instant::now();
        while self.inspector_is_open() {
            assert!(begun.elapsed() < patience, "the inspector of {} stays open", self.pid());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program on a terminal of its own; `keys` are typed at their times.
fn on_terminal(arguments: &str, keys: &[(u64, &str)]) -> String {
    let command = format!("stty rows 30 cols 110; '{PROGRAM}' {arguments}; echo \"ended with $?\"");
    let mut script = Command::new("script");
    script.args(["-qec", &command, "/dev/null"]).env("TERM", "xterm-256color").env_remove("CI");
    let mut child =
        script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script(1) is installed");
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stdout.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    });
    for (milliseconds, key) in keys {
        std::thread::sleep(Duration::from_millis(*milliseconds));
        stdin.write_all(key.as_bytes()).unwrap();
        stdin.flush().unwrap();
    }
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > Duration::from_secs(30) {
            let _ = child.kill();
            panic!("it does not end: {}", reader.join().unwrap());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    reader.join().unwrap()
}

/// All that was written, without escapes and blanks: only what changes is drawn, so that words come in pieces.
fn letters(shown: &str) -> String {
    let mut letters = String::new();
    let mut pieces = shown.split('\u{1b}');
    letters.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let end = piece.find(|c: char| c.is_ascii_alphabetic()).map_or(piece.len(), |end| end + 1);
        letters.push_str(&piece[end..]);
    }
    letters.retain(|c| !c.is_whitespace());
    letters
}

#[test]
fn top_lists_sorts_and_gives_the_terminal_back() {
    let target = Target::start();
    for leave in ["q", "\u{3}", "\u{1b}"] {
        let shown = on_terminal("top", &[(1500, "p"), (300, "\u{1b}[B"), (300, leave)]);
        let all = letters(&shown);
        assert!(all.contains("heapdowsetop") && all.contains(&target.pid().to_string()), "{all}");
        assert!(all.contains("(codein"), "{all}");
        let end = shown.rfind(RESTORED).expect("the main screen comes back");
        assert!(shown[end..].contains("ended with 0"), "{}", &shown[end..]);
    }
    assert!(!target.inspector_is_open());
}

#[test]
fn watch_shows_a_process_and_leaves_it_as_it_was() {
    let mut target = Target::start();
    for leave in ["q", "\u{3}"] {
        let shown = on_terminal(&format!("watch {}", target.pid()), &[(4000, "\u{1b}[C"), (500, leave)]);
        let all = letters(&shown);
        for part in ["RSS,MB", "JavaScriptheap,MB", "isforced,", "collections"] {
            assert!(all.contains(part), "{part}: {all}");
        }
        let end = shown.rfind(RESTORED).expect("the main screen comes back");
        assert!(shown[end..].contains("ended with"), "{}", &shown[end..]);
        target.wait_until_closed(Duration::from_secs(2));
        assert!(target.lives());
    }
}

#[test]
fn classes_that_grow_are_named_and_nothing_is_collected_for_it() {
    let _alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.heapdowse");
    // Tickets are kept, receipts are not; nobody but the program itself collects.
    let code = "class Ticket { constructor(i) { this.i = i; this.of = {}; } } class Receipt { a = 1; } \
        const kept = []; setInterval(() => { for (let i = 0; i < 9; i++) { kept.push(new Ticket(i)); \
        globalThis.last = new Receipt(); } }, 5); console.log('up')";
    let trace = std::fs::File::create(folder.path().join("trace")).unwrap();
    let mut target = Command::new("node").args(["--trace-gc", "-e", code]).stdout(trace).spawn().unwrap();
    let mut watch = Command::new(PROGRAM)
        .args(["watch", &target.id().to_string(), "--no-ui", "--classes-every", "2s", "-o"])
        .arg(&path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let recorded = || std::fs::read_to_string(&path).unwrap_or_default();
    while !recorded().contains("Ticket +") && begun.elapsed() < Duration::from_secs(90) {
        std::thread::sleep(Duration::from_millis(100));
    }
    let ours = nix::unistd::Pid::from_raw(watch.id().try_into().unwrap());
    nix::sys::signal::kill(ours, nix::sys::signal::Signal::SIGINT).unwrap();
    watch.wait().unwrap();
    let lives = target.try_wait().unwrap().is_none();
    target.kill().unwrap();
    target.wait().unwrap();
    assert!(lives);
    let text = recorded();
    let counts: Vec<&str> = text.lines().filter(|line| line.contains("\"kind\":\"classes\"")).collect();
    assert!(
        counts.last().is_some_and(|line| line.contains("Ticket +") && line.contains("stood still")),
        "{text}"
    );
    assert!(!counts.iter().any(|line| line.contains("Receipt")), "{counts:?}");
    let report = text.lines().last().unwrap();
    assert!(report.contains("classes that grow: ") && report.contains("Ticket +"), "{report}");
    // In V8's own trace the inspector's collections are a "low memory notification", those of `global.gc` "testing".
    let collected = std::fs::read_to_string(folder.path().join("trace")).unwrap();
    assert!(!collected.contains("testing") && !collected.contains("low memory"), "{collected}");
}

#[test]
fn a_recording_outlives_our_kill_and_the_target_goes_on() {
    let mut target = Target::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.heapdowse");
    let pid = target.pid().to_string();
    let mut watch = Command::new(PROGRAM)
        .args(["watch", &pid, "--no-ui", "--interval", "100ms", "-o"])
        .arg(&path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let seen = heap_samples_come(&path, 10);
    watch.kill().unwrap();
    watch.wait().unwrap();
    assert!(seen, "{}", std::fs::read_to_string(&path).unwrap_or_default());
    let report = Command::new(PROGRAM).arg("report").arg(&path).arg("--json").output().unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
    let samples = answer["timeline"]["samples"].as_array().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let whole = text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n') && line.contains("\"record\":\"sample\""));
    assert_eq!(samples.len(), whole.count(), "every whole sample is read");
    assert_eq!(answer["watched"]["pid"], target.pid());
    assert!(answer["warnings"][0].as_str().unwrap().contains("without its report"), "{}", answer["warnings"]);
    target.wait_until_closed(Duration::from_secs(12));
    assert!(target.lives());
}

#[test]
fn a_process_that_cannot_be_attached_to_is_watched_from_outside_until_it_ends() {
    let code = "process.on('SIGUSR1', () => {}); setTimeout(() => {}, 6000)";
    let mut target =
        Command::new("node").args(["--heapsnapshot-signal=SIGUSR1", "-e", code]).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(700));
    let ended =
        Command::new(PROGRAM).args(["watch", &target.id().to_string(), "--json", "--for", "40s"]).output();
    let begun = Instant::now();
    target.wait().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "watching ended with the process, not before or after");
    let answer: serde_json::Value = serde_json::from_slice(&ended.unwrap().stdout).unwrap();
    let warnings = answer["warnings"].to_string();
    assert!(warnings.contains("from outside only"), "{warnings}");
    assert!(answer["timeline"]["samples"].as_array().unwrap().len() > 3);
}

#[test]
fn a_target_that_is_killed_ends_the_watch_with_a_whole_recording() {
    let mut target = Target::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.heapdowse");
    let pid = target.pid().to_string();
    let watch = Command::new(PROGRAM)
        .args(["watch", &pid, "--json", "--interval", "100ms", "-o"])
        .arg(&path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let seen = heap_samples_come(&path, 5);
    target.0.kill().unwrap();
    target.0.wait().unwrap();
    let ended = watch.wait_with_output().unwrap();
    assert!(seen, "{}", std::fs::read_to_string(&path).unwrap_or_default());
    let answer: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert!(answer["ended_by_itself"].is_string(), "{answer}");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.lines().last().unwrap().starts_with(r#"{"record":"report""#));
    let page = folder.path().join("a.html");
    Command::new(PROGRAM).arg("report").arg(&path).arg("--html").arg(&page).output().unwrap();
    assert!(std::fs::read_to_string(page).unwrap().contains("class=\"heap\""));
}

/// Waits until the recording has samples of the heap; false if they don't come.
fn heap_samples_come(path: &Path, count: usize) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        if std::fs::read_to_string(path).unwrap_or_default().matches("\"heap_used\"").count() >= count {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}
