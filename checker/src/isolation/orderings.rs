//! Whether versions of registers have an order at all that a model allows: what search by known dependencies can't tell.
//!
//! Where no anomaly is found by what is known of the order of versions, there may be none, or it may be that each order has another.
//! For models that are defined by the absence of cycles, or of what a transaction missed among what it had met ([`Level`]), that is
//! decided. An order that keeps more than is asked for does as well, and most stores' keep that of real time, which leaves little to
//! choose: that is tried first, and where it is found no cycle need be looked for at all ([`explains`]).

use std::sync::OnceLock;

use super::{
    anomaly::{Anomaly, Class, Closing},
    cases::{Case, Cases},
    check::Question,
    registers::Registers,
    versions::{Answer, Level, Problem, Proof, decide, prove, weakest_first},
};
use crate::execute::Execute;

/// Decides what is asked as far as it is a matter of order, and adds what is found; returns what is not known.
pub(super) fn check(
    registers: &Registers<'_>,
    question: &Question,
    (strict, execute): (&OnceLock<bool>, &dyn Execute),
    cases: &mut Cases,
) -> Vec<String> {
    let mut unknown = Vec::new();
    for (level, closing) in asked(question) {
        if closing < Closing::Realtime && is_strict(registers, level, question.budget, (strict, execute)) {
            continue;
        }
        match decide(&Problem::of_all(registers, level, closing), question.budget, execute) {
            Answer::Ordered => {}
            Answer::Impossible(txns) => {
                let proof = prove(registers, level, closing, txns);
                let graver = graver(registers, (level, closing), &proof, execute);
                let proof = graver.unwrap_or(proof);
                let case = Case {
                    txns: proof.txns,
                    text: proof.text,
                    cycle: proof.cycle,
                };
                let anomaly = match level {
                    Level::Prefix => Anomaly::NonPrefix,
                    Level::Moments => Anomaly::GMsr,
                    Level::Cursor => Anomaly::GCursor,
                    Level::Steps => Anomaly::GMonotonic,
                    Level::Updates => Anomaly::GUpdate,
                    Level::Serializable | Level::Snapshot | Level::View => Anomaly::Cycle(proof.class, proof.closing),
                };
                cases.add_best(anomaly, case);
                return unknown;
            }
            Answer::Undecided => unknown.push(format!(
                "whether some order of the versions explains what was read was not decided within {} steps",
                question.budget
            )),
        }
    }
    unknown
}

/// Returns the proof that there is no order at a weaker level either, the weakest where that soon shows, if it is weaker than what `proof`
/// shows already: which transactions a search comes upon first says nothing of what else is broken.
fn graver(
    registers: &Registers<'_>,
    (level, closing): (Level, Closing),
    proof: &Proof,
    execute: &dyn Execute,
) -> Option<Proof> {
    /// How many steps a transaction each look may take, of many transactions.
    const STEPS: u64 = 64;
    /// How many each look may take, of however few.
    const STEPS_MIN: u64 = 1_000_000;
    let budget = (STEPS * registers.txns().count() as u64).max(STEPS_MIN);
    let shown = match proof.class {
        Class::G2Item => (Level::Serializable, proof.closing),
        _ => (Level::Snapshot, proof.closing),
    };
    let weaker = weakest_first(level, closing).into_iter().take_while(|it| *it != shown);
    let mut proofs = weaker.filter_map(|(level, closing)| {
        match decide(&Problem::of_all(registers, level, closing), budget, execute) {
            Answer::Impossible(txns) => Some(prove(registers, level, closing, txns)),
            Answer::Ordered | Answer::Undecided => None,
        }
    });
    proofs.next()
}

/// Returns whether an order is soon found that leaves none of the cycles which the question forbids.
pub(super) fn explains(
    registers: &Registers<'_>,
    question: &Question,
    (strict, execute): (&OnceLock<bool>, &dyn Execute),
) -> bool {
    let asked = asked(question);
    let is_covered = |class: Class, closing: Closing| {
        asked.iter().any(|(level, up_to)| {
            let is_of_class = match level {
                Level::Serializable => true,
                Level::Snapshot => class < Class::G2Item,
                _ => false,
            };
            is_of_class && closing <= *up_to
        })
    };
    let mut cycles = Anomaly::all().filter_map(|anomaly| match anomaly {
        Anomaly::Cycle(class, closing) if question.forbids(anomaly) => Some((class, closing)),
        _ => None,
    });
    let is_all = cycles.all(|(class, closing)| is_covered(class, closing));
    is_all
        && !asked.is_empty()
        && asked
            .iter()
            .all(|(level, _)| is_strict(registers, *level, question.budget, (strict, execute)))
}

/// Returns whether an order is soon found that keeps that of real time too. `strict` remembers it of one of all transactions.
fn is_strict(
    registers: &Registers<'_>,
    level: Level,
    budget: u64,
    (strict, execute): (&OnceLock<bool>, &dyn Execute),
) -> bool {
    /// How many steps a transaction the look may take.
    const STEPS: u64 = 1_024;
    let budget = budget.min(STEPS * registers.txns().count() as u64);
    let holds = |level| {
        let problem = Problem::of_real_time(registers, level, execute);
        decide(&problem, budget, execute) == Answer::Ordered
    };
    // A key that is read twice has two moments of its own there, and one everywhere else.
    let is_of_whole = level != Level::Moments || !registers.has_changing_reads();
    is_of_whole && *strict.get_or_init(|| holds(Level::Serializable))
        || matches!(level, Level::Snapshot | Level::Prefix | Level::Moments) && holds(level)
}

/// Returns the levels that have to hold for the question, of those that are decided; none that another implies.
fn asked(question: &Question) -> Vec<(Level, Closing)> {
    let strongest = |class: Class| {
        let is_asked = |closing: &Closing| question.forbids(Anomaly::Cycle(class, *closing));
        Closing::ALL.into_iter().rev().find(is_asked)
    };
    let names = |anomaly: Anomaly| question.models.iter().any(|model| model.names(anomaly));
    let serializable = strongest(Class::G2Item);
    let snapshot = strongest(Class::GNonadjacentItem).filter(|closing| serializable.is_none_or(|it| *closing > it));
    let mut asked = Vec::new();
    asked.extend(serializable.map(|closing| (Level::Serializable, closing)));
    asked.extend(snapshot.map(|closing| (Level::Snapshot, closing)));
    if !asked.is_empty() {
        return asked;
    }
    let is_of_updates = names(Anomaly::GUpdate);
    let is_view = is_of_updates || question.forbids(Anomaly::Cycle(Class::GSingleItem, Closing::Data));
    let weaker = [
        (Level::Prefix, names(Anomaly::NonPrefix)),
        (Level::Moments, names(Anomaly::GMsr)),
        (Level::Updates, is_of_updates),
        (Level::View, is_view && !is_of_updates),
        (Level::Cursor, names(Anomaly::GCursor) && !is_view),
        (Level::Steps, names(Anomaly::GMonotonic) && !is_view),
    ];
    let weaker = weaker.into_iter().filter(|(_, is_asked)| *is_asked);
    asked.extend(weaker.map(|(level, _)| (level, Closing::Data)));
    asked
}
