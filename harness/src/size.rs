//! Amounts of memory on the command line, as people write them: `512MiB`, `2GiB`, or a bare number of bytes.

/// The units, by their names in lower case.
const UNITS: [(&str, u64); 7] = [
    ("b", 1),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
];

/// Reads an amount in bytes.
///
/// # Errors
/// It is no amount: a fragment that says what one looks like.
pub fn parse(text: &str) -> Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim().to_ascii_lowercase();
    let factor = match unit.as_str() {
        "" => Some(1),
        unit => UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor),
    };
    let number: Option<u64> = number.parse().ok();
    number
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor))
        .ok_or_else(|| format!("{text:?} is no amount of memory such as 512MiB or 2GiB"))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn amounts_have_a_number_and_a_unit() {
        assert_eq!(parse("64KiB"), Ok(65_536));
        assert_eq!(parse("2 GiB"), Ok(1 << 31));
        assert_eq!(parse("3MB"), Ok(3_000_000));
        assert_eq!(parse("17"), Ok(17));
        for wrong in ["", "KiB", "1.5GiB", "-1", "3 parsecs", "99999999999GiB"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
