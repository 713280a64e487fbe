//! `quorate node remove`.

use anyhow::bail;
use quorate_core::{NodeId, Status};
use serde_json::json;

use super::{
    connect::{ConnectArgs, THOROUGH},
    progress::{self, Wait},
};
use crate::{cli::Format, exit::Exit};

/// Removes a node that is gone for good: any other is asked, and has others take over what it owned.
///
/// Its identity is banned: should it come back, nobody listens to it. Refused if it is alive, in which case it can leave,
/// or if fewer members would be left than there are to be replicas. Where a write is acknowledged by fewer than half of
/// the owners, what the node alone held is lost, and its partitions keep their owners.
///
/// Example: quorate node remove n3 --connect 127.0.0.1:4501 --identity cluster/ops --wait
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which: its identity, or what people call it
    #[arg(value_name = "NODE")]
    node: String,
    #[command(flatten)]
    connect: ConnectArgs,
    /// Wait until owners have not been changing for five seconds, as far as the asked node knows, and tell on stderr how
    /// far it has come
    #[arg(long)]
    wait: bool,
    /// How to answer
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let (node, status) = args.connect.talk(THOROUGH, async |node| {
        let gone = find(&args.node, &node.status().await?)?;
        node.remove(gone).await?;
        let wait = args.wait.then_some(Wait::Quiet);
        Ok((gone, progress::follow(node, wait).await?))
    })?;
    let moves = &status.moves;
    args.format.answer(
        || format!("removed  {node}\n{}", progress::text(moves)),
        || json!({ "format": 1, "removed": node.to_string(), "moves": progress::json(moves) }),
    );
    Ok(Exit::Valid)
}

/// The member of that identity or name. One that is no member any more is known by its identity alone.
fn find(text: &str, status: &Status) -> anyhow::Result<NodeId> {
    let called = status
        .members
        .iter()
        .filter(|member| member.name.as_deref() == Some(text));
    let called: Vec<_> = called.map(|member| member.node).collect();
    let identity = u64::from_str_radix(text, 16).ok().filter(|_| text.len() == 16);
    match (&called[..], identity) {
        (_, Some(identity)) => Ok(NodeId(identity)),
        ([node], None) => Ok(*node),
        ([], None) => {
            bail!("find member {text:?}: nobody is called so, and it is no identity of 16 hexadecimal digits")
        }
        (several, None) => bail!(
            "find member {text:?}: {} are called so; give its identity",
            several.len()
        ),
    }
}
