//! The bytes of a file, however whoever opened it holds them.

use std::ops::Range;
use std::sync::Arc;

use process_memory::BuildId;

/// A file that does not change.
pub trait FileBytes: Send + Sync {
    /// Its length in bytes.
    fn length(&self) -> u64;

    /// Fills `buffer` with the bytes from `offset` on; answers whether all of them could be read.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> bool;

    /// The same bytes without a copy, if they lie in memory in one piece.
    fn borrow(&self, offset: u64, length: usize) -> Option<&[u8]>;
}

impl<T: AsRef<[u8]> + Send + Sync> FileBytes for T {
    fn length(&self) -> u64 {
        self.as_ref().len() as u64
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> bool {
        match self.borrow(offset, buffer.len()) {
            Some(bytes) => {
                buffer.copy_from_slice(bytes);
                true
            }
            None => false,
        }
    }

    fn borrow(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let start = usize::try_from(offset).ok()?;
        self.as_ref().get(start..start.checked_add(length)?)
    }
}

/// A file that is shared between readers.
pub type SharedBytes = Arc<dyn FileBytes>;

/// A file that lies inside another one.
pub(crate) struct Part {
    pub(crate) file: SharedBytes,
    pub(crate) range: Range<u64>,
}

impl FileBytes for Part {
    fn length(&self) -> u64 {
        self.range.end - self.range.start
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> bool {
        let end = offset.checked_add(buffer.len() as u64);
        end.is_some_and(|end| end <= self.length()) && self.file.read(self.range.start + offset, buffer)
    }

    fn borrow(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let end = offset.checked_add(length as u64)?;
        (end <= self.length()).then(|| self.file.borrow(self.range.start + offset, length))?
    }
}

/// Opens the files that a core speaks of: the executable and the libraries.
pub trait Files {
    /// The file of this path, if there is one that can be read.
    fn open(&self, path: &str) -> Option<SharedBytes>;

    /// Paths at which the file with this build id might also be, best first.
    fn elsewhere(&self, path: &str, build_id: &BuildId) -> Vec<String>;
}

/// `length` bytes from `offset`; none if the file has not so many. What is asked for is bounded by the file's own
/// length, so that a length that lies costs nothing.
pub(crate) fn bytes_at(file: &dyn FileBytes, offset: u64, length: u64) -> Option<Vec<u8>> {
    if offset.checked_add(length)? > file.length() {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    file.read(offset, &mut bytes).then_some(bytes)
}
