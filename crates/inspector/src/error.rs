//! What can go wrong between us and a target.

use std::{io, time::Duration};

/// What can go wrong between us and a target.
#[derive(Debug, thiserror::Error)]
pub enum InspectorError {
    /// The target gave no answer in time. It may be busy, stopped, or gone without closing the socket.
    #[error("no answer to {method} within {patience:?}")]
    Timeout {
        /// The request.
        method: String,
        /// How long was waited without hearing anything.
        patience: Duration,
    },
    /// The socket was closed: the target ended, or closed its inspector.
    #[error("the target closed the connection during {during}")]
    Closed {
        /// The request, or what else was waited for.
        during: String,
    },
    /// The program has ended; its process only waits for this session to close and does nothing more.
    #[error("the program ended during {during}")]
    Ended {
        /// The request, or what else was waited for.
        during: String,
    },
    /// The cancel flag was raised.
    #[error("cancelled during {during}")]
    Cancelled {
        /// The request, or what else was waited for.
        during: String,
    },
    /// The target refused the request.
    #[error("the target refused {method}: {message} ({code})")]
    Refused {
        /// The request.
        method: String,
        /// The protocol's error code.
        code: i64,
        /// The target's words.
        message: String,
    },
    /// An evaluated expression threw.
    #[error("the expression threw in the target: {text}")]
    Threw {
        /// The exception in the target's words.
        text: String,
    },
    /// An answer was not in the expected form.
    #[error("{what} is not in the expected form: {detail}")]
    Malformed {
        /// Which answer.
        what: String,
        /// What was expected or what the parser said.
        detail: String,
    },
    /// The WebSocket handshake or framing failed.
    #[error("websocket: {0}")]
    WebSocket(String),
    /// The stream failed.
    #[error("the connection to the target failed during {during}: {source}")]
    Io {
        /// The request, or what else was waited for.
        during: String,
        /// What the system said.
        source: io::Error,
    },
    /// The writer that takes the snapshot failed. The session is still in order.
    #[error("the snapshot could not be taken up: {0}")]
    Sink(#[source] io::Error),
}

impl InspectorError {
    /// Whether the target is gone for this session: nothing more can be asked.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed { .. } | Self::Ended { .. } | Self::Io { .. })
    }

    pub(crate) fn from_socket(error: tungstenite::Error, during: &str) -> Self {
        use tungstenite::{Error, error::ProtocolError};
        let closed = || Self::Closed { during: during.to_owned() };
        match error {
            Error::ConnectionClosed | Error::AlreadyClosed => closed(),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => closed(),
            Error::Io(source) => match source.kind() {
                io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::UnexpectedEof => closed(),
                _ => Self::Io { during: during.to_owned(), source },
            },
            other => Self::WebSocket(other.to_string()),
        }
    }
}
