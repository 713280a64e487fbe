//! What somebody needs of R and W, as flags, and how it is told which of them will do.

use std::{fmt::Write, time::Duration};

use quorate_workloads::pbs::{Candidate, Needs, Ruling};
use serde_json::{Value, json};

use super::numbers::parse_share;
use crate::{duration, exit::Exit};

/// Needs that predictions and measurements can both meet.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Needs: with any of these, the cheapest R and W that meet all are recommended")]
pub(super) struct NeedsArgs {
    /// At most this share of reads is stale, of those that begin --after a write.
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    max_stale: Option<f64>,
    /// How long after a write's acknowledgement reads begin that are not to be stale; at once, unless it is said.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, requires = "max_stale")]
    pub(super) after: Option<Duration>,
    /// 99 of 100 reads take at most this long.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    read_p99: Option<Duration>,
    /// 99 of 100 writes take at most this long.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    write_p99: Option<Duration>,
    /// Reads and writes go on with so many of the N replicas down.
    #[arg(long, value_name = "NODES")]
    tolerate: Option<u8>,
}

impl NeedsArgs {
    /// What is needed; `None` if nothing is.
    pub(super) fn needs(&self) -> Option<Needs> {
        let ms = |span: Option<Duration>| span.map(|span| span.as_secs_f64() * 1000.0);
        let needs = Needs {
            stale_max: self.max_stale,
            read_p99_ms: ms(self.read_p99),
            write_p99_ms: ms(self.write_p99),
            tolerate: self.tolerate,
            ..Needs::default()
        };
        (needs != Needs::default()).then_some(needs)
    }

    /// So many milliseconds after a write it counts whether a read is stale.
    pub(super) fn after_ms(&self) -> f64 {
        self.after.unwrap_or_default().as_secs_f64() * 1000.0
    }
}

/// What came of the question which of several candidates to take.
#[derive(Debug)]
pub(super) struct Advice {
    pub(super) candidates: Vec<Candidate>,
    pub(super) rulings: Vec<Ruling>,
}

impl Advice {
    fn chosen(&self) -> Option<&Ruling> {
        self.rulings.iter().find(|ruling| ruling.is_met())
    }

    /// 3 if none meets what is needed.
    pub(super) fn exit(&self) -> Exit {
        match self.chosen() {
            Some(_) => Exit::Valid,
            None => Exit::Missed,
        }
    }

    fn name(&self, ruling: &Ruling) -> &str {
        &self.candidates[ruling.candidate].name
    }

    /// As lines of text, or with `is_markdown` as a list.
    pub(super) fn text(&self, is_markdown: bool) -> String {
        let mut out = String::new();
        let [bold, item] = if is_markdown { ["**", "- "] } else { ["", "  "] };
        match self.chosen() {
            Some(chosen) => {
                let _ = writeln!(
                    out,
                    "{bold}recommended: {}{bold}, the cheapest that meets every need",
                    self.name(chosen)
                );
                if is_markdown {
                    out.push('\n');
                }
                for met in &chosen.met {
                    let _ = writeln!(out, "{item}{met}");
                }
            }
            None => {
                let _ = writeln!(out, "{bold}none meets every need{bold}");
            }
        }
        let ruled_out = self.rulings.iter().filter(|ruling| !ruling.is_met());
        let width = ruled_out
            .clone()
            .map(|ruling| self.name(ruling).len())
            .max()
            .unwrap_or(0);
        if width > 0 {
            let _ = writeln!(out, "\nruled out, the cheapest first");
            if is_markdown {
                out.push('\n');
            }
        }
        for ruling in ruled_out {
            let why: Vec<_> = ruling.misses.iter().map(|miss| miss.why.as_str()).collect();
            let _ = writeln!(out, "{item}{:<width$}  {}", self.name(ruling), why.join("; "));
        }
        out
    }

    pub(super) fn json(&self) -> Value {
        let ruling = |ruling: &Ruling| {
            json!({
                "name": self.name(ruling),
                "r": self.candidates[ruling.candidate].r,
                "w": self.candidates[ruling.candidate].w,
                "met": ruling.met,
                "missed": ruling.misses,
            })
        };
        json!({
            "recommended": self.chosen().map(ruling),
            "ruled_out": self.rulings.iter().filter(|it| !it.is_met()).map(ruling).collect::<Vec<_>>(),
        })
    }
}
