//! Histories as files: opened, recognised by what they hold, and read in blocks, whatever wrote them.
//!
//! Errors name the file, the line and why, and end the process with exit code 65. `-` is standard input.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use quorate_checker::{
    Entry, Event, Function, History, HistoryBuilder, Transcript, TranscriptBuilder, TranscriptError,
    formats::{Collected, Format, ReadError, Reader, Refusal, Sink},
    isolation::{Data, Txns},
};

use quorate_workloads::TxnRecord;

use crate::{exit::ExitError, history_file, txns_file};

/// How many bytes are read at a time: enough that the system's share of the work does not show.
const BLOCK_BYTES: usize = 1 << 18;

/// A file that has been opened and recognised, and of which nothing else has been read.
pub struct Input {
    path: PathBuf,
    format: Format,
    /// The file's first bytes, as far as they had to be looked at.
    first: Vec<u8>,
    rest: Box<dyn Read + Send>,
    /// Whether the file can be opened again and holds the same.
    is_file: bool,
}

impl Input {
    /// Opens a file, or standard input for `-`. The format is the one asked for, or else the one that the beginning is of.
    ///
    /// # Errors
    /// It can't be read, or is of no format that is known.
    pub fn open(path: &Path, format: Option<Format>) -> anyhow::Result<Input> {
        let is_standard_input = path == Path::new("-");
        let (mut rest, is_file): (Box<dyn Read + Send>, bool) = if is_standard_input {
            (Box::new(io::stdin()), false)
        } else {
            let file = File::open(path).map_err(|error| bad_input(path, &error))?;
            let is_file = file.metadata().is_ok_and(|it| it.is_file());
            (Box::new(file), is_file)
        };
        let mut first = Vec::new();
        let limit = Format::RECOGNISED_BY_BYTES as u64;
        let beginning = Read::by_ref(&mut rest).take(limit).read_to_end(&mut first);
        beginning.map_err(|error| bad_input(path, &error))?;
        let format = match format {
            Some(format) => format,
            None => Format::recognise(&first).map_err(|error| bad_input(path, &error))?,
        };
        Ok(Input {
            path: path.to_owned(),
            format,
            first,
            rest,
            is_file,
        })
    }

    /// The file that was asked for.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The format that it is read in.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Opens it once more from the beginning, if it can be and holds the same, and its last line has its end.
    pub fn again_whole(&self) -> Option<Input> {
        if !self.is_file {
            return None;
        }
        let mut last = [0];
        let mut file = File::open(&self.path).ok()?;
        file.seek(SeekFrom::End(-1)).ok()?;
        file.read_exact(&mut last).ok()?;
        let is_whole = last == *b"\n";
        is_whole.then(|| Input::open(&self.path, Some(self.format)).ok())?
    }

    /// The entries of its beginning, as far as they can be read: to see what it is of.
    pub fn sample(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut sink = |_: u64, entry: Entry| {
            entries.push(entry);
            Ok(())
        };
        // What is wrong with it is said when it is read whole.
        let _ = Reader::new(self.format).feed(&self.first, &mut sink);
        entries
    }

    /// The calls of its beginning, as far as they can be read.
    pub fn beginning(&self) -> Transcript {
        let mut builder = TranscriptBuilder::new();
        for entry in self.sample() {
            if builder.push(entry).is_err() {
                break;
            }
        }
        builder.finish()
    }

    /// Everything, as transactions on such data, on so many threads; nothing if the history has anything unusual.
    pub fn txns(self, data: Data, jobs: usize) -> Option<Txns> {
        let Input { first, rest, .. } = self;
        txns_file::read(io::Cursor::new(first).chain(rest), data, jobs)
    }

    /// Everything, as calls in the order of real time.
    ///
    /// # Errors
    /// The line that can't be read, or can't follow those before it.
    pub fn transcript(self) -> anyhow::Result<(Transcript, Option<u64>)> {
        let (path, format, is_file) = (self.path.clone(), self.format, self.is_file);
        let mut builder = TranscriptBuilder::new();
        match self.read_into(&mut builder)? {
            Ok(torn) => Ok((builder.finish(), torn)),
            Err(ReadError::Refused {
                why: Refusal::Transcript(TranscriptError::OutOfOrder { .. }),
                ..
            }) if is_file => {
                let mut entries = Collected::new();
                let again = Input::open(&path, Some(format))?.read_into(&mut entries)?;
                let torn = again.map_err(|error| bad_input(&path, &error))?;
                let transcript = entries.into_transcript();
                Ok((transcript.map_err(|error| bad_input(&path, &error))?, torn))
            }
            Err(error) => Err(bad_input(&path, &error)),
        }
    }

    /// Everything, as a history of keys.
    ///
    /// # Errors
    /// The line that can't be read, is of no key, or can't follow those before it.
    pub fn history(self) -> anyhow::Result<(History, Option<u64>)> {
        let path = self.path.clone();
        let mut builder = HistoryBuilder::new();
        let mut index = 0;
        let mut sink = |_: u64, entry: Entry| -> Result<(), Refusal> {
            builder.push(entry.to_event(index)?)?;
            index += 1;
            Ok(())
        };
        let torn = self.read_into(&mut sink)?.map_err(|error| bad_input(&path, &error))?;
        Ok((builder.finish(), torn))
    }

    /// Everything, as a history of keys in our own lines, on so many threads.
    ///
    /// # Errors
    /// As [`Self::history`].
    pub fn own_history(self, jobs: usize) -> anyhow::Result<History> {
        let Input { path, first, rest, .. } = self;
        history_file::read_from(io::Cursor::new(first).chain(rest), &path, jobs)
    }

    /// Everything, as transactions on our own store and looks at its replicas.
    ///
    /// # Errors
    /// As [`Self::history`].
    pub fn own_transactions(self) -> anyhow::Result<(TxnRecord, Option<u64>)> {
        let path = self.path.clone();
        let mut calls = TranscriptBuilder::new();
        let mut looks: Vec<Event> = Vec::new();
        // What looks are is checked here once, so that who judges them need not doubt it.
        let mut checked = HistoryBuilder::new();
        let mut index = 0;
        let mut sink = |_: u64, entry: Entry| -> Result<(), Refusal> {
            if *entry.function == *Function::ReadReplica.name() {
                let look = entry.to_event(index)?;
                checked.push(look.clone())?;
                looks.push(look);
            } else {
                calls.push(entry)?;
            }
            index += 1;
            Ok(())
        };
        let torn = self.read_into(&mut sink)?.map_err(|error| bad_input(&path, &error))?;
        let calls = calls.finish();
        Ok((TxnRecord { calls, looks }, torn))
    }

    /// Gives every entry to `sink`, in the order of the file; returns the line that was torn, or why reading ended.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn read_into(mut self, sink: &mut dyn Sink) -> anyhow::Result<Result<Option<u64>, ReadError>> {
        let mut reader = Reader::new(self.format);
        let mut block = std::mem::take(&mut self.first);
        while !block.is_empty() {
            if let Err(error) = reader.feed(&block, sink) {
                return Ok(Err(error));
            }
            block.clear();
            let more = Read::by_ref(&mut self.rest).take(BLOCK_BYTES as u64);
            { more }
                .read_to_end(&mut block)
                .map_err(|error| bad_input(&self.path, &error))?;
        }
        Ok(reader.finish(sink).map(|()| reader.torn()))
    }
}

/// A failure to read a file, with its name.
pub fn bad_input(path: &Path, why: &dyn std::fmt::Display) -> anyhow::Error {
    ExitError::input(format!("read {}: {why}", path.display())).into()
}
