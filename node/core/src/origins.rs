//! Writes that this node has applied as their origin, by the ids that clients gave them.
//!
//! A write whose outcome its client does not know may be sent again under the same id, through any coordinator: the id
//! names the owner that applies it, always the same one, and that owner remembers, as durably as the write itself, that
//! it has. So it is applied once (NODE.md, CO-B). It is forgotten after a time longer than clients keep trying; there is
//! room for so many, and a write that finds none is refused before it has any effect.

use std::collections::{BTreeMap, VecDeque};

use crate::{Key, Node, Now, RememberedWrite, Store, StoreError, Time, Version, WallTime, WriteId, timers::Timer};

/// The writes that are remembered, durable or about to be.
#[derive(Debug)]
pub(crate) struct Origins {
    writes: BTreeMap<WriteId, RememberedWrite>,
    /// In the order in which they came, and so about that in which they are forgotten.
    order: VecDeque<WriteId>,
    count_max: usize,
    timer: Option<Time>,
}

impl Origins {
    pub(crate) fn load(store: &dyn Store, count_max: usize) -> Result<Origins, StoreError> {
        let mut writes = store.remembered_writes()?;
        writes.sort_by_key(|(id, write)| (write.at, *id));
        Ok(Origins {
            order: writes.iter().map(|(id, _)| *id).collect(),
            writes: writes.into_iter().collect(),
            count_max,
            timer: None,
        })
    }

    /// The write of this id, if it has been applied here.
    pub(crate) fn remembered(&self, id: WriteId) -> Option<&RememberedWrite> {
        self.writes.get(&id)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.writes.len() >= self.count_max
    }

    pub(crate) fn count(&self) -> usize {
        self.writes.len()
    }

    /// These were not made durable after all.
    pub(crate) fn on_not_persisted(&mut self, ids: &[WriteId]) {
        for id in ids {
            self.writes.remove(id);
        }
        self.order.retain(|id| !ids.contains(id));
    }
}

impl Node {
    /// Remembers a write, with the batch that is open.
    pub(crate) fn remember_write(&mut self, now: Now, id: WriteId, key: Key, version: Option<Version>) {
        assert!(!self.origins.is_full(), "the caller has looked whether there is room");
        let at = now.wall;
        let write = RememberedWrite { key, version, at };
        self.origins.order.push_back(id);
        let earlier = self.origins.writes.insert(id, write.clone());
        assert!(earlier.is_none(), "a write is applied once");
        self.journal.stage_write_id(id, write);
        self.set_write_ids_timer(now.time);
    }

    /// Forgets what is old enough, and looks again when the next will be.
    pub(crate) fn on_write_ids_due(&mut self, now: Now) {
        self.origins.timer = None;
        while let Some(id) = self.origins.order.front().copied() {
            let at = self
                .origins
                .writes
                .get(&id)
                .map_or(WallTime::default(), |write| write.at);
            if at + self.config.write_id_window > now.wall {
                break;
            }
            self.origins.order.pop_front();
            if self.origins.writes.remove(&id).is_some() {
                self.journal.stage_write_id_drop(id);
            }
        }
        self.set_write_ids_timer(now.time);
    }

    pub(crate) fn set_write_ids_timer(&mut self, now: Time) {
        if self.origins.timer.is_none() && !self.origins.order.is_empty() {
            let at = now + self.config.write_id_window / 4;
            self.origins.timer = Some(at);
            self.timers.set(at, Timer::WriteIds);
        }
    }
}
