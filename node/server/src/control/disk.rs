//! What stands between the store and its file: whatever goes wrong on a disk goes wrong here.

use std::{
    io,
    ops::Bound,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use quorate_core::NodeId;
use redb::{BackendError, StorageBackend, backends::FileBackend};

use super::{
    Leased, Writes,
    held::HeldWrites,
    lock,
    order::{Counts, Cut, Disk as Faults, DiskFailure, MessageCounts},
};

/// How the disk is, and what came of it.
#[derive(Debug)]
pub(super) struct Disk {
    writes: Writes,
    faults: Mutex<Leased<Faults>>,
    writes_failed: AtomicU64,
    reads_failed: AtomicU64,
    syncs_failed: AtomicU64,
    syncs_slowed: AtomicU64,
}

impl Disk {
    pub(super) fn new(writes: Writes) -> Disk {
        Disk {
            writes,
            faults: Mutex::default(),
            writes_failed: AtomicU64::new(0),
            reads_failed: AtomicU64::new(0),
            syncs_failed: AtomicU64::new(0),
            syncs_slowed: AtomicU64::new(0),
        }
    }

    pub(super) fn set(&self, faults: Faults, until: Instant) {
        lock(&self.faults).set(faults, until);
    }

    pub(super) fn heal(&self) {
        lock(&self.faults).end();
    }

    pub(super) fn counts(&self, messages: Vec<(NodeId, MessageCounts)>) -> Counts {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            writes_failed: count(&self.writes_failed),
            reads_failed: count(&self.reads_failed),
            syncs_failed: count(&self.syncs_failed),
            syncs_slowed: count(&self.syncs_slowed),
            messages,
            ..Counts::default()
        }
    }

    /// Whether something is to be read.
    pub(super) fn read(&self) -> io::Result<()> {
        if self.has(DiskFailure::Read) {
            return Err(failed(&self.reads_failed));
        }
        Ok(())
    }

    /// Whether something is to be written.
    fn write(&self) -> io::Result<()> {
        if self.has(DiskFailure::Full) {
            self.writes_failed.fetch_add(1, Ordering::Relaxed);
            return Err(io::ErrorKind::StorageFull.into());
        }
        if self.has(DiskFailure::Write) {
            return Err(failed(&self.writes_failed));
        }
        Ok(())
    }

    /// Whether something is to be synced; it takes as long as it is to take.
    fn sync(&self) -> io::Result<()> {
        let slower_by = lock(&self.faults)
            .in_force()
            .map_or(0, |faults| faults.syncs_slower_by_ns);
        if slower_by > 0 {
            self.syncs_slowed.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_nanos(slower_by));
        }
        if self.has(DiskFailure::Sync) {
            return Err(failed(&self.syncs_failed));
        }
        Ok(())
    }

    fn has(&self, failure: DiskFailure) -> bool {
        let mut faults = lock(&self.faults);
        faults.in_force().is_some_and(|faults| faults.fails.contains(&failure))
    }
}

fn failed(counter: &AtomicU64) -> io::Error {
    counter.fetch_add(1, Ordering::Relaxed);
    io::Error::other("an error of the disk, as ordered")
}

/// A store's file, and what is between it and the store.
#[derive(Debug)]
pub(crate) struct ControlledFile {
    file: FileBackend,
    disk: Arc<Disk>,
    /// Where writes are held; for good, once the power is cut.
    held: Mutex<HeldWrites>,
}

impl ControlledFile {
    pub(super) fn new(file: FileBackend, disk: Arc<Disk>) -> ControlledFile {
        ControlledFile {
            file,
            disk,
            held: Mutex::default(),
        }
    }

    /// Loses or tears what is held, and lets nothing through any more: whoever reads or writes waits for ever.
    pub(super) fn cut(&self, seed: u64) -> io::Result<Cut> {
        if self.disk.writes == Writes::InFile {
            return Err(io::Error::other(
                "what is written is not held until it is synced: start the node with --hold-writes",
            ));
        }
        let mut held = lock(&self.held);
        let cut = held.tear(&self.file, seed);
        std::mem::forget(held);
        cut
    }

    fn is_held(&self) -> bool {
        self.disk.writes == Writes::Held
    }
}

/// The file as the store has it.
#[derive(Debug)]
pub(crate) struct Handle(pub(crate) Arc<ControlledFile>);

impl StorageBackend for Handle {
    fn len(&self) -> io::Result<u64> {
        let ControlledFile { file, held, .. } = &*self.0;
        if self.0.is_held() {
            lock(held).len(file)
        } else {
            file.len()
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let ControlledFile { file, disk, held } = &*self.0;
        disk.read()?;
        if self.0.is_held() {
            lock(held).read(file, offset, out)
        } else {
            file.read(offset, out)
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let ControlledFile { file, disk, held } = &*self.0;
        disk.write()?;
        if self.0.is_held() {
            lock(held).set_len(len);
            return Ok(());
        }
        file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        let ControlledFile { file, disk, held } = &*self.0;
        disk.sync()?;
        if self.0.is_held() {
            // Held throughout, so that a cut finds either all of it synced or nothing.
            let mut held = lock(held);
            held.flush(file)?;
            return file.sync_data();
        }
        file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let ControlledFile { file, disk, held } = &*self.0;
        disk.write()?;
        if self.0.is_held() {
            lock(held).write(file, offset, data)
        } else {
            file.write(offset, data)
        }
    }

    fn close(&self) -> io::Result<()> {
        let ControlledFile { file, held, .. } = &*self.0;
        // What was not synced goes where the system would have had it.
        lock(held).flush(file)?;
        file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.file.query_lock_range(start, end)
    }
}
