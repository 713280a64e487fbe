//! What faults do to links.

use quorate_sim::{Distribution, Kinds, LinkFaults};
use serde::{Deserialize, Serialize};

use super::{Fault, Moment, Place};

/// How the length of a delay is drawn that may have any up to one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spread {
    /// Evenly.
    #[default]
    Uniform,
    /// Most are short and few are long.
    LongTailed,
}

impl Spread {
    /// Whether it is the one that need not be said.
    pub(super) fn is_usual(&self) -> bool {
        *self == Spread::default()
    }
}

impl From<Spread> for Distribution {
    fn from(spread: Spread) -> Distribution {
        match spread {
            Spread::Uniform => Distribution::Uniform,
            Spread::LongTailed => Distribution::LongTailed,
        }
    }
}

impl Fault {
    /// The directed links that are cut in a cluster of `count` nodes, at some time while it lasts.
    pub fn cuts(&self, count: usize) -> Vec<(Place, Place)> {
        links(count, |from, to| self.silences(from, to, None))
    }

    /// Those that are cut at a moment of it.
    pub fn cuts_at(&self, count: usize, moment: Moment) -> Vec<(Place, Place)> {
        links(count, |from, to| self.silences(from, to, Some(moment)))
    }

    fn silences(&self, from: Place, to: Place, moment: Option<Moment>) -> bool {
        match self {
            Fault::Isolate { node } => from == *node || to == *node,
            Fault::Halves { side } => side.contains(&from) != side.contains(&to),
            Fault::OneWay { unheard } => unheard.contains(&from) && !unheard.contains(&to),
            Fault::Bridge { bridge, side } => {
                from != *bridge && to != *bridge && side.contains(&from) != side.contains(&to)
            }
            Fault::Partial { one, other } => {
                let is_between = |from, to| one.contains(from) && other.contains(to);
                is_between(&from, &to) || is_between(&to, &from)
            }
            Fault::MajoritiesRing { ring } => are_apart(ring, from, to),
            Fault::Flapping { side, .. } => {
                side.contains(&from) != side.contains(&to) && moment.is_none_or(|moment| self.is_on(from, moment))
            }
            Fault::Swizzle { nodes, .. } => [from, to].into_iter().any(|node| {
                let is_isolated = moment.is_none_or(|moment| self.is_on(node, moment));
                nodes.contains(&node) && is_isolated
            }),
            _ => false,
        }
    }

    /// The directed links that are not cut, but bad.
    pub fn bad_links(&self) -> Vec<(Place, Place)> {
        let (Fault::SlowLinks { from, to, .. }
        | Fault::ThrottledLinks { from, to, .. }
        | Fault::LossyLinks { from, to, .. }
        | Fault::OddMessages { from, to, .. }) = self
        else {
            return Vec::new();
        };
        pairs(from, to)
    }

    /// The directed links on which everything is held.
    pub fn held_links(&self) -> Vec<(Place, Place)> {
        match self {
            Fault::HeldLinks { from, to } => pairs(from, to),
            _ => Vec::new(),
        }
    }
}

impl<N> Fault<N> {
    /// What becomes of messages on [`Fault::bad_links`].
    pub fn link_faults(&self) -> LinkFaults {
        match self {
            Fault::SlowLinks {
                delay,
                jitter,
                jitter_is,
                ..
            } => LinkFaults {
                slower_by: *delay,
                jitter: *jitter,
                jitter_is: (*jitter_is).into(),
                ..LinkFaults::default()
            },
            Fault::ThrottledLinks { packets_per_second, .. } => LinkFaults {
                packets_per_second: *packets_per_second,
                ..LinkFaults::default()
            },
            Fault::LossyLinks { percent, .. } => LinkFaults {
                loss_percent: *percent,
                ..LinkFaults::default()
            },
            Fault::OddMessages {
                late_percent,
                twice_percent,
                dropped_percent,
                spoilt_percent,
                by,
                kinds,
                ..
            } => LinkFaults {
                late_percent: *late_percent,
                twice_percent: *twice_percent,
                dropped_percent: *dropped_percent,
                spoilt_percent: *spoilt_percent,
                late_by_max: *by,
                kinds: Kinds::of(kinds),
                ..LinkFaults::default()
            },
            _ => LinkFaults::default(),
        }
    }
}

/// The directed links of a cluster that are as is asked.
fn links(count: usize, is: impl Fn(Place, Place) -> bool) -> Vec<(Place, Place)> {
    let pairs = Place::all(count).flat_map(|from| Place::all(count).map(move |to| (from, to)));
    pairs.filter(|(from, to)| from != to && is(*from, *to)).collect()
}

fn pairs(from: &[Place], to: &[Place]) -> Vec<(Place, Place)> {
    let pairs = from.iter().flat_map(|from| to.iter().map(|to| (*from, *to)));
    pairs.filter(|(from, to)| from != to).collect()
}

/// Whether two are so far apart in a ring that neither is among the other's majority: itself and the nearest on both
/// sides.
fn are_apart(ring: &[Place], one: Place, other: Place) -> bool {
    let at = |node| ring.iter().position(|member| *member == node);
    let (Some(one), Some(other)) = (at(one), at(other)) else {
        return false;
    };
    let steps = one.abs_diff(other);
    let reach = (ring.len() / 2).div_ceil(2);
    steps.min(ring.len() - steps) > reach
}
