//! Evidence without what can be spared: transactions are left out one at a time, as long as what is left still breaks
//! the level.

use rustc_hash::FxHashMap;

use super::{
    check::check_once,
    sessions::{Access, Cell, Kind, Sessions, TxnId},
    verdict::{Level, Step, Violation, Why},
};

/// Evidence of more transactions is left as it is.
const TXN_COUNT_MAX: usize = 64;

/// Returns the violation in fewer transactions of `sessions`, if there is a way to leave out any.
pub(super) fn shrink(sessions: &Sessions, level: Level, violation: &Violation) -> Violation {
    let mut least = violation.clone();
    let is_small = least.txns().len() <= TXN_COUNT_MAX;
    if !is_small || !matches!(least, Violation::Cycle { .. } | Violation::InitialRead { .. }) {
        return least;
    }
    let parts = Parts::new(sessions, &least.txns());
    while let Some(smaller) = without_one(&parts, sessions, level, &least) {
        least = smaller;
    }
    least
}

/// Returns a violation among the transactions of `violation` but one.
fn without_one(parts: &Parts, sessions: &Sessions, level: Level, violation: &Violation) -> Option<Violation> {
    let txns = violation.txns();
    txns.iter().find_map(|spare| {
        let rest: Vec<TxnId> = txns.iter().copied().filter(|txn| txn != spare).collect();
        let (part, ids) = parts.of(sessions, &rest);
        let found = check_once(&part, level).violation?;
        let is_like = matches!(found, Violation::Cycle { .. } | Violation::InitialRead { .. });
        is_like.then(|| rename(&found, &ids))
    })
}

/// What some transactions did.
struct Parts {
    accesses: FxHashMap<TxnId, Vec<Cell>>,
}

impl Parts {
    fn new(sessions: &Sessions, txns: &[TxnId]) -> Self {
        let mut next = vec![0; sessions.session_count()];
        let mut accesses = FxHashMap::default();
        for (number, txn) in sessions.txns().iter().enumerate() {
            let index = &mut next[txn.session as usize];
            let id = TxnId {
                session: txn.session,
                index: *index,
            };
            *index += 1;
            if txns.binary_search(&id).is_ok() {
                accesses.insert(id, sessions.accesses_of(number).to_vec());
            }
        }
        Self { accesses }
    }

    /// Returns sessions of `txns` alone, without their reads of others, and which of `txns` each is.
    fn of(&self, sessions: &Sessions, txns: &[TxnId]) -> (Sessions, FxHashMap<TxnId, TxnId>) {
        let cells = || {
            txns.iter()
                .flat_map(|txn| &self.accesses[txn])
                .chain(sessions.initial())
        };
        let is_there = |read: &Cell| {
            let is_write = |cell: &Cell| cell.kind == Kind::Write && (cell.key, cell.value) == (read.key, read.value);
            cells().any(is_write)
        };
        let mut part = Sessions::new();
        let mut ids = FxHashMap::default();
        for txn in txns {
            let mut accesses = Vec::new();
            for cell in &self.accesses[txn] {
                let key = sessions.key_name(cell.key);
                match cell.kind {
                    Kind::Write => accesses.push(Access::write(key, cell.value)),
                    Kind::ReadNothing => accesses.push(Access::read_nothing(key)),
                    Kind::Read if is_there(cell) => accesses.push(Access::read(key, cell.value)),
                    Kind::Read => {}
                }
            }
            ids.insert(part.push(u64::from(txn.session), &accesses), *txn);
        }
        for cell in sessions.initial() {
            part.initially(sessions.key_name(cell.key), cell.value);
        }
        let back: FxHashMap<TxnId, TxnId> = ids.iter().map(|(new, old)| (*old, *new)).collect();
        for order in sessions.orders() {
            part.order(order.iter().filter_map(|txn| back.get(txn).copied()).collect());
        }
        (part, ids)
    }
}

/// Returns the violation with the ids that `ids` has for its own.
fn rename(violation: &Violation, ids: &FxHashMap<TxnId, TxnId>) -> Violation {
    let steps = |steps: &[Step]| -> Vec<Step> { steps.iter().map(|step| rename_step(step, ids)).collect() };
    match violation {
        Violation::Cycle { steps: all } => Violation::Cycle { steps: steps(all) },
        Violation::InitialRead {
            reader,
            writer,
            key,
            value,
            path,
        } => Violation::InitialRead {
            reader: ids[reader],
            writer: ids[writer],
            key: *key,
            value: *value,
            path: steps(path),
        },
        other => panic!("{other:?} is not made smaller"),
    }
}

fn rename_step(step: &Step, ids: &FxHashMap<TxnId, TxnId>) -> Step {
    let why = match &step.why {
        Why::Passed {
            key,
            value,
            reader,
            path,
        } => Why::Passed {
            key: *key,
            value: *value,
            reader: ids[reader],
            // A path has no path of its own, so this goes one deep.
            path: path.iter().map(|step| rename_step(step, ids)).collect(),
        },
        why => why.clone(),
    };
    Step {
        first: ids[&step.first],
        then: ids[&step.then],
        why,
    }
}
