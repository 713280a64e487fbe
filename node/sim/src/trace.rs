//! A fingerprint of everything that happened, in order, and a way to look on as it happens.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use quorate_core::Time;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::world::NodeIndex;

/// The rolling hash of a run so far. Two runs with equal hashes after the same number of events were the same run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceHash {
    /// Events so far.
    pub events: u64,
    /// Their hash.
    pub hash: u64,
}

impl fmt::Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}/{}", self.hash, self.events)
    }
}

/// One event of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceEvent {
    /// When.
    pub at: Time,
    /// What.
    pub what: What,
    /// To whom, if to one node more than to others.
    pub node: Option<NodeIndex>,
    /// On whose account: who sent it, or the other end of a link.
    pub peer: Option<NodeIndex>,
}

impl fmt::Display for TraceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what.words())?;
        match (self.node, self.peer) {
            (Some(node), Some(peer)) => write!(f, " at n{}, from or with n{}", node.0 + 1, peer.0 + 1)?,
            (Some(node), None) => write!(f, " at n{}", node.0 + 1)?,
            (None, _) => {}
        }
        write!(f, ", {:.6} s", self.at.as_nanos() as f64 / 1e9)
    }
}

/// What an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum What {
    /// A process starts.
    Start = 1,
    /// A process is killed.
    Kill,
    /// A directed link is cut.
    Cut,
    /// Every link is healed.
    Heal,
    /// A directed link becomes slow or lossy or odd, or is as it was.
    Link,
    /// A clock is moved, or put right.
    Clock,
    /// A disk begins to fail or to be slow, is mended, or has bits flipped.
    Disk,
    /// A process loses its power.
    PowerLoss,
    /// A process ends by itself.
    Stop,
    /// A process is paused, or is to be now and then.
    Pause,
    /// A process goes on.
    Resume,
    /// A message arrives.
    Arrive,
    /// A message arrives late or a second time.
    ArriveOddly,
    /// Clients may have heard nothing of a paused node for too long.
    Leave,
    /// A side of a link may have been silent for too long.
    Suspect,
    /// A connection ends, as one of its processes was started anew.
    Reset,
    /// A connection can perhaps be made.
    Redial,
    /// A sync ends.
    Synced,
    /// A node is woken.
    Wake,
    /// A client's request arrives.
    Request,
    /// A client learns how its request ended.
    Answer,
    /// A node gets another name.
    Rename,
    /// Two nodes get each other's address.
    Address,
}

impl What {
    const ALL: [What; 23] = [
        What::Start,
        What::Kill,
        What::Cut,
        What::Heal,
        What::Link,
        What::Clock,
        What::Disk,
        What::PowerLoss,
        What::Stop,
        What::Pause,
        What::Resume,
        What::Arrive,
        What::ArriveOddly,
        What::Leave,
        What::Suspect,
        What::Reset,
        What::Redial,
        What::Synced,
        What::Wake,
        What::Request,
        What::Answer,
        What::Rename,
        What::Address,
    ];

    /// Its number in files.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What has this number.
    pub fn from_code(code: u8) -> Option<What> {
        What::ALL.into_iter().find(|what| what.code() == code)
    }

    /// In words, to be followed by the nodes.
    pub fn words(self) -> &'static str {
        match self {
            What::Start => "a process starts",
            What::Kill => "a process is killed",
            What::Cut => "a link is cut",
            What::Heal => "links are healed",
            What::Link => "a link changes its ways",
            What::Clock => "a clock is moved",
            What::Disk => "a disk changes its ways",
            What::PowerLoss => "a process loses its power",
            What::Stop => "a process ends by itself",
            What::Pause => "a process is paused",
            What::Resume => "a process goes on",
            What::Arrive => "a message arrives",
            What::ArriveOddly => "a message arrives late or twice",
            What::Leave => "clients leave a paused node",
            What::Suspect => "a link is suspected",
            What::Reset => "a connection is reset",
            What::Redial => "a connection is tried",
            What::Synced => "a sync ends",
            What::Wake => "a timer is due",
            What::Request => "a request arrives",
            What::Answer => "a client is answered",
            What::Rename => "a node is renamed",
            What::Address => "addresses are swapped",
        }
    }
}

/// Looks on while a run happens.
pub trait Watch: fmt::Debug {
    /// Takes in an event and the hash of the run up to and with it. `details` tells all of the event in words; that takes
    /// its time.
    fn see(&mut self, event: &TraceEvent, so_far: TraceHash, details: &dyn Fn() -> String);
}

/// The trace of a run, and who looks on.
#[derive(Debug)]
pub(crate) struct Trace {
    so_far: TraceHash,
    /// Whether there is a hash at all, or events are counted and no more.
    is_hashed: bool,
    bytes: Bytes,
    watch: Option<Box<dyn Watch>>,
}

impl Trace {
    pub(crate) fn new(is_hashed: bool) -> Trace {
        Trace {
            so_far: TraceHash::default(),
            is_hashed,
            bytes: Bytes::default(),
            watch: None,
        }
    }

    /// # Panics
    /// If there is no hash to be shown.
    pub(crate) fn set_watch(&mut self, watch: Box<dyn Watch>) {
        assert!(self.is_hashed, "whoever looks on sees the hash too");
        self.watch = Some(watch);
    }

    /// Takes in an event, and all that there is to be told of it. What it was is asked only where it is hashed.
    pub(crate) fn note(&mut self, event: impl FnOnce() -> TraceEvent, more: &(impl Hash + fmt::Debug)) {
        self.so_far.events += 1;
        if !self.is_hashed {
            return;
        }
        let event = event();
        self.bytes.0.clear();
        self.bytes.write_u64(event.at.as_nanos());
        self.bytes.write_u8(event.what.code());
        event.node.hash(&mut self.bytes);
        event.peer.hash(&mut self.bytes);
        more.hash(&mut self.bytes);
        self.so_far.hash = xxh3_64_with_seed(&self.bytes.0, self.so_far.hash);
        if let Some(watch) = &mut self.watch {
            watch.see(&event, self.so_far, &|| format!("{more:?}"));
        }
    }

    pub(crate) fn so_far(&self) -> Option<TraceHash> {
        self.is_hashed.then_some(self.so_far)
    }

    pub(crate) fn event_count(&self) -> u64 {
        self.so_far.events
    }
}

/// Collects what is hashed, whole, so that the hash does not depend on how a hasher cuts its input.
#[derive(Debug, Default)]
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    // Most of what is hashed are numbers. Of a known width they are stored, and not copied by a call.
    fn write_u8(&mut self, number: u8) {
        self.0.push(number);
    }

    fn write_u16(&mut self, number: u16) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn write_u32(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn write_u64(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// Lengths and the places of nodes are small, and so is what tells the variants of an enum apart.
    fn write_usize(&mut self, number: usize) {
        match u8::try_from(number) {
            Ok(small) if small < u8::MAX => self.write_u8(small),
            _ => {
                self.write_u8(u8::MAX);
                self.write_u64(number as u64);
            }
        }
    }

    fn write_isize(&mut self, number: isize) {
        self.write_usize(number.cast_unsigned());
    }

    fn finish(&self) -> u64 {
        unreachable!("only collected")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(what: &impl Hash) -> Vec<u8> {
        let mut bytes = Bytes::default();
        what.hash(&mut bytes);
        bytes.0
    }

    #[test]
    fn numbers_differ_in_what_is_hashed_whatever_follows_them() {
        let numbers = [0, 1, 253, 254, 255, 256, usize::MAX];
        let all: Vec<_> = numbers.iter().flat_map(|a| numbers.map(|b| bytes(&(*a, b)))).collect();
        for (place, one) in all.iter().enumerate() {
            assert!(all[place + 1..].iter().all(|other| !other.starts_with(one)), "{one:?}");
            assert!(all[..place].iter().all(|other| !other.starts_with(one)), "{one:?}");
        }
    }

    #[test]
    fn whatever_differs_in_two_events_tells_them_apart() {
        let event = TraceEvent {
            at: Time::from_nanos(5),
            what: What::Arrive,
            node: Some(NodeIndex(0)),
            peer: None,
        };
        let (at, what) = (Time::from_nanos(6), What::ArriveOddly);
        let (node, peer) = (Some(NodeIndex(1)), Some(NodeIndex(0)));
        let hash = |event, more: &str| {
            let mut trace = Trace::new(true);
            trace.note(|| event, &more);
            trace.so_far().unwrap().hash
        };
        let hashes = [
            hash(event, "a"),
            hash(event, "b"),
            hash(TraceEvent { at, ..event }, "a"),
            hash(TraceEvent { what, ..event }, "a"),
            hash(TraceEvent { node, ..event }, "a"),
            hash(TraceEvent { peer, ..event }, "a"),
            hash(
                TraceEvent {
                    node: None,
                    peer,
                    ..event
                },
                "a",
            ),
        ];
        let distinct: std::collections::BTreeSet<_> = hashes.iter().collect();
        assert_eq!(distinct.len(), hashes.len(), "{hashes:x?}");
    }
}
