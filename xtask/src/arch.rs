//! `arch`: the rules of ARCHITECTURE.md that a program can check.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::arguments::Arguments;
use crate::shell::{cargo, output, root};

/// Which of our crates each of our crates may depend on. Tests may use the testing crates besides.
const MAY_USE: [(&str, &[&str]); 13] = [
    ("heap-graph", &[]),
    ("inspector", &[]),
    ("node-process", &[]),
    ("process-memory", &[]),
    ("process-capture", &["process-memory", "node-process"]),
    ("postmortem", &["process-memory", "heap-graph"]),
    ("leak-verdict", &["heap-graph"]),
    ("source-culprit", &["heap-graph"]),
    (
        "investigation",
        &[
            "heap-graph",
            "inspector",
            "node-process",
            "process-memory",
            "process-capture",
            "postmortem",
            "leak-verdict",
            "source-culprit",
        ],
    ),
    ("shell", &["investigation", "postmortem", "process-memory", "heap-graph"]),
    ("heapdowse", &["investigation", "shell"]),
    ("test-heaps", &[]),
    ("devtools-oracle", &["test-heaps"]),
];

/// Only tests may use these.
const TESTING: [&str; 2] = ["test-heaps", "devtools-oracle"];

/// heap-graph is bytes and graphs: no system, no async, no terminal, no compression.
const NOT_IN_HEAP_GRAPH: [&str; 8] =
    ["nix", "libc", "tokio", "memmap2", "flate2", "zstd", "clap", "indicatif"];

/// The same, for the standard library: the callers open files, read the environment and end the process.
const NOT_IN_HEAP_GRAPH_SOURCE: [&str; 5] = ["std::fs", "std::path", "std::env", "std::net", "std::process"];

/// process-capture makes its system calls in `door/` alone, where each is a fail point: a call that went past it would
/// be one at which no test kills us.
const CALLS: [&str; 11] = [
    "std::fs",
    "std::process",
    "std::net",
    "std::os::",
    "std::env::",
    "io::stdout",
    "thread::sleep",
    "libc::",
    "nix::",
    "rustix::",
    "node_process::",
];

/// Lines of a source file.
const LONGEST_FILE: usize = 600;

pub(crate) fn run(arguments: Arguments) -> Result<()> {
    arguments.finish()?;
    check()
}

/// Every rule; all that breaks one is named.
pub(crate) fn check() -> Result<()> {
    let mut broken = dependencies()?;
    for file in committed_files()? {
        broken.extend(file_rules(&file)?);
    }
    if broken.is_empty() {
        return Ok(());
    }
    bail!("{} rules are broken:\n  {}", broken.len(), broken.join("\n  "))
}

fn dependencies() -> Result<Vec<String>> {
    let metadata = output(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_slice(&metadata)?;
    let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    let ours: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut broken = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        if name == "xtask" {
            continue;
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(crate_name, _)| *crate_name == name) else {
            broken.push(format!("{name} has no row in the table of {}", file!()));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let wanted = dependency["name"].as_str().unwrap_or_default();
            let in_tests = dependency["kind"].as_str() == Some("dev");
            // The binary's tests look at processes themselves, to see whether it told the truth.
            let looks = name == "heapdowse" && wanted == "node-process";
            let in_table = allowed.contains(&wanted) || (in_tests && (TESTING.contains(&wanted) || looks));
            // The oracle's own test is where the engine and DevTools meet.
            let oracle = name == "devtools-oracle" && in_tests;
            if ours.contains(wanted) && !in_table && !oracle {
                broken.push(format!("{name} must not depend on {wanted}"));
            }
            if name == "heap-graph" && !in_tests && NOT_IN_HEAP_GRAPH.contains(&wanted) {
                broken.push(format!("heap-graph is bytes and graphs, it must not depend on {wanted}"));
            }
        }
    }
    Ok(broken)
}

/// The files that Git knows, and those that it would add.
fn committed_files() -> Result<Vec<String>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]).current_dir(root());
    let names = String::from_utf8(output(&mut git)?).context("a file name is not UTF-8")?;
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

fn file_rules(name: &str) -> Result<Vec<String>> {
    let path = root().join(name);
    // Removed but not yet committed as removed; a link leads to a file that is checked itself.
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let bytes = std::fs::read(&path).with_context(|| name.to_owned())?;
    let Ok(text) = String::from_utf8(bytes) else { return Ok(Vec::new()) };
    let mut broken = Vec::new();
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
    let lines = text.lines().count();
    if matches!(extension, Some("rs" | "ts" | "tsx" | "js" | "mjs" | "cjs")) && lines > LONGEST_FILE {
        broken.push(format!("{name} has {lines} lines; a file is one concept, {LONGEST_FILE} at most"));
    }
    if name.starts_with("crates/heap-graph/src/") {
        for (number, line) in text.lines().enumerate() {
            let used = NOT_IN_HEAP_GRAPH_SOURCE.iter().find(|module| line.contains(*module));
            if let Some(module) = used {
                broken.push(format!("{name}:{}: heap-graph knows no {module}", number + 1));
            }
        }
    }
    if let Some(within) =
        name.strip_prefix("crates/process-capture/src/").filter(|within| !within.starts_with("door/"))
    {
        // Tests look at processes by themselves.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            if let Some(call) = CALLS.iter().find(|call| line.contains(*call)) {
                broken.push(format!("{within}:{}: {call} goes past the door of process-capture", number + 1));
            }
        }
    }
    for word in forbidden_words() {
        if let Some(line) = text.lines().position(|line| line.contains(word)) {
            broken.push(format!("{name}:{}: must not name {word:?}", line + 1));
        }
    }
    Ok(broken)
}

/// Places of one machine, and hosts of registries. Put together here, so that this file does not name them.
fn forbidden_words() -> [&'static str; 6] {
    [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/fa", "rm/"),
        concat!("\"resolved\"", ": \"http"),
        concat!("registry.", "npmjs"),
        concat!("static.", "crates.io"),
    ]
}
