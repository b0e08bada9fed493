//! A buffered byte source that knows its offset, and the few JSON tokens that the format's frame needs.

use std::io::Read;

use super::error::{ReadError, Shown};

const BUFFER: usize = 256 * 1024;

/// Longest piece of JSON that is read as one value (the `snapshot` section); real ones have some kilobytes.
const MAX_VALUE: usize = 16 << 20;

/// Bytes from a source, with the offset of the next one.
pub(crate) struct Input<R> {
    source: R,
    buffer: Vec<u8>,
    position: usize,
    /// Offset in the file of `buffer[0]`.
    base: u64,
    ended: bool,
    /// Length of the file, if the caller knows it.
    pub(crate) size: Option<u64>,
}

impl<R: Read> Input<R> {
    pub(crate) fn new(source: R, size: Option<u64>, base: u64) -> Self {
        Input { source, buffer: Vec::new(), position: 0, base, ended: false, size }
    }

    /// Offset of the next byte.
    pub(crate) fn offset(&self) -> u64 {
        self.base + self.position as u64
    }

    /// Bytes that may still come, if the length is known.
    pub(crate) fn remaining(&self) -> Option<u64> {
        self.size.map(|size| size.saturating_sub(self.offset()))
    }

    /// The bytes at hand; reads more when there are none. Empty only at the end of the file.
    fn available(&mut self) -> Result<&[u8], ReadError> {
        if self.position == self.buffer.len() && !self.ended {
            self.base += self.buffer.len() as u64;
            self.position = 0;
            self.buffer.clear();
            let left = self.remaining().map_or(BUFFER, |left| left.clamp(4096, BUFFER as u64) as usize);
            self.buffer.resize(left, 0);
            let got = read_retrying(&mut self.source, &mut self.buffer)
                .map_err(|source| ReadError::Io { offset: self.base, source });
            self.buffer.truncate(*got.as_ref().unwrap_or(&0));
            self.ended = got? == 0;
        }
        Ok(&self.buffer[self.position..])
    }

    /// Moves up to `want` bytes behind `into`; fewer only at the end of the file. Answers how many.
    pub(crate) fn take_bulk(&mut self, into: &mut Vec<u8>, want: usize) -> Result<usize, ReadError> {
        let start = into.len();
        let at_hand = (self.buffer.len() - self.position).min(want);
        into.extend_from_slice(&self.buffer[self.position..self.position + at_hand]);
        self.position += at_hand;
        while into.len() - start < want && !self.ended {
            self.base += self.buffer.len() as u64;
            self.buffer.clear();
            self.position = 0;
            let filled = into.len();
            // No room for a megabyte where the file has some bytes left.
            let left = self.remaining().map_or(usize::MAX, |left| left.clamp(4096, want as u64) as usize);
            into.resize((filled + left.min(want)).min(start + want), 0);
            let got = read_retrying(&mut self.source, &mut into[filled..]);
            into.truncate(filled + *got.as_ref().unwrap_or(&0));
            let got = got.map_err(|source| ReadError::Io { offset: self.base, source })?;
            self.base += got as u64;
            self.ended = got == 0;
        }
        Ok(into.len() - start)
    }

    /// Puts bytes back that [`Self::take_bulk`] took last.
    pub(crate) fn give_back(&mut self, bytes: &[u8]) {
        let offset = self.offset() - bytes.len() as u64;
        let mut buffer = bytes.to_vec();
        buffer.extend_from_slice(&self.buffer[self.position..]);
        self.buffer = buffer;
        self.position = 0;
        self.base = offset;
    }

    /// The next byte that is not white space, not consumed; `None` at the end of the file.
    pub(crate) fn peek(&mut self) -> Result<Option<u8>, ReadError> {
        self.peek_keeping("file", &mut None)
    }

    fn peek_keeping(&mut self, section: &str, keep: &mut Option<&mut Kept>) -> Result<Option<u8>, ReadError> {
        loop {
            let offset = self.offset();
            let bytes = self.available()?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
            let space = bytes.iter().position(|byte| !is_space(byte)).unwrap_or(bytes.len());
            if let Some(kept) = keep {
                kept.extend(&bytes[..space], section, offset)?;
            }
            self.position += space;
            if let Some(&byte) = self.buffer.get(self.position) {
                return Ok(Some(byte));
            }
        }
    }

    /// Consumes the next byte, which must be `wanted` after white space.
    pub(crate) fn expect(&mut self, wanted: u8, section: &str) -> Result<(), ReadError> {
        match self.peek()? {
            Some(byte) if byte == wanted => {
                self.position += 1;
                Ok(())
            }
            found => Err(self.unexpected(section, &format!("'{}'", wanted as char), found)),
        }
    }

    /// Consumes the byte that [`Self::peek`] showed.
    pub(crate) fn bump(&mut self) {
        self.position += 1;
    }

    /// The error for what [`Self::peek`] showed.
    pub(crate) fn unexpected(&self, section: &str, expected: &str, found: Option<u8>) -> ReadError {
        match found {
            Some(byte) => ReadError::Malformed {
                section: section.to_owned(),
                record: None,
                offset: self.offset(),
                expected: expected.to_owned(),
                found: Shown(byte).to_string(),
            },
            None => ReadError::Cut {
                section: section.to_owned(),
                offset: self.offset(),
                expected: expected.to_owned(),
            },
        }
    }

    /// Appends the string that begins at the next byte (which must be a quote) to `out`, unescaped.
    pub(crate) fn string(&mut self, out: &mut Vec<u8>, section: &str) -> Result<(), ReadError> {
        self.expect(b'"', section)?;
        loop {
            let bytes = self.available()?;
            if bytes.is_empty() {
                return Err(self.unexpected(section, "the end of a string", None));
            }
            match memchr::memchr2(b'"', b'\\', bytes) {
                None => {
                    out.extend_from_slice(bytes);
                    self.position = self.buffer.len();
                }
                Some(at) => {
                    out.extend_from_slice(&bytes[..at]);
                    let byte = bytes[at];
                    self.position += at + 1;
                    if byte == b'"' {
                        return Ok(());
                    }
                    self.escape(out, section)?;
                }
            }
        }
    }

    fn raw(&mut self, section: &str) -> Result<u8, ReadError> {
        match self.available()?.first().copied() {
            Some(byte) => {
                self.position += 1;
                Ok(byte)
            }
            None => Err(self.unexpected(section, "the rest of an escape", None)),
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>, section: &str) -> Result<(), ReadError> {
        let byte = self.raw(section)?;
        let plain = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.unicode_escape(out, section),
            other => {
                self.position -= 1;
                return Err(self.unexpected(section, "an escape of JSON", Some(other)));
            }
        };
        out.push(plain);
        Ok(())
    }

    fn hex4(&mut self, section: &str) -> Result<u32, ReadError> {
        let mut value = 0;
        for _ in 0..4 {
            let byte = self.raw(section)?;
            let Some(digit) = (byte as char).to_digit(16) else {
                self.position -= 1;
                return Err(self.unexpected(section, "four hexadecimal digits", Some(byte)));
            };
            value = value * 16 + digit;
        }
        Ok(value)
    }

    /// `\uXXXX`, and the second half of a surrogate pair. A half without its other becomes U+FFFD.
    fn unicode_escape(&mut self, out: &mut Vec<u8>, section: &str) -> Result<(), ReadError> {
        let mut unit = self.hex4(section)?;
        loop {
            let mut next = None;
            let character = if (0xd800..0xdc00).contains(&unit) && self.at_unicode_escape(section)? {
                let low = self.hex4(section)?;
                if (0xdc00..0xe000).contains(&low) {
                    char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00))
                } else {
                    next = Some(low);
                    None
                }
            } else {
                char::from_u32(unit)
            };
            let mut utf8 = [0; 4];
            out.extend_from_slice(character.unwrap_or('\u{fffd}').encode_utf8(&mut utf8).as_bytes());
            match next {
                Some(low) => unit = low,
                None => return Ok(()),
            }
        }
    }

    /// Whether `\u` comes next; consumes it then.
    fn at_unicode_escape(&mut self, section: &str) -> Result<bool, ReadError> {
        let bytes = self.available()?;
        if bytes.len() >= 2 {
            let found = bytes.starts_with(b"\\u");
            self.position += if found { 2 } else { 0 };
            return Ok(found);
        }
        // At the seam of two buffers: look at two bytes and put them back if they are something else.
        let mut two = Vec::with_capacity(2);
        self.take_bulk(&mut two, 2)?;
        if two == b"\\u" {
            return Ok(true);
        }
        if two.is_empty() {
            return Err(self.unexpected(section, "the end of a string", None));
        }
        self.give_back(&two);
        Ok(false)
    }

    /// An unsigned integer at the next byte.
    pub(crate) fn unsigned(&mut self, section: &str) -> Result<u64, ReadError> {
        let mut value: Option<u64> = None;
        let mut first = self.peek()?;
        let start = self.offset();
        while let Some(byte @ b'0'..=b'9') = first {
            let digit = u64::from(byte - b'0');
            value = match value.unwrap_or(0).checked_mul(10).and_then(|value| value.checked_add(digit)) {
                None => {
                    return Err(ReadError::Malformed {
                        section: section.to_owned(),
                        record: None,
                        offset: start,
                        expected: "an integer below 2^64".to_owned(),
                        found: "a larger one".to_owned(),
                    });
                }
                some => some,
            };
            self.position += 1;
            first = self.available()?.first().copied();
        }
        value.ok_or_else(|| self.unexpected(section, "an unsigned integer", first))
    }

    /// Skips one JSON value of any kind, without recursion; `keep` collects its bytes.
    pub(crate) fn skip_value(&mut self, section: &str, mut keep: Option<&mut Kept>) -> Result<(), ReadError> {
        let mut open = Brackets::default();
        loop {
            let byte = match self.peek_keeping(section, &mut keep)? {
                Some(byte) => byte,
                None => return Err(self.unexpected(section, "the rest of a value", None)),
            };
            match byte {
                b'"' => self.skip_string(section, &mut keep)?,
                b'[' | b'{' => {
                    open.push(byte);
                    self.keep_one(byte, section, &mut keep)?;
                    continue;
                }
                b']' | b'}' => {
                    if let Some(expected) = open.pop_for(byte) {
                        return Err(self.unexpected(section, expected, Some(byte)));
                    }
                    self.keep_one(byte, section, &mut keep)?;
                }
                b',' | b':' if open.depth > 0 => {
                    self.keep_one(byte, section, &mut keep)?;
                    continue;
                }
                b'-' | b'0'..=b'9' | b'a'..=b'z' => self.skip_word(section, &mut keep)?,
                other => return Err(self.unexpected(section, "a value", Some(other))),
            }
            if open.depth == 0 {
                return Ok(());
            }
        }
    }

    fn keep_one(&mut self, byte: u8, section: &str, keep: &mut Option<&mut Kept>) -> Result<(), ReadError> {
        self.position += 1;
        match keep {
            Some(kept) => kept.extend(&[byte], section, self.base + self.position as u64),
            None => Ok(()),
        }
    }

    fn skip_word(&mut self, section: &str, keep: &mut Option<&mut Kept>) -> Result<(), ReadError> {
        loop {
            let offset = self.offset();
            let bytes = self.available()?;
            let word = bytes.iter().take_while(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b)).count();
            if let Some(kept) = keep {
                kept.extend(&bytes[..word], section, offset)?;
            }
            let whole = word < bytes.len() || bytes.is_empty();
            self.position += word;
            if whole {
                return Ok(());
            }
        }
    }

    fn skip_string(&mut self, section: &str, keep: &mut Option<&mut Kept>) -> Result<(), ReadError> {
        self.keep_one(b'"', section, keep)?;
        let mut escaped = false;
        loop {
            let offset = self.offset();
            let bytes = self.available()?;
            if bytes.is_empty() {
                return Err(self.unexpected(section, "the end of a string", None));
            }
            let mut end = None;
            for (at, &byte) in bytes.iter().enumerate() {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' => escaped = true,
                    b'"' => {
                        end = Some(at + 1);
                        break;
                    }
                    _ => {}
                }
            }
            let taken = end.unwrap_or(bytes.len());
            if let Some(kept) = keep {
                kept.extend(&bytes[..taken], section, offset)?;
            }
            self.position += taken;
            if end.is_some() {
                return Ok(());
            }
        }
    }
}

/// Open brackets, one bit each: nesting costs next to nothing, however deep.
#[derive(Default)]
struct Brackets {
    is_brace: Vec<u64>,
    depth: usize,
}

impl Brackets {
    fn push(&mut self, byte: u8) {
        let (word, bit) = (self.depth >> 6, 1 << (self.depth & 63));
        if word == self.is_brace.len() {
            self.is_brace.push(0);
        }
        if byte == b'{' {
            self.is_brace[word] |= bit;
        } else {
            self.is_brace[word] &= !bit;
        }
        self.depth += 1;
    }

    /// Closes the innermost bracket; what was expected instead, if `byte` does not close it.
    fn pop_for(&mut self, byte: u8) -> Option<&'static str> {
        let Some(innermost) = self.depth.checked_sub(1) else { return Some("a value") };
        let is_brace = self.is_brace[innermost >> 6] & (1 << (innermost & 63)) != 0;
        self.depth = innermost;
        match (is_brace, byte) {
            (true, b']') => Some("'}'"),
            (false, b'}') => Some("']'"),
            _ => None,
        }
    }
}

/// The bytes of one value, as they stand in the file.
pub(crate) struct Kept {
    pub(crate) bytes: Vec<u8>,
    limit: usize,
}

impl Kept {
    /// For a value that is small in every real file.
    pub(crate) fn small() -> Self {
        Kept { bytes: Vec::new(), limit: MAX_VALUE }
    }

    /// For a section that comes before the header which says how to read it.
    pub(crate) fn section() -> Self {
        Kept { bytes: Vec::new(), limit: usize::MAX }
    }

    fn extend(&mut self, bytes: &[u8], section: &str, offset: u64) -> Result<(), ReadError> {
        if self.bytes.len() + bytes.len() > self.limit {
            let limit = self.limit >> 20;
            return Err(ReadError::TooLarge {
                problem: format!(
                    "{section}, byte {offset}: this value is larger than {limit} MiB; no real file has that"
                ),
            });
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

fn read_retrying(source: &mut impl Read, into: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match source.read(into) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            // So say unpackers when packed bytes were cut: what they gave until then is the file.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(0),
            result => return result,
        }
    }
}
