//! The replica: reads and holds records for coordinators, its own node's among them.
//!
//! It acknowledges a record once that record or a newer one of the same key is durable, and shows only what is
//! durable. So what it has once shown or acknowledged it shows for ever, whatever crash comes between.

use crate::{
    Errand, Key, Message, Node, NodeId, Now, PartitionId, Plant, Record, Refused, ReplicaRequest, ReplicaResponse,
    RequestId, RingDigest, Store, StoreError, journal::Waiter,
};

impl<S: Store> Node<S> {
    pub(crate) fn on_replica_request(
        &mut self,
        now: Now,
        from: NodeId,
        id: RequestId,
        ring: RingDigest,
        body: ReplicaRequest,
    ) {
        if self.ring.as_ref().map(|own| own.digest()) != Some(ring) {
            return self.respond(from, id, ReplicaResponse::Refused(Refused::OtherRing));
        }
        match body {
            ReplicaRequest::Read { key } => {
                let response = match self.read_local(&key) {
                    Ok(record) => ReplicaResponse::Read { record },
                    Err(_) => ReplicaResponse::Refused(Refused::Storage),
                };
                self.respond(from, id, response);
            }
            ReplicaRequest::Hold { key, record, errand } => {
                let waiter = Waiter::Peer {
                    peer: from,
                    id,
                    version: record.version,
                };
                if let Err(refused) = self.hold(now, &key, record, errand, waiter) {
                    self.respond(from, id, ReplicaResponse::Refused(refused));
                }
            }
            ReplicaRequest::CompareDigests { digests } => {
                let partitions = self.anti_entropy.differing(&digests);
                self.respond(from, id, ReplicaResponse::Differing { partitions });
            }
            ReplicaRequest::CompareVersions {
                partition,
                after,
                through,
                versions,
            } => {
                let stretch = (after.as_ref(), through.as_ref());
                let response = self.differences(partition, stretch, &versions);
                self.respond(from, id, response);
            }
        }
    }

    /// This node's own durable record of `key`. The ring must have formed.
    pub(crate) fn read_local(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        self.store.record(self.partition(key), key)
    }

    /// Makes sure that `record` or a newer one is durable here, and then tells `waiter`.
    ///
    /// # Errors
    /// The reason why it never will; `waiter` is not told.
    pub(crate) fn hold(
        &mut self,
        now: Now,
        key: &Key,
        record: Record,
        errand: Errand,
        waiter: Waiter,
    ) -> Result<(), Refused> {
        if !key.is_valid() || !record.value.is_valid() {
            return Err(Refused::Invalid);
        }
        let version = record.version;
        self.clock
            .observe(now.wall, version.time)
            .map_err(|_| Refused::ClockSkew)?;
        let partition = self.partition(key);
        let durable = self.store.record(partition, key).map_err(|_| Refused::Storage)?;
        let durable = durable.map(|held| held.version);
        let under_way = self.journal.newest(key);
        let believed = self.has_plant(Plant::RepairWritesOlder) && errand == Errand::ReadRepair;
        if under_way.max(durable) < Some(version) || believed && under_way.or(durable) != Some(version) {
            self.journal.stage_record(partition, key, record, under_way.or(durable));
            self.journal.wait_for(key, waiter);
        } else if durable >= Some(version) {
            self.on_held(now, waiter);
        } else {
            self.journal.wait_for(key, waiter);
        }
        Ok(())
    }

    /// What somebody waited for is durable.
    pub(crate) fn on_held(&mut self, now: Now, waiter: Waiter) {
        match waiter {
            Waiter::Peer { peer, id, version } => self.respond(peer, id, ReplicaResponse::Held { version }),
            Waiter::Coordination { id, version } => {
                self.on_coordination_response(now, id, self.config.node, ReplicaResponse::Held { version });
            }
            Waiter::Comparison { id } => self.on_comparison_held(now.time, id, true),
        }
    }

    /// What somebody waited for failed.
    pub(crate) fn on_not_held(&mut self, now: Now, waiter: Waiter) {
        let refused = ReplicaResponse::Refused(Refused::Storage);
        match waiter {
            Waiter::Peer { peer, id, .. } => self.respond(peer, id, refused),
            Waiter::Coordination { id, .. } => self.on_coordination_response(now, id, self.config.node, refused),
            Waiter::Comparison { id } => self.on_comparison_held(now.time, id, false),
        }
    }

    pub(crate) fn partition(&self, key: &Key) -> PartitionId {
        let ring = self
            .ring
            .as_ref()
            .expect("keys are looked at only once the ring has formed");
        ring.partition(key)
    }

    /// Answers a node. If its link is gone, so is the answer, and the asker knows.
    fn respond(&mut self, to: NodeId, id: RequestId, body: ReplicaResponse) {
        if self.links.contains(&to) {
            self.send(to, Message::Response { id, body });
        }
    }
}
