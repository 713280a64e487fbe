//! The record: every event, on disk from the first one on.
//!
//! A line is in the file before anything that depends on it happens, so that a harness that dies leaves all that it knew,
//! with a torn last line at the worst. The same events build the history that is judged.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use quorate_checker::{Entry, Event, EventKind, EventRef, HistoryBuilder, TranscriptBuilder, formats::write_jsonl};
use quorate_workloads::{Record, TxnRecord, Workload};

use crate::transaction::FUNCTION;

/// A history in the making, and its file.
#[derive(Debug)]
pub struct Recorder {
    file: Option<LineFile>,
    kept: Kept,
    next_index: u64,
}

/// What is kept to be judged.
#[derive(Debug)]
enum Kept {
    Nothing,
    /// Operations of keys, and looks at their replicas.
    Keys(HistoryBuilder),
    /// Transactions, and looks at replicas.
    Transactions(TranscriptBuilder, Vec<Event>),
}

/// What a client begins, or how that ended.
#[derive(Clone, Debug)]
pub enum Said {
    /// Of an operation of a key.
    Key(Event),
    /// Of a transaction.
    Txn(Entry),
}

impl Said {
    /// An event of nothing yet, to be filled in.
    pub fn nothing() -> Said {
        Said::Key(Event::read(0, ""))
    }

    /// The event that is said of an operation of a key.
    ///
    /// # Panics
    /// If it is of a transaction: a run has operations of one sort.
    pub fn event_mut(&mut self) -> &mut Event {
        match self {
            Said::Key(event) => event,
            Said::Txn(_) => unreachable!("only transactions are said to be such"),
        }
    }

    /// Whether it begins, or how it ended.
    pub fn kind(&self) -> EventKind {
        match self {
            Said::Key(event) => event.kind,
            Said::Txn(entry) => entry.kind,
        }
    }

    /// What is done, in the record's word for it.
    pub fn function(&self) -> &'static str {
        match self {
            Said::Key(event) => event.function.name(),
            Said::Txn(_) => FUNCTION,
        }
    }

    /// Why it failed, or why its outcome is not known.
    pub fn error(&self) -> Option<&str> {
        match self {
            Said::Key(event) => event.error.as_deref(),
            Said::Txn(entry) => entry.error.as_ref().and_then(|error| error.as_name()),
        }
    }

    /// When, in nanoseconds since the start of the run.
    pub fn time_ns(&self) -> u64 {
        match self {
            Said::Key(event) => event.time_ns,
            Said::Txn(entry) => entry.time_ns.unwrap_or(0),
        }
    }
}

impl Recorder {
    /// A record of `workload` in a new file.
    ///
    /// # Errors
    /// If the file can't be made.
    pub fn create(path: &Path, workload: Workload) -> anyhow::Result<Recorder> {
        Ok(Recorder {
            file: Some(LineFile::create(path)?),
            ..Recorder::in_memory(workload)
        })
    }

    /// A record of `workload` that leaves no file.
    pub fn in_memory(workload: Workload) -> Recorder {
        let kept = if workload.is_of_transactions() {
            Kept::Transactions(TranscriptBuilder::new(), Vec::new())
        } else {
            Kept::Keys(HistoryBuilder::new())
        };
        Recorder {
            file: None,
            kept,
            next_index: 0,
        }
    }

    /// No record at all: its history is empty. To measure what a record costs.
    pub fn none() -> Recorder {
        Recorder {
            file: None,
            kept: Kept::Nothing,
            next_index: 0,
        }
    }

    /// Adds what a client begins or has ended, as [`Self::push`] does.
    ///
    /// # Errors
    /// As [`Self::push`].
    ///
    /// # Panics
    /// As [`Self::push`].
    pub fn push_said(&mut self, said: &mut Said) -> anyhow::Result<()> {
        match said {
            Said::Key(event) => self.push(event),
            Said::Txn(entry) => self.push_entry(entry),
        }
    }

    /// Adds an event, and gives it the next index.
    ///
    /// # Errors
    /// If the file can't be written.
    ///
    /// # Panics
    /// If the events so far make no history: a bug in the harness.
    pub fn push(&mut self, event: &mut Event) -> anyhow::Result<()> {
        event.index = self.next_index;
        self.next_index += 1;
        if let Some(file) = &mut self.file {
            file.append(&event.to_line())?;
        }
        match &mut self.kept {
            Kept::Nothing => {}
            Kept::Keys(builder) => builder
                .push_ref(EventRef::from(&*event))
                .expect("the harness records what can have happened"),
            Kept::Transactions(_, looks) => looks.push(event.clone()),
        }
        Ok(())
    }

    fn push_entry(&mut self, entry: &mut Entry) -> anyhow::Result<()> {
        entry.index = Some(self.next_index);
        self.next_index += 1;
        if let Some(file) = &mut self.file {
            file.append(&write_jsonl(entry))?;
        }
        if let Kept::Transactions(calls, _) = &mut self.kept {
            calls
                .push(entry.clone())
                .expect("the harness records what can have happened");
        }
        Ok(())
    }

    /// Ends the record.
    ///
    /// # Errors
    /// If the file can't be synced.
    pub fn finish(self) -> anyhow::Result<Record> {
        if let Some(file) = self.file {
            file.sync()?;
        }
        Ok(match self.kept {
            Kept::Nothing => Record::Keys(HistoryBuilder::new().finish()),
            Kept::Keys(builder) => Record::Keys(builder.finish()),
            Kept::Transactions(calls, looks) => Record::Own(TxnRecord {
                calls: calls.finish(),
                looks,
            }),
        })
    }
}

/// A file that grows by whole lines.
#[derive(Debug)]
pub struct LineFile {
    path: PathBuf,
    file: File,
}

impl LineFile {
    /// Makes a new file.
    ///
    /// # Errors
    /// If it can't be made.
    pub fn create(path: &Path) -> anyhow::Result<LineFile> {
        let file = File::create_new(path).with_context(|| format!("create {}", path.display()))?;
        Ok(LineFile {
            path: path.to_owned(),
            file,
        })
    }

    /// Adds a line, in one write: another process never sees half of one, unless the machine stops.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn append(&mut self, line: &str) -> anyhow::Result<()> {
        let mut bytes = Vec::with_capacity(line.len() + 1);
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
        self.during("write to", |file| file.write_all(&bytes))
    }

    /// Makes all lines durable.
    ///
    /// # Errors
    /// If they can't be.
    pub fn sync(mut self) -> anyhow::Result<()> {
        self.during("sync", |file| file.sync_all())
    }

    fn during(&mut self, what: &str, act: impl FnOnce(&mut File) -> io::Result<()>) -> anyhow::Result<()> {
        act(&mut self.file).with_context(|| format!("{what} {}", self.path.display()))
    }
}
