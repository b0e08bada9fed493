//! Writes a recording as it goes: each line is one write, so that a crash cuts the last one at most.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use super::{Header, Record};

/// The version of the form.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// An open recording.
#[derive(Debug)]
pub struct RecordingFile {
    file: File,
    line: Vec<u8>,
}

impl RecordingFile {
    /// Begins a recording, readable by its owner alone. A file that is there is replaced if it is a recording
    /// or empty; any other is left alone.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create(path: &Path, started_unix_ms: u64, program: &[String]) -> io::Result<Self> {
        if std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() > 0) && !is_recording(path)?
        {
            let message = "a file that is no recording is there already";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        let mut recording = Self { file, line: Vec::new() };
        recording.write(&Record::Header(Header {
            schema_version: SCHEMA_VERSION,
            heapdowse: env!("CARGO_PKG_VERSION").to_owned(),
            started_unix_ms,
            program: program.to_vec(),
        }))?;
        Ok(recording)
    }

    /// Adds a line.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, record)?;
        self.line.push(b'\n');
        self.file.write_all(&self.line)
    }

    /// Makes sure that all lines outlive the machine's power, too.
    ///
    /// # Errors
    /// What the file system says.
    pub fn sync(&mut self) -> io::Result<()> {
        match self.file.sync_data() {
            // A pipe or a terminal has nothing to keep.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            other => other,
        }
    }
}

fn is_recording(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(File::open(path)?, 18), &mut start)?;
    Ok(start == br#"{"record":"header""#)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_recordings_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.heapdowse");
        for _ in 0..2 {
            RecordingFile::create(&path, 1, &["node".into()]).unwrap().sync().unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
        }
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let precious = folder.path().join("server.js");
        std::fs::write(&precious, "precious").unwrap();
        let refused = RecordingFile::create(&precious, 1, &[]).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_to_string(&precious).unwrap(), "precious");
    }
}
