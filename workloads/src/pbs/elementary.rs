//! The logarithm and the exponential of many numbers at once: no table and no branch, so that a compiler does several side by side, and
//! the same bits on every machine. Terms of a series are added in pairs, and pairs of those (Estrin), so that none waits for all before it.
//!
//! Both are off by less than one in 10^11 of their value. What is drawn with them is kept as `f32`, which is coarser by far.

use std::f64::consts::{LN_2, LOG2_E};

/// Where the mantissas begin that a logarithm is taken of: at the root of 1/2, so that they lie around 1.
const ROOT_HALF_BITS: u64 = 0x3fe6_a09e_667f_3bcd;

const EXPONENT_BITS: u64 = 0xfff << 52;

/// The exponent of 1.
const BIAS: u64 = 1023;

/// 2^52: as its mantissa an integer stands as it is.
const TWO_52: f64 = 4_503_599_627_370_496.0;

/// The natural logarithm of what is above 0, and neither infinite nor denormal.
///
/// `x = 2^k z` with z around 1, and `ln z = 2 artanh s` with `s = (z - 1) / (z + 1)`, whose square is below 0.03: seven terms of its series.
#[inline]
pub(super) fn ln(x: f64) -> f64 {
    let shifted = x.to_bits().wrapping_sub(ROOT_HALF_BITS).wrapping_add(BIAS << 52);
    let k = f64::from_bits((shifted >> 52) | TWO_52.to_bits()) - (TWO_52 + BIAS as f64);
    let z = f64::from_bits(
        x.to_bits()
            .wrapping_sub(shifted & EXPONENT_BITS)
            .wrapping_add(BIAS << 52),
    );
    let s = (z - 1.0) / (z + 1.0);
    let q = s * s;
    let (q2, q4) = (q * q, q * q * (q * q));
    let low = (1.0 + q * (1.0 / 3.0)) + (1.0 / 5.0 + q * (1.0 / 7.0)) * q2;
    let high = (1.0 / 9.0 + q * (1.0 / 11.0)) + (1.0 / 13.0) * q2;
    k * LN_2 + 2.0 * s * (low + high * q4)
}

/// Above this an exponential is infinite.
const EXP_MAX: f64 = 709.0;

/// ln 2, in two parts of which the first has so few bits that its multiples are exact.
const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// The exponential of what is above -700.
///
/// `x = k ln 2 + r` with r between -0.35 and 0.35: ten terms of its series, times 2^k.
#[inline]
pub(super) fn exp(x: f64) -> f64 {
    /// What is added to it is rounded to an integer, which stands in the lowest bits.
    const ROUND: f64 = 1.5 * TWO_52;
    let bounded = if x > EXP_MAX { EXP_MAX } else { x };
    let rounded = bounded * LOG2_E + ROUND;
    let k = rounded - ROUND;
    let r = bounded - k * LN_2_HIGH - k * LN_2_LOW;
    let (r2, r4) = (r * r, r * r * (r * r));
    let low = (1.0 + r) + (0.5 + r * (1.0 / 6.0)) * r2;
    let middle = (1.0 / 24.0 + r * (1.0 / 120.0)) + (1.0 / 720.0 + r * (1.0 / 5_040.0)) * r2;
    let high = 1.0 / 40_320.0 + r * (1.0 / 362_880.0);
    let mantissa = low + (middle + high * r4) * r4;
    let value = f64::from_bits(mantissa.to_bits().wrapping_add(rounded.to_bits() << 52));
    if x > EXP_MAX { f64::INFINITY } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_those_of_the_standard_library() {
        let is_near = |is: f64, was: f64| (is - was).abs() <= 1e-11 * was.abs();
        let mut x = f64::EPSILON / 2.0;
        while x < 1e300 {
            assert!(is_near(ln(x), x.ln()), "ln {x}: {} {}", ln(x), x.ln());
            x *= 1.000_7;
        }
        // Around 1 it is 0, and only so near.
        for x in [1.0, 1.0 - f64::EPSILON, 1.0 + f64::EPSILON, 0.999, 1.001] {
            assert!((ln(x) - x.ln()).abs() <= 1e-11 * x.ln().abs(), "ln {x}");
        }
        for hundredths in -69_000..=70_900 {
            let x = f64::from(hundredths) / 100.0;
            assert!(is_near(exp(x), x.exp()), "exp {x}: {} {}", exp(x), x.exp());
        }
        assert_eq!((exp(0.0), exp(800.0)), (1.0, f64::INFINITY));
    }
}
