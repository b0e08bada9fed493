//! Core files as [`ProcessMemory`]: what the core does not hold is taken from the files that were mapped, if they
//! are the same files still; what nobody holds is said to be missing.

pub(crate) mod executable;
mod notes;
mod region;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use process_memory::{
    AuxiliaryVector, FileBacking, Gap, GapKind, Mapping, Permissions, ProcessMemory, Thread,
};
use thiserror::Error;

use crate::bytes::{FileBytes, Files, Part, SharedBytes, bytes_at};
use crate::elf::{EM_AARCH64, ET_CORE, Elf, ElfError, PT_LOAD, PT_NOTE};
use notes::Notes;
use region::{Place, Region, regions};

pub use executable::{Executable, ExecutableError};
pub use notes::MappedFile;

/// Notes longer than this are not read: a core with a hundred thousand threads has less.
const LONGEST_NOTES: u64 = 1 << 30;

/// The section that `heapdowse capture --bundle-exe` writes.
const BUNDLED: &[u8] = b".heapdowse.exe";

/// Why a file is no core that we read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CoreError {
    /// Not ELF, or its headers are cut off.
    #[error(transparent)]
    Elf(#[from] ElfError),
    /// An executable or a library.
    #[error("an ELF file, but no core: it is a program or a library")]
    NotCore,
    /// No memory in it.
    #[error("a core without memory: it has no loadable segments")]
    Empty,
}

/// Memory that the core should hold and does not: it was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutOff {
    /// Length of the file, bytes.
    pub length: u64,
    /// Bytes of memory behind its end.
    pub missing: u64,
}

/// A core file.
pub struct CoreFile {
    bytes: SharedBytes,
    regions: Vec<Region>,
    mappings: Vec<Mapping>,
    notes: Notes,
    /// What backs the mapped files; none if a file was not found or is not the same.
    files: Vec<Option<SharedBytes>>,
    machine: u16,
    cut_off: Option<CutOff>,
    bundled: Option<Range<u64>>,
}

impl fmt::Debug for CoreFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoreFile")
            .field("segments", &self.regions.len())
            .field("cut_off", &self.cut_off)
            .finish_non_exhaustive()
    }
}

impl CoreFile {
    /// Reads the headers and notes. No mapped file is looked for yet.
    ///
    /// # Errors
    /// If it is no core.
    pub fn new(bytes: SharedBytes) -> Result<Self, CoreError> {
        let elf = Elf::read(&*bytes)?;
        if elf.kind != ET_CORE {
            return Err(CoreError::NotCore);
        }
        let mut notes = Notes::default();
        for segment in elf.segments.iter().filter(|segment| segment.kind == PT_NOTE) {
            let there =
                segment.file_size.min(bytes.length().saturating_sub(segment.offset)).min(LONGEST_NOTES);
            if let Some(body) = bytes_at(&*bytes, segment.offset, there) {
                notes.add(&body, elf.machine);
            }
        }
        notes.files.sort_by_key(|file| file.range.start);
        let regions = regions(&elf.segments, &notes.files, bytes.length());
        if regions.is_empty() {
            return Err(CoreError::Empty);
        }
        let missing = regions.iter().filter(|region| region.place == Place::Gap(GapKind::Unreadable));
        let missing = missing.map(|region| region.range.end - region.range.start).sum::<u64>();
        let cut_off = (missing > 0).then(|| CutOff { length: bytes.length(), missing });
        let files = vec![None; notes.files.len()];
        let mappings = mappings(&elf, &regions, &notes.files);
        let bundled = elf.section(&*bytes, BUNDLED).and_then(|section| {
            let end = section.offset.checked_add(section.size)?;
            (end <= bytes.length()).then_some(section.offset..end)
        });
        Ok(Self { bytes, regions, mappings, notes, files, machine: elf.machine, cut_off, bundled })
    }

    /// Fills what the core does not hold from the files that were mapped: each is taken if its build id is that of
    /// the image in the core. A file whose image the core does not show is not taken.
    pub fn overlay(&mut self, files: &dyn Files) {
        let mut opened: Vec<(String, Option<SharedBytes>)> = Vec::new();
        for i in 0..self.notes.files.len() {
            if self.files[i].is_some() {
                continue;
            }
            let path = &self.notes.files[i].path;
            let known = opened.iter().find(|(name, _)| name == path).map(|(_, file)| file.clone());
            let file = known.unwrap_or_else(|| {
                let file = executable::same_file(self, path, files);
                opened.push((path.clone(), file.clone()));
                file
            });
            self.files[i] = file;
        }
    }

    /// Takes a file for every mapping of that path.
    fn overlay_with(&mut self, path: &str, file: &SharedBytes) {
        for (mapped, backing) in self.notes.files.iter().zip(&mut self.files) {
            if mapped.path == path {
                *backing = Some(Arc::clone(file));
            }
        }
    }

    /// The ranges that came from files.
    pub fn mapped_files(&self) -> &[MappedFile] {
        &self.notes.files
    }

    /// The program, if our own capture put it into the core.
    fn bundled(&self) -> Option<SharedBytes> {
        let range = self.bundled.clone()?;
        Some(Arc::new(Part { file: Arc::clone(&self.bytes), range }))
    }

    /// The file of a mapped path, if it was found and is the same one.
    pub(crate) fn file(&self, path: &str) -> Option<&SharedBytes> {
        let files = self.notes.files.iter().zip(&self.files);
        files.filter(|(mapped, _)| mapped.path == path).find_map(|(_, file)| file.as_ref())
    }

    /// What was cut off, if anything was.
    pub fn cut_off(&self) -> Option<CutOff> {
        self.cut_off
    }

    /// Whether the processor was an arm64 one.
    pub fn is_arm64(&self) -> bool {
        self.machine == EM_AARCH64
    }

    fn region(&self, address: u64) -> Option<&Region> {
        let next = self.regions.partition_point(|region| region.range.start <= address);
        self.regions[..next].last().filter(|region| region.range.contains(&address))
    }

    /// Reads what lies in one region.
    fn read_in(&self, region: &Region, address: u64, buffer: &mut [u8]) -> Result<(), Gap> {
        let gap = |kind| Gap { address, kind };
        let into = address - region.range.start;
        match region.place {
            Place::Core(offset) => match self.bytes.read(offset + into, buffer) {
                true => Ok(()),
                false => Err(gap(GapKind::Unreadable)),
            },
            Place::File(i, offset) => {
                let file = self.files[i].as_ref().ok_or(gap(GapKind::Absent))?;
                read_padded(&**file, offset + into, buffer).ok_or(gap(GapKind::Unreadable))
            }
            Place::Gap(kind) => Err(gap(kind)),
        }
    }
}

/// A mapped file's last page is filled with zeros behind the file's end.
fn read_padded(file: &dyn FileBytes, offset: u64, buffer: &mut [u8]) -> Option<()> {
    let there = file.length().saturating_sub(offset).min(buffer.len() as u64) as usize;
    let page_end = file.length().next_multiple_of(4096);
    if offset.checked_add(buffer.len() as u64)? > page_end {
        return None;
    }
    let (bytes, padding) = buffer.split_at_mut(there);
    padding.fill(0);
    (bytes.is_empty() || file.read(offset, bytes)).then_some(())
}

/// One mapping for each region, with the rights of its segment and the file of its note.
fn mappings(elf: &Elf, regions: &[Region], files: &[MappedFile]) -> Vec<Mapping> {
    let mut loads: Vec<_> = elf.segments.iter().filter(|segment| segment.kind == PT_LOAD).collect();
    loads.sort_by_key(|segment| segment.address);
    let of = |region: &Region| {
        let address = region.range.start;
        let next = loads.partition_point(|segment| segment.address <= address);
        let flags = loads[..next].last().filter(|load| address - load.address < load.memory_size);
        let flags = flags.map_or(4, |segment| segment.flags);
        let next = files.partition_point(|file| file.range.start <= address);
        let file = files[..next].last().filter(|file| file.range.contains(&address));
        Mapping {
            range: region.range.clone(),
            permissions: Permissions {
                read: flags & 4 != 0,
                write: flags & 2 != 0,
                execute: flags & 1 != 0,
                shared: false,
            },
            file: file.map(|file| FileBacking {
                path: file.path.clone(),
                offset: file.offset.wrapping_add(address - file.range.start),
            }),
            name: String::new(),
        }
    };
    regions.iter().map(of).collect()
}

impl ProcessMemory for CoreFile {
    fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }

    fn read_at(&self, address: u64, buffer: &mut [u8]) -> Result<(), Gap> {
        let mut done = 0;
        while done < buffer.len() {
            let unmapped = Gap { address: address.wrapping_add(done as u64), kind: GapKind::Unmapped };
            let at = address.checked_add(done as u64).ok_or(unmapped)?;
            let region = self.region(at).ok_or(unmapped)?;
            let length = (region.range.end - at).min((buffer.len() - done) as u64) as usize;
            self.read_in(region, at, &mut buffer[done..done + length])?;
            done += length;
        }
        Ok(())
    }

    fn borrow_at(&self, address: u64, length: usize) -> Option<&[u8]> {
        let region = self.region(address)?;
        let into = address - region.range.start;
        if into.checked_add(length as u64)? > region.range.end - region.range.start {
            return None;
        }
        match region.place {
            Place::Core(offset) => self.bytes.borrow(offset + into, length),
            Place::File(i, offset) => self.files[i].as_ref()?.borrow(offset + into, length),
            Place::Gap(_) => None,
        }
    }

    fn threads(&self) -> &[Thread] {
        &self.notes.threads
    }

    fn auxiliary(&self) -> &AuxiliaryVector {
        &self.notes.auxiliary
    }
}
