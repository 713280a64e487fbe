//! Whether versions of registers have an order at all that a model allows: what search by known dependencies can't tell.
//!
//! Where no anomaly is found by what is known of the order of versions, there may be none, or it may be that each order has another.
//! For models that are defined by the absence of cycles ([`Level`]) that is decided.

use super::{
    anomaly::{Anomaly, Class, Closing},
    cases::{Case, Cases},
    check::Question,
    registers::Registers,
    versions::{Answer, Level, Problem, decide, prove},
};

/// Decides what is asked as far as it is a matter of order, and adds what is found; returns what is not known.
pub(super) fn check(registers: &Registers<'_>, question: &Question, cases: &mut Cases) -> Vec<String> {
    let asked = asked(question);
    if asked.is_empty() {
        return Vec::new();
    }
    let mut unknown = Vec::new();
    for (level, closing) in asked {
        if closing < Closing::Realtime && is_strict(registers, level, question.budget) {
            continue;
        }
        match decide(&Problem::of_all(registers, level, closing), question.budget) {
            Answer::Ordered => {}
            Answer::Impossible(txns) => {
                let proof = prove(registers, level, closing, txns);
                let case = Case {
                    txns: proof.txns,
                    text: proof.text,
                    cycle: proof.cycle,
                };
                let anomaly = match level {
                    Level::Prefix => Anomaly::NonPrefix,
                    Level::Serializable | Level::Snapshot => Anomaly::Cycle(proof.class, proof.closing),
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

/// Returns whether an order is soon found that keeps that of real time too: most stores' does, and it leaves little to choose.
fn is_strict(registers: &Registers<'_>, level: Level, budget: u64) -> bool {
    /// How many steps a transaction the look may take.
    const STEPS: u64 = 1_024;
    let budget = budget.min(STEPS * registers.txns().count() as u64);
    let holds = |level| decide(&Problem::of_all(registers, level, Closing::Realtime), budget) == Answer::Ordered;
    holds(Level::Serializable) || level != Level::Serializable && holds(level)
}

/// Returns the levels that have to hold for the question, of those that are decided.
fn asked(question: &Question) -> Vec<(Level, Closing)> {
    let strongest = |class: Class| {
        let is_asked = |closing: &Closing| question.forbids(Anomaly::Cycle(class, *closing));
        Closing::ALL.into_iter().rev().find(is_asked)
    };
    let serializable = strongest(Class::G2Item);
    let snapshot = strongest(Class::GNonadjacentItem).filter(|closing| serializable.is_none_or(|it| *closing > it));
    let is_prefix = question.models.iter().any(|model| model.names(Anomaly::NonPrefix));
    let is_more = serializable.is_none() && snapshot.is_none();
    let prefix = Some(Closing::Data).filter(|_| is_prefix && is_more);
    let asked = [
        (Level::Serializable, serializable),
        (Level::Snapshot, snapshot),
        (Level::Prefix, prefix),
    ];
    asked
        .into_iter()
        .filter_map(|(level, closing)| Some((level, closing?)))
        .collect()
}
