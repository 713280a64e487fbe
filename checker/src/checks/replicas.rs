//! Replicas side by side: what each lacks of the newest in the end, and how long after the heal the replicas of each key
//! came to agree.
//!
//! A report, not a verdict: [`super::converged`] and [`super::handoff`] judge. What a replica holds in the end is what its
//! last look at a key saw. The newest of a key is, among what its acknowledged writes wrote and what its last looks saw,
//! that than which all else is surely older, by versions or real time as [`super::age`] has it.
//!
//! Looks are few, so the time of agreement lies between two of them:
//!
//! ```text
//!   heal        n1: 1        n1: 2   n2: 2        n2: 2        in the end both hold 2
//!    |           |             |       |
//!    |--- differed until ------|       |
//!    |--- agreed by -------------------|
//! ```
//!
//! It is counted from the heal, or from the end of the key's last acknowledged write, if that came later: eventual
//! consistency is promised once updates have ceased (Vogels, *Eventually Consistent*, CACM 2009).

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{age::Ages, repeats};
use crate::{
    evidence::{Context, ended_ns, seconds},
    history::{History, KeyId, NodeId, Observation, Op, Phase, VersionId},
};

/// How many keys a report names of each replica, and of those that did not agree: the first.
const NAMED_COUNT_MAX: usize = 8;

/// What was seen of the replicas.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReplicaReport {
    /// When the last fault was undone, in nanoseconds since the start of the run; none if none is known of, or one never
    /// was.
    pub healed_ns: Option<u64>,
    /// Every replica that was looked at, by name.
    pub replicas: Vec<ReplicaState>,
    /// How long the replicas took to agree.
    pub agreement: Agreement,
}

/// What one replica holds in the end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReplicaState {
    /// Its name.
    pub node: String,
    /// How many keys it was looked at for.
    pub looked: u64,
    /// Of these, how many it holds the newest of.
    pub newest: u64,
    /// How many it holds something older of.
    pub older: u64,
    /// How many it holds nothing of, where the newest is something.
    pub lacking: u64,
    /// How many it is not clear of what the newest is.
    pub unknown: u64,
    /// Over all keys, how many versions it is behind by, as far as they are known.
    pub versions_behind: u64,
    /// By how many on the key on which it is furthest behind.
    pub versions_behind_max: u64,
    /// The first keys of which it is older or lacking.
    pub behind: Vec<KeyBehind>,
}

/// A key of which a replica does not hold the newest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeyBehind {
    /// The key.
    pub key: String,
    /// What the replica holds; null for nothing.
    pub holds: Value,
    /// What is the newest; null for nothing.
    pub newest: Value,
    /// How many versions are newer than the one that it holds; none where they are not known.
    pub versions_behind: Option<u64>,
}

/// How long after the heal the replicas of keys agreed, over all keys that were looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Agreement {
    /// Of how many keys it is known.
    pub agreed: u64,
    /// Of how many it is not.
    pub unknown: u64,
    /// Until when some replica of some key was seen to differ, at the latest; none if none was.
    pub differed_ns: Option<u64>,
    /// By when all replicas of all keys that agreed had been seen to: the longest of any key.
    pub agreed_ns: Option<u64>,
    /// Every key, in order of appearance.
    pub keys: Vec<KeyAgreement>,
}

/// How long after the heal the replicas of one key agreed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeyAgreement {
    /// The key.
    pub key: String,
    /// From when it is counted, in nanoseconds since the start of the run: the heal, or the end of the key's last
    /// acknowledged write.
    pub since_ns: Option<u64>,
    /// Until when, from then on, a replica was seen to hold something else than in the end; none if none was.
    pub differed_ns: Option<u64>,
    /// By when, from then on, every replica had been seen to hold what it did in the end.
    pub agreed_ns: Option<u64>,
    /// Why it is not known, if it is not.
    pub unknown: Option<String>,
}

/// Compares the replicas that were looked at. O(n log n).
pub fn replicas(history: &History, context: &Context) -> ReplicaReport {
    let ages = Ages::new(history);
    let healed_ns = healed_ns(context);
    let mut states: BTreeMap<&str, ReplicaState> = BTreeMap::new();
    let mut agreement = Agreement::default();
    for key in history.keys() {
        let looks = last_looks(history, key);
        if looks.is_empty() {
            continue;
        }
        let newest = Newest::of(history, &ages, key, &looks);
        for look in looks.values() {
            let node = history.node(look.node);
            let state = states.entry(node).or_insert_with(|| ReplicaState::new(node));
            state.add(history, &newest, &look.op);
        }
        agreement.add(key_agreement(history, context, healed_ns, key, &looks));
    }
    ReplicaReport {
        healed_ns,
        replicas: states.into_values().collect(),
        agreement,
    }
}

impl ReplicaReport {
    /// Returns the report in sentences, one a line.
    pub fn tell(&self) -> String {
        let mut lines: Vec<String> = self.replicas.iter().map(ReplicaState::tell).collect();
        lines.push(self.agreement.tell());
        lines.join("\n")
    }
}

impl ReplicaState {
    fn new(node: &str) -> Self {
        Self {
            node: node.to_owned(),
            looked: 0,
            newest: 0,
            older: 0,
            lacking: 0,
            unknown: 0,
            versions_behind: 0,
            versions_behind_max: 0,
            behind: Vec::new(),
        }
    }

    fn add(&mut self, history: &History, newest: &Newest<'_>, look: &Op) {
        self.looked += 1;
        let Some(op) = newest.op else {
            self.unknown += 1;
            return;
        };
        if !newest.is_older(history, look) {
            self.newest += 1;
            return;
        }
        let is_lacking = history.is_nothing(look.value) && !history.is_nothing(op.value);
        *(if is_lacking { &mut self.lacking } else { &mut self.older }) += 1;
        let versions_behind = newest.versions_behind(look);
        self.versions_behind += versions_behind.unwrap_or(0);
        self.versions_behind_max = self.versions_behind_max.max(versions_behind.unwrap_or(0));
        if self.behind.len() < NAMED_COUNT_MAX {
            self.behind.push(KeyBehind {
                key: history.key(look.key).to_owned(),
                holds: history.value(look.value).clone(),
                newest: history.value(op.value).clone(),
                versions_behind,
            });
        }
    }

    fn tell(&self) -> String {
        let Self {
            node, looked, newest, ..
        } = self;
        let mut text = format!(
            "{node} holds the newest of {newest} of {} in the end",
            counted(*looked, "key")
        );
        let parts = [
            (self.older, "something older of"),
            (self.lacking, "nothing of"),
            (self.unknown, "what is not clear to be the newest of"),
        ];
        for (count, what) in parts.into_iter().filter(|(count, _)| *count > 0) {
            text.push_str(&format!(", {what} {count}"));
        }
        if self.versions_behind > 0 {
            let (all, most) = (counted(self.versions_behind, "version"), self.versions_behind_max);
            text.push_str(&format!(", {all} behind in all and at most {most} on one key"));
        }
        let told: Vec<String> = self.behind.iter().map(KeyBehind::tell).collect();
        let unnamed = self.older + self.lacking - told.len() as u64;
        let rest = if unnamed > 0 {
            format!(", and {unnamed} more")
        } else {
            String::new()
        };
        match told.is_empty() {
            true => text + ".",
            false => format!("{text}: {}{rest}.", told.join(", ")),
        }
    }
}

impl KeyBehind {
    /// As in `k17 with 41 instead of 57 (2 versions behind)`.
    fn tell(&self) -> String {
        let name = |value: &Value| {
            if value.is_null() {
                "nothing".to_owned()
            } else {
                value.to_string()
            }
        };
        let behind = self
            .versions_behind
            .map(|count| format!(" ({} behind)", counted(count, "version")));
        let (holds, newest) = (name(&self.holds), name(&self.newest));
        format!(
            "{} with {holds} instead of {newest}{}",
            self.key,
            behind.unwrap_or_default()
        )
    }
}

impl Agreement {
    fn add(&mut self, key: KeyAgreement) {
        *(if key.unknown.is_none() {
            &mut self.agreed
        } else {
            &mut self.unknown
        }) += 1;
        self.differed_ns = self.differed_ns.max(key.differed_ns);
        self.agreed_ns = self.agreed_ns.max(key.agreed_ns);
        self.keys.push(key);
    }

    fn tell(&self) -> String {
        let mut text = match self.agreed_ns {
            Some(agreed_ns) => format!(
                "The replicas of {} were seen to agree within {} after the heal",
                counted(self.agreed, "key"),
                seconds(agreed_ns)
            ),
            None => "Of no key it is known when its replicas came to agree".to_owned(),
        };
        if let Some(differed_ns) = self.differed_ns {
            text.push_str(&format!("; {} after it some still differed", seconds(differed_ns)));
        }
        let unknown = self
            .keys
            .iter()
            .filter_map(|key| Some((&key.key, key.unknown.as_ref()?)));
        let named: Vec<String> = unknown
            .take(NAMED_COUNT_MAX)
            .map(|(key, why)| format!("{key} ({why})"))
            .collect();
        if !named.is_empty() {
            let rest = if self.unknown > named.len() as u64 {
                ", and more"
            } else {
                ""
            };
            let named = named.join(", ");
            text.push_str(&format!(
                "; it is unknown of {}: {named}{rest}",
                counted(self.unknown, "key")
            ));
        }
        text + "."
    }
}

/// The newest of one key, and what the versions of all that was written to it are.
struct Newest<'h> {
    /// An op that wrote or saw it, if it is clear which it is.
    op: Option<&'h Op>,
    /// Of every value of the key the least version known; ascending, each once.
    versions: Vec<VersionId>,
    /// The greatest version of the newest.
    greatest: Option<VersionId>,
}

impl<'h> Newest<'h> {
    fn of(history: &'h History, ages: &Ages<'h>, key: KeyId, looks: &BTreeMap<NodeId, &'h Observation>) -> Self {
        let acked = history.ops_of(key).filter(|op| op.is_acked_write());
        let candidates: Vec<&Op> = acked.chain(looks.values().map(|look| &look.op)).collect();
        let start = |op: &Op| history.write_of(op.value).map(|write| write.start);
        let newest = candidates
            .iter()
            .copied()
            .max_by_key(|op| (ages.least_version(op.value), start(op), !history.is_nothing(op.value)));
        let is_clear = |newest: &&Op| {
            let is_older = |op: &Op| op.value == newest.value || ages.prove_older(op, newest).is_some();
            repeats::doubt(history, key).is_none() && candidates.iter().all(|op| is_older(op))
        };
        let written = history.ops_of(key).filter(|op| op.is_possible_write());
        let mut versions: Vec<VersionId> = written.filter_map(|op| ages.least_version(op.value)).collect();
        versions.sort_unstable();
        versions.dedup();
        Self {
            greatest: newest.and_then(|op| ages.greatest_version(op.value)),
            op: newest.filter(is_clear),
            versions,
        }
    }

    /// Returns whether what `look` saw is older: another value, or the same under a lesser version.
    fn is_older(&self, history: &History, look: &Op) -> bool {
        let newest = self.op.expect("it is asked where it is clear what the newest is");
        let are_nothing = history.is_nothing(look.value) && history.is_nothing(newest.value);
        let is_lesser = matches!((look.version, self.greatest), (Some(a), Some(b)) if a < b);
        look.value != newest.value && !are_nothing || is_lesser
    }

    fn versions_behind(&self, look: &Op) -> Option<u64> {
        self.greatest?;
        let held = match look.version {
            Some(version) => self.versions.partition_point(|known| *known <= version),
            None if look.value.is_nil() => 0,
            None => return None,
        };
        Some((self.versions.len() - held) as u64)
    }
}

/// Returns the last look at each replica of `key`, in the final phase or, where there was none, at handoff.
fn last_looks(history: &History, key: KeyId) -> BTreeMap<NodeId, &Observation> {
    let mut last: BTreeMap<NodeId, &Observation> = BTreeMap::new();
    for look in history.observations_of(key) {
        let known = last.entry(look.node).or_insert(look);
        if look.phase == Phase::Final || known.phase == Phase::Handoff {
            *known = look;
        }
    }
    last
}

fn healed_ns(context: &Context) -> Option<u64> {
    let ends: Option<Vec<u64>> = context.faults.iter().map(|fault| fault.end_ns).collect();
    ends?.into_iter().max()
}

fn key_agreement(
    history: &History,
    context: &Context,
    healed_ns: Option<u64>,
    key: KeyId,
    last: &BTreeMap<NodeId, &Observation>,
) -> KeyAgreement {
    let written_ns = history.ops_of(key).filter(|op| op.is_acked_write()).map(ended_ns).max();
    let since_ns = healed_ns.map(|healed_ns| healed_ns.max(written_ns.unwrap_or(0)));
    let mut agreement = KeyAgreement {
        key: history.key(key).to_owned(),
        since_ns,
        differed_ns: None,
        agreed_ns: None,
        unknown: None,
    };
    let Some(since_ns) = since_ns else {
        let has_faults = !context.faults.is_empty();
        let why = if has_faults {
            "a fault was never undone"
        } else {
            "no fault is known of"
        };
        agreement.unknown = Some(why.to_owned());
        return agreement;
    };
    // By replica, since when it is seen to hold what it does in the end.
    let mut held: BTreeMap<NodeId, u64> = BTreeMap::new();
    for look in history.observations_of(key).filter(|look| look.op.start_ns >= since_ns) {
        let is_same = last.values().all(|last| !differ(history, &look.op, &last.op));
        if is_same {
            held.entry(look.node).or_insert(ended_ns(&look.op) - since_ns);
        } else {
            held.remove(&look.node);
            agreement.differed_ns = agreement.differed_ns.max(Some(look.op.start_ns - since_ns));
        }
    }
    let mut pairs = last.values().zip(last.values().skip(1));
    agreement.unknown = if let Some((a, b)) = pairs.find(|(a, b)| differ(history, &a.op, &b.op)) {
        let (a, b) = (history.node(a.node), history.node(b.node));
        Some(format!("{a} and {b} differ in the end"))
    } else if context.replica_count.is_some_and(|count| last.len() < count) {
        Some(format!("only {} of its replicas were looked at", last.len()))
    } else if last.keys().any(|node| !held.contains_key(node)) {
        Some("not all of its replicas were looked at after the heal and its last write".to_owned())
    } else {
        agreement.agreed_ns = held.into_values().max();
        None
    };
    agreement
}

fn differ(history: &History, a: &Op, b: &Op) -> bool {
    let are_nothing = history.is_nothing(a.value) && history.is_nothing(b.value);
    let versions_differ = matches!((a.version, b.version), (Some(a), Some(b)) if a != b);
    a.value != b.value && !are_nothing || versions_differ
}

/// As in `1 key` or `2 keys`.
fn counted(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}
