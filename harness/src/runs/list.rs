//! Which runs there are, and what became of each.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::Deserialize;

use crate::{
    exit::{Exit, ExitError},
    run_folder::{Manifest, RunFolder},
};

/// The link to the newest run of a scenario.
pub const LATEST: &str = "latest";

/// The runs below a folder.
#[derive(Debug, Default)]
pub struct Listing {
    /// The newest first.
    pub runs: Vec<Listed>,
    /// What lies where runs lie and can't be read as one, and why.
    pub broken: Vec<(PathBuf, anyhow::Error)>,
}

/// A run, as a list tells of it.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its folder.
    pub path: PathBuf,
    /// The name of its scenario: that of the folder around it.
    pub scenario: String,
    /// What it was.
    pub manifest: Manifest,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has a verdict.
    Judged(Judged),
    /// It has none, and ended with this code.
    Failed(u8),
    /// It has not ended: it goes on, or was killed.
    Unfinished,
}

/// What the verdict of a run says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The verdict.
    pub verdict: String,
    /// Claims that were violated.
    pub violated: Vec<String>,
    /// What was seen broken without being claimed.
    pub observed: Vec<String>,
}

impl Outcome {
    /// What became of the run in this folder.
    ///
    /// # Errors
    /// If its verdict can't be read.
    pub fn of(folder: &RunFolder, manifest: &Manifest) -> anyhow::Result<Outcome> {
        let Some(ended) = &manifest.ended else {
            return Ok(Outcome::Unfinished);
        };
        let path = folder.file("verdict.json");
        let bad = |error: &dyn std::fmt::Display| ExitError::input(format!("read {}: {error}", path.display()));
        match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Outcome::Failed(ended.exit)),
            Err(error) => Err(bad(&error).into()),
            Ok(text) => {
                let verdict: VerdictFile = serde_json::from_str(&text).map_err(|error| bad(&error))?;
                Ok(Outcome::Judged(verdict.into()))
            }
        }
    }

    /// In a word: the verdict, or why there is none.
    pub fn name(&self) -> &str {
        match self {
            Outcome::Judged(judged) => &judged.verdict,
            Outcome::Failed(code) if *code == Exit::Interrupted.code() => "given-up",
            Outcome::Failed(_) => "failed",
            Outcome::Unfinished => "unfinished",
        }
    }

    /// What was judged.
    pub fn judged(&self) -> Option<&Judged> {
        match self {
            Outcome::Judged(judged) => Some(judged),
            Outcome::Failed(_) | Outcome::Unfinished => None,
        }
    }
}

/// What is needed of `verdict.json`.
#[derive(Debug, Deserialize)]
struct VerdictFile {
    verdict: String,
    claims: Vec<ClaimOfFile>,
}

#[derive(Debug, Deserialize)]
struct ClaimOfFile {
    claim: String,
    verdict: String,
}

impl From<VerdictFile> for Judged {
    fn from(file: VerdictFile) -> Judged {
        let of = |verdict: &str| {
            let claims = file.claims.iter().filter(|claim| claim.verdict == verdict);
            claims.map(|claim| claim.claim.clone()).collect()
        };
        Judged {
            violated: of("violated"),
            observed: of("observed"),
            verdict: file.verdict,
        }
    }
}

/// The runs in `<out>/<scenario>/`, the newest first. Where there is no such folder, there are none.
///
/// # Errors
/// If a folder of runs can't be read.
pub fn list(out: &Path) -> anyhow::Result<Listing> {
    let mut listing = Listing::default();
    for scenario in folders_in(out)? {
        for path in folders_in(&scenario)? {
            match listed(&scenario, &path) {
                Ok(run) => listing.runs.push(run),
                Err(error) => listing.broken.push((path, error)),
            }
        }
    }
    let newest_first = |run: &Listed| std::cmp::Reverse((run.manifest.started.clone(), run.path.clone()));
    listing.runs.sort_by_cached_key(newest_first);
    Ok(listing)
}

/// The run of that name in `<out>/<scenario>/`, if there is one that can be read. Only what is there is found, whatever the names.
///
/// # Errors
/// If a folder of runs can't be read.
pub fn find(out: &Path, scenario: &str, name: &str) -> anyhow::Result<Option<Listed>> {
    let named = |folders: Vec<PathBuf>, name: &str| {
        let is_it = |folder: &PathBuf| folder.file_name().is_some_and(|own| own.to_string_lossy() == name);
        folders.into_iter().find(is_it)
    };
    let Some(scenario) = named(folders_in(out)?, scenario) else {
        return Ok(None);
    };
    let path = named(folders_in(&scenario)?, name);
    Ok(path.and_then(|path| listed(&scenario, &path).ok()))
}

fn listed(scenario: &Path, path: &Path) -> anyhow::Result<Listed> {
    let folder = RunFolder::open(path)?;
    let manifest = folder.manifest()?;
    Ok(Listed {
        path: path.to_owned(),
        scenario: scenario.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        outcome: Outcome::of(&folder, &manifest)?,
        manifest,
    })
}

/// The folders in a folder, sorted; none where it is not there. No links, so that nothing is found twice or elsewhere, and
/// nothing hidden, as what is still being unpacked.
fn folders_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let read = || -> io::Result<Vec<PathBuf>> {
        let mut folders = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if entry.file_type()?.is_dir() && !is_hidden {
                folders.push(entry.path());
            }
        }
        folders.sort();
        Ok(folders)
    };
    match read() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        folders => folders.with_context(|| format!("read {}", folder.display())),
    }
}
