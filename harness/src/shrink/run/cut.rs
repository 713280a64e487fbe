//! Tapes with something left out: each a tape that can be run, whether or not it fails.

use std::{collections::BTreeMap, time::Duration};

use quorate_workloads::Action;

use crate::{
    fault::{Fault, Place},
    plan::PlannedFault,
    tape::{Ask, Tape},
};

impl Tape {
    /// Of the asks only these.
    pub(super) fn with_asks(&self, asks: Vec<Ask>) -> Tape {
        Tape { asks, ..self.clone() }
    }

    /// Of the asks only what is done to these keys: of a transaction, its steps.
    pub(super) fn with_keys(&self, keys: &[usize]) -> Tape {
        let mut asks = self.asks.clone();
        for ask in &mut asks {
            if let Action::Txn { steps } = &mut ask.action {
                steps.retain(|step| keys.contains(&step.key()));
            }
        }
        asks.retain(|ask| ask.action.keys().next().is_some_and(|key| keys.contains(&key)));
        self.with_asks(asks)
    }

    /// Without the steps of transactions that are `gone`, each named by its ask's place and its own.
    pub(super) fn without_steps(&self, gone: &dyn Fn((usize, usize)) -> bool) -> Tape {
        let mut asks = self.asks.clone();
        for (place, ask) in asks.iter_mut().enumerate() {
            if let Action::Txn { steps } = &mut ask.action {
                let mut number = 0..;
                steps.retain(|_| !gone((place, number.next().expect("there is no end of them"))));
            }
        }
        asks.retain(|ask| ask.action.keys().next().is_some());
        self.with_asks(asks)
    }

    /// Of the faults only these.
    pub(super) fn with_plan(&self, plan: Vec<PlannedFault>) -> Tape {
        let mut tape = self.clone();
        tape.header.scenario.plan = plan;
        tape
    }

    /// The first `count` asks, and the faults that begin before the last of them; the load ends `after` it.
    pub(super) fn prefix(&self, count: usize, after: Duration) -> Tape {
        let mut tape = self.with_asks(self.asks[..count].to_vec());
        let scenario = &mut tape.header.scenario;
        let last = tape.asks.last().map_or(Duration::ZERO, |ask| ask.at);
        scenario.time = scenario.time.min(last + after);
        let time = scenario.time;
        scenario.plan.retain(|planned| planned.at < time);
        tape
    }

    /// The load ends `after` the last ask, or when the last fault does.
    pub(super) fn ending(&self, after: Duration) -> Tape {
        let mut tape = self.clone();
        let asked = self.asks.last().map_or(Duration::ZERO, |ask| ask.at);
        let plan = &self.header.scenario.plan;
        let broken = plan.iter().map(|planned| planned.at + planned.lasts).max();
        let least = Duration::from_millis(1);
        let time = (asked + after).max(broken.unwrap_or_default()).max(least);
        tape.header.scenario.time = time.min(self.header.scenario.time);
        tape
    }

    /// Where nothing is asked and nothing begins or ends for longer than `longest`, only so long.
    pub(super) fn with_gaps(&self, longest: Duration) -> Tape {
        let plan = &self.header.scenario.plan;
        let edges = plan.iter().flat_map(|planned| [planned.at, planned.at + planned.lasts]);
        let asked = self.asks.iter().map(|ask| ask.at);
        let mut moments: Vec<Duration> = asked.chain(edges).chain([self.header.scenario.time]).collect();
        moments.sort();
        moments.dedup();
        let mut moved = BTreeMap::new();
        let (mut before, mut at) = (Duration::ZERO, Duration::ZERO);
        for moment in moments {
            at += (moment - before).min(longest);
            before = moment;
            moved.insert(moment, at);
        }
        let mut tape = self.clone();
        for ask in &mut tape.asks {
            ask.at = moved[&ask.at];
        }
        let scenario = &mut tape.header.scenario;
        for planned in &mut scenario.plan {
            let end = moved[&(planned.at + planned.lasts)];
            planned.at = moved[&planned.at];
            planned.lasts = end - planned.at;
        }
        scenario.time = moved[&scenario.time].max(Duration::from_millis(1));
        tape
    }

    /// Clients and keys under the least numbers there are, in the order of their present ones.
    pub(super) fn renumbered_clients(&self) -> Tape {
        let mut tape = self.clone();
        let numbers = numbered(self.asks.iter().map(|ask| ask.client));
        for ask in &mut tape.asks {
            ask.client = numbers[&ask.client];
        }
        tape.header.scenario.concurrency = numbers.len().max(1);
        tape
    }

    /// As clients, keys. They are other keys then, and may have other owners.
    pub(super) fn renumbered_keys(&self) -> Tape {
        let mut tape = self.clone();
        let numbers = numbered(self.asks.iter().flat_map(|ask| ask.action.keys()));
        for key in tape.asks.iter_mut().flat_map(|ask| ask.action.keys_mut()) {
            *key = numbers[key];
        }
        tape.header.scenario.keys = numbers.len().max(1);
        tape
    }

    /// No more keys than up to the last that is used: each is looked at on every owner.
    pub(super) fn with_used_keys(&self) -> Tape {
        let mut tape = self.clone();
        let last = self.asks.iter().flat_map(|ask| ask.action.keys()).max();
        tape.header.scenario.keys = last.map_or(1, |key| key + 1);
        tape
    }

    /// Without a node, a founder or a spare one: what was asked of it is asked of the next, and faults of it alone are
    /// none.
    pub(super) fn without_node(&self, gone: Place) -> Option<Tape> {
        let mut tape = self.clone();
        let scenario = &mut tape.header.scenario;
        if gone.0 < scenario.nodes {
            scenario.nodes = scenario.nodes.checked_sub(1).filter(|nodes| *nodes > 0)?;
        } else {
            scenario.spares = Some(scenario.spares().checked_sub(1)?);
        }
        let moved = |place: Place| match place.0.cmp(&gone.0) {
            std::cmp::Ordering::Less => Some(place),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(Place(place.0 - 1)),
        };
        let instead = Place(gone.0 % scenario.nodes);
        for ask in &mut tape.asks {
            ask.node = moved(ask.node).unwrap_or(instead);
        }
        let plan = std::mem::take(&mut scenario.plan).into_iter();
        let kept = plan.filter_map(|planned| {
            let fault = planned.fault.moved(&moved)?;
            Some(PlannedFault { fault, ..planned })
        });
        scenario.plan = kept.collect();
        if gone.0 < tape.header.identities.len() {
            tape.header.identities.remove(gone.0);
        }
        Some(tape)
    }

    /// The same nodes in other places of the ring.
    pub(super) fn with_other_ring(&self, seed: u64) -> Tape {
        let mut tape = self.clone();
        tape.header.seed = seed;
        tape.header.identities.clear();
        tape
    }
}

fn numbered(numbers: impl Iterator<Item = usize>) -> BTreeMap<usize, usize> {
    let mut used: Vec<usize> = numbers.collect();
    used.sort_unstable();
    used.dedup();
    used.into_iter().enumerate().map(|(new, old)| (old, new)).collect()
}

/// Faults that break less than this one, the least first.
pub(super) fn weaker(planned: &PlannedFault, nodes: usize) -> Vec<PlannedFault> {
    let with = |fault: Fault| PlannedFault::new(planned.at, planned.lasts, fault);
    let Some(fault) = planned.fixed() else {
        return Vec::new();
    };
    let named = fault.nodes();
    let mut weaker = Vec::new();
    if !fault.cuts(nodes).is_empty() {
        let one_way = |node: Place| Fault::OneWay { unheard: vec![node] };
        weaker.extend(named.iter().copied().map(one_way).map(with));
        weaker.extend(named.iter().map(|node| with(Fault::Isolate { node: *node })));
    }
    if named.len() > 1 {
        let without = |gone: &Place| fault.moved(&|place| (place != *gone).then_some(place));
        weaker.extend(named.iter().filter_map(without).map(with));
    }
    let is_other = |other: &PlannedFault| {
        let strength = |planned: &PlannedFault| (planned.cuts(nodes), planned.fault.nodes().len());
        strength(other) < strength(planned)
    };
    weaker.retain(is_other);
    weaker
}

/// The same fault for less time.
pub(super) fn shorter(planned: &PlannedFault) -> Vec<PlannedFault> {
    let spans = [8, 4, 2].map(|part| planned.lasts / part);
    let rounded = spans.map(|span| Duration::from_millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)));
    let spans = rounded.into_iter().filter(|span| !span.is_zero());
    let with = |lasts| PlannedFault {
        lasts,
        ..planned.clone()
    };
    spans.map(with).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{run_folder::Backend, scenario::Scenario, tape::Header};

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    fn read(at_ms: u64, client: usize, node: usize, key: usize) -> Ask {
        Ask {
            level: None,
            at: ms(at_ms),
            client,
            node: Place(node),
            action: Action::Read { key },
        }
    }

    fn planned(at_ms: u64, lasts_ms: u64, fault: Fault) -> PlannedFault {
        PlannedFault::new(ms(at_ms), ms(lasts_ms), fault)
    }

    fn tape() -> Tape {
        let mut scenario = Scenario::quickstart();
        scenario.plan = vec![
            planned(
                1000,
                2000,
                Fault::Kill {
                    nodes: vec![Place(1), Place(4)],
                },
            ),
            planned(5000, 3000, Fault::Isolate { node: Place(4) }),
        ];
        Tape {
            header: Header::new(Backend::Simulated, 7, 7, scenario),
            asks: vec![read(100, 3, 0, 7), read(1500, 8, 4, 30), read(6000, 3, 2, 7)],
            faults: Vec::new(),
            ending: None,
        }
    }

    fn is_possible(tape: &Tape) -> bool {
        Tape::parse(&tape.to_text()).is_ok()
    }

    #[test]
    fn a_beginning_has_the_faults_that_began_in_it() {
        let short = tape().prefix(2, ms(500));
        assert_eq!((short.asks.len(), short.header.scenario.time), (2, ms(2000)));
        assert_eq!(short.header.scenario.plan.len(), 1);
        assert!(is_possible(&short));
        assert!(is_possible(&tape().prefix(0, ms(500))));
    }

    #[test]
    fn gaps_are_cut_and_what_lies_between_keeps_its_order() {
        let short = tape().with_gaps(ms(200));
        let times: Vec<_> = short.asks.iter().map(|ask| ask.at).collect();
        // 100 | 1000 (kill) | 1500 | 3000 (up) | 5000 (isolated) | 6000 | 8000 | 20000: each step of 200 ms at most.
        assert_eq!(times, [ms(100), ms(500), ms(1100)]);
        let spans: Vec<_> = short.header.scenario.plan.iter().map(|it| (it.at, it.lasts)).collect();
        assert_eq!(spans, [(ms(300), ms(400)), (ms(900), ms(400))]);
        assert_eq!(short.header.scenario.time, ms(1500));
    }

    #[test]
    fn clients_and_keys_are_numbered_from_the_first() {
        let few = tape().renumbered_clients().renumbered_keys();
        let numbers: Vec<_> = few.asks.iter().map(|ask| (ask.client, ask.action.key())).collect();
        assert_eq!(numbers, [(0, 0), (1, 1), (0, 0)]);
        assert_eq!((few.header.scenario.concurrency, few.header.scenario.keys), (2, 2));
        assert_eq!(tape().with_used_keys().header.scenario.keys, 31);
        assert!(is_possible(&few));
    }

    #[test]
    fn a_node_goes_with_its_faults_and_others_serve_its_clients() {
        let four = tape().without_node(Place(4)).expect("there are five");
        let faults: Vec<_> = four.header.scenario.plan.iter().filter_map(|it| it.fixed()).collect();
        assert_eq!(faults, [Fault::Kill { nodes: vec![Place(1)] }]);
        let nodes: Vec<_> = four.asks.iter().map(|ask| ask.node.0).collect();
        assert_eq!(nodes, [0, 0, 2]);
        let four = tape().without_node(Place(0)).expect("there are five");
        let faults: Vec<_> = four.header.scenario.plan.iter().map(|it| it.fault.places()).collect();
        assert_eq!(faults, [vec![Place(0), Place(3)], vec![Place(3)]]);
        assert!(is_possible(&four));
    }

    #[test]
    fn what_is_weaker_breaks_less_and_in_the_end_nothing_is() {
        let strong = [
            Fault::Halves {
                side: vec![Place(0), Place(1)],
            },
            Fault::Bridge {
                bridge: Place(2),
                side: vec![Place(0), Place(1)],
            },
            Fault::Kill {
                nodes: vec![Place(0), Place(3)],
            },
        ];
        for fault in strong {
            let mut fault = planned(1000, 2000, fault);
            let mut steps = 0;
            while let Some(less) = weaker(&fault, 5).into_iter().next() {
                assert!((less.at, less.lasts) == (fault.at, fault.lasts));
                (fault, steps) = (less, steps + 1);
            }
            assert!((1..5).contains(&steps), "{fault:?}");
            assert_eq!(fault.fault.nodes().len(), 1, "{fault:?}");
        }
    }
}
