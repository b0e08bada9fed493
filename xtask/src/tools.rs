//! Programs of the system that tests run against or under: a debugger, a tracer, a compiler.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::shell::run;

/// Each program with Debian's package that has it.
const TOOLS: [(&str, &str); 11] = [
    ("bash", "bash"),
    ("cc", "build-essential"),
    ("fallocate", "util-linux"),
    ("gdb", "gdb"),
    ("ip", "iproute2"),
    ("prlimit", "util-linux"),
    ("readelf", "binutils"),
    ("script", "bsdutils"),
    ("setpriv", "util-linux"),
    ("strace", "strace"),
    ("unshare", "util-linux"),
];

/// Installs what is missing.
pub(crate) fn install() -> Result<()> {
    let mut packages: Vec<&str> =
        TOOLS.iter().filter(|(tool, _)| !is_there(tool)).map(|(_, package)| *package).collect();
    packages.dedup();
    if packages.is_empty() {
        println!("all there: {}", TOOLS.map(|(tool, _)| tool).join(" "));
        return Ok(());
    }
    ensure!(is_there("apt-get"), "install with this system's package manager: {}", packages.join(" "));
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    run(apt().args(["update", "-qq"])).context("as root, or install by hand")?;
    run(apt().args(["install", "-y", "-qq", "--no-install-recommends"]).args(&packages))
        .context("as root, or install by hand")
}

fn is_there(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    // Tools of administrators are not on everybody's path, and are found there all the same.
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
        || Path::new("/usr/sbin").join(program).is_file()
}
