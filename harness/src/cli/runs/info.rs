//! `quorate runs info`.

use std::path::PathBuf;

use serde_json::{Value, json};
use toml::Table;

use super::size;
use crate::{
    cli::{Format, overrides::to_table, table::printable},
    exit::Exit,
    run_folder::{Manifest, RunFolder},
    runs::{Outcome, RunFile, files_of},
    scenario::Scenario,
    utc,
};

/// Tells what a run was, what became of it, and what it left.
///
/// Example: quorate runs info results/runs/quickstart/latest
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder of a run, or its archive.
    #[arg(value_name = "RUN")]
    path: PathBuf,
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// All that is told.
struct Info {
    path: PathBuf,
    manifest: Manifest,
    scenario: Scenario,
    /// What its scenario was made from.
    base: Scenario,
    /// The settings that are others than there.
    differences: Table,
    outcome: Outcome,
    files: Vec<RunFile>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let run = RunFolder::open(&args.path)?;
    let (manifest, scenario) = (run.manifest()?, run.scenario()?);
    let base = Scenario::from_name(&scenario.name).unwrap_or_else(Scenario::quickstart);
    let info = Info {
        path: args.path.clone(),
        outcome: Outcome::of(&run, &manifest)?,
        manifest,
        differences: differences(&scenario, &base),
        scenario,
        base,
        files: files_of(run.path())?,
    };
    args.format.answer(|| info.text(), || info.json());
    Ok(Exit::Valid)
}

/// The settings of a scenario that are others than those of `base`; not its plan, which no two runs share.
fn differences(scenario: &Scenario, base: &Scenario) -> Table {
    let base = to_table(base);
    let mut settings = to_table(scenario);
    settings.retain(|name, value| name != "plan" && base.get(name) != Some(value));
    settings
}

impl Info {
    fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    fn text(&self) -> String {
        let manifest = &self.manifest;
        let mut out = String::new();
        let mut line = |label: &str, text: String| out += &format!("{label:<9}{}\n", printable(&text));
        line("run", self.path.display().to_string());
        let began = utc::spaced(&manifest.started);
        let seconds = manifest
            .ended
            .as_ref()
            .map(|ended| format!(", took {:.1} s", ended.seconds));
        let backend = manifest.backend.name();
        line(
            "began",
            format!(
                "{began} UTC, {backend}, seed {}{}",
                manifest.seed,
                seconds.unwrap_or_default()
            ),
        );
        line("command", manifest.command.join(" "));
        let dirty = if manifest.dirty { " with changes" } else { "" };
        let Manifest {
            version,
            commit,
            toolchain,
            host,
            ..
        } = manifest;
        line("build", format!("{version}, commit {commit}{dirty}, {toolchain}"));
        line("host", format!("{} {}, {} processors", host.os, host.arch, host.cpus));
        line("scenario", format!("{}: {}", self.scenario.name, self.scenario.purpose));
        for (name, value) in &self.differences {
            line("", format!("{name} = {value}"));
        }
        if self.differences.is_empty() {
            line("", format!("as {} is", self.base.name));
        }
        line("plan", format!("{} faults", self.scenario.plan.len()));
        let exit = manifest
            .ended
            .as_ref()
            .map(|ended| format!("; exit code {}", ended.exit));
        line(
            "verdict",
            format!("{}{}", self.outcome.name(), exit.unwrap_or_default()),
        );
        let judged = self.outcome.judged();
        let broken = judged
            .into_iter()
            .flat_map(|judged| [("violated", &judged.violated), ("observed", &judged.observed)]);
        for (label, claims) in broken.filter(|(_, claims)| !claims.is_empty()) {
            line(label, claims.join(", "));
        }
        line("files", format!("{}, {}", self.files.len(), size(self.bytes())));
        for file in &self.files {
            line("", format!("{:>9}  {}", size(file.bytes), file.path.display()));
        }
        out
    }

    fn json(&self) -> Value {
        let judged = self.outcome.judged();
        let files = self.files.iter();
        json!({
            "format": 1,
            "run": self.path,
            "manifest": self.manifest,
            "scenario": self.scenario,
            "base": self.base.name,
            "differences": self.differences,
            "outcome": self.outcome.name(),
            "verdict": judged.map(|judged| &judged.verdict),
            "violated": judged.map(|judged| &judged.violated),
            "observed": judged.map(|judged| &judged.observed),
            "files": files.map(|file| json!({ "path": file.path, "bytes": file.bytes })).collect::<Vec<_>>(),
            "bytes": self.bytes(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_set_otherwise_is_told() {
        let base = Scenario::quickstart();
        let mut scenario = base.clone();
        scenario.resolve_plan(1);
        assert_eq!(differences(&scenario, &base), Table::new());
        (scenario.r, scenario.sloppy) = (1, true);
        let told = differences(&scenario, &base).to_string();
        assert_eq!(told, "r = 1\nsloppy = true\n");
    }
}
