//! Calls as tests write them, and transcripts of them.

use quorate_checker::{
    Context, Datum, Entry, EventKind, Finding, Outcome, Process, Transcript, TranscriptBuilder,
    linear::fast::{self, Decision},
};

/// A call: when it began and ended, in any unit, and what was said.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) process: i64,
    pub(crate) function: &'static str,
    pub(crate) asked: Datum,
    pub(crate) answered: Datum,
    pub(crate) outcome: Outcome,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    Queue,
    Fifo,
    Stack,
    Set,
    Counter,
    Mutex,
}

impl Object {
    pub(crate) const ALL: [Self; 6] = [
        Self::Queue,
        Self::Fifo,
        Self::Stack,
        Self::Set,
        Self::Counter,
        Self::Mutex,
    ];

    pub(crate) fn decide(self, transcript: &Transcript) -> Decision {
        let decide = match self {
            Self::Queue => fast::queue,
            Self::Fifo => fast::fifo,
            Self::Stack => fast::stack,
            Self::Set => fast::set,
            Self::Counter => fast::counter,
            Self::Mutex => fast::mutex,
        };
        decide(transcript, &Context::default())
    }

    pub(crate) fn is_collection(self) -> bool {
        matches!(self, Self::Queue | Self::Fifo | Self::Stack)
    }
}

/// Returns the transcript of these calls, each by the process that it says; what is invoked or completed in the same
/// instant is so in the order of the list, invocations first.
pub(crate) fn transcript(trials: &[Trial]) -> Transcript {
    let mut entries: Vec<(u64, u8, Entry)> = Vec::with_capacity(2 * trials.len());
    for trial in trials {
        let entry = |kind, time: u64, value: &Datum| Entry {
            process: Some(Process::Client(trial.process)),
            time_ns: Some(time * 1_000_000),
            ..Entry::new(kind, trial.function, value.clone())
        };
        entries.push((trial.start, 0, entry(EventKind::Invoke, trial.start, &trial.asked)));
        let (kind, value) = match trial.outcome {
            Outcome::Ok => (EventKind::Ok, &trial.answered),
            Outcome::Fail => (EventKind::Fail, &trial.asked),
            Outcome::Info => (EventKind::Info, &trial.asked),
        };
        entries.push((trial.end, 1, entry(kind, trial.end, value)));
    }
    entries.sort_by_key(|(time, order, _)| (*time, *order));
    let mut builder = TranscriptBuilder::new();
    for (_, _, entry) in entries {
        builder.push(entry).expect("a process has one call open at a time");
    }
    builder.finish()
}

/// Returns the finding, if there is a decision.
pub(crate) fn finding(decision: Decision) -> Option<Finding> {
    match decision {
        Decision::Decided(finding) => Some(finding),
        Decision::NotApplicable(_) => None,
    }
}

/// Returns the calls as text, for messages.
pub(crate) fn render(trials: &[Trial]) -> String {
    let mut trials: Vec<&Trial> = trials.iter().collect();
    trials.sort_by_key(|trial| trial.start);
    let line = |trial: &Trial| {
        format!(
            "    {}..{}  p{}  {} {} -> {} {}\n",
            trial.start,
            trial.end,
            trial.process,
            trial.function,
            trial.asked,
            trial.answered,
            trial.outcome.name()
        )
    };
    trials.into_iter().map(line).collect()
}
