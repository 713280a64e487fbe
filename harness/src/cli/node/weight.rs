//! `quorate node weight`.

use serde_json::json;

use super::{
    connect::{ConnectArgs, THOROUGH},
    progress::{self, Wait},
};
use crate::{cli::Format, exit::Exit};

/// Changes how much of the ring a node owns, relative to others.
///
/// The node keeps its new weight across restarts, whatever it is told at its start.
///
/// Example: quorate node weight 2 --connect 127.0.0.1:4501 --identity cluster/ops --wait
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its share, where a node of weight 1 owns half as much as one of weight 2; at least 1
    #[arg(value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    weight: u16,
    #[command(flatten)]
    connect: ConnectArgs,
    /// Wait until it owns its share, and tell on stderr how far it has come
    #[arg(long)]
    wait: bool,
    /// How to answer
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let (address, status) = args.connect.talk(THOROUGH, async |node| {
        node.weigh(args.weight).await?;
        let wait = args.wait.then_some(Wait::Owned);
        Ok((node.address(), progress::follow(node, wait).await?))
    })?;
    let (weight, moves) = (args.weight, &status.moves);
    args.format.answer(
        || format!("weight   {weight}, of {address}\n{}", progress::text(moves)),
        || json!({ "format": 1, "address": address, "weight": weight, "moves": progress::json(moves) }),
    );
    Ok(Exit::Valid)
}
