//! The three messages of an exchange, and what each side learns from them.
//!
//! What comes is checked from the outside in: the format and the cluster of the message, the generation, checksums and
//! order of each account in it, and then each fact. An account with any flaw is dropped whole, because the highest
//! version taken in says that nothing below it is lacking; it will come again, from here or from elsewhere.

use std::{cmp::Ordering, fmt};

use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::{Heartbeat, NodeState, Seal, Stamped, by_node::ByNode};
use crate::{ClusterId, Fact, Generation, NodeId, Standing, WallTime, capped};

/// What gossip looks like. Nodes with another one have no part in it.
const GOSSIP_FORMAT: u16 = 1;

/// The most nodes that a node knows of, and that a message tells of: with their accounts in full it is still shorter
/// than the longest frame.
pub const NODES_MAX: usize = 5000;

/// The most facts that a node says of itself at a time: several times as many as there are kinds.
const FACTS_MAX: usize = 64;

/// 2020-01-01T00:00:00Z, in seconds since 1970: no node is older.
const FIRST_START_SECONDS: u64 = 1_577_836_800;

/// A generation that a node may have whatever the clock of who hears of it says.
const GENERATION_ALWAYS: u32 = 1_000_000;

/// What every message begins with, and what is looked at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GossipHead {
    /// What the rest looks like. No more of a message of another format is decoded.
    #[serde(deserialize_with = "known_format")]
    pub format: u16,
    /// The sender's cluster.
    pub cluster: ClusterId,
}

/// How much of a node's state is known: everything of `generation` up to `version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Digest {
    /// Whose state.
    pub node: NodeId,
    /// Of which start.
    pub generation: Generation,
    /// Up to which version; 0 for nothing.
    pub version: u64,
}

/// The part of a node's state that somebody lacks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Delta {
    /// Whose state.
    pub node: NodeId,
    /// Of which start.
    pub generation: Generation,
    /// The heartbeat, whether or not it is what was lacking.
    pub heartbeat: Heartbeat,
    /// Every fact above the version asked from, oldest first.
    #[serde(deserialize_with = "capped::sequence::<FACTS_MAX, _, _>")]
    pub facts: Vec<Stamped>,
}

/// Opens an exchange: what the sender knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GossipSyn {
    /// Looked at before the rest.
    pub head: GossipHead,
    /// A digest for each node that the sender knows of, in order of identity.
    #[serde(deserialize_with = "capped::sequence::<NODES_MAX, _, _>")]
    pub digests: Vec<Digest>,
}

/// Answers it: what the opener lacks, and what the answerer lacks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GossipAck {
    /// Looked at before the rest.
    pub head: GossipHead,
    /// News for the opener.
    #[serde(deserialize_with = "capped::sequence::<NODES_MAX, _, _>")]
    pub deltas: Vec<Delta>,
    /// How far the answerer's knowledge goes, where the opener's goes further.
    #[serde(deserialize_with = "capped::sequence::<NODES_MAX, _, _>")]
    pub wanted: Vec<Digest>,
}

/// Ends it: what the answerer asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GossipAck2 {
    /// Looked at before the rest.
    pub head: GossipHead,
    /// News for the answerer.
    #[serde(deserialize_with = "capped::sequence::<NODES_MAX, _, _>")]
    pub deltas: Vec<Delta>,
}

/// What a delta brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Learned {
    /// Nothing that was not known.
    Nothing,
    /// A sign of life from a known start of the node.
    Heartbeat,
    /// The node's first account, or that of a newer start.
    Start,
    /// This node has said something that it knows nothing of, in this start of its own or in a later one: its disk is older
    /// than what others know of it.
    OwnLater(Generation),
}

/// Why gossip was not listened to. Nothing of it was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    Format,
    Cluster,
    Generation,
    Seal,
    Order,
    TooMany,
}

/// All accounts that a node holds, its own among them.
#[derive(Debug)]
pub(crate) struct Gossip {
    head: GossipHead,
    me: NodeId,
    states: ByNode<NodeState>,
    /// Of every account, in the same places, so that most of an exchange is a walk over a list. That of this node's own may
    /// be behind, until it is needed.
    digests: Vec<Digest>,
    /// What has its version and can't be seen yet, and whether a round has begun since: [`crate::Plant::VersionBeforeFact`].
    late: Vec<(Stamped, bool)>,
    /// Whether checksums are looked at: [`crate::Plant::GossipUnsealed`].
    checks_seals: bool,
    facts_ignored: u64,
}

impl Flaw {
    /// What is wrong, for the log.
    pub(crate) fn why(self) -> &'static str {
        match self {
            Flaw::Format => "its gossip has another format",
            Flaw::Cluster => "it belongs to another cluster",
            Flaw::Generation => "the generation can't be: more starts than seconds",
            Flaw::Seal => "a checksum does not fit",
            Flaw::Order => "the versions are out of order",
            Flaw::TooMany => "as many nodes are known as may be",
        }
    }
}

/// The highest generation that is believed by a node whose wall clock shows `wall`: a start takes more than a second. It
/// is compared with the clock, and never with the generation that was known, which would refuse the restart of a node
/// whose clock was once wrong (CASSANDRA-8113, CASSANDRA-10969). A clock that shows a time before the first node says
/// nothing.
pub(crate) fn generation_max(wall: WallTime) -> Generation {
    let seconds = (wall.as_nanos() / 1_000_000_000).saturating_sub(FIRST_START_SECONDS);
    Generation(u32::try_from(seconds).unwrap_or(u32::MAX).max(GENERATION_ALWAYS))
}

impl Gossip {
    pub(crate) fn new(cluster: ClusterId, me: NodeId, own: NodeState) -> Gossip {
        let format = GOSSIP_FORMAT;
        let mut states = ByNode::new();
        let digests = vec![digest(me, &own)];
        states.insert_at(0, me, own);
        Gossip {
            head: GossipHead { format, cluster },
            me,
            states,
            digests,
            late: Vec::new(),
            checks_seals: true,
            facts_ignored: 0,
        }
    }

    /// This node's own account, to be changed.
    pub(crate) fn own(&mut self) -> &mut NodeState {
        self.states.get_mut(self.me).expect("a node knows itself")
    }

    /// Looks at no checksum any more: [`crate::Plant::GossipUnsealed`].
    pub(crate) fn believe_all(&mut self) {
        self.checks_seals = false;
    }

    /// Gives what this node says its version, and shows it after the next round: [`crate::Plant::VersionBeforeFact`].
    pub(crate) fn say_late(&mut self, fact: Fact) {
        let own = self.own();
        let stamped = own.stamp(fact);
        own.beat_above(stamped.version);
        self.late.push((stamped, false));
    }

    /// Shows what had its version before the last round began.
    pub(crate) fn show_late(&mut self) {
        for (stamped, is_over) in std::mem::take(&mut self.late) {
            if is_over {
                self.own().take(stamped);
            } else {
                self.late.push((stamped, true));
            }
        }
    }

    /// Forgets all that a node has said.
    pub(crate) fn forget(&mut self, node: NodeId) {
        if node != self.me {
            self.states.remove(node);
            self.digests.retain(|digest| digest.node != node);
        }
    }

    /// Checks what a message begins with, before the rest of it is looked at.
    pub(crate) fn check(&self, head: GossipHead) -> Result<(), Flaw> {
        match head {
            GossipHead { format, .. } if format != self.head.format => Err(Flaw::Format),
            GossipHead { cluster, .. } if cluster != self.head.cluster => Err(Flaw::Cluster),
            _ => Ok(()),
        }
    }

    /// Takes in one delta. A node's own account is nobody else's to change.
    pub(crate) fn learn(&mut self, delta: Delta, generation_max: Generation) -> Result<Learned, Flaw> {
        match delta.check(generation_max) {
            Err(Flaw::Seal) if !self.checks_seals => delta.check_order()?,
            checked => checked?,
        }
        if delta.node == self.me {
            return self.learn_of_own(&delta, generation_max);
        }
        let place = self.states.place(delta.node);
        let known = place.ok().map(|place| self.digests[place].generation);
        if known > Some(delta.generation) {
            return Ok(Learned::Nothing);
        }
        if known.is_none() && self.states.len() >= NODES_MAX {
            return Err(Flaw::TooMany);
        }
        let is_start = known != Some(delta.generation);
        let (Ok(place) | Err(place)) = place;
        if is_start {
            self.begin(place, &delta, known.is_some());
        }
        let state = self.states.at_mut(place);
        let is_alive = state.take_heartbeat(delta.heartbeat);
        for stamped in delta.facts {
            if stamped.fact.is_legal() {
                state.take(stamped);
            } else {
                self.facts_ignored += 1;
            }
        }
        self.digests[place] = digest(delta.node, state);
        Ok(match (is_start, is_alive) {
            (true, _) => Learned::Start,
            (false, true) => Learned::Heartbeat,
            (false, false) => Learned::Nothing,
        })
    }

    /// What others have heard of this node. Only what is sealed counts, and so no digest; and the last generation that is
    /// believed at all has none above it that would be.
    fn learn_of_own(&self, delta: &Delta, generation_max: Generation) -> Result<Learned, Flaw> {
        let own = self.states.get(self.me).expect("a node knows itself");
        if (delta.generation, delta.version()) <= (own.generation, own.version()) {
            return Ok(Learned::Nothing);
        }
        if delta.generation >= generation_max {
            return Err(Flaw::Generation);
        }
        Ok(Learned::OwnLater(delta.generation))
    }

    /// Says again all that this node says of itself, as of another start.
    pub(crate) fn begin_own(&mut self, generation: Generation) {
        let again = self.own().again(generation);
        *self.own() = again;
        self.note_own();
    }

    /// Makes room for what a start of a node says of itself.
    fn begin(&mut self, place: usize, delta: &Delta, is_known: bool) {
        let state = NodeState::new(delta.node, delta.generation);
        if is_known {
            *self.states.at_mut(place) = state;
        } else {
            self.digests.insert(place, digest(delta.node, &state));
            self.states.insert_at(place, delta.node, state);
        }
    }

    /// How many facts were not taken in because no node may say them.
    pub(crate) fn facts_ignored(&self) -> u64 {
        self.facts_ignored
    }

    pub(crate) fn syn(&mut self) -> GossipSyn {
        self.note_own();
        GossipSyn {
            head: self.head,
            digests: self.digests.clone(),
        }
    }

    /// The answer to a syn. What it says of generations that can't be is ignored.
    pub(crate) fn answer(&mut self, syn: &GossipSyn, generation_max: Generation) -> Result<GossipAck, Flaw> {
        self.check(syn.head)?;
        if !syn.digests.is_sorted_by(|one, next| one.node < next.node) {
            return Err(Flaw::Order);
        }
        self.note_own();
        let mut ack = GossipAck {
            head: self.head,
            deltas: Vec::new(),
            wanted: Vec::new(),
        };
        let believed = |digest: &&Digest| digest.generation <= generation_max;
        let mut theirs = syn.digests.iter().filter(believed).peekable();
        let mut ours = self.digests.iter().zip(0..).peekable();
        loop {
            let order = match (ours.peek(), theirs.peek()) {
                (Some((our, _)), Some(their)) => our.node.cmp(&their.node),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return Ok(ack),
            };
            let our = ours.next_if(|_| order.is_le());
            let their = theirs.next_if(|_| order.is_ge());
            match (our, their) {
                (Some((our, place)), their) if lacks(their, our) => ack.deltas.push(self.delta_of(place, their)),
                (our, Some(their)) => {
                    let our = our.map(|(our, _)| our);
                    if lacks(our, their) {
                        ack.wanted.push(wanted(our, their));
                    }
                }
                _ => {}
            }
        }
    }

    /// The closing message, if anything was asked for.
    pub(crate) fn close(&self, wanted: &[Digest]) -> Option<GossipAck2> {
        let deltas: Vec<_> = wanted
            .iter()
            .filter_map(|digest| {
                let place = self.states.place(digest.node).ok()?;
                let ours = self.digest_at(place);
                lacks(Some(digest), &ours).then(|| self.delta_of(place, Some(digest)))
            })
            .collect();
        (!deltas.is_empty()).then_some(GossipAck2 {
            head: self.head,
            deltas,
        })
    }

    pub(crate) fn states(&self) -> impl Iterator<Item = (NodeId, &NodeState)> {
        self.states.iter()
    }

    /// How many nodes are known, this one among them.
    pub(crate) fn count(&self) -> usize {
        self.states.len()
    }

    pub(crate) fn state(&self, node: NodeId) -> Option<&NodeState> {
        self.states.get(node)
    }

    /// What whoever sent `theirs` lacks of the account at a place; everything, where they know of an older start or of none.
    fn delta_of(&self, place: usize, theirs: Option<&Digest>) -> Delta {
        let Digest { node, generation, .. } = self.digests[place];
        let state = self.states.at(place);
        let from = theirs.filter(|theirs| theirs.generation == generation);
        Delta {
            node,
            generation,
            heartbeat: state.heartbeat(),
            facts: state.facts_above(from.map_or(0, |theirs| theirs.version)).to_vec(),
        }
    }

    fn digest_at(&self, place: usize) -> Digest {
        digest(self.digests[place].node, self.states.at(place))
    }

    fn note_own(&mut self) {
        let place = self.states.place(self.me).expect("a node knows itself");
        self.digests[place] = self.digest_at(place);
    }
}

impl Delta {
    /// The highest version in it.
    fn version(&self) -> u64 {
        let last = self.facts.last().map_or(0, |stamped| stamped.version);
        last.max(self.heartbeat.version)
    }

    /// What it says that the node is to the cluster, if it says so.
    pub(crate) fn standing(&self) -> Option<Standing> {
        self.facts.iter().find_map(|stamped| match stamped.fact {
            Fact::Standing(standing) => Some(standing),
            _ => None,
        })
    }

    /// Checks all that can be wrong with an account as a whole.
    fn check(&self, generation_max: Generation) -> Result<(), Flaw> {
        let Delta { node, generation, .. } = *self;
        if generation > generation_max {
            return Err(Flaw::Generation);
        }
        if self.heartbeat != Heartbeat::new(node, generation, self.heartbeat.version) {
            return Err(Flaw::Seal);
        }
        let fits = |stamped: &Stamped| stamped.seal == Seal::of_fact(node, generation, stamped.version, &stamped.fact);
        if !self.facts.iter().all(fits) {
            return Err(Flaw::Seal);
        }
        self.check_order()
    }

    fn check_order(&self) -> Result<(), Flaw> {
        let versions = || self.facts.iter().map(|stamped| stamped.version);
        if versions().next() == Some(0) || !versions().is_sorted_by(|one, next| one < next) {
            return Err(Flaw::Order);
        }
        Ok(())
    }
}

fn digest(node: NodeId, state: &NodeState) -> Digest {
    Digest {
        node,
        generation: state.generation,
        version: state.version(),
    }
}

/// Whether who knows no more than `known` lacks something of `whole`.
fn lacks(known: Option<&Digest>, whole: &Digest) -> bool {
    let reach = |digest: &Digest| (digest.generation, digest.version);
    known.is_none_or(|known| reach(known) < reach(whole)) && whole.version > 0
}

/// How far our knowledge goes, to ask for what `theirs` has beyond it.
fn wanted(ours: Option<&Digest>, theirs: &Digest) -> Digest {
    let ours = ours.filter(|ours| ours.generation == theirs.generation);
    Digest {
        version: ours.map_or(0, |ours| ours.version),
        ..*theirs
    }
}

fn known_format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    match u16::deserialize(deserializer)? {
        GOSSIP_FORMAT => Ok(GOSSIP_FORMAT),
        other => Err(D::Error::custom(UnknownFormat(other))),
    }
}

struct UnknownFormat(u16);

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gossip of format {}, not {GOSSIP_FORMAT}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTER: ClusterId = ClusterId(7);
    const MAX: Generation = Generation(GENERATION_ALWAYS);

    fn gossip(node: u64, generation: u32, weight: u16) -> Gossip {
        let node = NodeId(node);
        let mut own = NodeState::new(node, Generation(generation));
        own.say(Fact::Weight(weight));
        Gossip::new(CLUSTER, node, own)
    }

    fn weight(gossip: &Gossip, node: u64) -> Option<u16> {
        gossip.state(NodeId(node)).and_then(NodeState::weight)
    }

    /// What a node says of itself to somebody who knows nothing.
    fn account(gossip: &mut Gossip) -> Delta {
        let place = gossip.states.place(gossip.me).expect("it knows itself");
        gossip.delta_of(place, None)
    }

    fn assert_alike(a: &Gossip, b: &Gossip) {
        assert!(a.states.iter().eq(b.states.iter()), "{a:?} and {b:?}");
        assert_eq!(a.digests, b.digests);
        let digests = a.states.iter().map(|(node, state)| digest(node, state));
        assert_eq!(digests.collect::<Vec<_>>(), a.digests);
    }

    /// A whole exchange, opened by `a`.
    fn exchange(a: &mut Gossip, b: &mut Gossip) {
        let ack = b.answer(&a.syn(), MAX).expect("one cluster");
        ack.deltas.into_iter().for_each(|delta| {
            a.learn(delta, MAX).expect("it is whole");
        });
        if let Some(ack2) = a.close(&ack.wanted) {
            ack2.deltas.into_iter().for_each(|delta| {
                b.learn(delta, MAX).expect("it is whole");
            });
        }
    }

    #[test]
    fn after_an_exchange_both_know_all_that_either_knew() {
        let (mut a, mut b, mut c) = (gossip(1, 1, 10), gossip(2, 1, 20), gossip(3, 1, 30));
        exchange(&mut a, &mut b);
        exchange(&mut c, &mut b);
        exchange(&mut a, &mut c);
        assert_alike(&a, &c);
        assert_eq!(a.states.len(), 3);
        let ack = a.answer(&c.syn(), MAX).expect("one cluster");
        assert_eq!((ack.deltas, ack.wanted), (vec![], vec![]));
    }

    /// Each way round, over every pair of what two may know of a third: nothing, or one of two starts up to one of two
    /// versions.
    #[test]
    fn who_is_behind_catches_up_whoever_opens() {
        let accounts = || [None, Some((1, 1)), Some((1, 2)), Some((2, 1)), Some((2, 2))];
        let knows = |node: u64, known: Option<(u32, u16)>| {
            let mut knower = gossip(node, 1, 1);
            if let Some((generation, version)) = known {
                let mut third = gossip(5, generation, generation as u16 * 10);
                (1..version).for_each(|_| third.own().beat());
                knower.learn(account(&mut third), MAX).expect("it is whole");
            }
            knower
        };
        for (one, other) in accounts()
            .into_iter()
            .flat_map(|one| accounts().map(|other| (one, other)))
        {
            for (a, b) in [(1, 9), (9, 1)] {
                let (mut a, mut b) = (knows(a, one), knows(b, other));
                exchange(&mut a, &mut b);
                assert_alike(&a, &b);
                let latest = one.max(other).map(|(generation, _)| generation as u16 * 10);
                assert_eq!(weight(&a, 5), latest, "{one:?} and {other:?}");
            }
        }
    }

    #[test]
    fn a_newer_start_replaces_an_older_one_and_is_never_replaced_by_it() {
        let (mut a, mut old, mut new) = (gossip(1, 1, 10), gossip(2, 1, 20), gossip(2, 2, 21));
        old.own().beat();
        old.own().beat();
        exchange(&mut a, &mut old);
        exchange(&mut a, &mut new);
        assert_eq!(weight(&a, 2), Some(21));
        exchange(&mut old, &mut a);
        assert_eq!(weight(&a, 2), Some(21));
    }

    #[test]
    fn a_heartbeat_is_a_sign_of_life_once() {
        let (mut a, mut b) = (gossip(1, 1, 10), gossip(2, 1, 20));
        exchange(&mut a, &mut b);
        b.own().beat();
        let delta = b.answer(&a.syn(), MAX).expect("one cluster").deltas.remove(0);
        assert!(delta.facts.is_empty());
        assert_eq!(a.learn(delta.clone(), MAX), Ok(Learned::Heartbeat));
        assert_eq!(a.learn(delta, MAX), Ok(Learned::Nothing));
    }

    #[test]
    fn another_cluster_and_another_format_are_not_answered() {
        let mut a = gossip(1, 1, 10);
        let other = NodeState::new(NodeId(2), Generation(1));
        let syn = Gossip::new(ClusterId(8), NodeId(2), other).syn();
        assert_eq!(a.answer(&syn, MAX), Err(Flaw::Cluster));
        let mut syn = gossip(2, 1, 20).syn();
        syn.head.format += 1;
        assert_eq!(a.answer(&syn, MAX), Err(Flaw::Format));
        assert_eq!(a.states.len(), 1);
    }

    /// As single bits flipped in each part of an account would have it, taken from the node itself or from one that
    /// passes it on.
    #[test]
    fn what_does_not_fit_its_checksum_is_not_taken_in() {
        let mut b = gossip(2, 1, 20);
        b.own().beat();
        let whole = account(&mut b);
        let spoilt = |spoil: fn(&mut Delta)| {
            let mut delta = whole.clone();
            spoil(&mut delta);
            delta
        };
        for (part, delta) in [
            ("node", spoilt(|delta| delta.node.0 ^= 1)),
            ("generation", spoilt(|delta| delta.generation.0 ^= 2)),
            ("heartbeat", spoilt(|delta| delta.heartbeat.version ^= 1 << 60)),
            ("seal of the heartbeat", spoilt(|delta| delta.heartbeat.seal.0 ^= 1)),
            ("version", spoilt(|delta| delta.facts[0].version ^= 1 << 60)),
            ("fact", spoilt(|delta| delta.facts[0].fact = Fact::Weight(21))),
            ("seal of the fact", spoilt(|delta| delta.facts[0].seal.0 ^= 1)),
        ] {
            let mut a = gossip(1, 1, 10);
            assert_eq!(a.learn(delta, MAX), Err(Flaw::Seal), "{part}");
            assert_eq!((a.states.len(), a.digests.len()), (1, 1), "{part}");
            // It is not taken for known either, so that it still comes from elsewhere.
            exchange(&mut a, &mut b);
            assert_eq!(weight(&a, 2), Some(20), "{part}");
        }
    }

    #[test]
    fn versions_out_of_order_are_refused() {
        let mut b = gossip(2, 1, 20);
        b.own().say(Fact::Name("b".to_owned()));
        let mut reversed = account(&mut b);
        reversed.facts.reverse();
        let mut zero = account(&mut b);
        zero.facts[0].version = 0;
        zero.facts[0].seal = Seal::of_fact(NodeId(2), Generation(1), 0, &zero.facts[0].fact);
        let mut a = gossip(1, 1, 10);
        assert_eq!(a.learn(reversed, MAX), Err(Flaw::Order));
        assert_eq!(a.learn(zero, MAX), Err(Flaw::Order));
        let mut syn = gossip(0, 1, 1).syn();
        syn.digests = vec![syn.digests[0], syn.digests[0]];
        assert_eq!(a.answer(&syn, MAX), Err(Flaw::Order));
    }

    /// Nobody but an owner can have made this: its own build is wrong. The rest of what it says is of use.
    #[test]
    fn illegal_facts_are_ignored_and_others_beside_them_are_not() {
        let (node, generation) = (NodeId(2), Generation(1));
        let stamped = |version, fact| {
            let seal = Seal::of_fact(node, generation, version, &fact);
            Stamped { version, fact, seal }
        };
        let delta = Delta {
            node,
            generation,
            heartbeat: Heartbeat::new(node, generation, 3),
            facts: vec![stamped(1, Fact::Weight(0)), stamped(2, Fact::Name("b".to_owned()))],
        };
        let mut a = gossip(1, 1, 10);
        assert_eq!(a.learn(delta, MAX), Ok(Learned::Start));
        assert_eq!(
            (weight(&a, 2), a.state(node).and_then(NodeState::name)),
            (None, Some("b"))
        );
        assert_eq!(a.facts_ignored(), 1);
    }

    #[test]
    fn nobody_else_speaks_for_a_node() {
        let mut a = gossip(1, 2, 10);
        a.own().beat();
        let mut earlier = gossip(1, 2, 11);
        assert_eq!(a.learn(account(&mut earlier), MAX), Ok(Learned::Nothing));
        // More than it has said: another process has had this generation.
        (0..3).for_each(|_| earlier.own().beat());
        let later = Ok(Learned::OwnLater(Generation(2)));
        assert_eq!(a.learn(account(&mut earlier), MAX), later);
        let later = Ok(Learned::OwnLater(Generation(3)));
        assert_eq!(a.learn(account(&mut gossip(1, 3, 11)), MAX), later);
        assert_eq!(weight(&a, 1), Some(10));
    }

    #[test]
    fn a_node_is_told_of_its_later_starts_by_whoever_knows_them_and_believes_only_their_seals() {
        let mut a = gossip(1, 2, 10);
        let mut b = gossip(2, 1, 20);
        assert_eq!(b.learn(account(&mut gossip(1, 5, 11)), MAX), Ok(Learned::Start));
        // Whichever of the two begins.
        let told = b.answer(&a.syn(), MAX).expect("one cluster").deltas;
        let own = |deltas: Vec<Delta>| deltas.into_iter().find(|delta| delta.node == NodeId(1));
        let told = own(told).expect("it is behind");
        let wanted = a.answer(&b.syn(), MAX).expect("one cluster").wanted;
        assert_eq!(own(b.close(&wanted).expect("it asks").deltas), Some(told.clone()));
        let spoilt = Delta {
            generation: Generation(7),
            ..told.clone()
        };
        assert_eq!(a.learn(spoilt, MAX), Err(Flaw::Seal));
        assert_eq!(a.learn(told, MAX), Ok(Learned::OwnLater(Generation(5))));
        a.begin_own(Generation(6));
        exchange(&mut a, &mut b);
        let state = b.state(NodeId(1)).expect("it is known");
        assert_eq!((state.generation, state.weight()), (Generation(6), Some(10)));
    }

    /// One that is poisoned as far as is believed has none above it: nobody would believe that.
    #[test]
    fn the_last_generation_that_is_believed_is_not_gone_beyond() {
        let mut a = gossip(1, 2, 10);
        let last = account(&mut gossip(1, MAX.0, 66));
        assert_eq!(a.learn(last.clone(), MAX), Err(Flaw::Generation));
        assert_eq!(a.learn(last, Generation(MAX.0 + 1)), Ok(Learned::OwnLater(MAX)));
    }

    /// An absurd generation is neither believed nor asked for, and does not hide what is known of its node.
    #[test]
    fn an_absurd_generation_poisons_nobody() {
        let (mut a, mut b) = (gossip(1, 1, 10), gossip(2, 1, 20));
        exchange(&mut a, &mut b);
        let mut absurd = gossip(2, GENERATION_ALWAYS + 1, 66);
        assert_eq!(a.learn(account(&mut absurd), MAX), Err(Flaw::Generation));
        let ack = a.answer(&absurd.syn(), MAX).expect("one cluster");
        assert_eq!(ack.wanted, vec![]);
        assert!(
            ack.deltas.iter().any(|delta| delta.node == NodeId(2)),
            "its true account is told"
        );
        assert_eq!(weight(&a, 2), Some(20));
        assert_eq!(
            a.learn(account(&mut gossip(2, 2, 21)), MAX),
            Ok(Learned::Start),
            "it starts again"
        );
    }

    /// What matters is the clock of who hears of it: not what was known before, and not for how long the cluster has run.
    #[test]
    fn a_generation_is_absurd_if_it_is_more_starts_than_seconds() {
        let at = |seconds: u64| generation_max(WallTime::from_nanos(seconds * 1_000_000_000)).0;
        assert_eq!(at(0), GENERATION_ALWAYS);
        assert_eq!(at(FIRST_START_SECONDS + 1), GENERATION_ALWAYS);
        assert_eq!(at(FIRST_START_SECONDS + 200_000_000), 200_000_000);
        assert_eq!(at(u64::MAX / 1_000_000_000), u32::MAX);
        let mut a = gossip(1, 1, 10);
        let later = generation_max(WallTime::from_nanos(1_800_000_000_000_000_000));
        for generation in [1, 1_000_000, 222_163_199, 222_163_200] {
            let learned = a.learn(account(&mut gossip(2, generation, 20)), later);
            assert_eq!(learned, Ok(Learned::Start), "{generation}");
        }
        let learned = a.learn(account(&mut gossip(2, 222_163_201, 20)), later);
        assert_eq!(learned, Err(Flaw::Generation));
    }

    #[test]
    fn there_is_an_end_to_the_nodes_that_are_known() {
        let mut a = gossip(0, 1, 10);
        for node in 1..NODES_MAX as u64 {
            assert_eq!(a.learn(account(&mut gossip(node, 1, 1)), MAX), Ok(Learned::Start));
        }
        assert_eq!(a.learn(account(&mut gossip(u64::MAX, 1, 1)), MAX), Err(Flaw::TooMany));
        assert_eq!(a.learn(account(&mut gossip(1, 2, 1)), MAX), Ok(Learned::Start));
        assert_eq!(a.count(), NODES_MAX);
    }
}
