//! Levels, decided: what each says of the order of commits is inferred, and has a cycle or not.

use super::{
    clocks::{BLOCK_SESSION_COUNT_MAX, Clocks},
    explain::{self, Hop, Reasons},
    infer::{self, Inferred},
    resolved::{INITIAL, Resolved},
    schedule::{Edges, pack, schedule, unpack},
    sessions::Sessions,
    shrink,
    verdict::{Level, Verdict, Violation},
};

/// How many components of clocks may be computed in all, however few are kept at a time: some ten seconds' worth. A
/// million transactions of two reads in six hundred sessions are as many.
const CLOCK_WORK_MAX: u64 = 2_000_000_000;

/// How many inferred steps are kept: 2 GiB.
const EDGE_COUNT_MAX: usize = 1 << 28;

/// How many inferred steps are collected before those that say the same are dropped for the first time.
const EDGE_COUNT_FIRST: usize = 1 << 24;

/// How many reads of the initial state that came too late are weighed for evidence.
const INITIAL_COUNT_MAX: usize = 16;

/// How many causal rounds are weighed for evidence.
const ROUND_COUNT_MAX: usize = 8;

/// Decides whether `sessions` satisfy `level`.
///
/// O(n^1.5) for read committed and read atomic, O(n k) for the causal levels, for n accesses in k sessions; near linear
/// where transactions are small. Memory is linear, whatever the number of sessions. Where a causal level takes too much
/// work, what read atomic infers of it is looked at, and the rest is unknown.
pub fn check(sessions: &Sessions, level: Level) -> Verdict {
    let verdict = check_once(sessions, level);
    match &verdict.violation {
        Some(violation) => Verdict {
            violation: Some(shrink::shrink(sessions, level, violation)),
            ..verdict
        },
        None => verdict,
    }
}

/// As [`check`], with evidence that may be larger than it has to be.
pub(super) fn check_once(sessions: &Sessions, level: Level) -> Verdict {
    let resolved = Resolved::new(sessions);
    let mut judge = Judge {
        verdict: Verdict {
            level,
            tested: resolved.tested,
            count: resolved.wrong_count,
            violation: resolved.wrong.clone(),
            unknown: None,
        },
        resolved: &resolved,
    };
    if let Some((key, value, reads)) = resolved.ambiguous {
        let key = sessions.key_name(key);
        judge.doubt(format!(
            "{value} of key {key} was written more than once; {reads} reads don't say which they saw"
        ));
    }
    judge.run();
    judge.verdict
}

struct Judge<'r, 's> {
    resolved: &'r Resolved<'s>,
    verdict: Verdict,
}

impl Judge<'_, '_> {
    fn run(&mut self) {
        let none = Edges::default();
        let order = match schedule(self.resolved, &none) {
            Ok(order) => order,
            Err(stuck) => {
                // What causally precedes itself has no clock, and no level allows it.
                self.add_cycles(&none, &stuck, |_| {});
                return;
            }
        };
        let rule = self.rule();
        let mut inferences = Inferences::new();
        let for_order = self.verdict.level != Level::WeakCausal;
        if for_order {
            let known = self.resolved.orders.iter().filter(|(then, first)| then != first);
            inferences.packed.extend(known.map(|(then, first)| pack(*then, *first)));
        }
        rule.apply(self.resolved, &order, |inferred| {
            inferences.add(self.resolved, inferred);
        });
        inferences.compact();
        if inferences.is_too_many {
            self.doubt(format!("it has more than {EDGE_COUNT_MAX} steps to keep"));
        }
        self.add_initial(&inferences);
        if for_order {
            let edges = Edges::new(inferences.packed, self.resolved.txn_count());
            if let Err(stuck) = schedule(self.resolved, &edges) {
                let resolved = self.resolved;
                self.add_cycles(&edges, &stuck, |reasons| {
                    rule.apply(resolved, &order, |inferred| reasons.note(inferred));
                });
            }
        } else {
            self.add_rounds(rule, &order, inferences.packed);
        }
    }

    /// Returns how steps are inferred: as the level says, or by what is weaker where that would take too long.
    fn rule(&mut self) -> Rule {
        let session_count = self.resolved.session_starts.len() as u64 - 1;
        let work = session_count * (u64::from(self.resolved.txn_count()) + self.resolved.tested);
        match self.verdict.level {
            Level::ReadCommitted => Rule::ReadCommitted,
            Level::ReadAtomic => Rule::ReadAtomic,
            _ if work <= CLOCK_WORK_MAX => Rule::Causal,
            _ => {
                let txn_count = self.resolved.txn_count();
                self.doubt(format!(
                    "clocks of {txn_count} transactions in {session_count} sessions are too many to compare"
                ));
                Rule::ReadAtomic
            }
        }
    }

    fn add_cycles(&mut self, edges: &Edges, stuck: &[u32], infer_again: impl FnOnce(&mut Reasons<'_, '_>)) {
        let cycles = explain::cycles(self.resolved, edges, stuck);
        assert!(cycles.count > 0, "what is stuck waits for itself");
        self.verdict.count += cycles.count;
        self.explain(&cycles.best, infer_again);
    }

    fn add_initial(&mut self, inferences: &Inferences) {
        self.verdict.count += inferences.initial_count;
        for inferred in &inferences.initial {
            self.offer(explain::initial_read(self.resolved, *inferred));
        }
    }

    /// Finds the inferred steps whose later transaction causally precedes the earlier.
    fn add_rounds(&mut self, rule: Rule, order: &[u32], mut packed: Vec<u64>) {
        let mut rounds = Vec::new();
        let resolved = self.resolved;
        for_each_block(resolved, order, |clocks| {
            packed.retain(|edge| {
                let (then, first) = unpack(*edge);
                match clocks.is_before(resolved, then, first) {
                    Some(true) => {
                        rounds.push(*edge);
                        false
                    }
                    Some(false) => false,
                    None => true,
                }
            });
        });
        self.verdict.count += rounds.len() as u64;
        rounds.truncate(ROUND_COUNT_MAX);
        let hops = rounds.iter().filter_map(|edge| explain::round(resolved, unpack(*edge)));
        let hops: Vec<Vec<Hop>> = hops.collect();
        if !hops.is_empty() {
            self.explain(&hops, |reasons| {
                rule.apply(resolved, order, |inferred| reasons.note(inferred));
            });
        }
    }

    fn explain(&mut self, cycles: &[Vec<Hop>], infer_again: impl FnOnce(&mut Reasons<'_, '_>)) {
        let mut reasons = Reasons::wanted(self.resolved, cycles);
        infer_again(&mut reasons);
        for hops in cycles {
            self.offer(reasons.explain(hops));
        }
    }

    /// Takes `violation` for evidence if it is smaller than what there is.
    fn offer(&mut self, violation: Violation) {
        let known = self.verdict.violation.as_ref();
        if known.is_none_or(|known| violation.txns().len() < known.txns().len()) {
            self.verdict.violation = Some(violation);
        }
    }

    fn doubt(&mut self, why: String) {
        self.verdict.unknown.get_or_insert(why);
    }
}

/// How steps are inferred.
#[derive(Clone, Copy, Debug)]
enum Rule {
    ReadCommitted,
    ReadAtomic,
    Causal,
}

impl Rule {
    fn apply(self, resolved: &Resolved<'_>, order: &[u32], mut sink: impl FnMut(Inferred)) {
        match self {
            Self::ReadCommitted => infer::read_committed(resolved, sink),
            Self::ReadAtomic => infer::read_atomic(resolved, sink),
            Self::Causal => for_each_block(resolved, order, |clocks| infer::causal(resolved, clocks, &mut sink)),
        }
    }
}

/// Calls `with` with the clocks for one block of sessions after another.
fn for_each_block(resolved: &Resolved<'_>, order: &[u32], mut with: impl FnMut(&Clocks)) {
    let session_count = resolved.session_starts.len() - 1;
    let width = session_count.min(BLOCK_SESSION_COUNT_MAX);
    let mut clocks = Clocks::new(resolved.txn_count(), width);
    for start in (0..session_count).step_by(width.max(1)) {
        let end = (start + width).min(session_count);
        clocks.fill(resolved, order, start as u32..end as u32);
        with(&clocks);
    }
}

/// Inferred steps, each once, and of the steps from one session to one transaction the last.
struct Inferences {
    packed: Vec<u64>,
    /// How many there may be before they are looked through.
    room: usize,
    is_too_many: bool,
    /// Reads of the initial state that came too late: how many, and the first.
    initial_count: u64,
    initial: Vec<Inferred>,
}

impl Inferences {
    fn new() -> Self {
        Self {
            packed: Vec::new(),
            room: EDGE_COUNT_FIRST,
            is_too_many: false,
            initial_count: 0,
            initial: Vec::new(),
        }
    }

    fn add(&mut self, resolved: &Resolved<'_>, inferred: Inferred) {
        let Inferred { first, then, .. } = inferred;
        if first == INITIAL {
            return;
        }
        if then == INITIAL {
            let is_new = self
                .initial
                .last()
                .is_none_or(|last| (last.reader, last.key) != (inferred.reader, inferred.key));
            self.initial_count += u64::from(is_new);
            if is_new && self.initial.len() < INITIAL_COUNT_MAX {
                self.initial.push(inferred);
            }
            return;
        }
        // What goes without saying.
        if first < then && resolved.session_of[first as usize] == resolved.session_of[then as usize] {
            return;
        }
        self.packed.push(pack(then, first));
        if self.packed.len() > self.room {
            self.compact();
            self.room = (self.packed.len() * 2).max(EDGE_COUNT_FIRST);
            if self.room > EDGE_COUNT_MAX {
                self.is_too_many = true;
                self.packed.truncate(EDGE_COUNT_FIRST);
                self.room = EDGE_COUNT_FIRST * 2;
            }
        }
    }

    fn compact(&mut self) {
        self.packed.sort_unstable();
        self.packed.dedup();
    }
}
