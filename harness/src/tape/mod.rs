//! The tape of a run: what a replay needs, and nothing that a replay makes anew.
//!
//! It holds the scenario with its plan, the seeds, what each client asked through which node and when, which faults were
//! seen to take effect, and how it ended. `tape.jsonl` has one of these a line, each with its kind under `tape`; the
//! header comes first. A tape is whole in itself: it can be moved, cut down and replayed without its run.

mod line;
mod recorder;
mod trace;

pub use self::{
    line::{Ask, Broken, Build, Ending, Header},
    recorder::{TapeRecorder, append_ending},
    trace::{Divergence, TraceComparison, TraceRecorder},
};

use std::{fs::File, io::Read as _, path::Path};

use anyhow::Context as _;

use quorate_workloads::Action;

use self::line::Line;
use crate::{
    fault_log::{Entry, Stage},
    input::bad_input,
    plan::{self, PlannedFault},
    run_folder::read_input,
    scenario::Scenario,
    whole_file,
};

/// The name of a tape in a run's folder.
pub const FILE: &str = "tape.jsonl";

/// The name of a simulated run's events in its folder.
pub const TRACE_FILE: &str = "trace.bin";

/// How a tape begins.
const BEGINNING: &[u8; 16] = b"{\"tape\":\"header\"";

/// A run that can be replayed.
#[derive(Clone, Debug, PartialEq)]
pub struct Tape {
    /// What was run.
    pub header: Header,
    /// What clients asked, in the order in which they did.
    pub asks: Vec<Ask>,
    /// What came of the faults.
    pub faults: Vec<Entry>,
    /// How it ended; `None` of a run that was cut short.
    pub ending: Option<Ending>,
}

impl Tape {
    /// Whether `path` looks like a tape.
    pub fn is_one(path: &Path) -> bool {
        let mut first = [0; BEGINNING.len()];
        let read = File::open(path).and_then(|mut file| file.read_exact(&mut first));
        read.is_ok() && first == *BEGINNING
    }

    /// Reads a tape. A torn last line, which a harness that died leaves, is passed over.
    ///
    /// # Errors
    /// The file, the line and why: exit code 65.
    pub fn read(path: &Path) -> anyhow::Result<Tape> {
        let text = read_input(path)?;
        Tape::parse(&text).map_err(|why| bad_input(path, &why))
    }

    /// Reads the text of a tape.
    ///
    /// # Errors
    /// The line and why.
    pub fn parse(text: &str) -> Result<Tape, String> {
        let mut lines = text.lines().enumerate();
        let (_, first) = lines.next().ok_or("it is empty")?;
        let Line::Header(header) = Line::parse(first).map_err(|error| format!("line 1: {error}"))? else {
            return Err("line 1: a tape begins with its header".to_owned());
        };
        let mut tape = Tape {
            header: *header,
            asks: Vec::new(),
            faults: Vec::new(),
            ending: None,
        };
        for (number, line) in lines {
            let is_torn = !text.ends_with('\n') && text.ends_with(line);
            match Line::parse(line) {
                Ok(line) => tape.take(line).map_err(|why| format!("line {}: {why}", number + 1))?,
                Err(_) if is_torn => {}
                Err(error) => return Err(format!("line {}: {error}", number + 1)),
            }
        }
        tape.note_hits();
        tape.validate()?;
        Ok(tape)
    }

    /// Notes in the plan whom its faults have befallen: a replay befalls the same. The log counts them in the order in which they are
    /// carried out.
    fn note_hits(&mut self) {
        let mut plan = plan::in_order(&self.header.scenario.plan);
        for entry in self.faults.iter().filter(|entry| entry.stage == Stage::Applied) {
            match plan.get_mut(entry.id.0) {
                Some(planned) if planned.fault.fixed().is_none() => planned.hit.clone_from(&entry.hit),
                _ => {}
            }
        }
        self.header.scenario.plan = plan;
    }

    /// The same run with every fault aimed at the nodes that it has befallen, and none that befell nobody.
    #[must_use]
    pub fn aimed_at_nodes(&self) -> Tape {
        let mut tape = self.clone();
        let plan = self.header.scenario.plan.iter().cloned().map(PlannedFault::resolved);
        tape.header.scenario.plan = plan.filter(|planned| planned.fixed().is_some()).collect();
        tape
    }

    fn take(&mut self, line: Line) -> Result<(), &'static str> {
        if self.ending.is_some() {
            return Err("nothing can follow the end");
        }
        match line {
            Line::Header(_) => return Err("a tape has one header"),
            Line::Ask(ask) => self.asks.push(ask),
            Line::Fault(entry) => self.faults.push(entry),
            Line::End(ending) => self.ending = Some(ending),
        }
        Ok(())
    }

    /// Checks that what is asked can be asked in this scenario.
    fn validate(&self) -> Result<(), String> {
        let scenario = &self.header.scenario;
        scenario.validate().map_err(|error| format!("line 1: {error}"))?;
        if !self.header.identities.is_empty() && self.header.identities.len() != scenario.place_count() {
            return Err("line 1: not every node has an identity".to_owned());
        }
        let is_possible = |ask: &Ask| {
            let is_of_scenario = match &ask.action {
                Action::Txn { steps } => scenario.workload.is_of_transactions() && !steps.is_empty(),
                _ => !scenario.workload.is_of_transactions(),
            };
            ask.client < scenario.concurrency
                && ask.node.0 < scenario.place_count()
                && ask.action.keys().all(|key| key < scenario.keys)
                && is_of_scenario
        };
        match self.asks.iter().position(|ask| !is_possible(ask)) {
            None => Ok(()),
            Some(place) => {
                let Ask {
                    client, node, action, ..
                } = &self.asks[place];
                let keys: Vec<String> = action.keys().map(|key| key.to_string()).collect();
                Err(format!(
                    "ask {}: client {client}, {node} or key {} is not there, or it is none of the workload: the scenario has {} \
                     clients, {} nodes, {} keys",
                    place + 1,
                    keys.join(", "),
                    scenario.concurrency,
                    scenario.place_count(),
                    scenario.keys
                ))
            }
        }
    }

    /// The text of its file.
    pub fn to_text(&self) -> String {
        let header = Line::Header(Box::new(self.header.clone()));
        let asks = self.asks.iter().cloned().map(Line::Ask);
        let faults = self.faults.iter().cloned().map(Line::Fault);
        let end = self.ending.iter().cloned().map(Line::End);
        let lines = [header].into_iter().chain(asks).chain(faults).chain(end);
        lines.map(|line| line.to_text() + "\n").collect()
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// If it can't be written, with its path.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        whole_file::replace(path, &self.to_text()).with_context(|| format!("write {}", path.display()))
    }

    /// What was run.
    pub fn scenario(&self) -> &Scenario {
        &self.header.scenario
    }

    /// How many faults were seen to take effect.
    pub fn faults_effective(&self) -> usize {
        let observed = self.faults.iter().filter(|entry| entry.stage == Stage::Observed);
        observed.filter(|entry| entry.effective == Some(true)).count()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use quorate_core::NodeId;

    use super::*;
    use crate::{fault::Place, run_folder::Backend};

    fn tape() -> Tape {
        let mut scenario = Scenario::quickstart();
        scenario.resolve_plan(7);
        let ask = |client, at_ms, node, action| Ask {
            at: Duration::from_millis(at_ms),
            client,
            node: Place(node),
            level: None,
            action,
        };
        Tape {
            header: Header {
                identities: (1..=5).map(NodeId).collect(),
                ..Header::new(Backend::Simulated, 7, 7, scenario)
            },
            asks: vec![
                ask(
                    0,
                    3,
                    1,
                    Action::Write {
                        key: 2,
                        value: 9,
                        seen: vec![4],
                    },
                ),
                ask(1, 4, 0, Action::Read { key: 2 }),
                ask(0, 5, 0, Action::Increment { key: 2, delta: -3 }),
            ],
            faults: Vec::new(),
            ending: Some(Ending {
                verdict: "invalid".to_owned(),
                exit: 1,
                broken: vec![Broken {
                    claim: "fresh-reads".to_owned(),
                    anomaly: "stale-read".to_owned(),
                    claimed: true,
                }],
                trace_hash: Some("05ff37538e8b6542/63399".to_owned()),
            }),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let text = tape().to_text();
        assert_eq!(Tape::parse(&text), Ok(tape()), "{text}");
    }

    #[test]
    fn a_torn_tape_is_read_as_far_as_it_goes() {
        let text = tape().to_text();
        let torn = Tape::parse(&text[..text.len() - 20]).expect("its last line is torn");
        assert_eq!((torn.asks.len(), torn.ending), (3, None));
    }

    #[test]
    fn what_is_no_tape_is_refused_with_its_line_and_why() {
        let text = tape().to_text();
        let lines: Vec<&str> = text.lines().collect();
        let broken = [
            (String::new(), "empty"),
            (lines[1].to_owned() + "\n", "begins with its header"),
            (text.replace("\"format\":1", "\"format\":9"), "format 9"),
            (text.replace("\"f\":\"read\"", "\"f\":\"sing\""), "line 3"),
            (text.replace("\"client\":1", "\"client\":10"), "ask 2"),
            (
                text.replace("\"client\":1,\"node\":\"n1\"", "\"client\":1,\"node\":\"n9\""),
                "ask 2",
            ),
            (format!("{text}{}\n", lines[1]), "follow the end"),
            (format!("{}\n{}\n", lines[0], lines[0]), "one header"),
            (text.replace("\"nodes\":5", "\"nodes\":6"), "identity"),
        ];
        for (text, expected) in broken {
            let why = Tape::parse(&text).expect_err(expected);
            assert!(why.contains(expected), "{why:?} does not say {expected:?}");
        }
    }
}
