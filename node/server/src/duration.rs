//! Spans of time as people type them: `500ms`, `20s`, `5m`.
//!
//! One whole number and one unit. What the crates for this accept beyond it (fractions, sums, months) is what one
//! would have to explain in an error message or a manual; what is left is too little to depend on a crate for.

use std::time::Duration;

const UNITS: [(&str, Duration); 5] = [
    ("us", Duration::from_micros(1)),
    ("ms", Duration::from_millis(1)),
    ("s", Duration::from_secs(1)),
    ("m", Duration::from_secs(60)),
    ("h", Duration::from_secs(60 * 60)),
];

/// Reads a span such as `500ms`, `20s`, `5m` or `3h`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number = number
        .parse()
        .map_err(|_| format!("{text:?} does not start with a whole number that fits"))?;
    let (_, one) = UNITS
        .into_iter()
        .find(|(name, _)| *name == unit)
        .ok_or_else(|| format!("{text:?} does not end in us, ms, s, m or h"))?;
    one.checked_mul(number).ok_or_else(|| format!("{text:?} is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_make_a_span() {
        let cases = [
            ("0s", Duration::ZERO),
            ("250us", Duration::from_micros(250)),
            ("500ms", Duration::from_millis(500)),
            ("20s", Duration::from_secs(20)),
            ("5m", Duration::from_secs(300)),
            ("3h", Duration::from_secs(10_800)),
        ];
        for (text, span) in cases {
            assert_eq!(parse_duration(text), Ok(span), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "5",
            "s",
            "-1s",
            "1.5s",
            "1 s",
            "1d",
            "1S",
            "99999999999s",
            "4294967295h5",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
