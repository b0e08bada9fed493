//! Official Node binaries by version, from npm.

use std::path::PathBuf;

use crate::cache::{cache_dir, produce_once};
use crate::{SetupError, npm};

/// Node 12.
pub const V12: &str = "12.22.12";
/// Node 16.
pub const V16: &str = "16.20.2";
/// Node 18.
pub const V18: &str = "18.20.8";
/// Node 20.
pub const V20: &str = "20.19.5";
/// Node 22.
pub const V22: &str = "22.23.3";
/// Node 24.
pub const V24: &str = "24.9.0";
/// Node 26.
pub const V26: &str = "26.10.0";

/// The versions whose snapshots must give DevTools' numbers, oldest first.
pub const SUPPORTED: [&str; 5] = [V18, V20, V22, V24, V26];

/// The `node` program of a version, downloaded into `target/nodes` if it is not there.
pub fn binary(version: &str) -> Result<PathBuf, SetupError> {
    let package = format!("node-{}-{}", system()?, processor()?);
    let folder = produce_once(&cache_dir().join("nodes").join(version), |folder| {
        npm::install(&package, version, folder)
    })?;
    let program = folder.join("node_modules").join(&package).join("bin").join("node");
    if program.is_file() {
        return Ok(program);
    }
    Err(SetupError::Unexpected(format!("{package}@{version} has no {}", program.display())))
}

fn system() -> Result<&'static str, SetupError> {
    match std::env::consts::OS {
        "macos" => Ok("darwin"),
        "linux" => Ok("linux"),
        other => Err(SetupError::Unexpected(format!("there are no Node packages for {other}"))),
    }
}

fn processor() -> Result<&'static str, SetupError> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("x64"),
        "aarch64" => Ok("arm64"),
        other => Err(SetupError::Unexpected(format!("there are no Node packages for {other}"))),
    }
}
