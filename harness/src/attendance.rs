//! Who was there when, and as what: what became of each node's process, and what the node was to the cluster. Kept beside a
//! run's history in `members.jsonl`, for those who show it; nothing is judged by it.
//!
//! ```text
//! {"format":1,"time":48211000,"node":"n6","turn":"started"}
//! {"format":1,"time":61504000,"node":"n6","turn":"joining"}
//! {"format":1,"time":90220000,"node":"n2","turn":"banned"}
//! ```

use std::{collections::BTreeMap, fs, io, path::Path};

use quorate_core::{NodeId, Standing};
use serde::{Deserialize, Serialize};

use crate::{cluster::Elapsed, input::bad_input, load::nanos, told::NodeNames, utc};

/// The file's name in a run's folder.
pub const FILE: &str = "members.jsonl";

/// The version of the file's form.
const FORMAT: u32 = 1;

/// What becomes of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Turn {
    /// Its process has been started.
    Started,
    /// Its process has ended.
    Ended,
    /// Its process is paused.
    Paused,
    /// Its process goes on.
    Resumed,
    /// It says that it waits to be let in, as the others below say what they are called by.
    Waiting,
    /// It is to be given its partitions.
    Joining,
    /// It is a member.
    Normal,
    /// It gives its partitions away.
    Leaving,
    /// It is a member no more, as it asked.
    Left,
    /// Another was the first to say that it is a member no more, for good.
    Banned,
}

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    format: u32,
    /// When, in nanoseconds since the start of the run.
    #[serde(rename = "time")]
    pub time_ns: u64,
    /// Of which node.
    pub node: String,
    /// What became of it.
    pub turn: Turn,
}

impl Entry {
    /// What became of a node, so long after the start of the run.
    pub fn new(at: Elapsed, node: String, turn: Turn) -> Entry {
        Entry {
            format: FORMAT,
            time_ns: nanos(at),
            node,
            turn,
        }
    }

    /// What a simulated node's turn says, and of whom. `name` knows what nodes are called.
    pub fn of_simulated(at: Elapsed, teller: &str, turn: quorate_sim::Turn, name: impl Fn(NodeId) -> String) -> Entry {
        let (node, turn) = match turn {
            quorate_sim::Turn::Started => (teller.to_owned(), Turn::Started),
            quorate_sim::Turn::Ended => (teller.to_owned(), Turn::Ended),
            quorate_sim::Turn::Paused => (teller.to_owned(), Turn::Paused),
            quorate_sim::Turn::Resumed => (teller.to_owned(), Turn::Resumed),
            quorate_sim::Turn::Stands(standing) => (teller.to_owned(), standing.into()),
            quorate_sim::Turn::Banned(node) => (name(node), Turn::Banned),
        };
        Entry::new(at, node, turn)
    }
}

impl From<Standing> for Turn {
    fn from(standing: Standing) -> Turn {
        match standing {
            Standing::Waiting => Turn::Waiting,
            Standing::Joining => Turn::Joining,
            Standing::Normal => Turn::Normal,
            Standing::Leaving => Turn::Leaving,
            Standing::Left => Turn::Left,
        }
    }
}

/// Puts entries in order. Of those who say that a node is a member no more only the first counts.
pub fn in_order(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort();
    let mut banned = Vec::new();
    entries.retain(|entry| {
        let is_new = entry.turn != Turn::Banned || !banned.contains(&entry.node);
        banned.extend((entry.turn == Turn::Banned).then(|| entry.node.clone()));
        is_new
    });
    entries
}

/// What a node has told in its log of what it and others are to the cluster; `zero_unix_ns` is when the run began. What else is in
/// it, and a line that was cut short, is passed over.
///
/// # Errors
/// If the log can't be read. One that is not there is of a node that never ran.
pub fn of_log(log: &Path, teller: &str, names: &NodeNames, zero_unix_ns: u64) -> io::Result<Vec<Entry>> {
    let text = match fs::read(log) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let text = String::from_utf8_lossy(&text);
    let told = text
        .lines()
        .filter_map(|line| of_line(line, teller, names, zero_unix_ns));
    Ok(told.collect())
}

fn of_line(line: &str, teller: &str, names: &NodeNames, zero_unix_ns: u64) -> Option<Entry> {
    const STANDS: &str = ": standing changed standing=";
    const BANNED: &str = ": node removed from the cluster, for good node=";
    let (node, turn) = if let Some((_, standing)) = line.split_once(STANDS) {
        let standing = format!("\"{}\"", standing.trim_matches('"'));
        (teller.to_owned(), serde_json::from_str(&standing).ok()?)
    } else {
        let (_, node) = line.split_once(BANNED)?;
        let name = names.get(node).map_or(node, String::as_str);
        (name.to_owned(), Turn::Banned)
    };
    let since = utc::unix_ns(line.split_once(' ')?.0)? - i128::from(zero_unix_ns);
    Some(Entry {
        format: FORMAT,
        // What is told before the run begins is of its beginning.
        time_ns: u64::try_from(since.max(0)).ok()?,
        node,
        turn,
    })
}

/// The file's text.
pub fn to_jsonl(entries: &[Entry]) -> serde_json::Result<String> {
    let lines = entries.iter().map(serde_json::to_string);
    Ok(lines.collect::<serde_json::Result<Vec<_>>>()?.join("\n") + "\n")
}

/// Reads the file; nothing if it is not there: runs that were made before had none.
///
/// # Errors
/// If it can't be read, with the line and why: exit code 65.
pub fn read(path: &Path) -> anyhow::Result<Vec<Entry>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(bad_input(path, &error)),
    };
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.is_empty());
    let entries = lines.map(|(line, number)| {
        let at = |why: &dyn std::fmt::Display| bad_input(path, &format_args!("line {number}: {why}"));
        let entry: Entry = serde_json::from_str(line).map_err(|error| at(&error))?;
        match entry.format {
            FORMAT => Ok(entry),
            other => Err(at(&format_args!("format {other}: known is {FORMAT}"))),
        }
    });
    entries.collect()
}

/// What a node was to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It has said nothing yet, or that it waits.
    Waiting,
    /// It comes in.
    Joining,
    /// It is in.
    Member,
    /// It goes out.
    Leaving,
    /// It is out, as it asked.
    Left,
    /// It is out, as others asked.
    Removed,
}

/// What a node's process did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Process {
    /// It ran.
    Up,
    /// It was paused.
    Paused,
    /// There was none.
    Down,
}

/// A stretch of time in which a node stayed what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// Which node.
    pub node: String,
    /// From when on, in nanoseconds since the start of the run.
    pub start_ns: u64,
    /// Until when; `None` if until the end.
    pub end_ns: Option<u64>,
    /// What it was.
    pub role: Role,
    /// Whether it ran.
    pub process: Process,
}

impl Stay {
    /// What it was, in words: `member, down`.
    pub fn words(&self) -> String {
        let role = match self.role {
            Role::Waiting => "waiting to be let in",
            Role::Joining => "joining",
            Role::Member => "member",
            Role::Leaving => "leaving",
            Role::Left => "left",
            Role::Removed => "removed",
        };
        let process = match self.process {
            Process::Down if self.role == Role::Left => ", its process ended",
            _ if self.role == Role::Removed => "",
            Process::Up => "",
            Process::Paused => ", paused",
            Process::Down => ", down",
        };
        format!("{role}{process}")
    }
}

/// What each node was from when to when: node by node, n2 before n10, each in order of time. From before its first process a node
/// has none.
pub fn stays(entries: &[Entry]) -> Vec<Stay> {
    let mut by_node: BTreeMap<(usize, &str), Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        by_node.entry((entry.node.len(), &entry.node)).or_default().push(entry);
    }
    by_node.into_values().flat_map(|turns| stays_of(&turns)).collect()
}

fn stays_of(turns: &[&Entry]) -> Vec<Stay> {
    let mut stays: Vec<Stay> = Vec::new();
    for entry in turns {
        let (role, process) = stays
            .last()
            .map_or((Role::Waiting, Process::Down), |last| (last.role, last.process));
        let (role, process) = after(role, process, entry.turn);
        let Some(last) = stays.last_mut() else {
            stays.push(stay(entry, role, process));
            continue;
        };
        if (last.role, last.process) == (role, process) {
            continue;
        }
        // What lasted no time is not shown.
        if last.start_ns == entry.time_ns {
            stays.pop();
        } else {
            last.end_ns = Some(entry.time_ns);
        }
        stays.push(stay(entry, role, process));
    }
    stays
}

fn stay(from: &Entry, role: Role, process: Process) -> Stay {
    Stay {
        node: from.node.clone(),
        start_ns: from.time_ns,
        end_ns: None,
        role,
        process,
    }
}

fn after(role: Role, process: Process, turn: Turn) -> (Role, Process) {
    match turn {
        Turn::Started | Turn::Resumed => (role, Process::Up),
        Turn::Ended => (role, Process::Down),
        Turn::Paused => (role, Process::Paused),
        Turn::Waiting => (Role::Waiting, process),
        Turn::Joining => (Role::Joining, process),
        Turn::Normal => (Role::Member, process),
        Turn::Leaving => (Role::Leaving, process),
        // Whoever has left is banned as well, so that nobody takes it in again.
        Turn::Left => (Role::Left, process),
        Turn::Banned if role == Role::Left => (Role::Left, process),
        Turn::Banned => (Role::Removed, process),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
1970-01-01T00:00:01.1Z  INFO quorate_node::server::log: standing changed standing=\"joining\"
1970-01-01T00:00:01.2Z  WARN quorate_node::server::log: node removed from the cluster, for good node=00000000000000aa
1970-01-01T00:00:01.3Z  INFO quorate_node::server::log: standing changed standing=\"nor";

    fn entry(ms: u64, node: &str, turn: Turn) -> Entry {
        Entry::new(Elapsed::from_millis(ms), node.to_owned(), turn)
    }

    #[test]
    fn what_a_log_tells_is_what_the_file_keeps() {
        let names: NodeNames = [("00000000000000aa".to_owned(), "n2".to_owned())].into();
        let folder = tempfile::tempdir().expect("a folder");
        let (log, file) = (folder.path().join("n6.log"), folder.path().join(FILE));
        fs::write(&log, LOG).expect("written");
        let told = of_log(&log, "n6", &names, 1_000_000_000).expect("it can be read");
        assert_eq!(told, [entry(100, "n6", Turn::Joining), entry(200, "n2", Turn::Banned)]);
        fs::write(&file, to_jsonl(&told).expect("texts")).expect("written");
        assert_eq!(read(&file).expect("it can be read"), told);
        fs::write(&file, "{\"format\":2,\"time\":1,\"node\":\"n1\",\"turn\":\"left\"}\n").expect("written");
        let error = read(&file).expect_err("another format").to_string();
        assert!(error.contains("line 1: format 2"), "{error}");
    }

    #[test]
    fn what_a_node_was_follows_from_what_became_of_it() {
        let entries = in_order(vec![
            entry(0, "n10", Turn::Started),
            entry(0, "n10", Turn::Normal),
            entry(5, "n10", Turn::Ended),
            entry(9, "n10", Turn::Banned),
            entry(8, "n10", Turn::Banned),
            entry(6, "n2", Turn::Started),
            entry(7, "n2", Turn::Joining),
            entry(9, "n2", Turn::Normal),
            entry(10, "n2", Turn::Paused),
            entry(11, "n2", Turn::Resumed),
            entry(12, "n2", Turn::Leaving),
            entry(13, "n2", Turn::Left),
            entry(14, "n2", Turn::Banned),
            entry(15, "n2", Turn::Ended),
        ]);
        let told: Vec<_> = stays(&entries)
            .iter()
            .map(|stay| {
                let ms = |ns: u64| ns / 1_000_000;
                let until = stay.end_ns.map_or("end".to_owned(), |end| ms(end).to_string());
                format!("{} {}-{until} {}", stay.node, ms(stay.start_ns), stay.words())
            })
            .collect();
        assert_eq!(
            told,
            [
                "n2 6-7 waiting to be let in",
                "n2 7-9 joining",
                "n2 9-10 member",
                "n2 10-11 member, paused",
                "n2 11-12 member",
                "n2 12-13 leaving",
                "n2 13-15 left",
                "n2 15-end left, its process ended",
                "n10 0-5 member",
                "n10 5-8 member, down",
                "n10 8-end removed",
            ]
        );
    }
}
