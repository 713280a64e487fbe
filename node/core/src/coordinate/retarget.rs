//! Requests that are under way when the owners of their key change: they go on by the new record.
//!
//! Whoever holds a write holds it by any record, so that acknowledgements stay; those who have not answered are asked
//! anew, because by the old record they would refuse. A read begins anew: what an owner told by the old record says
//! nothing of what it has copied since.

use super::{
    Coordination, State,
    read_state::{Answer, Replica},
    write_state::{Progress, Slot, Step},
};
use crate::{Epoch, Node, NodeId, Now, PartitionId, ReadRepair, RequestId, timers::Timer};

impl Node {
    /// A partition has another record, durably.
    pub(crate) fn on_owners_changed(&mut self, now: Now, partition: PartitionId) {
        for id in self.coordinations_with(|coordination| coordination.at.partition == partition) {
            self.retarget(now, id);
        }
        self.on_moves_changed();
    }

    fn retarget(&mut self, now: Now, id: RequestId) {
        let Some(coordination) = self.coordinations.get_mut(&id) else {
            return; // It ended while another was retargeted.
        };
        let epoch = self
            .topology
            .as_ref()
            .map_or(Epoch::FIRST, |topology| topology.epoch(coordination.at.partition));
        let earlier = std::mem::replace(&mut coordination.at.epoch, epoch);
        assert!(earlier < epoch, "records only follow each other");
        match coordination.state {
            State::Read(_) if coordination.is_answered() => {} // What is left to repair others will find.
            State::Read(_) => self.retarget_read(now, id),
            State::Write(_) => self.retarget_write(now, id),
            State::Cas(_) => self.retarget_cas(now, id),
        }
    }

    fn retarget_read(&mut self, now: Now, id: RequestId) {
        let at = self.coordinations[&id].at;
        let ownership = self.topology().ownership(at.partition).clone();
        let requirement = self.reading(&ownership, at.level);
        let holders = match self.read_state(id).repair {
            ReadRepair::Blocking { holders } if self.read_state(id).holders.is_some() => {
                Some(self.holding(&ownership, holders)).transpose()
            }
            _ => Ok(None),
        };
        let (Ok(requirement), Ok(holders)) = (requirement, holders) else {
            return; // The new owners can't meet it: it runs out of time.
        };
        let state = self.read_state_mut(id);
        state.requirement = requirement;
        state.holders = holders;
        state.replicas = ownership.nodes().map(Replica::of).collect();
        if let Some(hedge) = state.hedge_at.take() {
            self.timers.clear(hedge, Timer::Hedge(id));
        }
        self.ask_first(now, id);
    }

    fn retarget_write(&mut self, now: Now, id: RequestId) {
        let at = self.coordinations[&id].at;
        let ownership = self.topology().ownership(at.partition).clone();
        let Ok(requirement) = self.holding(&ownership, at.level) else {
            return; // The new owners can't meet it: it runs out of time.
        };
        let state = self.write_state_mut(id);
        state.requirement = requirement;
        let mut slots = std::mem::take(&mut state.slots);
        state.slots = ownership
            .nodes()
            .map(|node| match slots.iter().position(|slot| slot.owner == node) {
                Some(kept) => slots.swap_remove(kept),
                None => Slot::of(node),
            })
            .collect();
        match &mut state.step {
            Step::AskingVersions { .. } => self.ask_versions_again(now, id),
            Step::Applying { is_stale: true, .. } => self.apply_at_another(now, id),
            Step::Applying { .. } => {}
            Step::Holding => {
                self.send_to_waiting(now, id);
                if self.coordinations.contains_key(&id) {
                    self.advance_write(id);
                }
            }
        }
    }

    /// Asks those who are read now for their versions: nothing has been sent that changes anything.
    fn ask_versions_again(&mut self, now: Now, id: RequestId) {
        let at = self.coordinations[&id].at;
        let step = std::mem::replace(&mut self.write_state_mut(id).step, Step::Holding);
        let Step::AskingVersions {
            before,
            update,
            level,
            requirement,
            ..
        } = step
        else {
            unreachable!("the caller has looked");
        };
        let ownership = self.topology().ownership(at.partition);
        let requirement = self.reading(ownership, level).unwrap_or(requirement);
        self.ask_versions(now, id, update, (level, requirement), before);
    }

    /// The origin of an update has done nothing, because it goes by a later record.
    pub(super) fn on_apply_stale(&mut self, now: Now, id: RequestId, epoch: Epoch) {
        if self.coordinations[&id].at.epoch >= epoch {
            return self.apply_at_another(now, id);
        }
        if let Step::Applying { is_stale, .. } = &mut self.write_state_mut(id).step {
            *is_stale = true; // It goes on once this node has the record.
        }
    }

    /// Asks a node once more that did not know the record, and has been told it.
    pub(super) fn ask_again(&mut self, now: Now, id: RequestId, node: NodeId) {
        match self.coordinations.get(&id) {
            Some(Coordination {
                state: State::Read(_), ..
            }) => self.read_again(now, id, node),
            Some(Coordination {
                state: State::Write(_), ..
            }) => self.write_again(now, id, node),
            Some(Coordination {
                state: State::Cas(_), ..
            }) => self.cas_again(id, node),
            None => {}
        }
    }

    fn read_again(&mut self, now: Now, id: RequestId, node: NodeId) {
        let state = self.read_state_mut(id);
        let best = state.best.as_ref().map(|best| best.cell.clone());
        let key = state.key.clone();
        let Some(replica) = state.replicas.iter_mut().find(|replica| replica.via == node) else {
            return;
        };
        let owner = replica.owner;
        if let Answer::Waiting { want, .. } = replica.answer {
            return self.read_from_again(now, id, (owner, node), want);
        }
        if let Some(cell) = best.filter(|_| replica.is_being_repaired()) {
            self.send_repair(now, id, owner, key, cell);
        }
    }

    fn write_again(&mut self, now: Now, id: RequestId, node: NodeId) {
        let state = self.write_state(id);
        let key = state.key.clone();
        match &state.step {
            Step::AskingVersions { told, lost, .. } => {
                let is_open = !told.iter().any(|(teller, _)| *teller == node) && !lost.contains(&node);
                if is_open && self.is_reachable(node) {
                    let want = crate::Want::Time;
                    self.ask(node, id, crate::ReplicaRequest::Read { key, want });
                }
            }
            Step::Applying { origin, apply, .. } if *origin == node => {
                let apply = Box::new(apply.clone());
                self.ask(node, id, crate::ReplicaRequest::Apply(apply));
            }
            Step::Applying { .. } => {}
            Step::Holding => {
                let awaited = state.with(Progress::Waiting).find(|slot| slot.via == node);
                if let Some(owner) = awaited.map(|slot| slot.owner) {
                    self.send_share(now, id, owner);
                }
            }
        }
    }
}
