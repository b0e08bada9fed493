//! `test`: all that CI checks, in the order in which it fails soonest.

use anyhow::Result;
use test_heaps::{cache_dir, nodes, real_programs};

use crate::arguments::Arguments;
use crate::shell::{PROFILE, cargo, run as execute, step};
use crate::{arch, lint, oracle, tools, zoo};

pub(crate) fn run(arguments: Arguments) -> Result<()> {
    arguments.finish()?;
    step("format", lint::format)?;
    step("architecture", arch::check)?;
    step("clippy", lint::clippy)?;
    step("tools", tools::install)?;
    step("Node versions", || {
        for version in nodes::SUPPORTED {
            println!("Node {version}: {}", nodes::binary(version)?.display());
        }
        Ok(())
    })?;
    step("oracle and programs", || {
        devtools_oracle::Oracle::prepare(&cache_dir())?;
        for program in real_programs::ALL {
            let file = real_programs::snapshot(program.name, program.node)?;
            println!("{} on Node {}: {}", program.name, program.node, file.display());
        }
        Ok(())
    })?;
    step("tests", || {
        // Tests that can try every supported version of Node find them here.
        let mut binaries = Vec::new();
        for version in nodes::SUPPORTED {
            binaries.push(nodes::binary(version)?);
        }
        let all = std::env::join_paths(binaries)?;
        let mut tests = cargo(&["test", "--workspace", "--no-fail-fast", "--profile", PROFILE]);
        execute(tests.env("HEAPDOWSE_TEST_NODES", all))
    })?;
    step("numbers against DevTools", || oracle::compare_all(&oracle::Plan::default()))?;
    step("programs of known truth", || zoo::run_all(&zoo::Plan::short()))?;
    step("docs", || {
        let mut doc = cargo(&["doc", "--quiet", "--workspace", "--no-deps", "--document-private-items"]);
        execute(doc.env("RUSTDOCFLAGS", "-D warnings"))
    })
}
