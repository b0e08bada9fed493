//! Watching processes that run already: never a collection is forced, and no snapshot is taken by V8.
//!
//! One thread for each process reads it at intervals, one counts its classes in frozen copies; one looks for further
//! processes that are meant, so that a restart is followed. What they see goes to one recorder.

mod classes;
mod follow;
mod subject;

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use leak_verdict::Word;

use crate::{
    attach::{AttachOptions, Selector},
    recording::{Mark, MarkKind, Record, Recorder, Timeline},
    run::RunReport,
};

pub use subject::{State, Subject};

/// More processes than this are not watched.
const MOST: usize = 32;
/// Between two looks for further processes.
const SEARCH: Duration = Duration::from_secs(2);
/// Within this, a watcher sees that it shall end.
const SLICE: Duration = Duration::from_millis(50);

/// What to watch, and how.
#[derive(Debug, Clone)]
pub struct WatchOptions {
    /// Which processes.
    pub selector: Selector,
    /// Between two readings of a process.
    pub interval: Duration,
    /// Between two counts of classes; `None` for none.
    pub classes_every: Option<Duration>,
    /// A file that is recorded to.
    pub record: Option<PathBuf>,
    /// How to attach.
    pub attach: AttachOptions,
}

/// Watches until it is finished or dropped; the processes are then let go of, and run on.
pub struct Watch {
    shared: Arc<Shared>,
    search: Option<JoinHandle<()>>,
}

pub(crate) struct Shared {
    pub(crate) options: WatchOptions,
    pub(crate) recorder: Recorder,
    pub(crate) stop: AtomicBool,
    /// Held by whoever counts classes.
    counting: Mutex<()>,
    subjects: Mutex<BTreeMap<u32, Subject>>,
}

impl Shared {
    pub(crate) fn subjects(&self) -> MutexGuard<'_, BTreeMap<u32, Subject>> {
        // Subjects are changed field by field, each of which is sound alone.
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn with(&self, pid: u32, change: impl FnOnce(&mut Subject)) {
        if let Some(subject) = self.subjects().get_mut(&pid) {
            change(subject);
        }
    }

    pub(crate) fn note(&self, pid: u32, kind: MarkKind, text: String) {
        let seconds = self.recorder.seconds();
        self.recorder.push(Record::Event(Mark { seconds, until: None, pid, kind, text }));
    }

    pub(crate) fn stops(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.options.attach.cancel.load(Ordering::Relaxed)
    }
}

impl Watch {
    /// Begins to watch.
    ///
    /// # Errors
    /// If the recording cannot be written.
    pub fn start(options: WatchOptions) -> io::Result<Self> {
        let recorder = Recorder::start(options.record.as_deref(), &[])?;
        let (stop, subjects) = (AtomicBool::new(false), Mutex::default());
        let shared = Arc::new(Shared { options, recorder, stop, counting: Mutex::new(()), subjects });
        let of_thread = Arc::clone(&shared);
        let search =
            std::thread::Builder::new().name("search".to_owned()).spawn(move || search_on(&of_thread))?;
        Ok(Self { shared, search: Some(search) })
    }

    /// All processes that are or were watched, and what was seen of all of them.
    #[must_use]
    pub fn view(&self) -> (Vec<Subject>, Timeline) {
        (self.shared.subjects().values().cloned().collect(), self.shared.recorder.timeline())
    }

    /// All processes that are or were watched.
    #[must_use]
    pub fn subjects(&self) -> Vec<Subject> {
        self.shared.subjects().values().cloned().collect()
    }

    /// Lets go of all processes and sums up. `None` when there was none.
    pub fn finish(mut self) -> Option<RunReport> {
        self.stop();
        let subjects: Vec<Subject> = std::mem::take(&mut *self.shared.subjects()).into_values().collect();
        let seconds = self.shared.recorder.seconds();
        // The worst first: a leak, then what grew, then whoever is known best.
        let rank = |subject: &Subject| {
            let word = subject.verdict().map(|verdict| verdict.word);
            let weight = match word {
                Some(word) if word.is_leak() => 3,
                Some(Word::NativeGrowth) => 2,
                Some(_) => 1,
                None => 0,
            };
            (weight, subject.floors.len())
        };
        let worst = subjects.iter().max_by_key(|subject| rank(subject))?;
        let others = subjects.iter().filter(|other| other.pid != worst.pid);
        let mut report = worst.report(seconds);
        report.warnings.extend(others.map(Subject::line));
        let record = Record::Report(Box::new(report.clone()));
        let (timeline, failure) = self.shared.recorder.end(Some(record));
        report.timeline = timeline;
        report.warnings.extend(failure.map(|failure| format!("the recording is cut: {failure}")));
        Some(report)
    }

    fn stop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(search) = self.search.take() {
            // It joins the watchers, each of which lets go of its process.
            let _ = search.join();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts a watcher for each process that is meant, now and later.
fn search_on(shared: &Arc<Shared>) {
    let mut watchers: Vec<JoinHandle<()>> = Vec::new();
    let is_one = matches!(shared.options.selector, Selector::Pid(_));
    while !shared.stops() {
        for pid in shared.options.selector.all() {
            let mut subjects = shared.subjects();
            // An id that was used before, and is again, is another process.
            let known = subjects.get(&pid).is_some_and(|known| is_one || known.is_same());
            if known || subjects.len() >= MOST || shared.stops() {
                continue;
            }
            subjects.insert(pid, Subject::new(pid));
            drop(subjects);
            let of_thread = Arc::clone(shared);
            let watcher = std::thread::Builder::new().name(format!("watch {pid}"));
            watchers.extend(watcher.spawn(move || follow::follow(&of_thread, pid)));
            if let Some(every) = shared.options.classes_every {
                let of_thread = Arc::clone(shared);
                let counter = std::thread::Builder::new().name(format!("count {pid}"));
                watchers.extend(counter.spawn(move || classes::follow(&of_thread, pid, every)));
            }
        }
        let begun = std::time::Instant::now();
        while begun.elapsed() < SEARCH && !shared.stops() {
            std::thread::sleep(SLICE);
        }
    }
    for watcher in watchers {
        // One that panicked has let go of its process while unwinding.
        let _ = watcher.join();
    }
}
