//! What nodes tell of the owners of partitions, and whom they counted for answers: collected from their logs, or from a
//! simulation, and kept beside a run's history in `cluster.jsonl`.
//!
//! ```text
//! {"owners":{"partition":3,"epoch":2,"phase":"read-old","owners":["n1","n2","n4"],"next":["n1","n2","n6"]}}
//! {"quorum":{"partition":3,"epoch":2,"operation":"write","nodes":["n1","n2","n6"],"coordinator":"n5"}}
//! {"move":{"partition":3,"epoch":2,"kind":"copied","node":"n6","with":["n1","n4"]}}
//! {"members":{"node":"n1","members":{"n1":"weight 1 in dc1/rack1","n2":"weight 1 in dc1/rack1"}}}
//! {"compared":{"node":"n1","peers":4,"differing":0,"tries":1}}
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

use quorate_checker::cluster::{
    ClusterRecord, Compared, CountedQuorum, MembersSeen, Move, MoveKind, OwnersRecord, QuorumOperation,
};
use quorate_core::{Epoch, Event, NodeId, Operation, Owner, PartitionId};
use serde::{Deserialize, Serialize};

use crate::input::bad_input;

/// The file's name in a run's folder.
pub const FILE: &str = "cluster.jsonl";

/// What a node is called, by its identity as logs have it.
pub type NodeNames = BTreeMap<String, String>;

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Owners(OwnersRecord),
    Quorum(CountedQuorum),
    Move(Move),
    Members(MembersSeen),
    Compared(Compared),
}

/// Adds what a simulated node has told.
pub fn add_event(record: &mut ClusterRecord, event: &Event, coordinator: &str, name: impl Fn(NodeId) -> String) {
    let owners = |owners: &[Owner]| owners.iter().map(|owner| name(owner.node)).collect();
    let moved = |kind, partition: PartitionId, epoch: Epoch, with: &[NodeId]| Move {
        partition: partition.0.into(),
        epoch: epoch.0,
        kind,
        node: coordinator.to_owned(),
        with: with.iter().copied().map(&name).collect(),
    };
    match event {
        Event::PartitionCopied { partition, epoch, with } => {
            record.moves.insert(moved(MoveKind::Copied, *partition, *epoch, with));
        }
        Event::PartitionDropped {
            partition, epoch, with, ..
        } => {
            record.moves.insert(moved(MoveKind::Dropped, *partition, *epoch, with));
        }
        Event::OwnersChanged { ownership } => {
            record.records.insert(OwnersRecord {
                partition: ownership.partition.0.into(),
                epoch: ownership.epoch.0,
                phase: ownership.phase.name().to_owned(),
                owners: owners(&ownership.owners),
                next: owners(&ownership.next),
            });
        }
        Event::QuorumCounted(counted) => {
            record.quorums.insert(CountedQuorum {
                partition: counted.partition.0.into(),
                epoch: counted.epoch.0,
                operation: match counted.operation {
                    Operation::Read => QuorumOperation::Read,
                    Operation::Write => QuorumOperation::Write,
                },
                nodes: counted.nodes.iter().copied().map(&name).collect(),
                coordinator: coordinator.to_owned(),
            });
        }
        _ => {}
    }
}

/// Adds what a node has told in its log. What else is in it, and a line that was cut short, is passed over.
///
/// # Errors
/// If the log can't be read. One that is not there is of a node that never ran.
pub fn add_log(record: &mut ClusterRecord, log: &Path, coordinator: &str, names: &NodeNames) -> io::Result<()> {
    let text = match fs::read(log) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for line in text.lines() {
        add_line(record, line, coordinator, names);
    }
    Ok(())
}

fn add_line(record: &mut ClusterRecord, line: &str, coordinator: &str, names: &NodeNames) -> Option<()> {
    const COUNTED: &str = ": quorum counted ";
    const CHANGED: &str = ": owners changed ";
    const COPIED: &str = ": partition copied ";
    const DROPPED: &str = ": partition dropped ";
    let kinds = [COUNTED, CHANGED, COPIED, DROPPED];
    let (kind, fields) = kinds
        .into_iter()
        .find_map(|kind| line.split_once(kind).map(|(_, fields)| (kind, fields)))?;
    let fields: BTreeMap<_, _> = fields.split(' ').filter_map(|field| field.split_once('=')).collect();
    let text = |name: &str| fields.get(name).map(|text| text.trim_matches('"'));
    let number = |name: &str| text(name)?.parse().ok();
    let nodes = |name: &str| -> Option<BTreeSet<String>> {
        let nodes = text(name)?.split('+').filter(|node| !node.is_empty());
        let named = nodes.map(|node| names.get(node).map_or(node, String::as_str).to_owned());
        Some(named.collect())
    };
    let (partition, epoch) = (number("partition")?, number("epoch")?);
    if kind == COUNTED {
        let operation = match text("operation")? {
            "read" => QuorumOperation::Read,
            "write" => QuorumOperation::Write,
            _ => return None,
        };
        record.quorums.insert(CountedQuorum {
            partition,
            epoch,
            operation,
            nodes: nodes("nodes")?,
            coordinator: coordinator.to_owned(),
        });
    } else if kind == COPIED || kind == DROPPED {
        record.moves.insert(Move {
            partition,
            epoch,
            kind: if kind == COPIED {
                MoveKind::Copied
            } else {
                MoveKind::Dropped
            },
            node: coordinator.to_owned(),
            with: nodes("with")?,
        });
    } else {
        record.records.insert(OwnersRecord {
            partition,
            epoch,
            phase: text("phase")?.to_owned(),
            owners: nodes("owners")?,
            next: nodes("next")?,
        });
    }
    Some(())
}

/// The file's text.
pub fn to_jsonl(record: &ClusterRecord) -> serde_json::Result<String> {
    let owners = record.records.iter().cloned().map(Line::Owners);
    let quorums = record.quorums.iter().cloned().map(Line::Quorum);
    let moves = record.moves.iter().cloned().map(Line::Move);
    let mut text = String::new();
    let members = record.members.iter().cloned().map(Line::Members);
    let compared = record.comparisons.iter().cloned().map(Line::Compared);
    for line in owners.chain(quorums).chain(moves).chain(members).chain(compared) {
        text.push_str(&serde_json::to_string(&line)?);
        text.push('\n');
    }
    Ok(text)
}

/// Reads the file; `None` if it is not there: runs that were made before had none.
///
/// # Errors
/// If it can't be read, with the line and why: exit code 65.
pub fn read(path: &Path) -> anyhow::Result<Option<ClusterRecord>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(bad_input(path, &error)),
    };
    let mut record = ClusterRecord::default();
    for (line, number) in text.lines().zip(1..) {
        let line: Line =
            serde_json::from_str(line).map_err(|error| bad_input(path, &format_args!("line {number}: {error}")))?;
        match line {
            Line::Owners(owners) => record.records.insert(owners),
            Line::Quorum(quorum) => record.quorums.insert(quorum),
            Line::Move(moved) => record.moves.insert(moved),
            Line::Members(seen) => record.members.insert(seen),
            Line::Compared(compared) => record.comparisons.insert(compared),
        };
    }
    Ok(Some(record))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
2026-11-25T20:00:00.1Z  INFO quorate_node::server::log: ring formed members=3
2026-11-25T20:00:00.2Z  INFO quorate_node::server::log: quorum counted partition=3 epoch=1 operation=\"write\" level=QUORUM nodes=\"00000000000000aa+00000000000000bb\"
2026-11-25T20:00:00.3Z  INFO quorate_node::server::log: owners changed partition=3 epoch=2 phase=\"read-old\" owners=\"00000000000000aa\" next=\"00000000000000bb\"
2026-11-25T20:00:00.4Z  INFO quorate_node::server::log: owners changed partition=3 epoch=5 phase=\"stable\" owners=\"00000000000000bb\" next=\"\"
2026-11-25T20:00:00.5Z  INFO quorate_node::server::log: partition copied partition=3 epoch=2 with=\"00000000000000aa\"
2026-11-25T20:00:00.6Z  INFO quorate_node::server::log: partition dropped partition=3 epoch=5 with=\"00000000000000bb\" records=4
2026-11-25T20:00:00.7Z  INFO quorate_node::server::log: quorum counted partition=3 epo";

    fn names() -> NodeNames {
        [("00000000000000aa", "n1"), ("00000000000000bb", "n2")]
            .map(|(id, name)| (id.to_owned(), name.to_owned()))
            .into()
    }

    #[test]
    fn what_a_log_tells_is_what_the_file_keeps() {
        let mut record = ClusterRecord::default();
        for line in LOG.lines() {
            add_line(&mut record, line, "n2", &names());
        }
        assert_eq!(
            (record.records.len(), record.quorums.len(), record.moves.len()),
            (2, 1, 2)
        );
        let file = tempfile::NamedTempFile::new().expect("a file");
        let text = to_jsonl(&record).expect("it can be written");
        assert_eq!(
            text.lines().skip(2).collect::<Vec<_>>(),
            [
                r#"{"quorum":{"partition":3,"epoch":1,"operation":"write","nodes":["n1","n2"],"coordinator":"n2"}}"#,
                r#"{"move":{"partition":3,"epoch":2,"kind":"copied","node":"n2","with":["n1"]}}"#,
                r#"{"move":{"partition":3,"epoch":5,"kind":"dropped","node":"n2","with":["n2"]}}"#,
            ]
        );
        fs::write(file.path(), text).expect("it is written");
        assert_eq!(read(file.path()).expect("it can be read"), Some(record));
    }

    #[test]
    fn a_file_that_says_something_else_is_refused_with_its_line() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), "{\"owners\":{\"partition\":3}}\n").expect("it is written");
        let error = read(file.path()).expect_err("fields are missing").to_string();
        assert!(error.contains("line 1"), "{error}");
        assert_eq!(
            read(&file.path().with_extension("none")).expect("no file is fine"),
            None
        );
    }
}
