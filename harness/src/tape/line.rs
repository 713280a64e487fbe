//! The lines of a tape.

use std::time::Duration;

use quorate_core::NodeId;
use quorate_workloads::Action;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{fault::Place, fault_log::Entry, level::LevelName, load::nanos, run_folder::Backend, scenario::Scenario};

/// The version of a tape's form.
const FORMAT: u32 = 1;

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "tape", rename_all = "kebab-case")]
pub(super) enum Line {
    Header(Box<Header>),
    Ask(Ask),
    Fault(Entry),
    End(Ending),
}

impl Line {
    pub(super) fn parse(text: &str) -> Result<Line, String> {
        let line: Line = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match &line {
            Line::Header(header) if header.format != FORMAT => Err(format!(
                "format {} is not known: this build reads format {FORMAT}",
                header.format
            )),
            _ => Ok(line),
        }
    }

    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("a line is numbers, texts and lists of them")
    }
}

/// What was run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the tape's form.
    pub format: u32,
    /// Real processes, or the simulator.
    pub backend: Backend,
    /// The run's seed: the nodes' identities of a simulation, their clocks, and what was drawn before the run began.
    pub seed: u64,
    /// Of a simulation: decides delays and the nodes' own choices. The same as the seed, unless another schedule was
    /// looked for.
    pub schedule: u64,
    /// The scenario, with its plan.
    pub scenario: Scenario,
    /// What ran it.
    pub build: Build,
    /// Who the nodes were, in their order: that decides which node owns which key.
    #[serde(with = "hexadecimal")]
    pub identities: Vec<NodeId>,
}

/// What ran a tape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// The version.
    pub version: String,
    /// The commit.
    pub commit: String,
    /// Whether there were changes on top of it.
    pub dirty: bool,
}

impl Build {
    /// The build that runs.
    pub fn this() -> Build {
        Build {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: env!("QUORATE_COMMIT").to_owned(),
            dirty: env!("QUORATE_DIRTY") == "true",
        }
    }
}

impl Header {
    /// The header of a run that is about to begin, by this build.
    pub fn new(backend: Backend, seed: u64, schedule: u64, scenario: Scenario) -> Header {
        Header {
            format: FORMAT,
            backend,
            seed,
            schedule,
            scenario,
            build: Build::this(),
            identities: Vec::new(),
        }
    }
}

/// What a client asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// When, since the load began.
    #[serde(rename = "at_ns", with = "duration_ns")]
    pub at: Duration,
    /// Which client.
    pub client: usize,
    /// Through which node.
    pub node: Place,
    /// At which level, if not at that of the scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<LevelName>,
    /// For what.
    #[serde(flatten)]
    pub action: Action,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// The verdict.
    pub verdict: String,
    /// The exit code.
    pub exit: u8,
    /// What was seen broken.
    pub broken: Vec<Broken>,
    /// Of a simulation: the hash of all that happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_hash: Option<String>,
}

/// A claim that was seen broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Broken {
    /// Its name.
    pub claim: String,
    /// What its breaking is called.
    pub anomaly: String,
    /// Whether it is claimed at the run's settings.
    pub claimed: bool,
}

mod duration_ns {
    use super::*;

    pub(super) fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(nanos(*span))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Ok(Duration::from_nanos(u64::deserialize(deserializer)?))
    }
}

/// As text, since not every reader of JSON keeps all bits of a large number.
mod hexadecimal {
    use super::*;

    pub(super) fn serialize<S: Serializer>(nodes: &[NodeId], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(nodes.iter().map(NodeId::to_string))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<NodeId>, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let node = |name: &String| {
            let number = u64::from_str_radix(name, 16).ok().filter(|_| name.len() == 16);
            let node = number.map(NodeId);
            node.ok_or_else(|| D::Error::custom(format!("{name:?} is no identity: one has 16 hexadecimal digits")))
        };
        names.iter().map(node).collect()
    }
}
