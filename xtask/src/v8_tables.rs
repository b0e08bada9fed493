//! `v8-tables VERSION`: what V8 of a version calls the fields of its own objects, as rows of
//! `crates/postmortem/src/graph/shapes.txt`, read off a core and V8's own snapshot of one process.

use anyhow::{Context, Result, ensure};

use crate::arguments::Arguments;
use crate::shell::{PROFILE, cargo, run};

pub(crate) fn run_task(mut arguments: Arguments) -> Result<()> {
    let version = arguments.word().context("give a version of Node, such as 24.9.0")?;
    arguments.finish()?;
    let is_version =
        version.split('.').count() == 3 && version.bytes().all(|c| c == b'.' || c.is_ascii_digit());
    ensure!(is_version, "{version} is no version of Node, such as 24.9.0");
    let example =
        ["run", "--quiet", "--profile", PROFILE, "-p", "postmortem", "--example", "v8_tables", &version];
    run(&mut cargo(&example))
}
