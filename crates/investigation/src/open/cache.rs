//! Indexes of files that were opened, in the user's cache folder.
//!
//! An index is written under a temporary name and renamed when whole; two processes that do it at once each
//! finish their own, and the later rename stays. It is not synced to the disk first: a power cut may leave a
//! damaged index, which its hashes give away, and which is then made anew. The folder is kept below a limit;
//! the index that was not used for longest goes first.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use heap_graph::column::Bytes;
use heap_graph::{Analysis, HeapGraph, Index, Retainers, write_index, write_retainer_index};
use xxhash_rust::xxh3::xxh3_128;

use super::identity::identity;
use super::mapped::Mapped;

/// Reading files below this size again costs less than looking after an index.
const MIN_FILE: u64 = 4 << 20;
const MAX_TOTAL: u64 = 8 << 30;
/// Longer answers cost more to read than to find again.
const LARGEST_ANSWER: u64 = 256 << 20;
/// Temporary files of this age were left by a process that died.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Whether and where indexes are kept.
#[derive(Clone, Debug)]
pub enum CachePolicy {
    /// Nothing is kept or looked up.
    Off,
    /// In a folder, below a total size.
    On(CacheSettings),
}

/// Where indexes are kept.
#[derive(Clone, Debug)]
pub struct CacheSettings {
    /// The folder; made with mode 0700 when first needed.
    pub folder: PathBuf,
    /// Bytes that all indexes together may have.
    pub max_total: u64,
}

impl CachePolicy {
    /// The user's cache folder with the default limit of 8 GiB; off where there is no such folder.
    pub fn standard() -> CachePolicy {
        match default_cache_dir() {
            Some(folder) => CachePolicy::On(CacheSettings { folder, max_total: MAX_TOTAL }),
            None => CachePolicy::Off,
        }
    }
}

/// `$XDG_CACHE_HOME/heapdowse`, or `~/.cache/heapdowse`.
pub fn default_cache_dir() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value: &OsString| Path::new(value).is_absolute());
    let base = set("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".cache")))?;
    Some(base.join("heapdowse"))
}

/// The cache.
pub(crate) struct Cache {
    settings: CacheSettings,
}

/// The place of one file in the cache.
pub(crate) struct Entry {
    settings: CacheSettings,
    identity: Vec<u8>,
    /// The path of everything that is kept of it, without the ending.
    stem: PathBuf,
    graph_path: PathBuf,
    retainers_path: PathBuf,
}

impl Cache {
    pub(crate) fn new(settings: CacheSettings) -> Self {
        Cache { settings }
    }

    /// The place of a file; `None` for those that are not worth one.
    pub(crate) fn entry(&self, file: &File) -> io::Result<Option<Entry>> {
        if file.metadata()?.len() < MIN_FILE {
            return Ok(None);
        }
        let Some(identity) = identity(file)? else { return Ok(None) };
        let name = format!("{:032x}", xxh3_128(&identity));
        let stem = self.settings.folder.join(name);
        Ok(Some(Entry {
            settings: self.settings.clone(),
            identity,
            graph_path: stem.with_extension("graph"),
            retainers_path: stem.with_extension("retainers"),
            stem,
        }))
    }
}

impl Entry {
    fn index(&self, path: &Path) -> Option<Index> {
        let file = File::open(path).ok()?;
        // The time of last use decides what goes first; failing to note it is no harm.
        let _ = file.set_modified(SystemTime::now());
        let holder: Arc<dyn Bytes> = Arc::new(Mapped::new(&file).ok()?);
        Index::open(holder, &self.identity).ok()
    }

    /// What was kept. An index that is damaged or of another version counts as none.
    pub(super) fn load(&self) -> Option<(HeapGraph, Analysis)> {
        let index = self.index(&self.graph_path)?;
        Some((index.graph().ok()?, index.analysis().ok()?))
    }

    pub(super) fn load_retainers(&self) -> Option<Retainers> {
        let loaded = self.index(&self.retainers_path).and_then(|index| index.retainers().ok());
        if loaded.is_none() {
            // What can't be used must not keep its place: `keep` leaves existing indexes alone.
            let _ = fs::remove_file(&self.retainers_path);
        }
        loaded
    }

    /// Keeps what is given; existing indexes stay.
    pub(super) fn keep(
        &self,
        graph: &HeapGraph,
        analysis: Option<&Analysis>,
        retainers: Option<&Retainers>,
    ) -> io::Result<()> {
        let mut wrote = false;
        if let Some(analysis) = analysis {
            self.write(&self.graph_path, |out| write_index(&self.identity, graph, analysis, out))?;
            wrote = true;
        }
        if let Some(retainers) = retainers
            && !self.retainers_path.exists()
        {
            self.write(&self.retainers_path, |out| write_retainer_index(&self.identity, retainers, out))?;
            wrote = true;
        }
        if wrote { self.tidy() } else { Ok(()) }
    }

    /// What was answered to a question of this version; its name is part of a file's.
    ///
    /// An answer is the file's identity (its length is that of this one), a hash of 16 bytes, and what was kept. One that is
    /// damaged, of another file or of another version counts as none.
    pub(crate) fn load_answer(&self, question: &str, version: u32) -> Option<Vec<u8>> {
        let path = self.answer_path(question, version);
        let file = File::open(&path).ok()?;
        let _ = file.set_modified(SystemTime::now());
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(file, LARGEST_ANSWER), &mut bytes).ok()?;
        let rest = bytes.strip_prefix(&*self.identity)?;
        let (hash, answer) = rest.split_first_chunk::<16>()?;
        (xxh3_128(answer).to_le_bytes() == *hash).then(|| answer.to_vec())
    }

    /// Keeps an answer for [`Self::load_answer`].
    pub(crate) fn keep_answer(&self, question: &str, version: u32, answer: &[u8]) -> io::Result<()> {
        if (answer.len() + self.identity.len() + 16) as u64 > LARGEST_ANSWER {
            return Ok(());
        }
        self.write(&self.answer_path(question, version), |out| {
            out.write_all(&self.identity)?;
            out.write_all(&xxh3_128(answer).to_le_bytes())?;
            out.write_all(answer)
        })?;
        self.tidy()
    }

    fn answer_path(&self, question: &str, version: u32) -> PathBuf {
        self.stem.with_extension(format!("{question}-{version}.answer"))
    }

    fn write(
        &self,
        path: &Path,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.settings.folder)?;
        let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
        let written = (|| {
            let file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
            let mut out = BufWriter::with_capacity(1 << 20, file);
            write(&mut out)?;
            out.flush()?;
            fs::rename(&temporary, path)
        })();
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    /// Removes what was left behind, and the oldest indexes until the rest fits.
    fn tidy(&self) -> io::Result<()> {
        let mut kept: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for item in fs::read_dir(&self.settings.folder)? {
            let item = item?;
            let (path, Ok(meta)) = (item.path(), item.metadata()) else { continue };
            let used = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            match path.extension().and_then(|ending| ending.to_str()) {
                Some("tmp") if used.elapsed().is_ok_and(|age| age > ABANDONED) => {
                    let _ = fs::remove_file(path);
                }
                Some("graph" | "retainers" | "answer") => kept.push((used, meta.len(), path)),
                _ => {}
            }
        }
        kept.sort();
        let mut total: u64 = kept.iter().map(|(_, len, _)| len).sum();
        for (_, len, path) in kept {
            if total <= self.settings.max_total {
                break;
            }
            let _ = fs::remove_file(path);
            total -= len;
        }
        Ok(())
    }
}
