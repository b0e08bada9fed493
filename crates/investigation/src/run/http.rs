//! A small HTTP/1.1 client for loopback: one connection, kept alive, GET only.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

const TIMEOUT: Duration = Duration::from_secs(30);
const HEAD_LIMIT: u64 = 256 * 1024;

/// One connection.
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
}

/// An answer; its body was read and dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Whether the connection can take another request.
    pub(super) reusable: bool,
}

enum Body {
    Length(u64),
    Chunked,
    UntilClose,
}

impl Connection {
    /// Connects; `register` gets a second handle of the socket, to shut it down from another thread.
    pub(super) fn open(address: SocketAddr, register: impl FnOnce(TcpStream)) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
        register(stream.try_clone()?);
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), address })
    }

    /// Asks for `path` and reads the whole answer.
    pub(super) fn get(&mut self, path: &str) -> io::Result<Answer> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: heapdowse\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n",
            self.address
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        read_answer(&mut self.stream)
    }
}

fn read_answer(stream: &mut impl BufRead) -> io::Result<Answer> {
    loop {
        let (status, body, keep) = read_head(stream)?;
        if (100..200).contains(&status) && status != 101 {
            continue;
        }
        let reusable = keep && !matches!(body, Body::UntilClose);
        skip_body(stream, &body)?;
        return Ok(Answer { status, reusable });
    }
}

fn read_head(stream: &mut impl BufRead) -> io::Result<(u16, Body, bool)> {
    let mut head = stream.take(HEAD_LIMIT);
    let mut line = String::new();
    head.read_line(&mut line)?;
    let mut words = line.split_ascii_whitespace();
    let version = words.next().unwrap_or_default().to_owned();
    if !version.starts_with("HTTP/1.") {
        return Err(bad("the answer is not HTTP/1"));
    }
    let status: u16 = words.next().and_then(|word| word.parse().ok()).ok_or_else(|| bad("no status"))?;
    let mut keep = version == "HTTP/1.1";
    let mut body = Body::UntilClose;
    loop {
        line.clear();
        if head.read_line(&mut line)? == 0 {
            return Err(bad("the head is cut or too long"));
        }
        if line.trim_end().is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| bad("a header without a colon"))?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") && !matches!(body, Body::Chunked) {
            body = Body::Length(value.parse().map_err(|_| bad("a wrong content-length"))?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked") {
            body = Body::Chunked;
        } else if name.eq_ignore_ascii_case("connection") {
            keep = !value.eq_ignore_ascii_case("close") && (keep || value.eq_ignore_ascii_case("keep-alive"));
        }
    }
    if matches!(status, 100..=199 | 204 | 304) {
        body = Body::Length(0);
    }
    Ok((status, body, keep))
}

fn skip_body(stream: &mut impl BufRead, body: &Body) -> io::Result<()> {
    match body {
        Body::Length(length) => skip(stream, *length),
        Body::UntilClose => io::copy(stream, &mut io::sink()).map(drop),
        Body::Chunked => loop {
            let size = read_line(stream)?;
            let digits = size.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(digits, 16).map_err(|_| bad("a wrong chunk size"))?;
            if size == 0 {
                while !read_line(stream)?.trim_end().is_empty() {}
                return Ok(());
            }
            skip(stream, size)?;
            read_line(stream)?;
        },
    }
}

fn skip(stream: &mut impl BufRead, length: u64) -> io::Result<()> {
    let skipped = io::copy(&mut stream.take(length), &mut io::sink())?;
    if skipped < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if stream.take(HEAD_LIMIT).read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line)
}

fn bad(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> (io::Result<Answer>, String) {
        let mut stream = io::Cursor::new(text.as_bytes());
        let answer = read_answer(&mut stream);
        let mut rest = String::new();
        stream.read_to_string(&mut rest).unwrap();
        (answer, rest)
    }

    #[test]
    fn bodies_end_where_they_say() {
        let (got, rest) = answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloNEXT");
        assert_eq!((got.unwrap(), rest.as_str()), (Answer { status: 200, reusable: true }, "NEXT"));
        let (got, rest) = answer(
            "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nNEXT",
        );
        assert_eq!((got.unwrap().status, rest.as_str()), (404, "NEXT"));
        let (got, rest) = answer("HTTP/1.1 204 No Content\r\n\r\nNEXT");
        assert_eq!((got.unwrap().reusable, rest.as_str()), (true, "NEXT"));
        let (got, _) =
            answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(got.unwrap().status, 201);
    }

    #[test]
    fn connections_that_close_are_not_used_again() {
        let (got, rest) = answer("HTTP/1.0 200 OK\r\n\r\nall of it");
        assert_eq!((got.unwrap().reusable, rest.as_str()), (false, ""));
        let (got, _) = answer("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        assert!(!got.unwrap().reusable);
    }

    #[test]
    fn what_is_cut_or_not_http_is_an_error() {
        for text in [
            "",
            "SSH-2.0\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ] {
            assert!(answer(text).0.is_err(), "{text}");
        }
    }
}
