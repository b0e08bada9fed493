//! Snapshots of real programs: each does some of its work, then V8 writes its heap.

use std::path::PathBuf;
use std::process::Command;

use crate::cache::{cache_dir, fingerprint, produce_once};
use crate::error::{SetupError, run};
use crate::{nodes, npm};

/// A program whose heap is worth comparing.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Its folder in `testing/real-programs`.
    pub name: &'static str,
    /// The Node version that it is compared on: each program on another.
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
pub const ALL: [Program; 5] = [
    program!("koa", nodes::V18),
    program!("express", nodes::V20),
    program!("vite", nodes::V22),
    program!("typescript", nodes::V24),
    program!("webpack", nodes::V26),
];

/// The snapshot of a program by its name, on a Node version, from the cache.
pub fn snapshot(name: &str, version: &str) -> Result<PathBuf, SetupError> {
    let Some(program) = ALL.iter().find(|program| program.name == name) else {
        return Err(SetupError::Unexpected(format!("there is no program {name}")));
    };
    let contents = program.files.map(|(_, contents)| contents);
    let file = format!("{name}-node-{version}-{}.heapsnapshot", fingerprint(&contents));
    produce_once(&cache_dir().join("fixtures").join(file), |file| {
        let folder = npm::project(&cache_dir().join("real-programs"), name, &program.files)?;
        run(Command::new(nodes::binary(version)?)
            .arg("driver.mjs")
            .arg(file)
            .current_dir(folder)
            .env("NODE_ENV", "production"))?;
        if file.is_file() {
            return Ok(());
        }
        Err(SetupError::Unexpected(format!("{name} ended without a snapshot")))
    })
}
