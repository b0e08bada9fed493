//! The `HeapProfiler` domain: full collections and snapshots.

use std::io::{Read, Write};

use serde::Deserialize;
use serde_json::json;

use crate::{InspectorError, Session, chunk::unescape_into, session::Listener};

/// How far the target is in building a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct SnapshotProgress {
    /// Objects done.
    pub done: u64,
    /// Objects in all, as the target estimates it.
    pub total: u64,
    /// Set with the last report.
    #[serde(default)]
    pub finished: bool,
}

impl<S: Read + Write> Session<S> {
    /// One full garbage collection.
    ///
    /// # Errors
    /// When the target refuses or is gone.
    pub fn collect_garbage(&mut self) -> Result<(), InspectorError> {
        self.call::<serde_json::Value>("HeapProfiler.collectGarbage", json!({})).map(drop)
    }

    /// Remembers the stack of every allocation from now on; later snapshots say it. The target gets about twelve times
    /// slower.
    ///
    /// # Errors
    /// When the target refuses or is gone.
    pub fn start_allocation_stacks(&mut self) -> Result<(), InspectorError> {
        let params = json!({ "trackAllocations": true });
        self.call::<serde_json::Value>("HeapProfiler.startTrackingHeapObjects", params).map(drop)
    }

    /// Ends what [`start_allocation_stacks`](Self::start_allocation_stacks) began, without another snapshot.
    ///
    /// # Errors
    /// When the target refuses or is gone.
    pub fn stop_allocation_stacks(&mut self) -> Result<(), InspectorError> {
        self.call::<serde_json::Value>("HeapProfiler.disable", json!({})).map(drop)
    }

    /// Takes a heap snapshot and writes its bytes to `sink` as they arrive.
    ///
    /// A sink that blocks holds up the target's socket and nothing else; a sink that fails does not harm
    /// the session: the rest of the snapshot is passed over, and the failure is the result. Returns the
    /// number of bytes written.
    ///
    /// # Errors
    /// When the target refuses, falls silent or is gone, or when the sink fails.
    pub fn take_heap_snapshot<W: Write>(
        &mut self,
        sink: &mut W,
        progress: &mut dyn FnMut(SnapshotProgress),
    ) -> Result<u64, InspectorError> {
        let mut counted = Counted { sink, bytes: 0, failure: None };
        let params = json!({ "reportProgress": true, "captureNumericValue": false });
        self.call_listening::<serde_json::Value>(
            "HeapProfiler.takeHeapSnapshot",
            params,
            Listener { chunk: Some(&mut |payload| counted.take(payload)), progress: Some(progress) },
        )?;
        match counted.failure {
            Some(failure) => Err(InspectorError::Sink(failure)),
            None => Ok(counted.bytes),
        }
    }
}

struct Counted<'a, W> {
    sink: &'a mut W,
    bytes: u64,
    failure: Option<std::io::Error>,
}

impl<W: Write> Counted<'_, W> {
    fn take(&mut self, payload: &[u8]) {
        if self.failure.is_none() {
            self.failure = unescape_into(payload, self).err();
        }
    }
}

impl<W: Write> Write for Counted<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.sink.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.sink.flush()
    }
}
