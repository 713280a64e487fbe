//! Texts eight bytes at a time: an integer holds them all, and arithmetic on it works on each (SIMD within a register).

const POWERS_OF_TEN: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// Returns whether two texts of one length are the same, without a call where they are short.
#[inline(always)]
pub(crate) fn is_same(text: &[u8], other: &[u8]) -> bool {
    debug_assert_eq!(text.len(), other.len());
    if let (Some(first), Some(last)) = (text.first_chunk::<16>(), text.last_chunk::<16>()) {
        return match text.len() {
            ..=32 => other.first_chunk() == Some(first) && other.last_chunk() == Some(last),
            _ => text == other,
        };
    }
    match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(first), Some(last)) => other.first_chunk() == Some(first) && other.last_chunk() == Some(last),
        _ => match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
            (Some(first), Some(last)) => other.first_chunk() == Some(first) && other.last_chunk() == Some(last),
            _ => text.iter().eq(other),
        },
    }
}

/// Returns the number that `text` begins with, and how many digits it has: at most 19, which always is below 2^64, and no zero before
/// others. What follows the digits is not looked at.
#[inline(always)]
pub(crate) fn natural(text: &[u8]) -> Option<(u64, usize)> {
    let Some(chunk) = text.first_chunk() else {
        return any_natural(text);
    };
    let (number, digits) = leading_digits(*chunk);
    if digits == 8 {
        return long_natural(text, number);
    }
    let is_whole = digits == 1 || digits > 1 && chunk[0] != b'0';
    is_whole.then_some((number, digits))
}

/// Goes on after eight digits, if there are less than eight more.
#[inline(always)]
fn long_natural(text: &[u8], high: u64) -> Option<(u64, usize)> {
    let Some(chunk) = text.get(8..).and_then(|rest| rest.first_chunk()) else {
        return any_natural(text);
    };
    let (low, digits) = leading_digits(*chunk);
    if digits == 8 || text[0] == b'0' {
        return any_natural(text);
    }
    Some((high * POWERS_OF_TEN[digits] + low, 8 + digits))
}

/// As [`natural`], for those that are longer or near the end of the text.
fn any_natural(text: &[u8]) -> Option<(u64, usize)> {
    let (mut number, mut length) = (0u64, 0);
    while let Some(chunk) = text[length..].first_chunk::<8>() {
        let (part, digits) = leading_digits(*chunk);
        number = number.wrapping_mul(POWERS_OF_TEN[digits]).wrapping_add(part);
        length += digits;
        if digits < 8 || length > 19 {
            break;
        }
    }
    if text.len() - length < 8 {
        while let Some(digit @ b'0'..=b'9') = text.get(length) {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            length += 1;
        }
    }
    let is_whole = length == 1 || (2..=19).contains(&length) && text[0] != b'0';
    is_whole.then_some((number, length))
}

/// Returns the number that the digits at the beginning of `chunk` are, and how many they are.
///
/// The lowest byte of the integer is the first (Lemire, *Quickly parsing eight digits*, 2018).
#[inline(always)]
pub(crate) fn leading_digits(chunk: [u8; 8]) -> (u64, usize) {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    const PAIRS: u64 = 0x0000_00ff_0000_00ff;
    let digits = u64::from_le_bytes(chunk) ^ 0x3030_3030_3030_3030;
    // A byte above 9 reaches its highest bit when 0x76 is added. What it carries over goes to bytes after it only.
    let others = (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & HIGH;
    let count = (others.trailing_zeros() / 8) as usize;
    if count == 0 {
        return (0, 0);
    }
    // Leading zeros in place of what follows the digits.
    let digits = digits << (64 - 8 * count);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let high = (pairs & PAIRS).wrapping_mul(100 + (1_000_000 << 32));
    let low = (pairs >> 16 & PAIRS).wrapping_mul(1 + (10_000 << 32));
    (high.wrapping_add(low) >> 32, count)
}

/// Returns how many bytes at the beginning of `chunk` are of a text of JSON: neither a quote nor an escape, nor one that should be escaped.
#[inline(always)]
pub(crate) fn text_bytes(chunk: [u8; 8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let bytes = u64::from_le_bytes(chunk);
    // A byte below a bound borrows its highest bit, and one equal to another is below 1 once they are xored. What a byte
    // borrows beyond that it takes from those after it only.
    let below = |bytes: u64, bound: u64| bytes.wrapping_sub(bound * ONES) & !bytes;
    let quotes = below(bytes ^ (b'"' as u64 * ONES), 1);
    let escapes = below(bytes ^ (b'\\' as u64 * ONES), 1);
    let last = (quotes | escapes | below(bytes, 0x20)) & HIGH;
    (last.trailing_zeros() / 8) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_counted_and_read() {
        for (text, expected) in [
            ("12345678", (12_345_678, 8)),
            ("1234567,", (1_234_567, 7)),
            ("0,999999", (0, 1)),
            ("99:99999", (99, 2)),
            ("42/11111", (42, 2)),
            (",1234567", (0, 0)),
            ("é1234567", (0, 0)),
        ] {
            let chunk = *text.as_bytes().first_chunk().expect("eight bytes");
            assert_eq!(leading_digits(chunk), expected, "{text}");
        }
    }

    #[test]
    fn texts_are_the_same_if_no_byte_is_another() {
        let text: Vec<u8> = (0..40).collect();
        for length in 0..=text.len() {
            let text = &text[..length];
            let mut other = text.to_vec();
            assert!(is_same(text, &other), "{length}");
            for place in 0..length {
                other[place] ^= 0x80;
                assert!(!is_same(text, &other), "{place} of {length}");
                other[place] ^= 0x80;
            }
        }
    }

    /// However long they are and whatever comes after them.
    #[test]
    fn numbers_are_what_json_says() {
        let digits = "1234567890123456789012";
        for start in ["", "0", "9"] {
            for length in 0..=digits.len() {
                let number = format!("{start}{}", &digits[..length]);
                for after in ["", ",", ",\"process\":1", "}\n{\"index\":9876543210,"] {
                    let text = format!("{number}{after}");
                    let is_taken = (1..=19).contains(&number.len()) && (number == "0" || !number.starts_with('0'));
                    let expected = is_taken.then(|| (number.parse().unwrap(), number.len()));
                    assert_eq!(natural(text.as_bytes()), expected, "{text}");
                }
            }
        }
    }
}
