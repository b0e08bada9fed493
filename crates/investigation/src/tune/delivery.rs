//! How flags get to V8: by `NODE_OPTIONS` where Node.js takes them there, else on the command line behind `node`,
//! else by a preloaded script that sets them, where that is still in time.

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    process::{Command, Stdio},
};

use serde::Serialize;
use tempfile::TempDir;

use super::{candidates::Candidate, flag::Flag};
use crate::{
    explain::{self, V8Flag},
    run::RunOptions,
};

/// How flags are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// In the environment.
    NodeOptions,
    /// Behind `node`.
    CommandLine,
    /// By `v8.setFlagsFromString`, in a script that is loaded first.
    Preloaded,
}

impl Delivery {
    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NodeOptions => "in NODE_OPTIONS",
            Self::CommandLine => "on the command line, behind node",
            Self::Preloaded => "by v8.setFlagsFromString, in a script that is loaded first",
        }
    }
}

/// Gives flags to a program.
#[derive(Debug)]
pub(super) struct Deliverer {
    node: String,
    /// Whether `NODE_OPTIONS` takes a flag, by the flag as it is written.
    accepted: BTreeMap<String, bool>,
    scripts: TempDir,
}

impl Deliverer {
    /// For programs that this `node` runs.
    pub(super) fn new(node: String) -> io::Result<Self> {
        let scripts = tempfile::Builder::new().prefix("heapdowse-tune-").tempdir()?;
        Ok(Self { node, accepted: BTreeMap::new(), scripts })
    }

    /// The options of a run with a candidate's flags. `Err` says why that is not possible.
    pub(super) fn deliver(
        &mut self,
        candidate: &Candidate,
        options: &RunOptions,
    ) -> Result<(RunOptions, Delivery), String> {
        let flags = &candidate.flags;
        let has_node = is_node(&options.command);
        // What stands on the command line counts more than NODE_OPTIONS, so there it has to be replaced.
        let stands_there = has_node
            && given(&options.command).any(|own| flags.iter().any(|flag| Flag::parse(own).name == flag.name));
        let in_environment = flags.iter().all(|flag| self.takes(flag));
        let mut changed = options.clone();
        let delivery = if in_environment && !stands_there {
            add_node_options(&mut changed, &line(flags));
            Delivery::NodeOptions
        } else if has_node {
            let (node, rest) = options.command.split_at(1);
            let own = given(&options.command).count();
            let kept =
                rest[..own].iter().filter(|own| flags.iter().all(|flag| Flag::parse(own).name != flag.name));
            let ours = flags.iter().map(ToString::to_string);
            changed.command = node.iter().cloned().chain(kept.cloned()).chain(ours).collect();
            changed.command.extend_from_slice(&rest[own..]);
            Delivery::CommandLine
        } else if candidate.heeded_late {
            let script =
                self.script(flags).map_err(|error| format!("no script could be written: {error}"))?;
            add_node_options(&mut changed, &format!("--require \"{script}\""));
            Delivery::Preloaded
        } else {
            return Err(format!(
                "Node.js takes {} only on its command line, and the program is not started by node itself: name the \
                 node command that it comes to",
                line(flags)
            ));
        };
        Ok((changed, delivery))
    }

    /// Whether this node takes a flag in `NODE_OPTIONS`; it ends at once with an error if not.
    fn takes(&mut self, flag: &Flag) -> bool {
        let text = flag.to_string();
        let node = &self.node;
        *self.accepted.entry(text).or_insert_with_key(|text| {
            Command::new(node)
                .args(["-e", "0"])
                .env("NODE_OPTIONS", text)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        })
    }

    fn script(&self, flags: &[Flag]) -> io::Result<String> {
        let number = std::fs::read_dir(self.scripts.path())?.count();
        let path = self.scripts.path().join(format!("flags-{number}.cjs"));
        let calls: Vec<String> =
            flags.iter().map(|flag| format!("require('v8').setFlagsFromString('{flag}');\n")).collect();
        std::fs::write(&path, calls.concat())?;
        Ok(path.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// Flags as they are written in a line.
pub(super) fn line(flags: &[Flag]) -> String {
    flags.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Whether a command begins with Node.js itself.
pub(super) fn is_node(command: &[String]) -> bool {
    let name = command.first().and_then(|program| Path::new(program).file_name());
    name.is_some_and(|name| name == "node" || name == "nodejs")
}

/// The options between `node` and its script. A value that stands apart from its option ends them.
fn given(command: &[String]) -> impl Iterator<Item = &String> {
    command.iter().skip(1).take_while(|word| word.starts_with("--") && word.len() > 2)
}

/// Takes flags of V8's memory that this node does not have out of a command, with which it would not start.
pub(super) fn without_absent(command: &mut Vec<String>, here: &[V8Flag], version: &str) -> Vec<String> {
    if !is_node(command) || here.is_empty() {
        return Vec::new();
    }
    let absent = |word: &&String| {
        let flag = Flag::parse(word);
        explain::is_memory_flag(&flag.name) && !flag.exists_in(here)
    };
    let gone: Vec<String> = given(command).filter(absent).cloned().collect();
    command.retain(|word| !gone.contains(word));
    gone.iter().map(|word| format!("{word} is left out. {}", Flag::parse(word).absence(version))).collect()
}

fn add_node_options(options: &mut RunOptions, more: &str) {
    let given = options.environment.iter().rev().find(|(name, _)| name == "NODE_OPTIONS");
    let given = given.map(|(_, value)| value.clone()).or_else(|| std::env::var("NODE_OPTIONS").ok());
    // Of a flag that is there twice, the last counts.
    let value = given.map_or(more.to_owned(), |given| format!("{given} {more}"));
    options.environment.push(("NODE_OPTIONS".to_owned(), value));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(flags: &[&str], heeded_late: bool) -> Candidate {
        let flags = flags.iter().map(|flag| Flag::parse(flag)).collect();
        Candidate { name: "x".to_owned(), flags, purpose: String::new(), heeded_late }
    }

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    fn delivered(
        flags: &[&str],
        late: bool,
        command: &str,
    ) -> Result<(Vec<String>, String, Delivery), String> {
        let mut options = RunOptions::new(words(command));
        options.environment.push(("NODE_OPTIONS".to_owned(), "--trace-warnings".to_owned()));
        let mut deliverer = Deliverer::new("node".to_owned()).unwrap();
        let (options, delivery) = deliverer.deliver(&candidate(flags, late), &options)?;
        Ok((options.command, options.environment.last().unwrap().1.clone(), delivery))
    }

    #[test]
    fn each_way_is_taken_where_node_allows_it() {
        let (command, environment, delivery) =
            delivered(&["max-semi-space-size=32"], false, "npm start").unwrap();
        assert_eq!((command, delivery), (words("npm start"), Delivery::NodeOptions));
        assert_eq!(environment, "--trace-warnings --max-semi-space-size=32");

        let both = ["min-semi-space-size=32", "max-semi-space-size=32"];
        let (command, _, delivery) = delivered(&both, false, "/opt/node --title=x app.js --port=1").unwrap();
        assert_eq!(delivery, Delivery::CommandLine);
        let expected =
            "/opt/node --title=x --min-semi-space-size=32 --max-semi-space-size=32 app.js --port=1";
        assert_eq!(command, words(expected));

        let refused = delivered(&both, false, "npm start").unwrap_err();
        assert!(refused.contains("only on its command line"), "{refused}");
        let (_, environment, delivery) = delivered(&["no-memory-reducer"], true, "npm start").unwrap();
        assert_eq!(delivery, Delivery::Preloaded);
        assert!(environment.contains("--require"), "{environment}");
    }

    #[test]
    fn what_stands_on_the_command_line_is_replaced() {
        let command = "node --max_semi_space_size=2 --title=x app.js";
        let (command, _, delivery) = delivered(&["max-semi-space-size=32"], false, command).unwrap();
        assert_eq!(delivery, Delivery::CommandLine);
        assert_eq!(command, words("node --title=x --max-semi-space-size=32 app.js"));
    }

    #[test]
    fn flags_that_are_gone_are_taken_out_and_told() {
        let here = [V8Flag {
            name: "max-semi-space-size".to_owned(),
            description: String::new(),
            kind: "size_t".to_owned(),
            default: "0".to_owned(),
        }];
        let mut command = words(
            "node --experimental_new_space_growth_heuristic --max_semi_space_size=4 --inspect=0 app.js",
        );
        let said = without_absent(&mut command, &here, "v20.0.0");
        assert_eq!(command, words("node --max_semi_space_size=4 --inspect=0 app.js"));
        assert!(said.len() == 1 && said[0].contains("use --min-semi-space-size"), "{said:?}");
    }
}
