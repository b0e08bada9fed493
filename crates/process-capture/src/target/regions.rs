//! The mappings of a process, from `/proc/PID/maps` and `/proc/PID/smaps`.

use std::ops::Range;

use process_memory::{FileBacking, Mapping, Permissions};

use super::flags::Flags;

/// One mapping.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Region {
    /// Its addresses.
    pub(crate) range: Range<u64>,
    /// What it allows.
    pub(crate) permissions: Permissions,
    /// Where in its file it begins.
    pub(crate) offset: u64,
    /// The inode of its file; 0 for none.
    pub(crate) inode: u64,
    /// Path or name, as the process sees it; `\n` is written as `\012` by the kernel.
    pub(crate) name: String,
    /// The kernel's flags.
    pub(crate) flags: Flags,
    /// Whether the flags were read for this very mapping; `maps` has none.
    pub(crate) settled: bool,
    /// Resident bytes that belong to the process alone.
    pub(crate) private: u64,
}

impl Region {
    /// Whether it is memory without a file that only this process has.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.inode == 0 && !self.permissions.shared && !self.is_special()
    }

    /// Whether the kernel itself made it (`[vdso]`, `[vvar]`, ...).
    pub(crate) fn is_special(&self) -> bool {
        matches!(self.name.as_str(), "[vdso]" | "[vvar]" | "[vvar_vclock]" | "[vsyscall]" | "[uprobes]")
    }

    /// Whether its file has no name any more, as that of shared memory without a file.
    pub(crate) fn is_nameless_file(&self) -> bool {
        self.inode != 0 && (self.name.ends_with(" (deleted)") || self.name.starts_with("/SYSV"))
    }

    /// Whether the kernel is known to have set one of these flags.
    pub(crate) fn has(&self, flags: Flags) -> bool {
        self.flags.any(flags)
    }

    /// As readers of memory know it.
    pub(crate) fn mapping(&self) -> Mapping {
        let file = (self.inode != 0).then(|| FileBacking { path: self.name.clone(), offset: self.offset });
        let name = if file.is_some() { String::new() } else { self.name.clone() };
        Mapping { range: self.range.clone(), permissions: self.permissions, file, name }
    }
}

/// Reads either file: the lines of `smaps` between two mappings are taken where they are there.
pub(crate) fn parse(text: &str) -> Vec<Region> {
    let mut regions: Vec<Region> = Vec::new();
    for line in text.lines() {
        if let Some(region) = header(line) {
            regions.push(region);
            continue;
        }
        let (Some(region), Some((field, value))) = (regions.last_mut(), line.split_once(':')) else {
            continue;
        };
        match field {
            "VmFlags" => (region.flags, region.settled) = (Flags::parse(value), true),
            "Private_Clean" | "Private_Dirty" | "Private_Hugetlb" => {
                let kilobytes =
                    value.trim().strip_suffix(" kB").and_then(|number| number.parse::<u64>().ok());
                region.private += kilobytes.unwrap_or(0) << 10;
            }
            _ => {}
        }
    }
    regions
}

/// Gives the flags of earlier regions to those of now. What has the same bounds, rights and file is taken to be the
/// same, and memory without a file also with other rights: V8 makes pages of code writable and executable in turns
/// (`mprotect`), and their other flags stay. Of what overlaps, all is taken over that keeps memory out of a core, and
/// nothing that we would change.
pub(crate) fn settle(now: &mut [Region], before: &[Region]) {
    for region in now {
        let from = before.partition_point(|old| old.range.end <= region.range.start);
        let overlapping = before[from..].iter().take_while(|old| old.range.start < region.range.end);
        for old in overlapping {
            let rights = old.permissions == region.permissions || old.is_anonymous() && region.is_anonymous();
            let file = (old.inode, old.offset) == (region.inode, region.offset);
            let same = old.range == region.range && rights && file;
            if same {
                (region.flags, region.settled) = (old.flags, old.settled);
            } else {
                region.flags = region.flags.or(old.flags.without(Flags::NO_FORK));
            }
        }
    }
}

/// `7f12-7f34 r-xp 00001000 fd:00 1234     /usr/lib/libc.so.6`
fn header(line: &str) -> Option<Region> {
    let mut parts = line.splitn(6, ' ');
    let (start, end) = parts.next()?.split_once('-')?;
    let number = |text: &str| u64::from_str_radix(text, 16).ok();
    let range = number(start)?..number(end)?;
    let letters = parts.next()?.as_bytes();
    let [read, write, execute, shared] = letters.try_into().ok()?;
    let permissions = Permissions {
        read: read == b'r',
        write: write == b'w',
        execute: execute == b'x',
        shared: shared == b's',
    };
    let offset = number(parts.next()?)?;
    let _device = parts.next()?;
    let inode = parts.next()?.parse().ok()?;
    let name = parts.next().unwrap_or_default().trim_start_matches(' ').to_owned();
    Some(Region {
        range,
        permissions,
        offset,
        inode,
        name,
        flags: Flags::default(),
        settled: false,
        private: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &str = "\
1c1d80000000-1c1d80040000 rw-p 00000000 00:00 0 
Size:                256 kB
Private_Clean:         4 kB
Private_Dirty:       120 kB
Anonymous:           124 kB
VmFlags: rd wr mr mw me dc ac sd 
7f0000000000-7f0000001000 r-xp 00002000 fd:00 77                         /usr/lib/a file: 1.so
VmFlags: rd ex mr mw me 
7f0000002000-7f0000003000 rw-s 00000000 00:01 9                          /memfd:x (deleted)
7fff00000000-7fff00002000 r-xp 00000000 00:00 0                          [vdso]
";

    #[test]
    fn mappings_their_names_and_flags_are_read() {
        let regions = parse(SMAPS);
        assert_eq!(regions.len(), 4);
        let heap = &regions[0];
        assert_eq!((heap.range.clone(), heap.private), (0x1c1d80000000..0x1c1d80040000, 124 << 10));
        assert!(heap.is_anonymous() && heap.has(Flags::NO_FORK) && !heap.has(Flags::NO_DUMP));
        assert_eq!((regions[1].name.as_str(), regions[1].offset), ("/usr/lib/a file: 1.so", 0x2000));
        assert!(
            regions[1].permissions.execute && !regions[1].is_anonymous() && !regions[1].is_nameless_file()
        );
        assert!(regions[2].permissions.shared && regions[2].is_nameless_file() && !regions[2].settled);
        assert!(regions[3].is_special() && !regions[3].is_anonymous());
        assert_eq!(regions[1].mapping().file.unwrap().offset, 0x2000);
        assert_eq!(regions[3].mapping().name, "[vdso]");
    }

    #[test]
    fn flags_stay_with_what_did_not_change() {
        let before = parse(SMAPS);
        let now = SMAPS.replace("1c1d80040000 rw", "1c1d80041000 rw").replace("VmFlags: rd ex", "Size: ");
        let mut now = parse(&now);
        now.iter_mut().for_each(|region| (region.flags, region.settled) = (Flags::default(), false));
        settle(&mut now, &before);
        assert!(!now[0].settled && !now[0].has(Flags::NO_FORK), "it grew: it may be another one");
        assert!(now[1].settled);
        let old =
            Region { flags: Flags::NO_DUMP, range: 0x1c1d80000000..0x1c1d80001000, ..Region::default() };
        settle(&mut now, &[old]);
        assert!(now[0].has(Flags::NO_DUMP) && !now[0].settled);
    }

    #[test]
    fn flags_stay_with_memory_whose_rights_changed() {
        let before = parse(SMAPS);
        let mut now =
            parse(&SMAPS.replace("rw-p 0000", "r-xp 0000").replace("r-xp 00002000", "r--p 00002000"));
        now.iter_mut().for_each(|region| (region.flags, region.settled) = (Flags::default(), false));
        assert_ne!(now[0].permissions, before[0].permissions);
        settle(&mut now, &before);
        assert!(now[0].settled && now[0].has(Flags::NO_FORK));
        assert!(!now[1].settled, "a file that changed its rights may be mapped anew");
    }

    #[test]
    fn the_files_of_this_process_are_read() {
        let text = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let regions = parse(&text);
        let own = &regions as *const _ as u64;
        let stack = regions.iter().find(|region| region.range.contains(&own)).unwrap();
        assert!(stack.permissions.write && stack.settled && stack.private > 0);
        assert!(regions.is_sorted_by_key(|region| region.range.start));
    }
}
