//! What is wrong with a wall clock.

use std::time::Instant;

use super::order::Clock;

/// An order, and when it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Skew {
    order: Clock,
    since: Instant,
}

impl From<&Clock> for Skew {
    fn from(order: &Clock) -> Skew {
        Skew {
            order: *order,
            since: Instant::now(),
        }
    }
}

impl Skew {
    /// How far ahead it is at this moment.
    pub(super) fn ahead_ns(self) -> i64 {
        ahead_after(self.order, self.since.elapsed().as_nanos())
    }
}

impl Clock {
    /// How much it has gained, so long after the order.
    pub fn drifted_ns(&self, elapsed_ns: u128) -> i128 {
        let elapsed_ns = i128::try_from(elapsed_ns).unwrap_or(i128::MAX);
        i128::from(self.drift_ppm).saturating_mul(elapsed_ns) / 1_000_000
    }
}

fn ahead_after(order: Clock, elapsed_ns: u128) -> i64 {
    let is_off = match u128::from(order.strobe_ns) {
        0 => true,
        interval => (elapsed_ns / interval).is_multiple_of(2),
    };
    let ahead = if is_off { i128::from(order.ahead_ns) } else { 0 };
    let ahead = ahead.saturating_add(order.drifted_ns(elapsed_ns));
    i64::try_from(ahead).unwrap_or(if ahead < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ahead_and_drifts_and_a_strobe_comes_and_goes() {
        let order = Clock {
            ahead_ns: -1_000,
            drift_ppm: 500_000,
            strobe_ns: 0,
        };
        assert_eq!(ahead_after(order, 0), -1_000);
        assert_eq!(ahead_after(order, 4_000), 1_000);
        let strobe = Clock {
            ahead_ns: 7,
            drift_ppm: 0,
            strobe_ns: 10,
        };
        let shown = [0, 9, 10, 19, 20].map(|elapsed| ahead_after(strobe, elapsed));
        assert_eq!(shown, [7, 7, 0, 0, 7]);
        let far = Clock {
            drift_ppm: i64::MAX,
            ..order
        };
        assert_eq!(ahead_after(far, u128::MAX), i64::MAX, "and no overflow");
    }
}
