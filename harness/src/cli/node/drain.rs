//! `quorate node drain`.

use serde_json::json;

use super::connect::{ConnectArgs, THOROUGH};
use crate::{cli::Format, exit::Exit};

/// Has a node take no more requests of clients, and waits until all that it took have ended and are durable.
///
/// The node goes on as a replica, and can be stopped without a client losing an answer. It takes requests again only
/// once it has been started anew. Hints that are left are kept on its disk, and delivered when it is back.
///
/// Example: quorate node drain --connect 127.0.0.1:4501 --identity cluster/ops
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    connect: ConnectArgs,
    /// How to answer
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let (address, hints) = args
        .connect
        .talk(THOROUGH, async |node| Ok((node.address(), node.drain().await?)))?;
    args.format.answer(
        || format!("drained  {address}\nhints    {hints} left\n"),
        || json!({ "format": 1, "address": address, "drained": true, "hints_pending": hints }),
    );
    Ok(Exit::Valid)
}
