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
    /// Whether its invocation is in the record.
    pub(crate) has_invocation: bool,
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
    let mut order: Vec<(u64, bool, usize)> = Vec::with_capacity(2 * trials.len());
    for (place, trial) in trials.iter().enumerate() {
        order.push((trial.start, false, place));
        order.push((trial.end, true, place));
    }
    order.sort_unstable();
    let mut builder = TranscriptBuilder::new();
    for (time, is_end, place) in order {
        let trial = &trials[place];
        let (kind, value) = match trial.outcome {
            _ if !is_end => (EventKind::Invoke, &trial.asked),
            Outcome::Ok => (EventKind::Ok, &trial.answered),
            Outcome::Fail => (EventKind::Fail, &trial.asked),
            Outcome::Info => (EventKind::Info, &trial.asked),
        };
        let entry = Entry {
            process: Some(Process::Client(trial.process)),
            time_ns: Some(time * 1_000_000),
            ..Entry::new(kind, trial.function, value.clone())
        };
        if is_end || trial.has_invocation {
            builder.push(entry).expect("a process has one call open at a time");
        }
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
