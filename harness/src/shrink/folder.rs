//! Where a shrunk history is kept: whole at any time, whenever it is read or the process ends.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use quorate_checker::Context;
use quorate_workloads::{Property, Verdict};
use serde::Serialize;

use super::history::Smaller;
use crate::{report::evidence_files, shell::quoted, whole_file};

/// How what was kept is judged, and what has to come of it.
#[derive(Clone, Debug)]
pub struct Again {
    /// The arguments of `quorate check`.
    pub arguments: Vec<String>,
    /// What is broken.
    pub claim: Property,
}

/// The file beside a regression that says how it is judged.
#[derive(Debug, Serialize)]
struct Sidecar<'a> {
    arguments: &'a [String],
    claim: &'a str,
    anomaly: &'a str,
}

/// A folder for the smallest history so far.
#[derive(Debug)]
pub struct ShrunkFolder {
    path: PathBuf,
    /// What the regression is named after.
    name: String,
    again: Again,
}

impl ShrunkFolder {
    /// Makes the folder, if it is not there. What it holds from earlier is written over.
    ///
    /// # Errors
    /// It can't be made.
    pub fn create(path: &Path, name: &str, again: Again) -> anyhow::Result<ShrunkFolder> {
        fs::create_dir_all(path).with_context(|| format!("create folder {}", path.display()))?;
        Ok(ShrunkFolder {
            path: path.to_owned(),
            name: format!("{name}-{}", again.claim.anomaly),
            again,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// How its history is judged.
    pub fn again(&self) -> &Again {
        &self.again
    }

    /// The command that judges its history.
    pub fn command(&self) -> String {
        let minimal = self.file("minimal.jsonl").display().to_string();
        let words = std::iter::once(&minimal).chain(&self.again.arguments);
        let words: Vec<String> = words.map(|word| quoted(word)).collect();
        format!("quorate check {}", words.join(" "))
    }

    /// Keeps the smallest history so far, and its evidence, in the place of an earlier one.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn keep(&self, best: &Smaller) -> anyhow::Result<()> {
        self.replace("minimal.jsonl", &best.lines)?;
        if let Some(witness) = &best.claim.witness {
            for (name, text) in evidence_files(&best.claim, witness, &Context::default()) {
                self.replace(name, &text)?;
            }
        }
        Ok(())
    }

    /// Keeps a regression: the history under its verdict, and how it is judged.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn keep_regression(&self, best: &Smaller, verdict: Verdict) -> anyhow::Result<()> {
        let stem = format!("{}.{}", self.name, verdict.name());
        let sidecar = Sidecar {
            arguments: &self.again.arguments,
            claim: &self.again.claim.name,
            anomaly: self.again.claim.anomaly,
        };
        let sidecar = toml::to_string(&sidecar).expect("it is texts and lists of them");
        let words = "# What the history of this name is judged with, by `quorate check`, and what is broken in it.\n";
        self.replace(&format!("{stem}.jsonl"), &best.lines)?;
        self.replace(&format!("{stem}.toml"), &(words.to_owned() + &sidecar))
    }

    /// Writes a file beside its place, and puts it there in one step.
    fn replace(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.file(name);
        whole_file::replace(&path, text).with_context(|| format!("write {}", path.display()))
    }
}
