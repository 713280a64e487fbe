//! What a run reached: how often which rare thing happened in it, and how its clients fared.
//!
//! Nothing here is judged. A sweep over many seeds keeps those that reached what few did, as a fuzzer keeps inputs by the
//! branches that they take; counts are told apart by powers of two, as American Fuzzy Lop does.

use std::{collections::BTreeMap, path::Path};

use quorate_checker::EventKind;
use quorate_core::Counters;
use quorate_sim::Tally;
use quorate_workloads::Exercise;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    fault_log::Faults,
    input::bad_input,
    plan::{self, PlannedFault},
    record::Said,
    report::Report,
    run_folder::read_input,
};

/// The file in a run's folder.
pub const FILE: &str = "coverage.json";

/// The version of the file's form.
const FORMAT: u32 = 1;

/// What begins the names of what nodes counted.
const COUNTER: &str = "counter.";

/// Counters that tell how long a run was, and nothing of what happened in it.
const UNTELLING: [&str; 2] = ["gossip_rounds", "gossip_peers_per_round_max"];

/// How often what happened; what never did is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    counts: BTreeMap<String, u64>,
    /// What tested the claims, as the file has it.
    tests: Vec<serde_json::Value>,
}

/// How operations of clients ended. Many end alike: they are counted as they do, and put into words once.
#[derive(Clone, Debug, Default)]
pub struct Outcomes {
    /// By how an operation ended and what it was, as they are met. A list: there are few, and each operation is looked for in
    /// it.
    counts: Vec<Alike>,
}

/// How many operations of one sort ended one way.
#[derive(Clone, Debug)]
struct Alike {
    kind: EventKind,
    function: &'static str,
    /// Without an error.
    plain: u64,
    /// By their errors, as they were told.
    by_error: BTreeMap<String, u64>,
}

/// What a file holds.
#[derive(Serialize)]
struct File<'a> {
    format: u32,
    counts: &'a BTreeMap<String, u64>,
    features: Vec<String>,
    tests: &'a [serde_json::Value],
}

/// What is read of a file.
#[derive(Deserialize)]
struct Written {
    format: u32,
    counts: BTreeMap<String, u64>,
}

impl Outcomes {
    /// Takes in how an operation of a client ended.
    pub fn add(&mut self, completion: &Said) {
        let (kind, function) = (completion.kind(), completion.function());
        let is_alike = |met: &Alike| met.kind == kind && met.function == function;
        let place = self.counts.iter().position(is_alike).unwrap_or_else(|| {
            self.counts.push(Alike {
                kind,
                function,
                plain: 0,
                by_error: BTreeMap::new(),
            });
            self.counts.len() - 1
        });
        let alike = &mut self.counts[place];
        let Some(error) = completion.error() else {
            alike.plain += 1;
            return;
        };
        match alike.by_error.get_mut(error) {
            Some(count) => *count += 1,
            None => {
                alike.by_error.insert(error.to_owned(), 1);
            }
        }
    }
}

impl Coverage {
    /// Of a run that ended in no verdict.
    pub fn of_failure() -> Coverage {
        let mut coverage = Coverage::default();
        coverage.add("verdict.failure", 1);
        coverage
    }

    /// Takes in how the operations of clients ended.
    pub fn add_outcomes(&mut self, outcomes: &Outcomes) {
        for alike in &outcomes.counts {
            let name = format!("outcome.{}.{}", alike.function, alike.kind.name());
            self.add(&name, alike.plain);
            for (error, count) in &alike.by_error {
                self.add(&format!("{name}: {}", without_numbers(error)), *count);
            }
        }
    }

    /// Takes in the faults that were seen to take effect, by their shapes.
    pub fn add_faults(&mut self, faults: &Faults, plan: &[PlannedFault]) {
        let effective = faults.entries().iter().filter(|entry| entry.effective == Some(true));
        let plan = plan::in_order(plan);
        // The log counts faults in the order in which they are carried out.
        for planned in effective.filter_map(|entry| plan.get(entry.id.0)) {
            self.add(&format!("fault.{}", planned.fault.shape()), 1);
            for role in planned.fault.roles() {
                self.add(&format!("aimed.{}", role.kind()), 1);
            }
        }
    }

    /// Takes in what a simulated node has told and counted in all its lives.
    pub fn add_tally(&mut self, tally: &Tally) {
        for (event, count) in &tally.events {
            self.add(&format!("event.{event}"), *count);
        }
        self.add_counters(&tally.counters);
    }

    /// Takes in what a node has counted.
    pub fn add_counters(&mut self, counters: &Counters) {
        let counters = serde_json::to_value(counters).expect("counters are numbers");
        let counters = counters.as_object().expect("they have names");
        for (name, count) in counters.iter().filter(|(name, _)| !UNTELLING.contains(&name.as_str())) {
            let count = count.as_u64().expect("counters are whole numbers");
            self.add(&format!("{COUNTER}{}", name.replace('_', "-")), count);
        }
    }

    /// What the nodes have counted that tests claims; `None` if nothing is known of what they counted.
    pub fn exercise(&self) -> Option<Exercise> {
        let mut counters = self.counts.keys().filter(|name| name.starts_with(COUNTER));
        counters.next()?;
        let count = |name: &str| self.counts.get(&format!("{COUNTER}{name}")).copied().unwrap_or(0);
        Some(Exercise {
            hints_delivered: count("hints-delivered"),
            read_repairs: count("read-repairs"),
            anti_entropy_records: count("anti-entropy-records"),
            tombstones_collected: count("tombstones-collected"),
        })
    }

    /// Reads what a run reached from its file; nothing, if there is none.
    ///
    /// # Errors
    /// If it can't be read, or holds something else: exit code 65.
    pub fn read(path: &Path) -> anyhow::Result<Coverage> {
        if !path.is_file() {
            return Ok(Coverage::default());
        }
        let file: Written =
            serde_json::from_str(&read_input(path)?).map_err(|error| bad_input(path, &error.to_string()))?;
        match file.format {
            FORMAT => Ok(Coverage {
                counts: file.counts,
                tests: Vec::new(),
            }),
            other => Err(bad_input(
                path,
                &format!("format {other} is not known: this build reads format {FORMAT}"),
            )),
        }
    }

    /// Takes in the verdict, and which claims were seen broken how often, claimed or not.
    pub fn add_verdict(&mut self, report: &Report) {
        self.add(&format!("verdict.{}", report.judgement.verdict.name()), 1);
        for claim in report.broken() {
            self.add(&format!("broken.{}", claim.claim.name), claim.count);
        }
        let tests = report.judgement.tests().into_iter();
        self.tests = tests.map(|(tested, claims)| json!({ "by": tested.by, "count": tested.count, "least": tested.least, "claims": claims })).collect();
    }

    /// What was reached: each thing that happened, with how often it did, rounded down to a power of two.
    pub fn features(&self) -> Vec<String> {
        let counts = self.counts.iter();
        counts
            .map(|(name, count)| format!("{name} x{}", 1_u64 << count.ilog2()))
            .collect()
    }

    /// The text of its file.
    pub fn to_json(&self) -> String {
        let file = File {
            format: FORMAT,
            counts: &self.counts,
            features: self.features(),
            tests: &self.tests,
        };
        serde_json::to_string_pretty(&file).expect("counts have names") + "\n"
    }

    fn add(&mut self, name: &str, count: u64) {
        if count == 0 {
            return;
        }
        match self.counts.get_mut(name) {
            Some(sum) => *sum += count,
            None => {
                self.counts.insert(name.to_owned(), count);
            }
        }
    }
}

/// An error by its kind: how many of how many answered, or how long something took, makes no other kind.
fn without_numbers(text: &str) -> String {
    let mut kind = String::with_capacity(text.len());
    for (place, words) in text.split(|letter: char| letter.is_ascii_digit()).enumerate() {
        // Of two digits in a row nothing is between.
        if place > 0 && !kind.ends_with('#') {
            kind.push('#');
        }
        kind.push_str(words);
    }
    kind
}

#[cfg(test)]
mod tests {
    use quorate_checker::{Event, EventKind};

    use super::*;

    fn ended(kind: EventKind, error: Option<&str>) -> Said {
        Said::Key(Event {
            error: error.map(str::to_owned),
            ..Event::read(0, "k1").completion(kind)
        })
    }

    #[test]
    fn counts_are_told_apart_by_powers_of_two() {
        let (mut coverage, mut outcomes) = (Coverage::default(), Outcomes::default());
        for _ in 0..7 {
            outcomes.add(&ended(EventKind::Ok, None));
        }
        coverage.add_outcomes(&outcomes);
        coverage.add_counters(&Counters {
            gossip_rounds: 1000,
            hints_expired: 1,
            timeouts: 64,
            ..Counters::default()
        });
        let expected = ["counter.hints-expired x1", "counter.timeouts x64", "outcome.read.ok x4"];
        assert_eq!(coverage.features(), expected);
    }

    #[test]
    fn errors_that_differ_in_numbers_alone_are_of_one_kind() {
        let (mut coverage, mut outcomes) = (Coverage::default(), Outcomes::default());
        for error in ["1 of 2 replicas answered in time", "0 of 12 replicas answered in time"] {
            outcomes.add(&ended(EventKind::Fail, Some(error)));
        }
        coverage.add_outcomes(&outcomes);
        let expected = ["outcome.read.fail: # of # replicas answered in time x2"];
        assert_eq!(coverage.features(), expected);
    }
}
