//! Findings about transcripts: the same evidence for calls of any function that [`Tally`](super::Tally) and
//! [`Words`] give for reads and writes of keys.

use super::{
    context::Context,
    doubt::Doubt,
    finding::Finding,
    witness::{Witness, WitnessOp},
    words::{Words, seconds},
};
use crate::{
    history::Outcome,
    transcript::{Call, Transcript},
};

/// A finding about a transcript in the making.
///
/// Unlike a tally it takes words with each violation, so a check should offer one only where it may be the best: where it
/// has fewer calls than those before it, or is the first.
#[derive(Debug, Default)]
pub(crate) struct CallTally {
    tested: u64,
    count: u64,
    best: Option<Witness>,
    unknown: Option<String>,
}

impl CallTally {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Counts occasions to break the claim.
    pub(crate) fn test(&mut self, occasions: u64) {
        self.tested += occasions;
    }

    /// Counts a violation among the occasions tested. `calls` break the claim by themselves; `tell` puts it into a sentence.
    pub(crate) fn violate(
        &mut self,
        transcript: &Transcript,
        context: &Context,
        mut calls: Vec<&Call>,
        tell: impl FnOnce(CallWords<'_>, &[&Call]) -> String,
    ) {
        self.count += 1;
        assert!(self.count <= self.tested, "what broke a claim was counted as tested");
        calls.sort_by_key(|call| (call.start, call.index));
        calls.dedup_by_key(|call| (call.start, call.index));
        if self.best.as_ref().is_some_and(|best| best.ops.len() <= calls.len()) {
            return;
        }
        let words = CallWords { transcript };
        let mut text = tell(words, &calls);
        let spans = calls.iter().filter_map(|call| Some((call.start_ns?, call.end_ns)));
        text.push_str(&Words::faults_of(context, spans));
        self.best = Some(Witness {
            key: transcript.key().map(|key| words.value(key)).unwrap_or_default(),
            ops: calls.iter().map(|call| WitnessOp::of_call(transcript, call)).collect(),
            text,
            picture: None,
            starts: calls.iter().map(|call| call.start).collect(),
        });
    }

    /// Counts another violation among the occasions tested, one that makes no better evidence than those before it.
    pub(crate) fn violate_again(&mut self) {
        assert!(self.best.is_some(), "there is evidence already");
        self.count += 1;
        assert!(self.count <= self.tested, "what broke a claim was counted as tested");
    }

    /// Notes why a part can't be judged; the first reason is told.
    pub(crate) fn doubt(&mut self, why: impl FnOnce() -> String) {
        self.unknown.get_or_insert_with(why);
    }

    pub(crate) fn finish(self) -> Finding {
        assert_eq!(self.best.is_some(), self.count > 0, "every violation has evidence");
        Finding {
            tested: self.tested,
            count: self.count,
            witness: self.best,
            unknown: self.unknown.map(Doubt::from),
        }
    }
}

/// Words for the calls of one transcript.
#[derive(Clone, Copy)]
pub(crate) struct CallWords<'t> {
    pub(crate) transcript: &'t Transcript,
}

impl CallWords<'_> {
    /// As EDN, cut where it is long.
    pub(crate) fn value(self, value: &crate::datum::Datum) -> String {
        const LENGTH_MAX: usize = 200;
        let text = value.as_name().map_or_else(|| value.to_string(), str::to_owned);
        match text.char_indices().nth(LENGTH_MAX) {
            None => text,
            Some((end, _)) => format!("{}... ({} bytes)", &text[..end], text.len()),
        }
    }

    /// As in `p3's cas [1 4] through n2`, or `p3's read of 5`.
    pub(crate) fn call(self, call: &Call) -> String {
        let process = self.transcript.process(call.process);
        let (function, through) = (&call.function, self.through(call));
        match (call.asked.is_nil(), call.answered.is_nil()) {
            (false, _) => format!("{process}'s {function} {}{through}", self.value(&call.asked)),
            (true, false) => format!("{process}'s {function} of {}{through}", self.value(&call.answered)),
            (true, true) if call.is_ok() && *call.function == *"read" => {
                format!("{process}'s {function} of nil{through}")
            }
            (true, true) => format!("{process}'s {function}{through}"),
        }
    }

    /// As in `(3.201 s to 3.204 s)`; where no time is known, `(index 12 to 15)`.
    pub(crate) fn span(self, call: &Call) -> String {
        let place = |time_ns: Option<u64>, index: Option<u64>| match (time_ns, index) {
            (Some(time_ns), _) => seconds(time_ns),
            (None, Some(index)) => format!("index {index}"),
            (None, None) => "an unknown time".to_owned(),
        };
        let start = place(call.start_ns, Some(call.index));
        let end = place(call.end_ns, call.completion_index);
        match (call.outcome, call.completion_index) {
            (Outcome::Ok | Outcome::Fail, _) => format!("({start} to {end})"),
            (Outcome::Info, Some(_)) => format!("(from {start}, given up at {end})"),
            (Outcome::Info, None) => format!("(from {start}, never answered)"),
        }
    }

    /// When the call began, as in `3.201 s` or `index 12`.
    pub(crate) fn began(self, call: &Call) -> String {
        call.start_ns.map_or_else(|| format!("index {}", call.index), seconds)
    }

    /// When the call ended, as in `3.204 s` or `index 15`.
    pub(crate) fn ended(self, call: &Call) -> String {
        match (call.end_ns, call.completion_index) {
            (Some(time_ns), _) => seconds(time_ns),
            (None, Some(index)) => format!("index {index}"),
            (None, None) => "no known time".to_owned(),
        }
    }

    /// As in ` through n4`, with the space before; nothing if no node is known.
    pub(crate) fn through(self, call: &Call) -> String {
        call.node
            .map(|node| format!(" through {}", self.transcript.node(node)))
            .unwrap_or_default()
    }
}
