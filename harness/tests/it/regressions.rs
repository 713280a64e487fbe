//! `results/regressions/`: saved histories and tapes, and the verdict that each must have.
//!
//! A history's name ends in its verdict: `<what>.invalid.jsonl`, judged at the quickstart's settings. A `<what>.invalid.toml` beside
//! it, as `quorate shrink` writes it, says with which arguments instead, and which claim has to be broken. `<what>.invalid.tape.jsonl` is a tape, and is replayed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::Value;

use crate::command::{Quorate, verdict_of};

/// How a history is judged, and what is broken in it.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sidecar {
    arguments: Vec<String>,
    claim: Option<String>,
    anomaly: Option<String>,
}

/// The largest tape that is kept.
const TAPE_BYTES_MAX: usize = 200_000;

/// The saved files whose names end so, and what comes before; sorted.
fn saved(suffix: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/regressions");
    let folder = folder.canonicalize().expect("it is part of the repository");
    let entries = fs::read_dir(folder).expect("a folder");
    let named = entries.filter_map(|entry| {
        let path = entry.expect("an entry").path();
        let stem = path.file_name()?.to_str()?.strip_suffix(suffix)?.to_owned();
        Some((path, stem))
    });
    let mut files: Vec<_> = named.collect();
    files.sort();
    files
}

#[test]
fn saved_histories_have_the_verdict_in_their_name() {
    let quorate = Quorate::new();
    let (mut count, mut sidecars) = (0, 0);
    for (path, stem) in saved(".jsonl") {
        if stem.ends_with(".tape") {
            continue;
        }
        let name = path.display();
        let (_, expected) = stem.rsplit_once('.').expect("a verdict in the name");
        let sidecar = fs::read_to_string(path.with_extension("toml"));
        let sidecar: Sidecar = sidecar.map_or_else(|_| Sidecar::default(), |text| toml::from_str(&text).expect("TOML"));
        sidecars += usize::from(!sidecar.arguments.is_empty());
        let arguments = sidecar.arguments.join(" ");
        let (_, report) = quorate.json(&format!("check {} {arguments}", path.display()));
        assert_eq!(report["verdict"], expected, "{name}");
        if let Some(claim) = &sidecar.claim {
            assert_eq!(verdict_of(&report, claim), "violated", "{name}");
        }
        if let Some(anomaly) = sidecar.anomaly {
            let anomalies = report["anomalies"].as_array().expect("anomalies");
            assert!(anomalies.contains(&anomaly.into()), "{name}: {anomalies:?}");
        }
        count += 1;
    }
    assert!(
        count >= 3 && sidecars >= 1,
        "{count} regressions, {sidecars} with arguments"
    );
}

#[test]
fn saved_tapes_show_again_what_they_showed_and_nothing_without_their_bug() {
    let quorate = Quorate::new();
    let files = saved(".tape.jsonl");
    assert!(files.len() >= 3, "{files:?}");
    for (path, stem) in files {
        let (_, expected) = stem.rsplit_once('.').expect("a verdict in the name");
        let (name, text) = (path.display(), fs::read_to_string(&path).expect("a tape"));
        assert!(
            text.len() <= TAPE_BYTES_MAX,
            "{name} is too large to be kept: shrink it"
        );
        let line = |text: Option<&str>| serde_json::from_str::<Value>(text.expect("a line")).expect("JSON");
        let (header, end) = (line(text.lines().next()), line(text.lines().last()));
        let (_, replayed) = quorate.json(&format!("replay {name}"));
        assert_eq!(replayed["verdict"], expected, "{name}");
        if expected == "invalid" {
            let mut broken = end["broken"].as_array().expect("claims").iter();
            let first = broken.find(|broken| broken["claimed"] == true).expect("a claim");
            let replay = &replayed["replay"];
            assert_eq!(replay["claim"], first["claim"], "{name}");
            assert_eq!(replay["came_back"], 1, "{name}: {replay}");
        }
        if header["scenario"]["plant"].is_string() {
            let (_, fixed) = quorate.json(&format!("replay {name} --plant none"));
            // One that was shrunk has neither faults nor races to spare.
            let verdict = fixed["verdict"].as_str().expect("a verdict");
            assert!(
                ["valid", "vacuous"].contains(&verdict),
                "{name} is {verdict} without its bug"
            );
            assert_eq!(fixed["replay"]["came_back"], 0, "{name} without its bug");
        }
    }
}
