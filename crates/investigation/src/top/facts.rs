//! What a process was started with, and what that means for its limits and its inspector.

use node_process::SignalAction;
use serde::Serialize;

/// Where Node opens its inspector when nobody says where.
const USUAL_PORT: u16 = 9229;

/// Whether the inspector of a process is open or could be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Inspector {
    /// It is open on this port, as far as its options and ports tell.
    Open {
        /// The port.
        port: u16,
    },
    /// It is closed, and SIGUSR1 is caught: it can be opened.
    Closed,
    /// It cannot be opened from outside.
    NotAttachable {
        /// Why.
        reason: String,
    },
}

/// The options of Node itself: those before the script, and those in `NODE_OPTIONS`, with `-` for `_`.
pub(super) fn options(pid: u32, command_line: &[String]) -> Vec<String> {
    let environment = node_process::environment(pid, ["NODE_OPTIONS"]).unwrap_or_default();
    let [from_environment] = environment;
    let own = command_line.iter().skip(1).take_while(|word| word.starts_with('-'));
    // What comes later wins, and the command line comes after the environment.
    let environment = from_environment.unwrap_or_default();
    environment.split_whitespace().map(str::to_owned).chain(own.cloned()).map(|word| dashed(&word)).collect()
}

fn dashed(word: &str) -> String {
    let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    let name = name.replace('_', "-");
    value.map_or_else(|| name.clone(), |value| format!("{name}={value}"))
}

/// The limit of the old space, bytes.
pub(super) fn old_space_limit(options: &[String]) -> Option<u64> {
    let megabytes = options.iter().rev().find_map(|word| {
        word.strip_prefix("--max-old-space-size=")?.parse::<u64>().ok().filter(|&size| size > 0)
    })?;
    megabytes.checked_mul(1 << 20)
}

/// Judged without a signal and without a connection.
pub(super) fn inspector(pid: u32, options: &[String], ports: &[u16]) -> Inspector {
    let reason = |reason: &str| Inspector::NotAttachable { reason: reason.to_owned() };
    if let Some(port) = open_port(options, ports) {
        return Inspector::Open { port };
    }
    let has = |names: &[&str]| {
        options.iter().any(|word| names.contains(&word.split('=').next().unwrap_or(word.as_str())))
    };
    if has(&["--disable-sigusr1"]) {
        return reason("it was started with --disable-sigusr1");
    }
    if has(&["--permission", "--experimental-permission"]) {
        return reason("it was started with --permission, which keeps the inspector shut");
    }
    if options.iter().any(|word| word == "--heapsnapshot-signal=SIGUSR1") {
        return reason("SIGUSR1 makes it write a snapshot (--heapsnapshot-signal)");
    }
    match node_process::status(pid) {
        Ok(status) if matches!(status.state, 'T' | 't') => reason("it is stopped"),
        Ok(status) => match status.usr1 {
            SignalAction::Caught => Inspector::Closed,
            SignalAction::Ignored => reason("it ignores SIGUSR1"),
            SignalAction::Blocked | SignalAction::Ends => {
                reason("it is still starting, or SIGUSR1 is disabled")
            }
        },
        Err(error) => reason(&error.to_string()),
    }
}

/// The port that its options name, or the usual one, if it listens there.
fn open_port(options: &[String], ports: &[u16]) -> Option<u16> {
    let of_value = |value: &str| value.rsplit(':').next()?.parse::<u16>().ok();
    let named = options.iter().filter_map(|word| {
        let (name, value) = word.split_once('=')?;
        name.starts_with("--inspect").then(|| of_value(value))?
    });
    named.chain([USUAL_PORT]).find(|port| ports.contains(port))
}

/// The script without the folders that say nothing, or the title that a program gave itself.
#[must_use]
pub fn script_name(command_line: &[String]) -> String {
    let mut words = command_line.iter().skip(1);
    while let Some(word) = words.next() {
        if matches!(word.as_str(), "-r" | "--require" | "--import" | "--loader" | "-C" | "--conditions") {
            words.next();
        } else if matches!(word.as_str(), "-e" | "--eval" | "-p" | "--print" | "-pe") {
            return "(code in its command line)".to_owned();
        } else if !word.starts_with('-') {
            return shortened(word);
        }
    }
    match command_line {
        [] => "(unknown)".to_owned(),
        // A title is one word with spaces in it.
        [title, ..] if title.contains(' ') => title.clone(),
        _ => "(interactive)".to_owned(),
    }
}

/// The last two parts of a path; of a package's file, the package.
fn shortened(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if let Some(at) = parts.iter().rposition(|&part| part == "node_modules") {
        let inside = &parts[at + 1..];
        return match inside {
            [".bin", command, ..] => (*command).to_owned(),
            [scope, package, ..] if scope.starts_with('@') => format!("{scope}/{package}"),
            [package, ..] => (*package).to_owned(),
            [] => path.to_owned(),
        };
    }
    if parts.len() > 2 { parts[parts.len() - 2..].join("/") } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn scripts_are_named_shortly() {
        for (line, name) in [
            ("node server.js --port 3", "server.js"),
            ("node --require /x/y.js /srv/shop/src/server.js", "src/server.js"),
            ("/usr/bin/node --inspect /app/node_modules/@nestjs/cli/bin/nest.js start", "@nestjs/cli"),
            ("node /app/node_modules/.bin/next dev", "next"),
            ("node -e 1", "(code in its command line)"),
            ("node", "(interactive)"),
        ] {
            assert_eq!(script_name(&words(line)), name);
        }
        assert_eq!(script_name(&["npm start".to_owned()]), "npm start");
        assert_eq!(script_name(&[]), "(unknown)");
    }

    #[test]
    fn limits_are_taken_with_either_line() {
        let told = |line: &str| old_space_limit(&words(line).iter().map(|w| dashed(w)).collect::<Vec<_>>());
        assert_eq!(told("--max-old-space-size=64"), Some(64 << 20));
        assert_eq!(told("--max_old_space_size=64 --max-old-space-size=96"), Some(96 << 20));
        assert_eq!(told("--max-old-space-size=0"), None);
        assert_eq!(told("--max-old-space-size=99999999999999999999"), None);
    }

    #[test]
    fn an_open_inspector_is_known_by_its_port() {
        assert_eq!(open_port(&words("--inspect"), &[3000, 9229]), Some(9229));
        assert_eq!(open_port(&words("--inspect=0.0.0.0:7000"), &[3000, 7000]), Some(7000));
        assert_eq!(open_port(&words("--inspect-port=7001"), &[3000]), None);
    }
}
