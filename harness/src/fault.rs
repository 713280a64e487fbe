//! Faults as data: what is broken, and which directed links, processes, disks or clocks that means. Whom a fault is to befall may
//! be said by what somebody is to the cluster when it strikes.

/// The pattern of all faults that cut links between nodes.
macro_rules! cuts_links {
    () => {
        Fault::Isolate { .. }
            | Fault::Halves { .. }
            | Fault::OneWay { .. }
            | Fault::Bridge { .. }
            | Fault::Partial { .. }
            | Fault::MajoritiesRing { .. }
            | Fault::Flapping { .. }
            | Fault::Swizzle { .. }
    };
}

/// The pattern of all faults that are not undone: see [`Fault::is_lasting`].
macro_rules! lasts_for_good {
    () => {
        Fault::Join { .. }
            | Fault::Leave { .. }
            | Fault::Replace { .. }
            | Fault::LostDisk { .. }
            | Fault::Remove { .. }
            | Fault::Weigh { .. }
    };
}

pub(crate) use {cuts_links, lasts_for_good};

mod aim;
mod kind;
mod link;
mod need;
mod place;
mod target;
mod timed;
mod validate;

use std::{fmt, time::Duration};

use quorate_core::MessageKind;
use quorate_node::control::DiskFailure;
use quorate_sim::Duty;
use serde::{Deserialize, Serialize};

use self::place::list;
pub use self::{
    kind::{FaultKind, UnknownFault},
    link::Spread,
    need::Need,
    place::Place,
    target::{KeyName, KeyNumber, Role, Target},
    timed::Moment,
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
    /// Two groups do not hear each other, and everybody else hears both.
    Partial {
        /// One group.
        one: Vec<N>,
        /// The other.
        other: Vec<N>,
    },
    /// Every node hears a majority, and no two hear the same: itself, and those next to it in a ring of all.
    MajoritiesRing {
        /// The ring; who is not in it hears, and is heard by, all.
        ring: Vec<N>,
    },
    /// A group is cut off from the rest and let back, again and again.
    Flapping {
        /// The group.
        side: Vec<N>,
        /// How long it is cut off each time, and then not.
        #[serde(with = "duration::text")]
        every: Duration,
    },
    /// In the first half of the time nodes are isolated, one after another, and in the second they are let back.
    Swizzle {
        /// In the order in which they are isolated.
        nodes: Vec<N>,
        /// In the order in which they are let back.
        back: Vec<N>,
    },
    /// No client hears nodes, which hear each other.
    ClientsCut {
        /// Which.
        nodes: Vec<N>,
    },
    /// Clients come from another address than before, as behind a router that was started anew.
    ClientsRebound,
    /// What some nodes send to others is held, and comes all at once at the end.
    HeldLinks {
        /// Who sends.
        from: Vec<N>,
        /// To whom.
        to: Vec<N>,
    },
    /// Of the packets that some nodes send to others so many pass in a second. The order is kept.
    ThrottledLinks {
        /// Who sends.
        from: Vec<N>,
        /// To whom.
        to: Vec<N>,
        /// How many pass, of each link by itself.
        packets_per_second: u32,
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
        /// How that is drawn.
        #[serde(default, skip_serializing_if = "Spread::is_usual")]
        jitter_is: Spread,
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
    /// Of the messages that some nodes send to others some come late and out of order, or a second time, or never,
    /// or spoilt.
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
        /// How many of 100 never come.
        #[serde(default, skip_serializing_if = "is_zero")]
        dropped_percent: u8,
        /// Of 100 of gossip that tell of nodes, in how many a bit of a fact flips in the sender's memory.
        #[serde(default, skip_serializing_if = "is_zero")]
        spoilt_percent: u8,
        /// How late they come at most.
        #[serde(default, with = "duration::text")]
        by: Duration,
        /// Which; all, if none is named.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        kinds: Vec<MessageKind>,
    },
    /// Processes are killed with SIGKILL, and started again at the end.
    Kill {
        /// Whose.
        nodes: Vec<N>,
    },
    /// Two processes are killed and started again at once, each at the other's address; at the end once more, each at its own.
    SwappedAddresses {
        /// One of the two.
        one: N,
        /// The other.
        other: N,
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
    /// Something fails on disks: syncs, writes, reads; or they are full.
    FailingDisk {
        /// Whose.
        nodes: Vec<N>,
        /// What.
        #[serde(default)]
        on: DiskFailure,
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
    /// A process is killed and started again, and at the end once more, on what its disk held when it was killed first.
    OldDisk {
        /// Whose.
        node: N,
    },
    /// A process is killed, what its disk holds of one key is gone without a trace, and it is started again at the end.
    LostRecord {
        /// Whose.
        node: N,
        /// Of which key.
        key: KeyNumber,
    },
    /// A process is killed and its disk is lost: it is not started on that again, and a spare node takes its place.
    LostDisk {
        /// Whose.
        node: N,
        /// The spare.
        by: N,
        /// What became of the disk.
        #[serde(default)]
        how: DiskLoss,
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
    /// Wall clocks jump to and fro.
    ClockStrobe {
        /// Whose.
        nodes: Vec<N>,
        /// How far: ahead, or, with a minus, back.
        by: Signed,
        /// How long they stay there, and then where they should be.
        #[serde(with = "duration::text")]
        every: Duration,
    },
    /// A spare node starts, and joins the ring.
    Join {
        /// Which.
        node: N,
    },
    /// Spare nodes start with nothing, and say that they are of those who founded the ring; at the end they are killed for good.
    Pretenders {
        /// Which.
        nodes: Vec<N>,
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

/// What has become of a disk that is lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskLoss {
    /// The store is gone.
    #[default]
    Wiped,
    /// Half of it is gone.
    Truncated,
    /// A bit has flipped in each of its sectors.
    Scrambled,
}

impl DiskLoss {
    /// Each.
    pub const ALL: [DiskLoss; 3] = [DiskLoss::Wiped, DiskLoss::Truncated, DiskLoss::Scrambled];

    fn word(self) -> &'static str {
        match self {
            DiskLoss::Wiped => "wiped",
            DiskLoss::Truncated => "truncated",
            DiskLoss::Scrambled => "scrambled",
        }
    }
}

pub(crate) fn is_zero(percent: &u8) -> bool {
    *percent == 0
}

impl<N: Clone + Ord> Fault<N> {
    /// The family that it is of.
    pub fn kind(&self) -> FaultKind {
        match self {
            cuts_links!() | Fault::ClientsCut { .. } | Fault::ClientsRebound => FaultKind::Partition,
            Fault::SlowLinks { .. } | Fault::HeldLinks { .. } | Fault::ThrottledLinks { .. } => FaultKind::SlowNet,
            Fault::LossyLinks { .. } => FaultKind::Loss,
            Fault::OddMessages { .. } => FaultKind::Message,
            Fault::Kill { .. } | Fault::SwappedAddresses { .. } => FaultKind::Kill,
            Fault::Pause { .. } => FaultKind::Pause,
            Fault::SlowProcess { .. } => FaultKind::Slow,
            Fault::PowerLoss { .. } => FaultKind::PowerLoss,
            Fault::FailingDisk { .. } | Fault::SlowDisk { .. } | Fault::FlippedBits { .. } => FaultKind::Disk,
            Fault::OldDisk { .. } | Fault::LostRecord { .. } | Fault::LostDisk { .. } => FaultKind::Wipe,
            Fault::ClockJump { .. } | Fault::ClockDrift { .. } | Fault::ClockStrobe { .. } => FaultKind::Clock,
            Fault::Join { .. }
            | Fault::Pretenders { .. }
            | Fault::Leave { .. }
            | Fault::Replace { .. }
            | Fault::Remove { .. }
            | Fault::Weigh { .. } => FaultKind::Membership,
        }
    }

    /// Whether it is not undone, but goes on until the cluster has done what it asks for.
    pub fn is_lasting(&self) -> bool {
        matches!(self, lasts_for_good!())
    }

    /// The node whose process it ends for good.
    pub fn ends(&self) -> Option<N> {
        match self {
            Fault::Replace { node, .. } | Fault::Remove { node } | Fault::LostDisk { node, .. } => Some(node.clone()),
            _ => None,
        }
    }

    /// The spare node that it starts.
    pub fn starts(&self) -> Option<N> {
        match self {
            Fault::Join { node } | Fault::Replace { by: node, .. } | Fault::LostDisk { by: node, .. } => {
                Some(node.clone())
            }
            _ => None,
        }
    }

    /// The nodes that have no process while it lasts.
    pub fn downs(&self) -> &[N] {
        match self {
            Fault::Kill { nodes } | Fault::PowerLoss { nodes } => nodes,
            Fault::FlippedBits { node, .. } | Fault::LostRecord { node, .. } => std::slice::from_ref(node),
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
            Fault::Replace { node, by } | Fault::LostDisk { node, by, .. } => vec![node.clone(), by.clone()],
            Fault::SwappedAddresses { one, other } => vec![one.clone(), other.clone()],
            Fault::OldDisk { node } | Fault::LostRecord { node, .. } => vec![node.clone()],
            Fault::Halves { side } | Fault::Flapping { side, .. } => side.clone(),
            Fault::Partial { one, other } => one.iter().chain(other).cloned().collect(),
            Fault::MajoritiesRing { ring } => ring.clone(),
            Fault::ClientsRebound => Vec::new(),
            Fault::OneWay { unheard } => unheard.clone(),
            Fault::Bridge { bridge, side } => side.iter().chain([bridge]).cloned().collect(),
            Fault::SlowLinks { from, to, .. }
            | Fault::HeldLinks { from, to }
            | Fault::ThrottledLinks { from, to, .. }
            | Fault::LossyLinks { from, to, .. }
            | Fault::OddMessages { from, to, .. } => {
                let mut nodes: Vec<_> = from.iter().chain(to).cloned().collect();
                nodes.sort();
                nodes.dedup();
                nodes
            }
            Fault::Kill { nodes }
            | Fault::Pretenders { nodes }
            | Fault::Swizzle { nodes, .. }
            | Fault::ClientsCut { nodes }
            | Fault::Pause { nodes }
            | Fault::PowerLoss { nodes }
            | Fault::FailingDisk { nodes, .. }
            | Fault::SlowDisk { nodes, .. }
            | Fault::ClockJump { nodes, .. }
            | Fault::ClockStrobe { nodes, .. }
            | Fault::ClockDrift { nodes, .. } => nodes.clone(),
        }
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
            Fault::Partial { one, other } => write!(f, "{} and {} cut off from each other", list(one), list(other)),
            Fault::MajoritiesRing { ring } => write!(f, "each of {} next to its majority alone", list(ring)),
            Fault::Flapping { side, every } => {
                write!(f, "{} cut off every other {}", list(side), duration::format(*every))
            }
            Fault::Swizzle { nodes, .. } => write!(f, "{} isolated one after another", list(nodes)),
            Fault::ClientsCut { nodes } => write!(f, "{} out of the clients' reach", list(nodes)),
            Fault::ClientsRebound => f.write_str("clients at another address"),
            Fault::HeldLinks { from, to } => write!(f, "packets held {}", way(from, to)),
            Fault::ThrottledLinks {
                from,
                to,
                packets_per_second,
            } => write!(f, "{packets_per_second} packets a second {}", way(from, to)),
            Fault::SlowLinks { from, to, delay, .. } => {
                write!(f, "{} slower by {}", way(from, to), duration::format(*delay))
            }
            Fault::LossyLinks { from, to, percent } => write!(f, "{percent}% of packets lost {}", way(from, to)),
            Fault::OddMessages {
                from,
                to,
                late_percent,
                twice_percent,
                dropped_percent,
                spoilt_percent,
                ..
            } => {
                let some = |percent: u8, how: &str| match percent {
                    0 => String::new(),
                    percent => format!(", {percent}% {how},"),
                };
                write!(
                    f,
                    "{late_percent}% of messages late and {twice_percent}% twice{}{} {}",
                    some(*dropped_percent, "never"),
                    some(*spoilt_percent, "of gossip spoilt"),
                    way(from, to)
                )
            }
            Fault::Kill { nodes } => write!(f, "{} killed", list(nodes)),
            Fault::SwappedAddresses { one, other } => write!(f, "{one} and {other} at each other's address"),
            Fault::Pause { nodes } => write!(f, "{} paused", list(nodes)),
            Fault::SlowProcess { node, stopped_percent } => write!(f, "{node} stopped {stopped_percent}% of the time"),
            Fault::PowerLoss { nodes } => write!(f, "{} without power", list(nodes)),
            Fault::FailingDisk { nodes, on } => {
                let what = match on {
                    DiskFailure::Sync => "failing",
                    DiskFailure::Write => "failing to write",
                    DiskFailure::Read => "failing to read",
                    DiskFailure::Full => "full",
                };
                write!(f, "disk of {} {what}", list(nodes))
            }
            Fault::SlowDisk { nodes, delay } => {
                write!(f, "disk of {} slower by {}", list(nodes), duration::format(*delay))
            }
            Fault::FlippedBits { node, records } => write!(f, "bits flipped in {records} records of {node}"),
            Fault::OldDisk { node } => write!(f, "{node} put back to an old copy of its disk"),
            Fault::LostRecord { node, key } => write!(f, "record of {key} lost by {node}"),
            Fault::LostDisk { node, by, how } => {
                write!(f, "disk of {node} {} and the node replaced by {by}", how.word())
            }
            Fault::ClockStrobe { nodes, by, every } => {
                let every = duration::format(*every);
                write!(f, "clock of {} off by {by} every other {every}", list(nodes))
            }
            Fault::ClockJump { nodes, by } => write!(f, "clock of {} off by {by}", list(nodes)),
            Fault::ClockDrift { nodes, ppm } => write!(f, "clock of {} drifting by {ppm} ppm", list(nodes)),
            Fault::Pretenders { nodes } => write!(f, "{} pretending to have founded the ring", list(nodes)),
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
        let partial = Fault::Partial {
            one: places("n1"),
            other: places("n2+n3"),
        };
        assert_eq!(cuts(&partial), "n1>n2 n1>n3 n2>n1 n3>n1");
        let ring = Fault::MajoritiesRing {
            ring: places("n1+n3+n5+n2+n4"),
        };
        assert_eq!(
            cuts(&ring),
            "n1>n2 n1>n5 n2>n1 n2>n3 n3>n2 n3>n4 n4>n3 n4>n5 n5>n1 n5>n4"
        );
    }

    #[test]
    fn what_is_bad_is_every_link_from_one_group_to_the_other() {
        let slow = Fault::SlowLinks {
            from: places("n1+n2"),
            to: places("n2+n3"),
            delay: Duration::from_millis(20),
            jitter: Duration::ZERO,
            jitter_is: Spread::default(),
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
