//! What a capture waits for.

use std::{fmt, str::FromStr};

/// A condition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Trigger {
    /// The resident set is above so many bytes.
    Rss(u64),
    /// The used heap is above this share of its limit.
    Heap(f64),
    /// The heap after full collections grows each time.
    FloorGrows,
    /// Memory is about to run out: resident memory at 90 % of the tightest control group, or the heap after a full
    /// collection at 90 % of its limit.
    OomNear,
    /// This program gets SIGUSR2.
    Signal,
}

impl Trigger {
    /// Whether the inspector of the process is needed.
    #[must_use]
    pub fn attaches(&self) -> bool {
        matches!(self, Self::Heap(_) | Self::FloorGrows | Self::OomNear)
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rss(bytes) => write!(f, "rss>{bytes}"),
            Self::Heap(share) => write!(f, "heap>{:.0}%", share * 100.0),
            Self::FloorGrows => f.write_str("floor-grows"),
            Self::OomNear => f.write_str("oom-near"),
            Self::Signal => f.write_str("signal"),
        }
    }
}

impl FromStr for Trigger {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || {
            format!(
                "{text:?} is no condition; there are rss>1.5G, heap>80%, floor-grows, oom-near and signal"
            )
        };
        match text.split_once('>').map(|(what, value)| (what.trim(), value.trim())) {
            Some(("rss", value)) => bytes(value).map(Self::Rss).ok_or_else(error),
            Some(("heap", value)) => {
                let share = value.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
                let share = share.filter(|percent| (1.0..=100.0).contains(percent));
                share.map(|percent| Self::Heap(percent / 100.0)).ok_or_else(error)
            }
            _ => match text {
                "floor-grows" => Ok(Self::FloorGrows),
                "oom-near" => Ok(Self::OomNear),
                "signal" => Ok(Self::Signal),
                _ => Err(error()),
            },
        }
    }
}

/// `1.5G`, `800M`, `64k`, `123`; units are powers of 1,024, as in limits of control groups.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let value: f64 = digits.parse().ok()?;
    let scale = match text[digits.len()..].to_ascii_lowercase().trim_end_matches('b').trim_end_matches('i') {
        "" => 1.0,
        "k" => 1024.0,
        "m" => 1_048_576.0,
        "g" => 1_073_741_824.0,
        "t" => 1_099_511_627_776.0,
        _ => return None,
    };
    let bytes = value * scale;
    (1.0..1e18).contains(&bytes).then_some(bytes as u64)
}

impl Trigger {
    /// A size as people write it.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse_bytes(text: &str) -> Result<u64, String> {
        bytes(text).ok_or_else(|| format!("{text:?} is no size; sizes look like 800M or 1.5G"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read() {
        let read = |text: &str| text.parse::<Trigger>();
        assert_eq!(read("rss>1.5G"), Ok(Trigger::Rss(1_610_612_736)));
        assert_eq!(read("rss > 800MiB"), Ok(Trigger::Rss(800 << 20)));
        assert_eq!(read("heap>80%"), Ok(Trigger::Heap(0.8)));
        assert_eq!(read("floor-grows"), Ok(Trigger::FloorGrows));
        assert_eq!(read("oom-near"), Ok(Trigger::OomNear));
        assert_eq!(read("signal"), Ok(Trigger::Signal));
        for bad in ["rss>", "rss>-1", "rss>1X", "heap>80", "heap>0%", "heap>101%", "cpu>3", ""] {
            assert!(read(bad).unwrap_err().contains("is no condition"), "{bad}");
        }
        assert_eq!(read("heap>80%").unwrap().to_string(), "heap>80%");
    }
}
