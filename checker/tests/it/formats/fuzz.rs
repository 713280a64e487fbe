//! The corpus of the fuzz targets, a folder for each: made, replayed, and mutated.
//!
//! `QUORATE_WRITE_CORPUS=1 cargo test -p quorate-checker --test it formats::fuzz` makes it anew, as a change of the files that
//! [`accepted`](super::accepted) holds asks for. A file that a fuzzer has found is named by its digest, and left alone.

#![expect(clippy::disallowed_methods, reason = "the corpus is files; the library reads none")]

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use quorate_checker::formats::{Format, fuzzing};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::accepted;

/// Mutations of the corpus under `cargo test`: what takes about three seconds.
const MUTATIONS: usize = 100_000;

/// What turns a file of one kind into one of another.
const WORDS: [&[u8]; 40] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"(",
    b")",
    b"#{",
    b"#_",
    b"#inst ",
    b"\"",
    b"\\",
    b"\\u00",
    b";",
    b",",
    b":",
    b"\n",
    b"\r\n",
    b"\t",
    b" ",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"nil",
    b"null",
    b"-1",
    b"99999999999999999999",
    b"1e999",
    b"0x",
    b":type :info",
    b":index 0",
    b"\"type\":\"fail\"",
    b"\"process\":\"0\"",
    b"\"in_reply_to\":1",
    b"\"code\":13",
    b"-----\n",
    b"=====\n",
    b"r 0 1\n",
    b"w(1,1,0,0)\n",
    b"0\t:ok\t:read\t1\n",
    b"INFO  jepsen.util - ",
];

/// The seeds of each format, by name.
type Seeds = BTreeMap<String, BTreeMap<String, Vec<u8>>>;

/// Returns the name of the target that reads a format.
fn target(format: Format) -> &'static str {
    match format {
        Format::KvLog => Format::Edn.name(),
        other => other.name(),
    }
}

fn corpus() -> Seeds {
    let mut seeds = Seeds::new();
    for (name, format, text, _) in accepted::cases() {
        let words: Vec<&str> = name
            .split(|it: char| !it.is_alphanumeric())
            .filter(|it| !it.is_empty())
            .collect();
        let seed = (words.join("-"), text.as_bytes().to_vec());
        seeds.entry(target(format).to_owned()).or_default().extend([seed]);
    }
    seeds
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

/// What is in the folder. A fuzzer may have added to it.
fn on_disk() -> Seeds {
    let seeds_of = |target: String| {
        let files = fs::read_dir(folder().join(&target)).into_iter().flatten();
        let named = files.map(|file| {
            let file = file.expect("a folder's entry");
            let name = file.file_name().into_string().expect("names are ASCII");
            (name, fs::read(file.path()).expect("a file"))
        });
        (target, named.collect())
    };
    corpus().into_keys().map(seeds_of).collect()
}

/// Whether a fuzzer has found this one, and named it by its digest.
fn is_found(name: &str) -> bool {
    name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[test]
fn the_corpus_has_every_file_that_is_accepted() {
    if env::var_os("QUORATE_WRITE_CORPUS").is_some() {
        for (target, seeds) in corpus() {
            let folder = folder().join(&target);
            fs::create_dir_all(&folder).unwrap();
            let old = on_disk().remove(&target).unwrap_or_default();
            for name in old.into_keys().filter(|name| !is_found(name)) {
                fs::remove_file(folder.join(name)).unwrap();
            }
            for (name, bytes) in seeds {
                fs::write(folder.join(name), bytes).unwrap();
            }
        }
    }
    let on_disk = on_disk();
    for (target, seeds) in corpus() {
        let stale = seeds
            .iter()
            .filter(|(name, bytes)| on_disk[&target].get(*name) != Some(bytes));
        let stale: Vec<&String> = stale.map(|(name, _)| name).collect();
        assert!(
            stale.is_empty(),
            "make the corpus anew, with QUORATE_WRITE_CORPUS=1: {target}: {stale:?}"
        );
    }
}

#[test]
fn whatever_is_done_to_the_corpus_is_read_or_refused() {
    let seeds: Vec<(Format, Vec<Vec<u8>>)> = on_disk()
        .into_iter()
        .map(|(target, seeds)| (target.parse().unwrap(), seeds.into_values().collect()))
        .collect();
    for (format, seeds) in &seeds {
        for seed in seeds {
            fuzzing::read(*format, seed);
        }
    }
    let mut rng = Pcg64Mcg::seed_from_u64(1);
    let mut outcomes = BTreeMap::<Format, [usize; 2]>::new();
    for _ in 0..MUTATIONS {
        let (format, seeds) = &seeds[rng.random_range(0..seeds.len())];
        let bytes = mutated(&mut rng, seeds);
        let outcome = fuzzing::read(*format, &bytes);
        let [read, refused] = outcomes.entry(*format).or_default();
        *read += usize::from(outcome.entry_count > 0);
        *refused += usize::from(outcome.error.is_some());
        if rng.random_range(0..16) == 0 {
            Format::recognise(&bytes).ok();
        }
    }
    // Neither all one nor all the other, or it would show little.
    let least = MUTATIONS / seeds.len() / 10;
    assert!(
        outcomes.values().flatten().all(|count| *count > least),
        "read and refused: {outcomes:?}"
    );
}

/// A seed with one to three changes.
fn mutated(rng: &mut Pcg64Mcg, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[rng.random_range(0..seeds.len())].clone();
    // The beginning of a long one is as good, and quicker to read.
    bytes.truncate(300);
    for _ in 0..rng.random_range(1..=3) {
        let at = rng.random_range(0..=bytes.len());
        let to = rng.random_range(at..=bytes.len()).min(at + 20);
        match rng.random_range(0..7) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..to)),
            2 => drop(bytes.splice(at..at, WORDS[rng.random_range(0..WORDS.len())].iter().copied())),
            3 => drop(bytes.splice(at..to, WORDS[rng.random_range(0..WORDS.len())].iter().copied())),
            4 => {
                let other = &seeds[rng.random_range(0..seeds.len())];
                let from = rng.random_range(0..=other.len());
                bytes.splice(at..at, other[from..].iter().copied().take(100));
            }
            5 => bytes.extend_from_within(at..to),
            _ if at < bytes.len() => bytes[at] = rng.random(),
            _ => {}
        }
    }
    bytes
}
