//! Flags for CI systems, of whatever ends in a verdict.

use std::{fs, path::PathBuf};

use anyhow::Context as _;

use crate::{
    ci::{self, Outcome, github},
    exit::{Exit, exit_of},
    threshold::Threshold,
};

/// What a CI system is to be told.
#[derive(Debug, clap::Args)]
pub(super) struct CiArgs {
    /// Write what came of it as JUnit XML: a suite for each run, file or cell, a case for each claim.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Tell GitHub's actions: a summary of the step in $GITHUB_STEP_SUMMARY, and annotations on standard error.
    #[arg(long)]
    github: bool,
}

/// What has to be reached besides the claims.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ThresholdArgs {
    /// What has to be reached, or the exit code is 3: availability=99.9%, p99=50ms (or any other quantile, or max),
    /// recovery=5s from the heal to rest. May be given several times.
    #[arg(long = "threshold", value_name = "NAME=LIMIT")]
    pub(super) thresholds: Vec<Threshold>,
}

impl CiArgs {
    /// Whether anything is to be told.
    pub(super) fn is_asked(&self) -> bool {
        self.junit.is_some() || self.github
    }

    /// Before the work: what is left if the process is killed meanwhile, so that a file that can't be written is told now.
    ///
    /// # Errors
    /// If the file can't be written.
    pub(super) fn begin(&self, title: &str) -> anyhow::Result<()> {
        if self.junit.is_none() {
            return Ok(());
        }
        self.write_junit(&Outcome::of_failure(
            title,
            &anyhow::anyhow!("end: it goes on, or was killed"),
        ))
    }

    /// Tells what came of it. That it can't be told is a failure, though none that hides what was found.
    pub(super) fn end(&self, exit: Exit, outcome: &Outcome) -> Exit {
        match self.tell(outcome) {
            Ok(()) => exit,
            Err(error) => {
                eprintln!("quorate: failed to {error:#}");
                Exit::gravest([exit, exit_of(&error)])
            }
        }
    }

    /// Passes a failure on, and tells it.
    pub(super) fn fail(&self, title: &str, error: anyhow::Error) -> anyhow::Error {
        if self.is_asked() {
            self.end(exit_of(&error), &Outcome::of_failure(title, &error));
        }
        error
    }

    fn tell(&self, outcome: &Outcome) -> anyhow::Result<()> {
        self.write_junit(outcome)?;
        if !self.github {
            return Ok(());
        }
        eprint!("{}", github::annotations(outcome));
        match github::summary_file() {
            Some(path) => github::add_summary(&path, outcome),
            None => {
                eprintln!("quorate: no GITHUB_STEP_SUMMARY here, so that there is no summary of the step");
                Ok(())
            }
        }
    }

    fn write_junit(&self, outcome: &Outcome) -> anyhow::Result<()> {
        let Some(path) = &self.junit else {
            return Ok(());
        };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).with_context(|| format!("create folder {}", folder.display()))?;
        }
        fs::write(path, ci::junit(outcome)).with_context(|| format!("write {}", path.display()))
    }
}
