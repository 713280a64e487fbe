//! Whether a node hears anybody at all: one that hears nobody can't tell what it misses, but it can say so.
//!
//! What counts is what comes from others themselves, be it about whom it may. A node is isolated only where it should
//! hear somebody: at its first start the silence counts from there, if it was told of others or is to found a ring with
//! them; the only node of a cluster of one never is. (CockroachDB's nodes tell by a key that a leader has to renew; here
//! there is none.)

use std::time::Duration;

use super::detector::OWN_PAUSE_INTERVALS;
use crate::Time;

/// How long it has been quiet.
#[derive(Debug)]
pub(crate) struct Isolation {
    interval: Duration,
    /// After so many intervals a node is isolated.
    intervals: u32,
    last_heard: Time,
    last_check: Time,
    is_isolated: bool,
}

impl Isolation {
    pub(crate) fn new(interval: Duration, intervals: u32, now: Time) -> Isolation {
        Isolation {
            interval,
            intervals,
            last_heard: now,
            last_check: now,
            is_isolated: false,
        }
    }

    /// Somebody has said something. True if the node was isolated until then.
    pub(crate) fn heard(&mut self, now: Time) -> bool {
        self.last_heard = now;
        std::mem::take(&mut self.is_isolated)
    }

    /// Looks at how long it has been quiet. True if the node is isolated from here on. A time in which the node itself
    /// stood still, and so did not look, says nothing: what was said meanwhile may still be taken in.
    pub(crate) fn check(&mut self, now: Time, should_hear: bool) -> bool {
        let slept = now - std::mem::replace(&mut self.last_check, now);
        if slept > self.interval * OWN_PAUSE_INTERVALS {
            self.last_heard = now;
        }
        let is_quiet = now - self.last_heard > self.interval * self.intervals;
        let is_news = is_quiet && should_hear && !self.is_isolated;
        self.is_isolated |= is_news;
        is_news
    }

    pub(crate) fn is_isolated(&self) -> bool {
        self.is_isolated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The second, of those from `from` on, at which the node is found isolated.
    fn isolated_at(isolation: &mut Isolation, from: u32, should_hear: bool) -> Option<u32> {
        (from..from + 60).find(|second| isolation.check(Time::ZERO + SECOND * *second, should_hear))
    }

    #[test]
    fn silence_isolates_once_and_a_word_ends_it() {
        let mut isolation = Isolation::new(SECOND, 10, Time::ZERO);
        assert_eq!(
            isolated_at(&mut isolation, 1, true),
            Some(11),
            "the start counts as a word"
        );
        assert!(!isolation.check(Time::ZERO + SECOND * 12, true), "that is no news");
        assert!(isolation.is_isolated());
        assert!(isolation.heard(Time::ZERO + SECOND * 13));
        assert!(!isolation.heard(Time::ZERO + SECOND * 13));
        assert!(!isolation.is_isolated());
        assert_eq!(isolated_at(&mut isolation, 14, true), Some(24));
    }

    #[test]
    fn a_node_alone_is_not_isolated() {
        let mut isolation = Isolation::new(SECOND, 10, Time::ZERO);
        assert_eq!(isolated_at(&mut isolation, 1, false), None);
        assert!(!isolation.is_isolated());
    }

    #[test]
    fn a_pause_of_our_own_is_no_silence_of_others() {
        let mut isolation = Isolation::new(SECOND, 10, Time::ZERO);
        isolation.check(Time::ZERO + SECOND, true);
        assert_eq!(isolated_at(&mut isolation, 100, true), Some(111));
    }
}
