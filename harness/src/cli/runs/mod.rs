//! `quorate runs`: what there is of saved runs, and what is done with them.

mod export;
mod import;
mod info;
mod ls;
mod prune;

use std::path::PathBuf;

use crate::{
    exit::Exit,
    runs::{Listing, list},
};

/// Lists saved runs, looks into them, moves them between machines as archives, and takes them away.
///
/// An archive is accepted wherever the folder of a run is.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Ls(ls::Args),
    Info(info::Args),
    Export(export::Args),
    Import(import::Args),
    Prune(prune::Args),
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    match &args.verb {
        Verb::Ls(args) => ls::run(args),
        Verb::Info(args) => info::run(args),
        Verb::Export(args) => export::run(args),
        Verb::Import(args) => import::run(args),
        Verb::Prune(args) => prune::run(args),
    }
}

/// Where runs lie.
#[derive(Debug, clap::Args)]
struct OutArgs {
    /// Where the folders of runs are.
    #[arg(long, value_name = "DIR", default_value = "results/runs")]
    out: PathBuf,
}

impl OutArgs {
    /// The runs there. What can't be read is named on standard error and passed over.
    fn list(&self) -> anyhow::Result<Listing> {
        let listing = list(&self.out)?;
        for (path, error) in &listing.broken {
            eprintln!("quorate: passed over {}: {error:#}", path.display());
        }
        Ok(listing)
    }
}

/// As in `1.4 MiB`.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut amount = bytes as f64 / 1024.0;
    let mut unit = 0;
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    format!("{amount:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (5 << 20, "5.0 MiB"),
            (3 << 40, "3.0 TiB"),
            (3 << 50, "3072.0 TiB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }
}
