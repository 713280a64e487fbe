//! Numbers as EDN and Clojure write them: integers of any size, ratios, other bases, decimals.
//!
//! Only integers of 64 bits are computed with; any other number is kept as it was written.

use super::Datum;

/// Returns whether `token` goes on as a number after its sign; `-` and `+x` are symbols.
pub(super) fn begins(token: &str) -> bool {
    unsigned(token).starts_with(|first: char| first.is_ascii_digit())
}

/// Returns the number that `token` writes, if it does.
pub(super) fn read(token: &str) -> Option<Datum> {
    // Clojure marks a number that may grow with N; its value is the same.
    let plain = token.strip_suffix('N').unwrap_or(token);
    if is_digits(unsigned(plain)) {
        let is_octal = unsigned(plain).len() > 1 && unsigned(plain).starts_with('0');
        let int = plain.parse().map_or_else(|_| Datum::Number(token.into()), Datum::Int);
        return (!is_octal).then_some(int);
    }
    let plain = unsigned(token);
    let is_number = is_decimal(plain)
        || plain
            .split_once('/')
            .is_some_and(|(above, below)| is_digits(above) && is_digits(below))
        || plain.split_once(['x', 'r']).is_some_and(|(base, digits)| {
            is_digits(base) && !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_alphanumeric())
        });
    is_number.then(|| Datum::Number(token.into()))
}

fn unsigned(token: &str) -> &str {
    token.strip_prefix(['-', '+']).unwrap_or(token)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns whether `text` has a point, an exponent, or the mark M of an exact decimal.
fn is_decimal(text: &str) -> bool {
    let text = text.strip_suffix('M').unwrap_or(text);
    let (mantissa, exponent) = text
        .split_once(['e', 'E'])
        .map_or((text, None), |(it, exponent)| (it, Some(exponent)));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    is_digits(whole)
        && (fraction.is_empty() || is_digits(fraction))
        && exponent.is_none_or(|exponent| is_digits(unsigned(exponent)))
}
