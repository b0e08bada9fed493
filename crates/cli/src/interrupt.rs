//! Ctrl-C: work stops at its next step; what does not come to one in time is ended.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use crate::failure::INTERRUPTED;

static ASKED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
static PATIENT: AtomicBool = AtomicBool::new(false);
static CRITICAL: AtomicU32 = AtomicU32::new(0);

/// Patience with a step that does not look up.
const GRACE: Duration = Duration::from_millis(500);

/// Begins to listen for Ctrl-C.
pub(crate) fn install() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| {
        let again = ASKED.swap(true, Ordering::Relaxed);
        if PATIENT.load(Ordering::Relaxed) && !again {
            return;
        }
        std::thread::sleep(GRACE);
        while CRITICAL.load(Ordering::Acquire) > 0 {
            std::thread::sleep(GRACE);
        }
        std::process::exit(i32::from(INTERRUPTED));
    })
}

/// Whether the user pressed Ctrl-C.
pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}

/// From now on Ctrl-C ends what is being done, and not the program, unless it is pressed twice.
pub(crate) fn be_patient() {
    PATIENT.store(true, Ordering::Relaxed);
}

/// What was being done has ended; the next Ctrl-C is another one.
pub(crate) fn answered() {
    ASKED.store(false, Ordering::Relaxed);
}

/// Raised by Ctrl-C.
pub(crate) fn flag() -> Arc<AtomicBool> {
    Arc::clone(&ASKED)
}

/// While it lives, Ctrl-C does not end the program by force: something must be cleaned up first.
pub(crate) struct Critical(());

impl Critical {
    pub(crate) fn begin() -> Critical {
        CRITICAL.fetch_add(1, Ordering::AcqRel);
        Critical(())
    }
}

impl Drop for Critical {
    fn drop(&mut self) {
        CRITICAL.fetch_sub(1, Ordering::AcqRel);
    }
}
