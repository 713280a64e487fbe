//! Numbers as they are typed: several of them, and shares.

/// Numbers from 1 to 255 in the order in which they were given, none of them twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Numbers(pub(super) Vec<u8>);

/// Reads `3`, `1,3` or `1..3`, which means 1, 2 and 3.
pub(super) fn parse_numbers(text: &str) -> Result<Numbers, String> {
    let why = || format!("{text:?} is no list of numbers: write 3, 1,3 or 1..3, which has 3 in it");
    let number = |text: &str| text.trim().parse::<u8>().ok().filter(|number| *number > 0);
    let mut numbers = Vec::new();
    for part in text.split(',') {
        let range = match part.split_once("..") {
            Some((first, last)) => number(first).zip(number(last.trim_start_matches('='))),
            None => number(part).map(|one| (one, one)),
        };
        let (first, last) = range.filter(|(first, last)| first <= last).ok_or_else(why)?;
        numbers.extend(first..=last);
    }
    let mut seen = Vec::new();
    numbers.retain(|number| {
        let is_new = !seen.contains(number);
        seen.push(*number);
        is_new
    });
    Ok(Numbers(numbers))
}

/// Reads a share, as `0.1%` or as `0.001`, from 0 to 1.
pub(super) fn parse_share(text: &str) -> Result<f64, String> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.trim().parse(),
    };
    let share = share.ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| format!("{text:?} is no share: write 0.1% or 0.001, from 0 to 1"))
}

/// Reads a rate above 0.
pub(super) fn parse_rate(text: &str) -> Result<f64, String> {
    let rate = text.trim().parse::<f64>().ok();
    let rate = rate.filter(|rate| *rate > 0.0 && rate.is_finite());
    rate.ok_or_else(|| format!("{text:?} is no rate: write how often a second, above 0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_numbers_are_a_list_or_a_range() {
        let of = |text| parse_numbers(text).expect(text).0;
        assert_eq!(of("1..3"), [1, 2, 3]);
        assert_eq!(of("1..=2,5,2"), [1, 2, 5]);
        for wrong in ["", "0", "3..1", "1..", "a", "1,,2", "256"] {
            assert!(parse_numbers(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_share("0.1%"), Ok(0.001));
        assert_eq!(parse_share("1"), Ok(1.0));
        assert!(parse_share("101%").is_err() && parse_share("-1").is_err() && parse_share("x").is_err());
        assert!(parse_rate("0").is_err() && parse_rate("inf").is_err() && parse_rate("0.5").is_ok());
    }
}
