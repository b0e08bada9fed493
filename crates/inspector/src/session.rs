//! One conversation with one target: requests with deadlines, and the events that come in between.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde::{Serialize, de::DeserializeOwned};
use tungstenite::{HandshakeError, Message, Utf8Bytes, WebSocket, protocol::WebSocketConfig};

use crate::{
    InspectorError, Script, SnapshotProgress, Worker, chunk::chunk_payload, debugger, message::Incoming,
    tracing::Traced, worker,
};

/// How long a request waits without hearing anything, unless told otherwise.
pub const DEFAULT_PATIENCE: Duration = Duration::from_secs(30);

/// A script's source comes in one message and may be large; chunks of a snapshot are about 1 MiB.
const MESSAGE_LIMIT: usize = 512 << 20;

/// One conversation with one target.
pub struct Session<S> {
    socket: WebSocket<S>,
    cancel: Arc<AtomicBool>,
    patience: Duration,
    last_id: u64,
    pub(crate) scripts: Vec<Script>,
    waiting_for_disconnect: bool,
    pub(crate) workers: Vec<Worker>,
    /// The scripts of each worker, by its session.
    pub(crate) worker_scripts: HashMap<String, Vec<Script>>,
    pub(crate) traced: Traced,
    /// The worker that requests go to; the main thread when `None`.
    pub(crate) route: Option<String>,
}

type TakeChunk<'a> = &'a mut dyn FnMut(&[u8]);

/// What a request does with the events of its own kind.
#[derive(Default)]
pub(crate) struct Listener<'a> {
    /// Takes the escaped payload of a snapshot chunk.
    pub(crate) chunk: Option<TakeChunk<'a>>,
    /// Takes the progress of a snapshot.
    pub(crate) progress: Option<&'a mut dyn FnMut(SnapshotProgress)>,
}

impl<S: Read + Write> Session<S> {
    /// Does the WebSocket handshake for `url` (as [`list_targets`](crate::list_targets) gives it) over
    /// `stream`.
    ///
    /// `cancel` is looked at whenever the stream's read timeout runs out.
    ///
    /// # Errors
    /// When the target does not answer within [`DEFAULT_PATIENCE`] or refuses the connection.
    pub fn open(stream: S, url: &str, cancel: Arc<AtomicBool>) -> Result<Self, InspectorError> {
        let during = "the WebSocket handshake";
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_LIMIT))
            .max_frame_size(Some(MESSAGE_LIMIT))
            .read_buffer_size(256 * 1024);
        let deadline = Instant::now() + DEFAULT_PATIENCE;
        let mut attempt = tungstenite::client::client_with_config(url, stream, Some(config));
        let socket = loop {
            match attempt {
                Ok((socket, _)) => break socket,
                Err(HandshakeError::Interrupted(half)) => {
                    check(&cancel, deadline, DEFAULT_PATIENCE, during)?;
                    attempt = half.handshake();
                }
                Err(HandshakeError::Failure(error)) => {
                    return Err(InspectorError::from_socket(error, during));
                }
            }
        };
        Ok(Self {
            socket,
            cancel,
            patience: DEFAULT_PATIENCE,
            last_id: 0,
            scripts: Vec::new(),
            waiting_for_disconnect: false,
            workers: Vec::new(),
            worker_scripts: HashMap::new(),
            traced: Traced::default(),
            route: None,
        })
    }

    /// Sets how long a request waits without hearing anything from the target.
    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Sets another cancel flag: what must still be done after a cancel needs one that is not raised.
    pub fn set_cancel(&mut self, cancel: Arc<AtomicBool>) {
        self.cancel = cancel;
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// When the target refuses, does not answer in time, or is gone; or when the answer is not an `R`.
    pub fn call<R: DeserializeOwned>(
        &mut self,
        method: &str,
        params: impl Serialize,
    ) -> Result<R, InspectorError> {
        self.call_listening(method, params, Listener::default())
    }

    pub(crate) fn call_listening<R: DeserializeOwned>(
        &mut self,
        method: &str,
        params: impl Serialize,
        mut listener: Listener<'_>,
    ) -> Result<R, InspectorError> {
        let id = self.send(method, params)?;
        let mut deadline = Instant::now() + self.patience;
        loop {
            if self.waiting_for_disconnect {
                // Most requests would get no answer any more.
                return Err(InspectorError::Ended { during: method.to_owned() });
            }
            let text = self.next_text(deadline, method)?;
            let unwrapped = match &self.route {
                Some(route) => worker::unwrap(&text, route)?,
                None => None,
            };
            let text = unwrapped.as_deref().unwrap_or(&text);
            if let Some(payload) = chunk_payload(text.as_bytes()) {
                if let Some(chunk) = &mut listener.chunk {
                    chunk(payload);
                }
                // A target that sends is alive: the deadline is for silence.
                deadline = Instant::now() + self.patience;
                continue;
            }
            let incoming = parse(text)?;
            if incoming.id == Some(id) {
                return answer(&incoming, method);
            }
            if self.take_event(&incoming, &mut listener)? {
                deadline = Instant::now() + self.patience;
            }
            if let Some(route) = &self.route
                && !self.workers.iter().any(|worker| worker.session == *route)
            {
                return Err(InspectorError::Closed { during: method.to_owned() });
            }
        }
    }

    /// Sends a request without waiting; its answer is passed over when it comes.
    pub(crate) fn send(&mut self, method: &str, params: impl Serialize) -> Result<u64, InspectorError> {
        #[derive(Serialize)]
        struct Request<'a, P> {
            id: u64,
            method: &'a str,
            params: P,
        }
        self.last_id += 1;
        let id = self.last_id;
        let malformed = |error: serde_json::Error| InspectorError::Malformed {
            what: format!("our request {method}"),
            detail: error.to_string(),
        };
        let mut text = serde_json::to_string(&Request { id, method, params }).map_err(malformed)?;
        if let Some(route) = &self.route {
            // The main thread only passes it on; its own answer is passed over.
            self.last_id += 1;
            let params = serde_json::json!({ "sessionId": route, "message": text });
            let wrapped = Request { id: self.last_id, method: "NodeWorker.sendMessageToWorker", params };
            text = serde_json::to_string(&wrapped).map_err(malformed)?;
        }
        let deadline = Instant::now() + self.patience;
        let mut sent = self.socket.send(Message::text(text));
        while let Err(tungstenite::Error::Io(error)) = &sent {
            if !is_pause(error) {
                break;
            }
            check(&self.cancel, deadline, self.patience, method)?;
            sent = self.socket.flush();
        }
        sent.map_err(|error| InspectorError::from_socket(error, method))?;
        Ok(id)
    }

    /// Takes up the events that arrive within `time`, and says whether the target is still connected. Comes
    /// back at once when the program has ended and its process waits for this session to close.
    ///
    /// # Errors
    /// When the connection fails in another way than by closing, or the cancel flag is raised.
    pub fn pump(&mut self, time: Duration) -> Result<bool, InspectorError> {
        let deadline = Instant::now() + time;
        loop {
            if self.waiting_for_disconnect {
                return Ok(true);
            }
            match self.next_text(deadline, "waiting for events") {
                Ok(text) => {
                    let incoming = parse(&text)?;
                    self.take_event(&incoming, &mut Listener::default())?;
                }
                Err(InspectorError::Timeout { .. }) => return Ok(true),
                Err(InspectorError::Closed { .. }) => return Ok(false),
                Err(other) => return Err(other),
            }
        }
    }

    /// Asks Node to say when the program has ended and only waits for this session to close.
    ///
    /// Node keeps an ended program's process until the last inspector session is closed. Requests then fail as
    /// [`InspectorError::Ended`], because only some of them would be answered. See [`is_waiting_for_disconnect`](Self::is_waiting_for_disconnect).
    ///
    /// # Errors
    /// When the target refuses or is gone.
    pub fn notify_when_ended(&mut self) -> Result<(), InspectorError> {
        let params = serde_json::json!({ "enabled": true });
        self.call::<serde_json::Value>("NodeRuntime.notifyWhenWaitingForDisconnect", params).map(drop)
    }

    /// Whether the program has ended and its process only waits for this session to close.
    #[must_use]
    pub fn is_waiting_for_disconnect(&self) -> bool {
        self.waiting_for_disconnect
    }

    /// Closes the session; the target runs on, or ends if it only waited for us. Scripts that were reported
    /// are still known, and every later request fails as closed.
    pub fn close(&mut self) {
        // Best effort: the target may be gone already, and dropping the stream closes it anyway.
        let _ = self.socket.close(None);
        let _ = self.socket.flush();
    }

    fn next_text(&mut self, deadline: Instant, during: &str) -> Result<Utf8Bytes, InspectorError> {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => return Ok(text),
                Ok(Message::Close(_)) => {
                    return Err(InspectorError::Closed { during: during.to_owned() });
                }
                // Pings are answered by the library; the inspector sends no binary messages.
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if is_pause(&error) => {
                    check(&self.cancel, deadline, self.patience, during)?;
                }
                Err(error) => return Err(InspectorError::from_socket(error, during)),
            }
        }
    }

    /// Takes an event up. Returns whether it belongs to the running request.
    fn take_event(
        &mut self,
        incoming: &Incoming<'_>,
        listener: &mut Listener<'_>,
    ) -> Result<bool, InspectorError> {
        let params = incoming.params.map_or("{}", |params| params.get());
        match incoming.method.as_deref() {
            Some("Debugger.scriptParsed") => self.scripts.extend(debugger::parse_script(params)?),
            // We never want the program to stand still; a `debugger` statement or an exception may do that.
            Some("Debugger.paused") => {
                self.send("Debugger.resume", serde_json::json!({}))?;
            }
            Some("NodeWorker.attachedToWorker") => self.workers.push(worker::attached(params)?),
            Some("NodeWorker.detachedFromWorker") => {
                let gone = worker::detached(params)?;
                self.workers.retain(|worker| worker.session != gone);
            }
            Some("NodeTracing.dataCollected") => self.traced.take(params)?,
            Some("NodeRuntime.waitingForDisconnect") => self.waiting_for_disconnect = true,
            Some("HeapProfiler.reportHeapSnapshotProgress") => {
                if let Some(progress) = &mut listener.progress {
                    progress(decode(params, "the progress of a snapshot")?);
                }
                return Ok(true);
            }
            Some("HeapProfiler.addHeapSnapshotChunk") => {
                // Written in an order that `chunk_payload` does not know: escape it again for the writer.
                #[derive(serde::Deserialize)]
                struct Chunk {
                    chunk: String,
                }
                let chunk: Chunk = decode(params, "a chunk of a snapshot")?;
                if let Some(take) = &mut listener.chunk {
                    let quoted = serde_json::Value::String(chunk.chunk).to_string();
                    take(&quoted.as_bytes()[1..quoted.len() - 1]);
                }
                return Ok(true);
            }
            _ => {}
        }
        Ok(false)
    }
}

fn parse(text: &str) -> Result<Incoming<'_>, InspectorError> {
    decode(text, "a message")
}

pub(crate) fn decode<'a, T: serde::Deserialize<'a>>(text: &'a str, what: &str) -> Result<T, InspectorError> {
    serde_json::from_str(text)
        .map_err(|error| InspectorError::Malformed { what: what.to_owned(), detail: error.to_string() })
}

fn answer<R: DeserializeOwned>(incoming: &Incoming<'_>, method: &str) -> Result<R, InspectorError> {
    if let Some(error) = &incoming.error {
        return Err(InspectorError::Refused {
            method: method.to_owned(),
            code: error.code,
            message: error.message.clone(),
        });
    }
    decode(incoming.result.map_or("null", |result| result.get()), &format!("the answer to {method}"))
}

fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

fn check(
    cancel: &AtomicBool,
    deadline: Instant,
    patience: Duration,
    during: &str,
) -> Result<(), InspectorError> {
    if cancel.load(Ordering::Relaxed) {
        return Err(InspectorError::Cancelled { during: during.to_owned() });
    }
    if Instant::now() >= deadline {
        return Err(InspectorError::Timeout { method: during.to_owned(), patience });
    }
    Ok(())
}
