//! Whether the other end of a connection still answers.
//!
//! Not whether packets arrive: across a link that is cut one way, keep-alives go on arriving while no question is ever
//! answered. So each end asks, and suspects an end that has not answered for a while, whatever else it hears.

use std::time::{Duration, Instant};

/// Time between two questions, and how often [`Watch::tick`] is to be called: four of them, and their answers, have
/// to be lost in a row before anyone is suspected.
pub(crate) const PING_INTERVAL: Duration = Duration::from_millis(100);

/// Silence that makes suspect. With a redial after it a healed link is back within 118 ms (FAULTS.md, "Recovery").
const SUSPECT_AFTER: Duration = Duration::from_millis(400);

/// A tick that comes this much too late says that we, not the other end, stood still.
const OWN_PAUSE: Duration = Duration::from_millis(300);

/// When the other end last answered.
#[derive(Debug)]
pub(crate) struct Watch {
    answered: Instant,
    ticked: Instant,
}

/// What is to be done about a connection now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Ask it.
    Ask,
    /// Give it up.
    Suspect,
}

impl Watch {
    /// For a connection on which the other end has just answered something.
    pub(crate) fn new(now: Instant) -> Watch {
        Watch {
            answered: now,
            ticked: now,
        }
    }

    /// It has answered a question, or a request.
    pub(crate) fn answered(&mut self, now: Instant) {
        self.answered = now;
    }

    /// To be called every [`PING_INTERVAL`].
    pub(crate) fn tick(&mut self, now: Instant) -> Verdict {
        let pause = now - std::mem::replace(&mut self.ticked, now);
        if pause > OWN_PAUSE {
            // Answers may be waiting to be read; the other end has until the next few ticks.
            self.answered = now;
        }
        if now - self.answered > SUSPECT_AFTER {
            Verdict::Suspect
        } else {
            Verdict::Ask
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ticks until the other end is suspected, when it answers nothing.
    fn ticks_until_suspected(watch: &mut Watch, mut now: Instant) -> u32 {
        (1..100)
            .find(|_| {
                now += PING_INTERVAL;
                watch.tick(now) == Verdict::Suspect
            })
            .expect("silence is noticed")
    }

    #[test]
    fn silence_is_suspected_and_answers_are_not() {
        let start = Instant::now();
        let mut watch = Watch::new(start);
        let mut now = start;
        for _ in 0..50 {
            now += PING_INTERVAL;
            assert_eq!(watch.tick(now), Verdict::Ask);
            watch.answered(now);
        }
        assert_eq!(ticks_until_suspected(&mut watch, now), 5);
    }

    #[test]
    fn a_pause_of_our_own_is_not_held_against_the_other_end() {
        let start = Instant::now();
        let mut watch = Watch::new(start);
        let woken = start + Duration::from_secs(60);
        assert_eq!(watch.tick(woken), Verdict::Ask);
        assert_eq!(ticks_until_suspected(&mut watch, woken), 5);
    }
}
