//! What sessions are promised of each key of registers: whether any order of its versions keeps it.
//!
//! Each step is an operation of its own, and what is asked and decided is what
//! [`checks`](crate::checks::monotonic_reads_from_values) ask of registers from their values alone: that of writes and of writes after
//! reads together with monotonic reads, as nobody but a reader sees in which order versions came. Keys of which a value was written twice are left
//! to whoever reports that.

use super::{
    anomaly::Anomaly,
    cases::{Case, Cases},
    lists::past,
    txns::{NONE, Step, Txns, What},
    writers::Writers,
};
use crate::{
    checks,
    evidence::{Context, Finding},
    history::{Event, EventKind, History, HistoryBuilder},
};

/// Which anomaly each is, how it is judged, and what happened in any order of versions.
type Guarantee = (Anomaly, fn(&History, &Context) -> Finding, &'static str);

const GUARANTEES: [Guarantee; 4] = [
    (
        Anomaly::OwnWriteMissed,
        checks::read_your_writes_from_values,
        "some session missed what it had written",
    ),
    (
        Anomaly::NonMonotonicRead,
        checks::monotonic_reads_from_values,
        "some session went back from what it had read",
    ),
    (
        Anomaly::NonMonotonicWrite,
        checks::monotonic_writes_from_values,
        "a session's writes changed places, or some session went back from what it had read",
    ),
    (
        Anomaly::WriteBeforeRead,
        checks::writes_follow_reads_from_values,
        "a session's write came before what it had read, or some session went back from what it had read",
    ),
];

/// Looks for what is wanted of it; returns what could not be decided.
pub(super) fn check(txns: &Txns, writers: &Writers, wants: impl Fn(Anomaly) -> bool, cases: &mut Cases) -> Vec<String> {
    let mut unknown = Vec::new();
    let mut steps: Option<Steps<'_>> = None;
    for (anomaly, judge, what) in GUARANTEES.into_iter().filter(|(anomaly, ..)| wants(*anomaly)) {
        let steps = steps.get_or_insert_with(|| Steps::new(txns, writers));
        let finding = judge(&steps.history, &Context::default());
        if let Some(witness) = &finding.witness {
            let case = steps.case(witness.ops.iter().map(|op| op.index), what);
            for _ in 0..finding.count {
                cases.add_best(anomaly, case.clone());
            }
        }
        unknown.extend(finding.unknown.map(|doubt| doubt.to_string()));
    }
    unknown
}

/// Steps as operations; the index of each is its place among them.
struct Steps<'t> {
    txns: &'t Txns,
    steps: Vec<(u32, Step)>,
    history: History,
}

impl<'t> Steps<'t> {
    fn new(txns: &'t Txns, writers: &Writers) -> Self {
        let mut steps = Vec::new();
        let mut builder = HistoryBuilder::new();
        for txn in txns.numbers().filter(|txn| writers.happened[*txn as usize]) {
            let of_known = |step: &&Step| !writers.is_ambiguous(step.key);
            for step in txns.steps(txn).iter().filter(of_known) {
                let session = i64::from(txns.txn(txn).session);
                let key = step.key.to_string();
                let element = |element: u32| (element != NONE).then_some(element);
                let (event, read) = match step.what() {
                    What::Write(written) => (Event::write(session, key, written), None),
                    What::ReadRegister(read) => (Event::read(session, key), element(read)),
                    What::ReadList { .. } => continue,
                };
                let index = steps.len() as u64;
                let mut ended = event.completion(EventKind::Ok);
                if let Some(read) = read {
                    ended.value = read.into();
                }
                for event in [event, ended] {
                    let pushed = builder.push(Event { index, ..event });
                    pushed.expect("each session takes one step after another");
                }
                steps.push((txn, *step));
            }
        }
        Self {
            txns,
            steps,
            history: builder.finish(),
        }
    }

    /// Returns the steps of these indices in words, by session.
    fn case(&self, indices: impl Iterator<Item = u64>, what: &str) -> Case {
        let mut shown: Vec<(u32, Step)> = indices.map(|index| self.steps[index as usize]).collect();
        let session = |txn: u32| self.txns.txn(txn).session;
        shown.sort_by_key(|(txn, _)| (session(*txn), *txn));
        let sentences = shown
            .chunk_by(|(first, _), (then, _)| session(*first) == session(*then))
            .map(|of_session| {
                let told: Vec<String> = of_session.iter().map(|(txn, step)| self.told(*txn, step)).collect();
                let process = &self.txns.processes[session(of_session[0].0) as usize];
                format!("In session {process}, {}.", told.join(", and then "))
            });
        let key = self.txns.key_name(shown[0].1.key);
        let text = sentences.collect::<Vec<_>>().join(" ");
        let mut txns: Vec<u32> = shown.iter().map(|(txn, _)| *txn).collect();
        txns.dedup();
        Case {
            txns,
            text: format!("{text} Whatever the order in which {key} was written, {what}."),
            cycle: Vec::new(),
        }
    }

    fn told(&self, txn: u32, step: &Step) -> String {
        format!("{} {}", self.txns.full_name(txn), past(&self.txns.step_text(step)))
    }
}
