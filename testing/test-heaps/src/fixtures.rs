//! Snapshots of a generated program, written by real Node versions.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::{cache_dir, fingerprint, produce_once};
use crate::error::{SetupError, run};
use crate::nodes;

const GENERATOR: [(&str, &str); 4] = [
    ("make-heap.mjs", include_str!("../fixtures/make-heap.mjs")),
    ("classes.mjs", include_str!("../fixtures/classes.mjs")),
    ("random.mjs", include_str!("../fixtures/random.mjs")),
    ("tenant.mjs", include_str!("../fixtures/tenant.mjs")),
];

/// The generator takes two snapshots of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// After the warm-up.
    First,
    /// After planted leaks grew and planted objects were freed.
    Second,
}

/// The snapshot file of a Node version, of about `megabytes` (7 is the least), from the cache.
pub fn snapshot(version: &str, megabytes: u32, which: Which) -> Result<PathBuf, SetupError> {
    let folder = pair(version, megabytes)?;
    Ok(folder.join(match which {
        Which::First => "first.heapsnapshot",
        Which::Second => "second.heapsnapshot",
    }))
}

/// What the generator said about the pair: times, and the exact class-count differences that it planted.
pub fn facts(version: &str, megabytes: u32) -> Result<String, SetupError> {
    let path = pair(version, megabytes)?.join("facts.json");
    fs::read_to_string(&path).map_err(SetupError::file(&path))
}

fn pair(version: &str, megabytes: u32) -> Result<PathBuf, SetupError> {
    let fixtures = cache_dir().join("fixtures");
    let folder = fixtures.join(format!("node-{version}-{megabytes}mb-{}", generator_fingerprint()));
    produce_once(&folder, |folder| generate(version, megabytes, folder))
}

fn generator_fingerprint() -> String {
    fingerprint(&GENERATOR.map(|(_, source)| source))
}

fn generate(version: &str, megabytes: u32, folder: &Path) -> Result<(), SetupError> {
    let program = folder.join("generator");
    fs::create_dir_all(&program).map_err(SetupError::file(&program))?;
    for (name, source) in GENERATOR {
        let path = program.join(name);
        fs::write(&path, source).map_err(SetupError::file(&path))?;
    }
    let output = run(Command::new(nodes::binary(version)?)
        .arg(program.join("make-heap.mjs"))
        .args(["--mb", &megabytes.to_string()])
        .arg("--out")
        .arg(folder.join("first.heapsnapshot"))
        .arg("--out2")
        .arg(folder.join("second.heapsnapshot")))?;
    let facts = folder.join("facts.json");
    fs::write(&facts, output.stdout).map_err(SetupError::file(&facts))
}
