//! Answers that were owed: availability, as far as it was promised, and refusals.
//!
//! Who runs the store says when nothing is promised of requests through a node: while it reaches too few replicas, or while it
//! has to find out. All others have to be answered well. A refusal is no answer, nor is a timeout (CLAIMS.md, C13).
//!
//! Who runs it says as well when a node surely reached too few, and had had the time to find out. What it was asked then it had to
//! refuse at once: a client that is kept waiting, or told that nobody knows, could have asked another.

use std::collections::BTreeMap;

use crate::{
    evidence::{Context, Finding, Tally, seconds},
    history::{Action, History, Op},
};

/// From one time of the run to another, in nanoseconds since its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    /// Its first moment.
    pub start_ns: u64,
    /// The first moment after it.
    pub end_ns: u64,
}

/// Which requests are owed an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owed {
    /// By coordinator, when nothing is promised of reads through it. Through one that is not here nothing ever is.
    pub not_reads: BTreeMap<String, Vec<Interval>>,
    /// As above, of all else.
    pub not_writes: BTreeMap<String, Vec<Interval>>,
    /// When something was broken, or had not yet recovered.
    pub broken: Vec<Interval>,
    /// By coordinator, when reads through it can't be served, and it knows.
    pub refused_reads: BTreeMap<String, Vec<Interval>>,
    /// As above, of all else.
    pub refused_writes: BTreeMap<String, Vec<Interval>>,
    /// How long a refusal may take, in nanoseconds.
    pub refused_within_ns: u64,
}

/// When nothing is promised through each coordinator, by its id in a history: names are looked up once, and not for each op.
struct NotOwed<'o> {
    reads: Vec<Option<&'o [Interval]>>,
    writes: Vec<Option<&'o [Interval]>>,
}

impl<'o> NotOwed<'o> {
    fn of(owed: &'o Owed, history: &History) -> Self {
        let of = |intervals: &'o BTreeMap<String, Vec<Interval>>| {
            let by_node = history.nodes().map(|node| intervals.get(node).map(Vec::as_slice));
            by_node.collect()
        };
        Self {
            reads: of(&owed.not_reads),
            writes: of(&owed.not_writes),
        }
    }

    /// Whether the answer to a request is owed.
    fn is_owed(&self, op: &Op) -> bool {
        let by_node = match op.action {
            Action::ReadReplica(_) => return false,
            Action::Read => &self.reads,
            _ => &self.writes,
        };
        let intervals = op.node.and_then(|node| by_node[node.index()]);
        intervals.is_some_and(|intervals| !overlaps(intervals, op))
    }
}

impl Owed {
    /// Whether a request has to be refused: it came, and had its time to be, while it could not be served.
    fn is_refusal_owed(&self, history: &History, op: &Op) -> bool {
        let intervals = match op.action {
            Action::ReadReplica(_) => return false,
            Action::Read => &self.refused_reads,
            _ => &self.refused_writes,
        };
        let intervals = op.node.and_then(|node| intervals.get(history.node(node)));
        let latest_ns = op.start_ns.saturating_add(self.refused_within_ns);
        let is_within = |interval: &Interval| interval.start_ns <= op.start_ns && latest_ns <= interval.end_ns;
        intervals.is_some_and(|intervals| intervals.iter().any(is_within))
    }
}

/// Finds requests that could not be served, as the node that they went through knew, and were not refused at once.
///
/// Tested are all that could not be served, but for those that were served all the same: what is wrong then is the answer.
pub fn refused(history: &History, owed: &Owed, context: &Context) -> Finding {
    let mut tally = Tally::new();
    for op in history.keys().flat_map(|key| history.ops_of(key)) {
        if op.outcome == crate::Outcome::Ok || !owed.is_refusal_owed(history, op) {
            continue;
        }
        tally.test(1);
        let took_ns = op.end_ns().map(|end_ns| end_ns - op.start_ns);
        let is_in_time = took_ns.is_some_and(|took_ns| took_ns <= owed.refused_within_ns);
        if !(is_in_time && op.outcome == crate::Outcome::Fail) {
            tally.violate(vec![op], op);
        }
    }
    tally.finish(history, context, |words, op, _| {
        let node = op.node.map_or("its node", |node| words.node(node));
        let words_of_op = words.op(op);
        let how = match (op.outcome, op.end_ns()) {
            (crate::Outcome::Fail, Some(end_ns)) => {
                format!("refused {words_of_op} only after {}", seconds(end_ns - op.start_ns))
            }
            (_, Some(end_ns)) => format!("left {words_of_op} unknown after {}", seconds(end_ns - op.start_ns)),
            (_, None) => format!("never answered {words_of_op}"),
        };
        format!("{node} {how}, though it reached too few replicas for that, and had since long before.")
    })
}

/// Finds requests that were owed an answer and got none.
///
/// Tested are those that were under way while something was broken, and those that got none.
pub fn answered(history: &History, owed: &Owed, context: &Context) -> Finding {
    let not_owed = NotOwed::of(owed, history);
    let mut tally = Tally::new();
    for op in history.keys().flat_map(|key| history.ops_of(key)) {
        let is_answered = op.outcome == crate::Outcome::Ok;
        // One without an end may have been cut off by that of the record.
        if op.end_ns().is_none() || is_answered && !overlaps(&owed.broken, op) || !not_owed.is_owed(op) {
            continue;
        }
        tally.test(1);
        if !is_answered {
            tally.violate(vec![op], op);
        }
    }
    tally.finish(history, context, |words, op, _| {
        let node = op.node.map_or("its node", |node| words.node(node));
        let after = seconds(op.end_ns().unwrap_or(op.start_ns) - op.start_ns);
        let why = "though it reached as many replicas as that takes, and had since before";
        format!(
            "{node} did not answer {} well: it ended after {after}, {why}.",
            words.op(op)
        )
    })
}

/// Whether any of some intervals, which are apart and in order, has a moment in common with an operation.
fn overlaps(intervals: &[Interval], op: &Op) -> bool {
    let end_ns = op.end_ns().unwrap_or(u64::MAX);
    let next = intervals.partition_point(|interval| interval.end_ns <= op.start_ns);
    intervals.get(next).is_some_and(|interval| interval.start_ns <= end_ns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;

    fn found(history: &str) -> (u64, u64) {
        let history = text::parse(&format!(" {history}")).expect("the history is well-formed");
        let intervals = |spans: &[(u64, u64)]| {
            let interval = |&(start, end): &(u64, u64)| Interval {
                start_ns: start * 1_000_000,
                end_ns: end * 1_000_000,
            };
            spans.iter().map(interval).collect::<Vec<_>>()
        };
        let owed = Owed {
            not_reads: [("n1".to_owned(), intervals(&[(10, 20)]))].into(),
            not_writes: [("n1".to_owned(), intervals(&[(10, 20), (30, 40)]))].into(),
            broken: intervals(&[(10, 50)]),
            ..Owed::default()
        };
        let finding = answered(&history, &owed, &Context::default());
        assert_eq!(finding.count > 0, finding.witness.is_some());
        (finding.tested, finding.count)
    }

    #[test]
    fn what_is_owed_and_not_answered_is_found_and_nothing_else() {
        for (history, expected) in [
            ("0..5 p1 write k 1 node=n1", (0, 0)),
            ("21..25 p1 write k 1 node=n1", (1, 0)),
            ("21..25 p1 write k 1 info node=n1", (1, 1)),
            ("21..25 p1 read k fail node=n1", (1, 1)),
            ("60..65 p1 read k fail node=n1", (1, 1)),
            ("5..15 p1 write k 1 fail node=n1", (0, 0)),
            ("5..25 p1 read k fail node=n1", (0, 0)),
            ("32..35 p1 write k 1 fail node=n1", (0, 0)),
            ("32..35 p1 read k fail node=n1", (1, 1)),
            ("21..25 p1 write k 1 fail node=n2", (0, 0)),
            ("21..25 o read-replica k -> 1 phase=final node=n1", (0, 0)),
        ] {
            assert_eq!(found(history), expected, "{history}");
        }
    }

    #[test]
    fn what_can_not_be_served_is_refused_at_once_or_found() {
        let interval = |start_ms: u64, end_ms: u64| Interval {
            start_ns: start_ms * 1_000_000,
            end_ns: end_ms * 1_000_000,
        };
        let owed = Owed {
            refused_reads: [("n1".to_owned(), vec![interval(10, 20)])].into(),
            refused_writes: [("n1".to_owned(), vec![interval(10, 20), interval(30, 40)])].into(),
            refused_within_ns: 2_000_000,
            ..Owed::default()
        };
        for (history, expected) in [
            ("11..12 p1 write k 1 fail node=n1", (1, 0)),
            ("11..14 p1 write k 1 fail node=n1", (1, 1)),
            ("11..12 p1 write k 1 info node=n1", (1, 1)),
            ("31..90 p1 write k 1 info node=n1", (1, 1)),
            ("31..32 p1 read k fail node=n1", (0, 0)),
            ("11..14 p1 read k fail node=n1", (1, 1)),
            ("11..12 p1 write k 1 node=n1", (0, 0)),
            ("9..12 p1 write k 1 info node=n1", (0, 0)),
            ("19..90 p1 write k 1 info node=n1", (0, 0)),
            ("11..90 p1 write k 1 info node=n2", (0, 0)),
        ] {
            let parsed = text::parse(&format!(" {history}")).expect("the history is well-formed");
            let finding = refused(&parsed, &owed, &Context::default());
            assert_eq!((finding.tested, finding.count), expected, "{history}");
        }
    }
}
