//! Public histories: each is recognised, read to its end, and says what it is known to say.

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "tests from outside read files; the library does not"
)]

use std::{env, fs, path::PathBuf};

use quorate_checker::{
    Datum, Entry, EventKind,
    formats::{self, Format},
};

use super::{File, read, read_in_blocks};

/// A history of the corpora.
struct Case {
    name: String,
    /// What the index calls its format.
    format: String,
    bytes: Vec<u8>,
    /// How many ops the index counts in it: invocations and completions, or of texts of transactions reads and writes.
    op_count: usize,
}

/// Returns all histories, or none where there are no corpora.
fn cases() -> Vec<Case> {
    let folder = env::var_os("QUORATE_CORPORA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora"),
        PathBuf::from,
    );
    let Ok(index) = fs::read_to_string(folder.join("INDEX.tsv")) else {
        println!("skipped: no corpora at {} (set QUORATE_CORPORA)", folder.display());
        return Vec::new();
    };
    let case = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        let name = columns[0].to_owned();
        Case {
            bytes: fs::read(folder.join(&name)).expect("the index names files"),
            name,
            format: columns[4].to_owned(),
            op_count: columns[9].parse().expect("ops are counted"),
        }
    };
    index.lines().skip(1).map(case).collect()
}

fn format_of(case: &Case) -> Format {
    match case.format.split(' ').next().expect("a first word") {
        "edn-history" => Format::Edn,
        "json-history" => Format::Json,
        "porcupine-jepsen-log" => Format::EtcdLog,
        "porcupine-kv-edn" => Format::KvLog,
        "awdit-test-txt" => Format::Awdit,
        "plume-txt" => Format::Plume,
        other => panic!("{other}: a format that no reader is for"),
    }
}

fn op_count(format: Format, file: &File) -> usize {
    match format {
        Format::Awdit | Format::Plume => file.entries().filter_map(|it| it.value.items()).map(<[_]>::len).sum(),
        _ => file.entries.len(),
    }
}

#[test]
fn every_history_is_recognised_and_read() {
    for case in cases() {
        let format = Format::recognise(&case.bytes[..case.bytes.len().min(Format::RECOGNISED_BY_BYTES)]);
        assert_eq!(format, Ok(format_of(&case)), "{}", case.name);
        let format = format_of(&case);
        let file = read(format, &case.bytes);
        assert_eq!((file.error.as_ref(), file.torn), (None, None), "{}", case.name);
        assert_eq!(op_count(format, &file), case.op_count, "{}", case.name);
        for lengths in [&[1][..], &[7, 64, 3], &[4096]] {
            assert!(
                read_in_blocks(format, &case.bytes, lengths) == file,
                "{} in blocks",
                case.name
            );
        }
        formats::read_transcript(format, &case.bytes).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    }
}

#[test]
fn every_history_is_written_and_read_back() {
    for case in cases() {
        let file = read(format_of(&case), &case.bytes);
        let edn: String = file.entries().map(|entry| formats::write_edn(entry) + "\n").collect();
        let again = read(Format::Edn, edn.as_bytes());
        assert!(again.entries().eq(file.entries()), "{} as EDN", case.name);
        let json: String = file.entries().map(|entry| formats::write_jsonl(entry) + "\n").collect();
        let once = read(Format::Jsonl, json.as_bytes());
        let json: String = once.entries().map(|entry| formats::write_jsonl(entry) + "\n").collect();
        let twice = read(Format::Jsonl, json.as_bytes());
        assert_eq!(
            (once.error.as_ref(), once.entries.len()),
            (None, file.entries.len()),
            "{}",
            case.name
        );
        assert!(twice == once, "{} as JSON", case.name);
    }
}

/// The same histories are there in EDN and in JSON.
#[test]
fn edn_and_json_say_the_same() {
    let cases = cases();
    let of = |name: &str| cases.iter().find(|case| case.name == name);
    for (edn, json) in [
        ("elle-cli/jepsen/bank.edn", "elle-cli/jepsen/bank.json"),
        ("elle-cli/elle/rw-register.edn", "elle-cli/elle/rw-register.json"),
        ("knossos/mutex/bad/etcd.edn", "elle-cli/knossos/mutex/bad/etcd.json"),
    ] {
        let (Some(edn), Some(json)) = (of(edn), of(json)) else {
            continue;
        };
        let as_json = |entry: &Entry| formats::write_jsonl(entry);
        let edn: Vec<String> = read(Format::Edn, &edn.bytes).entries().map(as_json).collect();
        let json: Vec<String> = read(Format::Json, &json.bytes).entries().map(as_json).collect();
        assert_eq!(edn, json);
    }
}

/// Of what Porcupine's etcd logs say, all that has a meaning of its own there.
#[test]
fn etcd_logs_mean_what_porcupine_takes_them_to_mean() {
    for case in cases().iter().filter(|case| case.format == "porcupine-jepsen-log") {
        let file = read(Format::EtcdLog, &case.bytes);
        let text = String::from_utf8_lossy(&case.bytes);
        let failed_cas = text
            .lines()
            .filter(|line| line.contains(":fail") && line.contains(":cas"));
        let answered_false = |it: &&Entry| it.kind == EventKind::Ok && it.value == Datum::Bool(false);
        assert_eq!(
            file.entries().filter(answered_false).count(),
            failed_cas.count(),
            "{}",
            case.name
        );
        let timed_out = text.lines().filter(|line| line.contains(":timed-out"));
        let unknown = file
            .entries()
            .filter(|it| it.kind == EventKind::Info && it.error.is_some());
        assert_eq!(unknown.count(), timed_out.count(), "{}", case.name);
        assert!(file.entries().all(|it| it.kind != EventKind::Fail), "{}", case.name);
    }
}
