//! `results/regressions/`: saved histories, and the verdict that each must have.
//!
//! A file's name ends in its verdict: `<what>.invalid.jsonl`, judged at the quickstart's settings. A `<what>.invalid.toml` beside
//! it, as `quorate shrink` writes it, says with which arguments instead, and which claim has to be broken.

use std::{fs, path::Path};

use serde::Deserialize;

use crate::command::{Quorate, verdict_of};

/// How a history is judged, and what is broken in it.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sidecar {
    arguments: Vec<String>,
    claim: Option<String>,
    anomaly: Option<String>,
}

#[test]
fn saved_histories_have_the_verdict_in_their_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/regressions");
    let folder = folder.canonicalize().expect("it is part of the repository");
    let quorate = Quorate::new();
    let (mut count, mut sidecars) = (0, 0);
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix(".jsonl") else {
            continue;
        };
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
