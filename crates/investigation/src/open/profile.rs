//! Sampling heap profiles (`.heapprofile`): a tree of call sites with the bytes that live from each.
//!
//! The tree is as deep as the program's stack, and JSON nests two levels for each call: the parser keeps its own
//! stack, so that no depth harms it.

use serde::Serialize;

/// A function that called or allocated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct CallSite {
    /// Its name; empty for functions without one.
    pub function: String,
    /// Its script.
    pub url: String,
    /// Line, from 0; -1 where V8 has none.
    pub line: i64,
    /// Column, from 0; -1 where V8 has none.
    pub column: i64,
}

/// A call site on one stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileNode {
    /// The function.
    pub site: CallSite,
    /// Bytes allocated here on this stack that still live.
    pub self_size: u64,
    /// Position of the caller; before this one.
    pub parent: Option<usize>,
}

/// A sampling heap profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Call sites, callers before those they call.
    pub nodes: Vec<ProfileNode>,
    /// Samples in the file.
    pub sample_count: u64,
}

/// The file is no sampling heap profile.
#[derive(Debug, thiserror::Error)]
#[error("sampling heap profile, byte {offset}: expected {expected}")]
pub struct ProfileError {
    /// Where.
    pub offset: usize,
    /// What should stand there.
    pub expected: &'static str,
}

/// Whether the first bytes of a file are those of a sampling heap profile: an object whose first key is "head".
pub(super) fn looks_like_profile(head: &[u8]) -> bool {
    let mut rest = head.trim_ascii_start();
    let Some(inside) = rest.strip_prefix(b"{") else { return false };
    rest = inside.trim_ascii_start();
    rest.starts_with(b"\"head\"")
}

/// What an open bracket belongs to.
#[derive(Clone, Copy)]
enum Frame {
    Top,
    Node(usize),
    Function(usize),
    Children(usize),
    Samples,
    Other,
}

/// A bracket that is open, and the key last read in it.
struct Open {
    frame: Frame,
    is_object: bool,
    key: String,
}

/// Reads a profile.
///
/// # Errors
/// Where the JSON is broken, or has no head.
pub fn parse_profile(bytes: &[u8]) -> Result<Profile, ProfileError> {
    let mut reader = Reader { bytes, at: 0, open: Vec::new(), profile: Profile::default() };
    reader.value()?;
    while !reader.open.is_empty() {
        reader.member()?;
    }
    reader.space();
    match reader.at == bytes.len() {
        false => Err(reader.expected("nothing after the profile")),
        true if reader.profile.nodes.is_empty() => Err(reader.expected("a member \"head\"")),
        true => Ok(reader.profile),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    open: Vec<Open>,
    profile: Profile,
}

impl Reader<'_> {
    fn expected(&self, expected: &'static str) -> ProfileError {
        ProfileError { offset: self.at, expected }
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// The next member of the innermost bracket, or its end.
    fn member(&mut self) -> Result<(), ProfileError> {
        let Some(innermost) = self.open.last() else { return Ok(()) };
        let is_object = innermost.is_object;
        if self.take(if is_object { b'}' } else { b']' }) {
            self.open.pop();
            return self.end_of_member();
        }
        if is_object {
            self.space();
            let key = self.string()?;
            if !self.take(b':') {
                return Err(self.expected("':'"));
            }
            if let Some(innermost) = self.open.last_mut() {
                innermost.key = key;
            }
        }
        self.value()
    }

    /// After a value: a comma and another member, or the end of the bracket.
    fn end_of_member(&mut self) -> Result<(), ProfileError> {
        let Some(innermost) = self.open.last() else { return Ok(()) };
        let end = if innermost.is_object { b'}' } else { b']' };
        if self.take(b',') {
            self.space();
            return if self.peek() == Some(end) { Err(self.expected("a member")) } else { Ok(()) };
        }
        self.space();
        if self.peek() == Some(end) { Ok(()) } else { Err(self.expected("',' or the end of a list")) }
    }

    fn value(&mut self) -> Result<(), ProfileError> {
        self.space();
        match self.peek() {
            Some(byte @ (b'{' | b'[')) => {
                self.at += 1;
                let is_object = byte == b'{';
                let frame = self.frame(is_object);
                self.open.push(Open { frame, is_object, key: String::new() });
                Ok(())
            }
            Some(b'"') => {
                let text = self.string()?;
                self.note_text(text);
                self.end_of_member()
            }
            Some(_) => {
                self.scalar()?;
                self.end_of_member()
            }
            None => Err(self.expected("a value; the file ends")),
        }
    }

    /// What a bracket that opens here belongs to.
    fn frame(&mut self, is_object: bool) -> Frame {
        let Some(outer) = self.open.last() else { return if is_object { Frame::Top } else { Frame::Other } };
        let parent = match (outer.frame, outer.key.as_str(), is_object) {
            (Frame::Top, "head", true) => None,
            (Frame::Top, "samples", false) => return Frame::Samples,
            (Frame::Node(node), "callFrame", true) => return Frame::Function(node),
            (Frame::Node(node), "children", false) => return Frame::Children(node),
            (Frame::Children(node), _, true) => Some(node),
            (Frame::Samples, _, true) => {
                self.profile.sample_count += 1;
                return Frame::Other;
            }
            _ => return Frame::Other,
        };
        let site = CallSite { line: -1, column: -1, ..CallSite::default() };
        self.profile.nodes.push(ProfileNode { site, self_size: 0, parent });
        Frame::Node(self.profile.nodes.len() - 1)
    }

    fn note_text(&mut self, text: String) {
        let Some(Open { frame: Frame::Function(node), key, .. }) = self.open.last() else { return };
        let site = &mut self.profile.nodes[*node].site;
        match key.as_str() {
            "functionName" => site.function = text,
            "url" => site.url = text,
            _ => {}
        }
    }

    fn scalar(&mut self) -> Result<(), ProfileError> {
        let rest = &self.bytes[self.at..];
        let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
        let length = rest.iter().position(ends).unwrap_or(rest.len());
        let value: serde_json::Value =
            serde_json::from_slice(&rest[..length]).map_err(|_| self.expected("a JSON value"))?;
        self.at += length;
        let Some(innermost) = self.open.last() else { return Ok(()) };
        match (innermost.frame, innermost.key.as_str()) {
            (Frame::Node(node), "selfSize") => {
                self.profile.nodes[node].self_size = value.as_f64().map_or(0, |size| size as u64);
            }
            (Frame::Function(node), "lineNumber") => {
                self.profile.nodes[node].site.line = value.as_i64().unwrap_or(-1);
            }
            (Frame::Function(node), "columnNumber") => {
                self.profile.nodes[node].site.column = value.as_i64().unwrap_or(-1);
            }
            _ => {}
        }
        Ok(())
    }

    fn string(&mut self) -> Result<String, ProfileError> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.expected("a string"));
        }
        let mut end = start + 1;
        loop {
            match self.bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(_) => end += 1,
                None => return Err(self.expected("the end of a string; the file ends")),
            }
        }
        self.at = end + 1;
        let quoted = &self.bytes[start..=end];
        // Names may hold halves of a surrogate pair, which no Rust string can.
        let lossy = || String::from_utf8_lossy(&quoted[1..quoted.len() - 1]).into_owned();
        Ok(serde_json::from_slice(quoted).unwrap_or_else(|_| lossy()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> Vec<u8> {
        let mut text = String::from("{\"head\":");
        for level in 0..depth {
            text.push_str(&format!(
                "{{\"callFrame\":{{\"functionName\":\"f{level}\",\"scriptId\":\"1\",\"url\":\"a.js\",\
                 \"lineNumber\":{level},\"columnNumber\":2}},\"selfSize\":{level},\"id\":1,\"children\":["
            ));
        }
        text.push_str(&"]}".repeat(depth));
        text.push_str(",\"samples\":[{\"size\":1},{\"size\":2}]}");
        text.into_bytes()
    }

    #[test]
    fn a_deep_profile_is_read() {
        let bytes = nested(200_000);
        assert!(looks_like_profile(&bytes));
        let profile = parse_profile(&bytes).unwrap();
        assert_eq!(profile.nodes.len(), 200_000);
        assert_eq!(profile.sample_count, 2);
        let last = &profile.nodes[199_999];
        assert_eq!((last.site.function.as_str(), last.self_size), ("f199999", 199_999));
        assert_eq!(last.parent, Some(199_998));
    }

    #[test]
    fn every_cut_is_an_error() {
        let bytes = nested(3);
        for length in 0..bytes.len() {
            assert!(parse_profile(&bytes[..length]).is_err(), "cut at {length}");
        }
        assert!(parse_profile(&bytes).is_ok());
    }

    #[test]
    fn broken_json_is_an_error() {
        for bad in
            ["{\"head\":{},}", "{\"head\" {}}", "{\"head\":{}} x", "{}", "[]", "{\"head\":{\"a\":nul}}"]
        {
            assert!(parse_profile(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
