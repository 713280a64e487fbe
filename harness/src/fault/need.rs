//! What it takes to have a fault, and on which clusters it can be had. Runs go by it, and `quorate faults` tells it.

use quorate_core::MessageKind;
use quorate_node::control::DiskFailure;
use serde::Serialize;

use super::{DiskLoss, Fault, KeyNumber, Place, Spread};
use crate::{duration::Signed, run_folder::Backend};

/// What a fault of real processes is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// The switch between the nodes.
    Switch,
    /// Signals to the nodes' processes.
    Signals,
    /// Orders to the node itself (`quorate node --control`).
    Control,
    /// A node that holds in memory what it has not synced (`--hold-writes`).
    HeldWrites,
    /// The data folder of a node that is down.
    DataFolder,
    /// What administrators may ask of nodes.
    Admin,
    /// A spare node.
    Spare,
}

impl Need {
    /// What it is called.
    pub fn words(self) -> &'static str {
        match self {
            Need::Switch => "the switch",
            Need::Signals => "signals",
            Need::Control => "node --control",
            Need::HeldWrites => "--hold-writes",
            Need::DataFolder => "the data folder",
            Need::Admin => "admin requests",
            Need::Spare => "a spare node",
        }
    }
}

impl<N> Fault<N> {
    /// What it takes on real processes.
    pub fn needs(&self) -> &'static [Need] {
        match self {
            cuts_links!()
            | Fault::ClientsCut { .. }
            | Fault::ClientsRebound
            | Fault::SlowLinks { .. }
            | Fault::HeldLinks { .. }
            | Fault::ThrottledLinks { .. }
            | Fault::LossyLinks { .. } => &[Need::Switch],
            Fault::OddMessages { .. }
            | Fault::FailingDisk { .. }
            | Fault::SlowDisk { .. }
            | Fault::ClockJump { .. }
            | Fault::ClockDrift { .. }
            | Fault::ClockStrobe { .. } => &[Need::Control],
            Fault::Kill { .. } | Fault::Pause { .. } | Fault::SlowProcess { .. } => &[Need::Signals],
            Fault::SwappedAddresses { .. } => &[Need::Switch, Need::Signals],
            Fault::PowerLoss { .. } => &[Need::Signals, Need::Control, Need::HeldWrites],
            Fault::FlippedBits { .. } | Fault::OldDisk { .. } | Fault::LostRecord { .. } => {
                &[Need::Signals, Need::DataFolder]
            }
            Fault::LostDisk { .. } => &[Need::Signals, Need::DataFolder, Need::Spare],
            Fault::Join { .. } | Fault::Pretenders { .. } => &[Need::Spare],
            Fault::Leave { .. } | Fault::Weigh { .. } => &[Need::Admin],
            Fault::Replace { .. } => &[Need::Signals, Need::Spare],
            Fault::Remove { .. } => &[Need::Signals, Need::Admin],
        }
    }

    /// Whether a cluster of that kind can have it.
    pub fn is_of(&self, backend: Backend) -> bool {
        match self {
            // Simulated clients have no address.
            Fault::ClientsRebound => backend == Backend::Processes,
            _ => true,
        }
    }
}

impl Fault {
    /// One of each sort, as they might stand in a plan of five nodes and a spare.
    pub fn examples() -> Vec<Fault> {
        let (some, others) = (|| vec![Place(0), Place(1)], || vec![Place(2), Place(3), Place(4)]);
        let (ms, jump) = (std::time::Duration::from_millis, Signed(-300_000_000));
        vec![
            Fault::Isolate { node: Place(0) },
            Fault::Halves { side: some() },
            Fault::OneWay { unheard: some() },
            Fault::Bridge {
                bridge: Place(2),
                side: some(),
            },
            Fault::Partial {
                one: vec![Place(0)],
                other: others(),
            },
            Fault::MajoritiesRing {
                ring: Place::all(5).collect(),
            },
            Fault::Flapping {
                side: some(),
                every: ms(300),
            },
            Fault::Swizzle {
                nodes: some(),
                back: some(),
            },
            Fault::ClientsCut { nodes: some() },
            Fault::ClientsRebound,
            Fault::SlowLinks {
                from: some(),
                to: others(),
                delay: ms(50),
                jitter: ms(50),
                jitter_is: Spread::LongTailed,
            },
            Fault::HeldLinks {
                from: some(),
                to: others(),
            },
            Fault::ThrottledLinks {
                from: some(),
                to: others(),
                packets_per_second: 200,
            },
            Fault::LossyLinks {
                from: some(),
                to: others(),
                percent: 20,
            },
            Fault::OddMessages {
                from: some(),
                to: others(),
                late_percent: 10,
                twice_percent: 10,
                dropped_percent: 1,
                spoilt_percent: 0,
                by: ms(500),
                kinds: vec![MessageKind::Request],
            },
            Fault::Kill { nodes: some() },
            Fault::SwappedAddresses {
                one: Place(0),
                other: Place(1),
            },
            Fault::Pause { nodes: some() },
            Fault::SlowProcess {
                node: Place(0),
                stopped_percent: 80,
            },
            Fault::PowerLoss { nodes: some() },
            Fault::FailingDisk {
                nodes: some(),
                on: DiskFailure::Sync,
            },
            Fault::SlowDisk {
                nodes: some(),
                delay: ms(200),
            },
            Fault::FlippedBits {
                node: Place(0),
                records: 5,
            },
            Fault::OldDisk { node: Place(0) },
            Fault::LostRecord {
                node: Place(0),
                key: KeyNumber(0),
            },
            Fault::LostDisk {
                node: Place(0),
                by: Place(5),
                how: DiskLoss::Wiped,
            },
            Fault::ClockJump {
                nodes: some(),
                by: jump,
            },
            Fault::ClockDrift {
                nodes: some(),
                ppm: 50_000,
            },
            Fault::ClockStrobe {
                nodes: some(),
                by: jump,
                every: ms(50),
            },
            Fault::Pretenders { nodes: vec![Place(5)] },
            Fault::Join { node: Place(5) },
            Fault::Leave { node: Place(0) },
            Fault::Replace {
                node: Place(0),
                by: Place(5),
            },
            Fault::Remove { node: Place(0) },
            Fault::Weigh {
                node: Place(0),
                weight: 2,
            },
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every name that the reader of plans knows is one of an example, and each can be.
    #[test]
    fn there_is_an_example_of_each_sort() {
        let unknown = serde_json::from_str::<Fault>(r#"{"fault":"earthquake"}"#)
            .unwrap_err()
            .to_string();
        let (_, known) = unknown.split_once("expected one of").expect("serde says what it knows");
        let known: Vec<_> = known
            .split('`')
            .filter(|part| part.chars().any(char::is_alphabetic))
            .collect();
        let mut examples: Vec<_> = Fault::examples().iter().map(Fault::shape).collect();
        examples.sort();
        let mut known: Vec<_> = known
            .into_iter()
            .filter(|name| !name.contains(' '))
            .map(str::to_owned)
            .collect();
        known.sort();
        assert_eq!(examples, known, "{unknown}");
        for fault in Fault::examples() {
            assert_eq!(fault.validate(), Ok(()), "{fault}");
            assert!(!fault.needs().is_empty());
        }
    }
}
