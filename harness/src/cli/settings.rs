//! Flags for the settings that decide what may be claimed, for commands that judge without running.

use quorate_workloads::{ReadRepair, Settings};

use crate::{exit::ExitError, scenario::Scenario};

/// The store's settings.
#[derive(Debug, clap::Args)]
pub(super) struct SettingsArgs {
    /// Replicas of each key (N).
    #[arg(long)]
    n: Option<u8>,
    /// Replicas that answer a read (R).
    #[arg(long)]
    r: Option<u8>,
    /// Replicas that acknowledge a write (W).
    #[arg(long)]
    w: Option<u8>,
    /// What reads do for replicas that are behind.
    #[arg(long, value_parser = ["off", "async", "blocking"])]
    pub(super) read_repair: Option<String>,
}

impl SettingsArgs {
    /// The numbers by the name of their setting, where they were given.
    pub(super) fn numbers(&self) -> [(&'static str, Option<u8>); 3] {
        [("n", self.n), ("r", self.r), ("w", self.w)]
    }

    /// The settings asked for, over those of `base`, over those of the quickstart scenario.
    ///
    /// # Errors
    /// If they can't be: exit code 64.
    pub(super) fn resolve(&self, base: Option<&Scenario>) -> anyhow::Result<Settings> {
        let base = base.map_or_else(|| Scenario::quickstart().settings(), Scenario::settings);
        let read_repair = match self.read_repair.as_deref() {
            Some("off") => ReadRepair::Off,
            Some("async") => ReadRepair::Async,
            Some(_) => ReadRepair::Blocking,
            None => base.read_repair,
        };
        let settings = Settings {
            n: self.n.unwrap_or(base.n),
            r: self.r.unwrap_or(base.r),
            w: self.w.unwrap_or(base.w),
            read_repair,
        };
        settings
            .validate()
            .map_err(|error| ExitError::usage(format!("read the settings: {error}")))?;
        Ok(settings)
    }
}
