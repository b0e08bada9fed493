//! Which mappings a core contains, by the rules of the kernel's own core dumps (core(5), "Controlling which mappings
//! are written to the core dump"), and which of their pages are there.

use std::ops::Range;

use process_memory::{Permissions, ProcessMemory};
use serde::Serialize;

use crate::{
    CaptureError,
    door::{PAGE, Pages, Present},
    hold::Hold,
    target::{Flags, regions::Region},
};

/// Why memory is not in a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The program asked for it (`MADV_DONTDUMP`).
    DontDump,
    /// It belongs to a device.
    Device,
    /// The filter of the process or of the request leaves out mappings of this kind; their content is in files.
    Filter,
    /// The frozen copy does not have it.
    NotForked,
    /// It could not be read.
    Unreadable,
}

/// A mapping as the core has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) range: Range<u64>,
    pub(crate) permissions: Permissions,
    /// How much of it is in the file: all, the first page, or nothing.
    pub(crate) file_size: u64,
    /// What must be read; the rest of the file's part is zero.
    pub(crate) runs: Vec<Range<u64>>,
    /// Why nothing of it is there, unless it was never used.
    pub(crate) skipped: Option<Why>,
}

/// Bits of the filter.
mod filter {
    pub(super) const ANONYMOUS: u64 = 1;
    pub(super) const SHARED_ANONYMOUS: u64 = 1 << 1;
    pub(super) const FILE: u64 = 1 << 2;
    pub(super) const SHARED_FILE: u64 = 1 << 3;
    pub(super) const HEADERS: u64 = 1 << 4;
    pub(super) const HUGE: u64 = 1 << 5;
    pub(super) const SHARED_HUGE: u64 = 1 << 6;
}

/// What belongs into the core.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Content {
    /// The bits of `/proc/PID/coredump_filter`.
    pub(crate) filter: u64,
    /// Whether the program may keep memory out.
    pub(crate) honour_dont_dump: bool,
}

/// How much of a mapping the rules want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Nothing(Why),
    /// All of it, if anything of it is there.
    IfUsed,
    /// All of it, if the process has changed it, else its first page if it is the header of an executable.
    IfChanged,
    All,
}

/// Plans the segments.
pub(crate) fn segments(hold: &Hold, target: u32, content: Content) -> Result<Vec<Segment>, CaptureError> {
    let error = CaptureError::call(target, "reading /proc/PID/pagemap");
    let pages = Pages::open(hold.found.memory_of).map_err(&error)?;
    // A fork does not copy the tables of shared memory, so the process itself is asked for that.
    let of_target = Pages::open(target).map_err(&error)?;
    let mut segments = Vec::with_capacity(hold.found.regions.len());
    for region in &hold.found.regions {
        if region.name == "[vsyscall]" {
            continue;
        }
        let left_out = hold.left_out().iter().any(|range| range.start == region.range.start);
        let wanted = if left_out { Wanted::Nothing(Why::NotForked) } else { wanted(region, content) };
        let from = if region.permissions.shared { &of_target } else { &pages };
        let present = match wanted {
            Wanted::Nothing(_) | Wanted::All => Present::default(),
            _ => from.present(&region.range).map_err(&error)?,
        };
        let copied = hold.found.copies.bytes.iter().any(|(start, _)| *start == region.range.start);
        segments.push(segment(region, wanted, present, copied, || is_header(hold, region.range.start)));
    }
    Ok(segments)
}

fn segment(
    region: &Region,
    wanted: Wanted,
    present: Present,
    copied: bool,
    is_header: impl FnOnce() -> bool,
) -> Segment {
    let all = region.range.clone();
    let length = all.end - all.start;
    let (file_size, runs, skipped) = match wanted {
        Wanted::Nothing(why) => (0, Vec::new(), Some(why)),
        Wanted::All => (length, vec![all], None),
        _ if copied => (length, vec![all], None),
        Wanted::IfUsed if present.ranges.is_empty() => (0, Vec::new(), None),
        Wanted::IfUsed => (length, present.ranges, None),
        // Pages that the process has not touched are in the file: a hole would read as zeros instead.
        Wanted::IfChanged if present.anonymous => (length, vec![all], None),
        Wanted::IfChanged if region.offset == 0 && region.permissions.read && is_header() => {
            (PAGE, Vec::from([all.start..all.start + PAGE]), None)
        }
        Wanted::IfChanged => (0, Vec::new(), Some(Why::Filter)),
    };
    Segment { range: region.range.clone(), permissions: region.permissions, file_size, runs, skipped }
}

fn wanted(region: &Region, content: Content) -> Wanted {
    let has = |bit| content.filter & bit != 0;
    let all_if = |bit| if has(bit) { Wanted::IfUsed } else { Wanted::Nothing(Why::Filter) };
    let shared = region.permissions.shared;
    if region.name == "[vdso]" {
        return Wanted::All;
    }
    if region.has(Flags::DEVICE.or(Flags::RAW_PAGES)) || region.is_special() {
        return Wanted::Nothing(Why::Device);
    }
    if content.honour_dont_dump && region.has(Flags::NO_DUMP) {
        return Wanted::Nothing(Why::DontDump);
    }
    if region.has(Flags::HUGE) {
        return all_if(if shared { filter::SHARED_HUGE } else { filter::HUGE });
    }
    if shared {
        let nameless = region.is_nameless_file() || region.inode == 0;
        return all_if(if nameless { filter::SHARED_ANONYMOUS } else { filter::SHARED_FILE });
    }
    match region.inode {
        0 => all_if(filter::ANONYMOUS),
        _ if has(filter::FILE) && region.permissions.read => Wanted::All,
        _ if has(filter::ANONYMOUS) || has(filter::HEADERS) => Wanted::IfChanged,
        _ => Wanted::Nothing(Why::Filter),
    }
}

fn is_header(hold: &Hold, address: u64) -> bool {
    let mut magic = [0; 4];
    hold.read_at(address, &mut magic).is_ok() && magic == *b"\x7fELF"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::regions::parse;

    fn region(line: &str) -> Region {
        parse(line).remove(0)
    }

    const USUAL: Content = Content { filter: 0x33, honour_dont_dump: true };

    #[test]
    fn the_kernels_rules_are_followed() {
        let anonymous = region("1000-3000 rw-p 0 00:00 0 ");
        let file = region("1000-3000 r-xp 0 fd:00 5 /lib/x.so");
        let shared_file = region("1000-3000 rw-s 0 fd:00 5 /var/db");
        let shared = region("1000-3000 rw-s 0 00:01 5 /dev/zero (deleted)");
        assert_eq!(wanted(&anonymous, USUAL), Wanted::IfUsed);
        assert_eq!(wanted(&file, USUAL), Wanted::IfChanged);
        assert_eq!(wanted(&shared, USUAL), Wanted::IfUsed);
        assert_eq!(wanted(&shared_file, USUAL), Wanted::Nothing(Why::Filter));
        let text = Content { filter: 0x37, ..USUAL };
        assert_eq!(wanted(&file, text), Wanted::All);
        let secret = Region { flags: Flags::NO_DUMP, ..anonymous };
        assert_eq!(wanted(&secret, USUAL), Wanted::Nothing(Why::DontDump));
        assert_eq!(wanted(&secret, Content { honour_dont_dump: false, ..USUAL }), Wanted::IfUsed);
        let device = Region { flags: Flags::DEVICE, ..shared };
        assert_eq!(wanted(&device, USUAL), Wanted::Nothing(Why::Device));
        assert_eq!(wanted(&region("1000-3000 r--p 0 00:00 0 [vvar]"), USUAL), Wanted::Nothing(Why::Device));
        assert_eq!(wanted(&region("1000-3000 r-xp 0 00:00 0 [vdso]"), USUAL), Wanted::All);
    }

    #[test]
    fn a_changed_file_is_whole_and_an_unchanged_one_is_its_header() {
        let file = region("1000-4000 rw-p 0 fd:00 5 /lib/x.so");
        let page = |anonymous| Present { ranges: Vec::from([0x2000..0x3000]), anonymous };
        let changed = segment(&file, Wanted::IfChanged, page(true), false, || false);
        assert_eq!((changed.file_size, changed.runs), (0x3000, vec![0x1000..0x4000]));
        let header = segment(&file, Wanted::IfChanged, page(false), false, || true);
        assert_eq!((header.file_size, header.runs), (0x1000, vec![0x1000..0x2000]));
        let nothing = segment(&file, Wanted::IfChanged, page(false), false, || false);
        assert_eq!((nothing.file_size, nothing.skipped), (0, Some(Why::Filter)));
        let heap = region("1000-4000 rw-p 0 00:00 0 ");
        let used = segment(&heap, Wanted::IfUsed, page(true), false, || false);
        assert_eq!((used.file_size, used.runs), (0x3000, Vec::from([0x2000..0x3000])));
        let unused = segment(&heap, Wanted::IfUsed, Present::default(), false, || false);
        assert_eq!((unused.file_size, unused.skipped), (0, None));
    }
}
