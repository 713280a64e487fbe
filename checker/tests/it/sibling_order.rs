//! The order in which one session's siblings are seen, by its definition.

use quorate_checker::{Action, Context, History, Op, Outcome, text};
use serde_json::Value;

use crate::{
    claims::SIBLING_ORDER_CLAIMS,
    replicas::{self, Kind, Load},
    scatter,
};

#[test]
fn order_of_siblings_agrees_with_its_definition() {
    let mut broken = [0; 2];
    let mut tested = [0; 2];
    for seed in 0..1_500 {
        let load = Load {
            kind: Kind::Siblings,
            op_count: 30,
            client_count: 4,
            key_count: 2,
            seed,
            has_quorums: seed.is_multiple_of(4),
        };
        let mut events = replicas::run(load);
        for event in events.iter_mut().filter(|_| seed % 2 == 1) {
            // A client that hands back no more than half of what it has read.
            if let Some(seen) = &mut event.seen {
                seen.truncate(seen.len() / 2);
            }
        }
        let history = scatter::history(&events);
        for (nth, (name, check)) in SIBLING_ORDER_CLAIMS.iter().enumerate() {
            let finding = check(&history, &Context::default());
            let said = judge(&history, nth == 0);
            assert_eq!(
                (finding.tested, finding.count),
                said,
                "seed {seed}, {name}: {finding:#?}\nof\n{}",
                text::render(&history)
            );
            tested[nth] += finding.tested;
            broken[nth] += u64::from(finding.count > 0);
        }
    }
    assert!(broken.iter().all(|count| *count > 50), "{broken:?} of {tested:?}");
}

/// Returns how many reads had something to find, and how many missed it.
fn judge(history: &History, is_own: bool) -> (u64, u64) {
    let (mut tested, mut count) = (0, 0);
    let reads = || history.ops().iter().filter(|op| op.is_ok_read());
    let possible = || history.ops().iter().filter(|op| op.is_possible_write());
    for read in reads() {
        let of_key = |op: &&Op| op.key == read.key;
        let has = |value: &Value| list(history, read).contains(&value);
        let is_source = |op: &&Op| op.action == Action::Write && op.start < read.end;
        let seen = possible()
            .filter(of_key)
            .filter(is_source)
            .filter(|op| has(history.value(op.value)));
        let due: Vec<&Value> = seen
            .flat_map(|write| {
                let before = |op: &&Op| op.process == write.process && op.start < write.start;
                let own = possible().filter(of_key).filter(before);
                let own = own.filter(|op| op.action == Action::Write && op.outcome == Outcome::Ok);
                let own = own.map(|op| history.value(op.value));
                let read = reads().filter(of_key).filter(before).flat_map(|op| {
                    let is_known = |value: &&Value| {
                        let mut writes = possible().filter(of_key).filter(|it| it.action == Action::Write);
                        writes.any(|it| history.value(it.value) == *value && it.start < op.end)
                    };
                    list(history, op).into_iter().filter(is_known)
                });
                if is_own {
                    own.collect::<Vec<_>>()
                } else {
                    read.collect()
                }
            })
            .filter(|value| {
                let mut begun = possible().filter(of_key).filter(|op| op.start < read.end);
                !begun.any(|op| overwrites(history, op, value))
            })
            .collect();
        if !due.is_empty() {
            tested += 1;
            count += u64::from(due.iter().any(|value| !has(value)));
        }
    }
    (tested, count)
}

fn overwrites(history: &History, op: &Op, value: &Value) -> bool {
    history.seen(op).iter().any(|seen| {
        let via = history.ops().iter().find(|via| {
            via.action == Action::Write && via.value == *seen && via.is_possible_write() && via.start < op.start
        });
        history.value(*seen) == value || via.is_some_and(|via| overwrites(history, via, value))
    })
}

fn list<'h>(history: &'h History, read: &Op) -> Vec<&'h Value> {
    history.value(read.value).as_array().into_iter().flatten().collect()
}
