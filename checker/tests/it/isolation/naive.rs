//! Cycles of dependencies by their definitions: every pair of transactions, every simple cycle. For a handful of transactions.

use std::collections::{BTreeMap, BTreeSet};

use quorate_checker::{
    Call, Datum, Transcript,
    isolation::{Anomaly, Class, Closing},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ww,
    Wr,
    Rw,
    Process,
    Realtime,
}

/// A key, and where among its versions an append to it is, if anybody saw it.
type Append = (Datum, Option<usize>);

/// Steps of a transaction: the key, and what was appended or read.
enum Step<'t> {
    Append(&'t Datum, &'t Datum),
    Read(&'t Datum, &'t [Datum]),
}

fn steps(call: &Call) -> Vec<Step<'_>> {
    let said = if call.is_ok() { &call.answered } else { &call.asked };
    let steps = said.items().unwrap_or_default().iter();
    let steps = steps.filter_map(|step| match step.items()? {
        [name, key, value] if name.as_name() == Some("append") => Some(Step::Append(key, value)),
        [_, key, value] if call.is_ok() => Some(Step::Read(key, value.items().unwrap_or_default())),
        _ => None,
    });
    steps.collect()
}

/// Returns the anomalies that are cycles, those which take the order of sessions or real time to close included.
pub(super) fn cycles(transcript: &Transcript) -> BTreeSet<Anomaly> {
    let calls: Vec<&Call> = transcript.calls().iter().collect();
    let mut longest: BTreeMap<&Datum, &[Datum]> = BTreeMap::new();
    for call in &calls {
        for step in steps(call) {
            if let Step::Read(key, list) = step {
                let known = longest.entry(key).or_default();
                if list.len() > known.len() {
                    *known = list;
                }
            }
        }
    }
    let place = |key: &Datum, value: &Datum| longest.get(key).and_then(|list| list.iter().position(|it| it == value));
    let appends = |call: &Call| {
        let appends = steps(call).into_iter().filter_map(|step| match step {
            Step::Append(key, value) => Some((key.clone(), place(key, value))),
            Step::Read(..) => None,
        });
        appends.collect::<Vec<_>>()
    };
    let reads = |call: &Call| {
        let reads = steps(call).into_iter().filter_map(|step| match step {
            Step::Read(key, list) => Some((key.clone(), list.len())),
            Step::Append(..) => None,
        });
        reads.collect::<Vec<_>>()
    };
    // It ended well, or somebody saw what it appended.
    let happened =
        |call: &Call| call.is_ok() || call.is_possible() && appends(call).iter().any(|(_, place)| place.is_some());
    let calls: Vec<&Call> = calls.into_iter().filter(|call| happened(call)).collect();
    let kinds = |a: &Call, b: &Call| {
        let mut kinds = Vec::new();
        let mut add = |kind: Kind, is_so: bool| kinds.extend(is_so.then_some(kind));
        let any = |is: &dyn Fn(&Append, &Append) -> bool| {
            appends(a)
                .iter()
                .any(|first| appends(b).iter().any(|then| first.0 == then.0 && is(first, then)))
        };
        add(
            Kind::Ww,
            any(&|first, then| match (first.1, then.1) {
                (Some(first), Some(then)) => first < then,
                (first, then) => first.is_some() && then.is_none(),
            }),
        );
        add(
            Kind::Wr,
            appends(a).iter().any(|(key, place)| {
                reads(b)
                    .iter()
                    .any(|(of, length)| of == key && place.is_some_and(|place| place < *length))
            }),
        );
        add(
            Kind::Rw,
            reads(a).iter().any(|(of, length)| {
                appends(b)
                    .iter()
                    .any(|(key, place)| of == key && place.is_none_or(|place| place >= *length))
            }),
        );
        add(Kind::Process, a.process == b.process && a.precedes(b));
        // What is of one session is of real time too; to say so of each would only make more of the same cycles.
        add(Kind::Realtime, a.is_ok() && a.precedes(b) && a.process != b.process);
        kinds
    };
    let edges: Vec<Vec<Vec<Kind>>> = calls
        .iter()
        .map(|a| {
            calls
                .iter()
                .map(|b| if std::ptr::eq(*a, *b) { Vec::new() } else { kinds(a, b) })
                .collect()
        })
        .collect();
    let mut found = BTreeSet::new();
    for start in 0..calls.len() {
        walk(&edges, start, &mut vec![start], &mut Vec::new(), &mut found);
    }
    found
}

/// Goes on along every simple path from `path[0]` over greater numbers, and classifies what leads back.
fn walk(
    edges: &[Vec<Vec<Kind>>],
    start: usize,
    path: &mut Vec<usize>,
    kinds: &mut Vec<Kind>,
    found: &mut BTreeSet<Anomaly>,
) {
    let at = path[path.len() - 1];
    for to in start..edges.len() {
        for kind in &edges[at][to] {
            kinds.push(*kind);
            if to == start {
                found.extend(classify(kinds));
            } else if !path.contains(&to) {
                path.push(to);
                walk(edges, start, path, kinds, found);
                path.pop();
            }
            kinds.pop();
        }
    }
}

fn classify(kinds: &[Kind]) -> Option<Anomaly> {
    let has = |kind: Kind| kinds.contains(&kind);
    let is_adjacent = (0..kinds.len()).any(|at| kinds[at] == Kind::Rw && kinds[(at + 1) % kinds.len()] == Kind::Rw);
    let class = match kinds.iter().filter(|kind| **kind == Kind::Rw).count() {
        0 if has(Kind::Wr) => Class::G1c,
        0 if has(Kind::Ww) => Class::G0,
        0 => return None,
        1 => Class::GSingleItem,
        _ if is_adjacent => Class::G2Item,
        _ => Class::GNonadjacentItem,
    };
    let closing = match () {
        () if has(Kind::Realtime) => Closing::Realtime,
        () if has(Kind::Process) => Closing::Process,
        () => Closing::Data,
    };
    Some(Anomaly::Cycle(class, closing))
}
