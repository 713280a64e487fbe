//! A tape in the making.
//!
//! Lines are kept back for a while, as a tape that lost its last second with the harness is still a tape: the history is
//! what has to hold every event.

use std::{
    fs::{File, OpenOptions},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use quorate_core::NodeId;

use super::line::{Ask, Ending, Header, Line};
use crate::fault_log::Entry;

/// How many lines are kept back at most.
const HELD_BACK_MAX: usize = 500;

/// Where a run's tape goes, if it goes anywhere.
#[derive(Debug)]
pub struct TapeRecorder {
    file: Option<TapeFile>,
}

#[derive(Debug)]
struct TapeFile {
    path: PathBuf,
    file: BufWriter<File>,
    header: Header,
    held_back: usize,
}

impl TapeRecorder {
    /// A tape in a new file.
    ///
    /// # Errors
    /// If the file can't be made.
    pub fn create(path: &Path, header: Header) -> anyhow::Result<TapeRecorder> {
        let file = File::create_new(path).with_context(|| format!("create {}", path.display()))?;
        let file = TapeFile {
            path: path.to_owned(),
            file: BufWriter::new(file),
            header,
            held_back: 0,
        };
        Ok(TapeRecorder { file: Some(file) })
    }

    /// No tape.
    pub fn none() -> TapeRecorder {
        TapeRecorder { file: None }
    }

    /// The load begins, on these nodes.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn begin(&mut self, identities: Vec<NodeId>) -> anyhow::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        file.header.identities = identities;
        let header = Line::Header(Box::new(file.header.clone()));
        file.append(&header)?;
        file.flush()
    }

    /// A client asks.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn ask(&mut self, ask: impl FnOnce() -> Ask) -> anyhow::Result<()> {
        match &mut self.file {
            Some(file) => file.append(&Line::Ask(ask())),
            None => Ok(()),
        }
    }

    /// The run is over, and these were its faults.
    ///
    /// # Errors
    /// If the file can't be written or synced.
    pub fn finish(self, faults: &[Entry]) -> anyhow::Result<()> {
        let Some(mut file) = self.file else {
            return Ok(());
        };
        for entry in faults {
            file.append(&Line::Fault(entry.clone()))?;
        }
        file.flush()?;
        let synced = file.file.get_ref().sync_all();
        synced.with_context(|| format!("sync {}", file.path.display()))
    }
}

impl TapeFile {
    fn append(&mut self, line: &Line) -> anyhow::Result<()> {
        let text = line.to_text() + "\n";
        let written = self.file.write_all(text.as_bytes());
        written.with_context(|| format!("write to {}", self.path.display()))?;
        self.held_back += 1;
        if self.held_back >= HELD_BACK_MAX {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        self.held_back = 0;
        let flushed = self.file.flush();
        flushed.with_context(|| format!("write to {}", self.path.display()))
    }
}

/// Adds to a tape how its run ended.
///
/// # Errors
/// If the file can't be written.
pub fn append_ending(path: &Path, ending: Ending) -> anyhow::Result<()> {
    let line = Line::End(ending).to_text() + "\n";
    let file = OpenOptions::new().append(true).open(path);
    let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
    written.with_context(|| format!("write to {}", path.display()))
}
