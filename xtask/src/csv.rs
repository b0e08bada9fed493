//! Reads CSV: fields may be quoted, and hold commas, quotes and line breaks then.

use std::io::{self, BufRead};

/// The records of a CSV text, one at a time.
pub(crate) struct Csv<R> {
    source: R,
    line: Vec<u8>,
}

impl<R: BufRead> Csv<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source, line: Vec::new() }
    }

    /// Puts the next record's fields into `fields`; false at the end.
    pub(crate) fn next(&mut self, fields: &mut Vec<String>) -> io::Result<bool> {
        fields.clear();
        self.line.clear();
        loop {
            if self.source.read_until(b'\n', &mut self.line)? == 0 {
                if self.line.is_empty() {
                    return Ok(false);
                }
                break;
            }
            // A line break inside of quotes does not end the record.
            if self.line.iter().filter(|byte| **byte == b'"').count() % 2 == 0 {
                break;
            }
        }
        let text = String::from_utf8(std::mem::take(&mut self.line))
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let mut rest = text.trim_end_matches(['\n', '\r']);
        loop {
            let (field, after) = split(rest);
            fields.push(field);
            match after {
                Some(after) => rest = after,
                None => return Ok(true),
            }
        }
    }
}

/// The first field, and what comes after its comma.
fn split(text: &str) -> (String, Option<&str>) {
    let Some(quoted) = text.strip_prefix('"') else {
        return match text.split_once(',') {
            Some((field, after)) => (field.to_owned(), Some(after)),
            None => (text.to_owned(), None),
        };
    };
    let mut field = String::new();
    let mut rest = quoted;
    while let Some((before, after)) = rest.split_once('"') {
        field += before;
        match after.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None => return (field, after.strip_prefix(',')),
        }
    }
    (field + rest, None)
}

#[cfg(test)]
mod tests {
    use super::Csv;

    #[test]
    fn quoted_fields_keep_commas_quotes_and_line_breaks() {
        let mut csv = Csv::new("a,,\"b,\"\"c\"\"\nd\"\n\"\",e".as_bytes());
        let mut fields = Vec::new();
        assert!(csv.next(&mut fields).expect("memory can be read"));
        assert_eq!(fields, ["a", "", "b,\"c\"\nd"]);
        assert!(csv.next(&mut fields).expect("memory can be read"));
        assert_eq!(fields, ["", "e"]);
        assert!(!csv.next(&mut fields).expect("memory can be read"));
    }
}
