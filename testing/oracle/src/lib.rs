//! Chrome DevTools' own heap code, run headless in Node: the ground truth for numbers.
//!
//! The scripts in `script/` bundle the worker of DevTools' Memory panel and ask it; this crate starts them and gives
//! the answers types. Node 20 or newer and npm must be on the `PATH`.

mod answers;
mod node_rows;
mod session;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

pub use answers::{
    ClassRow, Contexts, DiffRow, Dominator, DuplicateString, Interface, NativeContext, ObjectInfo,
    PathAnswer, RetainedByContext, RetainingEdge, RetainingPaths, Statistics, Summary,
};
pub use node_rows::{NodeRow, NodeRows};
use serde::de::DeserializeOwned;
use session::Session;
use test_heaps::{SetupError, npm};

const FILES: [(&str, &str); 6] = [
    ("package.json", include_str!("../script/package.json")),
    ("package-lock.json", include_str!("../script/package-lock.json")),
    ("devtools-oracle.mjs", include_str!("../script/devtools-oracle.mjs")),
    ("load.mjs", include_str!("../script/load.mjs")),
    ("node-rows.mjs", include_str!("../script/node-rows.mjs")),
    ("worker-bundle.mjs", include_str!("../script/worker-bundle.mjs")),
];

/// Why the oracle gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum OracleError {
    /// Its packages could not be installed.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// DevTools refused the file, or Node could not be started.
    #[error("DevTools' heap code did not answer `{command}`:\n{stderr}")]
    NoAnswer {
        /// The command of the oracle script.
        command: String,
        /// What it wrote to standard error.
        stderr: String,
    },
    /// The answer has another form than this crate expects.
    #[error("the answer to `{command}` has an unknown form: {source}")]
    Form {
        /// The command of the oracle script.
        command: String,
        /// What was wrong.
        source: serde_json::Error,
    },
    /// A file of the oracle could not be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// DevTools' heap code, installed and ready to be asked.
#[derive(Clone, Debug)]
pub struct Oracle {
    script: PathBuf,
    session: Option<Arc<Mutex<Session>>>,
}

impl Oracle {
    /// Installs the oracle under `cache` unless it is there, for example under [`test_heaps::cache_dir`].
    pub fn prepare(cache: &Path) -> Result<Self, OracleError> {
        let folder = npm::project(cache, "devtools-oracle", &FILES)?;
        Ok(Self { script: folder.join("devtools-oracle.mjs"), session: None })
    }

    /// The same with one process for all questions, which keeps the snapshots that were asked for last. It ends
    /// with the last clone of the oracle that is returned.
    pub fn in_one_process(&self) -> Result<Self, OracleError> {
        let session = Session::start(&self.script)?;
        Ok(Self { script: self.script.clone(), session: Some(Arc::new(Mutex::new(session))) })
    }

    /// The script, for those who measure it.
    pub fn script(&self) -> &Path {
        &self.script
    }

    /// Every node's numbers, in the file's order.
    pub fn nodes(&self, snapshot: &Path) -> Result<NodeRows, OracleError> {
        let rows = tempfile::NamedTempFile::new()?;
        let arguments = [OsStr::new("nodes"), snapshot.as_ref(), "--bin".as_ref(), "--tables".as_ref()];
        let header = self.ask(&arguments, rows.path())?;
        NodeRows::new(std::fs::read(rows.path())?, &header)
            .map_err(|source| OracleError::Form { command: "nodes".to_owned(), source })
    }

    /// Every class: the rows of the "Summary" view.
    pub fn aggregates(&self, snapshot: &Path) -> Result<Vec<ClassRow>, OracleError> {
        let answer: answers::Aggregates = self.json(&["aggregates".as_ref(), snapshot.as_ref()])?;
        Ok(answer.rows())
    }

    /// The classes under one of the filters of the "Summary" view, such as `objectsRetainedByContexts`.
    pub fn filter(&self, name: &str, snapshot: &Path) -> Result<Vec<ClassRow>, OracleError> {
        let answer: answers::Aggregates =
            self.json(&["filter".as_ref(), name.as_ref(), snapshot.as_ref()])?;
        Ok(answer.rows())
    }

    /// The rows of the "Comparison" view, `after` against `before`.
    pub fn diff(&self, before: &Path, after: &Path) -> Result<Vec<DiffRow>, OracleError> {
        let answer: answers::Diff = self.json(&["diff".as_ref(), before.as_ref(), after.as_ref()])?;
        Ok(answer.rows())
    }

    /// Counts and the "Statistics" view.
    pub fn summary(&self, snapshot: &Path) -> Result<Summary, OracleError> {
        self.json(&["summary".as_ref(), snapshot.as_ref()])
    }

    /// Strings that DevTools counts as duplicates.
    pub fn dupstrings(&self, snapshot: &Path) -> Result<Vec<DuplicateString>, OracleError> {
        self.json(&["dupstrings".as_ref(), "--whole".as_ref(), snapshot.as_ref()])
    }

    /// Sizes by native context, and what closures' contexts retain.
    pub fn contexts(&self, snapshot: &Path) -> Result<Contexts, OracleError> {
        self.json(&["contexts".as_ref(), snapshot.as_ref()])
    }

    /// The dominators and retaining paths of an object.
    pub fn path(&self, snapshot: &Path, id: u64) -> Result<PathAnswer, OracleError> {
        self.json(&["path".as_ref(), snapshot.as_ref(), id.to_string().as_ref()])
    }

    /// The names of the inferred interfaces of plain objects, most frequent first.
    pub fn interfaces(&self, snapshot: &Path) -> Result<Vec<answers::Interface>, OracleError> {
        self.json(&["interfaces".as_ref(), snapshot.as_ref()])
    }

    fn json<T: DeserializeOwned>(&self, arguments: &[&OsStr]) -> Result<T, OracleError> {
        let file = tempfile::NamedTempFile::new()?;
        self.ask(arguments, file.path())?;
        serde_json::from_slice(&std::fs::read(file.path())?)
            .map_err(|source| OracleError::Form { command: command_name(arguments), source })
    }

    /// Asks the script; its answer goes to the file `out`, what it says beside to the text returned.
    fn ask(&self, arguments: &[&OsStr], out: &Path) -> Result<Vec<u8>, OracleError> {
        if let Some(session) = &self.session {
            let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
            return session
                .ask(arguments, out)
                .map_err(|stderr| OracleError::NoAnswer { command: command_name(arguments), stderr });
        }
        let output = Command::new("node")
            .arg("--max-old-space-size=16000")
            .arg(&self.script)
            .args(arguments)
            .arg("-o")
            .arg(out)
            .output()
            .map_err(|error| OracleError::NoAnswer {
                command: command_name(arguments),
                stderr: format!("node cannot be started: {error}"),
            })?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(OracleError::NoAnswer { command: command_name(arguments), stderr })
    }
}

fn command_name(arguments: &[&OsStr]) -> String {
    let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}
