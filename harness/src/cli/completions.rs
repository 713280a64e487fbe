//! `quorate completions`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Cli, answer};
use crate::exit::Exit;

/// Writes what a shell needs to complete the commands of quorate.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Which shell.
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  quorate completions bash > ~/.local/share/bash-completion/completions/quorate
  quorate completions zsh > ~/.zfunc/_quorate
  quorate completions fish > ~/.config/fish/completions/quorate.fish";

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "quorate", &mut script);
    answer(&String::from_utf8_lossy(&script));
    Ok(Exit::Valid)
}
