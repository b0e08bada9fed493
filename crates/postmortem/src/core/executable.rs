//! The program that the process ran: found by its build id, never by its name alone.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use process_memory::{BuildId, ProcessMemory, auxiliary_type, build_id_at, build_id_in_notes};
use thiserror::Error;

use super::CoreFile;
use crate::bytes::{Files, SharedBytes, bytes_at};
use crate::elf::{ET_EXEC, Elf, PT_LOAD, PT_NOTE, Symbol, symbols};

/// Why the program was not found.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExecutableError {
    /// The core does not say what program ran.
    #[error(
        "the core does not say which program it is of (no auxiliary vector or no list of mapped files); \
         name the program with --exe"
    )]
    Unknown,
    /// The named file cannot be read.
    #[error("{path}: there is no such program, or it cannot be read")]
    Unreadable {
        /// Path.
        path: String,
    },
    /// The named file is no ELF program.
    #[error("{path} is no ELF program")]
    NotProgram {
        /// Path.
        path: String,
    },
    /// It is another build.
    #[error(
        "{path} is not the program that this core is of: its build id is {found}, the core's is {expected}; \
         name the right one with --exe"
    )]
    Other {
        /// Path.
        path: String,
        /// Build id of the file.
        found: String,
        /// Build id in the core.
        expected: String,
    },
    /// Nowhere.
    #[error("the program {path} with build id {expected} was not found; name it with --exe")]
    NotFound {
        /// As the process saw it.
        path: String,
        /// Build id in the core.
        expected: String,
    },
}

/// The program of a process: its file, and where it lies in memory.
pub struct Executable {
    /// The file that was found.
    pub path: String,
    /// Its bytes.
    pub bytes: SharedBytes,
    /// Its headers.
    pub elf: Elf,
    /// What is added to its addresses in memory: 0 unless it is position-independent.
    pub bias: u64,
    /// Its build id, if it has one.
    pub build_id: Option<BuildId>,
    /// Whether the core confirms the build id; if not, the user's word is all there is.
    pub confirmed: bool,
    symbols: OnceLock<Arc<[Symbol]>>,
}

/// The symbols that are asked for, found in one pass: V8's metadata, and single variables.
const WANTED_PREFIXES: [&[u8]; 4] = [b"v8dbg_", b"nodedbg_", b"_ZN2v88internal7Version", BUILTIN];
/// What the symbols of V8's builtins start with.
const BUILTIN: &[u8] = b"Builtins_";
const WANTED: [&[u8]; 8] = [
    CURRENT_ISOLATE,
    ISOLATE_KEY,
    ISOLATE_GROUP,
    BYTECODE_SIZES,
    OPERAND_COUNTS,
    BUILTINS[0],
    BUILTINS[1],
    BUILTINS_SIZE,
];
/// The code of V8's builtins; by the second name it is a pointer in versions that have the first.
const BUILTINS: [&[u8]; 2] = [b"v8_Default_embedded_blob_code_data_", b"v8_Default_embedded_blob_code_"];
/// Its size in bytes, 32 bits.
const BUILTINS_SIZE: &[u8] = b"v8_Default_embedded_blob_code_size_";
/// The thread-local variable that holds the current isolate.
pub(crate) const CURRENT_ISOLATE: &[u8] = b"_ZN2v88internal18g_current_isolate_E";
/// Older versions: the number of a key of `pthread_getspecific`.
pub(crate) const ISOLATE_KEY: &[u8] = b"_ZN2v88internal7Isolate12isolate_key_E";
/// The group of isolates that share read-only memory and tables.
pub(crate) const ISOLATE_GROUP: &[u8] = b"_ZN2v88internal12IsolateGroup22default_isolate_group_E";
/// How many operands each operation of a deoptimization has.
pub(crate) const OPERAND_COUNTS: &[u8] =
    b"_ZZN2v88internal29TranslationOpcodeOperandCountENS0_17TranslationOpcodeEE6counts";
/// The sizes of bytecodes.
pub(crate) const BYTECODE_SIZES: &[u8] = b"_ZN2v88internal11interpreter9Bytecodes14kBytecodeSizesE";

impl fmt::Debug for Executable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executable")
            .field("path", &self.path)
            .field("bias", &self.bias)
            .finish_non_exhaustive()
    }
}

impl Executable {
    /// Finds the program of a core and overlays the core's memory with it. `named` is the user's choice.
    ///
    /// # Errors
    /// If it is not found, or the named one is another build.
    pub fn find(
        core: &mut CoreFile,
        named: Option<&str>,
        files: &dyn Files,
    ) -> Result<Self, ExecutableError> {
        let (path, base) = match program_in(core) {
            Some((path, base)) => (path, Some(base)),
            None if named.is_some() => (String::new(), None),
            None => return Err(ExecutableError::Unknown),
        };
        let expected = base.and_then(|base| build_id_at(core, base).ok());
        // Of those that nobody named, the core's own is the surest but for the path that needs no search.
        let candidates = match (named, &expected) {
            (Some(named), _) => vec![Candidate::Path(named.to_owned())],
            (None, Some(id)) => {
                let elsewhere = files.elsewhere(&path, id).into_iter().map(Candidate::Path);
                let here = [Candidate::Path(path.clone())].into_iter();
                here.chain(core.bundled().map(Candidate::Bundled)).chain(elsewhere).collect()
            }
            (None, None) => core
                .bundled()
                .map(Candidate::Bundled)
                .into_iter()
                .chain([Candidate::Path(path.clone())])
                .collect(),
        };
        let mut refused = None;
        for candidate in candidates {
            let (name, file) = match candidate {
                Candidate::Path(path) => (path.clone(), files.open(&path)),
                Candidate::Bundled(bytes) => (format!("{path} (in the core)"), Some(bytes)),
            };
            match checked(&name, file, expected.as_ref()) {
                Ok((bytes, elf, build_id)) => {
                    core.overlay_with(&path, &bytes);
                    let bias = base.map_or(0, |base| bias(&elf, base));
                    let confirmed = expected.is_some();
                    return Ok(Self {
                        path: name,
                        bytes,
                        elf,
                        bias,
                        build_id,
                        confirmed,
                        symbols: OnceLock::new(),
                    });
                }
                Err(error) => refused = Some(refused.unwrap_or(error)),
            }
        }
        match (refused, expected) {
            (Some(ExecutableError::Unreadable { .. }), Some(id)) if named.is_none() => {
                Err(ExecutableError::NotFound { path, expected: id.to_string() })
            }
            (Some(error), _) => Err(error),
            (None, _) => Err(ExecutableError::Unknown),
        }
    }

    /// The program of a file that is known to be the right one, as that of a live process is.
    ///
    /// # Errors
    /// If it is no ELF program.
    pub fn of_file(path: &str, bytes: SharedBytes, base: u64) -> Result<Self, ExecutableError> {
        let elf = Elf::read(&*bytes).map_err(|_| ExecutableError::NotProgram { path: path.to_owned() })?;
        let build_id = build_id(&bytes, &elf);
        let bias = bias(&elf, base);
        Ok(Self {
            path: path.to_owned(),
            bytes,
            elf,
            bias,
            build_id,
            confirmed: true,
            symbols: OnceLock::new(),
        })
    }

    /// The symbols of V8 that reading depends on.
    pub(crate) fn symbols(&self) -> &[Symbol] {
        self.symbols.get_or_init(|| {
            let wanted = |name: &[u8]| {
                WANTED.contains(&name) || WANTED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            };
            symbols(&*self.bytes, &self.elf, wanted).into()
        })
    }

    /// Takes the symbols that were read of another one, if that is the same build: they are half of what opening takes.
    pub fn share_symbols(&self, other: &Self) {
        if let Some(symbols) = other.symbols.get()
            && self.build_id.is_some()
            && self.build_id == other.build_id
        {
            // Nothing is lost if its own were read already.
            let _ = self.symbols.set(symbols.clone());
        }
    }

    /// One of these symbols.
    pub(crate) fn symbol(&self, name: &[u8]) -> Option<&Symbol> {
        self.symbols().iter().find(|symbol| symbol.name.as_bytes() == name)
    }

    /// The address in memory of one of V8's and Node's variables for debuggers (`v8dbg_`, `nodedbg_`).
    pub fn variable_address(&self, name: &str) -> Option<u64> {
        Some(self.symbol(name.as_bytes())?.value.wrapping_add(self.bias))
    }

    /// V8's builtins by the address of their code in memory, sorted; empty if the program was stripped.
    pub(crate) fn builtin_names(&self) -> Vec<(u64, String)> {
        let names = self.symbols().iter().filter_map(|symbol| {
            let name = symbol.name.as_bytes().strip_prefix(BUILTIN)?;
            Some((symbol.value.wrapping_add(self.bias), String::from_utf8_lossy(name).into_owned()))
        });
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    /// Where the code of V8's builtins is in memory; none if the program's symbols do not say.
    pub(crate) fn builtins(&self) -> Option<Range<u64>> {
        let start = BUILTINS.iter().find_map(|name| self.symbol(name))?.value.wrapping_add(self.bias);
        let size = self.variable(self.symbol(BUILTINS_SIZE)?.value, 4)?;
        let size = u32::from_le_bytes(size.try_into().ok()?);
        Some(start..start.checked_add(u64::from(size))?)
    }

    /// The bytes of an initialized variable; zeros for one that is in the file's zero-filled part.
    pub fn variable(&self, address: u64, length: usize) -> Option<Vec<u8>> {
        let segment = self.elf.segments.iter().find(|segment| {
            segment.kind == PT_LOAD
                && address >= segment.address
                && address - segment.address < segment.memory_size
        })?;
        let into = address - segment.address;
        if into >= segment.file_size {
            return Some(vec![0; length]);
        }
        bytes_at(&*self.bytes, segment.offset.checked_add(into)?, length as u64)
    }
}

/// The path and the load address of the program: the mapping that holds the program headers which the kernel
/// announced.
fn program_in(core: &CoreFile) -> Option<(String, u64)> {
    let headers = core.auxiliary().get(auxiliary_type::PHDR)?;
    let files = core.mapped_files();
    let holder = files.iter().find(|file| file.range.contains(&headers))?;
    let first = files.iter().filter(|file| file.path == holder.path && file.offset == 0);
    let base = first.map(|file| file.range.start).filter(|start| *start <= headers).max();
    Some((holder.path.clone(), base.unwrap_or(holder.range.start)))
}

/// The file of a mapped path, if its build id is the one that the core shows at its first page.
pub(super) fn same_file(core: &CoreFile, path: &str, files: &dyn Files) -> Option<SharedBytes> {
    let first = core.mapped_files().iter().find(|file| file.path == path && file.offset == 0)?;
    let expected = build_id_at(core, first.range.start).ok()?;
    let candidates = std::iter::once(path.to_owned()).chain(files.elsewhere(path, &expected));
    candidates
        .filter_map(|candidate| checked(&candidate, files.open(&candidate), Some(&expected)).ok())
        .map(|(bytes, ..)| bytes)
        .next()
}

/// A place at which the program may be.
enum Candidate {
    Path(String),
    Bundled(SharedBytes),
}

/// The program in a file, if it is the expected one.
fn checked(
    path: &str,
    file: Option<SharedBytes>,
    expected: Option<&BuildId>,
) -> Result<(SharedBytes, Elf, Option<BuildId>), ExecutableError> {
    let path = path.to_owned();
    let bytes = file.ok_or_else(|| ExecutableError::Unreadable { path: path.clone() })?;
    let elf = Elf::read(&*bytes).map_err(|_| ExecutableError::NotProgram { path: path.clone() })?;
    let found = build_id(&bytes, &elf);
    if let Some(expected) = expected
        && found.as_ref() != Some(expected)
    {
        let found = found.map_or_else(|| "none".to_owned(), |id| id.to_string());
        return Err(ExecutableError::Other { path, found, expected: expected.to_string() });
    }
    Ok((bytes, elf, found))
}

fn build_id(bytes: &SharedBytes, elf: &Elf) -> Option<BuildId> {
    let mut notes = elf.segments.iter().filter(|segment| segment.kind == PT_NOTE);
    notes.find_map(|segment| build_id_in_notes(&bytes_at(&**bytes, segment.offset, segment.file_size)?))
}

fn bias(elf: &Elf, base: u64) -> u64 {
    if elf.kind == ET_EXEC {
        return 0;
    }
    let first = elf.segments.iter().find(|segment| segment.kind == PT_LOAD);
    base.wrapping_sub(first.map_or(0, |segment| segment.address & !0xfff))
}
