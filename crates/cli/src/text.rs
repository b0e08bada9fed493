//! Numbers and names as people read them.

use std::borrow::Cow;
use std::fmt::Write;

/// A text from a heap without anything that a terminal would obey: control characters, and marks that turn the
/// direction of writing, are written as escapes. The one way from a heap to the terminal.
pub(crate) fn safe(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            c if is_unsafe(c) => {
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
            }
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A safe text of at most `most` characters; a cut shows as "…".
pub(crate) fn clip(text: &str, most: usize) -> String {
    let safe = safe(text);
    match safe.char_indices().nth(most) {
        Some(_) => safe.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        None => safe.into_owned(),
    }
}

/// Bytes with three digits at least and one unit: `1.24 MB`. Units are powers of 1,000, as in DevTools.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    // 999.95 and more would round to 1000.
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = if value < 9.995 { 2 } else { 1 };
    format!("{value:.digits$} {}", UNITS[unit])
}

/// Bytes more or less: `+1.24 MB`.
pub(crate) fn size_delta(bytes: i64) -> String {
    match bytes {
        0 => "0 B".to_owned(),
        ..0 => format!("-{}", size(bytes.unsigned_abs())),
        _ => format!("+{}", size(bytes.unsigned_abs())),
    }
}

/// A number with its thousands apart: `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// More or less: `+1,234`.
pub(crate) fn count_delta(number: i64) -> String {
    match number {
        0 => "0".to_owned(),
        ..0 => format!("-{}", count(number.unsigned_abs())),
        _ => format!("+{}", count(number.unsigned_abs())),
    }
}

/// A part of a whole: `12 %`.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let percent = part as f64 * 100.0 / whole as f64;
    if percent > 0.0 && percent < 1.0 { "< 1 %".to_owned() } else { format!("{percent:.0} %") }
}

/// One of something, or many: `1 object`, `2 objects`.
pub(crate) fn plural(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(safe("a\u{1b}[31mb\u{7}"), "a\\u{1b}[31mb\\u{7}");
        assert_eq!(safe("\u{0}\u{7f}\u{9b}\u{202e}\u{2066}"), "\\u{0}\\u{7f}\\u{9b}\\u{202e}\\u{2066}");
        assert_eq!(safe("line\nnext\ttab\r"), "line\\nnext\\ttab\\r");
        assert!(matches!(safe("größer 日本 🎉"), Cow::Borrowed(_)));
    }

    #[test]
    fn sizes_have_one_unit() {
        let sizes = [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (1_240_000, "1.24 MB")];
        for (bytes, text) in sizes {
            assert_eq!(size(bytes), text);
        }
        assert_eq!(size(999_949), "999.9 kB");
        assert_eq!(size(999_951), "1.00 MB");
        assert_eq!(size(u64::MAX), "18.4 EB");
        assert_eq!(size_delta(-1500), "-1.50 kB");
    }

    #[test]
    fn counts_have_their_thousands_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(count_delta(-1000), "-1,000");
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(clip("abcdef", 4), "abc…");
        assert_eq!(clip("abcd", 4), "abcd");
    }
}
