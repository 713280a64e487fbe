//! `quorate man`.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use clap::CommandFactory as _;
use serde_json::json;

use super::{Cli, Format};
use crate::exit::Exit;

/// Writes the manual, a page for each command, into a folder.
///
/// Example: quorate man ~/.local/share/man/man1 && man quorate-run
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the pages go; made if it is not there.
    dir: PathBuf,
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let dir = &args.dir;
    fs::create_dir_all(dir).with_context(|| format!("create folder {}", dir.display()))?;
    // Pages of nested commands are named only once the whole is built.
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    write(&command, dir, &mut pages)?;
    args.format.answer(
        || pages.iter().map(|page| format!("{}\n", page.display())).collect(),
        || json!({ "format": 1, "pages": pages }),
    );
    Ok(Exit::Valid)
}

/// Writes the page of a command, and those of all below it.
fn write(command: &clap::Command, dir: &std::path::Path, pages: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name())
        .to_owned();
    let page = dir.join(format!("{name}.1"));
    let mut text = Vec::new();
    let manual = clap_mangen::Man::new(command.clone());
    manual.render(&mut text).with_context(|| format!("render {name}"))?;
    fs::write(&page, text).with_context(|| format!("write {}", page.display()))?;
    pages.push(page);
    let below = command.get_subcommands().filter(|below| !below.is_hide_set());
    below.into_iter().try_for_each(|below| write(below, dir, pages))
}
