//! V8's tables from code offsets to source positions: pairs of differences, in variable-length numbers.

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PositionRow {
    /// Offset in the code.
    pub(super) offset: i64,
    /// Position in the source, as V8 packs it.
    pub(super) position: Position,
}

/// A position, and the function that it is in if that was optimized into another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    /// Characters from the start of the script.
    pub(super) offset: u64,
    /// The number of the inlined call; none for the function itself.
    pub(super) inlining: Option<usize>,
}

impl Position {
    /// From V8's packed form: an external position or not (1 bit), the offset plus one (30), the inlined call's number plus one (16).
    pub(super) fn unpack(raw: u64) -> Option<Self> {
        let offset = (raw >> 1 & 0x3fff_ffff).checked_sub(1)?;
        let inlining = (raw >> 31 & 0xffff).checked_sub(1).map(|number| number as usize);
        (raw & 1 == 0).then_some(Self { offset, inlining })
    }
}

/// A number in groups of 7 bits, the lowest first.
pub(super) fn variable_length(bytes: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = bytes.next()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The sign is the lowest bit.
fn signed(value: u64) -> i64 {
    let magnitude = (value >> 1) as i64;
    if value & 1 == 1 { -1 - magnitude } else { magnitude }
}

/// The rows of a table. `newer` is the encoding whose first number is unsigned, with two flags.
pub(super) fn rows(bytes: &[u8], newer: bool) -> Vec<PositionRow> {
    let mut bytes = bytes.iter().copied();
    // The entry of the function is before its first code.
    let (mut offset, mut raw) = (-1_i64, 0_i64);
    let mut rows = Vec::new();
    while let (Some(first), Some(second)) = (variable_length(&mut bytes), variable_length(&mut bytes)) {
        let step = match newer {
            true => (first >> 2) as i64,
            false => {
                let step = signed(first);
                // Negative steps mark expressions.
                if step < 0 { -(step + 1) } else { step }
            }
        };
        offset = offset.wrapping_add(step);
        raw = raw.wrapping_add(signed(second));
        if let Some(position) = Position::unpack(raw as u64) {
            rows.push(PositionRow { offset, position });
        }
    }
    rows
}

/// The position of the code at an offset: the last row up to it.
pub(super) fn position_at(rows: &[PositionRow], offset: i64) -> Option<Position> {
    rows.iter().take_while(|row| row.offset <= offset).last().map(|row| row.position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_seven_bits_a_byte() {
        assert_eq!(variable_length(&mut [0x05].into_iter()), Some(5));
        assert_eq!(variable_length(&mut [0x80, 0x01].into_iter()), Some(128));
        assert_eq!(variable_length(&mut [0x80].into_iter()), None);
        assert_eq!(variable_length(&mut [0xff; 11].into_iter()), None);
        assert_eq!([0, 1, 2, 3].map(signed), [0, -1, 1, -2]);
    }

    #[test]
    fn rows_add_up() {
        // Steps 1 and 5 (an expression: -6); positions 10 and 13, as packed: 22 and 6 more.
        let found = rows(&[2, 44, 11, 12], false);
        assert_eq!(rows(&[6, 44, 20, 12], true), found);
        let row = |offset, at| PositionRow { offset, position: Position { offset: at, inlining: None } };
        assert_eq!(found, [row(0, 10), row(5, 13)]);
        assert_eq!(position_at(&found, 4), Some(row(0, 10).position));
        assert_eq!(position_at(&found, 5), Some(row(5, 13).position));
        assert_eq!(position_at(&[], 5), None);
    }
}
