//! What was broken: asked, applied, observed, undone. One line each in `faults.jsonl`.
//!
//! A fault counts only once its effect has been seen from outside (packets that did not pass, a process that is gone):
//! faults that silently do nothing are common, and a run without effective faults proves nothing.

use std::{path::Path, time::Duration};

use quorate_checker::{Crash, FaultSpan};
use quorate_workloads::{ChangeOfMembers, RemovalOfLiving};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    cluster::Elapsed,
    fault::{Fault, Place, Role, Target},
    load::nanos,
    record::LineFile,
};

/// The version of the file's form.
pub const FORMAT: u32 = 1;

/// The evidence of what a node answered that was asked to remove another while that was alive.
pub const REMOVED_ALIVE: &str = "asked_to_remove_the_living";

/// The evidence of a change of membership that the run waited for in vain, and what it says then.
const UNFINISHED: &str = "unfinished";

/// The evidence of one that came to its end.
const GAINED: &str = "partitions_gained";

/// What it says if the node did so; otherwise, why it did not.
pub const ACCEPTED: &str = "accepted";

/// Names a fault of a run: its place in the order in which faults were asked for, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FaultId(pub usize);

/// How far a fault has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The plan wants it now.
    Asked,
    /// What it takes has been done.
    Applied,
    /// It was seen to have an effect, or not to have any.
    Observed,
    /// It is over.
    Undone,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The version of the file's form.
    pub format: u32,
    /// Which fault.
    pub id: FaultId,
    /// When, in nanoseconds since the start of the run.
    #[serde(rename = "time")]
    pub time_ns: u64,
    /// How far it has come.
    pub stage: Stage,
    /// The fault in words.
    pub label: String,
    /// The nodes that it names.
    pub nodes: Vec<Place>,
    /// Whom it is aimed at by their roles; only of the asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// What it is, now that it is known whom it befalls; only of the applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hit: Option<Fault>,
    /// Whether it had an effect; only of the observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<bool>,
    /// What was done or seen.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub evidence: serde_json::Value,
}

/// The faults of a run so far, and their file.
#[derive(Debug)]
pub struct FaultLog {
    file: Option<LineFile>,
    entries: Vec<Entry>,
}

impl FaultLog {
    /// A log in a new file.
    ///
    /// # Errors
    /// If the file can't be made.
    pub fn create(path: &Path) -> anyhow::Result<FaultLog> {
        let file = Some(LineFile::create(path)?);
        Ok(FaultLog {
            file,
            ..FaultLog::in_memory()
        })
    }

    /// A log that leaves no file.
    pub fn in_memory() -> FaultLog {
        FaultLog {
            file: None,
            entries: Vec::new(),
        }
    }

    /// A fault is asked for.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn asked(&mut self, at: Elapsed, fault: &Fault<Target>) -> anyhow::Result<FaultId> {
        let id = FaultId(self.entries.iter().map(|entry| entry.id.0 + 1).max().unwrap_or(0));
        self.push(Entry {
            roles: fault.roles().iter().map(Role::to_string).collect(),
            ..entry(id, at, Stage::Asked, fault.to_string(), fault.places())
        })?;
        Ok(id)
    }

    /// It has befallen nobody: nobody has its roles, or it can't befall who has.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn missed(&mut self, id: FaultId, at: Elapsed, fault: &Fault<Target>) -> anyhow::Result<()> {
        self.push(Entry {
            effective: Some(false),
            evidence: json!({ "hit": "nobody" }),
            ..entry(id, at, Stage::Observed, fault.to_string(), fault.places())
        })
    }

    /// It has been applied, as `evidence` tells.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn applied(
        &mut self,
        id: FaultId,
        at: Elapsed,
        fault: &Fault,
        evidence: serde_json::Value,
    ) -> anyhow::Result<()> {
        self.push(Entry {
            evidence,
            hit: Some(fault.clone()),
            ..of_nodes(id, at, Stage::Applied, fault)
        })
    }

    /// Its effect has been looked for, and found or not.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn observed(&mut self, id: FaultId, at: Elapsed, fault: &Fault, effect: &Effect) -> anyhow::Result<()> {
        self.push(Entry {
            effective: Some(effect.is_effective()),
            evidence: effect.evidence(),
            ..of_nodes(id, at, Stage::Observed, fault)
        })
    }

    /// It is over.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn undone(&mut self, id: FaultId, at: Elapsed, fault: &Fault) -> anyhow::Result<()> {
        self.push(of_nodes(id, at, Stage::Undone, fault))
    }

    /// Ends the log.
    ///
    /// # Errors
    /// If the file can't be synced.
    pub fn finish(self) -> anyhow::Result<Faults> {
        if let Some(file) = self.file {
            file.sync()?;
        }
        Ok(Faults { entries: self.entries })
    }

    fn push(&mut self, entry: Entry) -> anyhow::Result<()> {
        if let Some(file) = &mut self.file {
            file.append(&serde_json::to_string(&entry)?)?;
        }
        self.entries.push(entry);
        Ok(())
    }
}

fn of_nodes(id: FaultId, at: Elapsed, stage: Stage, fault: &Fault) -> Entry {
    entry(id, at, stage, fault.to_string(), fault.nodes())
}

fn entry(id: FaultId, at: Elapsed, stage: Stage, label: String, nodes: Vec<Place>) -> Entry {
    Entry {
        format: FORMAT,
        id,
        time_ns: nanos(at),
        stage,
        label,
        nodes,
        roles: Vec::new(),
        hit: None,
        effective: None,
        evidence: serde_json::Value::Null,
    }
}

/// What a fault was seen to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// What was counted, by what it is called: of cut links, what they kept from passing, and so on.
    Counted(Vec<(&'static str, u64)>),
    /// How each process was seen to end, and what was counted then.
    Ended {
        /// Node by node.
        how: Vec<(Place, String)>,
        /// As above.
        counted: Vec<(&'static str, u64)>,
    },
    /// What became of who owns what, until nothing moved any more.
    Moved {
        /// Partitions that nodes hold which they had not held, node by node.
        gained: u64,
        /// As above, that they hold no more.
        lost: u64,
        /// How long it took from the plan's moment on.
        took: Duration,
    },
    /// It was waited for in vain.
    Unfinished {
        /// What still moves, in words.
        still: String,
    },
}

impl Effect {
    fn is_effective(&self) -> bool {
        match self {
            Effect::Counted(counted) => is_any_above_zero(counted),
            // Another fault may have ended them before.
            Effect::Ended { how, counted } => !how.is_empty() || is_any_above_zero(counted),
            Effect::Moved { gained, lost, .. } => gained + lost > 0,
            Effect::Unfinished { .. } => true,
        }
    }

    fn evidence(&self) -> serde_json::Value {
        match self {
            Effect::Counted(counted) => object(counted).into(),
            Effect::Ended { how, counted } => {
                let ends = how.iter().map(|(place, end)| (place.to_string(), end.clone().into()));
                let mut evidence = object(counted);
                evidence.insert("ended".to_owned(), serde_json::Map::from_iter(ends).into());
                evidence.into()
            }
            Effect::Moved { gained, lost, took } => {
                json!({ GAINED: gained, "partitions_lost": lost, "seconds": took.as_secs_f64() })
            }
            Effect::Unfinished { still } => json!({ UNFINISHED: still }),
        }
    }
}

fn is_any_above_zero(counted: &[(&'static str, u64)]) -> bool {
    counted.iter().any(|(_, count)| *count > 0)
}

fn object(counted: &[(&'static str, u64)]) -> serde_json::Map<String, serde_json::Value> {
    let counted = counted
        .iter()
        .map(|(name, count)| ((*name).to_owned(), (*count).into()));
    counted.collect()
}

/// The faults of a run that is over.
#[derive(Clone, Debug)]
pub struct Faults {
    entries: Vec<Entry>,
}

impl Faults {
    /// The faults of these lines.
    pub fn from_entries(entries: Vec<Entry>) -> Faults {
        Faults { entries }
    }

    /// All that was logged of them.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many were asked for.
    pub fn count(&self) -> usize {
        self.stage(Stage::Asked).count()
    }

    /// How many were seen to have an effect.
    pub fn effective_count(&self) -> usize {
        self.entries
            .iter()
            .filter(|entry| entry.effective == Some(true))
            .count()
    }

    /// When each was on.
    pub fn spans(&self) -> Vec<FaultSpan> {
        let span = |applied: &Entry| FaultSpan {
            label: applied.label.clone(),
            start_ns: applied.time_ns,
            end_ns: self
                .stage(Stage::Undone)
                .find(|undone| undone.id == applied.id)
                .map(|undone| undone.time_ns),
        };
        self.stage(Stage::Applied).map(span).collect()
    }

    /// Each that befell somebody, as it did, and from when to when in nanoseconds since the start of the run; to no end where it was
    /// not undone.
    pub fn hits(&self) -> impl Iterator<Item = (&Fault, u64, Option<u64>)> {
        self.stage(Stage::Applied).filter_map(|applied| {
            let mut undone = self.stage(Stage::Undone);
            let undone = undone.find(|undone| undone.id == applied.id);
            Some((
                applied.hit.as_ref()?,
                applied.time_ns,
                undone.map(|undone| undone.time_ns),
            ))
        })
    }

    /// Every sudden end of a node's process: by a kill, or with its power.
    pub fn crashes(&self) -> Vec<Crash> {
        let crash = |entry: &Entry| {
            let time_ns = entry.time_ns;
            let killed = entry.evidence.get("killed").and_then(serde_json::Value::as_array);
            let nodes = killed.into_iter().flatten().filter_map(|node| node.as_str());
            let nodes: Vec<_> = nodes.map(str::to_owned).collect();
            nodes.into_iter().map(move |node| Crash { node, time_ns })
        };
        // Some kill once more at their end, and are seen to only then.
        let end = |entry: &Entry| {
            let time_ns = entry.time_ns;
            let ended = entry.evidence.get("ended").and_then(serde_json::Value::as_object);
            let nodes: Vec<_> = ended.into_iter().flatten().map(|(node, _)| node.clone()).collect();
            nodes.into_iter().map(move |node| Crash { node, time_ns })
        };
        let applied = self.stage(Stage::Applied).flat_map(crash);
        applied.chain(self.stage(Stage::Observed).flat_map(end)).collect()
    }

    /// Every request to remove a node while it was alive.
    pub fn removals_of_living(&self) -> Vec<RemovalOfLiving> {
        let asked = self.stage(Stage::Applied).filter_map(|entry| {
            let answer = entry.evidence.get(REMOVED_ALIVE)?.as_str()?;
            Some(RemovalOfLiving {
                node: entry.nodes.first()?.to_string(),
                is_done: answer == ACCEPTED,
            })
        });
        asked.collect()
    }

    /// Every change of membership that came to its end, or was waited for in vain.
    pub fn changes(&self) -> Vec<ChangeOfMembers> {
        let seen = self.stage(Stage::Observed).filter_map(|entry| {
            let unfinished = entry.evidence.get(UNFINISHED).and_then(serde_json::Value::as_str);
            let has_ended = entry.evidence.get(GAINED).is_some();
            (has_ended || unfinished.is_some()).then(|| ChangeOfMembers {
                what: entry.label.clone(),
                unfinished: unfinished.map(str::to_owned),
            })
        });
        seen.collect()
    }

    fn stage(&self, stage: Stage) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.stage == stage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_killed_as_a_fault_ends_has_crashed_then_as_well() {
        let (fault, ms) = (Fault::OldDisk { node: Place(1) }, Duration::from_millis);
        let observed = |how: Vec<(Place, String)>, counted| {
            let mut log = FaultLog::in_memory();
            let id = log.asked(ms(1), &fault.clone().into()).expect("in memory");
            log.applied(id, ms(1), &fault, json!({ "killed": [Place(1)] }))
                .expect("in memory");
            log.observed(id, ms(5), &fault, &Effect::Ended { how, counted })
                .expect("in memory");
            log.finish().expect("in memory")
        };
        let crashes = observed(vec![(Place(1), "gone".to_owned())], Vec::new()).crashes();
        let crashes = crashes.iter().map(|crash| (&*crash.node, crash.time_ns / 1_000_000));
        assert_eq!(crashes.collect::<Vec<_>>(), [("n2", 1), ("n2", 5)]);
        // Another fault had killed it, and its disk went back all the same.
        let faults = observed(Vec::new(), vec![("records_gone_back", 3)]);
        assert_eq!(faults.crashes().len(), 1);
        let is_effective = |entry: &&Entry| entry.effective == Some(true);
        assert_eq!(faults.entries().iter().filter(is_effective).count(), 1);
    }
}
