//! The verdict on a record against a model.
//!
//! Everything is asked of each key by itself where the model has keys. Where a level of consistency is broken, the weaker ones
//! that it implies are asked about too, so that the report says how far the store fell, and not only that it did. A check that
//! panics is unknown, and no other is touched by it.

use quorate_checker::{
    Context, Counts, Finding, History, Transcript, checks,
    isolation::{self, Txns},
    jepsen::{self, BankOptions, LongForkOptions, Part, Report, SetFullOptions},
    linear::{self, Budget, ModelKind, Options},
};
use serde::Serialize;

use super::{consistency::Consistency, kind::Model, promises, transactions};
use crate::{
    ClaimReport, ClaimVerdict, Execute, Figure, Judgement, Property, TxnRecord,
    execute::map,
    judge::{check_of_registers, claim_report, crashed, cut, merged, verdict},
};

/// What is asked of a record.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// What the store was to be.
    pub model: Model,
    /// At which level; the model's own where none is asked for.
    pub consistency: Option<Consistency>,
    /// What registers hold at first, what a read of nil says, and what a search may cost for each key.
    pub search: Options<'a>,
    /// Of banks.
    pub bank: BankOptions,
    /// Of long forks.
    pub long_fork: LongForkOptions,
    /// Of sets that are read all along.
    pub set_full: SetFullOptions,
    /// Of transactions on registers: what is assumed of each key.
    pub keys: isolation::Keys,
    /// Of transactions: how many steps a search within one component of their dependencies may take.
    pub txn_budget: u64,
}

/// A record in the form in which its model is judged.
#[derive(Debug)]
pub enum Record {
    /// Keys that are read and written.
    Keys(History),
    /// Calls, a transcript for each key.
    Calls(Vec<Transcript>),
    /// Transactions on lists, read in a way that keeps nothing else of them.
    Txns(Box<Txns>),
    /// Transactions on our own store, and looks at its replicas.
    Own(TxnRecord),
}

/// One property of one part of a record.
type Answer = Vec<(Property, bool, Finding)>;

/// Judges `record` against the model that is asked for.
pub fn judge_model(question: &Question<'_>, record: &Record, context: &Context, execute: &dyn Execute) -> Judgement {
    let (claims, figures) = match record {
        Record::Txns(txns) => return transactions::judge(question, txns, context, execute),
        Record::Own(own) => {
            return transactions::judge_calls(question, std::slice::from_ref(&own.calls), context, execute);
        }
        Record::Calls(transcripts) if question.model.is_of_transactions() => {
            return transactions::judge_calls(question, transcripts, context, execute);
        }
        Record::Keys(history) => of_keys(question, history, context, execute),
        Record::Calls(transcripts) => of_calls(question, transcripts, context, execute),
    };
    let counts = match record {
        Record::Keys(history) => Counts::of_outcomes(history),
        Record::Calls(transcripts) => Counts::of_calls(transcripts),
        Record::Txns(_) | Record::Own(_) => unreachable!("transactions were judged above"),
    };
    Judgement {
        verdict: verdict(&claims),
        vacuous: None,
        claims,
        levels: None,
        figures,
        counts,
    }
}

fn of_keys(
    question: &Question<'_>,
    history: &History,
    context: &Context,
    execute: &dyn Execute,
) -> (Vec<ClaimReport>, Vec<Figure>) {
    let asked = match (question.model, question.consistency) {
        (Model::Sessions, None) => {
            let by_values: [fn(&History, &Context) -> Finding; 4] = [
                checks::read_your_writes_from_values,
                checks::monotonic_reads_from_values,
                checks::monotonic_writes_from_values,
                checks::writes_follow_reads_from_values,
            ];
            let claims = promises::SESSION_GUARANTEES.into_iter().zip(by_values);
            let claims = claims.map(|(claim, by_values)| {
                let finding = in_parts(history, execute, |part| {
                    either(check_of_registers(claim)(part, context), by_values(part, context))
                });
                report(claim.property(), true, finding)
            });
            return (claims.collect(), vec![]);
        }
        (_, level) => level.unwrap_or(Consistency::Linearizable),
    };
    let ask = |level: Consistency| -> Finding {
        match level {
            Consistency::Linearizable => in_parts(history, execute, |part| {
                linear::registers(part, &question.search.budget, context)
            }),
            Consistency::Regular => in_parts(history, execute, |part| checks::regular(part, context)),
            Consistency::Safe => in_parts(history, execute, |part| checks::safe(part, context)),
            Consistency::KAtomic(k) => in_parts(history, execute, |part| checks::k_atomic(part, context, u64::from(k))),
            Consistency::Sequential => whole(execute, || {
                checks::sequential(
                    history,
                    context,
                    question.search.budget.steps.min(Budget::default().steps),
                )
            }),
            Consistency::Causal => whole(execute, || checks::causal_from_values(history, context)),
            Consistency::ReadAtomic | Consistency::ReadCommitted | Consistency::OfTransactions(_) => {
                unreachable!("registers are not asked about transactions")
            }
        }
    };
    let mut claims = vec![report(asked.property(), true, ask(asked))];
    if claims[0].count > 0 {
        let mut below: Vec<Consistency> = asked.below_all();
        below.retain(|level| question.model.levels().contains(level) || matches!(level, Consistency::KAtomic(_)));
        claims.extend(
            below
                .into_iter()
                .map(|level| report(level.property(), true, ask(level))),
        );
        let staleness = || Figure::staleness(&checks::staleness(history));
        let atomicity = || Figure::atomicity(&checks::atomicity(history));
        return (claims, Figure::measure(execute, &[&staleness, &atomicity]));
    }
    (claims, vec![])
}

fn of_calls(
    question: &Question<'_>,
    transcripts: &[Transcript],
    context: &Context,
    execute: &dyn Execute,
) -> (Vec<ClaimReport>, Vec<Figure>) {
    let answers = map(execute, transcripts.len(), |number| {
        ask_calls(question, &transcripts[number], context)
    });
    let mut claims: Vec<(Property, bool, Finding)> = Vec::new();
    let mut figures = Vec::new();
    for (transcript, answer) in transcripts.iter().zip(answers) {
        let (parts, figure) = answer.unwrap_or_else(|panic| {
            let properties = promises::of_check(question.model);
            (vec![(properties, true, crashed(&panic))], None)
        });
        for (property, is_claimed, finding) in parts {
            match claims.iter_mut().find(|(known, ..)| *known == property) {
                Some((.., known)) => *known = known.clone().merge(finding),
                None => claims.push((property, is_claimed, finding)),
            }
        }
        figures.extend(figure.map(|figure: Figure| figure.of_key(transcript.key())));
    }
    let reports = claims
        .into_iter()
        .map(|(property, is_claimed, finding)| report(property, is_claimed, finding));
    (reports.collect(), figures)
}

/// Asks about one transcript: its findings, and its figures if the check has such.
fn ask_calls(question: &Question<'_>, transcript: &Transcript, context: &Context) -> (Answer, Option<Figure>) {
    let level = question.consistency;
    let is_searched = match question.model {
        Model::Set | Model::Counter => level == Some(Consistency::Linearizable),
        model => model.levels().contains(&Consistency::Linearizable),
    };
    let kind = ModelKind::of_name(question.model.name()).filter(|_| is_searched);
    if let Some(kind) = kind {
        let finding = linear::decide(transcript, kind, &question.search, context);
        return (vec![(Consistency::Linearizable.property(), true, finding)], None);
    }
    match question.model {
        Model::Set => parts(jepsen::set(transcript, context)),
        Model::SetFull => parts(jepsen::set_full(transcript, context, &question.set_full)),
        Model::Counter => parts(jepsen::counter(transcript, context)),
        Model::TotalQueue => parts(jepsen::total_queue(transcript, context)),
        Model::UniqueIds => parts(jepsen::unique_ids(transcript, context)),
        Model::Bank => parts(jepsen::bank(transcript, context, &question.bank)),
        Model::LongFork => parts(jepsen::long_fork(transcript, context, &question.long_fork)),
        Model::CausalReverse => parts(jepsen::causal_reverse(transcript, context)),
        model => unreachable!("{model} is judged by a search or on a history"),
    }
}

fn parts<F: Serialize>(report: Report<F>) -> (Answer, Option<Figure>) {
    let part = |part: Part| (promises::of_part(part.name), part.is_claimed, part.finding);
    let figures = report.figures.as_ref().map(Figure::jepsen);
    (report.parts.into_iter().map(part).collect(), figures)
}

/// Asks about `history` in as many parts as there is a point in.
fn in_parts(history: &History, execute: &dyn Execute, check: impl Fn(&History) -> Finding + Sync) -> Finding {
    let parts = cut(history, execute);
    merged(map(execute, parts.len(), |number| check(&parts[number])).into_iter())
}

/// What versions and real time show, or where they show nothing, what values alone do.
fn either(by_order: Finding, by_values: Finding) -> Finding {
    let shows_nothing = by_order.count == 0 && (by_values.count > 0 || by_values.tested > by_order.tested);
    if shows_nothing { by_values } else { by_order }
}

/// Asks about a history that can't be cut.
fn whole(execute: &dyn Execute, check: impl Fn() -> Finding + Sync) -> Finding {
    merged(map(execute, 1, |_| check()).into_iter())
}

fn report(property: Property, is_claimed: bool, finding: Finding) -> ClaimReport {
    let reason = if is_claimed {
        "what the model promises"
    } else {
        "no promise of the model"
    };
    let report = claim_report(property, is_claimed, reason.into(), finding, false);
    // A model is a promise about what happened, however little that was: so what nothing tested is held.
    match report.verdict {
        ClaimVerdict::Vacuous => ClaimReport {
            verdict: ClaimVerdict::Held,
            ..report
        },
        _ => report,
    }
}
