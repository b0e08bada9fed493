//! One snapshot of a process that runs already, of its main thread or of a worker.

use std::io::Write;
use std::time::Duration;

use inspector::{DEFAULT_PATIENCE, InspectorError, SnapshotProgress, Worker};

use super::Attached;
use crate::price::{self, Headroom, Price};

/// So long a worker may take to say its number.
const NUMBER_PATIENCE: Duration = Duration::from_secs(3);

impl Attached {
    /// The worker threads, each with a heap of its own.
    ///
    /// # Errors
    /// When the process does not answer or is gone.
    pub fn workers(&mut self) -> Result<Vec<Worker>, InspectorError> {
        self.watched.session.workers()
    }

    /// The same, each with Node's number for it (`worker.threadId`); and how many did not answer, as one that waits
    /// in a system call.
    ///
    /// # Errors
    /// When the process does not answer or is gone.
    pub fn numbered_workers(&mut self) -> Result<(Vec<(u32, Worker)>, usize), InspectorError> {
        let workers = self.workers()?;
        let session = &mut self.watched.session;
        let (mut numbered, mut silent) = (Vec::new(), 0);
        session.set_patience(NUMBER_PATIENCE);
        for worker in workers {
            match session.in_worker(&worker, super::probe::thread_number) {
                Ok(number) => numbered.push((number, worker)),
                Err(InspectorError::Timeout { .. }) => silent += 1,
                // It has ended meanwhile.
                Err(InspectorError::Closed { .. }) if !session.known_workers().contains(&worker) => {}
                Err(error) => return Err(error),
            }
        }
        session.set_patience(DEFAULT_PATIENCE);
        Ok((numbered, silent))
    }

    /// What a snapshot of the main thread or of a worker would cost, and what there is for it.
    ///
    /// # Errors
    /// When the process does not answer or is gone.
    pub fn snapshot_price(&mut self, worker: Option<&Worker>) -> Result<(Price, Headroom), InspectorError> {
        let session = &mut self.watched.session;
        let usage = match worker {
            Some(worker) => session.in_worker(worker, |session| session.heap_usage())?,
            None => session.heap_usage()?,
        };
        let price = price::predict(usage.used_size as u64, &self.watched.process.node_version);
        let room =
            price::headroom(self.watched.process.pid).unwrap_or(Headroom { group: None, machine: None });
        Ok((price, room))
    }

    /// Takes a snapshot, streamed to `sink` as it comes. Returns its length as text.
    ///
    /// # Errors
    /// When the process does not answer or is gone, or the sink fails.
    pub fn snapshot<W: Write>(
        &mut self,
        worker: Option<&Worker>,
        sink: &mut W,
        progress: &mut dyn FnMut(SnapshotProgress),
    ) -> Result<u64, InspectorError> {
        let session = &mut self.watched.session;
        match worker {
            Some(worker) => session.in_worker(worker, |session| session.take_heap_snapshot(sink, progress)),
            None => session.take_heap_snapshot(sink, progress),
        }
    }

    /// The floor of a worker: its used heap after two full collections of it, bytes.
    ///
    /// # Errors
    /// When the process does not answer or is gone.
    pub fn worker_floor(&mut self, worker: &Worker) -> Result<u64, InspectorError> {
        self.watched.worker_floor(worker)
    }
}
