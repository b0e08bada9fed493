//! Numbers that do not fit into a word: doubles and big integers.

use crate::heap::Heap;
use crate::heap::words::{small_integer, untag};

/// More digits than V8 allows (2^30 bits).
const MOST_DIGITS: u64 = 1 << 24;
/// Digits that are written out; the rest is said to be long.
const SHOWN_DIGITS: u64 = 64;

impl Heap<'_> {
    /// The value of a small integer or a heap number.
    pub fn number(&self, word: u64) -> Option<f64> {
        if let Some(small) = small_integer(word) {
            return Some(small as f64);
        }
        let object = untag(word);
        let is_number = self.kind_of(object) == Some(self.layout.types.heap_number);
        let bits = self.field(object, self.layout.fields.heap_number_value).ok()?;
        is_number.then(|| f64::from_bits(bits))
    }

    /// A big integer in decimal, or in hexadecimal with its length if it is very long.
    pub fn big_int(&self, object: u64) -> Option<String> {
        let header = u64::from(self.half(object.checked_add(8)?).ok()?);
        let (negative, length) = (header & 1 == 1, header >> 1);
        if length > MOST_DIGITS {
            return None;
        }
        let shown = length.min(SHOWN_DIGITS);
        let digits = (0..shown).map(|i| self.field(object, 16 + 8 * (length - shown + i)).ok());
        let digits: Option<Vec<u64>> = digits.collect();
        let text = match length > SHOWN_DIGITS {
            true => format!("0x{:x}… ({} bits)", digits?.last()?, length * 64),
            false => decimal(&digits?),
        };
        Some(if negative { format!("-{text}") } else { text })
    }
}

/// Little-endian digits of 64 bits in decimal.
fn decimal(digits: &[u64]) -> String {
    const BASE: u128 = 10_000_000_000_000_000_000;
    let mut digits = digits.to_vec();
    let mut parts = Vec::new();
    while digits.iter().any(|digit| *digit != 0) {
        let mut rest: u128 = 0;
        for digit in digits.iter_mut().rev() {
            let value = (rest << 64) | u128::from(*digit);
            *digit = (value / BASE) as u64;
            rest = value % BASE;
        }
        parts.push(rest as u64);
    }
    let Some(first) = parts.pop() else { return "0".to_owned() };
    parts.iter().rev().fold(first.to_string(), |text, part| format!("{text}{part:019}"))
}

/// A number as JavaScript prints it, nearly: enough for people to recognize it.
pub fn number_text(value: f64) -> String {
    match value {
        _ if value.is_nan() => "NaN".to_owned(),
        _ if value.is_infinite() => if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned(),
        _ if value == 0.0 && value.is_sign_negative() => "-0".to_owned(),
        _ if value.abs() >= 1e21 || (value != 0.0 && value.abs() < 1e-6) => {
            let text = format!("{value:e}");
            match text.split_once('e') {
                Some((digits, power)) if !power.starts_with('-') => format!("{digits}e+{power}"),
                _ => text,
            }
        }
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_become_decimal() {
        assert_eq!(decimal(&[]), "0");
        assert_eq!(decimal(&[5]), "5");
        assert_eq!(decimal(&[0, 0, 4]), "1361129467683753853853498429727072845824");
        assert_eq!(decimal(&[u64::MAX]), u64::MAX.to_string());
        assert_eq!(decimal(&[0, 1]), "18446744073709551616");
    }

    #[test]
    fn numbers_look_like_javascript() {
        let shown = [1.0, 0.25, -0.0, f64::NAN, 1e300, 1e-7, 9_007_199_254_740_992.0].map(number_text);
        assert_eq!(shown, ["1", "0.25", "-0", "NaN", "1e+300", "1e-7", "9007199254740992"]);
    }
}
