//! One door for every input: a snapshot, compressed or not, standard input, or a core becomes a [`Heap`].

pub(crate) mod cache;
mod identity;
pub(crate) mod mapped;
mod profile;
mod source;

use std::io::{Cursor, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use process_capture::{Event, HoldOptions, Mode};

use heap_graph::{Analysis, AnalysisError, HeapGraph, ReadError, ReadOptions, Retainers, Step, TooDense};

use crate::postmortem::{CoreOptions, Dead, GraphOptions, PostmortemError, ProcessError};
use cache::{Cache, Entry};
pub use cache::{CachePolicy, CacheSettings, default_cache_dir};
pub use profile::{CallSite, Profile, ProfileError, ProfileNode, parse_profile};
pub use source::SourceError;

/// Bytes that tell a sampling heap profile from a snapshot.
const PROFILE_HEAD: usize = 64;

/// How to open.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// Whether and where results are kept for the next command.
    pub cache: CachePolicy,
    /// Accept compressed files that grow more than a hundredfold.
    pub allow_expansion: bool,
    /// Read a truncated file up to its cut.
    pub salvage: bool,
    /// A whole snapshot of the same process, to name the nodes of a truncated one.
    pub names_from: Option<PathBuf>,
    /// Where the program of a core is.
    pub core: CoreOptions,
}

impl Default for OpenOptions {
    fn default() -> Self {
        OpenOptions {
            cache: CachePolicy::Off,
            allow_expansion: false,
            salvage: false,
            names_from: None,
            core: CoreOptions::default(),
        }
    }
}

/// An input could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file itself.
    #[error("{path}: {source}")]
    Source {
        /// As the user gave it.
        path: String,
        /// What is wrong.
        source: SourceError,
    },
    /// A core that cannot be asked.
    #[error(transparent)]
    Core(#[from] PostmortemError),
    /// A process whose memory cannot be copied.
    #[error(transparent)]
    Process(Box<ProcessError>),
    /// Its content.
    #[error("{path}: {source}")]
    Read {
        /// As the user gave it.
        path: String,
        /// What is wrong, and where.
        source: ReadError,
    },
    /// It was read, but can't be analysed.
    #[error("{path}: {source}")]
    Analysis {
        /// As the user gave it.
        path: String,
        /// Why.
        source: AnalysisError,
    },
    /// It is a sampling heap profile, and a broken one.
    #[error("{path}: {source}")]
    Profile {
        /// As the user gave it.
        path: String,
        /// What is wrong, and where.
        source: ProfileError,
    },
    /// It is a sampling heap profile, where a heap is needed.
    #[error(
        "{path}: this is a sampling heap profile: it has call sites but no objects, so only `analyze` reads it"
    )]
    OnlyProfile {
        /// As the user gave it.
        path: String,
    },
    /// Too many edges in one place.
    #[error("{path}: {source}")]
    TooDense {
        /// As the user gave it.
        path: String,
        /// Where.
        source: TooDense,
    },
}

impl OpenError {
    /// Whether the user asked to stop.
    pub fn is_interrupted(&self) -> bool {
        matches!(
            self,
            OpenError::Read { source: ReadError::Interrupted, .. }
                | OpenError::Analysis { source: AnalysisError::Interrupted, .. }
                | OpenError::Core(PostmortemError::Interrupted)
        ) || matches!(self, OpenError::Process(error) if error.is_interrupted())
    }
}

/// Gets told about every step of long work; answers whether to go on.
pub type Progress<'a> = &'a mut dyn FnMut(Step) -> ControlFlow<()>;

/// A heap that was opened: the graph, and what is derived from it when first asked for.
pub struct Heap {
    name: String,
    graph: HeapGraph,
    analysis: OnceLock<Analysis>,
    retainers: OnceLock<Retainers>,
    entry: Option<Entry>,
    from_index: bool,
    warnings: Vec<String>,
}

impl Heap {
    /// Wraps a graph that did not come from a file.
    pub fn new(name: impl Into<String>, graph: HeapGraph) -> Heap {
        Heap {
            name: name.into(),
            graph,
            analysis: OnceLock::new(),
            retainers: OnceLock::new(),
            entry: None,
            from_index: false,
            warnings: Vec::new(),
        }
    }

    /// Gives objects the ids that they had in an earlier snapshot of the process, as far as they can be told; see
    /// [`HeapGraph::adopt_ids`]. What comes of it is kept in no index.
    pub fn adopt_ids(&mut self, before: &Heap) -> Option<heap_graph::Adopted> {
        self.entry = None;
        self.graph.adopt_ids(&before.graph)
    }

    /// The input as the user gave it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The graph.
    pub fn graph(&self) -> &HeapGraph {
        &self.graph
    }

    /// Whether it came from the cache.
    pub fn from_index(&self) -> bool {
        self.from_index
    }

    /// Things the user should know: the cache could not be written, names were taken from another file.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Sizes, distances, dominators and classes.
    ///
    /// # Errors
    /// If the file was cut before its last edge, or the caller asks to stop.
    pub fn analysis(&self, progress: Progress<'_>) -> Result<&Analysis, OpenError> {
        if let Some(analysis) = self.analysis.get() {
            return Ok(analysis);
        }
        let analysis = Analysis::new(&self.graph, progress)
            .map_err(|source| OpenError::Analysis { path: self.name.clone(), source })?;
        Ok(self.analysis.get_or_init(|| analysis))
    }

    /// The edges backward.
    ///
    /// # Errors
    /// If 65,536 neighbouring nodes are retained by 2^32 edges or more.
    pub fn retainers(&self) -> Result<&Retainers, OpenError> {
        if let Some(retainers) = self.retainers.get() {
            return Ok(retainers);
        }
        let indexed = self.entry.as_ref().and_then(Entry::load_retainers);
        let retainers = match indexed {
            Some(retainers) => retainers,
            None => Retainers::new(&self.graph)
                .map_err(|source| OpenError::TooDense { path: self.name.clone(), source })?,
        };
        Ok(self.retainers.get_or_init(|| retainers))
    }

    /// Keeps what was computed for the next command on the same file. Call it after the answer is out.
    /// Answers what went wrong, if something did: that is no error, the next command only has to work again.
    pub fn keep(&mut self) -> Option<String> {
        let entry = self.entry.take()?;
        let analysis = self.analysis.get().filter(|_| !self.from_index);
        let kept = entry.keep(&self.graph, analysis, self.retainers.get());
        self.entry = Some(entry);
        kept.err().map(|error| format!("the index of {} was not kept: {error}", self.name))
    }
}

/// What an input turned out to be.
pub enum Opened {
    /// A heap snapshot.
    Heap(Box<Heap>),
    /// A sampling heap profile.
    Profile(Profile),
}

/// Opens a file, or standard input for `-`, that must be a heap.
///
/// # Errors
/// If it can't be read or is no heap snapshot, with the place of what is wrong.
pub fn open(path: &str, options: &OpenOptions, progress: Progress<'_>) -> Result<Heap, OpenError> {
    match open_any(path, options, progress)? {
        Opened::Heap(heap) => Ok(*heap),
        Opened::Profile(_) => Err(OpenError::OnlyProfile { path: path.to_owned() }),
    }
}

/// Opens a file, or standard input for `-`, whatever it is.
///
/// # Errors
/// If it can't be read or is neither, with the place of what is wrong.
pub fn open_any(path: &str, options: &OpenOptions, progress: Progress<'_>) -> Result<Opened, OpenError> {
    let source_error = |source| OpenError::Source { path: path.to_owned(), source };
    if let Some(pid) = process_id(path) {
        return open_process(pid, options, progress);
    }
    let input = source::Input::open(path).map_err(source_error)?;
    let entry = match (&options.cache, input.file()) {
        (CachePolicy::On(settings), Some(file)) if !options.salvage => {
            Cache::new(settings.clone()).entry(file).map_err(SourceError::Io).map_err(source_error)?
        }
        _ => None,
    };
    if let Some((graph, analysis)) = entry.as_ref().and_then(Entry::load) {
        let mut heap = Heap::new(path, graph);
        let _ = heap.analysis.set(analysis);
        heap.from_index = true;
        heap.entry = entry;
        return Ok(Opened::Heap(Box::new(heap)));
    }
    if input.is_elf() {
        return open_core(path, options, entry, progress);
    }
    let unpacked = input.reader(options.allow_expansion).map_err(SourceError::Io);
    let (mut reader, size) = unpacked.map_err(source_error)?;
    let mut head = Vec::with_capacity(PROFILE_HEAD);
    if let Err(error) = reader.by_ref().take(PROFILE_HEAD as u64).read_to_end(&mut head) {
        // Whoever reads on gets to know it, and says where.
        reader = Box::new(source::Failing(Some(error)));
    }
    if head.starts_with(&source::ELF) {
        return open_core(path, options, entry, progress);
    }
    let is_profile = profile::looks_like_profile(&head);
    let mut reader = Cursor::new(head).chain(reader);
    if is_profile {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(SourceError::Io).map_err(source_error)?;
        let parsed = parse_profile(&bytes);
        return parsed
            .map(Opened::Profile)
            .map_err(|source| OpenError::Profile { path: path.to_owned(), source });
    }
    let read = ReadOptions { size, salvage: options.salvage, ..ReadOptions::default() };
    let graph = heap_graph::read(reader, &read, progress)
        .map_err(|source| OpenError::Read { path: path.to_owned(), source })?;
    let mut heap = Heap::new(path, graph);
    heap.entry = entry;
    if let Some(whole) = &options.names_from {
        take_names(&mut heap, whole, options, progress)?;
    }
    Ok(Opened::Heap(Box::new(heap)))
}

/// Whether a file is a core, packed or not, and no snapshot.
///
/// # Errors
/// If it can't be read.
pub fn is_core(path: &str) -> Result<bool, OpenError> {
    let source_error = |source| OpenError::Source { path: path.to_owned(), source };
    let input = source::Input::open(path).map_err(source_error)?;
    let mut head = Vec::new();
    let unpacked = input.reader(false).map_err(SourceError::Io).map_err(source_error)?;
    // What can't be unpacked is told by whoever opens it.
    let _ = unpacked.0.take(source::ELF.len() as u64).read_to_end(&mut head);
    Ok(head == source::ELF)
}

/// The main isolate of a core, as a heap.
fn open_core(
    path: &str,
    options: &OpenOptions,
    entry: Option<Entry>,
    progress: Progress<'_>,
) -> Result<Opened, OpenError> {
    let dead = Dead::open(path, &options.core)?;
    let mut heap = heap_of(&dead, path, progress)?;
    heap.entry = entry;
    Ok(Opened::Heap(Box::new(heap)))
}

/// A process that a number means. A file of that name is `./123`.
///
/// Numbers that are no process id are taken for the largest one, of which there is none.
#[must_use]
pub fn process_id(path: &str) -> Option<u32> {
    let is_number = !path.is_empty() && path.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| path.parse().unwrap_or(i32::MAX as u32))
}

/// The main isolate of a running process, as a heap: of a frozen copy.
fn open_process(pid: u32, options: &OpenOptions, progress: Progress<'_>) -> Result<Opened, OpenError> {
    // A copy must not cost the process more than its milliseconds; nobody asked to stop it.
    let hold = HoldOptions { mode: Some(Mode::Fork), ..HoldOptions::default() };
    let mut warnings = Vec::new();
    let (dead, captured) = Dead::of_process(pid, hold, &options.core, &mut |event| match event {
        Event::Writing(written) => {
            progress(Step { name: "copying", done: written.done, total: Some(written.total) })
        }
        _ => ControlFlow::Continue(()),
    })
    .map_err(|error| OpenError::Process(Box::new(error)))?;
    if let Some(pause) = captured.pause_ms {
        warnings.push(format!(
            "process {pid} stood still for {pause:.1} ms while its memory was copied, and runs on"
        ));
    }
    let mut heap = heap_of(&dead, dead.name(), progress)?;
    heap.warnings.splice(0..0, warnings);
    Ok(Opened::Heap(Box::new(heap)))
}

fn heap_of(dead: &Dead, name: &str, progress: Progress<'_>) -> Result<Heap, OpenError> {
    let made = dead.graph(dead.isolate(0)?, GraphOptions::default(), progress)?;
    let mut heap = Heap::new(name, made);
    heap.warnings = dead.warnings();
    let workers = dead.isolates().len() - 1;
    if workers > 0 {
        heap.warnings.push(format!(
            "this is the main thread's heap; `heapdowse convert --worker 1` makes a snapshot of a worker's, of which \
             there are {workers}"
        ));
    }
    Ok(heap)
}

fn take_names(
    heap: &mut Heap,
    whole: &Path,
    options: &OpenOptions,
    progress: Progress<'_>,
) -> Result<(), OpenError> {
    let options = OpenOptions { salvage: false, names_from: None, ..options.clone() };
    let whole = open(&whole.to_string_lossy(), &options, progress)?;
    let kinship = heap_graph::kinship_without_names(whole.graph(), heap.graph());
    let named = heap.graph.take_names_from(whole.graph());
    heap.warnings.push(format!(
        "{named} of {} nodes were named by their ids from {}",
        heap.graph.node_count(),
        whole.name()
    ));
    if !kinship.is_same_process() {
        heap.warnings.push(format!(
            "{} does not look like a snapshot of the same process: names may be wrong",
            whole.name()
        ));
    }
    Ok(())
}
