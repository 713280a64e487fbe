//! A node's wall clock: ahead of the true time or behind it, and perhaps drifting.

use std::time::Duration;

use quorate_core::{Time, WallTime};

/// How a wall clock goes. What it shows has nothing to do with timeouts, which go by true time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    /// How far ahead it was at the start; where a mended clock goes back to.
    base_ns: i64,
    /// How far ahead it was at `since`; below 0 for behind.
    ahead_ns: i64,
    /// How much it gains, in nanoseconds a millisecond; below 0 for loses.
    drift_ppm: i64,
    since: Time,
    strobe: Option<Strobe>,
}

/// How a clock jumps to and fro: it is ahead in every other interval alone.
#[derive(Clone, Copy, Debug)]
struct Strobe {
    by_ns: i64,
    interval: Duration,
    since: Time,
}

impl Clock {
    pub(crate) fn ahead_by(offset: Duration) -> Clock {
        let ahead_ns = nanos(offset);
        Clock {
            base_ns: ahead_ns,
            ahead_ns,
            ..Clock::default()
        }
    }

    /// What it shows, if true clocks showed `epoch` at the start, and whether a fault has it show something else than it
    /// would.
    pub(crate) fn reading(&self, epoch: WallTime, now: Time) -> (WallTime, bool) {
        let true_ns = epoch.as_nanos().saturating_add(now.as_nanos());
        let ahead_ns = self.ahead_ns(now);
        let shown = WallTime::from_nanos(true_ns.saturating_add_signed(ahead_ns));
        (shown, ahead_ns != self.base_ns)
    }

    pub(crate) fn set(&mut self, now: Time, ahead_ns: i64) {
        *self = Clock {
            ahead_ns,
            drift_ppm: 0,
            since: now,
            strobe: None,
            ..*self
        };
    }

    pub(crate) fn jump(&mut self, now: Time, by_ns: i64) {
        let strobe = self.strobe.take();
        self.ahead_ns = self.ahead_ns(now).saturating_add(by_ns);
        self.since = now;
        self.strobe = strobe;
    }

    pub(crate) fn drift(&mut self, now: Time, ppm: i64) {
        self.jump(now, 0);
        self.drift_ppm = ppm;
    }

    pub(crate) fn strobe(&mut self, now: Time, by_ns: i64, interval: Duration) {
        self.strobe = Some(Strobe {
            by_ns,
            interval,
            since: now,
        });
    }

    pub(crate) fn mend(&mut self, now: Time) {
        self.set(now, self.base_ns);
    }

    fn ahead_ns(&self, now: Time) -> i64 {
        let strobed = self.strobe.map_or(0, |strobe| strobe.ahead_ns(now));
        if self.drift_ppm == 0 {
            return self.ahead_ns.saturating_add(strobed); // Every event asks, and a division of 128 bits is slow.
        }
        let gained = i128::from(self.drift_ppm) * (now - self.since).as_nanos() as i128 / 1_000_000;
        let ahead = i128::from(self.ahead_ns) + i128::from(strobed) + gained;
        i64::try_from(ahead).unwrap_or(if ahead < 0 { i64::MIN } else { i64::MAX })
    }
}

impl Strobe {
    fn ahead_ns(self, now: Time) -> i64 {
        let turns = (now - self.since).as_nanos() / self.interval.as_nanos().max(1);
        let is_off = turns.is_multiple_of(2);
        if is_off { self.by_ns } else { 0 }
    }
}

pub(crate) fn nanos(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}
