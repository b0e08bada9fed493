//! The header of V8's lines, `[pid:isolate]` or `[pid:isolate:shared]`, wherever it stands.

use super::event::IsolateId;

/// A header was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Header {
    /// Where it begins.
    pub(super) start: usize,
    /// What follows it begins here.
    pub(super) end: usize,
    pub(super) isolate: IsolateId,
    /// `N ms:` after it; V8's lines of detail have none.
    pub(super) milliseconds: Option<f64>,
}

/// The first header at or after `from`.
pub(super) fn find(text: &str, from: usize) -> Option<Header> {
    let mut at = from;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('[')) {
        let start = at + found;
        if let Some(header) = at_bracket(text, start) {
            return Some(header);
        }
        at = start + 1;
    }
    None
}

fn at_bracket(text: &str, start: usize) -> Option<Header> {
    let rest = text.get(start + 1..)?;
    let close = rest.bytes().take(64).position(|byte| byte == b']')?;
    let mut parts = rest.get(..close)?.split(':');
    let pid = parts.next().filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
    let address = parts.next()?;
    let hex = address.strip_prefix("0x").unwrap_or(address);
    // Without the prefix (Windows) an address is long; `[12:34]` is a time of day.
    if hex.len() == address.len() && hex.len() < 8 {
        return None;
    }
    let isolate = u64::from_str_radix(hex, 16).ok()?;
    if parts
        .next()
        .is_some_and(|shared| shared.is_empty() || !shared.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return None;
    }
    let mut end = start + 1 + close + 1;
    let milliseconds = milliseconds(text.get(end..)?).map(|(value, length)| {
        end += length;
        value
    });
    Some(Header { start, end, isolate: IsolateId { pid, isolate, is_thread: false }, milliseconds })
}

/// `  123 ms: `: the number, and how long it is in all.
fn milliseconds(text: &str) -> Option<(f64, usize)> {
    let trimmed = text.trim_start_matches(' ');
    let digits = trimmed.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let value: f64 = trimmed.get(..digits)?.parse().ok()?;
    let rest = trimmed.get(digits..)?.strip_prefix(" ms:")?;
    let length = text.len() - rest.trim_start_matches(' ').len();
    Some((value, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_in_the_middle_of_a_line() {
        let text = "12:30 [main] f[19080:0x1264a000:0]      917 ms: Mark-Compact";
        let header = find(text, 0).unwrap();
        assert_eq!(header.isolate, IsolateId { pid: 19080, isolate: 0x1264_a000, is_thread: false });
        assert_eq!(header.milliseconds, Some(917.0));
        assert_eq!(&text[header.end..], "Mark-Compact");
    }

    #[test]
    fn other_brackets_are_no_headers() {
        for text in ["[12:34] up", "[", "[1:0xzz] 3 ms: x", "[:0x1]", "[1:0x1:] x", "[1:0x1:x] y", "[ü:0x1]"]
        {
            assert_eq!(find(text, 0), None, "{text}");
        }
        let detail = find("[8163:0x2c82b000] New space, used: 1 KB", 0).unwrap();
        assert_eq!(detail.milliseconds, None);
    }

    #[test]
    fn addresses_of_windows_have_no_prefix() {
        let header = find("[7820:000001A2B3C4D5E0]       22 ms: Scavenge", 0).unwrap();
        assert_eq!(header.isolate.isolate, 0x01a2_b3c4_d5e0);
    }
}
