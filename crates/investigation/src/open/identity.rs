//! What a file is known by in the cache.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use xxhash_rust::xxh3::Xxh3;

/// Places in the file that are looked at, beginning and end among them.
const SAMPLES: u64 = 64;
const SAMPLE_BYTES: usize = 4096;

/// Bytes that change when the file is another one, or was changed: device, inode, size, times of modification
/// and of change, and a hash over samples of the content. `None` for what is no regular file.
pub(super) fn identity(file: &File) -> io::Result<Option<Vec<u8>>> {
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Ok(None);
    }
    let mut hash = Xxh3::new();
    let mut sample = vec![0; SAMPLE_BYTES];
    let last = meta.size().saturating_sub(SAMPLE_BYTES as u64);
    for number in 0..SAMPLES {
        let offset = (u128::from(last) * u128::from(number) / u128::from(SAMPLES - 1)) as u64;
        let got = file.read_at(&mut sample, offset)?;
        hash.update(&sample[..got]);
    }
    let mut identity = Vec::with_capacity(72);
    for value in [
        meta.dev(),
        meta.ino(),
        meta.size(),
        meta.mtime() as u64,
        meta.mtime_nsec() as u64,
        meta.ctime() as u64,
        meta.ctime_nsec() as u64,
        hash.digest(),
    ] {
        identity.extend_from_slice(&value.to_le_bytes());
    }
    Ok(Some(identity))
}
