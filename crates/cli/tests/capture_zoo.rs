//! Captured again and again: a program with threads in a dozen system calls, wide registers and signals; and a server
//! under load. `HEAPDOWSE_SOAK=1` does it 300 times.

mod common;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use common::{
    Files,
    victim::{Checker, Victim, ask, children, compiled, ranges_flagged, ranges_without, threads},
};

fn soak() -> bool {
    std::env::var_os("HEAPDOWSE_SOAK").is_some()
}

struct Zoo {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Zoo {
    fn start() -> Self {
        let mut command = Command::new(compiled("zoo"));
        if std::fs::read_to_string("/proc/cpuinfo").unwrap().contains(" avx ") {
            command.env("WIDE", "1");
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut zoo = Self { child, input, output };
        assert_eq!(zoo.line(), "ready");
        zoo
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// What each thread counted: names, and numbers between slashes.
    fn counts(&mut self) -> BTreeMap<String, Vec<u64>> {
        writeln!(self.input).unwrap();
        let line = self.line();
        let numbers = |text: &str| text.split('/').map(|number| number.parse().unwrap()).collect();
        line.split(' ')
            .filter_map(|word| word.split_once('='))
            .map(|(name, n)| (name.to_owned(), numbers(n)))
            .collect()
    }
}

impl Drop for Zoo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Real-time signals queue, so none may be lost; they are sent while captures go on.
fn sender(pid: u32, signals: u32) -> Child {
    let script = format!("i=0; while [ $i -lt {signals} ]; do kill -35 {pid}; i=$((i+1)); sleep 0.004; done");
    Command::new("bash").args(["-c", &script]).spawn().unwrap()
}

#[test]
fn nothing_is_lost_and_nothing_is_wrong() {
    let files = Files::new();
    let mut zoo = Zoo::start();
    let pid = zoo.child.id();
    let all = threads(pid).len();
    let captures = if soak() { 300 } else { 40 };
    let signals = captures * 12;
    let mut sender = sender(pid, signals);
    let mut forks = 0;
    for round in 0..captures {
        // Mostly forks; the other way must do no harm either.
        let mode = if round % 8 == 7 { "stop" } else { "auto" };
        let answer =
            files.json(&["capture", &pid.to_string(), "-o", "core", "--force", "--json", "--mode", mode]);
        forks += usize::from(answer["mode"] == "fork");
        assert_eq!(answer["warnings"].as_array().map(Vec::len), Some(0), "{answer}");
    }
    assert!(forks as u32 * 10 >= captures * 8, "{forks} forks of {captures}");
    sender.wait().unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let counts = zoo.counts();
    eprintln!("{counts:?}");
    assert_eq!(counts["signals"], [u64::from(signals)]);
    if let [wrong, rounds] = counts["wide"][..] {
        assert!(wrong == 0 && (rounds > 10 || std::env::var_os("WIDE").is_none()), "{counts:?}");
    }
    for (name, numbers) in &counts {
        if let [interrupted, wrong, rounds] = numbers[..] {
            // Nobody ever writes to the pipe of `read`.
            assert!(wrong == 0 && (rounds > 50 || name == "read"), "{name}: {counts:?}");
            // The kernel restarts these by itself after a stop (signal(7)); a handler of a signal ends some of them.
            if ["futex", "sem", "cond", "read"].contains(&name.as_str()) {
                assert!(interrupted <= u64::from(signals), "{name}: {counts:?}");
            }
        }
    }
    assert!((all - 1..=all + 1).contains(&threads(pid).len()));
    assert_eq!(children(pid), Vec::<u32>::new());
}

fn resident(pid: u32) -> u64 {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

fn descriptors(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

#[test]
fn a_server_under_load_loses_and_gains_nothing() {
    let files = Files::new();
    let victim = Victim::start(20);
    let pid = victim.pid();
    let warm = Checker::of(&victim);
    std::thread::sleep(Duration::from_secs(1));
    warm.finish();
    let checker = Checker::of(&victim);
    std::thread::sleep(Duration::from_millis(100));
    let before = (descriptors(pid), threads(pid).len());
    let memory = resident(pid);
    let captures = if soak() { 300 } else { 25 };
    for round in 0..captures {
        // The other work of the server goes on, too.
        if round % 5 == 0 {
            assert_eq!(ask(victim.port(), "/work").as_deref(), Ok("worked"));
        }
        let unforkable = ranges_flagged(pid, "dc");
        let answer = files.json(&["capture", &pid.to_string(), "-o", "core", "--force", "--json"]);
        assert_eq!(answer["mode"], "fork", "{round}: {answer}");
        // V8 gives pages back and takes others meanwhile; those that are still there are as they were.
        assert!(unforkable.len() > 50, "{unforkable:?}");
        assert_eq!(ranges_without(pid, "dc", &unforkable), [], "{round}");
        assert_eq!(answer["warnings"].as_array().map(Vec::len), Some(0), "{answer}");
    }
    assert_eq!((descriptors(pid), threads(pid).len()), before);
    let (answers, gap) = checker.finish();
    eprintln!("{captures} captures, {answers} answers, longest gap {gap:?}");
    victim.assert_unharmed(0);
    assert!(resident(pid) < memory + (40 << 20), "{memory} bytes before, {} now", resident(pid));
    assert_eq!(ask(victim.port(), "/spawn").as_deref(), Ok("7"));
    assert_eq!(children(pid), Vec::<u32>::new());
}
