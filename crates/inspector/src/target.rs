//! `GET /json/list`: what an inspector port has to offer.

use std::io::{Read, Write};

use serde::Deserialize;

use crate::{InspectorError, session::decode};

/// The answer is a few hundred bytes; what is bigger is not an inspector.
const ANSWER_LIMIT: usize = 1 << 20;

/// One target of an inspector port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Target {
    /// The target's id, a UUID.
    pub id: String,
    /// Usually the main script, or `node[PID]`.
    #[serde(default)]
    pub title: String,
    /// The main script.
    #[serde(default)]
    pub url: String,
    /// Where a session is opened: `ws://HOST:PORT/ID`. Absent when somebody else has the only session.
    #[serde(rename = "webSocketDebuggerUrl")]
    pub web_socket_url: Option<String>,
}

/// Asks an inspector port for its targets. The stream is used up: the port answers one request.
///
/// # Errors
/// When the other side does not speak HTTP or does not answer with a list of targets.
pub fn list_targets(stream: &mut (impl Read + Write), host: &str) -> Result<Vec<Target>, InspectorError> {
    let during = "GET /json/list";
    let io = |source| InspectorError::Io { during: during.to_owned(), source };
    write!(stream, "GET /json/list HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").map_err(io)?;
    stream.flush().map_err(io)?;

    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while answer.len() < ANSWER_LIMIT {
        if let Some(body) = whole_body(&answer) {
            return parse_targets(&answer, body);
        }
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(io(error)),
        }
    }
    match end_of_head(&answer) {
        Some(body) => parse_targets(&answer, body..answer.len()),
        None => Err(malformed("no HTTP head")),
    }
}

fn end_of_head(answer: &[u8]) -> Option<usize> {
    memchr::memmem::find(answer, b"\r\n\r\n").map(|at| at + 4)
}

/// The body's place once `Content-Length` bytes of it are there.
fn whole_body(answer: &[u8]) -> Option<std::ops::Range<usize>> {
    let start = end_of_head(answer)?;
    let head = std::str::from_utf8(&answer[..start]).ok()?;
    let length: usize = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })?;
    let end = start.checked_add(length)?;
    (answer.len() >= end).then_some(start..end)
}

fn parse_targets(answer: &[u8], body: std::ops::Range<usize>) -> Result<Vec<Target>, InspectorError> {
    if !answer.starts_with(b"HTTP/1.") || answer.get(9..12) != Some(b"200") {
        return Err(malformed("the status is not 200"));
    }
    let text = std::str::from_utf8(&answer[body]).map_err(|_| malformed("not UTF-8"))?;
    decode(text, "the list of targets")
}

fn malformed(detail: &str) -> InspectorError {
    InspectorError::Malformed { what: "the list of targets".to_owned(), detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// A stream that forgets what is written and gives a prepared answer in small pieces.
    struct Canned(Cursor<Vec<u8>>);

    impl Read for Canned {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let few = into.len().min(7);
            self.0.read(&mut into[..few])
        }
    }

    impl Write for Canned {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn ask(answer: &str) -> Result<Vec<Target>, InspectorError> {
        list_targets(&mut Canned(Cursor::new(answer.as_bytes().to_vec())), "127.0.0.1:1")
    }

    #[test]
    fn a_list_is_read_with_and_without_a_length() {
        let body = r#"[{"id":"a-b","title":"app.js","url":"file:///app.js","webSocketDebuggerUrl":"ws://127.0.0.1:1/a-b"}]"#;
        let with = format!("HTTP/1.0 200 OK\r\ncontent-length: {}\r\n\r\n{body}\n\n", body.len());
        let without = format!("HTTP/1.0 200 OK\r\n\r\n{body}");
        for answer in [with, without] {
            let targets = ask(&answer).unwrap();
            assert_eq!(targets.len(), 1);
            assert_eq!(targets[0].web_socket_url.as_deref(), Some("ws://127.0.0.1:1/a-b"));
        }
    }

    #[test]
    fn other_servers_are_told_apart() {
        for answer in
            ["", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 404 Not Found\r\n\r\n[]", "HTTP/1.1 200 OK\r\n\r\n<html>"]
        {
            assert!(matches!(ask(answer), Err(InspectorError::Malformed { .. })), "{answer}");
        }
    }
}
