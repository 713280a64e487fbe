//! `results/regressions/`: saved histories, and the verdict that each must have.
//!
//! A file's name ends in its verdict: `<what>.invalid.jsonl`, judged at the quickstart's settings.

use std::{fs, path::Path};

use crate::command::Quorate;

#[test]
fn saved_histories_have_the_verdict_in_their_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/regressions");
    let folder = folder.canonicalize().expect("it is part of the repository");
    let quorate = Quorate::new();
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix(".jsonl") else {
            continue;
        };
        let (_, expected) = stem.rsplit_once('.').expect("a verdict in the name");
        let (_, report) = quorate.json(&format!("check {}", path.display()));
        assert_eq!(report["verdict"], expected, "{name}");
        count += 1;
    }
    assert!(count >= 3, "{count} regressions");
}
