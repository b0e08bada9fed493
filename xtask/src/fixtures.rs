//! `fixtures`: makes the generated snapshots ahead of the tests.

use anyhow::Result;
use test_heaps::fixtures::{Which, snapshot};
use test_heaps::nodes;

use crate::arguments::Arguments;

pub(crate) fn run(mut arguments: Arguments) -> Result<()> {
    let megabytes = arguments.list("--mb")?.unwrap_or_else(|| vec![7]);
    let versions = arguments.list("--node")?.unwrap_or_else(|| nodes::SUPPORTED.map(str::to_owned).to_vec());
    arguments.finish()?;
    for version in &versions {
        for &megabytes in &megabytes {
            for which in [Which::First, Which::Second] {
                println!("{}", snapshot(version, megabytes, which)?.display());
            }
        }
    }
    Ok(())
}
