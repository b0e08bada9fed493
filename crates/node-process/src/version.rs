//! The version of Node.js that a process runs, without running or asking it.
//!
//! Every build of Node has the address of its headers in it (`process.release.headersUrl`):
//! `.../node-v20.11.0-headers.tar.gz`. Reading a hundred megabytes takes some hundredths of a second, so
//! whoever asks often keeps the answer by [`Executable`].

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::MetadataExt,
};

/// Which executable a process runs: the same for all processes of one installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Executable {
    device: u64,
    inode: u64,
    modified: i64,
}

const BEFORE: &[u8] = b"/node-v";
const AFTER: &[u8] = b"-headers.tar.gz";
/// Longer than any version.
const LONGEST: usize = 64;
const CHUNK: usize = 1 << 20;
/// A larger executable is no Node.
const LARGEST: u64 = 1 << 30;

/// The executable of a process, also in a container and after it was deleted. `None` if it may not be read.
#[must_use]
pub fn executable(pid: u32) -> Option<Executable> {
    let meta = std::fs::metadata(format!("/proc/{pid}/exe")).ok()?;
    Some(Executable { device: meta.dev(), inode: meta.ino(), modified: meta.mtime() })
}

/// Searches the executable of a process, and the libnode it has mapped if there is one, for its version:
/// `20.11.0`.
#[must_use]
pub fn node_version(pid: u32) -> Option<String> {
    let own = File::open(format!("/proc/{pid}/exe")).ok()?;
    let found = |file: File| find_version(file.take(LARGEST)).ok().flatten();
    found(own).or_else(|| {
        // Distributions keep most of Node in a library.
        let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
        let path = maps.lines().find_map(|line| {
            let path = line.split_once('/')?.1;
            path.rsplit('/').next()?.starts_with("libnode.so").then(|| format!("/proc/{pid}/root/{path}"))
        })?;
        found(File::open(path).ok()?)
    })
}

fn find_version(mut input: impl Read) -> io::Result<Option<String>> {
    let finder = memchr::memmem::Finder::new(BEFORE);
    let overlap = BEFORE.len() + LONGEST + AFTER.len();
    let mut buffer = Vec::with_capacity(CHUNK + overlap);
    loop {
        let kept = buffer.len().min(overlap);
        buffer.drain(..buffer.len() - kept);
        if (&mut input).take(CHUNK as u64).read_to_end(&mut buffer)? == 0 {
            return Ok(None);
        }
        let found = finder.find_iter(&buffer).find_map(|at| version_at(&buffer[at + BEFORE.len()..]));
        if found.is_some() {
            return Ok(found);
        }
    }
}

fn version_at(bytes: &[u8]) -> Option<String> {
    let end = memchr::memmem::find(&bytes[..bytes.len().min(LONGEST + AFTER.len())], AFTER)?;
    let version = std::str::from_utf8(&bytes[..end]).ok()?;
    let is_version = version.split('.').count() >= 3
        && version.starts_with(|c: char| c.is_ascii_digit())
        && version.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+'));
    is_version.then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_found_wherever_it_lies() {
        let name = b"https://nodejs.org/download/release/v22.1.0/node-v22.1.0-headers.tar.gz\0";
        for before in [0, 5, CHUNK - 70, CHUNK - 50, CHUNK - 20, CHUNK, 2 * CHUNK - 33] {
            let mut bytes = vec![b'x'; before];
            bytes.extend_from_slice(name);
            assert_eq!(find_version(bytes.as_slice()).unwrap().as_deref(), Some("22.1.0"), "{before}");
        }
        let nightly = b"/node-v26.0.0-nightly20260101abc-headers.tar.gz";
        assert_eq!(find_version(&nightly[..]).unwrap().as_deref(), Some("26.0.0-nightly20260101abc"));
        for other in
            [&b""[..], b"/node-v", b"/node-v1/../../x-headers.tar.gz", b"/node-vx.1.2-headers.tar.gz"]
        {
            assert_eq!(find_version(other).unwrap(), None);
        }
    }

    #[test]
    fn a_real_node_says_its_version() {
        use std::process::{Command, Stdio};
        let output = Command::new("node").arg("--version").output().unwrap();
        let mut child = Command::new("node")
            .args(["-e", "setTimeout(() => {}, 60000)"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let version = node_version(child.id());
        let same = executable(child.id()).is_some() && executable(child.id()) == executable(child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(version.map(|v| format!("v{v}\n")).unwrap().into_bytes(), output.stdout);
        assert!(same);
    }
}
