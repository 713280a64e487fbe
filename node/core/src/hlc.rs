//! The hybrid logical clock that stamps versions (Kulkarni et al., *Logical Physical Clocks*, OPODIS 2014).
//!
//! Each stamp is above every stamp that this node gave or saw, and as near to the wall clock as that allows. Where
//! clocks are true it orders writes as they happened; where they are skewed it saves the order only between writes
//! whose coordinators heard of each other (CLAIMS.md, S7).
//!
//! Deviation: the paper and its descendants keep 48 bits of milliseconds and 16 of a counter. Two writes to one key
//! that follow each other through two coordinators are often less than a millisecond apart on a fast network, and then
//! the counter, which the second coordinator has not seen, decides and decides wrongly. Here all 64 bits are
//! nanoseconds: the counter is what is added to the lowest ones when a reading repeats.

use std::time::Duration;

use crate::WallTime;

/// What stamps the writes of registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockMode {
    /// The hybrid logical clock.
    Hybrid,
    /// The wall clock of the coordinator alone, as in Cassandra, which takes no notice of what it has seen: here to show
    /// what that loses. Stamps of one node rise all the same.
    Wall,
}

/// A clock that only rises.
#[derive(Debug)]
pub(crate) struct HybridClock {
    last: u64,
    mode: ClockMode,
    skew_max: Duration,
}

/// A stamp so far in the future that taking it in would push this node's own stamps there too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooFarAhead;

impl HybridClock {
    /// A clock that has seen nothing, and refuses stamps more than `skew_max` ahead of the wall clock.
    pub(crate) fn new(mode: ClockMode, skew_max: Duration) -> HybridClock {
        let last = 0;
        HybridClock { last, mode, skew_max }
    }

    /// The highest stamp that was given or seen.
    pub(crate) fn latest(&self) -> u64 {
        self.last
    }

    /// The next stamp: above all earlier ones, and not below the wall clock.
    pub(crate) fn tick(&mut self, wall: WallTime) -> u64 {
        let next = wall.as_nanos().max(self.last + 1);
        assert!(next > self.last, "a stamp must rise");
        self.last = next;
        next
    }

    /// Takes in a stamp that came from elsewhere, so that later ones are above it.
    ///
    /// # Errors
    /// [`TooFarAhead`] if it is more than the allowed skew ahead of `wall`; the clock stays as it was, or one node's
    /// wrong clock would become everybody's (NODE.md, VER-2).
    pub(crate) fn observe(&mut self, wall: WallTime, stamp: u64) -> Result<(), TooFarAhead> {
        if self.mode == ClockMode::Wall {
            return Ok(());
        }
        if stamp > (wall + self.skew_max).as_nanos() {
            return Err(TooFarAhead);
        }
        self.last = self.last.max(stamp);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKEW_MAX: Duration = Duration::from_nanos(500);

    #[test]
    fn stamps_rise_while_the_wall_clock_stands_still_or_goes_back() {
        let mut clock = HybridClock::new(ClockMode::Hybrid, SKEW_MAX);
        let stamps = [100, 100, 40, 101, 300].map(|wall| clock.tick(WallTime::from_nanos(wall)));
        assert_eq!(stamps, [100, 101, 102, 103, 300]);
    }

    #[test]
    fn a_wall_clock_takes_no_notice_of_what_it_sees() {
        let mut clock = HybridClock::new(ClockMode::Wall, SKEW_MAX);
        let wall = WallTime::from_nanos(100);
        assert_eq!(clock.observe(wall, 10_000), Ok(()), "nor does it refuse it");
        assert_eq!((clock.tick(wall), clock.tick(wall)), (100, 101));
    }

    #[test]
    fn a_stamp_rises_above_what_was_seen() {
        let mut clock = HybridClock::new(ClockMode::Hybrid, SKEW_MAX);
        clock.observe(WallTime::from_nanos(100), 400).expect("within the skew");
        assert_eq!(clock.tick(WallTime::from_nanos(101)), 401);
    }

    #[test]
    fn a_stamp_beyond_the_skew_is_refused_and_changes_nothing() {
        let mut clock = HybridClock::new(ClockMode::Hybrid, SKEW_MAX);
        assert_eq!(clock.observe(WallTime::from_nanos(100), 601), Err(TooFarAhead));
        assert_eq!(clock.observe(WallTime::from_nanos(100), 600), Ok(()));
        assert_eq!(clock.tick(WallTime::from_nanos(0)), 601);
    }
}
