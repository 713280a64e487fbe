//! What administrators, and the harness among them, ask of a node.

use crate::{
    AdminError, AdminOk, AdminRequest, ClientToken, Key, Member, Node, NodeId, Now, PartitionId, Response, RingShare,
    RingView, Status, Store,
};

impl<S: Store> Node<S> {
    pub(crate) fn on_admin(&mut self, now: Now, client: ClientToken, request: AdminRequest) {
        let result = match request {
            AdminRequest::Status => Ok(AdminOk::Status(Box::new(self.status()))),
            AdminRequest::ReadReplica { key } => self.admin_read(now, &key),
            AdminRequest::Owners { key } => self.admin_owners(&key),
            AdminRequest::Ring => self.admin_ring(),
            AdminRequest::Drain => return self.on_drain_asked(client),
            AdminRequest::Metrics => Ok(AdminOk::Metrics(Box::new(self.metrics()))),
            AdminRequest::AntiEntropy => return self.on_anti_entropy_asked(now.time, client),
        };
        self.reply(client, Response::Admin(result));
    }

    fn admin_read(&mut self, now: Now, key: &Key) -> Result<AdminOk, AdminError> {
        if self.ring.is_none() {
            return Err(AdminError::Refused(self.forming()));
        }
        let record = self.read_local(now, key);
        let record = record.map_err(|error| AdminError::Storage(error.to_string()))?;
        Ok(AdminOk::Replica(record.map(|record| record.cell)))
    }

    fn admin_ring(&self) -> Result<AdminOk, AdminError> {
        let ring = self.ring.as_ref().ok_or_else(|| AdminError::Refused(self.forming()))?;
        let partitions = self.config.ring.partitions;
        let owners = || (0..partitions).map(|p| ring.owners(PartitionId(p)));
        let count = |holds: &dyn Fn(&[NodeId]) -> bool| {
            let count = owners().filter(|owners| holds(owners)).count();
            u16::try_from(count).expect("no more than there are partitions")
        };
        let share = |member: &Member| RingShare {
            member: member.clone(),
            owned: count(&|owners| owners.contains(&member.node)),
            first: count(&|owners| owners.first() == Some(&member.node)),
        };
        Ok(AdminOk::Ring(RingView {
            digest: ring.digest(),
            partitions,
            replication: self.config.ring.replication.to_string(),
            members: ring.members().iter().map(share).collect(),
        }))
    }

    fn admin_owners(&self, key: &Key) -> Result<AdminOk, AdminError> {
        let ring = self.ring.as_ref().ok_or_else(|| AdminError::Refused(self.forming()))?;
        Ok(AdminOk::Owners(ring.owners(ring.partition(key)).to_vec()))
    }

    /// How the node is.
    pub fn status(&self) -> Status {
        Status {
            node: self.config.node,
            name: self.config.name.clone(),
            generation: self.generation,
            ring: self.ring.as_ref().map(|ring| ring.digest()),
            members: self.member_statuses(),
            isolated: self.isolation.is_isolated(),
            hints_pending: self.handoff.count(),
            coordinating: self.coordinations.len() as u64,
            persisting: self.journal.len() as u64,
            counters: self.counters,
        }
    }
}
