//! Flags of whatever makes a run: its seed, where it goes, and how it is told.

use std::path::PathBuf;

use clap::Args;

use super::{
    Format,
    progress::{Display, Style},
};

/// Where the folders of runs go unless told otherwise.
pub(super) const OUT: &str = "results/runs";

/// Where a run comes from and where it goes.
#[derive(Debug, Args)]
pub(super) struct OutputArgs {
    /// Decides the plan, the load and the nodes' choices; drawn and printed when absent.
    #[arg(long)]
    pub(super) seed: Option<u64>,
    #[command(flatten)]
    pub(super) telling: TellingArgs,
}

/// Where runs go, and how it is told what they do.
#[derive(Debug, Args)]
pub(super) struct TellingArgs {
    /// Where the folders of runs go.
    #[arg(long, value_name = "DIR", default_value = OUT)]
    pub(super) out: PathBuf,
    #[command(flatten)]
    progress: ProgressArgs,
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: Format,
}

/// How it is told how far something has come.
#[derive(Debug, Args)]
pub(super) struct ProgressArgs {
    /// How to show progress on standard error: a live line, a line now and then, or nothing. Auto is a live line on a terminal.
    #[arg(long, value_enum, default_value = "auto")]
    progress: Style,
    /// Show no progress.
    #[arg(short, long)]
    quiet: bool,
}

impl OutputArgs {
    /// The seed asked for, or one that is drawn: short enough to be typed again.
    pub(super) fn seed(&self) -> u64 {
        self.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()))
    }
}

impl TellingArgs {
    pub(super) fn display(&self) -> Display {
        self.progress.display()
    }
}

impl ProgressArgs {
    pub(super) fn display(&self) -> Display {
        Display::new(if self.quiet { Style::None } else { self.progress })
    }
}
