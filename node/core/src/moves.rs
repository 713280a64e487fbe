//! Moving partitions: who proposes a change of owners, how the newcomer gets what there is, and when the one that is
//! left out forgets it.
//!
//! The node that gains a partition drives the change, one newcomer to a partition at a time:
//!
//! ```text
//!   placed on me, not mine ──propose──▶ ReadOld ──copy from a quorum of owners──▶ ReadBoth ──▶ ReadNew ──▶ Stable
//! ```
//!
//! Copying is anti-entropy with as many owners as `step_level` says, each of which goes by the record already and
//! refuses writes under the one before: so whatever was acknowledged then is with one of them (NODE.md, A5). If the
//! driver is gone, the first of the others that is there gives the change up, or, past the point of no return, ends it.
//!
//! Who holds a partition no more gives what it has to as many of the owners, and only then drops it (A6). Everything is
//! resumed from the records and from what is held: no list of work to do is kept.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Epoch, Event, Fact, Hint, Node, NodeId, Now, Output, Owner, Ownership, PartitionId, Phase, Plant, Replication,
    Ring, Standing, StoreOp, timers::Timer,
};

/// Partitions that a node moves to itself at a time: enough to fill a round trip, few enough that clients, whose
/// writes are doubled meanwhile, hardly notice.
const MOVES_MAX: usize = 32;

/// How often a node looks for something to move, in gossip intervals.
const INTERVALS: u32 = 1;

/// Hints for those who don't own their key any more that are handed on at a time.
const HINTS_HANDED_ON_MAX: usize = 64;

/// What this node copies, and what it gives away.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    /// By partition that it gains: with whom it has compared to the end, at which epoch.
    copies: BTreeMap<PartitionId, Compared>,
    /// By partition that it holds no more, and still has records of.
    strays: BTreeMap<PartitionId, Compared>,
    is_due: bool,
    /// Whether the last look found nothing to do, and nothing has changed since.
    is_at_rest: bool,
}

#[derive(Debug)]
struct Compared {
    epoch: Epoch,
    with: BTreeSet<NodeId>,
}

impl Compared {
    fn at(epoch: Epoch) -> Compared {
        Compared {
            epoch,
            with: BTreeSet::new(),
        }
    }
}

impl Moves {
    /// Whether there was nothing to gain, to lose or to drop at the last look, and nothing has changed since.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.is_at_rest
    }

    /// Partitions that are held no more, and of which there still are records.
    pub(crate) fn stray_count(&self) -> usize {
        self.strays.len()
    }

    /// Whether a partition is only given away: what others have of it is none of this node's business.
    pub(crate) fn gives_away(&self, partition: PartitionId) -> bool {
        self.strays.contains_key(&partition)
    }
}

impl Node {
    pub(crate) fn set_moves_timer(&mut self, now: crate::Time) {
        self.timers
            .set(now + self.config.gossip_interval * INTERVALS, Timer::Moves);
    }

    pub(crate) fn on_moves_timer(&mut self, now: Now) {
        self.set_moves_timer(now.time);
        self.look_for_moves(now);
    }

    /// Looks for something to do as soon as what is being handled is over.
    pub(crate) fn look_for_moves_soon(&mut self) {
        if !self.moves.is_due {
            self.moves.is_due = true;
            self.timers.set(self.present, Timer::MovesSoon);
        }
    }

    /// Owners have changed, here durably.
    pub(crate) fn on_moves_changed(&mut self) {
        self.moves.is_at_rest = false;
        self.look_for_moves_soon();
    }

    pub(crate) fn on_moves_soon(&mut self, now: Now) {
        self.moves.is_due = false;
        self.look_for_moves(now);
    }

    fn look_for_moves(&mut self, now: Now) {
        if self.topology.is_none() || self.is_banned() || self.moves.is_at_rest {
            return;
        }
        self.review_standing(now);
        self.hand_on_hints(now);
        self.note_strays();
        let moving: Vec<_> = self.topology().moving().iter().copied().collect();
        for partition in moving {
            self.drive(now, partition);
        }
        self.begin_moves(now);
        self.compare_for_moves(now);
        self.moves.is_at_rest = self.has_nothing_to_move();
    }

    /// Whether only a change of owners or members can give this node something to move.
    fn has_nothing_to_move(&self) -> bool {
        let Moves { copies, strays, .. } = &self.moves;
        let is_settled = matches!(self.standing, Standing::Normal | Standing::Left);
        let banned_are_hinted = self.handoff.targets().any(|node| self.roster.banned.contains(&node));
        is_settled
            && !banned_are_hinted
            && copies.is_empty()
            && strays.is_empty()
            && self.topology().moving().is_empty()
            && self.gain_count() == 0
            && self.loss_count() == 0
    }

    /// Takes a change of owners a step further, if that is up to this node and can be done.
    fn drive(&mut self, now: Now, partition: PartitionId) {
        let ownership = self.topology().ownership(partition).clone();
        if !ownership.is_moving() || self.agreements.is_proposing(partition) {
            return;
        }
        let own = self.config.node;
        let driver = ownership
            .added()
            .next()
            .or(ownership.next.first().map(|owner| owner.node));
        if driver == Some(own) {
            let is_wanted = self.is_placed_on_me(partition) || !ownership.can_be_given_up();
            if !is_wanted {
                self.propose(now, ownership.give_up());
            } else if ownership.phase != Phase::ReadOld {
                self.propose(now, ownership.advance());
            } else if self.has_copied(&ownership) {
                let copied = self.moves.copies.get(&partition);
                let with = copied.filter(|copied| copied.epoch == ownership.epoch);
                self.output(Output::Event(Event::PartitionCopied {
                    partition,
                    epoch: ownership.epoch,
                    with: with.iter().flat_map(|copied| &copied.with).copied().collect(),
                }));
                self.propose(now, ownership.advance());
            }
        } else if driver.is_none_or(|driver| self.has_left(driver)) && self.is_next_in_line(&ownership, driver) {
            let value = if ownership.can_be_given_up() {
                ownership.give_up()
            } else {
                ownership.advance()
            };
            self.propose(now, value);
        }
    }

    /// Whether a node is not there, as far as this one knows: banned, or silent for long and without a link.
    fn has_left(&self, node: NodeId) -> bool {
        self.roster.banned.contains(&node) || !self.is_reachable(node) && !self.detector.is_up(node)
    }

    /// Whether this node is the first to act in a driver's stead, of those it can reach.
    fn is_next_in_line(&self, ownership: &Ownership, driver: Option<NodeId>) -> bool {
        let mut line = ownership.nodes().filter(|node| Some(*node) != driver);
        line.find(|node| self.is_reachable(*node)) == Some(self.config.node)
    }

    fn is_placed_on_me(&self, partition: PartitionId) -> bool {
        let ring = self.topology().ring();
        ring.is_some_and(|ring| ring.owners(partition).contains(&self.config.node))
    }

    /// Whether what owners were acknowledged before the change began is here.
    fn has_copied(&self, ownership: &Ownership) -> bool {
        if self.has_plant(Plant::JoinsEmpty) {
            return true;
        }
        let copied = self.moves.copies.get(&ownership.partition);
        let Some(copied) = copied.filter(|copied| copied.epoch == ownership.epoch) else {
            return ownership.owners.is_empty();
        };
        if self.has_plant(Plant::CopiesFromOne) {
            return !copied.with.is_empty();
        }
        self.is_quorum_of(&ownership.owners, |node| copied.with.contains(&node))
    }

    /// Proposes to take over partitions that are placed on this node and not its own.
    fn begin_moves(&mut self, now: Now) {
        let own = self.config.node;
        let topology = self.topology();
        let Some(ring) = topology.ring().filter(|ring| ring.member(own).is_some()) else {
            return;
        };
        let under_way = topology.moving().iter().filter(|partition| {
            let ownership = topology.ownership(**partition);
            ownership.added().any(|node| node == own)
        });
        let room = MOVES_MAX.saturating_sub(under_way.count() + self.agreements.count());
        let gained = ring.owned_by(own).filter_map(|partition| {
            let ownership = topology.ownership(partition);
            let is_free = !ownership.is_moving() && !self.agreements.is_proposing(partition);
            if !is_free || ownership.is_owner(own) {
                return None;
            }
            Some(ownership.begin(self.owners_with_me(ring, ownership)?))
        });
        let values: Vec<_> = gained.take(room).collect();
        for value in values {
            self.propose(now, value);
        }
    }

    /// The owners of a partition with this node in the place of one that it is not placed on any more, or beside them
    /// where there are too few. `None` if it has to wait for another's change.
    fn owners_with_me(&self, ring: &Ring, ownership: &Ownership) -> Option<Vec<Owner>> {
        let me = Owner {
            node: self.config.node,
            dc: self.config.dc.clone(),
        };
        let placed = ring.owners(ownership.partition);
        // Where data centers are counted apart, nobody takes the place of an owner in another.
        let is_of_group = |dc: &crate::Name| match self.config.ring.replication {
            Replication::Simple(_) => true,
            Replication::PerDc(_) => *dc == me.dc,
        };
        let misplaced = ownership
            .owners
            .iter()
            .filter(|owner| is_of_group(&owner.dc) && !placed.contains(&owner.node));
        // Those who are gone first: as long as they count, a quorum needs the others.
        let replaced = misplaced.min_by_key(|owner| {
            let is_banned = self.roster.banned.contains(&owner.node);
            (!is_banned, self.is_reachable(owner.node), owner.node)
        });
        let count = |nodes: &mut dyn Iterator<Item = &crate::Name>| nodes.filter(|dc| is_of_group(dc)).count();
        let mut next = ownership.owners.clone();
        match replaced {
            Some(replaced) => next.retain(|owner| owner.node != replaced.node),
            None => {
                let dcs = placed.iter().filter_map(|node| ring.dc_of(*node));
                let has_room = count(&mut ownership.owners.iter().map(|owner| &owner.dc)) < count(&mut { dcs });
                if !has_room {
                    return None;
                }
            }
        }
        next.push(me);
        let rank = |owner: &Owner| placed.iter().position(|node| *node == owner.node);
        next.sort_by_key(|owner| rank(owner).unwrap_or(usize::MAX));
        Some(next)
    }

    /// Takes note of partitions that are held no more, and of which there are records; and of those that are copied.
    fn note_strays(&mut self) {
        let own = self.config.node;
        let topology = self.topology.as_ref().expect("the caller has looked");
        let Moves { copies, strays, .. } = &mut self.moves;
        for ownership in topology.ownerships() {
            let partition = ownership.partition;
            let is_stray = !ownership.holds(own) && !self.anti_entropy.tree(partition).is_empty();
            let is_copied = ownership.phase == Phase::ReadOld && ownership.added().any(|node| node == own);
            for (is_it, compared) in [(is_stray, &mut *strays), (is_copied, &mut *copies)] {
                if !is_it {
                    compared.remove(&partition);
                } else if compared.get(&partition).is_none_or(|at| at.epoch != ownership.epoch) {
                    compared.insert(partition, Compared::at(ownership.epoch));
                }
            }
        }
    }

    /// Compares what is to be copied and what is to be given away with those who have not been compared with.
    fn compare_for_moves(&mut self, now: Now) {
        if self.anti_entropy.is_moving() {
            return;
        }
        let mut stops: BTreeMap<NodeId, Vec<PartitionId>> = BTreeMap::new();
        let topology = self.topology.as_ref().expect("the caller has looked");
        for (partition, compared) in self.moves.copies.iter().chain(&self.moves.strays) {
            let ownership = topology.ownership(*partition);
            let others = ownership.settled().iter().map(|owner| owner.node);
            let left = others.filter(|node| *node != self.config.node && !compared.with.contains(node));
            for node in left.filter(|node| self.links.contains(node)) {
                stops.entry(node).or_default().push(*partition);
            }
        }
        if !stops.is_empty() {
            self.begin_move_tour(now.time, stops);
        }
    }

    /// A comparison of a partition with a peer came to its end: whatever either had when it began, at this epoch, the
    /// other has now.
    pub(crate) fn on_partition_compared(&mut self, now: Now, peer: NodeId, partition: PartitionId, epoch: Epoch) {
        let Moves { copies, strays, .. } = &mut self.moves;
        if strays.contains_key(&partition) && self.journal.changes(partition) {
            return; // What is on its way to the disk was not compared: it is compared once more.
        }
        let compared = copies.get_mut(&partition).or_else(|| strays.get_mut(&partition));
        let Some(compared) = compared.filter(|compared| compared.epoch == epoch) else {
            return;
        };
        compared.with.insert(peer);
        if self.moves.copies.contains_key(&partition) {
            self.drive(now, partition);
        } else {
            self.drop_stray_if_safe(now, partition);
        }
    }

    /// Drops what is left of a partition that is held no more, once a quorum of those who hold it has it all.
    fn drop_stray_if_safe(&mut self, now: Now, partition: PartitionId) {
        let ownership = self.topology().ownership(partition);
        let compared = &self.moves.strays[&partition];
        let is_settled = compared.epoch == ownership.epoch && !ownership.holds(self.config.node);
        let is_safe = self.is_quorum_of(ownership.settled(), |node| compared.with.contains(&node));
        if !is_settled || !is_safe && !self.has_plant(Plant::DroppedBeforeProof) || self.journal.changes(partition) {
            return;
        }
        let Ok(summaries) = self.store.summaries(partition) else {
            return;
        };
        let (epoch, with) = (compared.epoch, compared.with.iter().copied().collect());
        let mut dropped = 0;
        for (key, _) in summaries.entries {
            if let Ok(Some(record)) = self.read_local(now, &key) {
                self.stage(&key, None, Some(&record));
                dropped += 1;
            }
        }
        for key in summaries.damaged {
            self.journal.stage_record(partition, &key, None, 0);
            self.mends.forget(&key);
        }
        self.anti_entropy.distrust([partition].into_iter());
        self.moves.strays.remove(&partition);
        self.counters.partitions_dropped += 1;
        self.output(Output::Event(Event::PartitionDropped {
            partition,
            epoch,
            with,
            records: dropped,
        }));
    }

    /// Hands on hints for those who were banned to those who hold the keys.
    fn hand_on_hints(&mut self, now: Now) {
        let banned = self.handoff.targets().filter(|node| self.roster.banned.contains(node));
        let banned: Vec<_> = banned.collect();
        for node in banned {
            let hints = self.store.hints(node, None, HINTS_HANDED_ON_MAX);
            for hint in hints.unwrap_or_default() {
                if self.handoff.is_settled(node, &hint.id()) {
                    self.hand_on_hint(now, &hint);
                }
            }
        }
    }

    /// Keeps a hint for those who hold its key, in the place of one for who does not.
    pub(crate) fn hand_on_hint(&mut self, now: Now, hint: &Hint) {
        let topology = self.topology();
        let holders: Vec<_> = topology.ownership(topology.partition(&hint.key)).nodes().collect();
        let was = (hint.target, hint.id());
        let mut all_kept = true;
        for target in holders {
            let kept = self.keep_hint(Hint { target, ..hint.clone() });
            all_kept &= kept != crate::handoff::Kept::Refused;
        }
        if all_kept {
            self.drop_hint(was.0, was.1);
        }
        self.set_handoff_timer(now.time);
    }

    /// Whether a hint is for who holds its key no more.
    pub(crate) fn is_misdirected(&self, hint: &Hint) -> bool {
        let topology = self.topology();
        !topology.ownership(topology.partition(&hint.key)).holds(hint.target)
    }
}

impl Node {
    /// How many partitions are placed on this node that it does not own yet.
    pub(crate) fn gain_count(&self) -> usize {
        let Some(ring) = self.topology.as_ref().and_then(|topology| topology.ring()) else {
            return 0;
        };
        let own = self.config.node;
        let lacks = |partition: &PartitionId| !self.topology().ownership(*partition).is_owner(own);
        ring.owned_by(own).filter(lacks).count()
    }

    /// How many partitions this node holds that are not placed on it.
    pub(crate) fn loss_count(&self) -> usize {
        let Some(topology) = &self.topology else {
            return 0;
        };
        let own = self.config.node;
        let is_misplaced = |ownership: &&Ownership| {
            let placed = topology.ring().map(|ring| ring.owners(ownership.partition));
            ownership.holds(own) && !placed.is_some_and(|placed| placed.contains(&own))
        };
        topology.ownerships().filter(is_misplaced).count()
    }

    /// Goes on from one standing to the next, where what it waits for has come about.
    fn review_standing(&mut self, now: Now) {
        let standing = self.standing;
        let next = match standing {
            Standing::Waiting if self.may_join(now) => Standing::Joining,
            Standing::Joining if self.gain_count() == 0 => Standing::Normal,
            Standing::Leaving if self.has_nothing_left() => Standing::Left,
            Standing::Leaving if self.has_to_stay() => Standing::Normal,
            standing => standing,
        };
        if next != standing {
            self.set_standing(next);
        }
    }

    /// Whether too many want to leave at once, each of which alone could, and of those it is this one that stays: nobody
    /// is asked for leave, so that it shows only afterwards.
    fn has_to_stay(&self) -> bool {
        let leaving = self.roster.members.values().filter(|enrolled| {
            let is_of_group = match self.config.ring.replication {
                Replication::Simple(_) => true,
                Replication::PerDc(_) => enrolled.member.dc == self.config.dc,
            };
            enrolled.standing == Standing::Leaving && is_of_group
        });
        let first = leaving.map(|enrolled| enrolled.member.node).min();
        first == Some(self.config.node) && self.why_not_do_without(self.config.node).is_some()
    }

    /// Whether this node leaves and holds nothing any more: it takes no more requests, so that those it has come to their
    /// end, hints and all, before others refuse to hear of it.
    pub(crate) fn is_going(&self) -> bool {
        let own = self.config.node;
        let leaves = matches!(self.standing, Standing::Leaving | Standing::Left);
        let mut ownerships = self.topology.iter().flat_map(|topology| topology.ownerships());
        leaves && !ownerships.any(|ownership| ownership.holds(own))
    }

    fn has_nothing_left(&self) -> bool {
        let is_empty = |partition: PartitionId| self.anti_entropy.tree(partition).is_empty();
        self.is_going()
            && self.topology().partitions().all(is_empty)
            && self.handoff.count() == 0
            && self.journal.len() == 0
            && self.coordinations.is_empty()
    }

    /// Says, and remembers, what this node is to the cluster.
    pub(crate) fn set_standing(&mut self, standing: Standing) {
        self.standing = standing;
        self.entry_refused = None;
        self.say(Fact::Standing(standing));
        self.output(Output::Event(Event::StandingChanged { standing }));
        self.enroll_self();
    }

    /// Puts this node's own entry of the roster as it says it is.
    pub(crate) fn enroll_self(&mut self) {
        let member = self.own_member();
        if self.roster.enroll(member, self.standing) {
            self.on_roster_changed();
        }
    }

    /// The roster is another: keeps it, and computes anew who should own what.
    pub(crate) fn on_roster_changed(&mut self) {
        self.moves.is_at_rest = false;
        self.journal
            .stage_memory(StoreOp::SetRoster(Box::new(self.roster.clone())));
        if let Some(topology) = &mut self.topology {
            topology.place(&self.roster);
        }
    }
}

/// How long a newcomer listens before it comes in, in gossip intervals: whom it is to replace would have been heard.
pub(crate) const LISTEN_INTERVALS: u32 = 5;

impl Node {
    /// Whether a node that wants to come in knows enough: the owners, more than half of the members, and, if it is to
    /// take another's place, that this one is not there.
    fn may_join(&mut self, now: Now) -> bool {
        let listened = now.time.since(self.started_at) >= self.config.gossip_interval * LISTEN_INTERVALS;
        let members: Vec<_> = self.roster.placed().iter().map(|member| member.node).collect();
        let linked = members.iter().filter(|node| self.is_reachable(**node)).count();
        if !listened || linked * 2 <= members.len() {
            return false;
        }
        let Some(replaced) = self.config.entry.replaces() else {
            return true;
        };
        if self.links.contains(&replaced) || self.detector.is_up(replaced) {
            let why = "the node that it was to replace is alive";
            self.refuse_entry(why);
            return false;
        }
        self.ban(replaced);
        true
    }

    /// Says why this node does not come in, once.
    pub(crate) fn refuse_entry(&mut self, why: &'static str) {
        if self.entry_refused != Some(why) {
            self.entry_refused = Some(why);
            self.output(Output::Event(Event::EntryRefused { why }));
        }
    }
}
