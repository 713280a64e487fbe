//! How fast histories of each format are read: `cargo run --release -p quorate-checker --example reading [MEGABYTES]`. A
//! measurement to look at, not a test.

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a measurement reads the clock and prints; the library does neither"
)]

use std::time::Instant;

use quorate_checker::{
    Datum, Entry, EventKind, Process, TranscriptBuilder,
    formats::{self, Format, Reader, Sink},
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// How much of a file is read at a time.
const BLOCK_BYTES: usize = 1 << 18;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let megabytes: usize = arguments
        .next()
        .map_or(100, |it| it.parse().expect("the argument is a number"));
    for (name, value) in [
        ("transactions", transaction as fn(&mut Pcg64Mcg, bool) -> Datum),
        ("registers", register),
    ] {
        let (mut edn, mut jsonl) = (String::new(), String::new());
        for (index, entry) in history(value).enumerate() {
            let entry = Entry {
                index: Some(index as u64),
                ..entry
            };
            for (file, write) in [
                (&mut edn, formats::write_edn as fn(&Entry) -> String),
                (&mut jsonl, formats::write_jsonl),
            ] {
                if file.len() < megabytes * 1_000_000 {
                    *file += &write(&entry);
                    file.push('\n');
                }
            }
            if edn.len().min(jsonl.len()) >= megabytes * 1_000_000 {
                break;
            }
        }
        let array = format!("[{}]", jsonl.trim_end().replace('\n', ",\n"));
        for (format, file) in [(Format::Edn, &edn), (Format::Jsonl, &jsonl), (Format::Json, &array)] {
            measure(&format!("{name} in {format}"), format, file, &mut |_, _| Ok(()));
            measure(
                &format!("{name} in {format}, into a transcript"),
                format,
                file,
                &mut TranscriptBuilder::new(),
            );
        }
    }
}

fn measure(what: &str, format: Format, file: &str, sink: &mut dyn Sink) {
    let start = Instant::now();
    let mut reader = Reader::new(format);
    for block in file.as_bytes().chunks(BLOCK_BYTES) {
        reader.feed(block, sink).expect("what is written is read");
    }
    reader.finish(sink).expect("what is written is read");
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{what}: {:.0} MB/s, {:.2} million entries/s",
        file.len() as f64 / 1e6 / seconds,
        reader.entry_count() as f64 / 1e6 / seconds,
    );
}

fn history(value: fn(&mut Pcg64Mcg, bool) -> Datum) -> impl Iterator<Item = Entry> {
    let mut rng = Pcg64Mcg::seed_from_u64(1);
    let mut time_ns = 0;
    (0_i64..).map(move |number| {
        time_ns += rng.random_range(0..100_000);
        let kind = if number % 2 == 0 {
            EventKind::Invoke
        } else {
            EventKind::Ok
        };
        Entry {
            time_ns: Some(time_ns),
            process: Some(Process::Client(number / 2 % 20)),
            ..Entry::new(kind, "txn", value(&mut rng, kind == EventKind::Ok))
        }
    })
}

/// A transaction of one to four reads and appends.
fn transaction(rng: &mut Pcg64Mcg, is_answer: bool) -> Datum {
    let count = rng.random_range(1..=4);
    Datum::list((0..count).map(|_| {
        let key = Datum::Int(rng.random_range(0..1_000));
        if rng.random() {
            Datum::list([
                Datum::Keyword("append".into()),
                key,
                Datum::Int(rng.random_range(0..1_000_000)),
            ])
        } else {
            let count = if is_answer { rng.random_range(0..10) } else { 0 };
            let read = Datum::list((0..count).map(|_| Datum::Int(rng.random_range(0..1_000))));
            Datum::list([Datum::Keyword("r".into()), key, read])
        }
    }))
}

fn register(rng: &mut Pcg64Mcg, _is_answer: bool) -> Datum {
    Datum::Int(rng.random_range(0..1_000_000))
}
