//! `lint`: rustfmt and clippy; warnings are errors.

use anyhow::Result;

use crate::arguments::Arguments;
use crate::shell::{cargo, run as execute, step};

pub(crate) fn run(mut arguments: Arguments) -> Result<()> {
    let fix = arguments.flag("--fix");
    arguments.finish()?;
    if fix {
        let clippy = ["clippy", "--fix", "--allow-dirty", "--workspace", "--all-targets"];
        execute(&mut cargo(&clippy))?;
        return execute(&mut cargo(&["fmt", "--all"]));
    }
    step("format", format)?;
    step("clippy", clippy)
}

/// Nothing that rustfmt would change.
pub(crate) fn format() -> Result<()> {
    execute(&mut cargo(&["fmt", "--all", "--check"]))
}

/// Nothing that clippy would say.
pub(crate) fn clippy() -> Result<()> {
    execute(&mut cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}
