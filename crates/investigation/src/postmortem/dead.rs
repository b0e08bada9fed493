//! A core, opened: its memory, its program, its isolates.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;
use std::sync::Arc;

use postmortem::heap::{Isolate, PageHeader, find_isolates, find_pages};
use postmortem::{CoreError, CoreFile, Executable, ExecutableError, Heap, Layout, LayoutError, SharedBytes};
use process_memory::ProcessMemory;

use super::files::Here;
use super::seekable::Seekable;
use crate::open::mapped::MappedInput;

/// How to open a core.
#[derive(Clone, Debug, Default)]
pub struct CoreOptions {
    /// The program, if it is not where the core says.
    pub executable: Option<String>,
    /// Folders with programs and libraries.
    pub search: Vec<String>,
}

/// Signals by which V8 and Node end their process themselves: SIGILL, SIGTRAP and SIGABRT.
const FATAL: [i32; 3] = [4, 5, 6];

/// Why a core cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum PostmortemError {
    /// The file itself.
    #[error("{path}: {source}")]
    Io {
        /// As the user gave it.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// Something that is no regular file.
    #[error("{path}: a core must be a file: it is read from the middle")]
    NotFile {
        /// As the user gave it.
        path: String,
    },
    /// Packed without a table of its parts.
    #[error(
        "{path}: packed without a seek table, so that it cannot be read from the middle; unpack it first"
    )]
    NotSeekable {
        /// As the user gave it.
        path: String,
    },
    /// A heap snapshot.
    #[error("{path}: a heap snapshot has no addresses; this command reads cores")]
    Snapshot {
        /// As the user gave it.
        path: String,
    },
    /// No core.
    #[error("{path}: {source}")]
    Core {
        /// As the user gave it.
        path: String,
        /// What it is instead, or where it ends.
        source: CoreError,
    },
    /// A processor that is not read.
    #[error("{path}: the core of an arm64 machine; only those of x86-64 are read")]
    OtherMachine {
        /// As the user gave it.
        path: String,
    },
    /// No program.
    #[error("{path}: {source}")]
    Executable {
        /// As the user gave it.
        path: String,
        /// Why not.
        source: ExecutableError,
    },
    /// No layout.
    #[error("{path}: {source}")]
    Layout {
        /// As the user gave it.
        path: String,
        /// What is missing.
        source: LayoutError,
    },
    /// No isolate.
    #[error("{path}: no V8 heap was found in this memory{hint}")]
    NoHeap {
        /// As the user gave it.
        path: String,
        /// What else is known.
        hint: String,
    },
    /// Not an object.
    #[error("{address}: {why}")]
    NoObject {
        /// As the user gave it.
        address: String,
        /// What is there instead.
        why: String,
    },
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

/// A core whose heaps can be read.
#[derive(Debug)]
pub struct Dead {
    name: String,
    /// Where the core is, if it is a file with a name.
    pub(super) path: Option<PathBuf>,
    pub(super) memory: CoreFile,
    pub(super) executable: Executable,
    pub(super) layout: Layout,
    pages: Vec<PageHeader>,
    isolates: Vec<Isolate>,
}

impl Dead {
    /// Opens a core, finds its program and its isolates.
    ///
    /// # Errors
    /// If it is no core, its program is not found, or no heap is in it.
    pub fn open(path: &str, options: &CoreOptions) -> Result<Self, PostmortemError> {
        let dead = Self::read(path.to_owned(), bytes_of(path)?, options, None)?;
        Ok(Self { path: Some(path.into()), ..dead })
    }

    /// The same, of its bytes. `known` is a program that was read already, and may be the same.
    pub(super) fn read(
        name: String,
        bytes: SharedBytes,
        options: &CoreOptions,
        known: Option<&Executable>,
    ) -> Result<Self, PostmortemError> {
        let core_error = |source| PostmortemError::Core { path: name.clone(), source };
        let mut memory = CoreFile::new(bytes).map_err(core_error)?;
        if memory.is_arm64() {
            return Err(PostmortemError::OtherMachine { path: name });
        }
        let here = Here { search: options.search.clone() };
        let executable = Executable::find(&mut memory, options.executable.as_deref(), &here)
            .map_err(|source| PostmortemError::Executable { path: name.clone(), source })?;
        if let Some(known) = known {
            executable.share_symbols(known);
        }
        memory.overlay(&here);
        let layout = Layout::new(&executable)
            .map_err(|source| PostmortemError::Layout { path: name.clone(), source })?;
        let pages = find_pages(&memory, &layout);
        let isolates = find_isolates(&memory, &layout, &executable, &pages);
        if isolates.is_empty() {
            let hint = match memory.cut_off() {
                Some(cut) => format!("; the core is cut off, {} bytes are missing", cut.missing),
                None => String::new(),
            };
            return Err(PostmortemError::NoHeap { path: name, hint });
        }
        Ok(Self { name, path: None, memory, executable, layout, pages, isolates })
    }

    /// The core as the user gave it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the user should know before believing an answer.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(cut) = self.memory.cut_off() {
            warnings.push(format!(
                "the core is cut off after {} bytes: {} bytes of memory are missing",
                cut.length, cut.missing
            ));
        }
        // V8 ends a process that is out of memory from within a collection, but at its end.
        let ended_itself = self.memory.threads().first().is_some_and(|thread| FATAL.contains(&thread.signal));
        if self.isolates.iter().any(|isolate| isolate.collecting == Some(true)) && !ended_itself {
            warnings.push(
                "V8 was in the middle of a garbage collection: objects may be missing, or be there twice"
                    .to_owned(),
            );
        }
        if !self.layout.is_measured() {
            warnings.push(format!(
                "V8 {} is not known: it is read with what is known of the nearest version, and objects may be missing",
                self.layout.version_text
            ));
        }
        if !self.executable.confirmed {
            warnings.push(format!(
                "the core does not say which build it is of: {} was taken on your word",
                self.executable.path
            ));
        }
        warnings
    }

    /// Its memory.
    pub fn memory(&self) -> &CoreFile {
        &self.memory
    }

    /// The program that ran.
    pub fn executable(&self) -> &Executable {
        &self.executable
    }

    /// Where its V8 keeps what.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Its isolates, the program's own first, then those of workers.
    pub fn isolates(&self) -> &[Isolate] {
        &self.isolates
    }

    /// Walks the heap of one isolate.
    pub fn heap(&self, isolate: &Isolate) -> Heap<'_> {
        Heap::new(&self.memory, &self.layout, isolate, &self.pages)
    }
}

fn bytes_of(path: &str) -> Result<SharedBytes, PostmortemError> {
    let io_error = |source| PostmortemError::Io { path: path.to_owned(), source };
    let kind = std::fs::metadata(path).map_err(io_error)?.file_type();
    if kind.is_fifo() || kind.is_dir() || kind.is_socket() || kind.is_char_device() {
        return Err(PostmortemError::NotFile { path: path.to_owned() });
    }
    let mut file = File::open(path).map_err(io_error)?;
    let mut head = Vec::new();
    file.by_ref().take(12).read_to_end(&mut head).map_err(io_error)?;
    if head.starts_with(b"{\"snapshot\"") {
        return Err(PostmortemError::Snapshot { path: path.to_owned() });
    }
    if head.is_empty() {
        return Err(PostmortemError::Core {
            path: path.to_owned(),
            source: postmortem::elf::ElfError::NotElf.into(),
        });
    }
    let mapped: SharedBytes = Arc::new(MappedInput::new(&file).map_err(io_error)?);
    if !head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return Ok(mapped);
    }
    match Seekable::new(mapped) {
        Some(seekable) => Ok(Arc::new(seekable)),
        None => Err(PostmortemError::NotSeekable { path: path.to_owned() }),
    }
}
