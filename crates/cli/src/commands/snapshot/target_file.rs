//! Where a snapshot goes.

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use investigation::snapshot_file::{Content, Packing, pack};
use investigation::whole_file::WholeFile;

/// A file, which appears under its name when it is whole, or standard output.
pub(super) struct TargetFile {
    name: PathBuf,
    zst: bool,
}

impl TargetFile {
    /// The name that was given, or one of the process's own; numbered before its extension if there are several.
    pub(super) fn new(given: Option<&Path>, pid: u32, number: Option<u32>, zst: bool) -> Self {
        let own = || PathBuf::from(format!("heapdowse-{pid}.heapsnapshot{}", if zst { ".zst" } else { "" }));
        let name = given.map_or_else(own, Path::to_owned);
        let zst = zst || name.extension().is_some_and(|extension| extension == "zst");
        let name = number.map_or(name.clone(), |number| numbered(&name, number));
        Self { name, zst }
    }

    pub(super) fn is_stdout(&self) -> bool {
        self.name.as_os_str() == "-"
    }

    pub(super) fn path(&self) -> Option<&Path> {
        (!self.is_stdout()).then_some(self.name.as_path())
    }

    /// Writes a graph, compressed if it is to be; answers the bytes of the text.
    pub(super) fn fill_with(&self, graph: impl Content) -> Result<u64> {
        self.fill(|mut sink, zst| {
            let packing = if zst { Packing::Zstd } else { Packing::Plain };
            Ok(pack(graph, &mut sink, packing)?)
        })
    }

    /// Gives what is written its place, if all of it is; `write` is told whether to compress, and answers bytes.
    pub(super) fn fill(&self, write: impl FnOnce(&mut dyn Write, bool) -> Result<u64>) -> Result<u64> {
        if self.is_stdout() {
            let mut sink = BufWriter::with_capacity(1 << 20, io::stdout().lock());
            let bytes = write(&mut sink, self.zst)?;
            sink.flush()?;
            return Ok(bytes);
        }
        let writing = || format!("the snapshot {self}");
        let mut file = WholeFile::create(self.name.clone()).with_context(writing)?;
        let bytes = write(&mut file, self.zst)?;
        file.keep().with_context(writing)?;
        Ok(bytes)
    }
}

impl fmt::Display for TargetFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path() {
            Some(path) => write!(f, "{}", path.display()),
            None => f.write_str("standard output"),
        }
    }
}

/// `app.heapsnapshot.zst` becomes `app.2.heapsnapshot.zst`.
fn numbered(name: &Path, number: u32) -> PathBuf {
    let text = name.to_string_lossy();
    let stem = [".heapsnapshot.zst", ".heapsnapshot.gz", ".heapsnapshot", ".zst", ".gz"];
    let end = stem.into_iter().find(|end| text.ends_with(end)).unwrap_or("");
    PathBuf::from(format!("{}.{number}{end}", &text[..text.len() - end.len()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered_before_what_they_are() {
        let name = |given: &str| numbered(Path::new(given), 2).display().to_string();
        assert_eq!(name("a/app.heapsnapshot.zst"), "a/app.2.heapsnapshot.zst");
        assert_eq!(name("app.heapsnapshot"), "app.2.heapsnapshot");
        assert_eq!(name("app"), "app.2");
        let own = TargetFile::new(None, 7, Some(1), true);
        assert_eq!(own.to_string(), "heapdowse-7.1.heapsnapshot.zst");
        assert!(own.zst);
        assert!(TargetFile::new(Some(Path::new("-")), 7, None, false).is_stdout());
    }
}
