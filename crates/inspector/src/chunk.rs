//! `HeapProfiler.addHeapSnapshotChunk`, around the JSON parser.
//!
//! A snapshot of 1 GB comes as a thousand or ten thousand of these messages and is itself JSON text, so
//! every quote and every newline of it is escaped once more. Building a `String` for each chunk would copy
//! it all twice; here each run between two backslashes goes straight to the writer.

use std::io::{self, Write};

use memchr::{memchr2, memmem};

const METHOD: &[u8] = b"\"HeapProfiler.addHeapSnapshotChunk\"";
const KEY: &[u8] = b"\"chunk\":\"";

/// V8 writes the method first; a message in any other order is left to the JSON parser.
const METHOD_WITHIN: usize = 64;
const KEY_WITHIN: usize = 128;

/// The still escaped payload of a snapshot chunk, or `None` for any other message.
pub(crate) fn chunk_payload(message: &[u8]) -> Option<&[u8]> {
    let head = &message[..message.len().min(METHOD_WITHIN)];
    memmem::find(head, METHOD)?;
    let head = &message[..message.len().min(KEY_WITHIN)];
    let start = memmem::find(head, KEY)? + KEY.len();
    let payload = &message[start..];
    Some(&payload[..end_of_string(payload)?])
}

/// Where the closing quote is.
fn end_of_string(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

/// Writes the text that an escaped JSON string stands for, as UTF-8.
///
/// A lone surrogate becomes U+FFFD, as it has no UTF-8. An escape that JSON does not know is an error of
/// kind `InvalidData`.
pub(crate) fn unescape_into(mut escaped: &[u8], out: &mut impl Write) -> io::Result<()> {
    while let Some(run) = memchr::memchr(b'\\', escaped) {
        out.write_all(&escaped[..run])?;
        let (&kind, rest) =
            escaped[run + 1..].split_first().ok_or_else(|| bad("a backslash at the end of the chunk"))?;
        escaped = rest;
        let plain = match kind {
            b'"' | b'\\' | b'/' => kind,
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 0x08,
            b'f' => 0x0c,
            b'u' => {
                let (character, used) = unicode(escaped)?;
                out.write_all(character.encode_utf8(&mut [0; 4]).as_bytes())?;
                escaped = &escaped[used..];
                continue;
            }
            _ => return Err(bad("an unknown escape in the chunk")),
        };
        out.write_all(&[plain])?;
    }
    out.write_all(escaped)
}

/// The character of `XXXX` or of the pair `XXXX\uYYYY`, and how many bytes it took.
fn unicode(bytes: &[u8]) -> io::Result<(char, usize)> {
    let first = hex4(bytes).ok_or_else(|| bad("\\u without four hexadecimal digits"))?;
    if let Some(character) = char::from_u32(first) {
        return Ok((character, 4));
    }
    let second = bytes.get(4..).and_then(|rest| rest.strip_prefix(b"\\u")).and_then(hex4);
    match second {
        Some(second) if first < 0xDC00 && (0xDC00..0xE000).contains(&second) => {
            let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            Ok((char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 10))
        }
        _ => Ok((char::REPLACEMENT_CHARACTER, 4)),
    }
}

fn hex4(bytes: &[u8]) -> Option<u32> {
    bytes.get(..4)?.iter().try_fold(0, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
}

fn bad(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unescaped(escaped: &str) -> io::Result<String> {
        let mut out = Vec::new();
        unescape_into(escaped.as_bytes(), &mut out)?;
        Ok(String::from_utf8(out).expect("unescaping UTF-8 gives UTF-8"))
    }

    #[test]
    fn the_payload_is_found_between_its_quotes() {
        let message = br#"{"method":"HeapProfiler.addHeapSnapshotChunk","params":{"chunk":"a\"b\\"}}"#;
        assert_eq!(chunk_payload(message), Some(&br#"a\"b\\"#[..]));
    }

    #[test]
    fn other_messages_are_not_chunks() {
        for message in [
            r#"{"id":7,"result":{"text":"\"HeapProfiler.addHeapSnapshotChunk\""}}"#,
            r#"{"method":"HeapProfiler.addHeapSnapshotChunk","params":{"chunk":"cut"#,
            r#"{"method":"HeapProfiler.addHeapSnapshotChunk","params":{"chunk":"cut\"#,
            r#"{"method":"Debugger.scriptParsed","params":{}}"#,
            "",
        ] {
            assert_eq!(chunk_payload(message.as_bytes()), None, "{message}");
        }
    }

    #[test]
    fn lone_surrogates_become_the_replacement_character() {
        assert_eq!(unescaped(r"\ud83dx").unwrap(), "\u{FFFD}x");
        assert_eq!(unescaped(r"\udc00\ud83d").unwrap(), "\u{FFFD}\u{FFFD}");
        assert_eq!(unescaped(r"\ud83d\ud83d\ude00").unwrap(), "\u{FFFD}\u{1F600}");
    }

    #[test]
    fn broken_escapes_are_errors() {
        for escaped in [r"\q", r"\u12", r"\u+123", "\\"] {
            assert_eq!(unescaped(escaped).unwrap_err().kind(), io::ErrorKind::InvalidData, "{escaped}");
        }
    }

    /// Every character as the protocol may write it: as it is, by its short escape, or by `\u`.
    fn escape(text: &str, how: &[u8]) -> String {
        let mut out = String::new();
        for (i, c) in text.chars().enumerate() {
            let style = how.get(i % how.len().max(1)).copied().unwrap_or(0);
            if style % 3 == 0 {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            } else {
                let quoted = serde_json::to_string(&c).unwrap();
                out.push_str(&quoted[1..quoted.len() - 1]);
            }
        }
        out
    }

    proptest! {
        #[test]
        fn unescaping_agrees_with_serde_json(text in any::<String>(), how in proptest::collection::vec(any::<u8>(), 1..8)) {
            let escaped = escape(&text, &how);
            let reference: String = serde_json::from_str(&format!("\"{escaped}\"")).unwrap();
            prop_assert_eq!(&reference, &text);
            prop_assert_eq!(unescaped(&escaped).unwrap(), text);
        }

        #[test]
        fn a_whole_message_comes_back(text in any::<String>()) {
            let message = serde_json::json!({
                "method": "HeapProfiler.addHeapSnapshotChunk", "params": { "chunk": text }
            }).to_string();
            let payload = chunk_payload(message.as_bytes()).expect("it is a chunk");
            prop_assert_eq!(unescaped(std::str::from_utf8(payload).unwrap()).unwrap(), text);
        }

        #[test]
        fn any_bytes_give_an_answer_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut message = br#"{"method":"HeapProfiler.addHeapSnapshotChunk","params":{"chunk":""#.to_vec();
            message.extend(bytes);
            if let Some(payload) = chunk_payload(&message) {
                let _ = unescape_into(payload, &mut Vec::new());
            }
        }
    }
}
