//! Faults as data: what is broken, and which directed links, processes, disks or clocks that means. Whom a fault is to befall may
//! be said by what somebody is to the cluster when it strikes.

mod aim;
mod kind;
mod place;
mod target;
mod validate;

use std::{fmt, time::Duration};

use quorate_sim::{Duty, LinkFaults};
use serde::{Deserialize, Serialize};

use self::place::list;
pub use self::{
    kind::{FaultKind, UnknownFault},
    place::Place,
    target::{KeyName, Role, Target},
    validate::FaultError,
};
use crate::duration::{self, Signed};

/// How long a slow process takes to be stopped and let run once: well below what its peers take for silence.
const DUTY_PERIOD: Duration = Duration::from_millis(100);

/// Something to break, and whom: nodes, or, in a plan, [`Target`]s.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "fault",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum Fault<N = Place> {
    /// One node hears nobody, and nobody hears it.
    Isolate {
        /// Which.
        node: N,
    },
    /// Two groups do not hear each other.
    Halves {
        /// One group; the other is everybody else.
        side: Vec<N>,
    },
    /// What one group says does not reach the rest, though it hears them.
    OneWay {
        /// The group that is not heard.
        unheard: Vec<N>,
    },
    /// Two groups that do not hear each other, and a node between them that hears and is heard by both.
    Bridge {
        /// The node between.
        bridge: N,
        /// One group; the other is everybody else.
        side: Vec<N>,
    },
    /// What some nodes send to others takes longer. The order is kept.
    SlowLinks {
        /// Who sends.
        from: Vec<N>,
        /// To whom.
        to: Vec<N>,
        /// How much longer.
        #[serde(with = "duration::text")]
        delay: Duration,
        /// How much longer still at most, drawn for each message.
        #[serde(default, with = "duration::text")]
        jitter: Duration,
    },
    /// Of the packets that some nodes send to others some are lost, and sent again. The order is kept.
    LossyLinks {
        /// Who sends.
        from: Vec<N>,
        /// To whom.
        to: Vec<N>,
        /// How many of 100.
        percent: u8,
    },
    /// Of the messages that some nodes send to others some come late and out of order, or a second time.
    OddMessages {
        /// Who sends.
        from: Vec<N>,
        /// To whom.
        to: Vec<N>,
        /// How many of 100 come late.
        #[serde(default)]
        late_percent: u8,
        /// How many of 100 come twice.
        #[serde(default)]
        twice_percent: u8,
        /// How late they come at most.
        #[serde(with = "duration::text")]
        by: Duration,
    },
    /// Processes are killed with SIGKILL, and started again at the end.
    Kill {
        /// Whose.
        nodes: Vec<N>,
    },
    /// Processes do nothing, and go on at the end.
    Pause {
        /// Whose.
        nodes: Vec<N>,
    },
    /// A process gets little of the processor: it is stopped and let run in turn.
    SlowProcess {
        /// Whose.
        node: N,
        /// Of the time, how much it is stopped.
        stopped_percent: u8,
    },
    /// The power of nodes is cut, all at once, and what they had not synced is gone or torn; they are started again at
    /// the end.
    PowerLoss {
        /// Whose.
        nodes: Vec<N>,
    },
    /// Syncs fail.
    FailingDisk {
        /// Whose.
        nodes: Vec<N>,
    },
    /// Syncs take longer.
    SlowDisk {
        /// Whose.
        nodes: Vec<N>,
        /// How much longer each.
        #[serde(with = "duration::text")]
        delay: Duration,
    },
    /// A process is killed, bits flip in records of its disk, and it is started again at the end.
    FlippedBits {
        /// Whose.
        node: N,
        /// In how many records.
        records: usize,
    },
    /// Wall clocks jump, and jump back at the end.
    ClockJump {
        /// Whose.
        nodes: Vec<N>,
        /// How far: ahead, or, with a minus, back.
        by: Signed,
    },
    /// Wall clocks run too fast or too slow, and are put right at the end.
    ClockDrift {
        /// Whose.
        nodes: Vec<N>,
        /// How many microseconds they gain a second; below 0 for lose.
        ppm: i64,
    },
    /// A spare node starts, and joins the ring.
    Join {
        /// Which.
        node: N,
    },
    /// A member is asked to leave: others take over what it owns.
    Leave {
        /// Which.
        node: N,
    },
    /// A member is killed for good, and a spare node takes its place.
    Replace {
        /// Which.
        node: N,
        /// The spare.
        by: N,
    },
    /// A member is killed for good, and removed by another as soon as that one sees it as down.
    Remove {
        /// Which.
        node: N,
    },
    /// A member is to own another share of the ring.
    Weigh {
        /// Which.
        node: N,
        /// Its share, relative to the 1 that all begin with.
        weight: u16,
    },
}

impl<N: Clone + Ord> Fault<N> {
    /// The family that it is of.
    pub fn kind(&self) -> FaultKind {
        match self {
            Fault::Isolate { .. } | Fault::Halves { .. } | Fault::OneWay { .. } | Fault::Bridge { .. } => {
                FaultKind::Partition
            }
            Fault::SlowLinks { .. } => FaultKind::SlowNet,
            Fault::LossyLinks { .. } => FaultKind::Loss,
            Fault::OddMessages { .. } => FaultKind::Message,
            Fault::Kill { .. } => FaultKind::Kill,
            Fault::Pause { .. } => FaultKind::Pause,
            Fault::SlowProcess { .. } => FaultKind::Slow,
            Fault::PowerLoss { .. } => FaultKind::PowerLoss,
            Fault::FailingDisk { .. } | Fault::SlowDisk { .. } | Fault::FlippedBits { .. } => FaultKind::Disk,
            Fault::ClockJump { .. } | Fault::ClockDrift { .. } => FaultKind::Clock,
            Fault::Join { .. }
            | Fault::Leave { .. }
            | Fault::Replace { .. }
            | Fault::Remove { .. }
            | Fault::Weigh { .. } => FaultKind::Membership,
        }
    }

    /// Whether it is not undone, but goes on until the cluster has done what it asks for.
    pub fn is_lasting(&self) -> bool {
        self.kind() == FaultKind::Membership
    }

    /// The node whose process it ends for good.
    pub fn ends(&self) -> Option<N> {
        match self {
            Fault::Replace { node, .. } | Fault::Remove { node } => Some(node.clone()),
            _ => None,
        }
    }

    /// The spare node that it starts.
    pub fn starts(&self) -> Option<N> {
        match self {
            Fault::Join { node } | Fault::Replace { by: node, .. } => Some(node.clone()),
            _ => None,
        }
    }

    /// What becomes of messages on [`Fault::bad_links`].
    pub fn link_faults(&self) -> LinkFaults {
        match self {
            Fault::SlowLinks { delay, jitter, .. } => LinkFaults {
                slower_by: *delay,
                jitter: *jitter,
                ..LinkFaults::default()
            },
            Fault::LossyLinks { percent, .. } => LinkFaults {
                loss_percent: *percent,
                ..LinkFaults::default()
            },
            Fault::OddMessages {
                late_percent,
                twice_percent,
                by,
                ..
            } => LinkFaults {
                late_percent: *late_percent,
                twice_percent: *twice_percent,
                late_by_max: *by,
                ..LinkFaults::default()
            },
            _ => LinkFaults::default(),
        }
    }

    /// The nodes that have no process while it lasts.
    pub fn downs(&self) -> &[N] {
        match self {
            Fault::Kill { nodes } | Fault::PowerLoss { nodes } => nodes,
            Fault::FlippedBits { node, .. } => std::slice::from_ref(node),
            _ => &[],
        }
    }

    /// How a slow process is stopped and let run in turn.
    pub fn duty(&self) -> Option<Duty> {
        let Fault::SlowProcess { stopped_percent, .. } = self else {
            return None;
        };
        let stops = DUTY_PERIOD * u32::from(*stopped_percent) / 100;
        Some(Duty {
            stops,
            runs: DUTY_PERIOD - stops,
        })
    }

    /// Every node that it names.
    pub fn nodes(&self) -> Vec<N> {
        match self {
            Fault::Isolate { node } | Fault::SlowProcess { node, .. } | Fault::FlippedBits { node, .. } => {
                vec![node.clone()]
            }
            Fault::Join { node } | Fault::Leave { node } | Fault::Remove { node } | Fault::Weigh { node, .. } => {
                vec![node.clone()]
            }
            Fault::Replace { node, by } => vec![node.clone(), by.clone()],
            Fault::Halves { side } => side.clone(),
            Fault::OneWay { unheard } => unheard.clone(),
            Fault::Bridge { bridge, side } => side.iter().chain([bridge]).cloned().collect(),
            Fault::SlowLinks { from, to, .. }
            | Fault::LossyLinks { from, to, .. }
            | Fault::OddMessages { from, to, .. } => {
                let mut nodes: Vec<_> = from.iter().chain(to).cloned().collect();
                nodes.sort();
                nodes.dedup();
                nodes
            }
            Fault::Kill { nodes }
            | Fault::Pause { nodes }
            | Fault::PowerLoss { nodes }
            | Fault::FailingDisk { nodes }
            | Fault::SlowDisk { nodes, .. }
            | Fault::ClockJump { nodes, .. }
            | Fault::ClockDrift { nodes, .. } => nodes.clone(),
        }
    }
}

impl Fault {
    /// The directed links that are cut in a cluster of `count` nodes.
    pub fn cuts(&self, count: usize) -> Vec<(Place, Place)> {
        let silenced = |from: Place, to: Place| match self {
            Fault::Isolate { node } => from == *node || to == *node,
            Fault::Halves { side } => side.contains(&from) != side.contains(&to),
            Fault::OneWay { unheard } => unheard.contains(&from) && !unheard.contains(&to),
            Fault::Bridge { bridge, side } => {
                from != *bridge && to != *bridge && side.contains(&from) != side.contains(&to)
            }
            _ => false,
        };
        let pairs = Place::all(count).flat_map(|from| Place::all(count).map(move |to| (from, to)));
        pairs.filter(|(from, to)| from != to && silenced(*from, *to)).collect()
    }

    /// The directed links that are not cut, but bad.
    pub fn bad_links(&self) -> Vec<(Place, Place)> {
        let (Fault::SlowLinks { from, to, .. }
        | Fault::LossyLinks { from, to, .. }
        | Fault::OddMessages { from, to, .. }) = self
        else {
            return Vec::new();
        };
        let pairs = from.iter().flat_map(|from| to.iter().map(|to| (*from, *to)));
        pairs.filter(|(from, to)| from != to).collect()
    }
}

impl<N: fmt::Display + PartialEq> fmt::Display for Fault<N> {
    /// In the words of a witness: "n3 isolated".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = |from: &[N], to: &[N]| {
            if from == to {
                format!("between {}", list(from))
            } else {
                format!("from {} to {}", list(from), list(to))
            }
        };
        match self {
            Fault::Isolate { node } => write!(f, "{node} isolated"),
            Fault::Halves { side } => write!(f, "{} cut off from the rest", list(side)),
            Fault::OneWay { unheard } => write!(f, "{} unheard by the rest", list(unheard)),
            Fault::Bridge { bridge, side } => write!(f, "{} joined to the rest by {bridge} alone", list(side)),
            Fault::SlowLinks { from, to, delay, .. } => {
                write!(f, "{} slower by {}", way(from, to), duration::format(*delay))
            }
            Fault::LossyLinks { from, to, percent } => write!(f, "{percent}% of packets lost {}", way(from, to)),
            Fault::OddMessages {
                from,
                to,
                late_percent,
                twice_percent,
                ..
            } => write!(
                f,
                "{late_percent}% of messages late and {twice_percent}% twice {}",
                way(from, to)
            ),
            Fault::Kill { nodes } => write!(f, "{} killed", list(nodes)),
            Fault::Pause { nodes } => write!(f, "{} paused", list(nodes)),
            Fault::SlowProcess { node, stopped_percent } => write!(f, "{node} stopped {stopped_percent}% of the time"),
            Fault::PowerLoss { nodes } => write!(f, "{} without power", list(nodes)),
            Fault::FailingDisk { nodes } => write!(f, "disk of {} failing", list(nodes)),
            Fault::SlowDisk { nodes, delay } => {
                write!(f, "disk of {} slower by {}", list(nodes), duration::format(*delay))
            }
            Fault::FlippedBits { node, records } => write!(f, "bits flipped in {records} records of {node}"),
            Fault::ClockJump { nodes, by } => write!(f, "clock of {} off by {by}", list(nodes)),
            Fault::ClockDrift { nodes, ppm } => write!(f, "clock of {} drifting by {ppm} ppm", list(nodes)),
            Fault::Join { node } => write!(f, "{node} joining"),
            Fault::Leave { node } => write!(f, "{node} leaving"),
            Fault::Replace { node, by } => write!(f, "{node} gone for good and replaced by {by}"),
            Fault::Remove { node } => write!(f, "{node} gone for good and removed"),
            Fault::Weigh { node, weight } => write!(f, "{node} of weight {weight}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(names: &str) -> Vec<Place> {
        let names = names.split('+');
        names.map(|name| Place::from_name(name).expect("a node")).collect()
    }

    fn cuts(fault: &Fault) -> String {
        let cuts = fault.cuts(5).into_iter().map(|(from, to)| format!("{from}>{to}"));
        cuts.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_shape_cuts_the_links_that_it_means() {
        let isolate = Fault::Isolate { node: Place(2) };
        assert_eq!(cuts(&isolate), "n1>n3 n2>n3 n3>n1 n3>n2 n3>n4 n3>n5 n4>n3 n5>n3");
        let halves = Fault::Halves { side: places("n1+n2") };
        assert_eq!(
            cuts(&halves),
            "n1>n3 n1>n4 n1>n5 n2>n3 n2>n4 n2>n5 n3>n1 n3>n2 n4>n1 n4>n2 n5>n1 n5>n2"
        );
        let one_way = Fault::OneWay { unheard: places("n4") };
        assert_eq!(cuts(&one_way), "n4>n1 n4>n2 n4>n3 n4>n5");
        let bridge = Fault::Bridge {
            bridge: Place(2),
            side: places("n1+n2"),
        };
        assert_eq!(cuts(&bridge), "n1>n4 n1>n5 n2>n4 n2>n5 n4>n1 n4>n2 n5>n1 n5>n2");
        assert_eq!(cuts(&Fault::Kill { nodes: places("n1") }), "");
    }

    #[test]
    fn what_is_bad_is_every_link_from_one_group_to_the_other() {
        let slow = Fault::SlowLinks {
            from: places("n1+n2"),
            to: places("n2+n3"),
            delay: Duration::from_millis(20),
            jitter: Duration::ZERO,
        };
        let links: Vec<_> = slow
            .bad_links()
            .iter()
            .map(|(from, to)| format!("{from}>{to}"))
            .collect();
        assert_eq!(links.join(" "), "n1>n2 n1>n3 n2>n3");
        assert_eq!(slow.nodes(), places("n1+n2+n3"));
        assert_eq!(slow.to_string(), "from n1+n2 to n2+n3 slower by 20ms");
    }
}
