//! Spans of time as people write them: `500ms`, `20s`, `5m`.
//!
//! One whole number and one unit. What the crates for this accept beyond it (fractions, sums, months) is what one
//! would have to explain in an error message or a manual; what is left is too little to depend on a crate for.

use std::time::Duration;

/// Units, longest first, with their length in nanoseconds.
const UNITS: [(&str, u64); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Text that is not a span of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a span of time: write a number and ns, us, ms, s, m or h, as in 500ms or 20s")]
pub struct DurationError(String);

/// Reads a span: a whole number and a unit.
///
/// # Errors
/// If it is anything else, or longer than 584 years.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let error = || DurationError(text.to_owned());
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(error)?;
    let (number, unit) = text.split_at(digits);
    let (_, length) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(error)?;
    let number: u64 = number.parse().map_err(|_| error())?;
    number.checked_mul(*length).map(Duration::from_nanos).ok_or_else(error)
}

/// Writes a span in the longest unit that needs no fraction.
pub fn format(span: Duration) -> String {
    let nanos = span.as_nanos();
    let fits = |(_, length): &&(&str, u64)| nanos.is_multiple_of(u128::from(*length));
    if nanos == 0 {
        return "0s".to_owned();
    }
    let (unit, length) = UNITS
        .iter()
        .find(|unit| fits(unit))
        .expect("every span is so many nanoseconds");
    format!("{}{unit}", nanos / u128::from(*length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for nanos in [
            0,
            1,
            999,
            1_000,
            1_500_000,
            20_000_000_000,
            300_000_000_000,
            7_200_000_000_000,
        ] {
            let span = Duration::from_nanos(nanos);
            assert_eq!(parse(&format(span)), Ok(span));
        }
        assert_eq!(format(Duration::from_millis(1500)), "1500ms");
        assert_eq!(format(Duration::from_secs(120)), "2m");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "5",
            "s",
            "-5s",
            "1.5s",
            "5 s",
            "5days",
            "99999999999999999999s",
            "10000000h",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
