//! Numbers as text: most of the time of writing a snapshot goes here, so digits are made eight at once and written where
//! they stay.

use std::io::{self, Write};

/// Bytes that are collected before they are handed on.
const CHUNK: usize = 1 << 16;
/// More than any record has: seven numbers of twenty digits, and what stands between them.
const RECORD: usize = 200;
/// More than a number takes when it is written: three times eight digits, and the comma.
const WINDOW: usize = 32;

/// Eight digits' worth.
const E8: u64 = 100_000_000;

/// The least number of so many digits and one; a zero has a digit too.
const POWERS: [u64; 20] = {
    let mut powers = [0; 20];
    let mut exponent = 1;
    while exponent < 20 {
        powers[exponent] = 10u64.pow(exponent as u32);
        exponent += 1;
    }
    powers
};

/// How many digits a number has: of its bits, each takes log10(2) = 1233 / 4096 of one, and one comparison tells the rest.
/// (`ilog10` divides.)
fn digit_count(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros() as usize;
    let digits = (bits * 1233) >> 12;
    digits + usize::from(value >= POWERS[digits])
}

/// The eight digits of a number below 10^8, the first one in the lowest byte: halves are split side by side in one word,
/// into two of four digits, four of two, and eight. The multipliers are rounded up and hold for all numbers of the lanes:
/// 10486 / 2^20 is a hundredth below 10^4, 103 / 2^10 a tenth below 100.
fn eight_digits(value: u64) -> u64 {
    let fours = (value / 10_000) | ((value % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | ((fours - hundreds * 100) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    (tens | ((pairs - tens * 10) << 8)) + 0x3030_3030_3030_3030
}

/// Bytes of a piece of a record: two numbers, the first of one digit, and their commas.
const PIECE: usize = 16;

/// The first numbers of a record as text, made once for many.
pub(crate) struct Piece {
    text: [u8; PIECE],
    length: u8,
}

impl Piece {
    /// Of a number below 10, and one of 32 bits.
    pub(crate) fn of([first, second]: [u64; 2]) -> Self {
        let text = format!("{first},{second},");
        let mut piece = Self { text: [0; PIECE], length: text.len().min(PIECE) as u8 };
        piece.text[..usize::from(piece.length)]
            .copy_from_slice(&text.as_bytes()[..usize::from(piece.length)]);
        piece
    }
}

/// Records of numbers as text, a line each, with commas between them.
pub(crate) struct Records<'w, W> {
    out: &'w mut W,
    text: Vec<u8>,
    length: usize,
}

impl<'w, W: Write> Records<'w, W> {
    pub(crate) fn new(out: &'w mut W) -> Self {
        Self { out, text: vec![0; CHUNK + RECORD + WINDOW], length: 0 }
    }

    /// Adds a number to the record at hand.
    #[inline(always)]
    pub(crate) fn number(&mut self, value: u64) {
        let window = &mut self.text[self.length..self.length + WINDOW];
        let mut at = 0;
        if value < 10 {
            window[0] = b'0' + value as u8;
            at = 1;
        } else if value < E8 {
            at += first_digits(window, value);
        } else {
            let (mut high, low) = (value / E8, value % E8);
            if high >= E8 {
                at += first_digits(window, high / E8);
                high %= E8;
                window[at..at + 8].copy_from_slice(&eight_digits(high).to_le_bytes());
                at += 8;
            } else {
                at += first_digits(window, high);
            }
            window[at..at + 8].copy_from_slice(&eight_digits(low).to_le_bytes());
            at += 8;
        }
        window[at] = b',';
        self.length += at + 1;
    }

    /// Adds a piece to the record at hand.
    #[inline(always)]
    pub(crate) fn piece(&mut self, piece: &Piece) {
        self.text[self.length..self.length + PIECE].copy_from_slice(&piece.text);
        self.length += usize::from(piece.length);
    }

    /// Ends a record, which has a number.
    #[inline]
    pub(crate) fn end(&mut self) -> io::Result<()> {
        self.text[self.length - 1..=self.length].copy_from_slice(b"\n,");
        self.length += 1;
        if self.length >= CHUNK { self.hand_on() } else { Ok(()) }
    }

    /// All but what stands between records: the last one has nothing behind it.
    fn hand_on(&mut self) -> io::Result<()> {
        let behind = self.length.saturating_sub(2);
        self.out.write_all(&self.text[..behind])?;
        self.text.copy_within(behind..self.length, 0);
        self.length -= behind;
        Ok(())
    }

    /// Hands on the last record.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.hand_on()
    }
}

/// Writes a number below 10^8 without leading zeros; answers how many digits it has. Behind them there are others.
#[inline(always)]
fn first_digits(window: &mut [u8], value: u64) -> usize {
    let count = digit_count(value);
    let digits = eight_digits(value) >> (8 * (8 - count));
    window[..8].copy_from_slice(&digits.to_le_bytes());
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_are_printed() {
        // All of up to six digits, those around each power of ten, and numbers all over the range.
        let powers = (0..20).map(|exponent| 10u64.pow(exponent));
        let around = powers.flat_map(|power| power.saturating_sub(2)..power.saturating_add(2));
        let spread = (0..200_000u64).map(|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (at % 64));
        let numbers: Vec<u64> = (0..1_000_000).chain(around).chain(spread).chain([u64::MAX]).collect();
        let mut text = Vec::new();
        let mut records = Records::new(&mut text);
        for number in &numbers {
            records.number(*number);
            records.end().unwrap();
        }
        records.finish().unwrap();
        let written = String::from_utf8(text).unwrap();
        let mut lines = written.split("\n,");
        for number in &numbers {
            assert_eq!(lines.next(), Some(number.to_string().as_str()));
        }
        assert_eq!(lines.next(), None);
    }

    #[test]
    fn no_records_are_nothing_and_numbers_of_one_are_in_a_line() {
        let mut text = Vec::new();
        Records::new(&mut text).finish().unwrap();
        assert!(text.is_empty());
        let mut records = Records::new(&mut text);
        for record in [[0, 12, u64::MAX], [3, 100_000_000, 99]] {
            record.iter().for_each(|number| records.number(*number));
            records.end().unwrap();
        }
        records.finish().unwrap();
        assert_eq!(text, b"0,12,18446744073709551615\n,3,100000000,99");
    }

    #[test]
    fn each_half_of_eight_digits_is_exact() {
        for half in 0..10_000u64 {
            for value in [half * 10_000 + 4_321, 87_650_000 + half] {
                assert_eq!(eight_digits(value).to_le_bytes().as_slice(), format!("{value:08}").as_bytes());
            }
        }
    }
}
