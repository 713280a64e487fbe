//! What this machine can do for a run on real processes, and why not: probed, never assumed.
//!
//! A probe does the thing itself, on a small scale, with children and sockets of its own, and leaves nothing. What is
//! needed is what no run can do without; the rest is good to know where a run turns out slow, or a fault is to be
//! cross-checked by other means.

mod disk;
mod host;
mod network;
mod processes;

use std::path::Path;

use serde::Serialize;

use crate::fault::{Fault, Need};

/// How a probe came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// As it should be.
    Ok,
    /// There, and less than is good.
    Poor,
    /// Not there.
    Missing,
}

impl Status {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Poor => "poor",
            Status::Missing => "missing",
        }
    }
}

/// Whether a run can do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Importance {
    Needed,
    Useful,
}

/// One thing that was probed.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// How it came out.
    pub status: Status,
    /// Whether no run can do without.
    pub needed: bool,
    /// What was found, or why not.
    pub found: String,
    /// What it is for.
    pub serves: &'static str,
}

/// What a probe has found, if it could be made; else why not.
type Found = Result<(Status, String), String>;

impl Check {
    fn of(name: &'static str, importance: Importance, serves: &'static str, found: Found) -> Check {
        let (status, found) = found.unwrap_or_else(|why| (Status::Missing, why));
        Check {
            name,
            status,
            needed: importance == Importance::Needed,
            found,
            serves,
        }
    }

    /// Whether runs can't do with what was found.
    pub fn is_fatal(&self) -> bool {
        self.needed && self.status == Status::Missing
    }
}

/// Probes everything. `out` is where runs are to leave their folders.
pub fn examine(out: &Path) -> Vec<Check> {
    use Importance::{Needed, Useful};
    vec![
        Check::of(
            SIGNALS,
            Needed,
            "nodes as children in process groups of their own, killed and paused",
            processes::signals(),
        ),
        Check::of(UDP, Needed, "the switch between the nodes", network::loopback()),
        Check::of("ports", Needed, "a port for each node and each front", network::ports()),
        Check::of(
            "udp-offload",
            Useful,
            "fast links: trains of packets in one call",
            network::offload(),
        ),
        Check::of(
            "file-descriptors",
            Needed,
            "sockets, pipes and files of all nodes",
            host::file_descriptors(),
        ),
        Check::of(
            RESULTS,
            Needed,
            "what runs leave, and the nodes' data",
            disk::folder(out),
        ),
        Check::of(
            "temp-folder",
            Needed,
            "archives that are unpacked",
            disk::folder(&std::env::temp_dir()),
        ),
        Check::of(
            "disk-space",
            Needed,
            "the nodes' data: some 10 MB a node",
            disk::space(out),
        ),
        Check::of(
            "fsync",
            Useful,
            "acknowledgements that wait for the disk",
            disk::fsync(out),
        ),
        Check::of("memory", Useful, "nodes: some 30 MB each, up to 100", host::memory()),
        Check::of(
            "cores",
            Useful,
            "nodes, clients and the switch side by side",
            host::cores(),
        ),
        Check::of(
            "clock",
            Needed,
            "the order of what happens: a clock that only goes forward",
            host::clock(),
        ),
        Check::of(
            "ps",
            Useful,
            "seeing that no process was left",
            processes::runs("ps", &["-e"]),
        ),
        Check::of(
            "user-namespaces",
            Useful,
            "filling a small disk from outside, to cross-check a full one",
            processes::runs("unshare", &["-Ur", "true"]),
        ),
        Check::of(
            "strace",
            Useful,
            "failing syncs from outside, to cross-check those that fail inside",
            processes::runs("strace", &["-f", "-o", "/dev/null", "true"]),
        ),
        Check::of(
            "corpora",
            Useful,
            "public histories with known verdicts, for tests",
            host::corpora(),
        ),
    ]
}

const SIGNALS: &str = "signals";
const UDP: &str = "udp-loopback";
const RESULTS: &str = "results-folder";

/// The faults that real processes can't have on this machine, by their names in a plan.
pub fn impossible_faults(checks: &[Check]) -> Vec<String> {
    let lacks = |need: &Need| {
        let name = match need {
            Need::Switch => UDP,
            Need::Signals => SIGNALS,
            Need::DataFolder => RESULTS,
            // Pipes and what the node does itself: where a node can be started these are there.
            Need::Control | Need::HeldWrites | Need::Admin | Need::Spare => SIGNALS,
        };
        checks
            .iter()
            .any(|check| check.name == name && check.status == Status::Missing)
    };
    let faults = Fault::examples().into_iter();
    let impossible = faults.filter(|fault| fault.needs().iter().any(lacks));
    impossible.map(|fault| fault.shape()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The machine that these tests run on has what runs need, or no other test here would pass.
    #[test]
    fn what_is_needed_is_found_and_nothing_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let checks = examine(&folder.path().join("results/runs"));
        let fatal: Vec<_> = checks.iter().filter(|check| check.is_fatal()).collect();
        assert!(fatal.is_empty(), "{fatal:#?}");
        assert!(checks.iter().all(|check| !check.found.is_empty()));
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("a folder").count(),
            0,
            "it was left as it was"
        );
        assert!(impossible_faults(&checks).is_empty());
    }

    #[test]
    fn a_folder_that_can_not_be_written_is_missing_and_with_it_what_needs_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        std::fs::write(&file, "").expect("a file");
        let checks = examine(&file.join("runs"));
        let results = checks.iter().find(|check| check.name == RESULTS).expect("it is probed");
        assert!(results.is_fatal(), "{results:?}");
        let impossible = impossible_faults(&checks);
        assert_eq!(impossible, ["flipped-bits", "old-disk", "lost-record", "lost-disk"]);
    }
}
