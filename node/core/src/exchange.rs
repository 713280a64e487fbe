//! Anti-entropy: two nodes compare what they hold of the partitions that both own, and each sends the other what it
//! lacks (*Dynamo*, section 4.7).
//!
//! A digest for each partition is kept as records come and go, and is a function of the records alone: whichever way
//! two replicas came to hold the same, their digests are equal. Where they differ, the keys and versions of the
//! partition are compared stretch by stretch; only records that one side lacks or has older travel. It finds what
//! hints and read repair missed: a coordinator that died before it kept a hint, and keys that nobody reads.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{
    AdminError, AdminOk, AntiEntropyReport, ClientToken, Errand, Key, Node, NodeId, Now, PartitionId, Reason, Record,
    ReplicaRequest, ReplicaResponse, RequestId, Response, Store, StoreError, Time, Version, journal::Waiter,
    timers::Timer,
};

/// Keys compared in one message.
const STRETCH_KEYS_MAX: usize = 512;

/// Bytes of records sent at a time, about: with one more value of the largest size it stays below what a frame holds.
const STRETCH_BYTES_MAX: usize = 512 * 1024;

/// What a record takes beside its key and value: its version and lengths.
const RECORD_OVERHEAD_BYTES: usize = 40;

fn size_bytes(key: &Key, record: &Record) -> usize {
    RECORD_OVERHEAD_BYTES + key.0.len() + record.value.0.len()
}

/// A partition, and the digest of what a node holds of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PartitionDigest {
    /// Which partition.
    pub partition: PartitionId,
    /// The exclusive or over its records' digests; 0 where there are none.
    pub digest: u64,
}

/// What one record adds to the digest of its partition, and, added again, takes away.
pub(crate) fn record_digest(key: &Key, version: Version) -> u64 {
    let seed = version.time ^ version.node.0.rotate_left(32) ^ u64::from(version.generation.0).rotate_left(48);
    xxh3_64_with_seed(&key.0, seed)
}

/// The digests of all partitions, and the comparison that is going on.
#[derive(Debug)]
pub(crate) struct AntiEntropy {
    digests: Vec<u64>,
    tour: Option<Tour>,
    last_peer: Option<NodeId>,
}

/// A comparison with one peer after another.
#[derive(Debug)]
struct Tour {
    client: Option<ClientToken>,
    peers: VecDeque<NodeId>,
    report: AntiEntropyReport,
    /// With the first of `peers`.
    step: Option<Step>,
}

/// One request of a comparison, and what has to be durable before the next.
#[derive(Debug)]
struct Step {
    id: RequestId,
    deadline: Time,
    stage: Stage,
    /// Partitions that differ and have not been compared to their end.
    partitions: VecDeque<PartitionId>,
    /// Where in the first of them the next stretch begins.
    after: Option<Key>,
}

#[derive(Debug)]
enum Stage {
    Digests,
    Versions {
        through: Option<Key>,
        mine: Vec<(Key, Version)>,
    },
    Records {
        outstanding: usize,
        through: Option<Key>,
        truncated: bool,
    },
}

impl AntiEntropy {
    pub(crate) fn load(store: &impl Store, partitions: u16) -> Result<AntiEntropy, StoreError> {
        let digests = (0..partitions).map(|p| rebuild(store, PartitionId(p)));
        Ok(AntiEntropy {
            digests: digests.collect::<Result<_, _>>()?,
            tour: None,
            last_peer: None,
        })
    }

    /// Takes in what a batch that became durable did.
    pub(crate) fn apply(&mut self, changes: &[(PartitionId, u64)]) {
        for (partition, change) in changes {
            self.digests[usize::from(partition.0)] ^= change;
        }
    }

    /// Computes digests from the store, after a batch that failed. What can't be read keeps its digest.
    pub(crate) fn reload(&mut self, store: &impl Store, partitions: impl Iterator<Item = PartitionId>) {
        for partition in partitions {
            if let Ok(digest) = rebuild(store, partition) {
                self.digests[usize::from(partition.0)] = digest;
            }
        }
    }

    /// The partitions among `theirs` of which this node holds something else.
    pub(crate) fn differing(&self, theirs: &[PartitionDigest]) -> Vec<PartitionId> {
        let differs = |d: &&PartitionDigest| self.digests.get(usize::from(d.partition.0)) != Some(&d.digest);
        theirs.iter().filter(differs).map(|d| d.partition).collect()
    }

    pub(crate) fn digest(&self, partition: PartitionId) -> u64 {
        self.digests[usize::from(partition.0)]
    }

    fn step(&self, id: RequestId) -> Option<&Step> {
        self.tour.as_ref()?.step.as_ref().filter(|step| step.id == id)
    }

    fn tour_mut(&mut self) -> &mut Tour {
        self.tour.as_mut().expect("a comparison is going on")
    }

    fn step_mut(&mut self) -> &mut Step {
        self.tour_mut().step.as_mut().expect("a comparison is going on")
    }
}

pub(crate) fn rebuild(store: &impl Store, partition: PartitionId) -> Result<u64, StoreError> {
    let versions = store.versions(partition)?;
    Ok(versions
        .iter()
        .fold(0, |digest, (key, version)| digest ^ record_digest(key, *version)))
}

impl<S: Store> Node<S> {
    pub(crate) fn set_anti_entropy_timer(&mut self, now: Time) {
        if let Some(interval) = self.config.anti_entropy_interval {
            self.timers.set(now + interval, Timer::AntiEntropy);
        }
    }

    /// Compares with the next peer in turn, unless a comparison is going on.
    pub(crate) fn on_anti_entropy_due(&mut self, now: Time) {
        if self.ring.is_some() && self.anti_entropy.tour.is_none() {
            let last = self.anti_entropy.last_peer;
            let next = self
                .links
                .iter()
                .find(|peer| Some(**peer) > last)
                .or(self.links.first())
                .copied();
            self.anti_entropy.last_peer = next;
            self.begin_tour(now, None, next.into_iter().collect());
        }
        self.set_anti_entropy_timer(now);
    }

    /// Compares with every linked node, for an administrator.
    pub(crate) fn on_anti_entropy_asked(&mut self, now: Time, client: ClientToken) {
        let refusal = if self.ring.is_none() {
            Some(self.forming())
        } else if self.anti_entropy.tour.is_some() {
            Some(Reason::Overloaded { in_flight: 1 })
        } else {
            None
        };
        if let Some(reason) = refusal {
            return self.reply(client, Response::Admin(Err(AdminError::Refused(reason))));
        }
        let peers = self.links.iter().copied().collect();
        self.begin_tour(now, Some(client), peers);
    }

    fn begin_tour(&mut self, now: Time, client: Option<ClientToken>, peers: VecDeque<NodeId>) {
        self.anti_entropy.tour = Some(Tour {
            client,
            peers,
            report: AntiEntropyReport::default(),
            step: None,
        });
        self.visit_next_peer(now);
    }

    /// Opens the comparison with the first peer left, or ends the tour.
    fn visit_next_peer(&mut self, now: Time) {
        let tour = self.anti_entropy.tour_mut();
        assert!(tour.step.is_none(), "one peer at a time");
        let Some(peer) = tour.peers.front().copied() else {
            return self.end_tour();
        };
        if !self.is_reachable(peer) {
            return self.leave_peer(now, false);
        }
        let ring = self.ring.as_ref().expect("no comparison before the ring has formed");
        let digests = ring.shared(self.config.node, peer).map(|partition| PartitionDigest {
            partition,
            digest: self.anti_entropy.digest(partition),
        });
        let digests = digests.collect();
        let step = Step {
            id: RequestId(0),
            deadline: now,
            stage: Stage::Digests,
            partitions: VecDeque::new(),
            after: None,
        };
        self.anti_entropy.tour_mut().step = Some(step);
        self.take_step(now, Stage::Digests, ReplicaRequest::CompareDigests { digests });
    }

    /// Sends the next request of a comparison, under an id and a deadline of its own.
    fn take_step(&mut self, now: Time, stage: Stage, body: ReplicaRequest) {
        let id = self.renew_step(now, stage);
        let peer = *self.anti_entropy.tour_mut().peers.front().expect("a step has a peer");
        self.ask(peer, id, body);
    }

    fn renew_step(&mut self, now: Time, stage: Stage) -> RequestId {
        let id = self.next_request_id();
        let deadline = now + self.config.request_timeout;
        let step = self.anti_entropy.step_mut();
        let (old_deadline, old_id) = (step.deadline, step.id);
        step.id = id;
        step.deadline = deadline;
        step.stage = stage;
        self.timers.clear(old_deadline, Timer::Comparison(old_id));
        self.timers.set(deadline, Timer::Comparison(id));
        id
    }

    pub(crate) fn on_comparison_response(&mut self, now: Now, id: RequestId, from: NodeId, body: ReplicaResponse) {
        let Some(step) = self.anti_entropy.step(id) else {
            return;
        };
        match (&step.stage, body) {
            (Stage::Digests, ReplicaResponse::Differing { partitions }) => {
                let tour = self.anti_entropy.tour_mut();
                tour.report.partitions_differing += partitions.len() as u64;
                self.anti_entropy.step_mut().partitions = partitions.into();
                self.compare_next_stretch(now.time);
            }
            (
                Stage::Versions { .. },
                ReplicaResponse::Differences {
                    newer,
                    wanted,
                    truncated,
                },
            ) => self.even_out(now, from, newer, wanted, truncated),
            (Stage::Records { .. }, ReplicaResponse::Held { .. }) => self.on_comparison_held(now.time, id, true),
            _ => self.leave_peer(now.time, false),
        }
    }

    /// Sends the versions of the next stretch, or ends with this peer.
    fn compare_next_stretch(&mut self, now: Time) {
        let step = self.anti_entropy.step_mut();
        let Some(partition) = step.partitions.front().copied() else {
            return self.leave_peer(now, true);
        };
        let after = step.after.clone();
        let Ok(mut mine) = self.store.versions(partition) else {
            return self.leave_peer(now, false);
        };
        mine.retain(|(key, _)| after.as_ref().is_none_or(|after| key > after));
        let through = (mine.len() > STRETCH_KEYS_MAX).then(|| mine[STRETCH_KEYS_MAX - 1].0.clone());
        mine.truncate(STRETCH_KEYS_MAX);
        let body = ReplicaRequest::CompareVersions {
            partition,
            after,
            through: through.clone(),
            versions: mine.clone(),
        };
        self.take_step(now, Stage::Versions { through, mine }, body);
    }

    /// As the peer of a comparison: how this node's part of a stretch differs from the asker's.
    pub(crate) fn differences(
        &self,
        partition: PartitionId,
        (after, through): (Option<&Key>, Option<&Key>),
        theirs: &[(Key, Version)],
    ) -> ReplicaResponse {
        let refused = ReplicaResponse::Refused(crate::Refused::Storage);
        let Ok(mut mine) = self.store.versions(partition) else {
            return refused;
        };
        mine.retain(|(key, _)| after.is_none_or(|a| key > a) && through.is_none_or(|t| key <= t));
        let wanted = lacking(&mine, theirs);
        let mut newer = Vec::new();
        let mut bytes: usize = wanted.iter().map(|key| key.0.len()).sum();
        let mut truncated = false;
        for key in lacking(theirs, &mine) {
            if bytes >= STRETCH_BYTES_MAX {
                truncated = true;
                break;
            }
            match self.store.record(partition, &key) {
                Ok(Some(record)) => {
                    bytes += size_bytes(&key, &record);
                    newer.push((key, record));
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
    fn even_out(&mut self, now: Now, peer: NodeId, newer: Vec<(Key, Record)>, wanted: Vec<Key>, truncated: bool) {
        let stage = std::mem::replace(&mut self.anti_entropy.step_mut().stage, Stage::Digests);
        let Stage::Versions { through, mine } = stage else {
            unreachable!("the caller has looked");
        };
        let partition = *self
            .anti_entropy
            .step_mut()
            .partitions
            .front()
            .expect("a stretch has a partition");
        let wanted: Vec<_> = wanted
            .into_iter()
            .filter(|key| mine.iter().any(|(k, _)| k == key))
            .collect();
        let given = self.records_to_give(partition, &wanted);
        let truncated = truncated || given.len() < wanted.len();
        if truncated && given.is_empty() && newer.is_empty() {
            return self.leave_peer(now.time, false); // Again would be no different.
        }
        let report = &mut self.anti_entropy.tour_mut().report;
        report.records_given += given.len() as u64;
        report.records_taken += newer.len() as u64;
        self.counters.anti_entropy_records += (given.len() + newer.len()) as u64;
        // One more than there are records, so that the step can't end while they are handed out.
        let outstanding = given.len() + newer.len() + 1;
        let id = self.renew_step(
            now.time,
            Stage::Records {
                outstanding,
                through,
                truncated,
            },
        );
        let errand = Errand::AntiEntropy;
        for (key, record) in given {
            self.ask(peer, id, ReplicaRequest::Hold { key, record, errand });
        }
        for (key, record) in newer {
            let waiter = Waiter::Comparison { id };
            if self.hold(now, &key, record, errand, waiter).is_err() {
                return self.leave_peer(now.time, false);
            }
        }
        self.on_comparison_held(now.time, id, true);
    }

    /// This node's records of `keys`, up to what is sent at a time. What can't be read counts as held back: another
    /// comparison will find it lacking again.
    fn records_to_give(&self, partition: PartitionId, keys: &[Key]) -> Vec<(Key, Record)> {
        let (mut given, mut bytes) = (Vec::new(), 0);
        for key in keys {
            if bytes >= STRETCH_BYTES_MAX {
                break;
            }
            if let Ok(Some(record)) = self.store.record(partition, key) {
                bytes += size_bytes(key, &record);
                given.push((key.clone(), record));
            }
        }
        given
    }

    /// One record of a comparison is durable where it was lacking, or can't be.
    pub(crate) fn on_comparison_held(&mut self, now: Time, id: RequestId, held: bool) {
        if self.anti_entropy.step(id).is_none() {
            return;
        }
        if !held {
            return self.leave_peer(now, false);
        }
        let step = self.anti_entropy.step_mut();
        let Stage::Records {
            outstanding,
            through,
            truncated,
        } = &mut step.stage
        else {
            return;
        };
        *outstanding -= 1;
        if *outstanding > 0 {
            return;
        }
        if !*truncated {
            step.after = through.take();
            if step.after.is_none() {
                step.partitions.pop_front();
            }
        }
        self.compare_next_stretch(now);
    }

    pub(crate) fn on_comparison_deadline(&mut self, now: Time, id: RequestId) {
        if self.anti_entropy.step(id).is_some() {
            self.leave_peer(now, false);
        }
    }

    pub(crate) fn fail_comparison_with(&mut self, now: Time, peer: NodeId) {
        let tour = self.anti_entropy.tour.as_ref();
        if tour.is_some_and(|tour| tour.step.is_some() && tour.peers.front() == Some(&peer)) {
            self.leave_peer(now, false);
        }
    }

    /// Ends the comparison with the first peer, and goes on to the next.
    fn leave_peer(&mut self, now: Time, complete: bool) {
        let tour = self.anti_entropy.tour_mut();
        tour.peers.pop_front();
        if complete {
            tour.report.peers += 1;
        } else {
            tour.report.peers_failed += 1;
        }
        if let Some(step) = tour.step.take() {
            self.timers.clear(step.deadline, Timer::Comparison(step.id));
        }
        self.visit_next_peer(now);
    }

    fn end_tour(&mut self) {
        let tour = self.anti_entropy.tour.take().expect("a tour is going on");
        if let Some(client) = tour.client {
            let report = AdminOk::AntiEntropy(tour.report);
            self.reply(client, Response::Admin(Ok(report)));
        }
    }
}

/// The keys of `theirs` that `mine` lacks or has older. Both are in key order.
fn lacking(mine: &[(Key, Version)], theirs: &[(Key, Version)]) -> Vec<Key> {
    let held = |key: &Key| mine.binary_search_by(|(k, _)| k.cmp(key)).ok().map(|at| mine[at].1);
    let lacking = theirs.iter().filter(|(key, version)| held(key) < Some(*version));
    lacking.map(|(key, _)| key.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Generation;

    #[test]
    fn one_lacks_what_it_has_not_or_has_older() {
        let entry = |key: &str, time| {
            let version = Version {
                time,
                node: NodeId(1),
                generation: Generation(1),
            };
            (Key::copy_from(key.as_bytes()), version)
        };
        let mine = [entry("a", 1), entry("b", 2), entry("d", 5)];
        let theirs = [entry("a", 1), entry("b", 3), entry("c", 1), entry("d", 4)];
        let names = |keys: Vec<Key>| keys.iter().map(Key::to_string).collect::<Vec<_>>();
        assert_eq!(names(lacking(&mine, &theirs)), ["b", "c"]);
        assert_eq!(names(lacking(&theirs, &mine)), ["d"]);
    }
}
