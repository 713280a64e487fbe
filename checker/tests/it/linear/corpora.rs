//! Public histories with known verdicts: Knossos', elle-cli's, and Porcupine's.
//!
//! They are not in the repository: `QUORATE_CORPORA` says where they are, or they are beside it. Without them nothing is
//! tested, and a line says so.

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test reads its histories from files; the library does not"
)]

use std::{fs, path::PathBuf, time::Instant};

use quorate_checker::{
    Context, Datum, Entry, EventKind, Keying, Process, Transcript, TranscriptBuilder,
    linear::{ModelKind, Nil, Options, check_kind},
};

use super::notation;

/// The steps that no history of the corpora may need more of: ten times what the worst takes.
const STEPS: u64 = 3_000_000;

fn corpora() -> Option<PathBuf> {
    let path = std::env::var_os("QUORATE_CORPORA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora"),
        PathBuf::from,
    );
    let found = path.join("INDEX.tsv").exists();
    if !found {
        println!(
            "skipped: no corpora at {}; QUORATE_CORPORA says where they are",
            path.display()
        );
    }
    Some(path).filter(|_| found)
}

/// Lines of the index whose file `is_asked`: the file's name, the model's column, and whether it is valid.
fn index(is_asked: impl Fn(&str) -> bool) -> Vec<(PathBuf, String, bool)> {
    let Some(folder) = corpora() else {
        return Vec::new();
    };
    let index = fs::read_to_string(folder.join("INDEX.tsv")).expect("the index is readable");
    let lines = index.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    lines
        .filter(|fields| is_asked(fields[0]))
        .map(|fields| (folder.join(fields[0]), fields[5].to_owned(), fields[6] == "valid"))
        .collect()
}

/// Judges `transcripts`, one a key, and returns whether all hold.
fn is_valid(transcripts: &[Transcript], kind: ModelKind, options: &Options<'_>, name: &str) -> bool {
    let mut is_valid = true;
    for transcript in transcripts {
        let start = Instant::now();
        let finding = check_kind(transcript, kind, options, &Context::default());
        assert_eq!(finding.unknown, None, "{name}");
        is_valid &= finding.count == 0;
        if let Some(witness) = &finding.witness {
            let (ops, ms) = (witness.ops.len(), start.elapsed().as_secs_f64() * 1e3);
            println!(
                "{name}: {ops} of {} calls ({ms:.1} ms): {}",
                transcript.calls().len(),
                witness.text
            );
        }
    }
    is_valid
}

fn options(init: Datum, nil: Nil) -> Options<'static> {
    let mut options = Options {
        init,
        nil,
        ..Options::default()
    };
    options.budget.steps = STEPS;
    options
}

#[test]
fn knossos_histories_are_judged_as_knossos_judges_them() {
    for (path, model, expected) in index(|file| file.contains("knossos") && file.ends_with(".edn")) {
        let name = path.display().to_string();
        let transcript = notation::transcript(&fs::read(&path).expect("the history is readable"));
        let kind = if model.contains("mutex") {
            ModelKind::Mutex
        } else {
            ModelKind::CasRegister
        };
        let is_nil = model.contains("nil}") || name.contains("elle-cli");
        let init = if is_nil { Datum::Nil } else { Datum::Int(0) };
        let options = options(init, Nil::Any);
        assert_eq!(
            is_valid(&[transcript], kind, &options, &name),
            expected,
            "{name}: {model}"
        );
    }
}

#[test]
fn a_knossos_history_in_json_is_judged_alike() {
    for (path, _, expected) in index(|file| file.contains("knossos") && file.ends_with(".json")) {
        let name = path.display().to_string();
        let text = fs::read(&path).expect("the history is readable");
        let ops: Vec<serde_json::Value> = serde_json::from_slice(&text).expect("the history is JSON");
        let mut builder = TranscriptBuilder::new();
        for op in &ops {
            let entry = Entry::from_map(Datum::from(op)).expect("each is an op");
            builder.push(entry).expect("the ops are a history");
        }
        let options = options(Datum::Nil, Nil::Any);
        assert_eq!(
            is_valid(&[builder.finish()], ModelKind::Mutex, &options, &name),
            expected,
            "{name}"
        );
    }
}

#[test]
fn kv_logs_are_judged_as_porcupine_judges_them_split_by_key_or_not() {
    for (path, _, expected) in index(|file| file.starts_with("porcupine/kv")) {
        let name = path.display().to_string();
        let whole = notation::transcript(&fs::read(&path).expect("the log is readable"));
        let options = options(Datum::Nil, Nil::Absent);
        let parts = whole.clone().by_key(Keying::Field).expect("each call has a key");
        for transcripts in [vec![whole], parts] {
            assert_eq!(
                is_valid(&transcripts, ModelKind::Kv, &options, &name),
                expected,
                "{name}"
            );
        }
    }
}

#[test]
fn etcd_logs_are_judged_as_porcupine_judges_them() {
    for (path, _, expected) in index(|file| file.starts_with("porcupine/jepsen")) {
        let name = path.display().to_string();
        let text = fs::read_to_string(&path).expect("the log is readable");
        let options = options(Datum::Nil, Nil::Absent);
        assert_eq!(
            is_valid(&[etcd(&text)], ModelKind::CasRegister, &options, &name),
            expected,
            "{name}"
        );
    }
}

/// Reads lines as `INFO  jepsen.util - 3 :invoke :cas [1 4]`, with tabs.
fn etcd(log: &str) -> Transcript {
    let mut builder = TranscriptBuilder::new();
    for line in log.lines().filter_map(|line| line.split_once(" - ")) {
        let fields: Vec<&str> = line.1.split_whitespace().collect();
        let (process, kind, function) = (fields[0], fields[1], fields[2]);
        let Ok(process) = process.parse() else {
            continue;
        };
        let value = quorate_checker::Forms::new(fields[3..].join(" ").as_bytes()).next_form();
        let value = value.expect("a value is EDN").unwrap_or_default();
        let (kind, value) = match (kind, function, &value) {
            (":invoke", ..) => (EventKind::Invoke, value),
            (":ok", ..) => (EventKind::Ok, value),
            (":fail", ":cas", _) => (EventKind::Ok, Datum::Bool(false)),
            _ => (EventKind::Info, value),
        };
        let entry = Entry {
            process: Some(Process::Client(process)),
            ..Entry::new(kind, &function[1..], value)
        };
        builder.push(entry).expect("the log is a history");
    }
    builder.finish()
}
