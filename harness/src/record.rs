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
use quorate_checker::{Event, EventRef, History, HistoryBuilder};

/// A history in the making, and its file.
#[derive(Debug)]
pub struct Recorder {
    file: Option<LineFile>,
    /// None where nothing is kept.
    builder: Option<HistoryBuilder>,
    next_index: u64,
}

impl Recorder {
    /// A record in a new file.
    ///
    /// # Errors
    /// If the file can't be made.
    pub fn create(path: &Path) -> anyhow::Result<Recorder> {
        Ok(Recorder {
            file: Some(LineFile::create(path)?),
            ..Recorder::in_memory()
        })
    }

    /// A record that leaves no file.
    pub fn in_memory() -> Recorder {
        Recorder {
            file: None,
            builder: Some(HistoryBuilder::new()),
            next_index: 0,
        }
    }

    /// No record at all: its history is empty. To measure what a record costs.
    pub fn none() -> Recorder {
        Recorder {
            builder: None,
            ..Recorder::in_memory()
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
        if let Some(builder) = &mut self.builder {
            builder
                .push_ref(EventRef::from(&*event))
                .expect("the harness records what can have happened");
        }
        Ok(())
    }

    /// Ends the record.
    ///
    /// # Errors
    /// If the file can't be synced.
    pub fn finish(self) -> anyhow::Result<History> {
        if let Some(file) = self.file {
            file.sync()?;
        }
        Ok(self.builder.unwrap_or_default().finish())
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
