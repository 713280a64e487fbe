//! What was found, with evidence.

use super::{
    anomaly::Anomaly,
    cases::Case,
    check::{Outcome, Question},
    draw::draw,
    lattice::{Broken, Model},
    origins::Origin,
    txns::Txns,
};
use crate::{
    evidence::{Context, Witness, WitnessOp, Words},
    history::Position,
};

/// How a history of transactions fared.
#[derive(Clone, Debug)]
pub struct Report {
    /// How many transactions ended well.
    pub tested: u64,
    /// Every anomaly that was found, and whether the question forbids it.
    pub anomalies: Vec<Finding>,
    /// The models that can't hold.
    pub broken: Broken,
    /// Why part of it could not be judged.
    pub unknown: Vec<String>,
    /// Whether no transaction depends on another, so that nothing could have shown an anomaly that is a cycle.
    pub is_empty: bool,
}

/// An anomaly, and the smallest case of it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Which.
    pub anomaly: Anomaly,
    /// Whether the models asked for rule it out.
    pub is_forbidden: bool,
    /// How many cases were counted: of cycles, components that have one.
    pub count: u64,
    /// The transactions that show it, and words.
    pub witness: Witness,
    /// Of a cycle, the indices of its transactions' completions, and what leads from each to the next.
    pub cycle: Vec<(u64, &'static str)>,
}

impl Report {
    /// Returns whether something was found that the question forbids.
    pub fn is_violated(&self) -> bool {
        self.anomalies.iter().any(|it| it.is_forbidden)
    }

    /// Returns the names of what was found and is forbidden, in order.
    pub fn forbidden(&self) -> Vec<&'static str> {
        let mut names: Vec<&str> = self
            .anomalies
            .iter()
            .filter(|it| it.is_forbidden)
            .map(|it| it.anomaly.name())
            .collect();
        names.sort_unstable();
        names
    }

    /// Returns whether `model` holds as far as is known: none if that is not known.
    pub fn holds(&self) -> Option<bool> {
        match (self.is_violated(), self.unknown.is_empty() && !self.is_empty) {
            (true, _) => Some(false),
            (false, true) => Some(true),
            (false, false) => None,
        }
    }
}

pub(super) fn report(txns: &Txns, question: &Question, context: &Context, outcome: Outcome) -> Report {
    let finding = |(anomaly, found): (Anomaly, &super::cases::Found)| Finding {
        anomaly,
        is_forbidden: question.forbids(anomaly),
        count: found.count,
        witness: witness(txns, &found.best, context),
        cycle: cycle(txns, &found.best),
    };
    let anomalies: Vec<Finding> = outcome.cases.found().map(finding).collect();
    // A model that is violated is broken, also by what rules out no model of the table by itself.
    let violated: Vec<Model> = question
        .models
        .iter()
        .copied()
        .filter(|model| anomalies.iter().any(|it| model.forbids(it.anomaly)))
        .collect();
    let broken = Broken::by(anomalies.iter().map(|it| it.anomaly), &violated);
    Report {
        tested: txns.numbers().filter(|txn| txns.is_ok(*txn)).count() as u64,
        anomalies,
        broken,
        unknown: outcome.unknown,
        is_empty: outcome.is_empty,
    }
}

fn cycle(txns: &Txns, case: &Case) -> Vec<(u64, &'static str)> {
    let index = |txn: u32| {
        let origin = txns.origin(txn);
        if origin.completion_index == Origin::UNKNOWN {
            origin.index
        } else {
            origin.completion_index
        }
    };
    case.cycle
        .iter()
        .map(|link| (index(link.from), link.kind.name()))
        .collect()
}

fn witness(txns: &Txns, case: &Case, context: &Context) -> Witness {
    let mut shown = case.txns.clone();
    shown.sort_unstable();
    shown.dedup();
    let known = |number: u64| Some(number).filter(|number| *number != Origin::UNKNOWN);
    let spans = shown.iter().filter_map(|txn| {
        let origin = txns.origin(*txn);
        Some((known(origin.start_ns)?, known(origin.end_ns)))
    });
    let text = case.text.clone() + &Words::faults_of(context, spans);
    let op = |txn: &u32| {
        let origin = txns.origin(*txn);
        let txn_of = txns.txn(*txn);
        WitnessOp {
            index: origin.index,
            completion_index: known(origin.completion_index),
            process: txns.processes[txn_of.session as usize].clone(),
            outcome: txn_of.outcome.name(),
            function: "txn".into(),
            key: String::new(),
            value: txns.datum(*txn).to_json(),
            seen: Vec::new(),
            node: None,
            version: None,
            phase: None,
            start_ns: known(origin.start_ns).unwrap_or(origin.index),
            end_ns: known(origin.end_ns).or(known(origin.completion_index)),
        }
    };
    Witness {
        key: String::new(),
        ops: shown.iter().map(op).collect(),
        text,
        picture: (!case.cycle.is_empty()).then(|| draw(txns, &case.cycle)),
        starts: shown.iter().map(|txn| Position::at(txns.txn(*txn).start)).collect(),
    }
}
