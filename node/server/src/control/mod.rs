//! Breaking a node from inside, for those who test it: its disk, its wall clock, and the messages that it sends.
//!
//! Off unless the node is told to take orders at its start (`--control`); what is not there costs a look at an `Option`.
//! Orders come on standard input and are answered on standard output, so that nobody but the parent can give any: there
//! is no socket to find. Each carries a lease after which it ends by itself, and all end when the input does.
//!
//! What an order has done is counted: a fault that nothing was seen of proves nothing.

mod channel;
mod clock;
mod disk;
mod held;
mod messages;
mod order;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use redb::backends::FileBackend;

pub use self::order::{
    Answer, Clock, Counts, Cut, Disk as DiskOrder, DiskFailure, MessageCounts, Messages as MessageOrder, Order, What,
};
pub(crate) use self::{
    channel::{say, serve},
    disk::{ControlledFile, Handle},
    messages::Fate,
};
use self::{clock::Skew, disk::Disk, messages::Messages};

/// What has been ordered, and what came of it. One a process, shared by all that can be broken.
#[derive(Debug)]
pub struct Control {
    disk: Arc<Disk>,
    skew: Mutex<Leased<Skew>>,
    readings_wrong: AtomicU64,
    messages: Messages,
    file: OnceLock<Arc<ControlledFile>>,
}

impl Control {
    /// Nothing is broken. With `holds_writes`, what is written stays in memory until it is synced, so that the end of
    /// the process is to the file what a power cut is. `seed` decides which messages are hit.
    pub fn new(holds_writes: Writes, seed: u64) -> Arc<Control> {
        Arc::new(Control {
            disk: Arc::new(Disk::new(holds_writes)),
            skew: Mutex::default(),
            readings_wrong: AtomicU64::new(0),
            messages: Messages::new(seed),
            file: OnceLock::new(),
        })
    }

    /// Carries out an order.
    pub fn obey(&self, order: &Order) -> Answer {
        let until = Instant::now() + Duration::from_millis(order.lease_ms);
        let mut answer = Answer::to(order.id);
        match &order.what {
            What::Disk(disk) => self.disk.set(disk.clone(), until),
            What::Clock(clock) => lock(&self.skew).set(Skew::from(clock), until),
            What::Messages { to, faults } => match faults.check() {
                Ok(()) => self.messages.set(*to, faults.clone(), until),
                Err(why) => answer.error = Some(why),
            },
            What::CutPower { seed } => match self.file.get().map(|file| file.cut(*seed)) {
                Some(Ok(cut)) => answer.cut = Some(cut),
                Some(Err(error)) => answer.error = Some(error.to_string()),
                // It is about to start: nothing was written yet.
                None => answer.cut = Some(Cut::default()),
            },
            What::Heal => self.heal(),
            What::Count => {}
        }
        answer.counts = self.counts();
        answer
    }

    /// An answer to nobody, with what was counted in all.
    pub(crate) fn last_words(&self) -> Answer {
        Answer {
            counts: self.counts(),
            ..Answer::default()
        }
    }

    /// Breaks nothing any more. Power that was cut stays so.
    pub fn heal(&self) {
        self.disk.heal();
        lock(&self.skew).end();
        self.messages.heal();
    }

    /// What orders have done so far.
    pub fn counts(&self) -> Counts {
        Counts {
            readings_wrong: self.readings_wrong.load(Ordering::Relaxed),
            ..self.disk.counts(self.messages.counts())
        }
    }

    /// What a wall clock shows that shows `wall_ns` when nothing is wrong with it.
    pub(crate) fn skewed(&self, wall_ns: u64) -> u64 {
        let Some(skew) = lock(&self.skew).in_force().copied() else {
            return wall_ns;
        };
        let skewed = wall_ns.saturating_add_signed(skew.ahead_ns());
        if skewed != wall_ns {
            self.readings_wrong.fetch_add(1, Ordering::Relaxed);
        }
        skewed
    }

    /// What becomes of a message.
    pub(crate) fn fate(&self, to: quorate_core::NodeId, message: &quorate_core::Message) -> Fate {
        self.messages.fate(to, message)
    }

    /// What stands between a store and its file.
    pub(crate) fn wrap(&self, file: FileBackend) -> Arc<ControlledFile> {
        let file = Arc::new(ControlledFile::new(file, Arc::clone(&self.disk)));
        let is_first = self.file.set(Arc::clone(&file)).is_ok();
        assert!(is_first, "a node has one store");
        file
    }

    /// Whether a look at what is stored fails: what is asked for is kept in memory, and seldom read from the file.
    pub(crate) fn read_failure(&self) -> Option<std::io::Error> {
        self.disk.read().err()
    }
}

/// Where what is written waits for a sync.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Writes {
    /// In the file, as far as the system is concerned: it outlives the process.
    #[default]
    InFile,
    /// In the process's memory: it ends with the process.
    Held,
}

/// What was ordered, until its lease ends.
#[derive(Debug)]
struct Leased<T> {
    ordered: Option<(T, Instant)>,
}

impl<T> Default for Leased<T> {
    fn default() -> Leased<T> {
        Leased { ordered: None }
    }
}

impl<T> Leased<T> {
    fn set(&mut self, ordered: T, until: Instant) {
        self.ordered = Some((ordered, until));
    }

    fn end(&mut self) {
        self.ordered = None;
    }

    /// What is in force, if the lease has not ended.
    fn in_force(&mut self) -> Option<&T> {
        if self.ordered.as_ref().is_some_and(|(_, until)| *until <= Instant::now()) {
            self.ordered = None;
        }
        self.ordered.as_ref().map(|(ordered, _)| ordered)
    }
}

/// What is behind these locks is whole at every moment, whoever panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
