//! From a position in a script to a line and a column.

use std::rc::Rc;

use crate::heap::Heap;
use crate::heap::words::count;

/// Sources that are longer are not searched for line ends.
const LONGEST: u64 = 1 << 30;

/// Where each line of a script ends: the positions of its line feeds, and its length.
pub type LineTable = Rc<Vec<u64>>;

/// Line and column, both from 1.
pub fn line_and_column(ends: &[u64], position: u64) -> Option<(u64, u64)> {
    let line = ends.partition_point(|end| *end < position);
    if line >= ends.len() {
        return None;
    }
    let start = if line == 0 { 0 } else { ends[line - 1] + 1 };
    Some((line as u64 + 1, position - start + 1))
}

impl Heap<'_> {
    /// The line ends of a script: V8's own if it made them already, else from the source.
    pub fn line_table(&self, script: u64) -> Option<LineTable> {
        if let Some(known) = self.line_tables.borrow().get(&script) {
            return known.clone();
        }
        let table = self.v8_line_table(script).or_else(|| self.scan_lines(script)).map(Rc::new);
        self.line_tables.borrow_mut().insert(script, table.clone());
        table
    }

    fn v8_line_table(&self, script: u64) -> Option<Vec<u64>> {
        let ends = self.target(self.field(script, self.layout.fields.script_line_ends).ok()?)?;
        if self.kind_of(ends) != Some(self.layout.types.fixed_array) {
            return None;
        }
        let ends: Vec<u64> = self.array_words(ends).into_iter().map_while(count).collect();
        (!ends.is_empty() && ends.is_sorted()).then_some(ends)
    }

    fn scan_lines(&self, script: u64) -> Option<Vec<u64>> {
        let source = self.target(self.field(script, self.layout.fields.script_source).ok()?)?;
        let length = self.string_length(source).filter(|length| *length < LONGEST)?;
        let text = self.string(source, length).filter(|text| text.whole)?;
        let mut ends = Vec::new();
        let mut units: u64 = 0;
        let mut characters = text.text.chars().peekable();
        while let Some(character) = characters.next() {
            let ends_line = match character {
                '\n' | '\u{2028}' | '\u{2029}' => true,
                '\r' => characters.peek() != Some(&'\n'),
                _ => false,
            };
            if ends_line {
                ends.push(units);
            }
            units += character.len_utf16() as u64;
        }
        ends.push(units);
        Some(ends)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_on_the_line_that_they_end() {
        // "ab\ncd\n": line feeds at 2 and 5, length 6
        let ends = [2, 5, 6];
        assert_eq!(line_and_column(&ends, 0), Some((1, 1)));
        assert_eq!(line_and_column(&ends, 2), Some((1, 3)));
        assert_eq!(line_and_column(&ends, 3), Some((2, 1)));
        assert_eq!(line_and_column(&ends, 6), Some((3, 1)));
        assert_eq!(line_and_column(&ends, 7), None);
        assert_eq!(line_and_column(&[], 0), None);
    }
}
