//! Large files written past the page cache.
//!
//! The kernel takes longer to copy a snapshot into its cache than we take for most steps of making it (a quarter of the
//! processor time of `heapdowse snapshot`), and the cache counts as memory of the container that writes. So whole parts
//! are handed to the disk as they lie in our memory (`O_DIRECT`, open(2)), by a thread of their own; where a file system
//! does not take that, they are written as usual.

use std::{
    fs::File,
    io::{self, Write},
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// Bytes that are written at once.
const PART: usize = 1 << 20;
/// Direct writes begin at such addresses and have such lengths: the largest block that disks have.
const BLOCK: usize = 4096;
/// Parts that may wait for the disk.
const WAITING: usize = 2;

/// Writes a file from its start to its end.
#[derive(Debug)]
pub(crate) struct PastCache {
    file: Arc<File>,
    part: Part,
    /// Begun with the first full part.
    disk: Option<Disk>,
}

impl PastCache {
    /// For an empty file that nobody else writes to.
    pub(crate) fn new(file: File) -> Self {
        Self { file: Arc::new(file), part: Part::new(), disk: None }
    }

    /// Writes what is left.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if let Some(disk) = self.disk.take() {
            disk.finish()?;
            set_direct(&self.file, false)?;
        }
        (&*self.file).write_all(self.part.filled())
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let disk = match &mut self.disk {
            Some(disk) => disk,
            None => self.disk.insert(Disk::start(self.file.clone())?),
        };
        match disk.swap(std::mem::take(&mut self.part)) {
            Some(empty) => {
                self.part = empty;
                Ok(())
            }
            // The thread ended early: it has the reason.
            None => {
                self.part = Part::new();
                self.disk.take().map_or(Ok(()), Disk::finish)?;
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
    }
}

impl Write for PastCache {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.part.length == PART {
            self.hand_over()?;
        }
        Ok(self.part.take(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A buffer whose content begins at a block's bounds.
#[derive(Debug, Default)]
struct Part {
    bytes: Vec<u8>,
    start: usize,
    length: usize,
}

impl Part {
    fn new() -> Self {
        let bytes = vec![0_u8; PART + BLOCK];
        let start = bytes.as_ptr().align_offset(BLOCK);
        Self { bytes, start, length: 0 }
    }

    fn filled(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.length]
    }

    /// Takes as much as there is room for; answers how much that is.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(PART - self.length);
        let at = self.start + self.length;
        self.bytes[at..at + taken].copy_from_slice(&bytes[..taken]);
        self.length += taken;
        taken
    }
}

/// The thread that writes.
#[derive(Debug)]
struct Disk {
    full: SyncSender<Part>,
    empty: Receiver<Part>,
    thread: JoinHandle<io::Result<()>>,
}

impl Disk {
    fn start(file: Arc<File>) -> io::Result<Self> {
        // Not every file system can; the file is written through the cache then.
        let is_direct = set_direct(&file, true).is_ok();
        let (full, to_write) = sync_channel::<Part>(WAITING);
        let (written, empty) = sync_channel(WAITING + 1);
        for _ in 0..WAITING {
            // There is room for all of them.
            let _ = written.try_send(Part::new());
        }
        let mut writer = Writer { file, is_direct };
        let write = move || {
            for mut part in to_write {
                writer.all(part.filled())?;
                part.length = 0;
                let _ = written.try_send(part);
            }
            Ok(())
        };
        let thread = std::thread::Builder::new().name("disk".to_owned()).spawn(write)?;
        Ok(Self { full, empty, thread })
    }

    /// Gives a full part for an empty one; `None` if the thread takes no more.
    fn swap(&self, part: Part) -> Option<Part> {
        self.full.send(part).ok()?;
        self.empty.recv().ok()
    }

    fn finish(self) -> io::Result<()> {
        drop(self.full);
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that writes the file failed")))
    }
}

/// What the thread does with a part.
struct Writer {
    file: Arc<File>,
    is_direct: bool,
}

impl Writer {
    fn all(&mut self, mut rest: &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            match (&*self.file).write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // What was not known before: the file system wants it another way, or the disk has larger blocks.
                Err(error) if self.is_direct && error.raw_os_error() == Some(nix::libc::EINVAL) => {
                    self.is_direct = false;
                    set_direct(&self.file, false)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn set_direct(file: &File, wanted: bool) -> io::Result<()> {
    let mut flags = OFlag::from_bits_retain(fcntl(file, FcntlArg::F_GETFL)?);
    flags.set(OFlag::O_DIRECT, wanted);
    fcntl(file, FcntlArg::F_SETFL(flags))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Lengths around the bounds of parts, written in pieces of some lengths.
    fn written_as_given(folder: &Path) {
        let lengths = [0, 1, BLOCK, PART - 1, PART, PART + 1, 5 * PART - 3, 5 * PART, 5 * PART + BLOCK + 7];
        for (length, piece) in lengths.into_iter().zip([1, 7, 4096, 100_003, 65_536].into_iter().cycle()) {
            let content: Vec<u8> = (0..length).map(|at| (at * 31 + at / 251) as u8).collect();
            let path = folder.join(length.to_string());
            let mut file = PastCache::new(File::create_new(&path).unwrap());
            content.chunks(piece).for_each(|piece| file.write_all(piece).unwrap());
            file.finish().unwrap();
            assert!(std::fs::read(&path).unwrap() == content, "{length} bytes in pieces of {piece}");
        }
    }

    #[test]
    fn what_is_written_is_in_the_file() {
        written_as_given(tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap().path());
        // A file system in memory, which older kernels cannot write to directly.
        written_as_given(tempfile::tempdir_in("/dev/shm").unwrap().path());
    }

    #[test]
    fn a_length_that_the_disk_does_not_take_is_written_through_the_cache() {
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let path = folder.path().join("odd");
        let file = Arc::new(File::create_new(&path).unwrap());
        let is_direct = set_direct(&file, true).is_ok();
        let mut writer = Writer { file, is_direct };
        writer.all(&[1; 1000]).unwrap();
        writer.all(&[2; BLOCK]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), [[1; 1000].as_slice(), &[2; BLOCK]].concat());
    }

    #[test]
    fn a_full_disk_is_told_and_told_again() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut file = PastCache::new(full);
        let mut write = || (0..20).find_map(|_| file.write_all(&[7; PART]).err());
        for _ in 0..2 {
            assert_eq!(write().unwrap().raw_os_error(), Some(nix::libc::ENOSPC));
        }
    }
}
