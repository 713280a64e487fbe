//! Runs that may go.
//!
//! Only a run's folder is ever removed, whole, its `run.json` last: what is left of a removal that was cut short is still
//! seen to be a run.

use std::{collections::BTreeMap, fs, io, path::Path, time::Duration};

use anyhow::Context as _;

use super::list::{LATEST, Listed, Outcome};
use crate::utc;

/// Which runs are to go: those that meet all that is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PruneOptions {
    /// Not the newest so many of each scenario.
    pub keep: usize,
    /// Only those that began longer ago.
    pub older_than: Option<Duration>,
    /// Only those whose verdict is valid.
    pub valid: bool,
}

/// For how long a run that has not ended may still be going on.
const UNFINISHED_MIN: Duration = Duration::from_secs(24 * 3600);

/// Of a list with the newest first, the runs that are to go. `now` is in seconds since 1970.
pub fn to_prune<'a>(runs: &'a [Listed], options: &PruneOptions, now: i64) -> Vec<&'a Listed> {
    let mut newer: BTreeMap<&str, usize> = BTreeMap::new();
    let mut goes = |run: &'a Listed| {
        let newer = newer.entry(&run.scenario).or_default();
        *newer += 1;
        let is_older = |span: Duration| {
            let began = utc::unix_seconds(&run.manifest.started);
            began.is_some_and(|began| u64::try_from(now - began).is_ok_and(|age| age > span.as_secs()))
        };
        let is_valid = run.outcome.judged().is_some_and(|judged| judged.verdict == "valid");
        let may_go_on = run.outcome == Outcome::Unfinished && !is_older(UNFINISHED_MIN);
        *newer > options.keep && options.older_than.is_none_or(is_older) && (is_valid || !options.valid) && !may_go_on
    };
    runs.iter().filter(|run| goes(run)).collect()
}

/// Removes a run's folder.
///
/// # Errors
/// If it is none, or can't be removed whole.
pub fn remove(run: &Path) -> anyhow::Result<()> {
    let failed = || format!("remove {}", run.display());
    let is_folder = run.symlink_metadata().with_context(failed)?.is_dir();
    anyhow::ensure!(
        is_folder && run.join("run.json").is_file(),
        "remove {}: it is no run's folder",
        run.display()
    );
    let empty = || -> io::Result<()> {
        for entry in fs::read_dir(run)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else if entry.file_name() != "run.json" {
                fs::remove_file(entry.path())?;
            }
        }
        fs::remove_file(run.join("run.json"))?;
        fs::remove_dir(run)
    };
    empty().with_context(failed)
}

/// Lets a scenario's link to its newest run lead to the newest that is left, if it leads nowhere; without one it goes.
///
/// # Errors
/// If it can't be changed, with its path.
pub fn mend_latest(scenario: &Path, newest: Option<&Path>) -> anyhow::Result<()> {
    let link = scenario.join(LATEST);
    let leads_nowhere = link.symlink_metadata().is_ok_and(|it| it.is_symlink()) && !link.exists();
    if !leads_nowhere {
        return Ok(());
    }
    let mend = || -> io::Result<()> {
        fs::remove_file(&link)?;
        match newest.and_then(Path::file_name) {
            Some(name) => std::os::unix::fs::symlink(name, &link),
            None => Ok(()),
        }
    };
    mend().with_context(|| format!("replace {}", link.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        run_folder::{Backend, Manifest},
        runs::list::Judged,
    };

    const NOW: &str = "20261110T120000Z";

    fn run(scenario: &str, started: &str, verdict: Option<&str>) -> Listed {
        let outcome = match verdict {
            None => Outcome::Unfinished,
            Some(verdict) => Outcome::Judged(Judged {
                verdict: verdict.to_owned(),
                violated: Vec::new(),
                observed: Vec::new(),
            }),
        };
        Listed {
            path: Path::new(scenario).join(started),
            scenario: scenario.to_owned(),
            manifest: Manifest {
                started: started.to_owned(),
                ..Manifest::new(Backend::Simulated, 1)
            },
            outcome,
        }
    }

    /// The days of those that go.
    fn pruned(options: PruneOptions) -> Vec<String> {
        let runs = [
            run("a", "20261110T110000Z", None),
            run("a", "20261109T120000Z", Some("invalid")),
            run("b", "20261108T120000Z", Some("valid")),
            run("a", "20261107T120000Z", Some("valid")),
            run("a", "20261106T120000Z", None),
            run("b", "20261105T120000Z", Some("vacuous")),
        ];
        let now = utc::unix_seconds(NOW).expect("an instant");
        let gone = to_prune(&runs, &options, now);
        gone.iter()
            .map(|run| format!("{}{}", run.scenario, &run.manifest.started[6..8]))
            .collect()
    }

    #[test]
    fn what_meets_all_that_is_asked_goes_and_nothing_that_may_go_on() {
        let all = PruneOptions::default();
        let days = |days: u64| Some(Duration::from_secs(24 * 3600 * days));
        for (options, expected) in [
            (all, vec!["a09", "b08", "a07", "a06", "b05"]),
            (PruneOptions { keep: 2, ..all }, vec!["a07", "a06"]),
            (
                PruneOptions {
                    older_than: days(3),
                    ..all
                },
                vec!["a06", "b05"],
            ),
            (PruneOptions { valid: true, ..all }, vec!["b08", "a07"]),
            (
                PruneOptions {
                    valid: true,
                    keep: 1,
                    older_than: days(2),
                },
                vec!["a07"],
            ),
            (PruneOptions { keep: 9, ..all }, vec![]),
        ] {
            assert_eq!(pruned(options), expected, "{options:?}");
        }
    }
}
