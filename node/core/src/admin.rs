//! What administrators, and the harness among them, ask of a node.

use crate::{AdminError, AdminOk, AdminRequest, ClientToken, Key, Node, Now, Response, Status, Store};

impl<S: Store> Node<S> {
    pub(crate) fn on_admin(&mut self, now: Now, client: ClientToken, request: AdminRequest) {
        let result = match request {
            AdminRequest::Status => Ok(AdminOk::Status(Box::new(self.status()))),
            AdminRequest::ReadReplica { key } => self.admin_read(&key),
            AdminRequest::Owners { key } => self.admin_owners(&key),
            AdminRequest::AntiEntropy => return self.on_anti_entropy_asked(now.time, client),
        };
        self.reply(client, Response::Admin(result));
    }

    fn admin_read(&self, key: &Key) -> Result<AdminOk, AdminError> {
        if self.ring.is_none() {
            return Err(AdminError::Refused(self.forming()));
        }
        let record = self.read_local(key).map_err(|error| AdminError::Storage(error.0))?;
        Ok(AdminOk::Replica(record))
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
            hints_pending: self.handoff.count(),
            coordinating: self.coordinations.len() as u64,
            persisting: self.journal.len() as u64,
            counters: self.counters,
        }
    }
}
