//! Registers that are compared before they are set, against a solver that tries every order.

use quorate_checker::{
    Context, Event, EventKind, Finding, History, HistoryBuilder,
    linear::{self, Budget},
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::Value;

/// Whether registers are linearizable, with what is compared.
pub(crate) fn linearizable(history: &History, context: &Context) -> Finding {
    linear::registers(history, &Budget::default(), context)
}

const CASES: u64 = 20_000;
const OPS_MAX: usize = 6;

#[derive(Clone, Copy, Debug)]
enum Did {
    Read(Option<u64>),
    Write(u64),
    Set(Option<u64>, u64),
    Missed(Option<u64>),
}

#[derive(Clone, Copy, Debug)]
struct Call {
    did: Did,
    new: u64,
    start: usize,
    /// Never, of one whose outcome is unknown.
    end: Option<usize>,
}

impl Call {
    /// What the register holds after it, if it is possible.
    fn after(self, held: Option<u64>) -> Option<Option<u64>> {
        match self.did {
            Did::Read(value) => (value == held).then_some(held),
            Did::Write(value) => Some(Some(value)),
            Did::Set(expected, value) => (expected == held).then_some(Some(value)),
            Did::Missed(expected) => (expected != held).then_some(held),
        }
    }

    fn events(self, process: i64) -> (Event, Option<Event>) {
        let json = |value: Option<u64>| value.map_or(Value::Null, Value::from);
        let (invocation, value) = match self.did {
            Did::Read(value) => (Event::read(process, "k"), json(value)),
            Did::Write(value) => (Event::write(process, "k", value), value.into()),
            Did::Set(expected, value) => {
                let event = Event::cas(process, "k", json(expected), value);
                (event.clone(), event.value)
            }
            Did::Missed(expected) => (Event::cas(process, "k", json(expected), self.new), false.into()),
        };
        let completion = self.end.map(|end| Event {
            time_ns: end as u64,
            value,
            ..invocation.completion(EventKind::Ok)
        });
        let time_ns = self.start as u64;
        (Event { time_ns, ..invocation }, completion)
    }
}

/// Whether some order of the calls explains them: each at an instant of its own span, those without an end perhaps never.
fn is_explained(calls: &[Call], held: Option<u64>) -> bool {
    let first_end = calls.iter().filter_map(|call| call.end).min();
    let Some(first_end) = first_end else {
        return true;
    };
    (0..calls.len()).filter(|at| calls[*at].start < first_end).any(|at| {
        let mut rest = calls.to_vec();
        let call = rest.remove(at);
        call.after(held).is_some_and(|held| is_explained(&rest, held))
    })
}

fn any_calls(rng: &mut Pcg64Mcg) -> Vec<Call> {
    let count = rng.random_range(1..=OPS_MAX);
    let mut moments: Vec<usize> = (0..2 * count).collect();
    let mut take = |rng: &mut Pcg64Mcg| moments.remove(rng.random_range(0..moments.len()));
    let call = |new: u64, rng: &mut Pcg64Mcg, moments: [usize; 2]| {
        let known = |rng: &mut Pcg64Mcg| Some(rng.random_range(0..=count as u64)).filter(|value| *value > 0);
        let did = match rng.random_range(0..10) {
            0..3 => Did::Read(known(rng)),
            3..5 => Did::Write(new),
            5..9 => Did::Set(known(rng), new),
            _ => Did::Missed(known(rng)),
        };
        let is_unknown = !matches!(did, Did::Read(_) | Did::Missed(_)) && rng.random_bool(0.2);
        Call {
            did,
            new,
            start: moments[0].min(moments[1]),
            end: (!is_unknown).then_some(moments[0].max(moments[1])),
        }
    };
    (1..=count as u64)
        .map(|new| {
            let moments = [take(rng), take(rng)];
            call(new, rng, moments)
        })
        .collect()
}

fn history(calls: &[Call]) -> History {
    let mut events = Vec::new();
    for (process, call) in (0..).zip(calls) {
        let (invocation, completion) = call.events(process);
        events.push(invocation);
        events.extend(completion);
    }
    events.sort_by_key(|event| event.time_ns);
    let mut builder = HistoryBuilder::new();
    for event in events {
        builder.push(event).expect("the events are a history");
    }
    builder.finish()
}

#[test]
fn the_search_agrees_with_trying_every_order() {
    let mut rng = Pcg64Mcg::seed_from_u64(1);
    let mut explained = 0;
    for case in 0..CASES {
        let calls = any_calls(&mut rng);
        let expected = is_explained(&calls, None);
        let finding = linearizable(&history(&calls), &Context::default());
        assert_eq!(finding.count == 0, expected, "case {case}: {calls:?}\n{finding:?}");
        assert!(finding.unknown.is_none(), "case {case}: {finding:?}");
        explained += u64::from(expected);
    }
    assert!(
        (CASES / 20..CASES * 19 / 20).contains(&explained),
        "{explained} of {CASES}"
    );
}
