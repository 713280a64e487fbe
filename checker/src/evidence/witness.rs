//! A violation as evidence: few ops, whole, and words that stand alone.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use crate::{
    history::{Action, History, Op, Outcome, Phase, Position, Process, Version},
    transcript::{Call, Transcript},
};

/// A violation: ops that break the claim by themselves, with nothing else of the history, as its words explain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Witness {
    /// The key.
    pub key: String,
    /// The ops, in order of invocation. None can be spared: without it they would not break the claim, or for another
    /// reason.
    pub ops: Vec<WitnessOp>,
    /// What happened: which ops, when, through which nodes, and which faults were on.
    pub text: String,
    /// An SVG that shows it better than the ops in time do, where there is such.
    #[serde(skip)]
    pub picture: Option<String>,
    /// Where each op began among all events of its history: by this the earlier of two witnesses is told.
    #[serde(skip)]
    pub starts: Vec<Position>,
}

impl Witness {
    /// Returns whether this makes better evidence: it has fewer ops, or as many and came first, which is when its last op
    /// began.
    pub(super) fn is_better_than(&self, other: &Self) -> bool {
        let starts = |witness: &Self| witness.starts.iter().rev().copied().collect::<Vec<_>>();
        (self.ops.len(), starts(self)) < (other.ops.len(), starts(other))
    }
}

/// An op as evidence: all that the history says of it, with names in place of ids.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WitnessOp {
    /// The `index` of the invocation.
    pub index: u64,
    /// The `index` of the completion, if there was one.
    pub completion_index: Option<u64>,
    /// Who did it.
    pub process: Process,
    /// How it ended: `ok`, `fail` or `info`.
    #[serde(rename = "type")]
    pub outcome: &'static str,
    /// What was done, as events name it: `read`, `write`, `read-replica` and so on.
    #[serde(rename = "f")]
    pub function: Cow<'static, str>,
    /// To which key.
    pub key: String,
    /// Written or returned; null for nothing.
    pub value: Value,
    /// Of a write: what its client had read and overwrote.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<Value>,
    /// The coordinator, or the replica looked at.
    pub node: Option<String>,
    /// The store's version of the value.
    pub version: Option<Version>,
    /// Of a look at a replica: when in the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// When it began, in nanoseconds since the start of the run.
    pub start_ns: u64,
    /// When it ended, or when the client gave up; none if nothing was heard of it.
    pub end_ns: Option<u64>,
}

impl WitnessOp {
    pub(super) fn new(history: &History, op: &Op) -> Self {
        let phase = match op.action {
            Action::ReadReplica(phase) => Some(phase),
            _ => None,
        };
        Self {
            index: op.index,
            completion_index: op.completion_index(),
            process: history.process(op.process).clone(),
            outcome: op.outcome.name(),
            function: op.action.function().name().into(),
            key: history.key(op.key).to_owned(),
            value: history.value(op.value).clone(),
            seen: history
                .seen(op)
                .iter()
                .map(|value| history.value(*value).clone())
                .collect(),
            node: op.node.map(|node| history.node(node).to_owned()),
            version: op.version.map(|version| history.version(version)),
            phase,
            start_ns: op.start_ns,
            end_ns: op.end_ns(),
        }
    }

    /// Of a call; where no time is known its places in the record stand for nanoseconds, so that what is drawn keeps its
    /// order.
    pub(super) fn of_call(transcript: &Transcript, call: &Call) -> Self {
        let (asked, answered) = (&call.asked, &call.answered);
        let has_answer = call.outcome == Outcome::Ok && !answered.is_nil();
        Self {
            index: call.index,
            completion_index: call.completion_index,
            process: transcript.process(call.process).clone(),
            outcome: call.outcome.name(),
            function: Cow::Owned(call.function.to_string()),
            key: transcript.key().map(ToString::to_string).unwrap_or_default(),
            value: if has_answer { answered } else { asked }.to_json(),
            seen: Vec::new(),
            node: call.node.map(|node| transcript.node(node).to_owned()),
            version: None,
            phase: None,
            start_ns: call.start_ns.unwrap_or(call.index),
            end_ns: call.end_ns.or(call.completion_index),
        }
    }
}
