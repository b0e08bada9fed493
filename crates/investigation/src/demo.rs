//! The talk's program, ready to run: written into a folder with its packages installed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The files of `examples/talk`, as they were when this program was built.
const FILES: [(&str, &str); 3] = [
    ("server.js", include_str!("../../../examples/talk/server.js")),
    ("package.json", include_str!("../../../examples/talk/package.json")),
    ("package-lock.json", include_str!("../../../examples/talk/package-lock.json")),
];

/// Written last: the lock file whose packages are installed.
const INSTALLED: &str = ".installed-packages.json";

/// The program could not be made ready.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file could not be written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// npm is not there.
    #[error("npm could not be started ({0}); the demo needs Node.js with npm on the PATH")]
    NoNpm(io::Error),
    /// npm failed.
    #[error("npm could not install the demo's packages:\n{0}")]
    Install(String),
}

/// Writes the program into `folder` and installs its packages there, unless that was done before.
///
/// # Errors
/// If files can't be written or npm fails.
pub fn prepare(folder: &Path) -> Result<(), DemoError> {
    let file_error = |path: &Path| {
        let path = path.to_owned();
        move |source| DemoError::File { path, source }
    };
    fs::create_dir_all(folder).map_err(file_error(folder))?;
    for (name, text) in FILES {
        let path = folder.join(name);
        fs::write(&path, text).map_err(file_error(&path))?;
    }
    let marker = folder.join(INSTALLED);
    let lock = FILES[2].1;
    if fs::read_to_string(&marker).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let output = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(DemoError::NoNpm)?;
    if !output.status.success() {
        return Err(DemoError::Install(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    fs::write(&marker, lock).map_err(file_error(&marker))
}
