//! `quorate node leave`.

use serde_json::json;

use super::{
    connect::{ConnectArgs, THOROUGH},
    progress::{self, Wait},
};
use crate::{cli::Format, exit::Exit};

/// Has a node give up all that it owns, and its place in the cluster, for good.
///
/// Others take over its partitions, one step after another, while clients go on. Once it owns nothing it takes no more
/// requests, says that it has left, and can be stopped; its identity never comes back. It goes on after a restart. Refused
/// if fewer members would be left than there are to be replicas.
///
/// Example: quorate node leave --connect 127.0.0.1:4503 --identity cluster/ops --wait
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    connect: ConnectArgs,
    /// Wait until it has left, and tell on stderr how far it has come
    #[arg(long)]
    wait: bool,
    /// How to answer
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let (address, status) = args.connect.talk(THOROUGH, async |node| {
        node.leave().await?;
        let wait = args.wait.then_some(Wait::Left);
        Ok((node.address(), progress::follow(node, wait).await?))
    })?;
    let moves = &status.moves;
    args.format.answer(
        || format!("leaving  {address}\n{}", progress::text(moves)),
        || json!({ "format": 1, "address": address, "moves": progress::json(moves) }),
    );
    Ok(Exit::Valid)
}
