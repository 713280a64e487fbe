//! What administrators, and the harness among them, ask of a node.

use crate::{
    AdminError, AdminOk, AdminRequest, ClientToken, Enrolled, Fact, Key, MovesStatus, Node, NodeId, Now, Ownership,
    Plant, Replication, Response, RingShare, RingView, Standing, Status, StoreOp, Topology, journal::Waiter,
};

/// What is told of a change of members that could not be synced.
const NOT_WRITTEN: &str = "the change could not be written, and may be lost: ask again";

impl Node {
    pub(crate) fn on_admin(&mut self, now: Now, client: ClientToken, request: AdminRequest) {
        let result = match request {
            AdminRequest::Status => Ok(AdminOk::Status(Box::new(self.status()))),
            AdminRequest::ReadReplica { key } => self.admin_read(now, &key),
            AdminRequest::Owners { key } => self.admin_owners(&key),
            AdminRequest::Ring => self.admin_ring(),
            AdminRequest::Drain => return self.on_drain_asked(client),
            AdminRequest::Metrics => Ok(AdminOk::Metrics(Box::new(self.metrics()))),
            AdminRequest::AntiEntropy => return self.on_anti_entropy_asked(now.time, client),
            AdminRequest::Leave => return self.on_change_asked(client, Self::admin_leave),
            AdminRequest::Remove { node } => return self.on_change_asked(client, |own| own.admin_remove(node)),
            AdminRequest::Weigh { weight } => return self.on_change_asked(client, |own| own.admin_weigh(weight)),
        };
        self.reply(client, Response::Admin(result));
    }

    /// Changes who the members are, and tells the administrator once a crash can't take that back. It is written again
    /// for who asks a second time: the first may have failed.
    fn on_change_asked(&mut self, client: ClientToken, change: impl FnOnce(&mut Self) -> Result<(), AdminError>) {
        if let Err(error) = change(self) {
            return self.reply(client, Response::Admin(Err(error)));
        }
        let roster = Box::new(self.roster.clone());
        self.journal.stage_memory(StoreOp::SetRoster(roster));
        let token = self.journal.open_token();
        self.journal.wait_for_batch(token, Waiter::Admin { client });
    }

    /// What an administrator waited for is durable, or is not.
    pub(crate) fn on_change_of_members(&mut self, client: ClientToken, is_durable: bool) {
        let result = match is_durable {
            true => Ok(AdminOk::Done),
            false => Err(AdminError::Storage(NOT_WRITTEN.to_owned())),
        };
        self.reply(client, Response::Admin(result));
    }

    fn admin_read(&mut self, now: Now, key: &Key) -> Result<AdminOk, AdminError> {
        if self.topology.is_none() {
            return Err(AdminError::Refused(self.forming()));
        }
        let record = self.read_local(now, key);
        let record = record.map_err(|error| AdminError::Storage(error.to_string()))?;
        Ok(AdminOk::Replica(record.map(|record| record.cell)))
    }

    fn admin_ring(&self) -> Result<AdminOk, AdminError> {
        let topology = self.formed_topology()?;
        let share = |enrolled: &Enrolled| {
            let (owned, first) = topology.share(enrolled.member.node);
            RingShare {
                member: enrolled.member.clone(),
                owned,
                first,
            }
        };
        Ok(AdminOk::Ring(RingView {
            digest: topology.founding(),
            partitions: self.config.ring.partitions,
            replication: self.config.ring.replication.to_string(),
            members: self.roster.members.values().map(share).collect(),
        }))
    }

    fn admin_owners(&self, key: &Key) -> Result<AdminOk, AdminError> {
        let topology = self.formed_topology()?;
        let ownership = topology.ownership(topology.partition(key));
        Ok(AdminOk::Owners(ownership.nodes().collect()))
    }

    fn formed_topology(&self) -> Result<&Topology, AdminError> {
        let topology = self.topology.as_ref();
        topology.ok_or_else(|| AdminError::Refused(self.forming()))
    }

    /// Has this node give up all that it owns, and its place in the cluster.
    fn admin_leave(&mut self) -> Result<(), AdminError> {
        self.formed_topology()?;
        match self.standing {
            Standing::Leaving | Standing::Left => return Ok(()),
            Standing::Waiting => return Err(AdminError::Unsafe("it has not come in".to_owned())),
            Standing::Joining | Standing::Normal => {}
        }
        if let Some(why) = self.why_not_do_without(self.config.node) {
            return Err(AdminError::Unsafe(why));
        }
        self.set_standing(Standing::Leaving);
        Ok(())
    }

    /// Removes a member that is gone for good.
    fn admin_remove(&mut self, node: NodeId) -> Result<(), AdminError> {
        self.formed_topology()?;
        if self.roster.banned.contains(&node) {
            return Ok(());
        }
        if let Some(why) = self.why_not_remove(node) {
            return Err(AdminError::Unsafe(why));
        }
        self.ban(node);
        Ok(())
    }

    /// Why a member must not be removed: it is alive, or the others are too few.
    pub(crate) fn why_not_remove(&self, node: NodeId) -> Option<String> {
        let is_alive = self.is_reachable(node) || self.detector.is_up(node);
        if !self.roster.members.contains_key(&node) {
            Some(format!("{node} is no member"))
        } else if is_alive && !self.has_plant(Plant::RemovesTheLiving) {
            Some(format!("{node} is alive: it can leave"))
        } else {
            self.why_not_do_without(node)
                .or_else(|| self.why_no_quorum_without(node))
        }
    }

    /// Why a node must not be banned although it is gone: some partition would have too few owners left that agree to
    /// another, and could not move for ever.
    fn why_no_quorum_without(&self, node: NodeId) -> Option<String> {
        let is_left = |other: NodeId| other != node && !self.roster.banned.contains(&other);
        let mut stuck = self
            .topology()
            .ownerships()
            .filter(|record| record.holds(node) && !self.is_step_met(record, is_left));
        let first = stuck.next()?.partition.0;
        let count = 1 + stuck.count();
        Some(format!(
            "{count} partitions, {first} the first of them, would have fewer owners than {} asks for",
            self.config.step_level
        ))
    }

    /// Why the cluster can't do without a member: fewer would be left than there are to be replicas.
    pub(crate) fn why_not_do_without(&self, node: NodeId) -> Option<String> {
        let left = || {
            self.roster
                .placed()
                .into_iter()
                .filter(move |member| member.node != node)
        };
        let is_too_few = |count: usize, needed: u8| count < usize::from(needed);
        match &self.config.ring.replication {
            Replication::Simple(needed) => {
                let count = left().count();
                is_too_few(count, *needed).then(|| format!("{count} members would be left for {needed} replicas"))
            }
            Replication::PerDc(needed) => needed.iter().find_map(|(dc, needed)| {
                let is_of_dc = self.roster.members.get(&node).is_some_and(|gone| gone.member.dc == *dc);
                let count = left().filter(|member| member.dc == *dc).count();
                (is_of_dc && is_too_few(count, *needed))
                    .then(|| format!("{count} members would be left in {dc} for {needed} replicas"))
            }),
        }
    }

    /// Changes this node's share of the ring, for good.
    fn admin_weigh(&mut self, weight: u16) -> Result<(), AdminError> {
        self.formed_topology()?;
        if weight == 0 {
            return Err(AdminError::Unsafe(
                "a member without weight would own nothing: it can leave".to_owned(),
            ));
        }
        self.weight = weight;
        self.say(Fact::Weight(weight));
        self.enroll_self();
        Ok(())
    }

    fn moves_status(&self) -> MovesStatus {
        let count = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
        let topology = self.topology.as_ref();
        // To count them takes a walk over all partitions, and whoever waits for something asks often.
        let is_at_rest = self.moves.is_at_rest();
        let owned = topology.map_or(0, Topology::held_count);
        MovesStatus {
            standing: self.standing,
            owned,
            gaining: count(if is_at_rest { 0 } else { self.gain_count() }),
            losing: count(if is_at_rest { 0 } else { self.loss_count() }),
            moving: count(topology.map_or(0, |topology| topology.moving().len())),
            stray: count(self.moves.stray_count()),
            epochs: topology.map_or(0, Topology::epochs_hash),
            refused: match (self.is_banned(), self.entry_refused) {
                (true, _) => Some("it was removed from the cluster".to_owned()),
                (false, why) => why.map(str::to_owned),
            },
        }
    }

    /// The record of the partition that a key is in, as this node serves by it; `None` before it knows the ring.
    pub fn ownership(&self, key: &Key) -> Option<&Ownership> {
        let topology = self.topology.as_ref()?;
        Some(topology.ownership(topology.partition(key)))
    }

    /// How the node is, at the time of what it took in last.
    pub fn status(&self) -> Status {
        Status {
            node: self.config.node,
            name: self.config.name.clone(),
            generation: self.generation,
            ring: self.topology.as_ref().map(Topology::founding),
            moves: self.moves_status(),
            members: self.member_statuses(),
            isolated: self.isolation.is_isolated(),
            hints_pending: self.handoff.count(),
            behind: self.handoff.behind(self.present),
            coordinating: self.coordinations.len() as u64,
            persisting: self.journal.len() as u64,
            counters: self.counters,
        }
    }
}
