//! Decides recordings: `cargo run -p leak-verdict --example decide -- FILE.json...`

use std::{fs, io::Write};

use leak_verdict::{Recording, decide};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout().lock();
    for file in std::env::args().skip(1) {
        let recording: Recording = serde_json::from_str(&fs::read_to_string(&file)?)?;
        let verdict = decide(&recording);
        writeln!(out, "{file}: {} ({:?})", verdict.word.as_str(), verdict.grade)?;
        for evidence in &verdict.evidence {
            writeln!(out, "    {}", evidence.text)?;
        }
    }
    Ok(())
}
