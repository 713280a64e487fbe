//! Changing what is durable: batches, several to a transaction.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
};

use quorate_core::{StoreError, StoreOp};
use redb::{Durability, Table, WriteTransaction};

use super::{
    encoding::seal,
    tables::{
        DOWN_NAME, FORGOTTEN_TIME_NAME, FOUNDERS_NAME, GENERATION_NAME, HINTS, HintKey, MEMORY, RECORDS, ROSTER_NAME,
        Shared, WRITES, hint_key, hint_seal_name, partition_name, record_key,
    },
};

/// The one writer of a store.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
}

/// Whether a transaction outlives the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flush {
    /// It is on the disk, with every one before it.
    Now,
    /// It can be read, and is on the disk with the next that is synced.
    Later,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>) -> Writer {
        Writer { shared }
    }

    /// How many transactions there were since the store was opened.
    pub fn commits(&self) -> u64 {
        self.shared.commits.load(Ordering::Acquire)
    }

    /// Applies batches, in order, in one transaction: all or nothing.
    pub(super) fn commit<'a>(
        &mut self,
        ops: impl Iterator<Item = &'a StoreOp>,
        flush: Flush,
    ) -> Result<(), StoreError> {
        self.transact(ops, flush).map_err(|error| self.error(&error))?;
        self.shared.commits.fetch_add(1, Ordering::Release);
        Ok(())
    }

    fn transact<'a>(&self, ops: impl Iterator<Item = &'a StoreOp>, flush: Flush) -> Result<(), redb::Error> {
        let mut transaction = self.shared.database.begin_write()?;
        let durability = match flush {
            Flush::Now => Durability::Immediate,
            Flush::Later => Durability::None,
        };
        transaction.set_durability(durability)?;
        apply(&transaction, ops)?;
        transaction.commit()?;
        Ok(())
    }

    fn error(&self, why: &impl fmt::Display) -> StoreError {
        StoreError::Failed(format!("{}: {why}", self.shared.path.display()))
    }
}

fn apply<'a>(transaction: &WriteTransaction, ops: impl Iterator<Item = &'a StoreOp>) -> Result<(), redb::Error> {
    let mut tables = Tables {
        records: transaction.open_table(RECORDS)?,
        hints: transaction.open_table(HINTS)?,
        writes: transaction.open_table(WRITES)?,
        memory: transaction.open_table(MEMORY)?,
    };
    for op in ops {
        tables.apply(op)?;
    }
    Ok(())
}

struct Tables<'a> {
    records: Table<'a, &'static [u8], &'static [u8]>,
    hints: Table<'a, HintKey<'static>, &'static [u8]>,
    writes: Table<'a, u128, &'static [u8]>,
    memory: Table<'a, &'static str, &'static [u8]>,
}

impl Tables<'_> {
    fn apply(&mut self, op: &StoreOp) -> Result<(), redb::StorageError> {
        match op {
            StoreOp::PutRecord { partition, key, record } => {
                let name = record_key(*partition, key);
                // The summary comes first, so that it can be read without the rest.
                let sealed = seal(&name, &(record.summary(key), record));
                self.records.insert(name.as_slice(), sealed.as_slice())?;
            }
            StoreOp::DropRecord { partition, key } => {
                self.records.remove(record_key(*partition, key).as_slice())?;
            }
            StoreOp::PutHint(hint) => {
                let sealed = seal(&hint_seal_name(&hint.key), &(&hint.cell, hint.stored_at));
                self.hints
                    .insert(hint_key(hint.target, &hint.id()), sealed.as_slice())?;
            }
            StoreOp::RememberWrite(id, write) => {
                let sealed = seal(&id.0.to_le_bytes(), write);
                self.writes.insert(id.0, sealed.as_slice())?;
            }
            StoreOp::ForgetWrite(id) => {
                self.writes.remove(id.0)?;
            }
            StoreOp::DropHint { target, hint } => {
                self.hints.remove(hint_key(*target, hint))?;
            }
            StoreOp::SetGeneration(generation) => {
                let sealed = seal(GENERATION_NAME.as_bytes(), generation);
                self.memory.insert(GENERATION_NAME, sealed.as_slice())?;
            }
            StoreOp::SetForgottenTime(time) => {
                let sealed = seal(FORGOTTEN_TIME_NAME.as_bytes(), time);
                self.memory.insert(FORGOTTEN_TIME_NAME, sealed.as_slice())?;
            }
            StoreOp::SetRoster(roster) => {
                let sealed = seal(ROSTER_NAME.as_bytes(), roster);
                self.memory.insert(ROSTER_NAME, sealed.as_slice())?;
            }
            StoreOp::SetDown(down) => {
                let sealed = seal(DOWN_NAME.as_bytes(), down);
                self.memory.insert(DOWN_NAME, sealed.as_slice())?;
            }
            StoreOp::SetPartition(state) => {
                let name = partition_name(state.ownership.partition);
                let sealed = seal(name.as_bytes(), state);
                self.memory.insert(name.as_str(), sealed.as_slice())?;
            }
            StoreOp::SetFounders(founders) => {
                let sealed = seal(FOUNDERS_NAME.as_bytes(), founders);
                self.memory.insert(FOUNDERS_NAME, sealed.as_slice())?;
            }
        }
        Ok(())
    }
}
