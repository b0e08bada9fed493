//! The `NodeWorker` domain: worker threads, each with a heap of its own, reached through the main thread.

use std::{
    io::{Read, Write},
    time::Duration,
};

use serde::Deserialize;
use serde_json::json;

use crate::{InspectorError, Script, Session, session::decode};

/// A worker thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    pub(crate) session: String,
    /// The inspector's number for it, counted anew by each inspector; it is not `worker.threadId`.
    pub id: String,
    /// Its name, or "Worker".
    pub title: String,
    /// Its script.
    pub url: String,
}

/// When none announced itself for so long, all have.
const SETTLED: Duration = Duration::from_millis(300);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attached {
    session_id: String,
    worker_info: WorkerInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WorkerInfo {
    worker_id: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    url: String,
}

pub(crate) fn attached(params: &str) -> Result<Worker, InspectorError> {
    let Attached { session_id, worker_info } = decode(params, "NodeWorker.attachedToWorker")?;
    let WorkerInfo { worker_id, title, url } = worker_info;
    Ok(Worker { session: session_id, id: worker_id, title, url })
}

pub(crate) fn detached(params: &str) -> Result<String, InspectorError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Detached {
        session_id: String,
    }
    Ok(decode::<Detached>(params, "NodeWorker.detachedFromWorker")?.session_id)
}

/// What the worker of session `route` said, if this message is that.
pub(crate) fn unwrap(text: &str, route: &str) -> Result<Option<String>, InspectorError> {
    #[derive(Deserialize)]
    struct Received {
        params: Message,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Message {
        session_id: String,
        message: String,
    }
    // The method comes first; a message that only speaks of it has it further back, or escaped.
    let head = &text.as_bytes()[..text.len().min(64)];
    if memchr::memmem::find(head, b"\"NodeWorker.receivedMessageFromWorker\"").is_none() {
        return Ok(None);
    }
    let Received { params } = decode(text, "NodeWorker.receivedMessageFromWorker")?;
    Ok((params.session_id == route).then_some(params.message))
}

impl<S: Read + Write> Session<S> {
    /// The worker threads that there are now, and from now on those that come.
    ///
    /// # Errors
    /// When the target refuses or is gone.
    pub fn workers(&mut self) -> Result<Vec<Worker>, InspectorError> {
        self.call::<serde_json::Value>("NodeWorker.enable", json!({ "waitForDebuggerOnStart": false }))?;
        let mut known = usize::MAX;
        // They announce themselves one by one, each when its own thread gets to it.
        while known != self.workers.len() {
            known = self.workers.len();
            self.pump(SETTLED)?;
        }
        Ok(self.workers.clone())
    }

    /// The worker threads as far as they have announced themselves since [`workers`](Self::workers) asked them to.
    #[must_use]
    pub fn known_workers(&self) -> &[Worker] {
        &self.workers
    }

    /// Does what `ask` says with all its requests going to the worker. Scripts are the worker's meanwhile: each isolate
    /// counts its own.
    ///
    /// # Errors
    /// Those of `ask`; closed when the worker has ended.
    pub fn in_worker<R>(
        &mut self,
        worker: &Worker,
        ask: impl FnOnce(&mut Self) -> Result<R, InspectorError>,
    ) -> Result<R, InspectorError> {
        self.route = Some(worker.session.clone());
        let of_worker = self.worker_scripts.remove(&worker.session).unwrap_or_default();
        let of_main = std::mem::replace(&mut self.scripts, of_worker);
        let routed = Routed { session: self, worker, of_main };
        ask(routed.session)
    }
}

/// A session whose requests go to a worker. Dropped, also by a panic, they go to the main thread again.
struct Routed<'a, S> {
    session: &'a mut Session<S>,
    worker: &'a Worker,
    of_main: Vec<Script>,
}

impl<S> Drop for Routed<'_, S> {
    fn drop(&mut self) {
        self.session.route = None;
        let of_worker = std::mem::replace(&mut self.session.scripts, std::mem::take(&mut self.of_main));
        self.session.worker_scripts.insert(self.worker.session.clone(), of_worker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_asked_worker_is_heard() {
        let text = r#"{"method":"NodeWorker.receivedMessageFromWorker","params":{"sessionId":"2","message":"{\"id\":1}"}}"#;
        assert_eq!(unwrap(text, "2").unwrap().as_deref(), Some(r#"{"id":1}"#));
        assert_eq!(unwrap(text, "1").unwrap(), None);
        assert_eq!(unwrap(r#"{"id":1,"result":{}}"#, "2").unwrap(), None);
    }
}
