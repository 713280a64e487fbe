//! What lies between two nodes: one connection at most, with an ordered stream each way.
//!
//! A cut does not end a connection at once. What is sent meanwhile is held back, as QUIC would resend it; if the cut is
//! healed before either side has grown suspicious it arrives late, and otherwise the connection is lost with all that
//! was under way on it, and both sides are told.

use std::{ops::Range, time::Duration};

use quorate_core::{Message, MessageKind, NodeId, Time};

use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use crate::world::NodeIndex;

/// Silence after which a side gives its connection up (FAULTS.md: a supervisor suspects after 400 ms).
pub(crate) const SUSPICION: Duration = Duration::from_millis(400);

/// From a process's restart to the reset of the connections of its former life (FAULTS.md: 7 ms).
pub(crate) const RESET: Duration = Duration::from_millis(7);

/// From the moment when a connection could be made to the moment when it is.
pub(crate) const REDIAL: Duration = Duration::from_millis(60);

/// Until a packet that is lost for the first time is sent again, drawn evenly; twice as long with each further loss
/// (FAULTS.md: at 5% loss, one message in a hundred takes 11 to 65 ms).
pub(crate) const RETRANSMISSION: Range<Duration> = Duration::from_millis(5)..Duration::from_millis(25);

/// What becomes of the messages of a directed link, other than that they are held back. The default is a good link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LinkFaults {
    /// How much longer each message takes.
    pub slower_by: Duration,
    /// How much longer still it may take, drawn evenly for each. The order is kept.
    pub jitter: Duration,
    /// How that is drawn.
    pub jitter_is: Distribution,
    /// How many packets pass in a second; as many as there are, if it is 0. The order is kept.
    pub packets_per_second: u32,
    /// Of 100 packets, how many are lost and have to be sent again. The order is kept.
    pub loss_percent: u8,
    /// Of 100 messages, how many come late and out of order.
    pub late_percent: u8,
    /// Of 100 messages, how many come a second time.
    pub twice_percent: u8,
    /// Of 100 messages, how many never come, though the connection stays.
    pub dropped_percent: u8,
    /// Of 100 messages of gossip that tell of nodes, in how many a bit of a fact flips in the sender's memory.
    pub spoilt_percent: u8,
    /// Which messages come late, twice, never or spoilt.
    pub kinds: Kinds,
    /// How late a message comes at most that comes late, or for the second time.
    pub late_by_max: Duration,
}

impl LinkFaults {
    /// Whether anything takes longer.
    pub fn is_slow(&self) -> bool {
        !(self.slower_by.is_zero() && self.jitter.is_zero() && self.packets_per_second == 0)
    }

    /// Whether any messages come late, twice, never or spoilt.
    pub fn has_odd(&self) -> bool {
        let percents = [
            self.late_percent,
            self.twice_percent,
            self.dropped_percent,
            self.spoilt_percent,
        ];
        percents.iter().any(|percent| *percent > 0)
    }

    /// Whether messages of this kind come late, twice, never or spoilt.
    pub(crate) fn is_odd(&self, kind: MessageKind) -> bool {
        self.has_odd() && self.kinds.contains(kind)
    }
}

/// How a span of time is drawn that may have any length up to one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Distribution {
    /// Evenly.
    #[default]
    Uniform,
    /// Most are short and few are long, as where packets queue: half of them within a sixteenth of the longest, and half of
    /// the others within an eighth, and so on. In whole numbers, so that every machine draws the same.
    LongTailed,
}

impl Distribution {
    /// Draws a span.
    pub fn draw(self, rng: &mut Pcg64Mcg, max: Duration) -> Duration {
        let max_ns = match self {
            Distribution::Uniform => nanos(max),
            Distribution::LongTailed => {
                let doublings = (0..4).take_while(|_| rng.random()).count();
                nanos(max) >> (4 - doublings)
            }
        };
        Duration::from_nanos(rng.random_range(0..=max_ns))
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Some kinds of messages. The default is all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Kinds {
    /// A bit for each kind that is not among them.
    without: u8,
}

impl Kinds {
    /// These kinds; all, if there are none.
    pub fn of(kinds: &[MessageKind]) -> Kinds {
        let without = MessageKind::ALL
            .into_iter()
            .filter(|kind| !kinds.is_empty() && !kinds.contains(kind));
        Kinds {
            without: without.map(bit).sum(),
        }
    }

    /// Whether a kind is among them.
    pub fn contains(self, kind: MessageKind) -> bool {
        self.without & bit(kind) == 0
    }

    /// Those of both.
    #[must_use]
    pub fn with(self, other: Kinds) -> Kinds {
        Kinds {
            without: self.without & other.without,
        }
    }

    /// Every kind among them.
    pub fn list(self) -> Vec<MessageKind> {
        let kinds = MessageKind::ALL.into_iter();
        kinds.filter(|kind| self.contains(*kind)).collect()
    }
}

fn bit(kind: MessageKind) -> u8 {
    1 << kind as u8
}

/// What has gone wrong on a directed link since the start, counted in messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounts {
    /// Held back by a cut, delivered later or not.
    pub held: u64,
    /// Slowed.
    pub slowed: u64,
    /// How often a packet was lost.
    pub lost: u64,
    /// Delivered late and out of order.
    pub late: u64,
    /// Delivered a second time.
    pub twice: u64,
    /// Never delivered.
    pub dropped: u64,
    /// Sent with a flipped bit.
    pub spoilt: u64,
}

/// One of the two nodes of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Low,
    High,
}

impl Side {
    pub(crate) const BOTH: [Side; 2] = [Side::Low, Side::High];
}

/// The link between two nodes.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// Raised by every change of the connection, so that what belongs to an earlier one can be told.
    pub(crate) era: u64,
    pub(crate) up: bool,
    /// Whether either node has asked for it.
    pub(crate) wanted: bool,
    /// Since when one of the directions is cut or one of the processes gone.
    pub(crate) silent_since: Option<Time>,
    low: End,
    high: End,
}

/// One end of a link: what its node knows and sends.
#[derive(Debug, Default)]
pub(crate) struct End {
    /// Whether the node was told that the link is up, in its present life.
    pub(crate) told: bool,
    /// Whom the node takes the other for, if it goes by addresses and not by what is proved.
    pub(crate) taken_for: Option<NodeId>,
    /// Whether what this end sends is held back.
    pub(crate) cut: bool,
    /// What else becomes of what this end sends.
    faults: LinkFaults,
    /// Whether that is anything: each message asks.
    is_faulty: bool,
    pub(crate) counts: LinkCounts,
    pub(crate) held: Vec<Message>,
    /// When the last message from this end arrives: the next one does not before.
    last_arrival: Time,
    /// When the next packet may pass, where so many pass in a second.
    pub(crate) next_packet: Time,
}

impl End {
    /// What becomes of what this end sends, if anything does.
    pub(crate) fn faults(&self) -> Option<&LinkFaults> {
        self.is_faulty.then_some(&self.faults)
    }

    /// Has what this end sends take so much longer, whatever else becomes of it.
    pub(crate) fn slow(&mut self, by: Duration) {
        self.set_faults(LinkFaults {
            slower_by: by,
            ..self.faults
        });
    }

    /// When a message arrives that would at some time by itself: not before those that were sent before it.
    pub(crate) fn put_in_stream(&mut self, at: Time) -> Time {
        self.last_arrival = at.max(self.last_arrival + Duration::from_nanos(1));
        self.last_arrival
    }

    pub(crate) fn set_faults(&mut self, faults: LinkFaults) {
        self.is_faulty = faults != LinkFaults::default();
        self.faults = faults;
    }
}

impl Link {
    pub(crate) fn end(&self, side: Side) -> &End {
        match side {
            Side::Low => &self.low,
            Side::High => &self.high,
        }
    }

    pub(crate) fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Low => &mut self.low,
            Side::High => &mut self.high,
        }
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.low.cut || self.high.cut
    }

    /// The connection is made.
    pub(crate) fn connect(&mut self) {
        assert!(!self.up && !self.is_cut(), "a connection needs both directions");
        self.era += 1;
        self.up = true;
        self.silent_since = None;
        self.low.told = true;
        self.high.told = true;
    }

    /// The connection is lost, and what was held back with it.
    pub(crate) fn disconnect(&mut self) {
        self.era += 1;
        self.up = false;
        self.silent_since = None;
        for side in Side::BOTH {
            let end = self.end_mut(side);
            end.told = false;
            end.held.clear();
        }
    }
}

/// The links between all nodes.
#[derive(Debug)]
pub(crate) struct Links {
    node_count: usize,
    /// By the lower of two nodes and then by the higher, in a square: the other half of it goes unused.
    links: Vec<Link>,
}

impl Links {
    pub(crate) fn new(node_count: usize) -> Links {
        let links = (0..node_count * node_count).map(|_| Link::default());
        Links {
            node_count,
            links: links.collect(),
        }
    }

    pub(crate) fn between(&self, low: NodeIndex, high: NodeIndex) -> &Link {
        &self.links[self.place(low, high)]
    }

    pub(crate) fn between_mut(&mut self, low: NodeIndex, high: NodeIndex) -> &mut Link {
        let place = self.place(low, high);
        &mut self.links[place]
    }

    /// The ends of the links that are cut, be it in one direction.
    pub(crate) fn cut(&self) -> Vec<(NodeIndex, NodeIndex)> {
        let cut = self.links.iter().enumerate().filter(|(_, link)| link.is_cut());
        let ends = |(place, _)| (NodeIndex(place / self.node_count), NodeIndex(place % self.node_count));
        cut.map(ends).collect()
    }

    fn place(&self, low: NodeIndex, high: NodeIndex) -> usize {
        assert!(
            low < high && high.0 < self.node_count,
            "the ends of a link are two nodes, in order"
        );
        low.0 * self.node_count + high.0
    }
}
