//! What becomes of messages where the node frames them. QUIC keeps datagrams that come late, twice or damaged from ever
//! being seen, so that this is the place for messages that do.

use std::{
    collections::BTreeMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use quorate_core::{Message, NodeId};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{
    Leased, lock,
    order::{MessageCounts, Messages as Faults},
};

/// What becomes of one message: how late it is sent, and how late again. The default is a message that is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) dropped: bool,
    /// Which bit of it flips, if one does.
    pub(crate) spoilt: Option<u64>,
    pub(crate) late: Option<Duration>,
    pub(crate) again: Option<Duration>,
}

/// The faults by receiver, and what they did.
#[derive(Debug)]
pub(super) struct Messages(Mutex<State>);

#[derive(Debug)]
struct State {
    rng: Pcg64Mcg,
    links: BTreeMap<NodeId, Link>,
}

#[derive(Debug, Default)]
struct Link {
    faults: Leased<Faults>,
    counts: MessageCounts,
}

impl Messages {
    pub(super) fn new(seed: u64) -> Messages {
        Messages(Mutex::new(State {
            rng: Pcg64Mcg::seed_from_u64(seed),
            links: BTreeMap::new(),
        }))
    }

    pub(super) fn set(&self, to: NodeId, faults: Faults, until: Instant) {
        lock(&self.0).links.entry(to).or_default().faults.set(faults, until);
    }

    pub(super) fn heal(&self) {
        lock(&self.0).links.values_mut().for_each(|link| link.faults.end());
    }

    pub(super) fn counts(&self) -> Vec<(NodeId, MessageCounts)> {
        lock(&self.0)
            .links
            .iter()
            .map(|(to, link)| (*to, link.counts))
            .collect()
    }

    pub(super) fn fate(&self, to: NodeId, message: &Message) -> Fate {
        let State { rng, links } = &mut *lock(&self.0);
        let Some(link) = links.get_mut(&to) else {
            return Fate::default();
        };
        let is_hit = |faults: &&Faults| faults.kinds.is_empty() || faults.kinds.contains(&message.kind());
        let Some(faults) = link.faults.in_force().filter(is_hit) else {
            return Fate::default();
        };
        let mut is_drawn = |percent: u8| percent > 0 && rng.random_ratio(u32::from(percent), 100);
        if is_drawn(faults.dropped_percent) {
            link.counts.dropped += 1;
            return Fate {
                dropped: true,
                ..Fate::default()
            };
        }
        let (late, again) = (is_drawn(faults.late_percent), is_drawn(faults.twice_percent));
        let spoilt = is_drawn(faults.spoilt_percent);
        let spoilt = spoilt.then(|| rng.random());
        let mut delay = || Duration::from_nanos(rng.random_range(0..=faults.late_by_max_ns));
        let fate = Fate {
            dropped: false,
            spoilt,
            late: late.then(&mut delay),
            again: again.then(&mut delay),
        };
        link.counts.spoilt += u64::from(spoilt.is_some_and(|chance| message.clone().flip_fact(chance)));
        link.counts.late += u64::from(late);
        link.counts.twice += u64::from(again);
        fate
    }
}
