//! The `NodeTracing` domain: trace events of the whole process, its worker threads included.

use std::{
    io::{Read, Write},
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::{json, value::RawValue};

use crate::{InspectorError, Session, session::decode};

/// How long the events may take to come, once tracing has ended.
const PATIENCE: Duration = Duration::from_secs(10);
/// When nothing more comes for this time, that was all.
const SILENCE: Duration = Duration::from_millis(400);

/// What has arrived of a trace.
#[derive(Debug, Default)]
pub(crate) struct Traced {
    /// Arrays of events as they came, one behind the other.
    events: Vec<u8>,
    /// How many such arrays have come since the session began.
    messages: u64,
}

impl Traced {
    /// Takes the parameters of `NodeTracing.dataCollected`.
    pub(crate) fn take(&mut self, params: &str) -> Result<(), InspectorError> {
        #[derive(Deserialize)]
        struct Collected<'a> {
            #[serde(borrow)]
            value: &'a RawValue,
        }
        let collected: Collected<'_> = decode(params, "events of a trace")?;
        self.events.extend_from_slice(collected.value.get().as_bytes());
        self.messages += 1;
        Ok(())
    }
}

impl<S: Read + Write> Session<S> {
    /// Begins to trace the whole process. Tracing ends with the session at the latest.
    ///
    /// # Errors
    /// When the target refuses (it is traced already) or is gone.
    pub fn start_tracing(&mut self, categories: &[&str]) -> Result<(), InspectorError> {
        self.traced = Traced::default();
        let params = json!({ "traceConfig": { "includedCategories": categories } });
        self.call::<serde_json::Value>("NodeTracing.start", params).map(drop)
    }

    /// Ends tracing and waits for its events. Node.js keeps most of them until then, and sends them after it has said
    /// that tracing is complete: the last are those after which it falls silent.
    ///
    /// # Errors
    /// When the target refuses or is gone.
    pub fn stop_tracing(&mut self) -> Result<(), InspectorError> {
        let before = self.traced.messages;
        self.call::<serde_json::Value>("NodeTracing.stop", json!({}))?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let seen = self.traced.messages;
            let connected = self.pump(SILENCE)?;
            // There is at least one message: that of the process's name and version.
            if !connected || (seen > before && self.traced.messages == seen) {
                break;
            }
        }
        Ok(())
    }

    /// The events that have arrived since the last look: arrays of JSON, one behind the other.
    pub fn take_traced(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.traced.events)
    }
}
