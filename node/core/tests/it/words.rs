//! What nodes say, in a few words a line: node by letter, versions by the time since the start and their writer, dots by
//! their actor and number.

use std::{collections::BTreeMap, time::Duration};

use quorate_core::{
    Accepted, Actor, AdminOk, CasOutcome, Cell, Content, Context, Dot, Errand, Event, Hint, Key, NodeId, Owner,
    Ownership, ReadError, ReplicaRequest, ReplicaResponse, Response, StoreOp, Update, Value, Version, Want, WriteError,
};

/// What every clock shows at the start, in nanoseconds since 1970.
pub(crate) const EPOCH_NS: u64 = 1_000_000_000_000_000_000;

/// The names of things, and the actors seen so far: those of a node that came later have a mark each.
#[derive(Debug)]
pub(crate) struct Words {
    nodes: Vec<NodeId>,
    actors: BTreeMap<NodeId, Vec<Actor>>,
}

impl Words {
    /// Calls the nodes a, b, c and so on.
    pub(crate) fn new(nodes: Vec<NodeId>) -> Words {
        let actors = BTreeMap::new();
        Words { nodes, actors }
    }

    pub(crate) fn node(&self, node: NodeId) -> char {
        let at = self.nodes.iter().position(|other| *other == node);
        char::from(b'a' + u8::try_from(at.expect("a node of the script")).expect("few nodes"))
    }

    fn nodes(&self, nodes: &[NodeId]) -> String {
        let names: Vec<_> = nodes.iter().map(|node| self.node(*node).to_string()).collect();
        if names.is_empty() {
            "nobody".to_owned()
        } else {
            names.join(" ")
        }
    }

    fn version(&self, version: Version) -> String {
        format!("{}/{}", time_text(version.time), self.node(version.node))
    }

    fn actor(&mut self, actor: Actor) -> String {
        let births = self.actors.entry(actor.node).or_default();
        let at = births.iter().position(|birth| *birth == actor).unwrap_or_else(|| {
            births.push(actor);
            births.len() - 1
        });
        format!("{}{}", self.node(actor.node), "'".repeat(at))
    }

    fn dot(&mut self, dot: Dot) -> String {
        format!("{}{}", self.actor(dot.actor), dot.n)
    }

    fn context(&mut self, context: &Context) -> String {
        let dots = context.iter().map(|(actor, n)| self.dot(Dot { actor, n }));
        let dots: Vec<_> = dots.collect();
        if dots.is_empty() {
            "nothing".to_owned()
        } else {
            dots.join(" ")
        }
    }

    /// `k=v@2s/a`, `siblings:k={x@a1 y@b1} seen a1 b1` and so on.
    pub(crate) fn cell(&mut self, key: &Key, cell: &Cell) -> String {
        let held = match cell {
            Cell::Register(register) => {
                let version = self.version(register.version);
                match &register.content {
                    Content::Value(value) => format!("{}@{version}", text(value)),
                    Content::Tombstone { .. } => format!("deleted@{version}"),
                }
            }
            Cell::Siblings(siblings) => {
                let values = siblings.values();
                let values = values.map(|(dot, value)| format!("{}@{}", text(value), self.dot(*dot)));
                let values: Vec<_> = values.collect();
                format!("{{{}}} seen {}", values.join(" "), self.context(siblings.context()))
            }
            Cell::Set(set) => {
                let elements: Vec<_> = set.elements().map(text).collect();
                format!("{{{}}} seen {}", elements.join(" "), self.context(set.context()))
            }
            Cell::Counter(counter) => {
                let tallies = counter.tallies().map(|(actor, tally)| {
                    let (added, subtracted) = (tally.added, tally.subtracted);
                    let n = tally.n;
                    format!("{}:+{added}-{subtracted}", self.dot(Dot { actor: *actor, n }))
                });
                let tallies: Vec<_> = tallies.collect();
                format!("{} ({})", counter.value(), tallies.join(" "))
            }
            Cell::Cas(register) => {
                let promised = self.version(register.promised);
                let accepted = register.accepted.as_ref();
                let accepted = accepted.map_or_else(|| "nothing accepted".to_owned(), |it| self.proposal(it));
                format!("{accepted}, promised {promised}")
            }
        };
        format!("{key}={held}")
    }

    /// `v@1s/a`, and behind it under which ballot it was proposed once more, if it was.
    fn proposal(&self, proposal: &Accepted) -> String {
        let value = proposal.value.as_ref().map_or_else(|| "nothing".to_owned(), text);
        let written = proposal.written.map(|written| format!("@{}", self.version(written)));
        let again = Some(proposal.ballot).filter(|ballot| proposal.written != Some(*ballot));
        let again = again.map(|ballot| format!(" again at {}", self.version(ballot)));
        format!("{value}{}{}", written.unwrap_or_default(), again.unwrap_or_default())
    }

    fn maybe_cell(&mut self, key: &Key, cell: Option<&Cell>) -> String {
        cell.map_or_else(|| format!("{key}=nothing"), |cell| self.cell(key, cell))
    }

    fn cells(&mut self, cells: &[(Key, Cell)]) -> String {
        let cells: Vec<_> = cells.iter().map(|(key, cell)| self.cell(key, cell)).collect();
        if cells.is_empty() {
            "nothing".to_owned()
        } else {
            cells.join(", ")
        }
    }

    pub(crate) fn hint(&mut self, hint: &Hint) -> String {
        format!(
            "hint for {}: {}",
            self.node(hint.target),
            self.cell(&hint.key, &hint.cell)
        )
    }

    /// Such as "epoch 2, read-old: [a b c] to [a b d]".
    pub(crate) fn ownership(&self, ownership: &Ownership) -> String {
        let list = |owners: &[Owner]| {
            let nodes: Vec<_> = owners.iter().map(|owner| owner.node).collect();
            self.nodes(&nodes)
        };
        let mut words = format!(
            "epoch {}, {}: {}",
            ownership.epoch.0,
            ownership.phase.name(),
            list(&ownership.owners)
        );
        if ownership.is_moving() {
            words.push_str(&format!(" to {}", list(&ownership.next)));
        }
        words
    }

    pub(crate) fn request(&mut self, request: &ReplicaRequest) -> String {
        match request {
            ReplicaRequest::Prepare { .. } => "prepare".to_owned(),
            ReplicaRequest::Accept { value, .. } => format!("accept {}", self.ownership(value)),
            ReplicaRequest::PrepareKey { key, ballot } => format!("prepare {key} at {}", self.version(*ballot)),
            ReplicaRequest::AcceptKey { key, proposal } => format!("accept {key}={}", self.proposal(proposal)),
            ReplicaRequest::Read { key, want: Want::Cell } => format!("read {key}"),
            ReplicaRequest::Read { key, want: Want::Time } => format!("ask version of {key}"),
            ReplicaRequest::Read {
                key,
                want: Want::Digest,
            } => format!("read digest of {key}"),
            ReplicaRequest::ReadKept { key, owner } => format!("read {key} kept for {}", self.node(*owner)),
            ReplicaRequest::Hold { key, cell, errand } => {
                let errand = match errand {
                    Errand::Write => "",
                    Errand::ReadRepair => " (read repair)",
                    Errand::Handoff => " (handoff)",
                    Errand::AntiEntropy => " (anti-entropy)",
                };
                format!("hold {}{errand}", self.cell(key, cell))
            }
            ReplicaRequest::Keep { owner, key, cell } => {
                format!("keep for {}: {}", self.node(*owner), self.cell(key, cell))
            }
            ReplicaRequest::Apply(apply) => {
                let id = apply.id.map_or_else(String::new, |id| format!(", id {}", id.0));
                let above = apply
                    .above
                    .map_or_else(String::new, |above| format!(", above {}", time_text(above)));
                format!("apply {}{id}{above}", self.update(&apply.key, &apply.update))
            }
            ReplicaRequest::CompareDigests { digests } => format!("compare roots of {} partitions", digests.len()),
            ReplicaRequest::CompareBranches { .. } => "compare branches".to_owned(),
            ReplicaRequest::CompareSummaries(stretch) => {
                let keys: Vec<_> = stretch.summaries.iter().map(|(key, _)| key.to_string()).collect();
                format!("compare summaries of [{}]", keys.join(" "))
            }
            ReplicaRequest::Confirm { key, .. } => format!("may the tombstone of {key} go?"),
            ReplicaRequest::Collect { key, .. } => format!("let the tombstone of {key} go"),
        }
    }

    fn update(&mut self, key: &Key, update: &Update) -> String {
        match update {
            Update::Put { value, context } => format!("put {key} {}{}", text(value), self.seen(context)),
            Update::Delete { context } => format!("delete {key}{}", self.seen(context)),
            Update::Add { element } => format!("add {key} {}", text(element)),
            Update::Remove { element, context } => format!("remove {key} {}{}", text(element), self.seen(context)),
            Update::Increment { delta } => format!("increment {key} {delta}"),
        }
    }

    fn seen(&mut self, context: &Context) -> String {
        if context.is_empty() {
            return String::new();
        }
        format!(" having seen {}", self.context(context))
    }

    /// `asked` is the key that the request was of, if it was of one.
    pub(crate) fn response(&mut self, asked: Option<&Key>, response: &ReplicaResponse) -> String {
        let key = || asked.expect("a response about a key is to a request about one");
        match response {
            ReplicaResponse::Read { cell } => self.maybe_cell(key(), cell.as_ref()),
            ReplicaResponse::Digest { summary } => {
                let digest = match summary {
                    None => "nothing".to_owned(),
                    Some(summary) => summary.version.map_or("something".to_owned(), |v| self.version(v)),
                };
                format!("digest of {}: {digest}", key())
            }
            ReplicaResponse::Time { time: 0 } => format!("no version of {}", key()),
            ReplicaResponse::Time { time } => format!("version of {}: {}", key(), time_text(*time)),
            ReplicaResponse::Held { .. } => "held".to_owned(),
            ReplicaResponse::Applied(applied) => format!("applied: {}", self.cell(key(), &applied.cell)),
            ReplicaResponse::Differing { partitions, .. } => format!("{} partitions differ", partitions.len()),
            ReplicaResponse::Stale { ownership } => format!("stale: {}", self.ownership(ownership)),
            ReplicaResponse::Behind => "behind".to_owned(),
            ReplicaResponse::Promised { accepted: None } => "promised".to_owned(),
            ReplicaResponse::Promised {
                accepted: Some(accepted),
            } => {
                format!("promised, and had accepted {}", self.ownership(&accepted.1))
            }
            ReplicaResponse::Accepted => "accepted".to_owned(),
            ReplicaResponse::Outbid { ballot } => format!("outbid by {}", self.node(ballot.node)),
            ReplicaResponse::KeyPromised { accepted, .. } => match accepted {
                None => "promised".to_owned(),
                Some(accepted) => format!("promised, and had accepted {}", self.proposal(accepted)),
            },
            ReplicaResponse::KeyAccepted { .. } => "accepted".to_owned(),
            ReplicaResponse::KeyOutbid { promised, .. } => format!("outbid by {}", self.version(*promised)),
            ReplicaResponse::Branches { branches } => format!("{} branches differ", branches.len()),
            ReplicaResponse::Agreed { yes: true } => "yes".to_owned(),
            ReplicaResponse::Agreed { yes: false } => "no".to_owned(),
            ReplicaResponse::Differences { newer, wanted, .. } => {
                let wanted: Vec<_> = wanted.iter().map(Key::to_string).collect();
                format!("newer: {}; wanted: [{}]", self.cells(newer), wanted.join(" "))
            }
            ReplicaResponse::Refused(why) => format!("refused: {why}"),
        }
    }

    /// What a batch does; empty if nothing that a script is about.
    pub(crate) fn ops(&mut self, ops: &[StoreOp]) -> String {
        let words = ops.iter().filter_map(|op| match op {
            StoreOp::PutRecord { key, record, .. } => Some(self.cell(key, &record.cell)),
            StoreOp::DropRecord { key, .. } => Some(format!("end of {key}")),
            StoreOp::PutHint(hint) => Some(self.hint(hint)),
            StoreOp::DropHint { target, hint } => Some(format!("end of hint for {}: {}", self.node(*target), hint.key)),
            StoreOp::RememberWrite(id, _) => Some(format!("id {}", id.0)),
            StoreOp::ForgetWrite(id) => Some(format!("end of id {}", id.0)),
            StoreOp::SetPartition(state) => Some(self.ownership(&state.ownership)),
            StoreOp::SetGeneration(_)
            | StoreOp::SetFounders(_)
            | StoreOp::SetForgottenTime(_)
            | StoreOp::SetRoster(_)
            | StoreOp::SetDown(_) => None,
        });
        words.collect::<Vec<_>>().join(", ")
    }

    /// `asked` is the key that the client asked about, if it did.
    pub(crate) fn reply(&mut self, asked: Option<&Key>, response: &Response) -> String {
        let key = || asked.expect("an answer about a key is to a request about one");
        match response {
            Response::Read(Ok(ok)) => {
                let cell = self.maybe_cell(key(), ok.cell.as_ref());
                let stand_ins = if ok.stand_ins.is_empty() {
                    String::new()
                } else {
                    format!(", of whom {} stands in", self.nodes(&ok.stand_ins))
                };
                format!("ok, {cell} from {}{stand_ins}", self.nodes(&ok.answers))
            }
            Response::Read(Err(ReadError::Refused(why))) => format!("refused: {why}"),
            Response::Read(Err(ReadError::Timeout {
                stage,
                answers,
                required,
                ..
            })) => {
                format!("failed while {stage:?}: {} of {required}", self.nodes(answers))
            }
            Response::Write(Ok(ok)) => {
                let version = ok
                    .version
                    .map_or_else(String::new, |v| format!(" at {}", self.version(v)));
                let stand_ins = ok.stand_ins.iter();
                let stand_ins = stand_ins.map(|s| format!(", {} for {}", self.node(s.node), self.node(s.owner)));
                let stand_ins: String = stand_ins.collect();
                format!("ok{version}, held by {}{stand_ins}", self.nodes(&ok.acks))
            }
            Response::Cas(Ok(ok)) => {
                let outcome = match ok.outcome {
                    CasOutcome::Done => "ok",
                    CasOutcome::Unmet => "unmet",
                };
                let value = ok.value.as_ref().map_or_else(|| "nothing".to_owned(), text);
                let version = ok.version.map(|version| format!("@{}", self.version(version)));
                let by = self.nodes(&ok.acks);
                format!("{outcome}, {}={value}{} by {by}", key(), version.unwrap_or_default())
            }
            Response::Cas(Err(WriteError::Unknown(unknown))) => {
                let (acks, required) = (self.nodes(&unknown.acks), unknown.required);
                format!("unknown, {:?}: accepted by {acks} of {required}", unknown.stage)
            }
            Response::Cas(Err(WriteError::NotApplied(why))) | Response::Write(Err(WriteError::NotApplied(why))) => {
                format!("not applied, {:?}: {why}", why.stage())
            }
            Response::Write(Err(WriteError::Unknown(unknown))) => {
                let (acks, hinted) = (self.nodes(&unknown.acks), self.nodes(&unknown.hinted));
                let (stage, required) = (unknown.stage, unknown.required);
                format!("unknown, {stage:?}: held by {acks} of {required}, hints kept for {hinted}")
            }
            Response::Admin(Ok(AdminOk::AntiEntropy(report))) => format!(
                "ok, {} peers compared, {} failed, {} partitions differed, {} records taken, {} given",
                report.peers,
                report.peers_failed,
                report.partitions_differing,
                report.records_taken,
                report.records_given
            ),
            Response::Admin(other) => format!("{other:?}"),
        }
    }

    /// Empty if it is none that a script is about.
    pub(crate) fn event(&self, event: &Event) -> String {
        match event {
            Event::RingFormed { .. }
            | Event::NodeLearned { .. }
            | Event::NodeUp { .. }
            | Event::NodeDown { .. }
            | Event::QuorumCounted(_)
            | Event::PartitionCopied { .. }
            | Event::StandingChanged { .. } => String::new(),
            Event::OwnersChanged { ownership } => self.ownership(ownership),
            Event::PartitionDropped { records, .. } => format!("partition dropped, {records} records"),
            Event::Banned { node } => format!("{} banned", self.node(*node)),
            Event::EntryRefused { why } => format!("entry refused: {why}"),
            Event::HintRefused { target } => format!("hint for {} refused", self.node(*target)),
            Event::HintExpired { target } => format!("hint for {} expired", self.node(*target)),
            Event::PeerRefused { node, why } => format!("{} refused: {why}", self.node(*node)),
            Event::GossipRefused { from, about, why } => {
                format!(
                    "gossip of {} about {} refused: {why}",
                    self.node(*from),
                    self.node(*about)
                )
            }
            Event::Isolated => "isolated".to_owned(),
            Event::Rejoined => "rejoined".to_owned(),
            Event::GenerationRaised { from, to } => format!("generation raised from {} to {}", from.0, to.0),
            Event::RecordDamaged { why } => format!("record damaged: {why}"),
            Event::RecordLost { key } => format!("record lost: {key}"),
            Event::Draining => "draining".to_owned(),
            Event::StorageFailed { why } => format!("storage failed: {why}"),
        }
    }
}

fn text(value: &Value) -> String {
    String::from_utf8_lossy(&value.0).into_owned()
}

/// A hybrid time as the time since the start, and, behind `+`, what sets it apart within a millisecond; one that no
/// clock gave as `#` and its number.
fn time_text(time: u64) -> String {
    let Some(nanos) = time.checked_sub(EPOCH_NS) else {
        return format!("#{time}");
    };
    let (millis, rest) = (nanos / 1_000_000, nanos % 1_000_000);
    let whole = match millis {
        0 => "0s".to_owned(),
        millis => format!("{:?}", Duration::from_millis(millis)),
    };
    if rest == 0 { whole } else { format!("{whole}+{rest}") }
}
