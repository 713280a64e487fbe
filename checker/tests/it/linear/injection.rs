//! Large histories: valid ones hold, one wrong answer in them is found, budgets end in unknown, and nothing overflows.

use std::sync::atomic::{AtomicU32, Ordering};

use quorate_checker::{
    Call, Context, Datum, Entry, EventKind, Keying, Outcome, Process, Transcript, TranscriptBuilder,
    linear::{self, Budget, ModelKind, Options, Strategy, check_kind, models::Kv},
};

use super::objects::{self, Load};

const LARGE: Load = Load {
    kind: ModelKind::CasRegister,
    seed: 1,
    call_count: 2_000,
    client_count: 5,
    value_count: 4,
    crashed: 0,
    lies: 0,
};

fn find(transcript: &Transcript, kind: ModelKind) -> quorate_checker::Finding {
    check_kind(transcript, kind, &Options::default(), &Context::default())
}

/// Returns `transcript` with the answer of an ok call near the middle replaced, if it is one that observes.
fn with_wrong_answer(load: Load) -> Transcript {
    let transcript = objects::transcript(load);
    let is_observer = |call: &Call| matches!(&*call.function, "read" | "get" | "dequeue") && call.is_ok();
    let calls = transcript.calls();
    let chosen = (calls.len() / 2..calls.len()).find(|place| is_observer(&calls[*place]));
    let chosen = chosen.expect("something is observed");
    let mut builder = TranscriptBuilder::new();
    // Positions are places among all entries, so that the entries can be had back.
    let mut entries: Vec<(quorate_checker::Position, Entry)> = Vec::new();
    for (place, call) in calls.iter().enumerate() {
        let entry = |kind, value: &Datum| Entry {
            process: Some(Process::Client(place as i64)),
            key: call.key.clone(),
            ..Entry::new(kind, &*call.function, value.clone())
        };
        entries.push((call.start, entry(EventKind::Invoke, &call.asked)));
        let wrong = if load.kind == ModelKind::Counter {
            Datum::Int(1 << 40)
        } else {
            Datum::from("never written")
        };
        let answer = if place == chosen { &wrong } else { &call.answered };
        match call.outcome {
            Outcome::Ok => entries.push((call.end, entry(EventKind::Ok, answer))),
            Outcome::Fail => entries.push((call.end, entry(EventKind::Fail, &call.asked))),
            Outcome::Info => {}
        }
    }
    entries.sort_by_key(|entry| entry.0);
    for (_, entry) in entries {
        builder.push(entry).expect("each call has a process of its own");
    }
    builder.finish()
}

#[test]
fn large_histories_hold_until_one_answer_is_wrong() {
    for kind in ModelKind::ALL {
        for crashed in [0, 10] {
            // What is not taken out again piles up in the states of these.
            let is_large = matches!(
                kind,
                ModelKind::Queue | ModelKind::FifoQueue | ModelKind::Stack | ModelKind::Kv
            );
            let load = Load {
                kind,
                call_count: if is_large { 200 } else { 2_000 },
                client_count: if is_large { 3 } else { 5 },
                crashed: if is_large { 0 } else { crashed },
                ..LARGE
            };
            let finding = find(&objects::transcript(load), kind);
            assert!(
                finding.count == 0 && finding.unknown.is_none(),
                "{load:?}: {finding:#?}"
            );
            let observes = !matches!(kind, ModelKind::Mutex | ModelKind::MultiRegister | ModelKind::Set);
            if observes {
                let finding = find(&with_wrong_answer(load), kind);
                assert_eq!((finding.count, &finding.unknown), (1, &None), "{load:?}");
            }
        }
    }
}

#[test]
fn what_a_fifo_queue_does_a_bag_may_do() {
    for seed in 0..2_000 {
        let load = Load {
            kind: ModelKind::FifoQueue,
            seed,
            call_count: 12,
            client_count: 4,
            value_count: 3,
            crashed: 100,
            lies: 100,
        };
        let transcript = objects::transcript(load);
        for kind in [ModelKind::FifoQueue, ModelKind::Stack] {
            if find(&transcript, kind).count == 0 {
                assert_eq!(
                    find(&transcript, ModelKind::Queue).count,
                    0,
                    "{load:?} as {}",
                    kind.name()
                );
            }
        }
    }
}

#[test]
fn a_register_without_cas_is_a_cas_register_and_one_of_several() {
    for seed in 0..2_000 {
        let load = Load {
            kind: ModelKind::Register,
            seed,
            call_count: 12,
            client_count: 4,
            lies: 100,
            crashed: 100,
            ..LARGE
        };
        let transcript = objects::transcript(load);
        let as_register = find(&transcript, ModelKind::Register).count;
        assert_eq!(find(&transcript, ModelKind::CasRegister).count, as_register, "{load:?}");
    }
}

#[test]
fn a_store_is_linearizable_exactly_if_each_key_is() {
    let mut violated = 0;
    for seed in 0..2_000 {
        let load = Load {
            kind: ModelKind::Kv,
            seed,
            call_count: 14,
            client_count: 4,
            value_count: 3,
            crashed: 50,
            lies: 30,
        };
        let whole = objects::transcript(load);
        let count = find(&whole, ModelKind::Kv).count;
        let parts = whole.by_key(Keying::Field).expect("each call has a key");
        let broken = parts.iter().filter(|part| find(part, ModelKind::Kv).count > 0).count();
        assert_eq!(count > 0, broken > 0, "{load:?}");
        violated += count;
    }
    assert!((100..1_900).contains(&violated), "{violated}");
}

#[test]
fn a_spent_budget_ends_in_unknown() {
    let load = Load {
        kind: ModelKind::FifoQueue,
        client_count: 30,
        call_count: 400,
        value_count: 1_000,
        ..LARGE
    };
    let transcript = objects::transcript(load);
    let told = |budget: Budget<'_>| {
        let options = Options {
            budget,
            ..Options::default()
        };
        let finding = check_kind(&transcript, load.kind, &options, &Context::default());
        assert_eq!(finding.count, 0, "{finding:#?}");
        finding.unknown.map(|doubt| doubt.to_string()).unwrap_or_default()
    };
    for strategy in [Strategy::Both, Strategy::Dive, Strategy::Sweep] {
        let few_steps = Budget {
            steps: 300,
            strategy,
            ..Budget::default()
        };
        let why = told(few_steps);
        assert!(
            why.contains("after 300 steps") && why.contains("budget of steps"),
            "{why}"
        );
        let little_memory = Budget {
            memory_bytes: 20_000,
            strategy,
            ..Budget::default()
        };
        let why = told(little_memory);
        assert!(why.contains("memory"), "{why}");
        let asked = AtomicU32::new(0);
        let stop = || asked.fetch_add(1, Ordering::Relaxed) == 1;
        let why = told(Budget {
            stop: Some(&stop),
            strategy: Strategy::Sweep,
            ..Budget::default()
        });
        assert!(why.contains("stopped") && asked.load(Ordering::Relaxed) == 2, "{why}");
    }
}

#[test]
fn what_the_model_does_not_know_is_unknown() {
    let mut builder = TranscriptBuilder::new();
    for kind in [EventKind::Invoke, EventKind::Ok] {
        let entry = Entry {
            process: Some(Process::Client(0)),
            ..Entry::new(kind, "fetch", Datum::Nil)
        };
        builder.push(entry).expect("an op");
    }
    let transcript = builder.finish();
    for kind in ModelKind::ALL {
        let why = find(&transcript, kind).unknown.expect("it is not known");
        assert!(
            why.starts_with("call 0 can't be judged: ") && why.contains("fetch"),
            "{why}"
        );
        assert_eq!(ModelKind::of_name(kind.name()), Some(kind));
    }
}

#[test]
fn a_million_calls_and_thousands_open_at_once_do_not_overflow() {
    let push = |builder: &mut TranscriptBuilder, client: usize, kind, function: &str, value| {
        let entry = Entry {
            process: Some(Process::Client(client as i64)),
            ..Entry::new(kind, function, value)
        };
        builder.push(entry).expect("a client's calls follow each other");
    };
    let mut builder = TranscriptBuilder::new();
    for number in 0..1_000_000 {
        let value = Datum::Int(number / 2 % 7);
        let (function, asked) = if number % 2 == 0 {
            ("write", value.clone())
        } else {
            ("read", Datum::Nil)
        };
        push(&mut builder, 0, EventKind::Invoke, function, asked);
        push(&mut builder, 0, EventKind::Ok, function, value);
    }
    assert_eq!(find(&builder.finish(), ModelKind::Register).count, 0);

    for (count, is_known) in [(200, true), (3_000, true), (5_000, false)] {
        let mut builder = TranscriptBuilder::new();
        for kind in [EventKind::Invoke, EventKind::Ok] {
            for client in 0..count {
                push(&mut builder, client, kind, "write", Datum::Int(1));
            }
        }
        let finding = find(&builder.finish(), ModelKind::Register);
        assert_eq!(
            (finding.count, finding.unknown.is_none()),
            (0, is_known),
            "{finding:#?}"
        );
    }
}

#[test]
fn a_model_of_ones_own_will_do() {
    let transcript = objects::transcript(Load {
        kind: ModelKind::Kv,
        call_count: 300,
        ..LARGE
    });
    let verdict = linear::is_linearizable(&transcript, &Kv, &Budget::default());
    assert_eq!(verdict, linear::Verdict::Linearizable);
}
