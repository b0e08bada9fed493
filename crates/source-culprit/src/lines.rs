//! Byte offsets of a text as lines and UTF-16 columns, both counted from 0, and back.

/// Where the lines of a text start.
#[derive(Debug)]
pub(crate) struct Lines {
    starts: Vec<u32>,
}

impl Lines {
    /// Finds the lines of `text` as JavaScript counts them (`\n`, `\r\n`, `\r`).
    pub(crate) fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (at, byte) in bytes.iter().enumerate() {
            if *byte == b'\n' || (*byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')) {
                starts.push(u32::try_from(at + 1).unwrap_or(u32::MAX));
            }
        }
        Self { starts }
    }

    /// The byte offset of a position; `None` when the text does not have it.
    pub(crate) fn offset(&self, text: &str, line: u32, column: u32) -> Option<u32> {
        let start = *self.starts.get(line as usize)?;
        let mut units = 0;
        for (at, character) in self.line_text(text, line).char_indices() {
            if units >= column {
                return Some(start + u32::try_from(at).ok()?);
            }
            units += u32::try_from(character.len_utf16()).unwrap_or(1);
        }
        let length = u32::try_from(self.line_text(text, line).len()).ok()?;
        (units >= column).then_some(start + length)
    }

    /// The line and column of a byte offset.
    pub(crate) fn position(&self, text: &str, offset: u32) -> (u32, u32) {
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts[line] as usize;
        let before = text.get(start..offset as usize).unwrap_or("");
        let column = before.chars().map(char::len_utf16).sum::<usize>();
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    }

    /// A line's text, without its end.
    pub(crate) fn line_text<'t>(&self, text: &'t str, line: u32) -> &'t str {
        let Some(start) = self.starts.get(line as usize) else { return "" };
        let end = self.starts.get(line as usize + 1).map_or(text.len(), |next| *next as usize);
        text.get(*start as usize..end).unwrap_or("").trim_end_matches(['\n', '\r'])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_utf16_columns_and_all_line_ends() {
        let text = "a\r\n'😀' + b\rc\n";
        let lines = Lines::new(text);
        let b = u32::try_from(text.find('b').unwrap()).unwrap();
        assert_eq!(lines.position(text, b), (1, 7));
        assert_eq!(lines.offset(text, 1, 7), Some(b));
        assert_eq!(lines.line_text(text, 2), "c");
        assert_eq!(lines.offset(text, 9, 0), None);
        assert_eq!(lines.offset(text, 0, 50), None);
    }
}
