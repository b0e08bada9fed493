//! Numbers as people read them.

/// `1.9 KB`, `-14.0 MB`, `17 bytes`: with the sign, in powers of 1024.
pub(crate) fn bytes(value: f64) -> String {
    let size = value.abs();
    for (unit, scale) in [("GB", 1073741824.0), ("MB", 1048576.0), ("KB", 1024.0)] {
        if size >= scale {
            return format!("{:.1} {unit}", value / scale);
        }
    }
    format!("{value:.0} bytes")
}

/// `1,234,567`
pub(crate) fn count(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if value < 0.0 && digits != "0" { format!("-{out}") } else { out }
}

/// A probability without false precision.
pub(crate) fn probability(p: f64) -> String {
    if p < 0.001 { "below 0.001".to_owned() } else { format!("{p:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(bytes(1945.6), "1.9 KB");
        assert_eq!(bytes(-14.0 * 1048576.0), "-14.0 MB");
        assert_eq!(bytes(17.2), "17 bytes");
        assert_eq!(count(1_234_567.0), "1,234,567");
        assert_eq!(count(-12.0), "-12");
        assert_eq!(count(-0.2), "0");
        assert_eq!(probability(0.000_01), "below 0.001");
    }
}
