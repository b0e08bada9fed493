//! The recorder: takes records from any thread, and has a thread of its own that looks at the processes.

use std::{
    io,
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime},
};

use super::{Record, RecordingFile, Timeline, sample_process};

/// Between two looks at `/proc`.
const INTERVAL: Duration = Duration::from_millis(500);
/// Every so many looks are thorough.
const THOROUGH: u64 = 10;

/// Records a run or a watch. Dropping it ends its thread.
#[derive(Debug)]
pub struct Recorder {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    started: Instant,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    pids: Vec<u32>,
    timeline: Timeline,
    file: Option<RecordingFile>,
    failure: Option<String>,
    stop: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A record is pushed whole or not at all, so what a panic left behind is sound.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }
}

impl State {
    fn push(&mut self, record: Record) {
        if let Some(file) = &mut self.file
            && let Err(error) = file.write(&record)
        {
            // The run matters more than its recording; the report says that it is cut.
            self.failure = Some(error.to_string());
            self.file = None;
        }
        match record {
            Record::Sample(sample) => self.timeline.push_sample(*sample),
            Record::Gc(collection) => self.timeline.push_collection(collection),
            Record::Event(mark) => self.timeline.push_event(mark),
            Record::Process(process) if !self.pids.contains(&process.pid) => self.pids.push(process.pid),
            Record::Header(_) | Record::Process(_) | Record::Floor(_) | Record::Report(_) => {}
        }
    }
}

impl Recorder {
    /// Begins. Without a file the timeline is in memory only.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn start(file: Option<&Path>, program: &[String]) -> io::Result<Self> {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let started_unix_ms = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
        let file = file.map(|path| RecordingFile::create(path, started_unix_ms, program)).transpose()?;
        let timeline = Timeline::started_at(started_unix_ms);
        let state = State { timeline, file, ..State::default() };
        let shared =
            Arc::new(Shared { started: Instant::now(), state: Mutex::new(state), wake: Condvar::new() });
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("sampler".to_owned())
            .spawn(move || look_again_and_again(&of_thread))?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Seconds since it began.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.shared.seconds()
    }

    /// When it began, milliseconds since 1970.
    #[must_use]
    pub fn started_unix_ms(&self) -> u64 {
        self.shared.lock().timeline.started_unix_ms
    }

    /// Takes up a record. A process is looked at from then on, until it is gone.
    pub fn push(&self, record: Record) {
        self.shared.lock().push(record);
    }

    /// The timeline as it is now.
    #[must_use]
    pub fn timeline(&self) -> Timeline {
        let mut timeline = self.shared.lock().timeline.clone();
        timeline.sort();
        timeline
    }

    /// Ends the thread and the file; `last` is its last line. Answers the timeline, and why the file is not
    /// whole if it is not.
    pub fn finish(self, last: Option<Record>) -> (Timeline, Option<String>) {
        self.end(last)
    }

    /// As [`finish`](Recorder::finish), where others still hold it: what they push later is not recorded.
    pub(crate) fn end(&self, last: Option<Record>) -> (Timeline, Option<String>) {
        self.stop();
        let mut state = self.shared.lock();
        if let Some(record) = last {
            state.push(record);
        }
        if let Some(mut file) = state.file.take()
            && let Err(error) = file.sync()
        {
            state.failure = Some(error.to_string());
        }
        let mut timeline = std::mem::take(&mut state.timeline);
        timeline.sort();
        (timeline, state.failure.take())
    }

    fn stop(&self) {
        self.shared.lock().stop = true;
        self.shared.wake.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // It ends by itself; if it had panicked, samples are missing, and that shows.
            let _ = thread.join();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.stop();
    }
}

fn look_again_and_again(shared: &Shared) {
    let mut looks = 0_u64;
    loop {
        let pids = shared.lock().pids.clone();
        for pid in pids {
            // Looked at without the lock: whoever runs the hunt never waits for /proc.
            let sample = sample_process(pid, shared.seconds(), looks.is_multiple_of(THOROUGH));
            let mut state = shared.lock();
            match sample {
                Some(sample) => state.push(Record::Sample(Box::new(sample))),
                None if !node_process::is_alive(pid) => state.pids.retain(|&known| known != pid),
                None => {}
            }
        }
        looks += 1;
        let state = shared.lock();
        let waited = shared.wake.wait_timeout_while(state, INTERVAL, |state| !state.stop);
        if waited.unwrap_or_else(PoisonError::into_inner).0.stop {
            return;
        }
    }
}
