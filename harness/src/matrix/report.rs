//! A whole matrix, as it is written and read again.

use serde::{Deserialize, Serialize};

use super::{figures::CellReport, run::Plan};
use crate::{duration, exit::Exit, run_folder::Backend, scenario::Scenario};

/// The version of the object's form.
const FORMAT: u32 = 1;

/// What came of a matrix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MatrixReport {
    /// The version of its form.
    pub format: u32,
    /// The seed of each cell's first run.
    pub seed: u64,
    /// The command that made it; none, if whoever made it did not say.
    #[serde(default)]
    pub command: String,
    /// What the cells were run on.
    #[serde(default = "simulated")]
    pub backend: Backend,
    /// What all cells have in common, in words.
    pub about: String,
    /// The confidence of all bounds.
    pub confidence: f64,
    /// Every cell.
    pub cells: Vec<CellReport>,
    /// Cells next to each other of which it is not known which has the more stale reads.
    pub undecided: Vec<[String; 2]>,
    /// Cells that were never run: the time was over, or the user wanted no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
    /// Whether the user ended it early.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
}

/// What the cells of a report were run on that does not say so.
fn simulated() -> Backend {
    Backend::Simulated
}

impl MatrixReport {
    pub(super) fn new(
        plan: Plan,
        backend: Backend,
        scenario: Option<&Scenario>,
        cells: Vec<CellReport>,
        undecided: Vec<[String; 2]>,
    ) -> MatrixReport {
        let about = |scenario: &Scenario| {
            let load = match scenario.open_loop {
                true => "operations/s in an open loop",
                false => "operations/s at most",
            };
            let repair = scenario.read_repair.name();
            let nodes = match backend {
                Backend::Simulated => "nodes in virtual time",
                Backend::Processes => "real processes on this machine, one run after the other",
            };
            format!(
                "{} {nodes}, {} {load} by {} clients on {} keys, {} % reads, {} a run, read repair {repair}",
                scenario.nodes,
                scenario.rate,
                scenario.concurrency,
                scenario.keys,
                scenario.reads_percent,
                duration::format(scenario.time),
            )
        };
        MatrixReport {
            format: FORMAT,
            seed: plan.seed,
            command: String::new(),
            about: scenario.map(about).unwrap_or_default(),
            confidence: 0.95,
            backend,
            left: cells
                .iter()
                .filter(|cell| cell.runs == 0)
                .map(|cell| cell.name.clone())
                .collect(),
            cells,
            undecided,
            interrupted: false,
        }
    }

    /// Reads what was written as JSON.
    ///
    /// # Errors
    /// Why the text is none, as a fragment.
    pub fn from_json(text: &str) -> Result<MatrixReport, String> {
        let value: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match value.get("format").and_then(serde_json::Value::as_u64) {
            Some(format) if format == u64::from(FORMAT) => {}
            Some(format) => {
                return Err(format!(
                    "format {format} is not known: this build reads format {FORMAT}"
                ));
            }
            None => return Err("it is no matrix: it has no format".to_owned()),
        }
        serde_json::from_value(value).map_err(|error| format!("it is no matrix: {error}"))
    }

    /// The names of all claims that were judged, in the order in which they come.
    pub fn claim_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for claim in self.cells.iter().flat_map(|cell| &cell.claims) {
            if !names.contains(&claim.claim.as_str()) {
                names.push(&claim.claim);
            }
        }
        names
    }

    /// How the gravest cell ended, or that the user ended all.
    pub fn exit(&self) -> Exit {
        let of_code = |code: u8| Exit::ALL.into_iter().find(|exit| exit.code() == code);
        let interrupted = self.interrupted.then_some(Exit::Interrupted);
        let of_cells = self.cells.iter().filter_map(|cell| of_code(cell.exit));
        Exit::gravest(of_cells.chain(interrupted))
    }
}
