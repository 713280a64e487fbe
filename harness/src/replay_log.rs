//! What replays of a run have shown, kept beside it: how sure a fix can be made depends on how often the bug came back.
//!
//! `replays.jsonl` in the run's folder, or `<name>.replays.jsonl` beside a tape or an archive; a line for each `quorate
//! replay`.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use quorate_core::Plant;
use serde::{Deserialize, Serialize};

use crate::{
    exit::ExitError,
    rate::Rate,
    replay::Saved,
    run_folder::Backend,
    tape::{Broken, Build},
};

/// Its name.
const FILE: &str = "replays.jsonl";

/// The version of the file's form.
const FORMAT: u32 = 1;

/// What so many replays have shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replays {
    /// The version of the file's form.
    pub format: u32,
    /// On what.
    pub backend: Backend,
    /// What was looked for.
    pub claim: String,
    /// What its breaking is called.
    pub anomaly: String,
    /// How often it was seen.
    #[serde(flatten)]
    pub rate: Rate,
    /// The bug that the nodes were told to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plant: Option<String>,
    /// What ran it.
    pub build: Build,
}

impl Replays {
    /// By this build.
    pub fn new(backend: Backend, target: &Broken, rate: Rate, plant: Option<Plant>) -> Replays {
        Replays {
            format: FORMAT,
            backend,
            claim: target.claim.clone(),
            anomaly: target.anomaly.clone(),
            rate,
            plant: plant.map(|plant| plant.name().to_owned()),
            build: Build::this(),
        }
    }
}

/// Adds a line.
///
/// # Errors
/// If it can't be written, with its path.
pub fn append(saved: &Saved, replays: &Replays) -> anyhow::Result<()> {
    let path = file(saved);
    let line = serde_json::to_string(replays)? + "\n";
    let open = OpenOptions::new().append(true).create(true).open(&path);
    let written = open.and_then(|mut file| file.write_all(line.as_bytes()));
    written.with_context(|| format!("write to {}", path.display()))
}

/// The last replays in which the anomaly came back on such a backend; `None` if there were none.
///
/// # Errors
/// If the file can't be read, or holds something else: exit code 65.
pub fn last_seen(saved: &Saved, backend: Backend, target: &Broken) -> anyhow::Result<Option<Replays>> {
    let mut last = None;
    for path in files(saved) {
        last = last_of(&path, backend, target)?.or(last);
    }
    Ok(last)
}

fn last_of(path: &Path, backend: Backend, target: &Broken) -> anyhow::Result<Option<Replays>> {
    let bad = |why: String| ExitError::input(format!("read {}: {why}", path.display()));
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(|error| bad(error.to_string()))?,
    };
    let mut last = None;
    for (number, line) in text.lines().enumerate() {
        let replays: Replays =
            serde_json::from_str(line).map_err(|error| bad(format!("line {}: {error}", number + 1)))?;
        if replays.format != FORMAT {
            return Err(bad(format!("line {}: format {} is not known", number + 1, replays.format)).into());
        }
        if replays.rate.came_back > replays.rate.times {
            return Err(bad(format!(
                "line {}: it can't come back more often than it is run",
                number + 1
            ))
            .into());
        }
        let is_of_target = (&replays.claim, &replays.anomaly) == (&target.claim, &target.anomaly);
        if is_of_target && replays.backend == backend && replays.rate.came_back > 0 {
            last = Some(replays);
        }
    }
    Ok(last)
}

/// Where a line is added.
fn file(saved: &Saved) -> PathBuf {
    match &saved.folder {
        Some(folder) => folder.later_file(FILE),
        None => saved.tape_file.with_extension(FILE),
    }
}

/// Where lines may be, the oldest first: what was known when a run was packed is in its archive.
fn files(saved: &Saved) -> Vec<PathBuf> {
    let packed = saved.folder.iter().map(|folder| folder.file(FILE));
    let mut files: Vec<_> = packed.chain([file(saved)]).collect();
    files.dedup();
    files
}
