//! How long the checks take on a large valid history: `cargo run --release -p quorate-checker --example million [OPS
//! [CLIENTS [KEYS]]]`. A measurement to look at, not a test.

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a measurement reads the clock and prints; the library does neither"
)]

#[path = "../tests/it/claims.rs"]
#[expect(dead_code, reason = "tests also ask for some of the claims")]
mod claims;
#[path = "../tests/it/replicas.rs"]
mod replicas;
#[path = "../tests/it/store.rs"]
mod store;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use quorate_checker::{Context, Counts, Event, EventKind, Function, History, HistoryBuilder, checks};

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|it| it.parse().expect("arguments are numbers"));
    let op_count = arguments.next().unwrap_or(1_000_000);
    let client_count = arguments.next().unwrap_or(50);
    let key_count = arguments.next().unwrap_or(1_000);
    println!("{op_count} ops, {client_count} clients, {key_count} keys");

    let events = store::run(store::Load {
        op_count,
        client_count,
        key_count,
        seed: 1,
        has_deletes: false,
    });
    let lines: Vec<String> = events.iter().map(Event::to_line).collect();
    drop(events);

    let events: Vec<Event> = time("parse", || {
        lines.iter().map(|line| Event::parse(line).expect("own line")).collect()
    });
    drop(lines);
    let history = time("build", || {
        let mut builder = HistoryBuilder::new();
        for event in events {
            builder.push(event).expect("a generated history is well-formed");
        }
        builder.finish()
    });
    time("counts", || Counts::of(&history));
    let context = Context {
        replica_count: Some(store::REPLICAS.len()),
        ..Context::default()
    };
    for (name, check) in claims::CLAIMS {
        let finding = time(name, || check(&history, &context));
        assert!(finding.count == 0 && finding.unknown.is_none(), "{finding:#?}");
    }
    measure_strengths(&history, &context);
    let lagging = time("build a lagging one", || {
        let mut builder = HistoryBuilder::new();
        for event in lag(&history, client_count) {
            builder.push(event).expect("a generated history is well-formed");
        }
        builder.finish()
    });
    measure_strengths(&lagging, &context);
    let kinds = [
        (replicas::Kind::Siblings, claims::SIBLING_CLAIMS),
        (replicas::Kind::Set, claims::SET_CLAIMS),
        (replicas::Kind::Counter, claims::COUNTER_CLAIMS),
    ];
    for (kind, claims) in kinds {
        for has_quorums in [true, false] {
            let op_count = op_count / 10;
            println!("{kind:?}, {op_count} ops, quorums: {has_quorums}");
            let events = replicas::run(replicas::Load {
                kind,
                op_count,
                client_count,
                key_count: key_count.div_ceil(10),
                seed: 1,
                has_quorums,
            });
            let mut builder = HistoryBuilder::new();
            for event in events {
                builder.push(event).expect("a generated history is well-formed");
            }
            let history = builder.finish();
            for (name, check) in claims {
                let finding = time(name, || check(&history, &context));
                assert!(finding.count == 0 || !has_quorums, "{finding:#?}");
            }
        }
    }
}

fn measure_strengths(history: &History, context: &Context) {
    for (name, check) in claims::STRENGTH_CLAIMS {
        let finding = time(name, || check(history, context));
        let ops = finding.witness.map_or(0, |witness| witness.ops.len());
        println!(
            "    {} of {}, {ops} ops in evidence, {}",
            finding.count,
            finding.tested,
            finding.unknown.as_deref().unwrap_or_default()
        );
    }
    let bounds = time("atomicity", || checks::atomicity(history));
    println!("    {bounds:?}");
    let staleness = time("staleness", || checks::staleness(history));
    println!(
        "    {} of {} stale, {:?}",
        staleness.stale, staleness.reads, staleness.versions
    );
}

/// Returns the events of `history` in each twentieth of whose reads what the key's reads had returned a while ago is
/// returned.
fn lag(history: &History, client_count: usize) -> Vec<Event> {
    let events = store::run(store::Load {
        op_count: history.ops().len(),
        client_count,
        key_count: history.keys().count(),
        seed: 1,
        has_deletes: false,
    });
    let mut returned: BTreeMap<String, VecDeque<Event>> = BTreeMap::new();
    let mut read_count = 0;
    let lagging = events.into_iter().map(|event| {
        if event.function != Function::Read || event.kind != EventKind::Ok {
            return event;
        }
        read_count += 1;
        let of_key = returned.entry(event.key.clone()).or_default();
        of_key.push_back(event.clone());
        if of_key.len() > 6 {
            of_key.pop_front();
        }
        let old = &of_key[0];
        match read_count % 20 {
            0 => Event {
                value: old.value.clone(),
                version: old.version.clone(),
                ..event
            },
            _ => event,
        }
    });
    lagging.collect()
}

fn time<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = run();
    println!("{what:<24} {:>8.1} ms", start.elapsed().as_secs_f64() * 1e3);
    result
}
