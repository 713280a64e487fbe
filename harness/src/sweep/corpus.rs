//! A file of seeds by the rare things that their runs reached, so that the next sweep begins with those.
//!
//! For each thing that was reached ([`Coverage::features`](crate::coverage::Coverage::features)) it holds how many seeds have
//! reached it and which of them do so in the smallest runs. Seeds of one scenario say nothing of another: each is known by a
//! fingerprint of all its settings. What it tells is what some build of the nodes did; a seed that is run again is taken at its
//! present word.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context;
use quorate_sim::split_seed;
use serde::{Deserialize, Serialize};

use super::SeedRun;
use crate::{exit::ExitError, scenario::Scenario, whole_file};

/// The version of the file's form.
const FORMAT: u32 = 1;

/// How many seeds are kept of each feature.
const KEPT_MAX: usize = 3;

/// A feature is rare that one run in so many has, or fewer, or that a single run has.
const RARE_ONE_IN: u64 = 20;

/// How many seeds are run again at most: as many as there are features that could be rare at a time, with room.
const AGAIN_MAX: usize = 200;

/// The seeds of several scenarios, and their file.
#[derive(Clone, Debug)]
pub struct Corpus {
    path: PathBuf,
    content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    format: u32,
    /// By their fingerprints.
    scenarios: BTreeMap<String, Explored>,
}

/// What is known of the seeds of one scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explored {
    /// What it is called.
    pub scenario: String,
    /// The seeds that were run, as ranges with both their ends.
    pub tried: Vec<(u64, u64)>,
    /// What they reached.
    pub features: BTreeMap<String, Reached>,
}

/// Who reached a feature.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reached {
    /// How many of all seeds that were tried.
    pub seeds: u64,
    /// Those of the smallest runs, the smallest first.
    pub kept: Vec<Kept>,
}

/// A seed that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Events of its simulation: how large its run is.
    pub events: u64,
    /// Which.
    pub seed: u64,
}

impl Corpus {
    /// The corpus in this file, or an empty one if there is no such file yet.
    ///
    /// # Errors
    /// If there is one that can't be read or is no corpus: exit code 65.
    pub fn open(path: &Path) -> anyhow::Result<Corpus> {
        let bad = |why: String| ExitError::input(format!("read corpus {}: {why}", path.display()));
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Corpus::empty(path)),
            Err(error) => return Err(bad(error.to_string()).into()),
        };
        let value: serde_json::Value = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
        match value.get("format").and_then(serde_json::Value::as_u64) {
            Some(format) if format == u64::from(FORMAT) => {}
            Some(format) => {
                return Err(bad(format!(
                    "format {format} is not known: this build reads format {FORMAT}"
                ))
                .into());
            }
            None => return Err(bad("it has no format: it is no corpus".to_owned()).into()),
        }
        let content: Content = serde_json::from_value(value).map_err(|error| bad(error.to_string()))?;
        let path = path.to_owned();
        Ok(Corpus { path, content })
    }

    fn empty(path: &Path) -> Corpus {
        Corpus {
            path: path.to_owned(),
            content: Content {
                format: FORMAT,
                scenarios: BTreeMap::new(),
            },
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is known of a scenario, as it is before sizes or a plan are drawn; `swarm` says whether sizes are.
    pub fn of(&mut self, scenario: &Scenario, swarm: Swarm) -> &mut Explored {
        let text = format!("{}{swarm:?}", scenario.to_toml());
        let fingerprint = format!("{:016x}", split_seed(0, &text));
        let explored = self.content.scenarios.entry(fingerprint).or_default();
        explored.scenario.clone_from(&scenario.name);
        explored
    }

    /// Writes the file whole: whoever reads it meanwhile, and a machine that stops, finds this one or the one before.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn save(&self) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(&self.content)? + "\n";
        whole_file::replace_durably(&self.path, &text).with_context(|| format!("write corpus {}", self.path.display()))
    }
}

/// Whether each seed draws its own sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swarm {
    /// All seeds are of one size.
    Off,
    /// Each draws its own.
    Sizes,
}

impl Explored {
    /// Takes in a run, and returns the features that no seed had reached before.
    pub fn take(&mut self, run: &SeedRun) -> Vec<String> {
        let is_new = self.try_seed(run.seed);
        let features = run.coverage.features();
        if !is_new {
            // Another build may do other things with the same seed.
            for reached in self.features.values_mut() {
                reached.kept.retain(|kept| kept.seed != run.seed);
            }
        }
        let mut unseen = Vec::new();
        for feature in features {
            let reached = self.features.entry(feature.clone()).or_default();
            if reached.seeds == 0 {
                unseen.push(feature);
            }
            if is_new || reached.seeds == 0 {
                reached.seeds += 1;
            }
            reached.keep(Kept {
                events: run.events,
                seed: run.seed,
            });
        }
        unseen
    }

    /// The seeds to run again: for each rare feature, rarest first, the one that reaches it in the smallest run, unless one that
    /// was taken for a rarer feature is known to reach it too.
    pub fn rare_seeds(&self, most: usize) -> Vec<u64> {
        let rare_max = (self.tried_count() / RARE_ONE_IN).max(1);
        let mut rare: Vec<&Reached> = self.features.values().filter(|r| r.seeds <= rare_max).collect();
        rare.sort_by_key(|reached| reached.seeds);
        let mut seeds: Vec<u64> = Vec::new();
        for reached in rare {
            let has = |kept: &Kept| seeds.contains(&kept.seed);
            if let Some(smallest) = reached.kept.first()
                && !reached.kept.iter().any(has)
            {
                seeds.push(smallest.seed);
            }
        }
        seeds.truncate(most.min(AGAIN_MAX));
        seeds
    }

    /// How many seeds were tried.
    pub fn tried_count(&self) -> u64 {
        self.tried.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// The first seed above all that were tried; 1 if none was.
    pub fn next_seed(&self) -> u64 {
        self.tried.last().map_or(1, |(_, last)| last.saturating_add(1))
    }

    /// Counts a seed as tried, and says whether it was not before.
    fn try_seed(&mut self, seed: u64) -> bool {
        let at = self.tried.partition_point(|(_, last)| *last < seed);
        if self.tried.get(at).is_some_and(|(first, _)| *first <= seed) {
            return false;
        }
        self.tried.insert(at, (seed, seed));
        for at in [at + 1, at] {
            let Some([(first, last), (next_first, next_last)]) =
                at.checked_sub(1).and_then(|before| self.tried.get(before..=at))
            else {
                continue;
            };
            if last.checked_add(1) == Some(*next_first) {
                let joined = (*first, *next_last);
                self.tried.splice(at - 1..=at, [joined]);
            }
        }
        true
    }
}

impl Reached {
    fn keep(&mut self, kept: Kept) {
        if !self.kept.contains(&kept) {
            self.kept.push(kept);
            self.kept.sort();
            self.kept.truncate(KEPT_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use quorate_core::Counters;

    use super::*;
    use crate::coverage::Coverage;

    /// A run that kept so many hints, and dropped so many as too old.
    fn run(seed: u64, events: u64, hints: u64, expired: u64) -> SeedRun {
        let mut coverage = Coverage::default();
        coverage.add_counters(&Counters {
            hints_stored: hints,
            hints_expired: expired,
            ..Counters::default()
        });
        SeedRun {
            events,
            coverage,
            ..SeedRun::failure(seed, String::new())
        }
    }

    #[test]
    fn each_feature_has_its_count_and_its_smallest_runs() {
        let mut explored = Explored::default();
        let both = ["counter.hints-expired x1", "counter.hints-stored x4"].map(str::to_owned);
        assert_eq!(explored.take(&run(7, 500, 5, 1)), both);
        for (seed, events) in [(8, 400), (9, 300), (10, 600), (11, 200)] {
            assert!(explored.take(&run(seed, events, 5, 0)).is_empty(), "nothing new");
        }
        let stored = &explored.features["counter.hints-stored x4"];
        let kept: Vec<_> = stored.kept.iter().map(|kept| kept.seed).collect();
        assert_eq!((stored.seeds, kept), (5, vec![11, 9, 8]));
        assert_eq!(explored.features["counter.hints-expired x1"].seeds, 1);
        assert_eq!((explored.tried_count(), explored.next_seed()), (5, 12));
        assert_eq!(explored.rare_seeds(10), [7]);
    }

    #[test]
    fn a_seed_counts_once_and_is_forgotten_where_it_no_longer_reaches() {
        let mut explored = Explored::default();
        explored.take(&run(7, 500, 5, 1));
        assert!(explored.take(&run(7, 450, 5, 0)).is_empty());
        let stored = &explored.features["counter.hints-stored x4"];
        assert_eq!(
            (stored.seeds, &stored.kept[..]),
            (1, &[Kept { events: 450, seed: 7 }][..])
        );
        assert!(explored.features["counter.hints-expired x1"].kept.is_empty());
    }

    #[test]
    fn what_was_tried_is_told_in_ranges() {
        let mut explored = Explored::default();
        for (seed, is_new) in [
            (5, true),
            (3, true),
            (4, true),
            (4, false),
            (9, true),
            (u64::MAX, true),
            (8, true),
        ] {
            assert_eq!(explored.try_seed(seed), is_new, "{seed}");
        }
        assert_eq!(explored.tried, [(3, 5), (8, 9), (u64::MAX, u64::MAX)]);
    }

    #[test]
    fn the_file_is_read_back_and_what_is_none_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("corpus.json");
        let scenario = Scenario::quickstart();
        let mut corpus = Corpus::open(&path).expect("an empty one");
        corpus.of(&scenario, Swarm::Off).take(&run(7, 500, 5, 1));
        corpus.save().expect("written");
        let mut again = Corpus::open(&path).expect("its own");
        assert_eq!(again.content, corpus.content);
        assert_eq!(again.of(&scenario, Swarm::Off).tried_count(), 1);
        assert_eq!(again.of(&scenario, Swarm::Sizes).tried_count(), 0, "another scenario");

        for (text, why) in [
            ("", "EOF"),
            ("{\"scenarios\":{}}", "no format"),
            ("{\"format\":2,\"scenarios\":{}}", "format 2 is not known"),
            ("{\"format\":1,\"verdict\":\"valid\"}", "unknown field"),
            ("{\"format\":1,\"scenarios\":{\"x\":{\"scenario\":\"x\"", "EOF"),
        ] {
            fs::write(&path, text).expect("written");
            let error = Corpus::open(&path).expect_err(text);
            assert_eq!(crate::exit::exit_of(&error), crate::exit::Exit::InputData);
            let message = error.to_string();
            assert!(message.contains(why) && message.contains("corpus.json"), "{message}");
        }
    }
}
