//! A history that breaks a claim, made as small as it gets: the operations that still break it in the same way.
//!
//! It begins with the witness, which the checker has shrunk already: all that it leaves out could not have mended the claim. Then
//! from the whole history of its keys, again and again without an operation that was kept, as there may be another violation
//! that takes fewer: every part that still breaks has a witness of its own. What is best so far goes to the caller as soon as it
//! is found.

use std::{
    cell::{Cell, RefCell},
    time::Instant,
};

use quorate_checker::linear::{self, Grounds, ModelKind};
use quorate_workloads::{ClaimReport, Consistency, Execute, InOrder, Model, Property, Record, Workload};

use super::{
    ddmin::{Thoroughness, minimize},
    operations::Operations,
};
use crate::checking::{Asked, Checker};

/// Up to how many operations of its keys a history is begun again from: each candidate takes time with all of them.
const WHOLE_COUNT_MAX: usize = 2_000;

/// From the whole it is begun again a few times: each takes hundreds of candidates.
const WHOLE: Thoroughness = Thoroughness {
    pair_items_max: 40,
    restarts_max: 3,
};

/// So few operations that there is no looking for fewer.
const LEAST_COUNT: usize = 2;

/// From how many operations on a candidate is judged on several threads: below, to hand it over takes longer.
const THREADED_COUNT_MIN: usize = 5_000;

/// What may be spent.
#[derive(Clone, Copy, Debug)]
pub struct ShrinkBudget {
    /// Candidates.
    pub tries: u64,
    /// Until when.
    pub until: Option<Instant>,
}

/// The best part so far, whole.
#[derive(Debug)]
pub struct Smaller {
    /// The operations as lines of a history.
    pub lines: String,
    /// The claim as it fared in them, with a witness.
    pub claim: ClaimReport,
    /// How many operations there are.
    pub ops: usize,
    /// Of how many keys.
    pub keys: usize,
    /// How many candidates were tried by then.
    pub tried: u64,
}

/// How it ended.
#[derive(Debug)]
pub struct Shrunk {
    /// How many operations there were, looks at replicas among them.
    pub before: usize,
    /// The smallest part that was found.
    pub best: Smaller,
    /// How many candidates were tried.
    pub tried: u64,
    /// Whether it is known that no operation can be left out alone.
    pub is_one_minimal: bool,
    /// Whether the budget ended it.
    pub is_stopped: bool,
}

/// Shrinks `record`, in which `broken` was found with a witness. `best` is told of every part that is smaller than those before.
///
/// # Errors
/// What `best` says, which ends it.
pub fn shrink_history(
    checker: &Checker,
    asked: &Asked,
    record: &Record,
    broken: &ClaimReport,
    budget: ShrinkBudget,
    best: &mut dyn FnMut(&Smaller) -> anyhow::Result<()>,
) -> anyhow::Result<Shrunk> {
    let question = Question {
        checker,
        asked,
        claim: &broken.claim,
    };
    let operations = Operations::new(record, question.grounds(record));
    let whole = operations.all();
    let hunt = Hunt {
        question,
        budget,
        tried: Cell::new(0),
        best: RefCell::new(Best {
            found: None,
            tell: best,
            failure: None,
        }),
    };
    let cited = operations.of_witness(broken.witness.as_ref().expect("what is broken has a witness"));
    let is_one_minimal = hunt.go(&operations, &cited);
    // Where nothing smaller breaks it, the whole is the smallest part that does.
    hunt.offer(&operations, &whole, broken.clone());
    let is_stopped = hunt.is_over();
    let tried = hunt.tried.get();
    let best = hunt.best.into_inner();
    if let Some(failure) = best.failure {
        return Err(failure);
    }
    let (_, best) = best.found.expect("the whole was offered");
    Ok(Shrunk {
        before: operations.count(&whole),
        best,
        tried,
        is_one_minimal,
        is_stopped,
    })
}

/// What has to be broken still.
struct Question<'a> {
    checker: &'a Checker,
    asked: &'a Asked,
    claim: &'a Property,
}

impl Question<'_> {
    /// The claim as it fares in `record`, if it is broken there and there is a witness.
    fn broken_in(&self, record: &Record, count: usize, until: Option<Instant>) -> Option<ClaimReport> {
        let execute: &dyn Execute = match count {
            THREADED_COUNT_MIN.. => self.checker.workers(),
            _ => &InOrder,
        };
        let judgement = self.checker.judge(self.asked, record, execute, until);
        let same = |report: &ClaimReport| report.claim == *self.claim && report.count > 0 && report.witness.is_some();
        judgement.claims.into_iter().find(same)
    }

    /// Where the claim is decided by a search, the grounds in each transcript.
    fn grounds<'r>(&self, record: &'r Record) -> Vec<Grounds<'r>> {
        let (Record::Calls(transcripts), Asked::Model { model, nil }) = (record, self.asked) else {
            return Vec::new();
        };
        let is_search = self.claim.name == Consistency::Linearizable.name();
        let Some(kind) = ModelKind::of_name(model.name()).filter(|_| is_search) else {
            return Vec::new();
        };
        let options = linear::Options {
            nil: *nil,
            ..self.checker.search_options()
        };
        let grounds = transcripts.iter().map(|it| Grounds::new(it, kind, &options));
        grounds.collect::<Result<_, _>>().unwrap_or_default()
    }

    /// Whether a part that breaks the claim breaks it in the whole too: there what an operation needs is known.
    fn may_begin_from_whole(&self) -> bool {
        match self.asked {
            Asked::Claims { scenario, .. } => {
                matches!(
                    scenario.workload,
                    Workload::Register | Workload::Deletes | Workload::Txn
                )
            }
            Asked::Model { model, .. } => {
                let is_linear = self.claim.name == Consistency::Linearizable.name();
                is_linear || model.is_of_keys() || *model == Model::RwRegister
            }
        }
    }
}

/// The smallest part that was found, and who is told of it.
struct Best<'a> {
    found: Option<(Vec<usize>, Smaller)>,
    tell: &'a mut dyn FnMut(&Smaller) -> anyhow::Result<()>,
    failure: Option<anyhow::Error>,
}

struct Hunt<'a> {
    question: Question<'a>,
    budget: ShrinkBudget,
    tried: Cell<u64>,
    best: RefCell<Best<'a>>,
}

impl Hunt<'_> {
    fn is_over(&self) -> bool {
        let is_late = self.budget.until.is_some_and(|until| Instant::now() >= until);
        is_late || self.tried.get() >= self.budget.tries || self.best.borrow().failure.is_some()
    }

    /// Looks everywhere; returns whether of the best part no operation can be left out alone.
    fn go(&self, operations: &Operations<'_>, cited: &[usize]) -> bool {
        let starts = [operations.with_needs(cited, false), operations.with_needs(cited, true)];
        let is_sure = starts.iter().any(|start| self.breaks(operations, start));
        if !is_sure {
            // The checker has reasons of its own why what it leaves out could not have mended this.
            let record = operations.record(&starts[0]);
            let alone = Operations::new(&record, self.question.grounds(&record));
            let all = alone.all();
            if self.breaks(&alone, &all) {
                return self.reduce(&alone);
            }
        }
        if self.question.may_begin_from_whole() {
            self.reduce(operations);
            self.begin_with_all(operations, cited);
        }
        self.reduce(operations)
    }

    /// Begins from all operations of the keys that are concerned.
    fn begin_with_all(&self, operations: &Operations<'_>, cited: &[usize]) {
        let whole = operations.of_keys_of(cited);
        if whole.len() <= WHOLE_COUNT_MAX && self.best_count().is_none_or(|count| count > LEAST_COUNT) {
            self.minimize(operations, whole, WHOLE);
        }
    }

    /// Makes the best part smaller until nothing can be left out; returns whether it came to that.
    fn reduce(&self, operations: &Operations<'_>) -> bool {
        loop {
            let Some(part) = self.best_part() else {
                return false;
            };
            let is_one_minimal = self.minimize(operations, part.clone(), Thoroughness::default());
            if self.best_part() == Some(part) || self.is_over() {
                return is_one_minimal;
            }
        }
    }

    fn minimize(&self, operations: &Operations<'_>, part: Vec<usize>, thoroughness: Thoroughness) -> bool {
        let result = minimize(
            part,
            thoroughness,
            &mut |part: &[usize]| self.breaks(operations, part),
            &|| self.is_over(),
        );
        result.is_one_minimal
    }

    /// Returns whether something of `part` breaks the claim for no want of what was left out; and remembers it, and its witness,
    /// if one of these is the smallest so far.
    fn breaks(&self, operations: &Operations<'_>, part: &[usize]) -> bool {
        if self.is_over() {
            return false;
        }
        self.tried.set(self.tried.get() + 1);
        let until = self.budget.until;
        let is_late = move || until.is_some_and(|until| Instant::now() >= until);
        let search = linear::Budget {
            stop: Some(&is_late),
            ..self.question.checker.search_options().budget
        };
        let Some(part) = operations.grounded(part, &search) else {
            return false;
        };
        let record = operations.record(&part);
        let Some(claim) = self.question.broken_in(&record, part.len(), self.budget.until) else {
            return false;
        };
        let cited = operations.of_witness(claim.witness.as_ref().expect("it was asked for"));
        self.offer(operations, &part, claim);
        let cited = operations.with_needs(&cited, false);
        if self.best_count().is_some_and(|count| operations.count(&cited) < count) {
            self.breaks(operations, &cited);
        }
        true
    }

    fn best_count(&self) -> Option<usize> {
        self.best.borrow().found.as_ref().map(|(_, found)| found.ops)
    }

    fn best_part(&self) -> Option<Vec<usize>> {
        self.best.borrow().found.as_ref().map(|(part, _)| part.clone())
    }

    /// Takes `part`, in which the claim fared so, for the best if it is.
    fn offer(&self, operations: &Operations<'_>, part: &[usize], claim: ClaimReport) {
        let mut best = self.best.borrow_mut();
        let ops = operations.count(part);
        if best.failure.is_some() || best.found.as_ref().is_some_and(|(_, found)| found.ops <= ops) {
            return;
        }
        let smaller = Smaller {
            lines: operations.lines(part),
            claim,
            ops,
            keys: operations.key_count(part),
            tried: self.tried.get(),
        };
        best.failure = (best.tell)(&smaller).err();
        best.found = Some((part.to_vec(), smaller));
    }
}
