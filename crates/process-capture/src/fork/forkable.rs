//! Which memory a fork leaves out, and by which calls that is changed and changed back.

use std::ops::Range;

use crate::target::{Flags, regions::Region};

/// Calls of `madvise`, and what they cannot reach.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Runs {
    /// Ranges to make forkable.
    pub(crate) open: Vec<Range<u64>>,
    /// Ranges to make unforkable again.
    pub(crate) close: Vec<Range<u64>>,
    /// Memory that the copy will not have.
    pub(crate) left_out: Vec<Range<u64>>,
    /// Mappings that came in the last moment: whether they were forkable is not known, and afterwards they are.
    pub(crate) unsettled: usize,
}

/// Plans the calls for these regions, which must be those of the stopped process.
///
/// A range to open may reach over holes and over what is forkable already. A range to close may reach over holes
/// only: one call too wide, and a child of the process would miss memory of its own.
pub(crate) fn runs(regions: &[Region]) -> Runs {
    const UNTOUCHABLE: Flags = Flags::DEVICE.or(Flags::RAW_PAGES);
    let mut runs = Runs::default();
    // Whether a range may be continued by the next region.
    let (mut opening, mut closing) = (false, false);
    for region in regions {
        let range = &region.range;
        let kept_out = region.has(Flags::NO_FORK);
        if region.has(UNTOUCHABLE) || (kept_out && !region.is_anonymous()) {
            if kept_out {
                runs.left_out.push(range.clone());
            }
            (opening, closing) = (false, false);
            continue;
        }
        let unsettled = !region.settled && region.is_anonymous();
        runs.unsettled += usize::from(unsettled);
        if kept_out || unsettled {
            extend(&mut runs.open, &mut opening, range);
        }
        if kept_out {
            extend(&mut runs.close, &mut closing, range);
        } else {
            closing = false;
        }
    }
    runs
}

fn extend(ranges: &mut Vec<Range<u64>>, going_on: &mut bool, range: &Range<u64>) {
    match ranges.last_mut() {
        Some(last) if *going_on => last.end = range.end,
        _ => ranges.push(range.clone()),
    }
    *going_on = true;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(range: Range<u64>, flags: Flags) -> Region {
        Region { range, flags, settled: true, ..Region::default() }
    }

    #[test]
    fn one_call_opens_what_several_close() {
        let heap = Flags::NO_FORK;
        let regions = [
            region(0x1000..0x2000, heap),
            region(0x3000..0x4000, heap),
            region(0x4000..0x5000, Flags::default()),
            region(0x5000..0x6000, heap),
        ];
        let runs = runs(&regions);
        assert_eq!(runs.open, [0x1000..0x6000]);
        assert_eq!(runs.close, [0x1000..0x4000, 0x5000..0x6000]);
        assert!(runs.left_out.is_empty() && runs.unsettled == 0);
    }

    #[test]
    fn devices_and_files_are_never_crossed() {
        let file = Region { inode: 9, ..region(0x4000..0x5000, Flags::NO_FORK) };
        let regions = [
            region(0x1000..0x2000, Flags::NO_FORK),
            region(0x2000..0x3000, Flags::DEVICE.or(Flags::NO_FORK)),
            region(0x3000..0x4000, Flags::NO_FORK),
            file,
            region(0x5000..0x6000, Flags::NO_FORK),
        ];
        let runs = runs(&regions);
        assert_eq!(runs.open, [0x1000..0x2000, 0x3000..0x4000, 0x5000..0x6000]);
        assert_eq!(runs.close, runs.open);
        assert_eq!(runs.left_out, [0x2000..0x3000, 0x4000..0x5000]);
    }

    #[test]
    fn what_came_in_the_last_moment_is_opened_and_never_closed() {
        let new = Region { settled: false, ..region(0x2000..0x3000, Flags::default()) };
        let runs =
            runs(&[region(0x1000..0x2000, Flags::NO_FORK), new, region(0x3000..0x4000, Flags::NO_FORK)]);
        assert_eq!(runs.open, [0x1000..0x4000]);
        assert_eq!(runs.close, [0x1000..0x2000, 0x3000..0x4000]);
        assert_eq!(runs.unsettled, 1);
    }
}
