//! `quorate node status`.

use std::fmt::Write;

use quorate_core::{Behind, RingDigest, Standing, Status};
use serde_json::{Value, json};

use super::{
    connect::{ConnectArgs, QUICK},
    names::Names,
    progress,
    table::{Side, Table, printable},
};
use crate::{cli::Format, exit::Exit};

/// Says how a node is, and what it thinks of every other.
///
/// A node that joins is joining until it owns its share, and normal from then on; one that leaves is leaving until others
/// hold all that it owned, and has left then. Moves are of partitions: placed on the node and not yet its own, its own and
/// placed on others, held no more and not yet dropped; and all whose owners are changing, as far as it knows.
///
/// Behind is who has missed something that this node keeps for it: how many hints, and for how long there has been one at all
/// times since this node's start.
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
    let moves = progress::text(&status.moves);
    for (label, said) in moves.lines().filter_map(|line| line.split_once(' ')) {
        let _ = writeln!(out, "{label:<9} {}", said.trim_start());
    }
    let _ = writeln!(out, "hints     {} pending", status.hints_pending);
    for Behind { node, hints, lasting } in &status.behind {
        let (full, lasting) = (names.full(*node), lasting.as_secs_f64());
        let _ = writeln!(out, "behind    {}: {hints} hints, for {lasting:.1} s", printable(&full));
    }
    let _ = writeln!(out, "requests  {} being coordinated", status.coordinating);
    let _ = writeln!(out, "disk      {} batches on their way\n", status.persisting);
    let mut table = Table::new([
        ("NODE", Side::Left),
        ("NAME", Side::Left),
        ("ADDRESS", Side::Left),
        ("STANDING", Side::Left),
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
            names.standing(node).to_owned(),
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
            "standing": member.standing.map(Standing::name),
            "up": member.up,
            "linked": member.linked,
        })
    });
    let behind = status.behind.iter().map(|Behind { node, hints, lasting }| {
        json!({
            "node": node.to_string(),
            "name": Names(status).member(*node).and_then(|member| member.name.clone()),
            "hints": hints,
            "lasting_ms": lasting.as_secs_f64() * 1e3,
        })
    });
    json!({
        "format": 1,
        "node": status.node.to_string(),
        "name": status.name,
        "generation": status.generation.0,
        "ring": ring(status.ring),
        "moves": progress::json(&status.moves),
        "members": members.collect::<Vec<_>>(),
        "isolated": status.isolated,
        "hints_pending": status.hints_pending,
        "behind": behind.collect::<Vec<_>>(),
        "coordinating": status.coordinating,
        "persisting": status.persisting,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use quorate_core::{Counters, Generation, MemberStatus, MovesStatus, NodeId};

    use super::*;

    /// A node that keeps hints for one that it knows, and for one that it does not know.
    fn status() -> Status {
        let member = MemberStatus {
            node: NodeId(2),
            name: Some("n2".to_owned()),
            address: None,
            generation: Generation(1),
            ring: None,
            standing: None,
            linked: false,
            up: false,
        };
        let behind = |node, hints, ms| Behind {
            node: NodeId(node),
            hints,
            lasting: Duration::from_millis(ms),
        };
        Status {
            node: NodeId(1),
            name: "n1".to_owned(),
            generation: Generation(1),
            ring: None,
            moves: MovesStatus {
                standing: Standing::Normal,
                owned: 3,
                gaining: 0,
                losing: 0,
                moving: 0,
                stray: 0,
                epochs: 7,
                refused: None,
            },
            members: vec![member],
            isolated: false,
            hints_pending: 415,
            behind: vec![behind(2, 412, 2_140), behind(3, 3, 90)],
            coordinating: 0,
            persisting: 0,
            counters: Counters::default(),
        }
    }

    #[test]
    fn who_is_behind_is_said_with_how_much_and_for_how_long() {
        let text = text(&status());
        let (known, unknown) = (NodeId(2), NodeId(3));
        let said = [
            "hints     415 pending".to_owned(),
            format!("behind    n2 ({known}): 412 hints, for 2.1 s"),
            format!("behind    ? ({unknown}): 3 hints, for 0.1 s"),
        ];
        assert!(text.contains(&said.join("\n")), "{text}");
        let json = json(&status());
        let behind = json["behind"].as_array().expect("a list");
        let known = json!({ "node": known.to_string(), "name": "n2", "hints": 412, "lasting_ms": 2_140.0 });
        assert_eq!((behind.len(), &behind[0]), (2, &known));
        assert!(behind[1]["name"].is_null());
    }
}
