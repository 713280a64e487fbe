//! The verdict on transactions: against a model of consistency, by their dependencies and by their causes.
//!
//! Each anomaly that the model rules out and that was found is a property that is violated; where none was found, the model itself is
//! one that is held, or not known to be. Of registers, whose versions have no order that reads tell, the levels that are defined by
//! causes are decided by them.

use quorate_checker::{
    Context, Counts, Finding, Transcript, causal,
    isolation::{self, Broken, Data, Report, Txns},
};

use super::{consistency::Consistency, judge::Question, kind::Model};
use crate::{
    ClaimReport, ClaimVerdict, Execute, Judgement, Property,
    execute::{both, map},
    judge::{claim_report, crashed, verdict},
};

/// Judges calls that are transactions, which are of the whole store, whatever keys they touch.
pub(super) fn judge_calls(
    question: &Question<'_>,
    transcripts: &[Transcript],
    context: &Context,
    execute: &dyn Execute,
) -> Judgement {
    let parts = map(execute, transcripts.len(), |number| {
        of_one(question, &transcripts[number], context, execute)
    });
    judgement(question, parts)
}

/// Judges transactions.
pub(super) fn judge(question: &Question<'_>, txns: &Txns, context: &Context, execute: &dyn Execute) -> Judgement {
    let parts = map(execute, 1, |_| of_txns(question, txns, context, execute));
    judgement(question, parts)
}

fn judgement(question: &Question<'_>, parts: Vec<Result<Part, String>>) -> Judgement {
    let mut counts = Counts::default();
    let mut claims: Vec<ClaimReport> = Vec::new();
    let mut broken = Broken::default();
    for part in parts {
        let part = part.unwrap_or_else(|panic| Part::unknown(asked(question), crashed(&panic)));
        claims.extend(part.claims);
        broken = broken.and(&part.broken);
        counts = counts.merge(part.counts);
    }
    if claims.iter().any(|claim| claim.verdict == ClaimVerdict::Violated) {
        claims.retain(|claim| claim.verdict != ClaimVerdict::Held);
    }
    let names = |models: &[isolation::Model]| models.iter().map(|model| model.name().to_owned()).collect();
    Judgement {
        verdict: verdict(&claims),
        vacuous: None,
        levels: Some((names(&broken.not), names(&broken.also_not))),
        claims,
        figures: Vec::new(),
        counts,
    }
}

/// What is known of one transcript.
pub(crate) struct Part {
    pub(crate) claims: Vec<ClaimReport>,
    pub(crate) broken: Broken,
    pub(crate) counts: Counts,
}

/// The model that is asked about: strict serializability where none is named.
fn asked(question: &Question<'_>) -> isolation::Model {
    let model = question.consistency.and_then(Consistency::of_transactions);
    model.unwrap_or(isolation::Model::STRICT_SERIALIZABLE)
}

impl Part {
    pub(crate) fn unknown(asked: isolation::Model, finding: Finding) -> Self {
        Self {
            claims: vec![claim(property_of(asked), asked, finding)],
            broken: Broken::default(),
            counts: Counts::default(),
        }
    }
}

/// Returns the transactions of `transcript`.
///
/// # Errors
/// Why it has none.
pub(crate) fn transactions_of(question: &Question<'_>, transcript: &Transcript) -> Result<Txns, String> {
    let data = question.model.data().unwrap_or(Data::Registers);
    isolation::transactions(transcript, data)
}

fn of_one(question: &Question<'_>, transcript: &Transcript, context: &Context, execute: &dyn Execute) -> Part {
    let txns = match transactions_of(question, transcript) {
        Ok(txns) => txns,
        Err(why) => {
            return Part {
                counts: Counts::of_calls(std::slice::from_ref(transcript)),
                ..Part::unknown(asked(question), Finding::unknown(why))
            };
        }
    };
    let mut part = of_txns(question, &txns, context, execute);
    // Of registers, where the level is defined by causes.
    if let (Model::RwRegister, Some(level)) = (question.model, question.consistency)
        && level.is_of_causes()
    {
        by_causes(asked(question), level, transcript, context, &mut part);
    }
    part
}

/// Judges transactions by their dependencies.
pub(crate) fn of_txns(question: &Question<'_>, txns: &Txns, context: &Context, execute: &dyn Execute) -> Part {
    let asked = asked(question);
    let of_model = isolation::Question {
        keys: question.keys,
        budget: question.txn_budget,
        ..isolation::Question::of(asked)
    };
    let check = || isolation::check_on(txns, &of_model, context, execute);
    let (report, counts) = both(execute, check, || Counts::of_transactions(txns, execute));
    Part {
        claims: claims(asked, &report),
        broken: report.broken,
        counts,
    }
}

/// A claim an anomaly that was found, or one that none was.
fn claims(asked: isolation::Model, report: &Report) -> Vec<ClaimReport> {
    let found = report.anomalies.iter().filter(|it| it.is_forbidden);
    let mut claims: Vec<ClaimReport> = found
        .map(|found| {
            let name = found.anomaly.name();
            let promise = format!("no {}", found.anomaly.description());
            let finding = Finding {
                tested: report.tested.max(found.count),
                count: found.count,
                witness: Some(found.witness.clone()),
                unknown: None,
            };
            claim(Property::new(format!("no-{name}"), promise, name), asked, finding)
        })
        .collect();
    if claims.is_empty() {
        let mut why = report.unknown.clone();
        if report.is_empty {
            why.push("no transaction depends on another, so that no cycle could show".to_owned());
        }
        let unknown = (!why.is_empty()).then(|| why.join("; ").into());
        let (tested, count, witness) = (report.tested, 0, None);
        let finding = Finding {
            tested,
            count,
            witness,
            unknown,
        };
        claims.push(claim(property_of(asked), asked, finding));
    }
    claims
}

/// Asks by causes, of a level that is defined by them: cycles may show that it is broken, and never that it holds.
fn by_causes(asked: isolation::Model, level: Consistency, transcript: &Transcript, context: &Context, part: &mut Part) {
    let ask = |level: Consistency| {
        let level_of = match level {
            Consistency::ReadCommitted => causal::Level::ReadCommitted,
            Consistency::ReadAtomic => causal::Level::ReadAtomic,
            _ => causal::Level::Causal,
        };
        let finding = causal::transactions(transcript, level_of, context);
        claim(level.property(), asked, finding)
    };
    let first = ask(level);
    part.claims.retain(|claim| claim.count > 0);
    if first.count == 0 {
        part.claims.push(first);
        return;
    }
    let mut broken = vec![asked];
    let mut claims = vec![first];
    claims.extend(level.below_all().into_iter().map(ask));
    for claim in &claims {
        let level = claim.claim.name.parse().ok().and_then(Consistency::of_transactions);
        broken.extend(level.filter(|_| claim.count > 0));
    }
    part.broken = part.broken.and(&Broken::by([], &broken));
    part.claims.extend(claims);
}

fn property_of(model: isolation::Model) -> Property {
    Property::new(model.name(), "what the model of this name promises", model.name())
}

fn claim(property: Property, asked: isolation::Model, finding: Finding) -> ClaimReport {
    let reason = match property.name == asked.name() {
        true => "what is asked about".into(),
        false => format!("{asked} rules it out").into(),
    };
    let report = claim_report(property, true, reason, finding, false);
    match report.verdict {
        ClaimVerdict::Vacuous => ClaimReport {
            verdict: ClaimVerdict::Held,
            ..report
        },
        _ => report,
    }
}
