//! How the processes of the program make themselves known: a preloaded script and one file for each.

use std::{io, path::Path};

use serde::Deserialize;
use tempfile::TempDir;

const PRELOAD: &str = include_str!("preload.cjs");

/// What the preloaded script says about its process.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Announcement {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) arguments: Vec<String>,
    #[serde(default)]
    pub(crate) cluster_worker: bool,
    /// The inspector's `ws://` address.
    pub(crate) url: Option<String>,
    /// Why there is none.
    pub(crate) error: Option<String>,
}

impl Announcement {
    /// The port of its inspector.
    pub(super) fn inspector_port(&self) -> Option<u16> {
        let host = self.url.as_deref()?.strip_prefix("ws://")?.split('/').next()?;
        host.rsplit(':').next()?.parse().ok()
    }

    /// Whether it is a package manager that only started the program.
    pub(super) fn is_package_manager(&self) -> bool {
        let Some(script) = self.arguments.get(1) else { return false };
        let name = Path::new(script).file_name().and_then(|name| name.to_str()).unwrap_or("");
        matches!(
            name,
            "npm"
                | "npx"
                | "npm-cli.js"
                | "npx-cli.js"
                | "yarn"
                | "yarn.js"
                | "pnpm"
                | "pnpm.cjs"
                | "corepack.js"
        )
    }
}

/// The folder with the script and the files; gone when dropped.
#[derive(Debug)]
pub(super) struct Announcements {
    folder: TempDir,
}

impl Announcements {
    pub(super) fn prepare() -> io::Result<Self> {
        // tempfile makes the folder for its owner alone.
        let folder = tempfile::Builder::new().prefix("heapdowse-").tempdir()?;
        std::fs::write(folder.path().join("preload.cjs"), PRELOAD)?;
        std::fs::write(folder.path().join("probe.js"), crate::attach::PROBE)?;
        Ok(Self { folder })
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `NODE_OPTIONS` with the script added to what is there already.
    pub(super) fn node_options(&self, present: Option<&str>) -> String {
        let script = self.folder.path().join("preload.cjs");
        let quoted = script.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
        let ours = format!("--require \"{quoted}\"");
        match present.map(str::trim).filter(|present| !present.is_empty()) {
            Some(present) => format!("{ours} {present}"),
            None => ours,
        }
    }

    /// All that have made themselves known, in the order of their ids. Those not ours to read are left out.
    pub(super) fn read(&self) -> Vec<Announcement> {
        let Ok(entries) = std::fs::read_dir(self.folder.path()) else { return Vec::new() };
        let mut found: Vec<Announcement> = entries
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                path.extension().is_some_and(|extension| extension == "json").then_some(())?;
                serde_json::from_slice(&std::fs::read(path).ok()?).ok()
            })
            .collect();
        found.sort_by_key(|announcement| announcement.pid);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_options_keep_what_was_there() {
        let announcements = Announcements::prepare().unwrap();
        let options = announcements.node_options(Some(" --max-old-space-size=100 "));
        assert!(options.starts_with("--require \"/"), "{options}");
        assert!(options.ends_with("preload.cjs\" --max-old-space-size=100"), "{options}");
    }

    #[test]
    fn half_written_files_are_not_read() {
        let announcements = Announcements::prepare().unwrap();
        std::fs::write(announcements.folder().join("7.json.part"), "{").unwrap();
        std::fs::write(announcements.folder().join("8.json"), "{").unwrap();
        let text = r#"{"pid":9,"parent":1,"version":"v20.0.0","arguments":["node","/x/bin/npm","start"],"url":"ws://127.0.0.1:4567/u"}"#;
        std::fs::write(announcements.folder().join("9.json"), text).unwrap();
        let found = announcements.read();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].inspector_port(), Some(4567));
        assert!(found[0].is_package_manager());
    }
}
