//! Anti-entropy: two nodes compare what they hold of the partitions that both own, and each sends the other what it
//! lacks (*Dynamo*, section 4.7).
//!
//! A Merkle tree for each partition is kept as records come and go, and is a function of the records alone: whichever
//! way two replicas came to hold the same, their trees are equal. Where roots differ the nodes below are compared, then
//! the leaves, and then, of the leaves that differ, keys and summaries; only records that one side lacks, has older, or
//! has otherwise, travel. It finds what hints and read repair missed: a coordinator that died before it kept a hint, and
//! keys that nobody reads.
//!
//! ```text
//! asker ── roots of all shared partitions ──▶ peer      peer ── which differ ──▶ asker
//!       ── the 16 nodes below one root ─────▶                ── the leaves under those that differ ──▶
//!       ── summaries under leaves that differ ▶              ── what is newer, and which are wanted ──▶
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::{
    AdminError, AdminOk, AntiEntropyReport, Cell, ClientToken, Epoch, Errand, Key, LeafId, MerkleTree, Node, NodeId,
    Now, PartitionId, Plant, Reason, Refused, ReplicaRequest, ReplicaResponse, RequestId, Response, RingShape, Store,
    StoreOp, Stretch, Summaries, Summary, Time,
    journal::{DigestChange, Waiter},
    merkle::{INNER, LEAVES_EACH},
    timers::Timer,
};

/// Keys compared in one message.
pub(crate) const STRETCH_KEYS_MAX: usize = 512;

/// Bytes of records sent at a time, about: with one more value of the largest size it stays below what a frame holds.
const STRETCH_BYTES_MAX: usize = 512 * 1024;

/// Records sent at a time: none counts for less than a key's byte and a register's 22.
pub(crate) const STRETCH_RECORDS_MAX: usize = STRETCH_BYTES_MAX / 16;

fn size_bytes(key: &Key, cell: &Cell) -> usize {
    key.name.len() + cell.size_bytes()
}

/// A partition, and the root of its Merkle tree at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PartitionDigest {
    /// Which partition.
    pub partition: PartitionId,
    /// Of the record that the node goes by: two that go by others don't compare.
    pub epoch: Epoch,
    /// The root; 0 where there are no records.
    pub root: u64,
}

/// The leaves under one of the nodes right below the root of a Merkle tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Branch {
    /// Which node.
    pub inner: u8,
    /// Its leaves.
    pub leaves: [u64; LEAVES_EACH],
}

/// The trees of all partitions, and the comparison that is going on.
#[derive(Debug)]
pub(crate) struct AntiEntropy {
    shape: RingShape,
    trees: Vec<MerkleTree>,
    /// Partitions whose trees may not be what their records give.
    distrusted: BTreeSet<PartitionId>,
    /// One for each purpose at a time.
    tours: BTreeMap<Purpose, Tour>,
    last_peer: Option<NodeId>,
}

/// What a comparison is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Purpose {
    /// To bring both up to date.
    Repair,
    /// To copy partitions that are gained, and give away those that are held no more.
    Move,
}

/// A comparison with one peer after another.
#[derive(Debug)]
struct Tour {
    client: Option<ClientToken>,
    stops: VecDeque<Stop>,
    report: AntiEntropyReport,
    /// With the first of `stops`.
    step: Option<Step>,
}

/// With whom to compare, and what: for `None`, all that both hold.
#[derive(Debug)]
struct Stop {
    peer: NodeId,
    partitions: Option<Vec<PartitionId>>,
}

/// One request of a comparison, and what has to be durable before the next.
#[derive(Debug)]
struct Step {
    id: RequestId,
    deadline: Time,
    stage: Stage,
    /// The partitions that are compared, and the records that both went by at the beginning.
    compared: BTreeMap<PartitionId, Epoch>,
    /// Partitions that differ and have not been compared to their end.
    partitions: VecDeque<PartitionId>,
    /// Leaves of the first of them that differ.
    leaves: BTreeSet<LeafId>,
    /// Where in it the next stretch begins.
    after: Option<Key>,
    /// Whether records were left as they are, because one side refused them or can't read them.
    skipped: bool,
    /// Whether some of the first partition were.
    partition_skipped: bool,
}

#[derive(Debug)]
enum Stage {
    Roots,
    Branches,
    Summaries {
        through: Option<Key>,
        mine: Vec<(Key, Summary)>,
    },
    Records {
        outstanding: usize,
        through: Option<Key>,
        truncated: bool,
    },
}

impl AntiEntropy {
    pub(crate) fn new(shape: &RingShape, trees: Vec<MerkleTree>) -> AntiEntropy {
        assert_eq!(trees.len(), usize::from(shape.partitions), "a tree for each partition");
        AntiEntropy {
            shape: shape.clone(),
            trees,
            distrusted: BTreeSet::new(),
            tours: BTreeMap::new(),
            last_peer: None,
        }
    }

    /// Takes in what a batch that became durable did.
    pub(crate) fn apply(&mut self, changes: &[DigestChange]) {
        for DigestChange {
            partition, key, change, ..
        } in changes
        {
            let leaf = self.shape.leaf(key);
            self.trees[usize::from(partition.0)].toggle(leaf, *change);
        }
    }

    /// What was done to these partitions is not known: their trees have to be computed anew.
    pub(crate) fn distrust(&mut self, partitions: impl Iterator<Item = PartitionId>) {
        self.distrusted.extend(partitions);
    }

    /// Computes the trees that are not to be trusted, but for those of partitions that `change`: the store may show what
    /// the node has not been told of yet, and would count twice then. What can't be read is tried again.
    pub(crate) fn reload(&mut self, store: &impl Store, change: impl Fn(PartitionId) -> bool) {
        let AntiEntropy {
            shape,
            trees,
            distrusted,
            ..
        } = self;
        distrusted.retain(|partition| {
            if change(*partition) {
                return true;
            }
            let summaries = store.summaries(*partition);
            if let Ok(summaries) = &summaries {
                trees[usize::from(partition.0)] = tree_of(shape, summaries);
            }
            summaries.is_err()
        });
    }

    /// The partitions among `theirs` of which this node holds something else.
    pub(crate) fn differing(&self, theirs: &[PartitionDigest]) -> Vec<PartitionId> {
        let root = |partition: PartitionId| self.trees.get(usize::from(partition.0)).map(MerkleTree::root);
        let differs = |d: &&PartitionDigest| root(d.partition).is_some_and(|root| root != d.root);
        theirs.iter().filter(differs).map(|d| d.partition).collect()
    }

    /// The leaves of a partition under those nodes that differ from `theirs`.
    pub(crate) fn branches(&self, partition: PartitionId, theirs: &[u64; INNER]) -> Vec<Branch> {
        let Some(tree) = self.trees.get(usize::from(partition.0)) else {
            return Vec::new();
        };
        let inner = tree.inner();
        let differing = (0..INNER).filter(|at| inner[*at] != theirs[*at]);
        differing
            .map(|at| Branch {
                inner: u8::try_from(at).expect("there are 16"),
                leaves: tree.leaves_of(at),
            })
            .collect()
    }

    /// The leaves of a partition that differ from theirs.
    fn differing_leaves(&self, partition: PartitionId, branches: &[Branch]) -> BTreeSet<LeafId> {
        let tree = self.tree(partition);
        let mut differing = BTreeSet::new();
        for branch in branches.iter().filter(|branch| usize::from(branch.inner) < INNER) {
            let inner = usize::from(branch.inner);
            let mine = tree.leaves_of(inner);
            let leaves = (0..LEAVES_EACH).filter(|at| mine[*at] != branch.leaves[*at]);
            differing.extend(leaves.map(|at| LeafId::at(inner, at)));
        }
        differing
    }

    pub(crate) fn tree(&self, partition: PartitionId) -> &MerkleTree {
        &self.trees[usize::from(partition.0)]
    }

    /// Whether a comparison of this node may yet bring something older of a partition to somebody.
    pub(crate) fn is_comparing(&self, partition: PartitionId) -> bool {
        let steps = self.tours.values().filter_map(|tour| tour.step.as_ref());
        steps
            .filter_map(|step| step.partitions.front())
            .any(|first| *first == partition)
    }

    /// Whether partitions are being copied, or given away.
    pub(crate) fn is_moving(&self) -> bool {
        self.tours.contains_key(&Purpose::Move)
    }

    /// The purpose for which the request was sent, if it is the last of a comparison.
    fn purpose_of(&self, id: RequestId) -> Option<Purpose> {
        let is_of = |tour: &Tour| tour.step.as_ref().is_some_and(|step| step.id == id);
        let mut tours = self.tours.iter();
        tours.find(|(_, tour)| is_of(tour)).map(|(purpose, _)| *purpose)
    }

    fn tour_mut(&mut self, purpose: Purpose) -> &mut Tour {
        self.tours.get_mut(&purpose).expect("a comparison is going on")
    }

    fn step_mut(&mut self, purpose: Purpose) -> &mut Step {
        let step = self.tour_mut(purpose).step.as_mut();
        step.expect("a comparison is going on")
    }

    /// The partition that is compared below its root.
    fn first_partition(&mut self, purpose: Purpose) -> PartitionId {
        let partitions = &self.step_mut(purpose).partitions;
        *partitions.front().expect("it is compared below its root")
    }
}

/// The tree of what a partition holds, from nothing.
pub(crate) fn tree_of(shape: &RingShape, summaries: &Summaries) -> MerkleTree {
    let mut tree = MerkleTree::new();
    for (key, summary) in &summaries.entries {
        tree.toggle(shape.leaf(key), summary.fingerprint);
    }
    tree
}

impl<S: Store> Node<S> {
    pub(crate) fn set_anti_entropy_timer(&mut self, now: Time) {
        if let Some(interval) = self.config.anti_entropy_interval {
            self.timers.set(now + interval, Timer::AntiEntropy);
        }
    }

    /// Compares with the next peer in turn, unless a comparison is going on.
    pub(crate) fn on_anti_entropy_due(&mut self, now: Time) {
        if self.topology.is_some() && !self.anti_entropy.tours.contains_key(&Purpose::Repair) {
            let last = self.anti_entropy.last_peer;
            let next = self
                .links
                .iter()
                .find(|peer| Some(**peer) > last)
                .or(self.links.first())
                .copied();
            self.anti_entropy.last_peer = next;
            self.begin_repair_tour(now, None, next);
        }
        self.set_anti_entropy_timer(now);
    }

    /// Compares with every linked node, for an administrator.
    pub(crate) fn on_anti_entropy_asked(&mut self, now: Time, client: ClientToken) {
        let refusal = if self.topology.is_none() {
            Some(self.forming())
        } else if self.anti_entropy.tours.contains_key(&Purpose::Repair) {
            Some(Reason::Overloaded { in_flight: 1 })
        } else {
            None
        };
        if let Some(reason) = refusal {
            return self.reply(client, Response::Admin(Err(AdminError::Refused(reason))));
        }
        let peers: Vec<_> = self.links.iter().copied().collect();
        self.begin_repair_tour(now, Some(client), peers);
    }

    fn begin_repair_tour(&mut self, now: Time, client: Option<ClientToken>, peers: impl IntoIterator<Item = NodeId>) {
        let members = peers.into_iter().filter(|peer| !self.roster.banned.contains(peer));
        let stops = members.map(|peer| Stop { peer, partitions: None });
        let stops = stops.collect();
        self.begin_tour(now, Purpose::Repair, client, stops);
    }

    /// Compares partitions that are to be copied or given away.
    pub(crate) fn begin_move_tour(&mut self, now: Time, stops: BTreeMap<NodeId, Vec<PartitionId>>) {
        let stops = stops.into_iter().map(|(peer, partitions)| Stop {
            peer,
            partitions: Some(partitions),
        });
        let stops = stops.collect();
        self.begin_tour(now, Purpose::Move, None, stops);
    }

    fn begin_tour(&mut self, now: Time, purpose: Purpose, client: Option<ClientToken>, stops: VecDeque<Stop>) {
        let tour = Tour {
            client,
            stops,
            report: AntiEntropyReport::default(),
            step: None,
        };
        let earlier = self.anti_entropy.tours.insert(purpose, tour);
        assert!(earlier.is_none(), "one comparison of a purpose at a time");
        self.visit_next_peer(now, purpose);
    }

    /// Opens the comparison with the first peer left, or ends the tour.
    fn visit_next_peer(&mut self, now: Time, purpose: Purpose) {
        let tour = self.anti_entropy.tour_mut(purpose);
        assert!(tour.step.is_none(), "one peer at a time");
        let Some(Stop { peer, partitions }) = tour.stops.front() else {
            return self.end_tour(purpose);
        };
        let (peer, partitions) = (*peer, partitions.clone());
        if !self.is_reachable(peer) {
            return self.leave_peer(now, purpose, false);
        }
        let topology = self.topology();
        let compared: BTreeMap<_, _> = match partitions {
            Some(partitions) => partitions.iter().map(|p| (*p, topology.epoch(*p))).collect(),
            None => {
                let shared = topology.shared(self.config.node, peer);
                shared.map(|ownership| (ownership.partition, ownership.epoch)).collect()
            }
        };
        let digests = compared.iter().map(|(partition, epoch)| PartitionDigest {
            partition: *partition,
            epoch: *epoch,
            root: self.anti_entropy.tree(*partition).root(),
        });
        let digests = digests.collect();
        let step = Step {
            id: RequestId(0),
            deadline: now,
            stage: Stage::Roots,
            compared,
            partitions: VecDeque::new(),
            leaves: BTreeSet::new(),
            after: None,
            skipped: false,
            partition_skipped: false,
        };
        self.anti_entropy.tour_mut(purpose).step = Some(step);
        self.take_step(now, purpose, Stage::Roots, ReplicaRequest::CompareDigests { digests });
    }

    /// Sends the next request of a comparison, under an id and a deadline of its own.
    fn take_step(&mut self, now: Time, purpose: Purpose, stage: Stage, body: ReplicaRequest) {
        let id = self.renew_step(now, purpose, stage);
        let stop = self.anti_entropy.tour_mut(purpose).stops.front();
        let peer = stop.expect("a step has a peer").peer;
        self.ask(peer, id, body);
    }

    fn renew_step(&mut self, now: Time, purpose: Purpose, stage: Stage) -> RequestId {
        let id = self.next_request_id();
        let deadline = now + self.config.request_timeout;
        let step = self.anti_entropy.step_mut(purpose);
        let (old_deadline, old_id) = (step.deadline, step.id);
        step.id = id;
        step.deadline = deadline;
        step.stage = stage;
        self.timers.clear(old_deadline, Timer::Comparison(old_id));
        self.timers.set(deadline, Timer::Comparison(id));
        id
    }

    /// As the peer of a comparison: which of the asker's partitions are otherwise here.
    pub(crate) fn differing(&self, digests: Vec<PartitionDigest>) -> ReplicaResponse {
        let topology = self.topology();
        let known = digests.into_iter().filter(|d| topology.has(d.partition));
        let (like, unlike): (Vec<_>, Vec<_>) = known.partition(|d| topology.epoch(d.partition) == d.epoch);
        ReplicaResponse::Differing {
            partitions: self.anti_entropy.differing(&like),
            unlike: unlike.into_iter().map(|d| d.partition).collect(),
            forgotten_time: self.forgotten_time,
        }
    }

    pub(crate) fn on_comparison_response(&mut self, now: Now, id: RequestId, from: NodeId, body: ReplicaResponse) {
        let Some(purpose) = self.anti_entropy.purpose_of(id) else {
            return;
        };
        match (&self.anti_entropy.step_mut(purpose).stage, body) {
            (
                Stage::Roots,
                ReplicaResponse::Differing {
                    partitions,
                    unlike,
                    forgotten_time,
                },
            ) => self.on_roots_compared(now, purpose, from, partitions, &unlike, forgotten_time),
            (Stage::Branches, ReplicaResponse::Branches { branches }) => {
                let partition = self.anti_entropy.first_partition(purpose);
                let leaves = self.anti_entropy.differing_leaves(partition, &branches);
                self.anti_entropy.step_mut(purpose).leaves = leaves;
                self.compare_next_stretch(now, purpose);
            }
            (
                Stage::Summaries { .. },
                ReplicaResponse::Differences {
                    newer,
                    wanted,
                    truncated,
                },
            ) => self.even_out(now, purpose, from, (newer, wanted, truncated)),
            (Stage::Records { .. }, ReplicaResponse::Held { .. }) => self.on_comparison_held(now, id, Ok(())),
            (Stage::Records { .. }, ReplicaResponse::Refused(why)) => self.on_comparison_held(now, id, Err(why)),
            (_, ReplicaResponse::Stale { .. } | ReplicaResponse::Behind) => {
                self.on_other_epoch(now, purpose, id);
            }
            _ => self.leave_peer(now.time, purpose, false),
        }
    }

    fn on_roots_compared(
        &mut self,
        now: Now,
        purpose: Purpose,
        from: NodeId,
        mut differing: Vec<PartitionId>,
        unlike: &[PartitionId],
        forgotten_time: u64,
    ) {
        let step = self.anti_entropy.step_mut(purpose);
        step.skipped |= !unlike.is_empty();
        for partition in unlike {
            step.compared.remove(partition);
        }
        differing.retain(|partition| step.compared.contains_key(partition));
        step.partitions = differing.iter().copied().collect();
        let alike = step.compared.clone().into_iter();
        let alike: Vec<_> = alike.filter(|(partition, _)| !differing.contains(partition)).collect();
        let report = &mut self.anti_entropy.tour_mut(purpose).report;
        report.partitions_differing += differing.len() as u64;
        // What it has forgotten nobody may bring back below it: a newcomer inherits that.
        if purpose == Purpose::Move && forgotten_time > self.forgotten_time {
            self.forgotten_time = forgotten_time;
            self.journal.stage_memory(StoreOp::SetForgottenTime(forgotten_time));
        }
        if purpose == Purpose::Move {
            for partition in unlike {
                self.tell_ownership(from, *partition);
            }
            for (partition, epoch) in alike {
                self.on_partition_compared(now, from, partition, epoch);
            }
        }
        self.compare_next_partition(now, purpose);
    }

    /// One of the two goes by another record of a partition by now: it is left as it is.
    fn on_other_epoch(&mut self, now: Now, purpose: Purpose, id: RequestId) {
        if matches!(self.anti_entropy.step_mut(purpose).stage, Stage::Records { .. }) {
            return self.on_comparison_held(now, id, Err(Refused::OtherEpoch));
        }
        let step = self.anti_entropy.step_mut(purpose);
        step.skipped = true;
        step.partition_skipped = true;
        self.leave_partition(now, purpose);
    }

    /// Sends what is below the root of the next partition that differs, or ends with this peer.
    fn compare_next_partition(&mut self, now: Now, purpose: Purpose) {
        let step = self.anti_entropy.step_mut(purpose);
        let Some(partition) = step.partitions.front().copied() else {
            let complete = !step.skipped;
            return self.leave_peer(now.time, purpose, complete);
        };
        let inner = self.anti_entropy.tree(partition).inner();
        let body = ReplicaRequest::CompareBranches { partition, inner };
        self.take_step(now.time, purpose, Stage::Branches, body);
    }

    /// Ends with a partition.
    fn leave_partition(&mut self, now: Now, purpose: Purpose) {
        let peer = self.anti_entropy.tour_mut(purpose).stops.front().map(|stop| stop.peer);
        let step = self.anti_entropy.step_mut(purpose);
        let left = step.partitions.pop_front();
        step.leaves.clear();
        step.after = None;
        let is_complete = !std::mem::take(&mut step.partition_skipped);
        let epoch = left.and_then(|partition| step.compared.get(&partition).copied());
        if let (Purpose::Move, true, Some(peer), Some(partition), Some(epoch)) =
            (purpose, is_complete, peer, left, epoch)
        {
            self.on_partition_compared(now, peer, partition, epoch);
        }
        self.compare_next_partition(now, purpose);
    }

    /// Sends the summaries of the next stretch, or ends with this partition.
    fn compare_next_stretch(&mut self, now: Now, purpose: Purpose) {
        let step = self.anti_entropy.step_mut(purpose);
        if step.leaves.is_empty() {
            return self.leave_partition(now, purpose);
        }
        let partition = *step.partitions.front().expect("a stretch has a partition");
        let (after, leaves) = (step.after.clone(), step.leaves.clone());
        let Ok(summaries) = self.store.summaries(partition) else {
            return self.leave_peer(now.time, purpose, false);
        };
        let mut mine = summaries.entries;
        self.omit_tombstones(&mut mine);
        mine.retain(|(key, _)| {
            after.as_ref().is_none_or(|after| key > after) && leaves.contains(&self.config.ring.leaf(key))
        });
        let through = (mine.len() > STRETCH_KEYS_MAX).then(|| mine[STRETCH_KEYS_MAX - 1].0.clone());
        mine.truncate(STRETCH_KEYS_MAX);
        let body = ReplicaRequest::CompareSummaries(Box::new(Stretch {
            partition,
            leaves: leaves.into_iter().collect(),
            after,
            through: through.clone(),
            summaries: mine.clone(),
        }));
        self.take_step(now.time, purpose, Stage::Summaries { through, mine }, body);
    }

    /// Leaves tombstones out of what is compared: [`Plant::ExchangeOmitsTombstones`].
    fn omit_tombstones(&self, summaries: &mut Vec<(Key, Summary)>) {
        if self.has_plant(Plant::ExchangeOmitsTombstones) {
            summaries.retain(|(_, summary)| summary.deleted_at.is_none());
        }
    }

    /// As the peer of a comparison: how this node's part of a stretch differs from the asker's.
    pub(crate) fn differences(&self, stretch: &Stretch) -> ReplicaResponse {
        let refused = ReplicaResponse::Refused(Refused::Storage);
        if stretch.partition.0 >= self.config.ring.partitions {
            return ReplicaResponse::Refused(Refused::Invalid);
        }
        let Ok(summaries) = self.store.summaries(stretch.partition) else {
            return refused;
        };
        let mut mine = summaries.entries;
        self.omit_tombstones(&mut mine);
        mine.retain(|(key, _)| stretch.contains(key, self.config.ring.leaf(key)));
        let mut wanted = lacking(&mine, &stretch.summaries);
        // What is damaged here is mended from all owners, and not from one.
        wanted.retain(|key| !summaries.damaged.contains(key));
        let mut newer = Vec::new();
        let mut bytes: usize = wanted.iter().map(|key| key.name.len()).sum();
        let mut truncated = false;
        for key in lacking(&stretch.summaries, &mine) {
            if bytes >= STRETCH_BYTES_MAX {
                truncated = true;
                break;
            }
            match self.store.record(stretch.partition, &key) {
                Ok(Some(record)) => {
                    bytes += size_bytes(&key, &record.cell);
                    newer.push((key, record.cell));
                }
                Ok(None) => {}
                Err(_) => return refused,
            }
        }
        ReplicaResponse::Differences {
            newer,
            wanted,
            truncated,
        }
    }

    /// Takes in what the peer has newer, sends what it lacks, and waits until all of that is durable.
    fn even_out(
        &mut self,
        now: Now,
        purpose: Purpose,
        peer: NodeId,
        (newer, wanted, truncated): (Vec<(Key, Cell)>, Vec<Key>, bool),
    ) {
        let stage = std::mem::replace(&mut self.anti_entropy.step_mut(purpose).stage, Stage::Roots);
        let Stage::Summaries { through, mine } = stage else {
            unreachable!("the caller has looked");
        };
        let partition = self.anti_entropy.first_partition(purpose);
        let wanted: Vec<_> = wanted
            .into_iter()
            .filter(|key| mine.iter().any(|(k, _)| k == key))
            .collect();
        let given = self.records_to_give(partition, &wanted);
        let is_given_away = self.moves.gives_away(partition);
        let unlike = truncated && !is_given_away || given.len() < wanted.len();
        let newer: Vec<_> = newer
            .into_iter()
            .filter(|(key, _)| !self.mends.is_damaged(key) && !is_given_away)
            .collect();
        // If nothing comes or goes, again would be no different.
        let truncated = unlike && !(given.is_empty() && newer.is_empty());
        let step = self.anti_entropy.step_mut(purpose);
        step.skipped |= unlike && !truncated;
        step.partition_skipped |= unlike && !truncated;
        let report = &mut self.anti_entropy.tour_mut(purpose).report;
        report.records_given += given.len() as u64;
        report.records_taken += newer.len() as u64;
        let exchanged = (given.len() + newer.len()) as u64;
        match purpose {
            Purpose::Repair => self.counters.anti_entropy_records += exchanged,
            Purpose::Move => self.counters.moved_records += exchanged,
        }
        // One more than there are records, so that the step can't end while they are handed out.
        let outstanding = given.len() + newer.len() + 1;
        let id = self.renew_step(
            now.time,
            purpose,
            Stage::Records {
                outstanding,
                through,
                truncated,
            },
        );
        let errand = Errand::AntiEntropy;
        for (key, cell) in given {
            self.ask(peer, id, ReplicaRequest::Hold { key, cell, errand });
        }
        for (key, cell) in newer {
            let waiter = Waiter::Comparison { id };
            if let Err(why) = self.hold(now, &key, cell, errand, waiter) {
                self.on_comparison_held(now, id, Err(why));
            }
        }
        self.on_comparison_held(now, id, Ok(()));
    }

    /// This node's records of `keys`, up to what is sent at a time. What can't be read counts as held back: another
    /// comparison will find it lacking again.
    fn records_to_give(&self, partition: PartitionId, keys: &[Key]) -> Vec<(Key, Cell)> {
        let (mut given, mut bytes) = (Vec::new(), 0);
        for key in keys {
            if bytes >= STRETCH_BYTES_MAX {
                break;
            }
            if let Ok(Some(record)) = self.store.record(partition, key) {
                bytes += size_bytes(key, &record.cell);
                given.push((key.clone(), record.cell));
            }
        }
        given
    }

    /// One record of a comparison is durable where it was lacking, or can't be. One that can't is left alone, and the
    /// comparison goes on: what ails one record must not keep the others apart.
    pub(crate) fn on_comparison_held(&mut self, now: Now, id: RequestId, held: Result<(), Refused>) {
        let Some(purpose) = self.anti_entropy.purpose_of(id) else {
            return;
        };
        if held == Err(Refused::Overloaded) {
            return self.leave_peer(now.time, purpose, false);
        }
        let step = self.anti_entropy.step_mut(purpose);
        step.skipped |= held.is_err();
        step.partition_skipped |= held.is_err();
        let Stage::Records {
            outstanding,
            through,
            truncated,
        } = &mut step.stage
        else {
            return;
        };
        *outstanding -= 1;
        *truncated &= held.is_ok(); // What was refused would be found lacking again and again.
        if *outstanding > 0 {
            return;
        }
        if !*truncated {
            step.after = through.take();
            if step.after.is_none() {
                return self.leave_partition(now, purpose);
            }
        }
        self.compare_next_stretch(now, purpose);
    }

    pub(crate) fn on_comparison_deadline(&mut self, now: Time, id: RequestId) {
        if let Some(purpose) = self.anti_entropy.purpose_of(id) {
            self.leave_peer(now, purpose, false);
        }
    }

    pub(crate) fn fail_comparison_with(&mut self, now: Time, peer: NodeId) {
        for purpose in [Purpose::Repair, Purpose::Move] {
            let tour = self.anti_entropy.tours.get(&purpose);
            let is_with = |tour: &Tour| tour.step.is_some() && tour.stops.front().is_some_and(|stop| stop.peer == peer);
            if tour.is_some_and(is_with) {
                self.leave_peer(now, purpose, false);
            }
        }
    }

    /// Ends the comparison with the first peer, and goes on to the next.
    fn leave_peer(&mut self, now: Time, purpose: Purpose, complete: bool) {
        let tour = self.anti_entropy.tour_mut(purpose);
        tour.stops.pop_front();
        if complete {
            tour.report.peers += 1;
        } else {
            tour.report.peers_failed += 1;
        }
        if let Some(step) = tour.step.take() {
            self.timers.clear(step.deadline, Timer::Comparison(step.id));
        }
        self.visit_next_peer(now, purpose);
    }

    fn end_tour(&mut self, purpose: Purpose) {
        let tour = self.anti_entropy.tours.remove(&purpose);
        let tour = tour.expect("a tour is going on");
        if purpose == Purpose::Move && tour.report.peers_failed == 0 {
            self.look_for_moves_soon(); // Whoever failed is tried again after a while.
        }
        if let Some(client) = tour.client {
            let report = AdminOk::AntiEntropy(tour.report);
            self.reply(client, Response::Admin(Ok(report)));
        }
    }
}

impl Stretch {
    fn contains(&self, key: &Key, leaf: LeafId) -> bool {
        self.after.as_ref().is_none_or(|after| key > after)
            && self.through.as_ref().is_none_or(|through| key <= through)
            && self.leaves.contains(&leaf)
    }
}

/// The keys of `theirs` that `mine` lacks, has older, or has otherwise and not surely newer. Both are in key order.
fn lacking(mine: &[(Key, Summary)], theirs: &[(Key, Summary)]) -> Vec<Key> {
    let held = |key: &Key| mine.binary_search_by(|(k, _)| k.cmp(key)).ok().map(|at| &mine[at].1);
    let lacking = theirs
        .iter()
        .filter(|(key, summary)| held(key).is_none_or(|held| !summary.is_covered_by(held)));
    lacking.map(|(key, _)| key.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Generation, Version};

    fn entry(key: &str, time: Option<u64>, fingerprint: u64) -> (Key, Summary) {
        let version = time.map(|time| Version {
            time,
            node: NodeId(1),
            generation: Generation(1),
        });
        let deleted_at = None;
        let summary = Summary {
            fingerprint,
            version,
            deleted_at,
        };
        (Key::copy_from(key.as_bytes()), summary)
    }

    fn names(keys: &[Key]) -> Vec<String> {
        keys.iter().map(Key::to_string).collect()
    }

    #[test]
    fn one_lacks_what_it_has_not_or_has_older() {
        let register = |key, time| entry(key, Some(time), time);
        let mine = [register("a", 1), register("b", 2), register("d", 5)];
        let theirs = [register("a", 1), register("b", 3), register("c", 1), register("d", 4)];
        assert_eq!(names(&lacking(&mine, &theirs)), ["b", "c"]);
        assert_eq!(names(&lacking(&theirs, &mine)), ["d"]);
    }

    #[test]
    fn of_what_has_no_order_both_lack_what_differs() {
        let mine = [entry("a", None, 1), entry("b", None, 2)];
        let theirs = [entry("a", None, 1), entry("b", None, 3)];
        assert_eq!(names(&lacking(&mine, &theirs)), ["b"]);
        assert_eq!(names(&lacking(&theirs, &mine)), ["b"]);
    }
}
