//! A guess of how deeply a text nests, made before parsing: the parser and its visitors recurse.

/// Longer texts are not parsed.
pub(crate) const MAX_BYTES: usize = 48 << 20;
/// Deeper texts are not parsed. Real bundles stay under a few hundred; generated expressions under a few thousand.
pub(crate) const MAX_DEPTH: usize = 20_000;
const MAX_BRACKETS: usize = 3_000;

/// Whether a text is small and flat enough to be parsed on [`crate::locate()`]'s stack.
pub(crate) fn is_parsable(text: &str) -> bool {
    text.len() <= MAX_BYTES && nesting_fits(text.as_bytes())
}

/// Counts open brackets, and operators since the last separator: both become tree depth. Strings and comments
/// are skipped; a regular expression may be misread, which only makes the guess higher.
fn nesting_fits(bytes: &[u8]) -> bool {
    let mut chain = vec![0usize];
    let mut total = 0usize;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'"' | b'\'') => at = skip_string(bytes, at, quote),
            b'/' if bytes.get(at + 1) == Some(&b'/') => at = skip_line(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'*') => at = skip_comment(bytes, at),
            b'(' | b'[' | b'{' => {
                chain.push(0);
                if chain.len() > MAX_BRACKETS {
                    return false;
                }
            }
            b')' | b']' | b'}' if chain.len() > 1 => {
                total -= chain.pop().unwrap_or(0);
            }
            b';' | b',' => {
                if let Some(last) = chain.last_mut() {
                    total -= std::mem::take(last);
                }
            }
            b'+' | b'-' | b'*' | b'/' | b'%' | b'!' | b'~' | b'&' | b'|' | b'^' | b'<' | b'=' | b'?'
            | b'.' => {
                if let Some(last) = chain.last_mut() {
                    *last += 1;
                    total += 1;
                }
                if total > MAX_DEPTH {
                    return false;
                }
            }
            b'\n' => {
                // Without semicolons a line's end separates too, unless the next line goes on with an operator.
                let next = bytes[at + 1..].iter().find(|b| !b.is_ascii_whitespace());
                if next.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'@' | b'#')) {
                    let ended = bytes[..at].iter().rev().find(|b| !b.is_ascii_whitespace());
                    if ended.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b')' | b']' | b'}'))
                        && let Some(last) = chain.last_mut()
                    {
                        total -= std::mem::take(last);
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
    true
}

fn skip_string(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != quote && bytes[at] != b'\n' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at
}

fn skip_line(bytes: &[u8], start: usize) -> usize {
    // The line's end itself is looked at again.
    bytes[start..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |end| start + end - 1)
}

fn skip_comment(bytes: &[u8], start: usize) -> usize {
    bytes[start + 2..].windows(2).position(|w| w == b"*/").map_or(bytes.len(), |end| start + 2 + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_would_overflow_the_stack() {
        assert!(!is_parsable(&"(".repeat(100_000)));
        assert!(!is_parsable(&format!("x = {}1;", "1+".repeat(100_000))));
        assert!(!is_parsable(&"!".repeat(100_000)));
    }

    #[test]
    fn accepts_long_flat_texts() {
        assert!(is_parsable(&"seen.push(a + b * c);\n".repeat(100_000)));
        assert!(is_parsable(&"seen.push(a + b)\n".repeat(100_000)));
        assert!(is_parsable(&format!("x = '{}';", "+/".repeat(100_000))));
        assert!(is_parsable("// comment without end"));
        assert!(is_parsable("/* comment without end"));
        assert!(is_parsable("'"));
    }
}
