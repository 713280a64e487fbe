//! `quorate node replicas`.

use std::fmt::Write;

use anyhow::Context;
use quorate_core::{Key, Member, NodeId, RingShape, RingView, Status};
use serde_json::{Value, json};

use super::{
    connect::{ConnectArgs, QUICK},
    key::{self, KeyArgs},
    names::Names,
    table::{Side, Table},
};
use crate::{cli::Format, exit::Exit};

/// Says which nodes own a key, in the order of its preference list, and how they are.
///
/// Example: quorate node replicas k17 --connect 127.0.0.1:4501 --identity cluster/ops
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    connect: ConnectArgs,
    /// How to answer
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let key = args.key.key()?;
    let view = args.connect.talk(QUICK, async |node| {
        Ok(View {
            owners: node.owners(&key).await?,
            ring: node.ring().await?,
            status: node.status().await?,
        })
    })?;
    let partition = view.partition(&key)?;
    args.format
        .answer(|| text(&key, partition, &view), || json(&key, partition, &view));
    Ok(Exit::Valid)
}

/// All that is told of a key's owners.
struct View {
    owners: Vec<NodeId>,
    ring: RingView,
    status: Status,
}

impl View {
    /// Where the key is on the ring that the node told of.
    fn partition(&self, key: &Key) -> anyhow::Result<u16> {
        let replication = self.ring.replication.parse();
        let shape = RingShape {
            partitions: self.ring.partitions,
            replication: replication.with_context(|| format!("understand the ring's {:?}", self.ring.replication))?,
        };
        Ok(shape.partition(key).0)
    }

    fn place(&self, node: NodeId) -> Option<&Member> {
        let members = self.ring.members.iter().map(|share| &share.member);
        members.into_iter().find(|member| member.node == node)
    }
}

fn text(key: &Key, partition: u16, view: &View) -> String {
    let (names, mut out) = (Names(&view.status), String::new());
    let _ = writeln!(out, "key        {}", key::words(key));
    let _ = writeln!(out, "partition  {partition} of {}\n", view.ring.partitions);
    let mut table = Table::new([
        ("#", Side::Right),
        ("NODE", Side::Left),
        ("NAME", Side::Left),
        ("ADDRESS", Side::Left),
        ("DC", Side::Left),
        ("RACK", Side::Left),
        ("STATE", Side::Left),
        ("LINK", Side::Left),
    ]);
    for (node, number) in view.owners.iter().copied().zip(1..) {
        let place = view.place(node);
        table.row([
            i32::to_string(&number),
            node.to_string(),
            names.name(node).to_owned(),
            names.address(node),
            place.map(|member| member.dc.to_string()).unwrap_or_default(),
            place.map(|member| member.rack.to_string()).unwrap_or_default(),
            names.state(node).to_owned(),
            names.link(node).to_owned(),
        ]);
    }
    out + &table.to_string()
}

fn json(key: &Key, partition: u16, view: &View) -> Value {
    let owners = view.owners.iter().map(|node| {
        let (place, member) = (view.place(*node), Names(&view.status).member(*node));
        json!({
            "node": node.to_string(),
            "name": member.and_then(|member| member.name.clone()),
            "address": member.and_then(|member| member.address),
            "dc": place.map(|member| &member.dc),
            "rack": place.map(|member| &member.rack),
            "self": *node == view.status.node,
            "up": member.is_some_and(|member| member.up),
            "linked": member.is_some_and(|member| member.linked),
        })
    });
    json!({
        "format": 1,
        "key": key::json_bytes(&key.name),
        "kind": key.kind.name(),
        "partition": partition,
        "partitions": view.ring.partitions,
        "ring": view.ring.digest.to_string(),
        "owners": owners.collect::<Vec<_>>(),
    })
}
