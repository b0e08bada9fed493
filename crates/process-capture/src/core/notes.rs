//! The notes that debuggers read, in the order in which the kernel writes them (`fs/binfmt_elf.c`): the first
//! thread's status, what is said once, the first thread's other registers, then each further thread.

use crate::{
    door::RegisterSet,
    target::{Target, regions::Region},
    threads::ThreadState,
};

const PRSTATUS: u32 = 1;
const PRPSINFO: u32 = 3;
const AUXV: u32 = 6;
const SIGINFO: u32 = 0x5349_4749;
const FILE: u32 = 0x4649_4c45;

/// One note; name and content are each padded to 4 bytes.
pub(crate) fn note(into: &mut Vec<u8>, name: &str, kind: u32, content: &[u8]) {
    for value in [name.len() as u32 + 1, content.len() as u32, kind] {
        into.extend_from_slice(&value.to_le_bytes());
    }
    for part in [&[name.as_bytes(), b"\0"].concat(), content] {
        into.extend_from_slice(part);
        into.resize(into.len().next_multiple_of(4), 0);
    }
}

/// All of them.
pub(crate) fn notes(target: &Target, states: &[ThreadState], regions: &[Region]) -> Vec<u8> {
    let mut notes = Vec::new();
    // The thread that a signal was about to reach comes first, as in the core of a crash.
    let mut order: Vec<&ThreadState> = states.iter().collect();
    order.sort_by_key(|state| state.signal.is_none());
    for (i, state) in order.iter().enumerate() {
        note(&mut notes, "CORE", PRSTATUS, &status(target, state));
        if i == 0 {
            note(&mut notes, "CORE", PRPSINFO, &process(target));
            let information = state.signal.map_or([0; 128], |signal| signal.1);
            note(&mut notes, "CORE", SIGINFO, &information);
            note(&mut notes, "CORE", AUXV, &target.auxiliary);
            note(&mut notes, "CORE", FILE, &files(regions));
        }
        note(&mut notes, "CORE", RegisterSet::FloatingPoint.note(), &state.floating_point);
        if let Some(extended) = &state.extended {
            note(&mut notes, "LINUX", RegisterSet::Extended.note(), extended);
        }
    }
    notes
}

/// `struct elf_prstatus` (`sys/procfs.h`).
fn status(target: &Target, state: &ThreadState) -> Vec<u8> {
    let signal = state.signal.map_or(0, |signal| signal.0);
    let mut bytes = Vec::with_capacity(336);
    for value in [signal, 0, 0] {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes.extend_from_slice(&(signal as u32).to_le_bytes());
    bytes.extend_from_slice(&0u64.to_le_bytes());
    bytes.extend_from_slice(&state.mask.to_le_bytes());
    let of = &target.status;
    for value in [state.tid, of.parent, of.group, of.session] {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    for ticks in of.times {
        // `struct timeval`; the kernel counts a hundred ticks a second here, on every machine.
        bytes.extend_from_slice(&(ticks / 100).to_le_bytes());
        bytes.extend_from_slice(&(ticks % 100 * 10_000).to_le_bytes());
    }
    bytes.extend_from_slice(&state.general);
    // The other registers are there.
    bytes.extend_from_slice(&1u64.to_le_bytes());
    bytes
}

/// `struct elf_prpsinfo`.
fn process(target: &Target) -> Vec<u8> {
    let of = &target.status;
    let letters = "RSDTZW";
    let state = letters.find(of.state).unwrap_or(0) as u8;
    let mut bytes = vec![state, of.state as u8, 0, of.nice as u8, 0, 0, 0, 0];
    bytes.extend_from_slice(&of.flags.to_le_bytes());
    for value in [of.user, of.user_group, target.pid, of.parent, of.group, of.session] {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes.extend(padded::<16>(of.name.as_bytes()));
    let arguments: Vec<u8> =
        target.command_line.iter().map(|byte| if *byte == 0 { b' ' } else { *byte }).collect();
    bytes.extend(padded::<80>(arguments.trim_ascii_end()));
    bytes
}

/// Text of at most N-1 bytes, filled with zeros.
fn padded<const N: usize>(text: &[u8]) -> [u8; N] {
    let mut field = [0; N];
    let length = text.len().min(N - 1);
    field[..length].copy_from_slice(&text[..length]);
    field
}

/// `NT_FILE`: how many, the size of a page, then start, end and offset in pages of each, then the names.
fn files(regions: &[Region]) -> Vec<u8> {
    let mapped: Vec<&Region> = regions.iter().filter(|region| region.inode != 0).collect();
    let page = crate::door::PAGE;
    let mut bytes = Vec::new();
    let mut put = |value: u64| bytes.extend_from_slice(&value.to_le_bytes());
    put(mapped.len() as u64);
    put(page);
    for region in &mapped {
        put(region.range.start);
        put(region.range.end);
        put(region.offset / page);
    }
    for region in mapped {
        bytes.extend_from_slice(region.name.as_bytes());
        bytes.push(0);
    }
    bytes
}
