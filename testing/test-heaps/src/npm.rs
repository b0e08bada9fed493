//! npm packages for tests, installed into the cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::{fingerprint, produce_once};
use crate::error::{SetupError, run};

/// Nothing that tests install needs an install script, and lock files name no host.
const FLAGS: [&str; 5] =
    ["--ignore-scripts", "--no-audit", "--no-fund", "--no-progress", "--omit-lockfile-registry-resolved"];

/// One package at one version, in the folder `into`.
pub(crate) fn install(package: &str, version: &str, into: &Path) -> Result<(), SetupError> {
    fs::create_dir_all(into).map_err(SetupError::file(into))?;
    run(npm()
        .args(["install", "--no-save", "--no-package-lock", "--force"])
        .args(FLAGS)
        .arg("--prefix")
        .arg(into)
        .arg(format!("{package}@{version}")))?;
    Ok(())
}

/// A folder of the cache with `files` (name, contents) and the packages that their `package-lock.json` pins.
pub fn project(home: &Path, name: &str, files: &[(&str, &str)]) -> Result<PathBuf, SetupError> {
    let contents: Vec<&str> = files.iter().flat_map(|(name, contents)| [*name, *contents]).collect();
    let folder = home.join(format!("{name}-{}", fingerprint(&contents)));
    produce_once(&folder, |folder| {
        for (name, contents) in files {
            let path = folder.join(name);
            let parent = path.parent().unwrap_or(folder);
            fs::create_dir_all(parent).map_err(SetupError::file(parent))?;
            fs::write(&path, contents).map_err(SetupError::file(&path))?;
        }
        run(npm().arg("ci").args(FLAGS).current_dir(folder))?;
        Ok(())
    })
}

fn npm() -> Command {
    Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" })
}
