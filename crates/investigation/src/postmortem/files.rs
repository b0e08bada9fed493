//! The files that a core speaks of, on this machine.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use postmortem::{Files, SharedBytes};
use process_memory::BuildId;

use crate::open::mapped::MappedInput;

/// Folders in which programs are looked for besides their own paths.
pub(super) struct Here {
    pub(super) search: Vec<String>,
}

impl Files for Here {
    fn open(&self, path: &str) -> Option<SharedBytes> {
        let file = File::open(path).ok()?;
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        Some(Arc::new(MappedInput::new(&file).ok()?))
    }

    fn elsewhere(&self, path: &str, build_id: &BuildId) -> Vec<String> {
        let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
        let id = build_id.to_string();
        let of_folder = |folder: &String| {
            let mut paths = vec![format!("{folder}/{name}"), format!("{folder}/{id}")];
            // As debuggers keep them: the first byte is a folder.
            if let Some((first, rest)) = id.split_at_checked(2) {
                paths.push(format!("{folder}/.build-id/{first}/{rest}"));
                paths.push(format!("{folder}/.build-id/{first}/{rest}.debug"));
            }
            paths
        };
        self.search.iter().flat_map(of_folder).collect()
    }
}
