//! `known-names`: writes the list of property names that `redact` keeps in every snapshot: those of a process of Node
//! that runs nothing, of every supported version.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use test_heaps::nodes;

use crate::arguments::Arguments;
use crate::shell::root;

/// Loads everything that Node brings, and takes a snapshot.
const PROGRAM: &str = "for (const name of require('module').builtinModules) { try { require(name) } catch {} } \
                       require('v8').writeHeapSnapshot(process.argv[1])";

pub(crate) fn run(arguments: Arguments) -> Result<()> {
    arguments.finish()?;
    let folder = tempfile::tempdir()?;
    let mut names = BTreeSet::new();
    for version in nodes::SUPPORTED {
        let file = folder.path().join(version);
        let mut node = Command::new(nodes::binary(version)?);
        let status = node.args(["--no-warnings", "-e", PROGRAM]).arg(&file).env_clear().status()?;
        if !status.success() {
            bail!("Node {version} ended with {status}");
        }
        let before = names.len();
        collect(&std::fs::read(&file)?, &mut names)
            .with_context(|| format!("the snapshot of Node {version}"))?;
        println!("Node {version}: {} more names", names.len() - before);
    }
    let path = root().join("crates/heap-graph/src/redact/known_names.txt");
    let text: String = names.iter().map(|name| format!("{name}\n")).collect();
    std::fs::write(&path, text).with_context(|| path.display().to_string())
}

/// Names of property edges that have the form of a declared name: nothing of the machine gets into the list.
fn collect(snapshot: &[u8], names: &mut BTreeSet<String>) -> Result<()> {
    let file: Value = serde_json::from_slice(snapshot)?;
    let kinds = file["snapshot"]["meta"]["edge_types"][0].as_array().context("no edge_types")?;
    let property = kinds.iter().position(|kind| kind == "property").context("no property edges")? as u64;
    let strings = file["strings"].as_array().context("no strings")?;
    for edge in file["edges"].as_array().context("no edges")?.chunks_exact(3) {
        let [kind, name, _] = edge else { continue };
        if kind.as_u64() == Some(property) {
            let name = name.as_u64().and_then(|at| strings.get(at as usize)).and_then(Value::as_str);
            names.extend(name.filter(|name| is_declared(name)).map(str::to_owned));
        }
    }
    Ok(())
}

fn is_declared(name: &str) -> bool {
    let inside = name.strip_prefix("<symbol ").and_then(|rest| rest.strip_suffix('>'));
    let allowed =
        |c: char| c.is_ascii_alphanumeric() || "_$-".contains(c) || inside.is_some() && "#.: ".contains(c);
    let text = inside.unwrap_or(name);
    // Ids of modules are paths, but never from the root.
    let text = text.strip_prefix("node:").unwrap_or(text);
    let is_module = text.split('/').all(|part| part.chars().all(allowed) && !part.is_empty());
    text.starts_with(|c: char| c.is_ascii_alphabetic() || "_$#".contains(c)) && is_module
}
