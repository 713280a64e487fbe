//! Instants as runs are named by them: in UTC, to the second, as in `20261120T224502Z`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::{Date, Month, OffsetDateTime};

/// The instant that it is.
pub fn now() -> String {
    let now = OffsetDateTime::now_utc();
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        now.year(),
        u8::from(now.month()),
        now.day(),
        now.hour(),
        now.minute(),
        now.second()
    )
}

/// Seconds since 1970 of an instant as [`now`] writes it; `None` if the text is none.
pub fn unix_seconds(text: &str) -> Option<i64> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let is_digits = |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(date, 8) || !is_digits(clock, 6) {
        return None;
    }
    let two = |part: &str, at: usize| part[at..at + 2].parse::<u8>().ok();
    let month = Month::try_from(two(date, 4)?).ok()?;
    let date = Date::from_calendar_date(date[..4].parse().ok()?, month, two(date, 6)?).ok()?;
    let moment = date.with_hms(two(clock, 0)?, two(clock, 2)?, two(clock, 4)?).ok()?;
    Some(moment.assume_utc().unix_timestamp())
}

/// Nanoseconds since 1970 of an instant as logs have it, `2026-11-20T22:45:02.125Z`.
pub fn unix_ns(time: &str) -> Option<i128> {
    let (seconds, fraction) = time.strip_suffix('Z')?.split_once('.')?;
    let compact: String = seconds.chars().filter(|letter| !"-:".contains(*letter)).collect();
    let seconds = unix_seconds(&(compact + "Z"))?;
    let is_fraction = fraction.len() <= 9 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let nanos: i128 = format!("{fraction:0<9}").parse().ok().filter(|_| is_fraction)?;
    Some(i128::from(seconds) * 1_000_000_000 + nanos)
}

/// When `elapsed` was nothing, in nanoseconds since 1970; `None` of a machine whose clock was never set.
pub fn unix_ns_before(elapsed: Duration) -> Option<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(now.checked_sub(elapsed)?.as_nanos()).ok()
}

/// As in `2026-11-20 22:45:02`; a text that is no instant stays as it is.
pub fn spaced(text: &str) -> String {
    if unix_seconds(text).is_none() {
        return text.to_owned();
    }
    let part = |from: usize, to: usize| &text[from..to];
    format!(
        "{}-{}-{} {}:{}:{}",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(9, 11),
        part(11, 13),
        part(13, 15)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_as_it_is_written() {
        assert_eq!(unix_seconds("19700101T000000Z"), Some(0));
        assert_eq!(unix_seconds("20261120T224502Z"), Some(1_795_214_702));
        assert!(unix_seconds(&now()).is_some_and(|seconds| seconds > 1_700_000_000));
        assert_eq!(spaced("20261120T224502Z"), "2026-11-20 22:45:02");
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "now",
            "20261320T224502Z",
            "20261120T254502Z",
            "2026112T0224502Z",
            "äöüäT224502Z",
        ] {
            assert_eq!(unix_seconds(text), None, "{text}");
            assert_eq!(spaced(text), text);
        }
    }
}
