//! `fuzz`: runs the fuzz targets for a while, on nightly.

use anyhow::{Context, Result};

use crate::arguments::Arguments;
use crate::shell::{root, run as execute, step};

/// Each target with the folder of its corpus.
const TARGETS: [(&str, &str); 5] = [
    ("read", "testing/corpus"),
    ("read_analyse_print", "testing/corpus"),
    ("recording", "testing/recordings"),
    ("core_file", "testing/corpus"),
    ("gc_trace", "crates/leak-verdict/tests/gc-samples"),
];

pub(crate) fn run(mut arguments: Arguments) -> Result<()> {
    let seconds: u32 = arguments.value("--seconds")?.unwrap_or(60);
    let only: Option<String> = arguments.value("--target")?;
    arguments.finish()?;
    for (target, corpus) in
        TARGETS.iter().filter(|(target, _)| only.as_ref().is_none_or(|only| only == target))
    {
        let corpus = root().join(corpus);
        step(&format!("fuzz {target} for {seconds} s"), || {
            // New inputs go to the first folder; the committed corpus is only read.
            let found = root().join("fuzz").join("corpus").join(target);
            std::fs::create_dir_all(&found).with_context(|| found.display().to_string())?;
            let mut command = std::process::Command::new("cargo");
            command.args(["+nightly", "fuzz", "run", target]).arg(&found).arg(&corpus);
            command.args(["--", "-rss_limit_mb=4096", "-timeout=20", &format!("-max_total_time={seconds}")]);
            execute(command.current_dir(root())).context("cargo install cargo-fuzz, if it is not there")
        })?;
    }
    Ok(())
}
