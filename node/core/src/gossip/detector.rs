//! Who seems to be down, by how long they have been silent (Hayashibara et al., *The phi accrual failure detector*,
//! SRDS 2004, in Cassandra's simpler form).
//!
//! Suspicion grows with the time since the last sign of life, measured in the mean time between signs: phi is
//! `0.434 * silence / mean`, the negative decimal logarithm of the chance that an exponential silence lasts as long.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use crate::{NodeId, Time};

/// Suspicion at which a node counts as down: a silence of 18.4 means (NODE.md, GOS-11).
const PHI_CONVICT: f64 = 8.0;

/// `1 / ln 10`: from a natural to a decimal logarithm.
const PHI_FACTOR: f64 = std::f64::consts::LOG10_E;

/// How many intervals make the mean: long enough that one late round is lost in it.
const WINDOW: usize = 1000;

/// Intervals taken in are between a tenth of and twice the gossip interval. A longer one is an outage, not a rhythm; a
/// burst of shorter ones would shrink the mean and convict a healthy node (Scylla a71624d58d).
const INTERVAL_TENTHS: (u32, u32) = (1, 20);

/// A silence of our own this many gossip intervals long says that we, not the others, stood still.
const OWN_PAUSE_INTERVALS: u32 = 5;

/// Opinions on every other node.
#[derive(Debug)]
pub(crate) struct Detector {
    interval: Duration,
    last_check: Time,
    peers: BTreeMap<NodeId, Rhythm>,
}

#[derive(Debug)]
struct Rhythm {
    last: Time,
    intervals: VecDeque<Duration>,
    sum: Duration,
    up: bool,
}

impl Detector {
    pub(crate) fn new(interval: Duration, now: Time) -> Detector {
        Detector {
            interval,
            last_check: now,
            peers: BTreeMap::new(),
        }
    }

    /// Takes in a sign of life. True if the node was not up until then.
    pub(crate) fn heard(&mut self, node: NodeId, now: Time) -> bool {
        let first = self.interval * 2;
        let rhythm = self.peers.entry(node).or_insert_with(|| Rhythm {
            last: now,
            intervals: VecDeque::from([first]),
            sum: first,
            up: false,
        });
        rhythm.note(now, self.interval);
        !std::mem::replace(&mut rhythm.up, true)
    }

    /// Forgets a rhythm that a restart has broken.
    pub(crate) fn restarted(&mut self, node: NodeId) {
        self.peers.remove(&node);
    }

    /// Convicts the silent, and names those convicted by this call.
    pub(crate) fn check(&mut self, now: Time) -> Vec<NodeId> {
        let own_pause = now - std::mem::replace(&mut self.last_check, now) > self.interval * OWN_PAUSE_INTERVALS;
        if own_pause {
            return Vec::new();
        }
        let silent = self.peers.iter_mut().filter(|(_, r)| r.up && r.phi(now) > PHI_CONVICT);
        silent
            .map(|(node, rhythm)| {
                rhythm.up = false;
                *node
            })
            .collect()
    }

    /// When the last sign of life of a node came; `None` if none has.
    pub(crate) fn last_heard(&self, node: NodeId) -> Option<Time> {
        self.peers.get(&node).map(|rhythm| rhythm.last)
    }

    pub(crate) fn is_up(&self, node: NodeId) -> bool {
        self.peers.get(&node).is_some_and(|rhythm| rhythm.up)
    }
}

impl Rhythm {
    fn note(&mut self, now: Time, interval: Duration) {
        let span = now - std::mem::replace(&mut self.last, now);
        let (low, high) = INTERVAL_TENTHS;
        if span < interval * low / 10 || span > interval * high / 10 {
            return;
        }
        self.intervals.push_back(span);
        self.sum += span;
        if self.intervals.len() > WINDOW {
            self.sum -= self.intervals.pop_front().expect("longer than the window");
        }
    }

    fn phi(&self, now: Time) -> f64 {
        let mean = self.sum.as_secs_f64() / self.intervals.len() as f64;
        PHI_FACTOR * (now - self.last).as_secs_f64() / mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const PEER: NodeId = NodeId(1);

    /// A detector that heard the peer once a second for a minute, and checked as often; and the last moment it did.
    fn steady() -> (Detector, Time) {
        let mut detector = Detector::new(SECOND, Time::ZERO);
        let mut now = Time::ZERO;
        for _ in 0..60 {
            now = now + SECOND;
            detector.heard(PEER, now);
            assert!(detector.check(now).is_empty());
        }
        (detector, now)
    }

    /// Seconds of silence until the peer is convicted.
    fn silence(detector: &mut Detector, mut now: Time) -> u32 {
        (1..100)
            .find(|_| {
                now = now + SECOND;
                !detector.check(now).is_empty()
            })
            .expect("silence is noticed")
    }

    #[test]
    fn a_silence_of_eighteen_means_convicts() {
        let (mut detector, now) = steady();
        assert_eq!(silence(&mut detector, now), 19);
        assert!(!detector.is_up(PEER));
    }

    #[test]
    fn a_sign_of_life_makes_it_up_again() {
        let (mut detector, now) = steady();
        silence(&mut detector, now);
        assert!(detector.heard(PEER, now + SECOND * 30));
        assert!(detector.is_up(PEER));
        assert!(!detector.heard(PEER, now + SECOND * 31));
    }

    #[test]
    fn a_burst_does_not_shrink_the_mean() {
        let (mut detector, mut now) = steady();
        for _ in 0..1000 {
            now = now + Duration::from_millis(1);
            detector.heard(PEER, now);
        }
        assert!(silence(&mut detector, now) >= 18);
    }

    #[test]
    fn after_a_pause_of_our_own_nobody_is_convicted_at_once() {
        let (mut detector, now) = steady();
        let woken = now + SECOND * 60;
        assert!(detector.check(woken).is_empty());
        detector.heard(PEER, woken);
        assert!(detector.check(woken + SECOND).is_empty());
    }
}
