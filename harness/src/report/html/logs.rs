//! Lines of the nodes' logs around an instant of a run.

use std::{fs, path::Path};

use crate::utc;

/// How many lines are shown of one stretch.
pub(super) const LINES_MAX: usize = 300;

/// How long a line may be.
const LINE_LENGTH_MAX: usize = 400;

/// What nodes say of each request, for the judge: it would drown all else, and is in `cluster.jsonl`.
const NOISE: &str = "quorum counted";

/// A line of a node's log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Line {
    /// Nanoseconds since the run began.
    pub(super) time_ns: i64,
    /// Which node's.
    pub(super) node: String,
    /// What it says, without the time.
    pub(super) text: String,
}

/// The lines of all nodes, in order of time. `zero_unix_ns` is when the run began.
pub(super) fn lines(nodes: &Path, zero_unix_ns: i128) -> Vec<Line> {
    let Ok(files) = fs::read_dir(nodes) else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for file in files.flatten() {
        let path = file.path();
        let node = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read(&path).unwrap_or_default();
        for line in String::from_utf8_lossy(&text)
            .lines()
            .filter(|line| !line.contains(NOISE))
        {
            lines.extend(parse(line, &node, zero_unix_ns));
        }
    }
    lines.sort();
    lines
}

/// A line that begins with an instant; others are of what comes from elsewhere, as a panic's.
fn parse(line: &str, node: &str, zero_unix_ns: i128) -> Option<Line> {
    let (time, text) = line.split_once(' ')?;
    Some(Line {
        time_ns: i64::try_from(utc::unix_ns(time)? - zero_unix_ns).ok()?,
        node: node.to_owned(),
        text: text.trim_start().chars().take(LINE_LENGTH_MAX).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_all_nodes_are_in_order_since_the_run_began() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
        write(
            "n1.log",
            "1970-01-01T00:00:01.5Z  INFO late\nthread panicked\n1970-01-01T00:00:01.125Z INFO quorum counted\n1970-01-01T00:00:00.900000Z WARN before\n",
        );
        write("n2.log", "1970-01-01T00:00:01.25Z  INFO early\n");
        let lines = lines(folder.path(), 1_000_000_000);
        let told: Vec<_> = lines
            .iter()
            .map(|line| (line.time_ns / 1_000_000, &*line.node, &*line.text))
            .collect();
        assert_eq!(
            told,
            [
                (-100, "n1", "WARN before"),
                (250, "n2", "INFO early"),
                (500, "n1", "INFO late")
            ]
        );
    }
}
