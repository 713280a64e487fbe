//! Who seems to be down, by how long they have been silent (Hayashibara et al., *The phi accrual failure detector*,
//! SRDS 2004, in Cassandra's simpler form).
//!
//! Suspicion grows with the time since the last sign of life, measured in the mean time between signs: phi is
//! `0.434 * silence / mean`, the negative decimal logarithm of the chance that an exponential silence lasts as long.
//!
//! Signs of life go from hand to hand, and say that the node can reach somebody. That it can be reached from here, and
//! from there, is shown by an echo over the link between the two: without one no node comes up (NODE.md, GOS-6).

use std::{collections::VecDeque, time::Duration};

use super::roster::Roster;
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
pub(super) const OWN_PAUSE_INTERVALS: u32 = 5;

/// Opinions on every other node.
#[derive(Debug)]
pub(crate) struct Detector {
    interval: Duration,
    last_check: Time,
    peers: Roster<Rhythm>,
}

#[derive(Debug)]
struct Rhythm {
    last: Time,
    /// In microseconds: there are many, of many nodes.
    intervals: VecDeque<u32>,
    sum: Duration,
    up: bool,
    /// The echo that is awaited, and since when.
    echo: Option<(u64, Time)>,
}

impl Detector {
    pub(crate) fn new(interval: Duration, now: Time) -> Detector {
        Detector {
            interval,
            last_check: now,
            peers: Roster::new(),
        }
    }

    /// Takes in a sign of life. True if the node is up.
    pub(crate) fn heard(&mut self, node: NodeId, now: Time) -> bool {
        let place = match self.peers.place(node) {
            Ok(place) => place,
            Err(place) => {
                self.peers.insert_at(place, node, Rhythm::new(now, self.interval * 2));
                place
            }
        };
        let rhythm = self.peers.at_mut(place);
        rhythm.note(now, self.interval);
        rhythm.up
    }

    /// Whether an echo from `node` would bring it up: it has been heard, is not up, and none is awaited that may still
    /// come.
    pub(crate) fn wants_echo(&self, node: NodeId, now: Time) -> bool {
        self.peers
            .get(node)
            .is_some_and(|rhythm| rhythm.wants_echo(now, self.interval))
    }

    /// All of whom that is so.
    pub(crate) fn wanting_echo(&self, now: Time) -> Vec<NodeId> {
        let wanting = self
            .peers
            .iter()
            .filter(|(_, rhythm)| rhythm.wants_echo(now, self.interval));
        wanting.map(|(node, _)| node).collect()
    }

    /// An echo is asked for, by a number that none had before.
    pub(crate) fn await_echo(&mut self, node: NodeId, number: u64, now: Time) {
        let rhythm = self
            .peers
            .get_mut(node)
            .expect("echoes are wanted of those that were heard");
        rhythm.echo = Some((number, now));
    }

    /// Takes in an echo. True if the node is up from here on.
    pub(crate) fn echoed(&mut self, node: NodeId, number: u64) -> bool {
        let Some(rhythm) = self.peers.get_mut(node) else {
            return false;
        };
        let is_awaited = rhythm.echo.take_if(|(awaited, _)| *awaited == number).is_some();
        is_awaited && !std::mem::replace(&mut rhythm.up, true)
    }

    /// No echo that is awaited will come.
    pub(crate) fn lose_link(&mut self, node: NodeId) {
        if let Some(rhythm) = self.peers.get_mut(node) {
            rhythm.echo = None;
        }
    }

    /// Forgets a rhythm that a restart has broken.
    pub(crate) fn restarted(&mut self, node: NodeId) {
        self.peers.remove(node);
    }

    /// Convicts the silent, and names those convicted by this call. After a pause of our own nobody is, and all have the
    /// time that a silence takes, from here on, to be heard.
    pub(crate) fn check(&mut self, now: Time) -> Vec<NodeId> {
        let own_pause = now - std::mem::replace(&mut self.last_check, now) > self.interval * OWN_PAUSE_INTERVALS;
        if own_pause {
            let up = self.peers.iter_mut().filter(|(_, rhythm)| rhythm.up);
            up.for_each(|(_, rhythm)| rhythm.last = now);
            return Vec::new();
        }
        let silent = self.peers.iter_mut().filter(|(_, r)| r.up && r.phi(now) > PHI_CONVICT);
        silent
            .map(|(node, rhythm)| {
                rhythm.up = false;
                node
            })
            .collect()
    }

    pub(crate) fn is_up(&self, node: NodeId) -> bool {
        self.peers.get(node).is_some_and(|rhythm| rhythm.up)
    }
}

impl Rhythm {
    /// `first` stands for an interval, until there are others.
    fn new(now: Time, first: Duration) -> Rhythm {
        let mut rhythm = Rhythm {
            last: now,
            intervals: VecDeque::new(),
            sum: Duration::ZERO,
            up: false,
            echo: None,
        };
        rhythm.push(first);
        rhythm
    }

    fn note(&mut self, now: Time, interval: Duration) {
        let span = now - std::mem::replace(&mut self.last, now);
        let (low, high) = INTERVAL_TENTHS;
        if span < interval * low / 10 || span > interval * high / 10 {
            return;
        }
        self.push(span);
        if self.intervals.len() > WINDOW {
            let oldest = self.intervals.pop_front().expect("longer than the window");
            self.sum -= Duration::from_micros(oldest.into());
        }
    }

    fn push(&mut self, span: Duration) {
        let micros = u32::try_from(span.as_micros()).unwrap_or(u32::MAX);
        self.intervals.push_back(micros);
        self.sum += Duration::from_micros(micros.into());
    }

    fn wants_echo(&self, now: Time, interval: Duration) -> bool {
        let is_awaited = self.echo.is_some_and(|(_, since)| now - since < interval);
        !self.up && self.phi(now) <= PHI_CONVICT && !is_awaited
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
        detector.heard(PEER, now);
        assert!(bring_up(&mut detector, now));
        for _ in 0..60 {
            now = now + SECOND;
            detector.heard(PEER, now);
            assert!(detector.check(now).is_empty());
        }
        (detector, now)
    }

    fn bring_up(detector: &mut Detector, now: Time) -> bool {
        assert!(detector.wants_echo(PEER, now));
        detector.await_echo(PEER, 7, now);
        detector.echoed(PEER, 7)
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
    fn a_node_is_up_once_it_has_been_heard_and_has_echoed() {
        let mut detector = Detector::new(SECOND, Time::ZERO);
        let now = Time::ZERO;
        assert!(!detector.wants_echo(PEER, now), "it was never heard");
        assert!(!detector.echoed(PEER, 0));
        detector.heard(PEER, now);
        assert!(!detector.is_up(PEER), "others can reach it");
        detector.await_echo(PEER, 1, now);
        assert!(!detector.wants_echo(PEER, now), "one is awaited");
        assert!(!detector.echoed(PEER, 2), "not that one");
        assert!(detector.wants_echo(PEER, now + SECOND), "it did not come");
        detector.await_echo(PEER, 3, now + SECOND);
        assert!(!detector.echoed(PEER, 1), "it comes too late");
        assert!(detector.echoed(PEER, 3) && detector.is_up(PEER));
        assert!(!detector.echoed(PEER, 3), "it comes twice");
        assert!(!detector.wants_echo(PEER, now + SECOND * 2));
    }

    #[test]
    fn a_node_that_was_down_echoes_again_before_it_is_up() {
        let (mut detector, now) = steady();
        silence(&mut detector, now);
        let back = now + SECOND * 60;
        assert!(!detector.wants_echo(PEER, back), "it is silent");
        assert!(detector.check(back).is_empty());
        assert!(!detector.wants_echo(PEER, back), "a pause of our own is no word of it");
        detector.heard(PEER, back);
        assert!(!detector.is_up(PEER));
        assert!(bring_up(&mut detector, back) && detector.is_up(PEER));
    }

    #[test]
    fn an_echo_of_a_lost_link_or_an_earlier_start_counts_for_nothing() {
        let (mut detector, now) = steady();
        detector.restarted(PEER);
        detector.heard(PEER, now);
        detector.await_echo(PEER, 1, now);
        detector.lose_link(PEER);
        assert!(!detector.echoed(PEER, 1));
        detector.await_echo(PEER, 2, now);
        detector.restarted(PEER);
        detector.heard(PEER, now);
        assert!(!detector.echoed(PEER, 2) && !detector.is_up(PEER));
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
        // Signs of life of the time of the pause are still to be taken in, and none came for a whole round.
        assert!(detector.check(woken + SECOND).is_empty());
        assert_eq!(silence(&mut detector, woken + SECOND), 18, "then it is silent indeed");
    }
}
