//! One process: its command line, its parent, whether it runs and whether it is Node.js.

use crate::error::{ProcError, read_bytes, read_text};

/// The fields of `/proc/PID/stat` that are used here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// The process.
    pub pid: u32,
    /// The kernel's short name of it (at most 15 bytes, may contain spaces and brackets).
    pub name: String,
    /// `R`, `S`, `D`, `Z` (a zombie: ended, not yet waited for), ...
    pub state: char,
    /// The parent process.
    pub parent: u32,
    /// The process group.
    pub group: u32,
    /// When it was started, in clock ticks since the machine was.
    pub started: u64,
}

/// Reads `/proc/PID/stat`.
///
/// # Errors
/// When the process is gone or the file is not in the documented form.
pub fn stat(pid: u32) -> Result<Stat, ProcError> {
    let text = read_text(pid, "stat")?;
    parse_stat(&text).ok_or(ProcError::Malformed {
        path: format!("/proc/{pid}/stat"),
        expected: "`pid (name) state ppid pgrp ...`",
    })
}

/// The name may hold spaces and brackets, so it ends at the *last* closing bracket.
fn parse_stat(text: &str) -> Option<Stat> {
    let open = text.find('(')?;
    let close = text.rfind(')')?;
    let mut rest = text.get(close + 1..)?.split_ascii_whitespace();
    Some(Stat {
        pid: text[..open].trim().parse().ok()?,
        name: text.get(open + 1..close)?.to_owned(),
        state: rest.next()?.chars().next()?,
        parent: rest.next()?.parse().ok()?,
        group: rest.next()?.parse().ok()?,
        // Field 22; the group was field 5.
        started: rest.nth(16)?.parse().ok()?,
    })
}

/// The arguments the process was started with (empty for a zombie or a kernel thread).
///
/// # Errors
/// When the process is gone or its command line cannot be read.
pub fn command_line(pid: u32) -> Result<Vec<String>, ProcError> {
    Ok(parse_command_line(&read_bytes(pid, "cmdline")?))
}

fn parse_command_line(bytes: &[u8]) -> Vec<String> {
    let Some(bytes) = bytes.strip_suffix(b"\0") else {
        // A program that rewrites its title (npm does: `npm start`) leaves plain text here.
        let title = String::from_utf8_lossy(bytes).trim().to_owned();
        return if title.is_empty() { Vec::new() } else { vec![title] };
    };
    // A rewritten title is padded with NULs up to the old length.
    let end = bytes.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
    if end == 0 {
        return Vec::new();
    }
    bytes[..end].split(|&b| b == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// Whether the process exists and still runs: a zombie has ended.
#[must_use]
pub fn is_alive(pid: u32) -> bool {
    stat(pid).is_ok_and(|stat| !matches!(stat.state, 'Z' | 'X'))
}

/// Whether the executable of the process is Node.js, by its file name.
///
/// A process whose executable cannot be read (another user's) is judged by its command line.
#[must_use]
pub fn is_node(pid: u32) -> bool {
    let executable = std::fs::read_link(format!("/proc/{pid}/exe")).ok();
    let name = executable.as_deref().and_then(|path| path.file_name()).and_then(|name| name.to_str());
    match name {
        Some(name) => is_node_name(name),
        None => command_line(pid)
            .ok()
            .and_then(|words| words.first().map(|word| is_node_name(word.rsplit('/').next().unwrap_or(word))))
            .unwrap_or(false),
    }
}

/// `node`, `nodejs`, `node-20`, `node20.1`, and `node (deleted)` after an upgrade under a running process.
fn is_node_name(name: &str) -> bool {
    let name = name.strip_suffix(" (deleted)").unwrap_or(name);
    let rest = name.strip_prefix("nodejs").or_else(|| name.strip_prefix("node"));
    rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '_')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_survives_brackets_and_spaces_in_the_name() {
        let stat = parse_stat(
            "4242 (odd ) name (x) S 17 4242 4242 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 11 0 98765 1000",
        )
        .unwrap();
        assert_eq!(stat.started, 98765);
        assert_eq!(stat.name, "odd ) name (x");
        assert_eq!((stat.pid, stat.state, stat.parent, stat.group), (4242, 'S', 17, 4242));
    }

    #[test]
    fn stat_without_a_parent_is_no_answer() {
        assert_eq!(parse_stat("4242 (node) S"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn command_lines_keep_empty_arguments_and_drop_padding() {
        assert_eq!(parse_command_line(b"node\0\0app.js\0"), ["node", "", "app.js"]);
        assert_eq!(parse_command_line(b"npm start\0\0\0\0"), ["npm start"]);
        assert_eq!(parse_command_line(b"npm start"), ["npm start"]);
        assert!(parse_command_line(b"").is_empty());
    }

    #[test]
    fn node_names() {
        for name in ["node", "nodejs", "node-22", "node18.20", "node (deleted)"] {
            assert!(is_node_name(name), "{name}");
        }
        for name in ["nodemon", "node_exporter", "deno", "python3"] {
            assert!(!is_node_name(name), "{name}");
        }
    }

    #[test]
    fn this_process_is_alive_and_no_node() {
        let me = std::process::id();
        assert!(is_alive(me));
        assert!(!is_node(me));
        assert_eq!(stat(me).unwrap().pid, me);
        assert!(!command_line(me).unwrap().is_empty());
    }

    #[test]
    fn a_zombie_is_not_alive() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        // Not waited for yet, so it stays a zombie once it has ended.
        while is_alive(pid) {
            std::thread::yield_now();
        }
        assert_eq!(stat(pid).unwrap().state, 'Z');
        child.wait().unwrap();
        assert!(matches!(stat(pid), Err(ProcError::Gone { .. })));
    }
}
