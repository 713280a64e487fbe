//! `quorate node status`.

use std::fmt::Write;

use quorate_core::{RingDigest, Status};
use serde_json::{Value, json};

use super::{
    connect::{ConnectArgs, QUICK},
    names::Names,
    table::{Side, Table, printable},
};
use crate::{cli::Format, exit::Exit};

/// Says how a node is, and what it thinks of every other.
///
/// Up means that a node's signs of life arrive, by way of others too; linked, that there is a connection to it.
///
/// Example: quorate node status --connect 127.0.0.1:4501 --identity cluster/ops
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    connect: ConnectArgs,
    /// How to answer
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let status = args.connect.talk(QUICK, async |node| node.status().await)?;
    args.format.answer(|| text(&status), || json(&status));
    Ok(Exit::Valid)
}

fn text(status: &Status) -> String {
    let (names, mut out) = (Names(status), String::new());
    let Status { node, name, .. } = status;
    let ring = status.ring.map_or_else(
        || "none yet: it knows too few founders".to_owned(),
        |ring| ring.to_string(),
    );
    let _ = writeln!(
        out,
        "node      {} {node}, generation {}",
        printable(name),
        status.generation.0
    );
    let _ = writeln!(out, "ring      {ring}");
    if status.isolated {
        let _ = writeln!(out, "gossip    isolated: no other node is heard");
    }
    let _ = writeln!(out, "hints     {} pending", status.hints_pending);
    let _ = writeln!(out, "requests  {} being coordinated", status.coordinating);
    let _ = writeln!(out, "disk      {} batches on their way\n", status.persisting);
    let mut table = Table::new([
        ("NODE", Side::Left),
        ("NAME", Side::Left),
        ("ADDRESS", Side::Left),
        ("STATE", Side::Left),
        ("LINK", Side::Left),
        ("GENERATION", Side::Right),
        ("RING", Side::Left),
    ]);
    for member in &status.members {
        let node = member.node;
        table.row([
            node.to_string(),
            names.name(node).to_owned(),
            names.address(node),
            names.state(node).to_owned(),
            names.link(node).to_owned(),
            member.generation.0.to_string(),
            compared(member.ring, status.ring).to_owned(),
        ]);
    }
    out + &table.to_string()
}

/// A ring, as it is told of a member: what matters is whether it is the asked node's own.
fn compared(ring: Option<RingDigest>, own: Option<RingDigest>) -> &'static str {
    match ring {
        None => "none",
        ring if ring == own => "same",
        Some(_) => "other",
    }
}

fn json(status: &Status) -> Value {
    let ring = |ring: Option<RingDigest>| ring.map(|ring| ring.to_string());
    let members = status.members.iter().map(|member| {
        json!({
            "node": member.node.to_string(),
            "name": member.name,
            "address": member.address,
            "generation": member.generation.0,
            "ring": ring(member.ring),
            "self": member.node == status.node,
            "up": member.up,
            "linked": member.linked,
        })
    });
    json!({
        "format": 1,
        "node": status.node.to_string(),
        "name": status.name,
        "generation": status.generation.0,
        "ring": ring(status.ring),
        "members": members.collect::<Vec<_>>(),
        "isolated": status.isolated,
        "hints_pending": status.hints_pending,
        "coordinating": status.coordinating,
        "persisting": status.persisting,
    })
}
