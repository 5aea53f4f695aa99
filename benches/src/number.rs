//! Numbers for people.

/// A number with its unit, short: "1,234,567", "0.695 us", "12.3 MiB".
#[must_use]
pub fn shown(value: f64, unit: &str) -> String {
    if !value.is_finite() {
        return "none".to_owned();
    }
    let (value, unit) = scaled(value, unit);
    let number = grouped(&rounded(value));
    if unit.is_empty() { number } else { format!("{number} {unit}") }
}

/// Bytes get the unit in which they have few digits; the others are what tables compare.
fn scaled(value: f64, unit: &str) -> (f64, &str) {
    const KIB: f64 = 1_024.0;
    match unit {
        "bytes" if value.abs() >= KIB.powi(3) => (value / KIB.powi(3), "GiB"),
        "bytes" if value.abs() >= KIB.powi(2) => (value / KIB.powi(2), "MiB"),
        "bytes" if value.abs() >= 10.0 * KIB => (value / KIB, "KiB"),
        _ => (value, unit),
    }
}

/// Whole numbers as they are, others to about three digits.
fn rounded(value: f64) -> String {
    let digits = match value.abs() {
        whole if whole.fract() == 0.0 => 0,
        size if size >= 1_000.0 => 0,
        size if size >= 100.0 => 1,
        size if size >= 10.0 => 2,
        size if size >= 0.1 => 3,
        _ => 4,
    };
    format!("{value:.digits$}")
}

/// With a comma before each three digits.
fn grouped(number: &str) -> String {
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(w, f)| (w, Some(f)));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut text = sign.to_owned();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_have_their_unit() {
        assert_eq!(shown(0.0, ""), "0");
        assert_eq!(shown(1_234_567.0, ""), "1,234,567");
        assert_eq!(shown(-123_456.0, ""), "-123,456");
        assert_eq!(shown(123.0, "ms"), "123 ms");
        assert_eq!(shown(1_234.56, "/s"), "1,235 /s");
        assert_eq!(shown(999.96, "us"), "1,000.0 us");
        assert_eq!(shown(12.345, "us"), "12.35 us");
        assert_eq!(shown(1.2345, "us"), "1.234 us");
        assert_eq!(shown(0.69512, "us"), "0.695 us");
        assert_eq!(shown(0.01234, "us"), "0.0123 us");
        assert_eq!(shown(f64::NAN, "us"), "none");
        assert_eq!(shown(f64::INFINITY, ""), "none");
    }

    #[test]
    fn bytes_have_the_unit_that_fits() {
        assert_eq!(shown(456.0, "bytes"), "456 bytes");
        assert_eq!(shown(10_239.0, "bytes"), "10,239 bytes");
        assert_eq!(shown(10_240.0, "bytes"), "10 KiB");
        assert_eq!(shown(1_572_864.0, "bytes"), "1.500 MiB");
        assert_eq!(shown(2_147_483_648.0, "bytes"), "2 GiB");
    }
}
