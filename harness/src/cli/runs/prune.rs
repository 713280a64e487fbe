//! `quorate runs prune`.

use std::{collections::BTreeMap, path::Path, time::Duration};

use serde_json::json;

use super::{OutArgs, size};
use crate::{
    amount::counted,
    cli::{
        Format,
        table::{Side, Table},
    },
    duration,
    exit::Exit,
    runs::{Listed, PruneOptions, files_of, mend_latest, remove, to_prune},
    utc,
};

/// Takes saved runs away: those that meet all that is asked. Without --yes it only says which.
///
/// Nothing but folders of runs is removed, and no run that may still go on: one that has not ended stays for a day. Where
/// `latest` has led to a run that is gone, it leads to the newest that is left.
///
/// Examples: quorate runs prune --keep 20; quorate runs prune --valid --older-than 30d --yes
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("which").multiple(true).required(true))]
pub(super) struct Args {
    /// Only what is not among the newest so many of its scenario.
    #[arg(long, value_name = "N", group = "which")]
    keep: Option<usize>,
    /// Only what began longer ago, as 30d or 12h.
    #[arg(long, value_name = "SPAN", value_parser = age, group = "which")]
    older_than: Option<Duration>,
    /// Only runs whose verdict is valid.
    #[arg(long, group = "which")]
    valid: bool,
    /// Do it.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    out: OutArgs,
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let listing = args.out.list()?;
    let options = PruneOptions {
        keep: args.keep.unwrap_or(0),
        older_than: args.older_than,
        valid: args.valid,
    };
    let now = utc::unix_seconds(&utc::now()).expect("written just now");
    let goes = to_prune(&listing.runs, &options, now);
    let mut sizes = Vec::new();
    for run in &goes {
        sizes.push(files_of(&run.path)?.iter().map(|file| file.bytes).sum());
    }
    if args.yes {
        for run in &goes {
            remove(&run.path)?;
        }
        mend(&args.out.out, &listing.runs, &goes)?;
    }
    args.tell(&goes, &sizes, listing.runs.len() - goes.len());
    Ok(Exit::Valid)
}

/// Mends the links of all scenarios, with the newest run that each has left.
fn mend(out: &Path, runs: &[Listed], gone: &[&Listed]) -> anyhow::Result<()> {
    let mut newest: BTreeMap<&str, Option<&Path>> = BTreeMap::new();
    for run in runs {
        let is_gone = gone.iter().any(|gone| gone.path == run.path);
        let newest = newest.entry(&run.scenario).or_default();
        *newest = newest.or((!is_gone).then_some(&*run.path));
    }
    newest
        .iter()
        .try_for_each(|(scenario, newest)| mend_latest(&out.join(scenario), *newest))
}

impl Args {
    fn tell(&self, goes: &[&Listed], sizes: &[u64], kept: usize) {
        let total: u64 = sizes.iter().sum();
        let text = || {
            let mut table = Table::new([("RUN", Side::Left), ("VERDICT", Side::Left), ("SIZE", Side::Right)]);
            for (run, bytes) in goes.iter().zip(sizes) {
                table.row([
                    run.path.display().to_string(),
                    run.outcome.name().to_owned(),
                    size(*bytes),
                ]);
            }
            let table = if goes.is_empty() {
                String::new()
            } else {
                table.to_string() + "\n"
            };
            let said = if self.yes { "removed" } else { "would remove" };
            let runs = counted(goes.len() as u64, "run");
            let how = if self.yes || goes.is_empty() {
                ""
            } else {
                "; --yes does it"
            };
            table + &format!("{said} {runs} of {}, {kept} stay{how}\n", size(total))
        };
        self.format.answer(text, || {
            let runs = goes.iter().zip(sizes);
            json!({
                "format": 1,
                "removed": self.yes,
                "runs": runs.map(|(run, bytes)| json!({ "run": run.path, "bytes": bytes })).collect::<Vec<_>>(),
                "bytes": total,
                "kept": kept,
            })
        });
    }
}

/// A span that may be days long.
fn age(text: &str) -> Result<Duration, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
    match days {
        Some(days) => Ok(Duration::from_secs(u64::from(days) * 24 * 3600)),
        None => duration::parse(text).map_err(|_| format!("{text:?} is not a span of time such as 30d or 12h")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_may_be_days() {
        assert_eq!(age("30d"), Ok(Duration::from_secs(30 * 24 * 3600)));
        assert_eq!(age("12h"), Ok(Duration::from_secs(12 * 3600)));
        for wrong in ["", "d", "-1d", "1.5d", "30", "5000000000d"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }
}
