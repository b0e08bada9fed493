//! A program of the zoo with its packages, as it is or with every variable and file renamed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;
use test_heaps::{cache_dir, npm};

use crate::shell;

/// A program as it is, or renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    Plain,
    /// What goes by the names of this zoo's variables and files fails here.
    Renamed,
}

/// The parts of `truth.json` that an answer is held against.
#[derive(Debug, Deserialize)]
pub(crate) struct Truth {
    pub(crate) verdict: String,
    pub(crate) culprit: Option<Culprit>,
    /// More culprits, where a program has several leaks.
    #[serde(default)]
    pub(crate) culprits: Vec<Culprit>,
    pub(crate) load: Load,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Culprit {
    pub(crate) file: String,
    pub(crate) symbol: String,
    pub(crate) library: Option<Place>,
    #[serde(default)]
    pub(crate) also: Vec<Place>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) symbol: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Load {
    pub(crate) requests_per_round: u64,
}

/// What the renamer says it did.
#[derive(Debug, Default, Deserialize)]
struct Renaming {
    files: BTreeMap<String, String>,
    symbols: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

/// A program that is ready to run.
pub(crate) struct Program {
    name: String,
    variant: Variant,
    pub(crate) folder: PathBuf,
    /// The start script's words.
    pub(crate) start: Vec<String>,
    pub(crate) truth: Truth,
    renaming: Renaming,
}

/// The names of all programs, in order.
pub(crate) fn names() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(zoo())? {
        let entry = entry?;
        if entry.path().join("truth.json").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn zoo() -> PathBuf {
    shell::root().join("examples").join("zoo")
}

impl Program {
    pub(crate) fn prepare(name: &str, variant: Variant) -> Result<Self> {
        let source = zoo().join(name);
        let truth = fs::read_to_string(source.join("truth.json"))?;
        let truth = serde_json::from_str(&truth).with_context(|| format!("the truth of {name}"))?;
        let folder = npm_project(&source, name)?;
        let (folder, renaming) = match variant {
            Variant::Plain => (folder, Renaming::default()),
            Variant::Renamed => renamed(&folder, name)?,
        };
        let package: serde_json::Value = serde_json::from_slice(&fs::read(source.join("package.json"))?)?;
        let start = package["scripts"]["start"].as_str().unwrap_or("node server.js").split(' ');
        let start =
            start.map(|word| renaming.files.get(word).map_or(word, String::as_str).to_owned()).collect();
        Ok(Self { name: name.to_owned(), variant, folder, start, truth, renaming })
    }

    pub(crate) fn title(&self) -> String {
        match self.variant {
            Variant::Plain => self.name.clone(),
            Variant::Renamed => format!("{} renamed", self.name),
        }
    }

    /// What a file of the truth is called in this variant.
    pub(crate) fn file(&self, file: &str) -> String {
        self.renaming.files.get(file).map_or(file, String::as_str).to_owned()
    }

    /// What a name of the truth may be called in this variant.
    pub(crate) fn symbols(&self, file: &str, name: &str) -> Vec<String> {
        let new = self.renaming.symbols.get(file).and_then(|symbols| symbols.get(name));
        new.cloned().unwrap_or_else(|| vec![name.to_owned()])
    }
}

/// The program's files with its packages, in the cache.
fn npm_project(source: &Path, name: &str) -> Result<PathBuf> {
    let mut files = Vec::new();
    read_files(source, "", &mut files)?;
    let given: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    Ok(npm::project(&cache_dir().join("zoo"), name, &given)?)
}

fn read_files(folder: &Path, below: &str, files: &mut Vec<(String, String)>) -> Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            if entry.file_name() != "node_modules" {
                read_files(&entry.path(), &format!("{name}/"), files)?;
            }
        } else if entry.file_name() != "truth.json" {
            files.push((name, fs::read_to_string(entry.path())?));
        }
    }
    Ok(())
}

fn renamed(folder: &Path, name: &str) -> Result<(PathBuf, Renaming)> {
    let tool = shell::root().join("testing").join("renamer");
    let text = |file: &str| fs::read_to_string(tool.join(file));
    let (script, package, lock) = (text("rename.mjs")?, text("package.json")?, text("package-lock.json")?);
    let tool = npm::project(
        &cache_dir(),
        "renamer",
        &[("rename.mjs", &script), ("package.json", &package), ("package-lock.json", &lock)],
    )?;
    // Made anew each time: it is small, and never out of date.
    let copy = cache_dir().join("zoo").join(format!("{name}-renamed"));
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    shell::run(Command::new("cp").arg("-r").arg(folder).arg(&copy))?;
    let said = shell::output(Command::new("node").arg(tool.join("rename.mjs")).arg(&copy))?;
    Ok((copy, serde_json::from_slice(&said)?))
}
