//! What a node binary says of its flags and its heap.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

/// What is asked of it: in JSON, about a process that has just begun.
const QUESTION: &str = "const v8 = require('v8');
    const spaces = {};
    for (const space of v8.getHeapSpaceStatistics()) spaces[space.space_name] = space.space_size;
    console.log(JSON.stringify({ version: process.version, numbers: { ...spaces, ...v8.getHeapStatistics() } }));";

/// What a node binary says of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeNumbers {
    /// Its version.
    pub version: String,
    /// Fields of `v8.getHeapStatistics()`, and committed bytes of each heap space, right after the start; and
    /// `max_semi_space`, the bytes that one of new space's halves can grow to.
    pub numbers: BTreeMap<String, f64>,
}

/// A flag as `node --v8-options` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct V8Flag {
    /// Its name, with dashes between the words.
    pub name: String,
    /// V8's line about it.
    pub description: String,
    /// `bool`, `int`, `size_t`, ...
    pub kind: String,
    /// Its default, as V8 writes it.
    pub default: String,
}

/// The version and heap of a node binary, or `None` if it can't be run.
pub(super) fn numbers(node: &str) -> Option<NodeNumbers> {
    let mut numbers: NodeNumbers = serde_json::from_str(&output(node, &["-e", QUESTION])?).ok()?;
    // New space has only begun to grow in a process that has just started: its size says nothing of its limit.
    let largest = max_semi_space(node).map(|bytes| ("max_semi_space".to_owned(), bytes as f64));
    numbers.numbers.extend(largest);
    Some(numbers)
}

/// The version of a node binary, or `None` if it can't be run.
pub(crate) fn version(node: &str) -> Option<String> {
    output(node, &["--version"]).map(|text| text.trim().to_owned())
}

/// How large a semi-space can become when no flag says so, in bytes: V8 adds three of them to the limit of old
/// space, and a given limit of old space leaves the rest of that sum.
pub(crate) fn max_semi_space(node: &str) -> Option<u64> {
    const OLD_SPACE_MB: u64 = 100;
    let flag = format!("--max-old-space-size={OLD_SPACE_MB}");
    let limit = output(node, &[&flag, "-p", "require('v8').getHeapStatistics().heap_size_limit"])?;
    let rest = limit.trim().parse::<u64>().ok()?.checked_sub(OLD_SPACE_MB << 20)?;
    Some(rest / 3).filter(|&bytes| bytes > 0)
}

/// All flags of V8 in a node binary, or `None` if it can't be run.
#[must_use]
pub fn v8_flags(node: &str) -> Option<Vec<V8Flag>> {
    Some(parse(&output(node, &["--v8-options"])?))
}

fn output(node: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(node)
        .args(arguments)
        .env_remove("NODE_OPTIONS")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    String::from_utf8(output.stdout).ok().filter(|_| output.status.success())
}

/// `  --name (description)` and below it `        type: bool  default: --no-name`.
fn parse(text: &str) -> Vec<V8Flag> {
    let mut flags: Vec<V8Flag> = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if let Some((name, rest)) = line.strip_prefix("--").and_then(|rest| rest.split_once(" (")) {
            let description = rest.strip_suffix(')').unwrap_or(rest).to_owned();
            let name = super::normal(name);
            flags.push(V8Flag { name, description, kind: String::new(), default: String::new() });
        } else if let (Some(rest), Some(flag)) = (line.strip_prefix("type: "), flags.last_mut()) {
            let (kind, default) = rest.split_once("default: ").unwrap_or((rest, ""));
            flag.kind = kind.trim().to_owned();
            flag.default = default_value(&flag.name, default.trim());
        }
    }
    flags
}

/// Newer versions write `--no-name` and `--name=8`, older ones `false` and `8`.
fn default_value(name: &str, text: &str) -> String {
    let plain = super::normal(text);
    match text.split_once('=') {
        Some((_, value)) if plain == name => value.to_owned(),
        None if plain == name => "true".to_owned(),
        None if plain == format!("no-{name}") => "false".to_owned(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_defaults_are_read() {
        let text = "Options:\n  --trace_gc (print one trace line)\n        type: bool  default: false\n  \
            --max-semi-space-size (max size (in MBytes))\n        type: size_t  default: --max-semi-space-size=0\n  \
            --memory-reducer (use it)\n        type: bool  default: --memory-reducer\n  --compact (do)\n        \
            type: bool  default: --no-compact\n";
        let flags = parse(text);
        let defaults: Vec<(&str, &str)> =
            flags.iter().map(|flag| (flag.name.as_str(), flag.default.as_str())).collect();
        let expected = [
            ("trace-gc", "false"),
            ("max-semi-space-size", "0"),
            ("memory-reducer", "true"),
            ("compact", "false"),
        ];
        assert_eq!(defaults, expected);
        assert_eq!(flags[1].description, "max size (in MBytes)");
    }
}
