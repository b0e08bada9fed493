//! Capturing a process as a core: at once, when something happens, or as a test of this machine.
//!
//! The capture itself is `process-capture`; docs/capture.md says what it does to a process.

mod self_test;
mod trigger;
mod wait;

pub use process_capture::{
    CaptureError, CaptureRequest, Captured, Destination, Event, Hold, HoldOptions, Mode, Skipped, Target,
    Why, Written, capture,
};
pub use self_test::{SelfTest, SelfTestError, self_test};
pub use trigger::Trigger;
pub use wait::{Fired, WaitError, WaitOptions, wait};

use std::path::{Path, PathBuf};

/// The name of a core, as gcore gives it: `PREFIX.PID`, numbered where there are several, `.zst` where it is
/// compressed.
#[must_use]
pub fn core_name(prefix: &Path, pid: u32, number: Option<u32>, compressed: bool) -> PathBuf {
    let mut name = prefix.as_os_str().to_owned();
    name.push(format!(".{pid}"));
    if let Some(number) = number {
        name.push(format!(".{number}"));
    }
    if compressed {
        name.push(".zst");
    }
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_gcore() {
        assert_eq!(core_name(Path::new("core"), 42, None, false), Path::new("core.42"));
        assert_eq!(core_name(Path::new("/tmp/x"), 42, Some(2), true), Path::new("/tmp/x.42.2.zst"));
    }
}
