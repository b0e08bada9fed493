//! Snapshots of real programs: each does some of its work, then V8 writes its heap.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cache::{cache_dir, fingerprint, produce_once, workspace};
use crate::error::{SetupError, run};
use crate::{nodes, npm};

/// A program whose heap is worth comparing.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Its folder in `testing/real-programs`.
    pub name: &'static str,
    /// The Node version that it is compared on: every version has its program.
    pub node: &'static str,
    files: [(&'static str, &'static str); 3],
}

macro_rules! program {
    ($name:literal, $node:expr) => {
        Program {
            name: $name,
            node: $node,
            files: [
                ("package.json", include_str!(concat!("../../real-programs/", $name, "/package.json"))),
                (
                    "package-lock.json",
                    include_str!(concat!("../../real-programs/", $name, "/package-lock.json")),
                ),
                ("driver.mjs", include_str!(concat!("../../real-programs/", $name, "/driver.mjs"))),
            ],
        }
    };
}

/// The programs.
pub const ALL: [Program; 6] = [
    program!("koa", nodes::V18),
    program!("express", nodes::V20),
    program!("vite", nodes::V22),
    program!("typescript", nodes::V24),
    program!("webpack", nodes::V26),
    program!("sockets", nodes::V22),
];

/// The snapshot of a program by its name, on a Node version, from the cache.
pub fn snapshot(name: &str, version: &str) -> Result<PathBuf, SetupError> {
    let program = named(name)?;
    let file = format!("{name}-node-{version}-{}.heapsnapshot", program.fingerprint());
    produce_once(&cache_dir().join("fixtures").join(file), |file| {
        run(program.command(version)?.arg("driver.mjs").arg(file))?;
        if file.is_file() {
            return Ok(());
        }
        Err(SetupError::Unexpected(format!("{name} ended without a snapshot")))
    })
}

/// A program that holds where it would write its heap: `before` or `behind` that (in `file`). It
/// says `ready`, and goes on when its standard input ends.
pub fn holding(name: &str, version: &str, hold: &str, file: &Path) -> Result<Command, SetupError> {
    let mut command = named(name)?.command(version)?;
    command.arg("--require").arg(workspace().join("testing/test-heaps/fixtures/postmortem/hold.cjs"));
    command.arg("driver.mjs").arg(file).env("HOLD", hold);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    Ok(command)
}

fn named(name: &str) -> Result<&'static Program, SetupError> {
    let program = ALL.iter().find(|program| program.name == name);
    program.ok_or_else(|| SetupError::Unexpected(format!("there is no program {name}")))
}

impl Program {
    /// Changes with its files.
    pub(crate) fn fingerprint(&self) -> String {
        fingerprint(&self.files.map(|(_, contents)| contents))
    }

    /// Node in the program's folder, with its packages installed.
    fn command(&self, version: &str) -> Result<Command, SetupError> {
        let folder = npm::project(&cache_dir().join("real-programs"), self.name, &self.files)?;
        let node = nodes::binary(version)?;
        let node = std::fs::canonicalize(&node).map_err(SetupError::file(&node))?;
        let mut command = Command::new(node);
        command.current_dir(folder).env("NODE_ENV", "production");
        Ok(command)
    }
}
