//! A file mapped into memory: the one place of this crate that needs `unsafe`.

#![allow(unsafe_code, reason = "mapping a file is unsafe: its bytes could change under us")]

use std::fs::File;
use std::io;

use heap_graph::column::Bytes;
use memmap2::Mmap;

/// The bytes of an index file of our own.
pub(super) struct Mapped(Mmap);

impl Mapped {
    /// Maps a file that this program made under a temporary name and renamed when it was whole. Such files are
    /// never written again, only replaced or unlinked, and both leave an existing mapping as it is.
    pub(super) fn new(file: &File) -> io::Result<Mapped> {
        // SAFETY: the bytes must not change while the map lives. Nobody writes to a finished index (see above);
        // it lies in a folder of the user's own with mode 0700, so that only somebody with the same rights
        // could. What is read is checked against hashes, and every use of a value is bounds-checked: bytes
        // changed on purpose can cause a panic, or a bus error if the file is truncated, but no wild access.
        unsafe { Mmap::map(file) }.map(Mapped)
    }
}

impl Bytes for Mapped {
    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The bytes of a user's file: a core, or a program or library that it was of.
pub(crate) struct MappedInput(Mmap);

impl MappedInput {
    /// Maps a file for reading.
    pub(crate) fn new(file: &File) -> io::Result<MappedInput> {
        // SAFETY: the bytes must not change while the map lives. Cores are written once, by the kernel or a debugger,
        // and programs are replaced, not written over. Every use of a value is bounds-checked: a file that is changed
        // on purpose meanwhile can cause wrong answers or a bus error, but no wild access.
        unsafe { Mmap::map(file) }.map(MappedInput)
    }
}

impl AsRef<[u8]> for MappedInput {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
