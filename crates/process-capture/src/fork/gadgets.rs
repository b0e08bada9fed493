//! The search for code in the process that makes a system call and returns, and for the code that signal handlers
//! return to. No code is ever written into the process.

use crate::{
    arch::{self, GADGET_OVERLAP, Gadgets},
    door,
    target::regions::Region,
};

/// Code that is read at once.
const PIECE: usize = 1 << 20;
/// A program with more code than this is searched no further.
const MOST: u64 = 256 << 20;

/// Finds both. The C library is looked at first, as it has both in every program.
pub(crate) fn find(pid: u32, regions: &[Region]) -> Option<Gadgets> {
    let code = |region: &&Region| {
        region.permissions.execute
            && region.permissions.read
            && region.inode != 0
            && !region.permissions.shared
    };
    let is_libc = |region: &&Region| {
        let file = region.name.rsplit('/').next().unwrap_or_default();
        file.starts_with("libc.") || file.starts_with("libc-") || file.starts_with("ld-musl")
    };
    let (first, then): (Vec<_>, Vec<_>) = regions.iter().filter(code).partition(is_libc);
    let (mut call, mut restorer, mut searched) = (None, None, 0);
    for region in first.into_iter().chain(then) {
        let mut at = region.range.start;
        while at < region.range.end && searched < MOST {
            let mut piece = vec![0; PIECE.min((region.range.end - at) as usize)];
            let Ok(length) = door::read_memory(pid, at, &mut piece) else { break };
            let (found_call, found_restorer) = arch::find(&piece[..length]);
            call = call.or(found_call.map(|offset| at + offset as u64));
            restorer = restorer.or(found_restorer.map(|offset| at + offset as u64));
            if let (Some(call), Some(restorer)) = (call, restorer) {
                return Some(Gadgets { call, restorer });
            }
            if length <= GADGET_OVERLAP {
                break;
            }
            searched += length as u64;
            at += (length - GADGET_OVERLAP) as u64;
        }
    }
    None
}

/// Whether both still lie in code, as they were: a program may have become another one.
pub(crate) fn still_there(pid: u32, gadgets: &Gadgets, regions: &[Region]) -> bool {
    let in_code = |address: u64| {
        let holds = |region: &&Region| region.permissions.execute && region.range.contains(&address);
        regions.iter().find(holds).is_some_and(|region| region.inode != 0)
    };
    let bytes = |address: u64| {
        let mut bytes = [0; GADGET_OVERLAP];
        let length = door::read_memory(pid, address, &mut bytes).unwrap_or(0);
        arch::find(&bytes[..length])
    };
    in_code(gadgets.call)
        && in_code(gadgets.restorer)
        && bytes(gadgets.call).0 == Some(0)
        && bytes(gadgets.restorer).1 == Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::regions::parse;

    #[test]
    fn a_program_with_a_c_library_has_both() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(50));
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", child.id())).unwrap();
        let regions = parse(&maps);
        let found = find(child.id(), &regions);
        let there = found.map(|found| {
            let moved = |call| Gadgets { call, ..found };
            [found, moved(0x1000), moved(found.restorer)]
                .map(|gadgets| still_there(child.id(), &gadgets, &regions))
        });
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(there, Some([true, false, false]));
    }
}
