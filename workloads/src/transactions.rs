//! The verdict on transactions on our own store.
//!
//! Two things are judged. What transactions read, by their dependencies and against strict serializability, as those of any store
//! ([`crate::model`]): each anomaly that is found stands under its own name, claimed or not as the model is at these settings. Those
//! that other claims are of stand under these: a value from nowhere or of a failed transaction, and a key that goes back where keys
//! are claimed to go forward, which is what is assumed of them to know in which order registers were written.
//!
//! And what replicas hold in the end, key by key: each write that was acknowledged with its transaction is one operation of the key's
//! history, from when the transaction began to when it ended, which is longer than it took and so never in an order that it did not
//! have.

use std::{borrow::Cow, collections::BTreeMap};

use quorate_checker::{
    Call, Context, Datum, Event, EventKind, Finding, Function, History, HistoryBuilder, HistoryError, Outcome,
    Position, Spans, Transcript, checks,
    isolation::{self, Txns},
    jepsen::{BankOptions, LongForkOptions, SetFullOptions},
    linear::Options,
    sets,
};

use crate::{
    Claim, ClaimReport, Execute, Expectation, Judgement, Model, Property, Question, RunFacts, Settings, Workload,
    claims,
    claims::keys_of,
    execute::map,
    judge::{asked_for, beside_the_history, claim_report, crashed, merged, vacuity, verdict},
    model::transactions::{Part, of_txns, transactions_of},
};

/// What clients did in transactions, and what was looked at.
#[derive(Clone, Debug)]
pub struct TxnRecord {
    /// The transactions.
    pub calls: Transcript,
    /// The looks at replicas, each an invocation and a completion, in order.
    pub looks: Vec<Event>,
}

/// Judges a record of `workload`, which is one of transactions. Its checks are carried out by `execute`.
///
/// # Panics
/// If `workload` is not one of transactions.
pub fn judge_transactions(
    workload: Workload,
    record: &TxnRecord,
    settings: Settings,
    facts: &RunFacts,
    execute: &dyn Execute,
) -> Judgement {
    assert!(workload.is_of_transactions(), "{workload:?} is not of transactions");
    let question = question(workload, settings);
    let reads = map(execute, 1, |_| {
        Reads::of(&question, &record.calls, &facts.context, execute)
    });
    let reads = reads.into_iter().next().expect("one was asked for");
    let mut reads = reads.unwrap_or_else(|panic| Reads::unknown(&crashed(&panic)));
    reads.part.counts.reads_racing = reads_racing(&record.calls);
    reads.part.counts.observations = record.looks.iter().filter(|look| look.kind == EventKind::Ok).count() as u64;
    let vacuous = vacuity(&reads.part.counts, facts);
    let keys = histories(workload, record);
    let in_the_end = |check: Check| match &keys {
        Ok(keys) if keys.is_empty() => check(&HistoryBuilder::new().finish(), &facts.context),
        Ok(keys) => merged(map(execute, keys.len(), |key| check(&keys[key], &facts.context)).into_iter()),
        Err(error) => Finding::unknown(error.to_string()),
    };
    let of_claim = |expectation: Expectation| match expectation.claim {
        Claim::DurableAcks if workload == Workload::Append => {
            let finding = in_the_end(sets::acked_writes_survive);
            vec![(Claim::DurableAcks.property(), in_words_of_lists(finding))]
        }
        Claim::DurableAcks => vec![(Claim::DurableAcks.property(), in_the_end(checks::acked_writes_survive))],
        Claim::Converges => vec![(Claim::Converges.property(), in_the_end(checks::converged))],
        claim => reads.of_claim(claim),
    };
    let mut reports: Vec<ClaimReport> = Vec::new();
    for expectation in claims(workload, settings) {
        let (claimed, reason) = (expectation.claimed, Cow::from(expectation.reason));
        let findings = of_claim(expectation).into_iter();
        reports
            .extend(findings.map(|(property, finding)| {
                claim_report(property, claimed, reason.clone(), finding, vacuous.is_some())
            }));
    }
    reports.extend(beside_the_history(facts, settings));
    let names = |models: &[isolation::Model]| models.iter().map(|model| model.name().to_owned()).collect();
    Judgement {
        verdict: verdict(&asked_for(&reports, settings, vacuous)),
        vacuous,
        claims: reports,
        levels: Some((names(&reads.part.broken.not), names(&reads.part.broken.also_not))),
        figures: Vec::new(),
        counts: reads.part.counts,
    }
}

type Check = fn(&History, &Context) -> Finding;

/// Strict serializability, and of each key what is claimed of it.
fn question(workload: Workload, settings: Settings) -> Question<'static> {
    Question {
        model: match workload {
            Workload::Append => Model::ListAppend,
            _ => Model::RwRegister,
        },
        consistency: None,
        search: Options::default(),
        bank: BankOptions::default(),
        long_fork: LongForkOptions::default(),
        set_full: SetFullOptions::default(),
        keys: keys_of(settings),
        txn_budget: isolation::Question::BUDGET,
    }
}

/// What transactions show by what they read.
struct Reads {
    part: Part,
    /// How many transactions read, and how many that wrote failed.
    tested: (u64, u64),
    /// Why nothing could be judged.
    unread: Option<Finding>,
}

impl Reads {
    fn of(question: &Question<'_>, calls: &Transcript, context: &Context, execute: &dyn Execute) -> Reads {
        let txns: Txns = match transactions_of(question, calls) {
            Ok(txns) => txns,
            Err(why) => return Reads::unknown(&Finding::unknown(why)),
        };
        let count = |is_counted: fn(&Call) -> bool| calls.calls().iter().filter(|call| is_counted(call)).count() as u64;
        Reads {
            part: of_txns(question, &txns, context, execute),
            tested: (
                count(|call| call.is_ok() && steps(&call.asked).any(|step| !step.is_write())),
                count(|call| call.outcome == Outcome::Fail && steps(&call.asked).any(|step| step.is_write())),
            ),
            unread: None,
        }
    }

    fn unknown(finding: &Finding) -> Reads {
        Reads {
            part: Part::unknown(isolation::Model::STRICT_SERIALIZABLE, finding.clone()),
            tested: (0, 0),
            unread: Some(finding.clone()),
        }
    }

    /// What was found of a claim: of the whole model, every other anomaly that it rules out.
    fn of_claim(&self, claim: Claim) -> Vec<(Property, Finding)> {
        let (anomalies, tested) = match claim {
            Claim::NoValueFromNowhere => (&NOWHERE[..], self.tested.0),
            Claim::NoFailedWriteVisible => (&FAILED[..], self.tested.1),
            Claim::KeysInOrder => (&BACK[..], self.ok_count()),
            _ => return self.of_model(),
        };
        let property = Property::new(claim.name(), claim.description(), anomalies[0]);
        if let Some(unread) = &self.unread {
            return vec![(property, unread.clone())];
        }
        let found = self.found().filter(|found| anomalies.contains(&found.claim.anomaly));
        let found = found.map(finding).reduce(Finding::merge);
        let finding = Finding {
            tested: tested.max(found.as_ref().map_or(0, |found| found.count)),
            ..found.unwrap_or(NOTHING)
        };
        vec![(property, finding)]
    }

    /// The whole model, unless something else is found that it rules out than what other claims are of.
    fn of_model(&self) -> Vec<(Property, Finding)> {
        let is_other = |found: &&ClaimReport| {
            let anomaly = &found.claim.anomaly;
            !NOWHERE.contains(anomaly) && !FAILED.contains(anomaly) && !BACK.contains(anomaly)
        };
        let others = self.found().filter(is_other);
        let others: Vec<_> = others.map(|found| (found.claim.clone(), finding(found))).collect();
        if !others.is_empty() {
            return others;
        }
        let whole = self.part.claims.iter().map(finding).reduce(Finding::merge);
        let whole = Finding {
            tested: self.ok_count(),
            ..whole.unwrap_or(NOTHING)
        };
        vec![(Claim::StrictSerializable.property(), whole)]
    }

    /// How many transactions there are that could show anything.
    fn ok_count(&self) -> u64 {
        self.part.counts.reads.ok + self.part.counts.writes.ok
    }

    fn found(&self) -> impl Iterator<Item = &ClaimReport> {
        self.part.claims.iter().filter(|claim| claim.count > 0)
    }
}

/// What shows a value that nobody wrote.
const NOWHERE: [&str; 1] = ["garbage-read"];

/// What shows that a key went back, where it is assumed to go forward.
const BACK: [&str; 1] = ["cyclic-versions"];

/// What shows the value of a transaction that failed.
const FAILED: [&str; 2] = ["G1a", "dirty-update"];

const NOTHING: Finding = Finding {
    tested: 0,
    count: 0,
    witness: None,
    unknown: None,
};

fn finding(report: &ClaimReport) -> Finding {
    Finding {
        tested: report.tested,
        count: report.count,
        witness: report.witness.clone(),
        unknown: report.unknown.clone(),
    }
}

/// A step as the record has it: its name, key and value.
#[derive(Clone, Copy)]
struct Step<'c> {
    name: &'c str,
    key: &'c Datum,
    value: &'c Datum,
}

impl Step<'_> {
    fn is_write(&self) -> bool {
        self.name != "r"
    }
}

fn steps(value: &Datum) -> impl Iterator<Item = Step<'_>> {
    let steps = value.items().unwrap_or_default().iter();
    steps.filter_map(|step| match step.items()? {
        [name, key, value] => Some(Step {
            name: name.as_name()?,
            key,
            value,
        }),
        _ => None,
    })
}

/// How many steps of ok transactions read a key while another ok transaction, which wrote it, was under way.
fn reads_racing(calls: &Transcript) -> u64 {
    let mut writes: BTreeMap<&Datum, Vec<(Position, Position)>> = BTreeMap::new();
    let ok = || calls.calls().iter().filter(|call| call.is_ok());
    for call in ok() {
        for step in steps(&call.asked).filter(Step::is_write) {
            writes.entry(step.key).or_default().push((call.start, call.end));
        }
    }
    let spans = writes.into_iter().map(|(key, writes)| (key, Spans::new(writes)));
    let writes: BTreeMap<&Datum, Spans> = spans.collect();
    let races = |call: &Call, key: &Datum| {
        let writes = writes.get(key);
        writes.is_some_and(|writes| writes.overlap(call.start, call.end))
    };
    let of_call = |call: &Call| {
        let own: Vec<&Datum> = steps(&call.asked).filter(Step::is_write).map(|step| step.key).collect();
        let reads = steps(&call.asked).filter(|step| !step.is_write() && !own.contains(&step.key));
        reads.filter(|step| races(call, step.key)).count() as u64
    };
    ok().map(of_call).sum()
}

/// Each key's writes as far as the record tells when they were made, and the looks at its replicas.
///
/// # Errors
/// A process goes on while its transaction is open, or after one of unknown outcome, which ours never does.
fn histories(workload: Workload, record: &TxnRecord) -> Result<Vec<History>, HistoryError> {
    let mut keys: BTreeMap<String, HistoryBuilder> = BTreeMap::new();
    let mut moments: Vec<(Position, bool, &Call)> = Vec::new();
    for call in record.calls.calls() {
        moments.push((call.start, false, call));
        moments.extend(call.completion.map(|end| (end, true, call)));
    }
    moments.sort_unstable_by_key(|(position, is_end, _)| (*position, *is_end));
    for (_, is_end, call) in moments {
        for event in events(workload, &record.calls, call) {
            let is_due = if is_end { event.is_at_end } else { !event.is_at_end };
            if is_due {
                let builder = keys.entry(event.event.key.clone()).or_default();
                builder.push(event.event)?;
            }
        }
    }
    for look in &record.looks {
        keys.entry(look.key.clone()).or_default().push(look.clone())?;
    }
    Ok(keys.into_values().map(HistoryBuilder::finish).collect())
}

/// An event of a key, and whether it stands where its transaction ended, and not where it began.
struct Placed {
    event: Event,
    is_at_end: bool,
}

/// What the checker found of sets, in the words of lists: what is added there is appended here, and nothing is ever removed.
fn in_words_of_lists(mut finding: Finding) -> Finding {
    if let Some(witness) = &mut finding.witness {
        witness.text = witness.text.replace("'s add of ", "'s append of ");
        witness.text = witness.text.replace(", and nobody who had seen it removed it", "");
        for op in witness.ops.iter_mut().filter(|op| op.function == Function::Add.name()) {
            op.function = "append".into();
        }
    }
    finding
}

/// What a transaction is to the keys that it writes. Of several writes of a register the last counts, which was made over the others.
/// Of several appends to a list each counts if it was acknowledged; all but the last stand at the beginning, as a process does one thing
/// at a time, and where they stand matters to nobody who asks what is there in the end.
fn events(workload: Workload, calls: &Transcript, call: &Call) -> Vec<Placed> {
    let is_list = workload == Workload::Append;
    let mut placed = Vec::new();
    let writes: Vec<Step<'_>> = steps(&call.asked).filter(Step::is_write).collect();
    for (place, step) in writes.iter().enumerate() {
        let is_last = writes[place + 1..].iter().all(|later| later.key != step.key);
        if is_list && !call.is_ok() || !is_list && !is_last {
            continue;
        }
        let (invocation, completion) = operation(is_list, calls, call, *step);
        placed.push(Placed {
            event: invocation,
            is_at_end: false,
        });
        placed.extend(completion.map(|event| Placed {
            event,
            is_at_end: is_last,
        }));
    }
    placed
}

fn operation(is_list: bool, calls: &Transcript, call: &Call, step: Step<'_>) -> (Event, Option<Event>) {
    let process = calls.process(call.process).clone();
    let key = step.key.as_name().map_or_else(|| step.key.to_string(), str::to_owned);
    let value = step.value.to_json();
    let event = if is_list {
        Event::add(process, key, value)
    } else {
        Event::write(process, key, value)
    };
    let invocation = Event {
        index: call.index,
        time_ns: call.start_ns.unwrap_or(0),
        node: call.node.map(|node| calls.node(node).to_owned()),
        ..event
    };
    let kind = EventKind::from(call.outcome);
    let completion = call.completion_index.map(|index| Event {
        index,
        time_ns: call.end_ns.unwrap_or(invocation.time_ns),
        ..invocation.completion(kind)
    });
    (invocation, completion)
}

#[cfg(test)]
mod tests {
    use quorate_checker::{
        TranscriptBuilder,
        formats::{Format, read_transcript},
    };

    use super::*;
    use crate::{ClaimVerdict, InOrder, ReadRepair};

    /// Transactions as lines of EDN, and what the three replicas of each key hold in the end.
    fn record(calls: &str, held: &[(&str, &str)]) -> TxnRecord {
        let calls = match calls {
            "" => TranscriptBuilder::new().finish(),
            calls => read_transcript(Format::Edn, calls.as_bytes()).expect("transactions"),
        };
        let mut looks = Vec::new();
        for (key, value) in held {
            for node in ["n1", "n2", "n3"] {
                let look = Event {
                    index: 100 + looks.len() as u64,
                    time_ns: 1_000_000,
                    node: Some(node.to_owned()),
                    phase: Some(quorate_checker::Phase::Final),
                    ..Event::read_replica("observer", *key)
                };
                let seen = Event {
                    value: serde_json::from_str(value).expect("JSON"),
                    ..look.completion(EventKind::Ok)
                };
                looks.extend([look, seen]);
            }
        }
        TxnRecord { calls, looks }
    }

    /// The claims that were seen broken, each as `VERDICT claim anomaly`, and the first witness of the last.
    fn broken(workload: Workload, txn_length: u8, record: &TxnRecord) -> (Vec<String>, String) {
        let settings = Settings {
            txn_length,
            ..Settings::strict(3, 2, 2, ReadRepair::Blocking)
        };
        let judgement = judge_transactions(workload, record, settings, &RunFacts::default(), &InOrder);
        let is_broken =
            |report: &&ClaimReport| matches!(report.verdict, ClaimVerdict::Violated | ClaimVerdict::Observed);
        let reports: Vec<&ClaimReport> = judgement.claims.iter().filter(is_broken).collect();
        let name = |report: &&ClaimReport| {
            let ClaimReport { claim, verdict, .. } = report;
            format!("{} {} {}", verdict.name(), claim.name, claim.anomaly)
        };
        let text = reports
            .last()
            .and_then(|report| report.witness.as_ref())
            .map(|witness| witness.text.clone());
        (reports.iter().map(name).collect(), text.unwrap_or_default())
    }

    const CROSSED: &str = "
{:process 0, :type :invoke, :f :txn, :value [[:append k1 1]]}
{:process 1, :type :invoke, :f :txn, :value [[:append k1 2] [:append k1 3]]}
{:process 0, :type :ok, :f :txn, :value [[:append k1 1]]}
{:process 1, :type :ok, :f :txn, :value [[:append k1 2] [:append k1 3]]}
";

    #[test]
    fn appends_that_are_not_there_in_the_end_are_told_in_words_of_lists() {
        let (names, text) = broken(Workload::Append, 4, &record(CROSSED, &[("k1", "[2, 3]")]));
        assert_eq!(names, ["observed durable-acks lost-write"]);
        assert!(
            text.starts_with("p0's append of 1 to k1 had been acknowledged at 0.000 s, yet in the end"),
            "{text}"
        );
        let all = record(CROSSED, &[("k1", "[1, 2, 3]")]);
        assert_eq!(broken(Workload::Append, 4, &all).0, Vec::<String>::new());
    }

    /// Of two writes of a register in one transaction the first is lost to the second, and that is no loss.
    #[test]
    fn the_last_write_of_a_transaction_is_the_one_that_has_to_be_there() {
        let calls = "
{:process 0, :type :invoke, :f :txn, :value [[:w k1 1] [:w k1 2]]}
{:process 0, :type :ok, :f :txn, :value [[:w k1 1] [:w k1 2]]}
{:process 0, :type :invoke, :f :txn, :value [[:r k1 nil]]}
{:process 0, :type :ok, :f :txn, :value [[:r k1 2]]}
";
        assert_eq!(
            broken(Workload::Txn, 4, &record(calls, &[("k1", "2")])).0,
            Vec::<String>::new()
        );
        let (lost, text) = broken(Workload::Txn, 4, &record(calls, &[("k1", "null")]));
        assert_eq!(lost, ["violated durable-acks lost-write"]);
        assert!(text.starts_with("p0's write of 2 to k1"), "{text}");
    }

    /// The same stale read of a single step breaks what is claimed of single steps, and of several only that keys go forward.
    #[test]
    fn what_is_found_is_claimed_or_not_by_the_length_of_transactions() {
        let calls = "
{:process 0, :type :invoke, :f :txn, :value [[:w k1 1]]}
{:process 0, :type :ok, :f :txn, :value [[:w k1 1]]}
{:process 1, :type :invoke, :f :txn, :value [[:r k1 nil]]}
{:process 1, :type :ok, :f :txn, :value [[:r k1 nil]]}
";
        let names = |txn_length| broken(Workload::Txn, txn_length, &record(calls, &[("k1", "1")])).0;
        let single = names(1);
        assert!(single.iter().any(|name| name.starts_with("violated")), "{single:?}");
        let several = names(2);
        let model: Vec<&String> = several.iter().filter(|name| !name.contains("keys-in-order")).collect();
        assert!(
            !model.is_empty() && model.iter().all(|name| name.starts_with("observed")),
            "{several:?}"
        );
    }

    #[test]
    fn values_from_nowhere_and_of_failed_transactions_are_violations_whatever_the_settings() {
        let calls = "
{:process 0, :type :invoke, :f :txn, :value [[:w k1 1]]}
{:process 0, :type :fail, :f :txn, :value [[:w k1 1]]}
{:process 1, :type :invoke, :f :txn, :value [[:r k1 nil] [:r k2 nil]]}
{:process 1, :type :ok, :f :txn, :value [[:r k1 1] [:r k2 9]]}
";
        let (names, _) = broken(Workload::Txn, 4, &record(calls, &[("k1", "null"), ("k2", "null")]));
        let expected = [
            "violated no-value-from-nowhere garbage-read",
            "violated no-failed-write-visible G1a",
            "observed strict-serializable strict-serializable",
        ];
        assert_eq!(names, expected);
    }
}
