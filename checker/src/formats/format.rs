//! The formats and their names.

use std::{fmt, str::FromStr};

/// How a file says what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// An object of JSON a line, as our own `history.jsonl`. A torn last line is passed over.
    Jsonl,
    /// An array of such objects.
    Json,
    /// A map of EDN after another, mostly one a line; or all in one list or vector. A torn last map of the former is passed
    /// over.
    Edn,
    /// Jepsen's `history.txt`: process, type, function, value and error, in columns.
    HistoryTxt,
    /// Those columns behind the prefix of Jepsen's logger. Here `:fail :read :timed-out` means unknown, and `:fail :cas` that
    /// the value was seen to be another than the one compared with: an ok call that answered `false`.
    EtcdLog,
    /// Maps of EDN that get, put and append texts under a `:key`, where a key that is not there reads as an empty text.
    KvLog,
    /// Messages of Maelstrom's protocol, an object of JSON a line, to and from the nodes: requests of clients and their replies.
    Maelstrom,
    /// AWDIT's test histories: `r key value` and `w key value`, with rules of dashes between transactions and of equals signs
    /// between sessions.
    Awdit,
    /// Plume's histories: `r(key,value,session,transaction)`.
    Plume,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 9] = [
        Self::Jsonl,
        Self::Json,
        Self::Edn,
        Self::HistoryTxt,
        Self::EtcdLog,
        Self::KvLog,
        Self::Maelstrom,
        Self::Awdit,
        Self::Plume,
    ];

    /// Returns the name by which it is asked for.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Json => "json",
            Self::Edn => "edn",
            Self::HistoryTxt => "history-txt",
            Self::EtcdLog => "etcd-log",
            Self::KvLog => "kv-log",
            Self::Maelstrom => "maelstrom",
            Self::Awdit => "awdit",
            Self::Plume => "plume",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name is no format's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no format; there are {list}", list = Format::ALL.map(Format::name).join(", "))]
pub struct NoSuchFormat(pub String);

impl FromStr for Format {
    type Err = NoSuchFormat;

    fn from_str(name: &str) -> Result<Self, NoSuchFormat> {
        let format = Self::ALL.into_iter().find(|it| it.name() == name);
        format.ok_or_else(|| NoSuchFormat(name.to_owned()))
    }
}
