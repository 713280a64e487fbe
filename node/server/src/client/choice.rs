//! Which node a client asks next.
//!
//! Any node coordinates any request, so the choice is free: it spreads load, saves round trips and passes over nodes
//! that fail, and that is all. No answer becomes right or wrong by it. Here is only the decision, without a clock or a
//! socket; [`ClusterClient`](super::ClusterClient) carries it out. Invariant: as long as a node is not passed over,
//! none that is passed over is chosen; and when all are, the one that failed longest ago is.

use std::time::{Duration, Instant};

/// How long a node that failed is passed over, if others are not. Some redials (`REDIAL_PAUSE`) long: by then a node
/// that is merely restarting has been reached again, and one that is gone costs a look at its connection each time.
pub const PASS_OVER: Duration = Duration::from_millis(250);

/// One in so many choices of [`Policy::Nearest`] goes to a node that is not the nearest: often enough that three nodes
/// are all measured again within a second at a hundred requests per second, and seldom enough that the price is 3 % of
/// the difference between them.
pub const PROBE_EVERY: u64 = 32;

/// The weight of a new round trip in the smoothed one is one in so many. Twice that of TCP (RFC 6298, section 2):
/// nodes that are only probed are measured seldom, and a few probes have to show that one got faster.
const SMOOTHING: u32 = 4;

/// How a client of several nodes chooses the one to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// One after the other.
    RoundRobin,
    /// The one with the fewest of this client's requests in flight; among equals, one after the other.
    LeastLoaded,
    /// The one with the shortest smoothed round trip of requests. Those never measured are tried first, and one in
    /// [`PROBE_EVERY`] requests goes to one of the others.
    Nearest,
    /// The same one until it fails, and then the next.
    Sticky,
}

impl Policy {
    /// Every policy.
    pub const ALL: [Policy; 4] = [Policy::RoundRobin, Policy::LeastLoaded, Policy::Nearest, Policy::Sticky];
}

/// How a request to a node ended, as far as it says something of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The node did what it was asked, in this time.
    Answered(Duration),
    /// The node could not be reached, did not answer, or answered that it can't do it. How long that took says nothing
    /// of its distance: to refuse is quick, and would make the most broken node the nearest.
    Failed,
    /// Nobody waited for the outcome.
    Abandoned,
}

/// Chooses among nodes, which it knows by index.
#[derive(Clone, Debug)]
pub struct Chooser {
    policy: Policy,
    nodes: Vec<Standing>,
    /// Where the next look around begins.
    cursor: usize,
    chosen: u64,
    failures: u64,
}

/// What is known of one node.
#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    in_flight: usize,
    round_trip: Option<Duration>,
    failure: Option<Failure>,
}

#[derive(Clone, Copy, Debug)]
struct Failure {
    /// Its place among all failures, which instants can't tell if they are equal.
    order: u64,
    passed_over_until: Instant,
}

impl Chooser {
    /// For so many nodes, none of which has been asked.
    ///
    /// # Panics
    /// If there are none.
    pub fn new(policy: Policy, count: usize) -> Chooser {
        assert!(count > 0, "a choice needs something to choose from");
        Chooser {
            policy,
            nodes: vec![Standing::default(); count],
            cursor: 0,
            chosen: 0,
            failures: 0,
        }
    }

    /// The index of the node to ask now.
    pub fn choose(&mut self, now: Instant) -> usize {
        self.chosen += 1;
        let available = self.available(now);
        let index = match (available.first(), self.policy) {
            (None, _) => self.failed_first(),
            (Some(first), Policy::RoundRobin | Policy::Sticky) => *first,
            (Some(_), Policy::LeastLoaded) => self.least_loaded(&available),
            (Some(_), Policy::Nearest) => self.nearest(&available),
        };
        self.cursor = match self.policy {
            Policy::Sticky => index,
            Policy::RoundRobin | Policy::LeastLoaded | Policy::Nearest => self.after(index),
        };
        index
    }

    /// A request goes to this node.
    pub fn on_start(&mut self, index: usize) {
        self.nodes[index].in_flight += 1;
    }

    /// A request to this node has ended.
    ///
    /// # Panics
    /// If more have ended than were started.
    pub fn on_end(&mut self, index: usize, ended: Ended, now: Instant) {
        let node = &mut self.nodes[index];
        let in_flight = node.in_flight.checked_sub(1);
        node.in_flight = in_flight.expect("a request ends once, after its start");
        match ended {
            Ended::Answered(round_trip) => {
                node.round_trip = Some(smoothed(node.round_trip, round_trip));
                node.failure = None;
            }
            Ended::Failed => {
                self.failures += 1;
                node.failure = Some(Failure {
                    order: self.failures,
                    passed_over_until: now + PASS_OVER,
                });
                // Others of its requests may fail after it was left: they do not move the choice once more.
                if self.policy == Policy::Sticky && self.cursor == index {
                    self.cursor = self.after(index);
                }
            }
            Ended::Abandoned => {}
        }
    }

    /// Those that are not passed over, from the cursor on and around.
    fn available(&self, now: Instant) -> Vec<usize> {
        let count = self.nodes.len();
        (self.cursor..self.cursor + count)
            .map(|index| index % count)
            .filter(|index| {
                let failure = self.nodes[*index].failure;
                failure.is_none_or(|failure| failure.passed_over_until <= now)
            })
            .collect()
    }

    fn failed_first(&self) -> usize {
        let order = |index: &usize| self.nodes[*index].failure.map(|failure| failure.order);
        (0..self.nodes.len()).min_by_key(order).expect("there are nodes")
    }

    /// The first of those with the fewest in flight.
    fn least_loaded(&self, among: &[usize]) -> usize {
        let least = among.iter().min_by_key(|index| self.nodes[**index].in_flight);
        *least.expect("some are available")
    }

    fn nearest(&self, among: &[usize]) -> usize {
        let unmeasured = |index: &usize| self.nodes[*index].round_trip.is_none();
        let unmeasured: Vec<_> = among.iter().copied().filter(unmeasured).collect();
        if !unmeasured.is_empty() {
            // Not all to the same while the first answer is awaited.
            return self.least_loaded(&unmeasured);
        }
        let nearest = among.iter().min_by_key(|index| self.nodes[**index].round_trip);
        let nearest = *nearest.expect("some are available");
        if self.chosen.is_multiple_of(PROBE_EVERY) {
            return self.probed(among, nearest);
        }
        nearest
    }

    /// One of the others; each in its turn.
    fn probed(&self, among: &[usize], nearest: usize) -> usize {
        let mut others: Vec<_> = among.iter().copied().filter(|index| *index != nearest).collect();
        others.sort_unstable();
        let turn = self.chosen / PROBE_EVERY;
        match others.len() {
            0 => nearest,
            count => others[(turn % count as u64) as usize],
        }
    }

    fn after(&self, index: usize) -> usize {
        (index + 1) % self.nodes.len()
    }
}

fn smoothed(so_far: Option<Duration>, sample: Duration) -> Duration {
    so_far.map_or(sample, |so_far| (so_far * (SMOOTHING - 1) + sample) / SMOOTHING)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A chooser of three nodes with a clock of its own.
    struct Three {
        chooser: Chooser,
        now: Instant,
    }

    impl Three {
        fn new(policy: Policy) -> Three {
            Three {
                chooser: Chooser::new(policy, 3),
                now: Instant::now(),
            }
        }

        fn start(&mut self) -> usize {
            let index = self.chooser.choose(self.now);
            self.chooser.on_start(index);
            index
        }

        fn end(&mut self, index: usize, ended: Ended) {
            self.chooser.on_end(index, ended, self.now);
        }

        /// Chooses so often, each answered by node `i` in `round_trips[i]`: whom, by index.
        fn run(&mut self, count: usize, round_trips: [u32; 3]) -> Vec<usize> {
            let one = |_| {
                let index = self.start();
                self.end(index, Ended::Answered(MS * round_trips[index]));
                index
            };
            (0..count).map(one).collect()
        }

        /// A choice that fails.
        fn fail(&mut self) -> usize {
            let index = self.start();
            self.end(index, Ended::Failed);
            index
        }
    }

    fn tally(chosen: &[usize]) -> [usize; 3] {
        [0, 1, 2].map(|node| chosen.iter().filter(|index| **index == node).count())
    }

    #[test]
    fn round_robin_goes_round_whatever_is_in_flight() {
        let mut three = Three::new(Policy::RoundRobin);
        let chosen: Vec<_> = (0..7).map(|_| three.start()).collect();
        assert_eq!(chosen, [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn the_least_loaded_is_chosen_and_equals_in_turn() {
        let mut three = Three::new(Policy::LeastLoaded);
        let chosen: Vec<_> = (0..6).map(|_| three.start()).collect();
        assert_eq!(chosen, [0, 1, 2, 0, 1, 2]);
        three.end(1, Ended::Answered(MS));
        assert_eq!(three.start(), 1);
        three.end(2, Ended::Abandoned);
        three.end(2, Ended::Abandoned);
        assert_eq!([three.start(), three.start()], [2, 2]);
        assert_eq!(tally(&three.run(9, [1; 3])), [3, 3, 3], "equals, one at a time");
    }

    #[test]
    fn the_nearest_is_chosen_once_all_are_measured_and_the_others_are_probed() {
        let mut three = Three::new(Policy::Nearest);
        assert_eq!([three.start(), three.start(), three.start()], [0, 1, 2]);
        for (index, ms) in [(0, 5), (1, 1), (2, 9)] {
            three.end(index, Ended::Answered(MS * ms));
        }
        let chosen = three.run(64 * 32, [5, 1, 9]);
        assert_eq!(tally(&chosen), [32, 62 * 32, 32]);
        let at = chosen.iter().position(|index| *index != 1).unwrap();
        assert_eq!(at + 4, 32, "the probe is the 32nd choice");
    }

    #[test]
    fn a_node_that_became_the_nearest_is_found_and_a_single_outlier_is_not_believed() {
        let mut three = Three::new(Policy::Nearest);
        three.run(3, [5, 1, 9]);
        let chosen = three.run(1000, [5, 1, 0]);
        assert!(chosen.windows(2).any(|pair| pair == [2, 2]), "{chosen:?}");
        let mut three = Three::new(Policy::Nearest);
        three.run(3, [5, 4, 9]);
        three.run(1, [5, 7, 9]);
        assert_eq!(three.run(1, [5, 4, 9]), [1]);
    }

    #[test]
    fn sticky_stays_until_a_failure_and_is_not_moved_twice_by_one_outage() {
        let mut three = Three::new(Policy::Sticky);
        assert_eq!(three.run(3, [1; 3]), [0, 0, 0]);
        let (first, second) = (three.start(), three.start());
        three.end(first, Ended::Failed);
        three.end(second, Ended::Failed);
        assert_eq!(three.run(2, [1; 3]), [1, 1]);
        three.now += PASS_OVER * 2;
        assert_eq!(three.run(1, [1; 3]), [1], "it does not go back");
        three.fail();
        assert_eq!(three.run(1, [1; 3]), [2]);
        three.fail();
        assert_eq!(three.run(1, [1; 3]), [0]);
    }

    #[test]
    fn who_failed_is_passed_over_for_a_while() {
        for policy in Policy::ALL {
            let mut three = Three::new(policy);
            let failed = three.fail();
            three.now += PASS_OVER - MS;
            let meanwhile = three.run(100, [1, 1, 1]);
            assert!(!meanwhile.contains(&failed), "{policy:?}: {meanwhile:?}");
            three.now += MS;
            let after = three.run(100, [1, 1, 1]);
            let is_back = after.contains(&failed);
            assert_eq!(is_back, policy != Policy::Sticky, "{policy:?}: {after:?}");
        }
    }

    #[test]
    fn an_answer_ends_the_time_of_being_passed_over() {
        let mut three = Three::new(Policy::RoundRobin);
        let (slow, failed) = (three.start(), 0);
        assert_eq!(slow, failed);
        three.chooser.on_start(failed);
        three.end(failed, Ended::Failed);
        three.end(slow, Ended::Answered(MS));
        assert_eq!(three.run(3, [1; 3]), [1, 2, 0]);
    }

    #[test]
    fn when_all_have_failed_the_one_that_failed_longest_ago_is_next() {
        for policy in Policy::ALL {
            let mut three = Three::new(policy);
            let round = [three.fail(), three.fail(), three.fail()];
            assert_eq!(tally(&round), [1; 3], "{policy:?}");
            assert_eq!([three.fail(), three.fail(), three.fail()], round, "{policy:?}");
        }
    }

    #[test]
    fn one_node_is_chosen_always() {
        for policy in Policy::ALL {
            let mut chooser = Chooser::new(policy, 1);
            let now = Instant::now();
            for ended in [Ended::Answered(MS), Ended::Failed, Ended::Abandoned]
                .into_iter()
                .cycle()
                .take(100)
            {
                assert_eq!(chooser.choose(now), 0);
                chooser.on_start(0);
                chooser.on_end(0, ended, now);
            }
        }
    }
}
