//! A cache under `target/` for what takes long to make: each entry is made once, also when several test processes
//! want it at the same time.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::SetupError;

/// The folder for downloaded and generated test material: `target/`, wherever Cargo has it.
pub fn cache_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => workspace().join(folder),
        None => workspace().join("target"),
    }
}

/// The root of the workspace.
pub(crate) fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// The file or folder `path`, made by `make` if it is not there. `make` writes to the path that it is given, which
/// then gets its final name: an entry is either whole or absent. Others who want it meanwhile wait.
pub fn produce_once(
    path: &Path,
    make: impl FnOnce(&Path) -> Result<(), SetupError>,
) -> Result<PathBuf, SetupError> {
    if path.exists() {
        return Ok(path.to_owned());
    }
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(SetupError::file(folder))?;
    let lock_path = beside(path, "lock");
    let lock = File::create(&lock_path).map_err(SetupError::file(&lock_path))?;
    lock.lock().map_err(SetupError::file(&lock_path))?;
    if path.exists() {
        return Ok(path.to_owned());
    }
    let unfinished = beside(path, "unfinished");
    remove(&unfinished)?;
    make(&unfinished)?;
    fs::rename(&unfinished, path).map_err(SetupError::file(path))?;
    Ok(path.to_owned())
}

/// `name.ext` -> `.name.ext.suffix` in the same folder, so that a rename stays on one file system.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{suffix}"))
}

fn remove(path: &Path) -> Result<(), SetupError> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(SetupError::file(path)(error)),
        _ => Ok(()),
    }
}

/// A short name for contents: entries made by an older generator must not be taken for the newer one's.
pub(crate) fn fingerprint(contents: &[&str]) -> String {
    // FNV-1a, 64 bits: stable across Rust versions, which `DefaultHasher` does not promise.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in contents.iter().flat_map(|text| text.bytes().chain([0])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    format!("{:08x}", hash >> 32)
}
