//! The corpus of the fuzz target `decode`: made, replayed, and mutated.
//!
//! `QUORATE_WRITE_CORPUS=1 cargo test -p quorate-node --test it corpus` makes it anew, as a change of any frame asks for.

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use quorate_node::fuzzing::{self, FRAME_BYTES_MAX};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};

use crate::drawing::Drawing;

const LENGTH_BYTES: usize = 4;

/// Frames drawn for the corpus: several times what it takes to meet each kind.
const DRAWN: usize = 20_000;

/// Of each kind a seed: which frame, which message or request or response, and which of those.
const KIND_VARIANTS: usize = 3;

/// Numbers that no length can be, as postcard writes them: the largest of 32 bits and of 64.
const HUGE: [&[u8]; 2] = [
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
];

/// A number that never ends.
const ENDLESS: &[u8] = &[0xff; 11];

/// Mutations of the corpus under `cargo test`: what takes well under a second in a build that is not optimised.
const MUTATIONS: usize = 200_000;

type Seeds = BTreeMap<String, Vec<u8>>;

/// A frame of each kind.
fn frames() -> Seeds {
    let mut rng = Pcg64Mcg::seed_from_u64(1);
    let mut seeds = Seeds::new();
    for _ in 0..DRAWN {
        let mut variants = Vec::new();
        let drawing = &mut Drawing {
            rng: &mut rng,
            variants: &mut variants,
        };
        // A span that is out of range is no frame.
        let Ok(frame) = fuzzing::encode_from(drawing) else {
            continue;
        };
        let kind = variants.into_iter().take(KIND_VARIANTS).collect::<Vec<_>>().join("-");
        seeds.entry(kind).or_insert(frame);
    }
    seeds
}

/// A frame with some of its bytes replaced, and its length put right.
fn replaced(frame: &[u8], at: std::ops::Range<usize>, by: &[u8]) -> Vec<u8> {
    framed(&[&frame[LENGTH_BYTES..at.start], by, &frame[at.end..]].concat())
}

fn framed(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    [&length.to_le_bytes()[..], body].concat()
}

/// Of the frames with one byte replaced, the first of each kind that fails with this error.
fn failing(frames: &Seeds, name: &str, by: &[u8], error: &postcard::Error) -> Seeds {
    let error = format!("a frame that does not decode: {error}");
    let first_of = |frame: &Vec<u8>| {
        let mut replaced = (LENGTH_BYTES..frame.len()).map(|at| replaced(frame, at..at + 1, by));
        replaced.find(|bytes| fuzzing::decode(bytes).error.as_ref() == Some(&error))
    };
    let failing = frames
        .iter()
        .filter_map(|(kind, frame)| Some((format!("{name}-{kind}"), first_of(frame)?)));
    failing.collect()
}

/// The longest of some seeds: a few stand for the others.
fn longest(seeds: Seeds, count: usize) -> Seeds {
    let mut seeds: Vec<_> = seeds.into_iter().collect();
    seeds.sort_by_key(|(_, bytes)| std::cmp::Reverse(bytes.len()));
    seeds.into_iter().take(count).collect()
}

fn corpus() -> Seeds {
    let frames = frames();
    let mut seeds = frames.clone();
    let over_limit = u32::try_from(FRAME_BYTES_MAX + 1).unwrap();
    let all = frames.values().flatten().copied().collect::<Vec<_>>();
    let unended = longest(frames.clone(), 4)
        .into_iter()
        .map(|(kind, frame)| (format!("truncated-{kind}"), frame[..frame.len() * 2 / 3].to_vec()));
    seeds.extend(unended);
    seeds.extend(longest(
        failing(&frames, "huge", HUGE[0], &postcard::Error::DeserializeUnexpectedEnd),
        12,
    ));
    seeds.extend(longest(
        failing(&frames, "endless", ENDLESS, &postcard::Error::DeserializeBadVarint),
        4,
    ));
    seeds.extend(longest(
        failing(&frames, "utf8", &[0xff], &postcard::Error::DeserializeBadUtf8),
        4,
    ));
    seeds.extend([
        ("nothing".to_owned(), Vec::new()),
        ("everything".to_owned(), all),
        ("length-over-limit".to_owned(), over_limit.to_le_bytes().to_vec()),
        ("length-largest".to_owned(), vec![0xff; LENGTH_BYTES]),
        ("length-zero".to_owned(), framed(&[])),
        ("length-alone".to_owned(), (over_limit - 1).to_le_bytes().to_vec()),
        ("kind-unknown".to_owned(), framed(&[250])),
        ("left-over".to_owned(), framed(&[1, 1])),
    ]);
    seeds
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/decode")
}

/// Whether a fuzzer has found this one, and named it by its digest.
fn is_found(name: &str) -> bool {
    name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What is in the folder. A fuzzer may have added to it.
fn on_disk() -> Seeds {
    let files = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path());
    files
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect()
}

#[test]
fn the_corpus_has_a_seed_of_each_kind() {
    let corpus = corpus();
    for what in ["huge-", "endless-", "utf8-", "truncated-"] {
        assert!(corpus.keys().any(|name| name.starts_with(what)), "none is {what}");
    }
    if env::var_os("QUORATE_WRITE_CORPUS").is_some() {
        fs::create_dir_all(folder()).unwrap();
        on_disk()
            .into_keys()
            .filter(|name| !is_found(name))
            .for_each(|name| fs::remove_file(folder().join(name)).unwrap());
        for (name, bytes) in &corpus {
            fs::write(folder().join(name), bytes).unwrap();
        }
    }
    let on_disk = on_disk();
    let stale: Vec<_> = corpus
        .iter()
        .filter(|(name, bytes)| on_disk.get(*name) != Some(bytes))
        .collect();
    assert!(
        stale.is_empty(),
        "frames have changed: make the corpus anew, with QUORATE_WRITE_CORPUS=1 ({} files differ)",
        stale.len()
    );
}

#[test]
fn the_corpus_is_decoded_or_refused() {
    let frames = frames();
    for (name, bytes) in on_disk() {
        let decoded = fuzzing::decode(&bytes);
        if frames.contains_key(&name) {
            assert_eq!((decoded.count, &decoded.error), (1, &None), "{name}");
        }
        let is_hostile = ["huge-", "endless-", "utf8-"].iter().any(|what| name.starts_with(what));
        assert!(!is_hostile || decoded.error.is_some(), "{name}: {decoded:?}");
    }
}

#[test]
fn whatever_is_done_to_the_corpus_is_decoded_or_refused() {
    let seeds: Vec<_> = on_disk().into_values().filter(|bytes| bytes.len() < 200).collect();
    let mut rng = Pcg64Mcg::seed_from_u64(2);
    let (mut decoded, mut refused) = (0, 0);
    for _ in 0..MUTATIONS {
        let bytes = mutated(&mut rng, &seeds);
        let outcome = fuzzing::decode(&bytes);
        decoded += usize::from(outcome.count > 0);
        refused += usize::from(outcome.error.is_some());
    }
    // Neither all one nor all the other, or it would show little.
    let least = MUTATIONS / 20;
    assert!(
        decoded > least && refused > least,
        "{decoded} decoded, {refused} refused"
    );
}

/// A seed with one to three changes; mostly, its length is then put right, so that more than the length is looked at.
fn mutated(rng: &mut Pcg64Mcg, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[rng.random_range(0..seeds.len())].clone();
    for _ in 0..rng.random_range(1..=3) {
        let at = rng.random_range(0..=bytes.len());
        match rng.random_range(0..6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, rng.random()),
            2 => drop(bytes.splice(at..at, HUGE[rng.random_range(0..HUGE.len())].iter().copied())),
            3 => {
                let other = &seeds[rng.random_range(0..seeds.len())];
                bytes.extend_from_slice(&other[rng.random_range(0..=other.len())..]);
            }
            _ if at < bytes.len() => bytes[at] = rng.random(),
            _ => {}
        }
    }
    if bytes.len() >= LENGTH_BYTES && rng.random_range(0..8) != 0 {
        return framed(&bytes[LENGTH_BYTES..]);
    }
    bytes
}

/// Every length in every frame, claimed to be huge.
#[test]
fn a_length_that_cannot_be_is_refused_wherever_it_stands() {
    for (kind, frame) in frames() {
        for at in LENGTH_BYTES..frame.len() {
            for huge in HUGE {
                fuzzing::decode(&replaced(&frame, at..at + 1, huge));
            }
            let endless = fuzzing::decode(&replaced(&frame, at..at + 1, ENDLESS));
            assert!(endless.count <= 1, "{kind} at {at}");
        }
    }
}

/// What postcard says to whoever makes room for a sequence.
#[derive(Debug, PartialEq, Eq)]
struct SizeHint(Option<usize>);

impl<'de> Deserialize<'de> for SizeHint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SizeHint, D::Error> {
        struct Hinted;
        impl<'de> Visitor<'de> for Hinted {
            type Value = SizeHint;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a sequence")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<SizeHint, A::Error> {
                Ok(SizeHint(sequence.size_hint()))
            }
        }
        deserializer.deserialize_seq(Hinted)
    }
}

/// The decoder relies on it: no sequence is given room for more elements than there are bytes left in its frame, and by
/// serde for no more than a mebibyte of them. Of maps postcard repeats what it was told, and only the latter holds.
#[test]
fn postcard_promises_no_more_elements_than_there_are_bytes() {
    for huge in HUGE {
        let bytes = [huge, &[0; 7]].concat();
        assert_eq!(postcard::from_bytes(&bytes), Ok(SizeHint(None)));
    }
    assert_eq!(postcard::from_bytes(&[7, 0, 0, 0, 0, 0, 0, 0]), Ok(SizeHint(Some(7))));
    assert_eq!(postcard::from_bytes(&[8, 0, 0, 0, 0, 0, 0, 0]), Ok(SizeHint(None)));
    let missing = postcard::from_bytes::<String>(HUGE[0]);
    assert_eq!(missing, Err(postcard::Error::DeserializeUnexpectedEnd));
    let elements: Result<Vec<u64>, _> = postcard::from_bytes(&[HUGE[0], &[0; 7]].concat());
    assert_eq!(elements, Err(postcard::Error::DeserializeUnexpectedEnd));
}
