//! Why a file could not be read: the line, and what to make of it. The file's name is the caller's to add.

use crate::{
    history::HistoryError,
    transcript::{EntryError, TranscriptError},
};

/// A file could not be read. Entries that were given before it stand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// A line is not what the format asks for.
    #[error("line {line}: {why}")]
    Text {
        /// The line, from 1.
        line: u64,
        /// What is wrong, as a fragment, and what helps where that can be said.
        why: String,
    },
    /// A line is well-formed, but says what no entry can.
    #[error("line {line}: {why}")]
    Entry {
        /// The line, from 1, on which the entry begins.
        line: u64,
        /// What is wrong.
        why: EntryError,
    },
    /// The sink did not take an entry.
    #[error("line {line}: {why}")]
    Refused {
        /// The line, from 1, on which the entry begins.
        line: u64,
        /// The sink's reason.
        why: Refusal,
    },
}

impl ReadError {
    /// Returns the line, from 1.
    pub fn line(&self) -> u64 {
        match self {
            Self::Text { line, .. } | Self::Entry { line, .. } | Self::Refused { line, .. } => *line,
        }
    }

    pub(super) fn text(line: u64, why: impl Into<String>) -> Self {
        Self::Text { line, why: why.into() }
    }
}

/// Why a sink does not take an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It does not follow those before it.
    #[error(transparent)]
    Transcript(#[from] TranscriptError),
    /// It is no event of a history of keys.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// It is such an event, but can't follow those before it.
    #[error(transparent)]
    History(#[from] HistoryError),
}
