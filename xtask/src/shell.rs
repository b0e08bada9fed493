//! Running commands, in named steps.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// The profile of everything that tasks build: fast code, with debug assertions, built once.
pub(crate) const PROFILE: &str = "ci";

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// `cargo` of the toolchain that runs this, at the root.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Runs a command; its output goes where ours goes.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", name(command)))?;
    if status.success() {
        return Ok(());
    }
    bail!("{} ended with {status}", name(command))
}

/// Runs a command for what it writes to standard output.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output().with_context(|| format!("cannot start {}", name(command)))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    bail!("{} ended with {}:\n{}", name(command), output.status, said.trim_end())
}

/// A command as a person would write it.
fn name(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Does one named step and says how long it took.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("=== {name}");
    let started = Instant::now();
    let done = work().with_context(|| format!("step \"{name}\" failed"))?;
    println!("=== {name}: done in {:.1} s\n", started.elapsed().as_secs_f64());
    Ok(done)
}

/// Builds the program in a profile and gives its path.
pub(crate) fn heapdowse(profile: &str) -> Result<PathBuf> {
    run(&mut cargo(&[
        "build",
        "--quiet",
        "--package",
        "heapdowse",
        "--bin",
        "heapdowse",
        "--profile",
        profile,
    ]))?;
    let program = test_heaps::cache_dir().join(profile).join("heapdowse");
    if program.is_file() {
        return Ok(program);
    }
    bail!("the build left no {}", program.display())
}
