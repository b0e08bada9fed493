//! Files that appear under their name only when they are whole, readable by their owner alone.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::past_cache::PastCache;

/// A file that is being written. Dropped before [`keep`](WholeFile::keep), it leaves nothing behind.
#[derive(Debug)]
pub struct WholeFile {
    file: tempfile::NamedTempFile,
    content: PastCache,
    name: PathBuf,
}

impl WholeFile {
    /// Begins a file that will be called `name`.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn create(name: PathBuf) -> io::Result<Self> {
        let file =
            tempfile::Builder::new().prefix(".heapdowse-").suffix(".part").tempfile_in(folder_of(&name))?;
        let content = PastCache::new(file.as_file().try_clone()?);
        Ok(Self { file, content, name })
    }

    /// Gives it its name, once all of it is on the disk.
    ///
    /// # Errors
    /// When the rest cannot be written or the name cannot be taken.
    pub fn keep(self) -> io::Result<PathBuf> {
        self.content.finish()?;
        self.file.as_file().sync_all()?;
        drop(self.file.persist(&self.name).map_err(|error| error.error)?);
        // The new name is lost in a power cut unless the folder is synced too.
        File::open(folder_of(&self.name))?.sync_all()?;
        Ok(self.name)
    }
}

fn folder_of(name: &Path) -> &Path {
    name.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.content.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.content.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_appears_whole_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("x.heapsnapshot");
        let mut file = WholeFile::create(name.clone()).unwrap();
        file.write_all(b"whole").unwrap();
        assert!(!name.exists());
        file.keep().unwrap();
        assert_eq!(std::fs::read(&name).unwrap(), b"whole");
        assert_eq!(std::fs::metadata(&name).unwrap().permissions().mode() & 0o777, 0o600);
        drop(WholeFile::create(folder.path().join("never")).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
