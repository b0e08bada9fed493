//! Which executable the process runs, so that a core is read with the right one.

use process_memory::{BuildId, build_id_in_notes};
use serde::Serialize;
use xxhash_rust::xxh3::Xxh3;

use crate::door::{self, File};

/// An executable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Executable {
    /// Its path, as the process sees it.
    pub path: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// When it was last changed, seconds since 1970.
    pub modified: i64,
    /// Its build id, if it has one.
    pub build_id: Option<String>,
    /// XXH3 (128 bits) of all of its bytes, hexadecimal.
    pub xxh3: String,
    /// The version of Node, if it is one.
    pub node_version: Option<String>,
}

/// Looks at the executable of a process. `None` if it may not be read.
pub(crate) fn executable(pid: u32) -> Option<Executable> {
    // Leads to the file itself, also in a container and after it was deleted.
    let link = format!("/proc/{pid}/exe");
    let path = door::read_link(&link).ok()?;
    let (bytes, modified) = door::stat_file(&link).ok()?;
    let file = File::open(&link).ok()?;
    let mut head = vec![0; 64 << 10];
    let length = file.read_at(0, &mut head).ok()?;
    let build_id = build_id(&head[..length]).map(|id| id.to_string());
    let xxh3 = hash(&file)?;
    Some(Executable { path, bytes, modified, build_id, xxh3, node_version: door::node_version(pid) })
}

fn hash(file: &File) -> Option<String> {
    let (mut hash, mut buffer, mut at) = (Xxh3::new(), vec![0; 1 << 20], 0);
    loop {
        match file.read_at(at, &mut buffer).ok()? {
            0 => return Some(format!("{:032x}", hash.digest128())),
            length => {
                hash.update(&buffer[..length]);
                at += length as u64;
            }
        }
    }
}

/// From the notes at the beginning of the file, where linkers put them.
fn build_id(head: &[u8]) -> Option<BuildId> {
    let word = |at: usize| Some(u64::from_le_bytes(head.get(at..at + 8)?.try_into().ok()?));
    let half = |at: usize| Some(u16::from_le_bytes(head.get(at..at + 2)?.try_into().ok()?));
    if head.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let (table, size, count) = (word(32)? as usize, half(54)? as usize, half(56)? as usize);
    (0..count).find_map(|i| {
        let at = table.checked_add(i * size)?;
        let kind = u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?);
        let (from, length) = (word(at + 8)? as usize, word(at + 32)? as usize);
        (kind == 4).then(|| build_id_in_notes(head.get(from..from.checked_add(length)?)?))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_executable_is_known() {
        let found = executable(std::process::id()).unwrap();
        let path = std::env::current_exe().unwrap();
        assert_eq!(found.path, path.display().to_string());
        let bytes = std::fs::read(path).unwrap();
        assert_eq!(found.bytes, bytes.len() as u64);
        assert_eq!(found.xxh3, format!("{:032x}", xxhash_rust::xxh3::xxh3_128(&bytes)));
        assert_eq!(found.node_version, None);
    }
}
