//! Strings of all representations, as deep as they may be.

use process_memory::{Gap, GapKind, ReadExt};
use serde::Serialize;

use crate::heap::Heap;
use crate::heap::words::{count, is_strong, untag};

/// The content of a string, or its beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Text {
    /// The characters, up to the limit.
    pub text: String,
    /// UTF-16 units of the whole string.
    pub length: u64,
    /// Whether all of it is in `text`.
    pub whole: bool,
    /// Why the rest could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

/// A string has two parts for each of its characters at most, and some empty ones: more is a loop.
const PARTS_PER_UNIT: u64 = 4;
/// The same, for short strings.
const LEAST_PARTS: u64 = 1000;

/// A part that is still to be read: a string, and which of its units.
struct Part {
    string: u64,
    from: u64,
    to: u64,
}

impl Heap<'_> {
    /// Whether the object at an address is a string.
    pub fn is_string(&self, object: u64) -> bool {
        self.map_of(object).is_some_and(|map| map.is_string())
    }

    /// The length of a string in UTF-16 units.
    pub fn string_length(&self, string: u64) -> Option<u64> {
        let length = self.half(string.checked_add(self.layout.fields.string_length)?).ok()?;
        Some(u64::from(length))
    }

    /// The first `limit` units of a string; `None` if the object is none.
    pub fn string(&self, string: u64, limit: u64) -> Option<Text> {
        let map = self.map_of(string).filter(|map| map.is_string())?;
        let length = self.string_length(string)?;
        if let Some(text) = self.plain_text(string, map.kind, length.min(limit)) {
            return Some(Text { text, length, whole: length <= limit, missing: None });
        }
        let mut units = Vec::new();
        let wanted = length.min(limit);
        let result = self.read_units(string, wanted, &mut units);
        let whole = units.len() as u64 == length;
        let missing = result.err().map(|gap| gap.to_string());
        Some(Text { text: String::from_utf16_lossy(&units), length, whole, missing })
    }

    /// The most common case without a detour: characters of one byte, one behind the other, all of them there.
    fn plain_text(&self, string: u64, kind: u16, length: u64) -> Option<String> {
        let bytes = self.plain_bytes(string, kind, length)?;
        match bytes.is_ascii() {
            true => std::str::from_utf8(bytes).ok().map(str::to_owned),
            // Latin-1 is the beginning of Unicode.
            false => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
        }
    }

    /// The first `limit` characters where they lie, if that case is given and all are ASCII.
    pub(crate) fn plain_ascii(&self, string: u64, kind: u16, limit: u64) -> Option<&str> {
        let length = self.string_length(string)?;
        let bytes = self.plain_bytes(string, kind, length.min(limit))?;
        std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii())
    }

    fn plain_bytes(&self, string: u64, kind: u16, length: u64) -> Option<&[u8]> {
        let (page, offset) = self.locate(string)?;
        let page = &self.pages[page];
        if kind & 7 != 0 || kind & 8 == 0 || page.missing > 0 {
            return None;
        }
        let start = offset + self.layout.fields.string_chars as usize;
        page.bytes.get(start..start.checked_add(usize::try_from(length).ok()?)?)
    }

    /// A short string's content, for names; `None` if the object is no string or cannot be read whole.
    pub fn name_text(&self, string: u64) -> Option<String> {
        self.string(string, 1 << 16).filter(|text| text.missing.is_none()).map(|text| text.text)
    }

    /// The parts from left to right, on a stack of our own: ropes are as deep as their strings are long.
    fn read_units(&self, string: u64, length: u64, units: &mut Vec<u16>) -> Result<(), Gap> {
        let mut stack = vec![Part { string, from: 0, to: length }];
        let mut parts = 0;
        while let Some(part) = stack.pop() {
            parts += 1;
            let broken = Gap { address: part.string, kind: GapKind::Unreadable };
            if parts > length.saturating_mul(PARTS_PER_UNIT) + LEAST_PARTS || units.len() as u64 > length {
                return Err(broken);
            }
            if part.from >= part.to {
                continue;
            }
            let map = self.map_of(part.string).filter(|map| map.is_string()).ok_or(broken)?;
            let own = self.string_length(part.string).ok_or(broken)?;
            if part.to > own {
                return Err(broken);
            }
            self.read_part(&part, map.kind, units, &mut stack)?;
        }
        Ok(())
    }

    fn read_part(
        &self,
        part: &Part,
        kind: u16,
        units: &mut Vec<u16>,
        stack: &mut Vec<Part>,
    ) -> Result<(), Gap> {
        let fields = &self.layout.fields;
        let pointer = |offset: u64| {
            let word = self.field(part.string, offset)?;
            let broken = Gap { address: part.string, kind: GapKind::Unreadable };
            is_strong(word).then(|| untag(word)).ok_or(broken)
        };
        let width = if kind & 8 != 0 { 1 } else { 2 };
        match kind & 7 {
            0 => self.read_raw(part.string + fields.string_chars, part, width, units),
            1 => {
                let (first, second) = (pointer(fields.cons_first)?, pointer(fields.cons_second)?);
                let middle = self.string_length(first).unwrap_or(0);
                // The last one pushed is read first.
                if part.to > middle {
                    let from = part.from.saturating_sub(middle);
                    stack.push(Part { string: second, from, to: part.to - middle });
                }
                stack.push(Part { string: first, from: part.from, to: part.to.min(middle) });
                Ok(())
            }
            2 => self.read_external(part, width, units),
            3 => {
                let parent = pointer(fields.sliced_parent)?;
                let offset = count(self.field(part.string, fields.sliced_offset)?).unwrap_or(0);
                let [from, to] = [part.from, part.to].map(|at| at.saturating_add(offset));
                stack.push(Part { string: parent, from, to });
                Ok(())
            }
            5 => {
                let string = pointer(fields.thin_actual)?;
                stack.push(Part { string, from: part.from, to: part.to });
                Ok(())
            }
            _ => Err(Gap { address: part.string, kind: GapKind::Unreadable }),
        }
    }

    /// Characters that lie outside of the heap: the string keeps their address, unless its kind does not; then the
    /// resource, a C++ object with a table of functions, has it behind that table.
    fn read_external(&self, part: &Part, width: u64, units: &mut Vec<u16>) -> Result<(), Gap> {
        let fields = &self.layout.fields;
        let uncached = self.map_of(part.string).is_some_and(|map| map.kind & 16 != 0);
        let data = match uncached {
            false => self.field(part.string, fields.external_data)?,
            true => {
                let resource = self.field(part.string, fields.external_resource)?;
                self.memory.u64_at(resource.wrapping_add(8))?
            }
        };
        self.read_raw(data, part, width, units)
    }

    fn read_raw(&self, data: u64, part: &Part, width: u64, units: &mut Vec<u16>) -> Result<(), Gap> {
        let start = data.wrapping_add(part.from * width);
        let bytes = self.memory.bytes_at(start, (part.to - part.from) * width)?;
        if width == 1 {
            units.extend(bytes.iter().map(|byte| u16::from(*byte)));
        } else {
            let (pairs, _) = bytes.as_chunks::<2>();
            units.extend(pairs.iter().map(|pair| u16::from_le_bytes(*pair)));
        }
        Ok(())
    }
}
