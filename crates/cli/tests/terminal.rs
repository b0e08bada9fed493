//! The program among others: pipes, colors, Ctrl-C, completions and manual pages.

mod common;

use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{Files, shop};

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let files = Files::new();
    files.write("a", &shop(20_000).to_bytes());
    for arguments in [&["nodes", "a"][..], &["nodes", "a", "--format", "jsonl"], &["classes", "a", "--json"]]
    {
        let mut command = files.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let mut first = [0; 1];
        stdout.read_exact(&mut first).unwrap();
        drop(stdout);
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{arguments:?}");
    }
}

#[test]
fn colors_are_for_terminals_and_those_who_ask() {
    let files = Files::new();
    files.write("a", &shop(20).to_bytes());
    let escape = '\u{1b}';
    assert!(!files.stdout(&["analyze", "a"]).contains(escape), "piped output is plain");
    assert!(files.stdout(&["analyze", "a", "--color", "always"]).contains(escape));
    assert!(!files.stdout(&["analyze", "a", "--color", "never"]).contains(escape));
    // `script` gives the program a terminal.
    let on_terminal = |name: &str, value: &str| {
        let program = env!("CARGO_BIN_EXE_heapdowse");
        let mut script = std::process::Command::new("script");
        script.args(["-qec", &format!("'{program}' analyze a --no-cache"), "/dev/null"]);
        script.current_dir(files.path()).env("TERM", "xterm").env_remove("NO_COLOR").env(name, value);
        let ended = script.stdin(Stdio::null()).output().expect("script(1) is installed");
        let text = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert!(text.contains("Suspects"), "{text}");
        text.contains(escape)
    };
    assert!(on_terminal("UNRELATED", "1"));
    assert!(!on_terminal("NO_COLOR", "1"));
    assert!(!on_terminal("TERM", "dumb"));
}

#[test]
fn an_interrupt_ends_it_with_130() {
    let files = Files::new();
    std::process::Command::new("mkfifo").arg(files.path().join("fifo")).status().unwrap();
    let mut command = files.command(&["classes", "fifo"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A writer that never ends.
    let mut pipe = std::fs::OpenOptions::new().write(true).open(files.path().join("fifo")).unwrap();
    std::io::Write::write_all(&mut pipe, b"{\"snapshot\":").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    let pid = nix::unistd::Pid::from_raw(child.id() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(ended.stdout.is_empty());
    drop(pipe);
}

#[test]
fn standard_input_is_read() {
    let files = Files::new();
    let path = files.write("a", &shop(20).to_bytes());
    let mut command = files.command(&["nodes", "-"]);
    let piped = command.stdin(std::fs::File::open(path).unwrap()).output().unwrap();
    assert_eq!(String::from_utf8(piped.stdout).unwrap(), files.stdout(&["nodes", "a"]));
}

#[test]
fn every_command_has_help_a_page_and_completions() {
    let files = Files::new();
    let help = files.stdout(&["--help"]);
    let listed = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    // A description may go on in a second line, further to the right.
    let named =
        listed.lines().filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
    let commands: Vec<&str> = named.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.len() > 10, "{commands:?}");
    files.stdout(&["man", "--out", "pages"]);
    for command in commands.iter().filter(|command| **command != "help") {
        let help = files.stdout(&[command, "--help"]);
        assert!(help.contains("Examples:"), "{command}: {help}");
        let page = files.path().join(format!("pages/heapdowse-{command}.1"));
        assert!(std::fs::read_to_string(page).unwrap().contains("Examples:"), "{command}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = files.stdout(&["completions", shell]);
        assert!(commands.iter().all(|command| script.contains(command)), "{shell}");
    }
}
