//! The other tools, and how each is asked for the same work.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use devtools_oracle::Oracle;
use test_heaps::{cache_dir, npm};

use super::Contender;
use crate::shell::{cargo, root, run};

/// A tool that does what heapdowse does, or nearly.
pub(super) struct Peer {
    name: String,
    /// Words of the command; `{file}` is replaced.
    load: Vec<String>,
    /// `{before}` and `{after}` are replaced; none for tools that have no difference.
    diff: Option<Vec<String>>,
}

impl Peer {
    /// A tool that is installed elsewhere: `NAME=LOAD` or `NAME=LOAD;DIFF`, commands with `{file}`, and with
    /// `{before}` and `{after}`, in them, as words.
    pub(super) fn external(text: &str) -> Result<Self> {
        let (name, commands) = text.split_once('=').context("--peer NAME=LOAD;DIFF")?;
        let words = |command: &str| command.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let (load, diff) = match commands.split_once(';') {
            Some((load, diff)) => (words(load), Some(words(diff))),
            None => (words(commands), None),
        };
        let has = |command: &[String], place: &str| command.iter().any(|word| word.contains(place));
        ensure!(has(&load, "{file}"), "--peer {name}: no {{file}} in {load:?}");
        if let Some(diff) = &diff {
            let both = has(diff, "{before}") && has(diff, "{after}");
            ensure!(both, "--peer {name}: no {{before}} and {{after}} in {diff:?}");
        }
        Ok(Self { name: name.to_owned(), load, diff })
    }

    pub(super) fn load(&self, file: &Path) -> Option<Contender> {
        let file = file.display().to_string();
        let words = self.load.iter().map(|word| word.replace("{file}", &file));
        Some(Contender::new(&self.name, words.collect()))
    }

    pub(super) fn diff(&self, before: &Path, after: &Path) -> Option<Contender> {
        let (before, after) = (before.display().to_string(), after.display().to_string());
        let words = self.diff.as_ref()?.iter();
        let words = words.map(|word| word.replace("{before}", &before).replace("{after}", &after));
        Some(Contender::new(&self.name, words.collect()))
    }
}

const MEMLAB: [(&str, &str); 3] = [
    ("package.json", include_str!("../../../testing/peers/memlab/package.json")),
    ("package-lock.json", include_str!("../../../testing/peers/memlab/package-lock.json")),
    ("classes.cjs", include_str!("../../../testing/peers/memlab/classes.cjs")),
];

/// Every peer that can be had from a package registry.
pub(super) fn all() -> Result<Vec<Peer>> {
    let oracle = Oracle::prepare(&cache_dir())?;
    let words = |line: &[&str]| line.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let script = oracle.script().display().to_string();
    let node = ["node", "--max-old-space-size=14000"];
    let memlab = npm::project(&cache_dir(), "memlab", &MEMLAB)?.join("classes.cjs").display().to_string();
    let rust = rust_peers()?.display().to_string();
    Ok(vec![
        Peer {
            name: "Chrome DevTools".to_owned(),
            load: words(&[node[0], node[1], &script, "bench", "{file}"]),
            diff: Some(words(&[node[0], node[1], &script, "bench-diff", "{before}", "{after}"])),
        },
        Peer {
            name: "v8-heap-parser 1.1.0".to_owned(),
            load: words(&[&rust, "v8-heap-parser", "{file}"]),
            diff: None,
        },
        Peer {
            name: "memlab 2.0.5".to_owned(),
            load: words(&[node[0], node[1], &memlab, "{file}"]),
            diff: None,
        },
    ])
}

/// The program of `testing/peers`, a workspace of its own: what it needs must not reach ours.
pub(super) fn rust_peers() -> Result<PathBuf> {
    let folder = root().join("testing").join("peers");
    let target = cache_dir().join("peers");
    let mut build = cargo(&["build", "--quiet", "--release"]);
    build.current_dir(folder).env("CARGO_TARGET_DIR", &target);
    run(&mut build).context("the peers written in Rust cannot be built")?;
    Ok(target.join("release").join("peers"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Peer;

    #[test]
    fn a_peer_may_have_a_command_for_differences() {
        let peer =
            Peer::external("other 1.0=tool sum {file};tool diff {after} {before}").expect("two commands");
        let load = peer.load(Path::new("a.heapsnapshot")).expect("a load");
        assert_eq!(
            (load.name.as_str(), load.command.join(" ").as_str()),
            ("other 1.0", "tool sum a.heapsnapshot")
        );
        let diff = peer.diff(Path::new("a"), Path::new("b")).expect("a difference");
        assert_eq!(diff.command, ["tool", "diff", "b", "a"]);
        let alone = Peer::external("other=tool {file}").expect("one command");
        assert!(alone.diff(Path::new("a"), Path::new("b")).is_none());
        for wrong in ["other", "other=tool", "other=tool {file};tool {before}"] {
            assert!(Peer::external(wrong).is_err(), "{wrong}");
        }
    }
}
