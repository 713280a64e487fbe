//! The thread that writes: group commit.
//!
//! Whatever has been handed in while a transaction was being synced goes into the next one. So the number of syncs is
//! what the disk can do, whatever the load, and each batch waits for at most two of them.

use std::{
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc as queue,
    },
    thread,
    time::{Duration, Instant},
};

use quorate_core::{PersistToken, StoreError, StoreOp};
use tokio::sync::mpsc;

use super::{
    damage::message,
    write::{Flush, Writer},
};
use crate::duration;

/// Batches that may wait for the disk before the event loop stops taking in anything else.
const WAITING_MAX: usize = 4096;

/// Batches in one transaction: as many as wait, short of a transaction so long that it delays its first by more than a
/// sync.
const BATCHES_MAX: usize = 1024;

/// When what is acknowledged reaches the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fsync {
    /// Before it is acknowledged.
    Always,
    /// Within an interval after. What was acknowledged since the last sync is lost when the process is killed, or the
    /// power fails; what is left is the state at that sync, whole.
    Periodic(Duration),
    /// When the process stops in good order. Else all that was acknowledged since the start may be lost.
    Never,
}

impl FromStr for Fsync {
    type Err = String;

    /// Reads `always`, `never`, or `periodic:` and a span.
    fn from_str(text: &str) -> Result<Fsync, String> {
        match (text, text.strip_prefix("periodic:")) {
            ("always", _) => Ok(Fsync::Always),
            ("never", _) => Ok(Fsync::Never),
            (_, Some(interval)) => duration::parse(interval)
                .map(Fsync::Periodic)
                .map_err(|error| error.to_string()),
            _ => Err(format!(
                "{text:?} is not always, never, or periodic: and a span, as in periodic:1s"
            )),
        }
    }
}

/// Batches that are finished, in the order in which they were handed in.
#[derive(Debug)]
pub struct Done {
    /// Which.
    pub tokens: Vec<PersistToken>,
    /// How they ended: all alike, and after a failure nothing else will be written.
    pub result: Result<(), StoreError>,
}

/// The thread that writes, from outside.
#[derive(Debug)]
pub struct Disk {
    queue: queue::Sender<Batch>,
    waiting: Arc<AtomicUsize>,
    thread: thread::JoinHandle<Result<Writer, StoreError>>,
}

#[derive(Debug)]
struct Batch {
    token: PersistToken,
    ops: Vec<StoreOp>,
}

impl Disk {
    /// Starts the thread. What is finished comes out of the receiver, as long as that is there.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(writer: Writer, fsync: Fsync) -> std::io::Result<(Disk, mpsc::UnboundedReceiver<Done>)> {
        // Each transaction says one thing, and no more transactions are outstanding than batches may wait.
        let (done, finished) = mpsc::unbounded_channel();
        let (queue, batches) = queue::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let work = Work {
            writer,
            fsync,
            batches,
            waiting: Arc::clone(&waiting),
            done,
            unsynced_since: None,
        };
        let thread = thread::Builder::new()
            .name("disk".to_owned())
            .spawn(move || work.run())?;
        Ok((Disk { queue, waiting, thread }, finished))
    }

    /// Hands in a batch.
    pub fn submit(&self, token: PersistToken, ops: Vec<StoreOp>) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // A thread that has ended said why, and the batch is as lost as if the process had.
        let _ = self.queue.send(Batch { token, ops });
    }

    /// Whether so much waits that nothing more should be begun.
    pub fn is_full(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) >= WAITING_MAX
    }

    /// Finishes what was handed in, syncs, and ends the thread.
    ///
    /// # Errors
    /// [`StoreError`] if something could not be written.
    pub fn stop(self) -> Result<Writer, StoreError> {
        drop(self.queue);
        match self.thread.join() {
            Ok(result) => result,
            Err(panic) => Err(StoreError::Failed(format!(
                "the thread that writes: {}",
                message(panic.as_ref())
            ))),
        }
    }
}

struct Work {
    writer: Writer,
    fsync: Fsync,
    batches: queue::Receiver<Batch>,
    waiting: Arc<AtomicUsize>,
    done: mpsc::UnboundedSender<Done>,
    unsynced_since: Option<Instant>,
}

impl Work {
    fn run(mut self) -> Result<Writer, StoreError> {
        let mut batches = Vec::new();
        while self.wait(&mut batches)? {
            let ops = || batches.iter().flat_map(|batch| &batch.ops);
            let flush = self.flush_for(ops());
            let result = self.writer.commit(ops(), flush);
            self.note(flush);
            self.waiting.fetch_sub(batches.len(), Ordering::Relaxed);
            let tokens = batches.drain(..).map(|batch| batch.token).collect();
            let failed = result.clone();
            // If nobody wants to know, the process is ending.
            let _ = self.done.send(Done { tokens, result });
            failed?;
        }
        if self.unsynced_since.is_some() {
            self.writer.commit(std::iter::empty(), Flush::Now)?;
        }
        Ok(self.writer)
    }

    /// Waits for batches, and takes all that are there. False once there will be no more.
    fn wait(&mut self, batches: &mut Vec<Batch>) -> Result<bool, StoreError> {
        let first = match (self.fsync, self.unsynced_since) {
            (Fsync::Periodic(interval), Some(since)) => self.wait_until(since + interval)?,
            _ => self.batches.recv().ok(),
        };
        let Some(first) = first else {
            return Ok(false);
        };
        batches.push(first);
        batches.extend(self.batches.try_iter().take(BATCHES_MAX - 1));
        Ok(true)
    }

    /// As a wait for one batch, but syncs what came before at the latest at `due`.
    fn wait_until(&mut self, due: Instant) -> Result<Option<Batch>, StoreError> {
        match self.batches.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Ok(batch) => Ok(Some(batch)),
            Err(queue::RecvTimeoutError::Disconnected) => Ok(None),
            Err(queue::RecvTimeoutError::Timeout) => {
                self.writer.commit(std::iter::empty(), Flush::Now)?;
                self.note(Flush::Now);
                Ok(self.batches.recv().ok())
            }
        }
    }

    fn flush_for<'a>(&self, mut ops: impl Iterator<Item = &'a StoreOp>) -> Flush {
        let due = match (self.fsync, self.unsynced_since) {
            (Fsync::Always, _) => true,
            (Fsync::Periodic(interval), Some(since)) => since.elapsed() >= interval,
            (Fsync::Periodic(_), None) | (Fsync::Never, _) => false,
        };
        if due || ops.any(StoreOp::is_always_synced) {
            Flush::Now
        } else {
            Flush::Later
        }
    }

    fn note(&mut self, flush: Flush) {
        match flush {
            Flush::Now => self.unsynced_since = None,
            Flush::Later => self.unsynced_since = self.unsynced_since.or_else(|| Some(Instant::now())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        path::Path,
        sync::atomic::{AtomicBool, AtomicU64},
    };

    use quorate_core::{Generation, Store};
    use redb::{StorageBackend, backends::InMemoryBackend};

    use super::*;
    use crate::store::{
        RedbStore,
        open::{builder, open_database},
    };

    /// A disk in memory, which counts its syncs, and fails them when told to.
    #[derive(Clone, Debug, Default)]
    struct Backend {
        inner: Arc<InMemoryBackend>,
        syncs: Arc<AtomicU64>,
        is_full: Arc<AtomicBool>,
    }

    impl StorageBackend for Backend {
        fn len(&self) -> io::Result<u64> {
            self.inner.len()
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.inner.read(offset, out)
        }

        fn set_len(&self, len: u64) -> io::Result<()> {
            self.inner.set_len(len)
        }

        fn sync_data(&self) -> io::Result<()> {
            self.syncs.fetch_add(1, Ordering::Relaxed);
            if self.is_full.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.inner.sync_data()
        }

        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.inner.write(offset, data)
        }
    }

    fn open(backend: &Backend) -> (RedbStore, Writer) {
        let database = builder().create_with_backend(backend.clone()).unwrap();
        open_database(Path::new("store.redb"), database).unwrap()
    }

    fn batch() -> Vec<StoreOp> {
        let mut counter = quorate_core::Counter::new();
        let actor = quorate_core::Actor {
            node: quorate_core::NodeId(1),
            generation: Generation(1),
            birth: 1,
        };
        counter.add(actor, 1).unwrap();
        let record = quorate_core::Record::of(quorate_core::Cell::Counter(counter));
        vec![StoreOp::PutRecord {
            partition: quorate_core::PartitionId(0),
            key: quorate_core::Key::of(quorate_core::Kind::Counter, b"k"),
            record,
        }]
    }

    #[test]
    fn after_a_failed_sync_nothing_is_acknowledged_and_the_path_is_named() {
        let backend = Backend::default();
        let (_store, writer) = open(&backend);
        let (disk, mut finished) = Disk::start(writer, Fsync::Always).unwrap();
        disk.submit(PersistToken(0), batch());
        assert_eq!(finished.blocking_recv().unwrap().result, Ok(()));
        backend.is_full.store(true, Ordering::Relaxed);
        disk.submit(PersistToken(1), batch());
        let failed = finished.blocking_recv().unwrap();
        assert_eq!(failed.tokens, [PersistToken(1)]);
        let why = failed.result.unwrap_err().to_string();
        assert!(
            why.starts_with("store.redb: ") && why.contains("no storage space"),
            "{why}"
        );
        disk.submit(PersistToken(2), batch());
        assert!(finished.blocking_recv().is_none(), "the thread has ended");
        assert_eq!(disk.stop().unwrap_err().to_string(), why);
    }

    #[test]
    fn memory_is_synced_whatever_the_setting_and_records_as_they_say() {
        let syncs_of = |fsync, ops: Vec<StoreOp>| {
            let backend = Backend::default();
            let (store, writer) = open(&backend);
            let before = backend.syncs.load(Ordering::Relaxed);
            let (disk, mut finished) = Disk::start(writer, fsync).unwrap();
            disk.submit(PersistToken(0), ops);
            assert_eq!(finished.blocking_recv().unwrap().result, Ok(()));
            let synced = backend.syncs.load(Ordering::Relaxed) - before;
            assert_eq!(
                store
                    .summaries(quorate_core::PartitionId(0))
                    .map(|s| s.entries.len() < 2),
                Ok(true)
            );
            disk.stop().unwrap();
            synced > 0
        };
        let hour = Duration::from_secs(3600);
        let generation = || vec![StoreOp::SetGeneration(Generation(1))];
        for fsync in [Fsync::Always, Fsync::Periodic(hour), Fsync::Never] {
            assert!(syncs_of(fsync, generation()), "{fsync:?}");
            assert_eq!(syncs_of(fsync, batch()), fsync == Fsync::Always, "{fsync:?}");
        }
        assert!(syncs_of(Fsync::Never, [batch(), generation()].concat()));
    }

    #[test]
    fn a_period_ends_with_a_sync_of_its_own() {
        let backend = Backend::default();
        let (_store, writer) = open(&backend);
        let before = backend.syncs.load(Ordering::Relaxed);
        let (disk, mut finished) = Disk::start(writer, Fsync::Periodic(Duration::from_millis(1))).unwrap();
        disk.submit(PersistToken(0), batch());
        finished.blocking_recv().unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while backend.syncs.load(Ordering::Relaxed) == before {
            assert!(Instant::now() < deadline, "no sync");
            thread::yield_now();
        }
        disk.stop().unwrap();
    }
}
