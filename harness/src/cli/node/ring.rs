//! `quorate node ring`.

use std::fmt::Write;

use quorate_core::{RingShare, RingView, Status};
use serde_json::{Value, json};

use super::{
    connect::{ConnectArgs, QUICK},
    names::Names,
    table::{Side, Table},
};
use crate::{cli::Format, exit::Exit};

/// Says who is on the ring that a node serves by, and how much of it each owns.
///
/// A share is of all copies of partitions. Max/mean is the highest number of partitions that a node owns for each unit
/// of its weight, over the mean: 1.00 where every node has what its weight says.
///
/// Example: quorate node ring --connect 127.0.0.1:4501 --identity cluster/ops --format json
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    connect: ConnectArgs,
    /// How to answer
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let (ring, status) = args
        .connect
        .talk(QUICK, async |node| Ok((node.ring().await?, node.status().await?)))?;
    let balance = Balance::of(&ring);
    args.format.answer(
        || text(&ring, balance, Names(&status)),
        || json(&ring, balance, &status),
    );
    Ok(Exit::Valid)
}

/// How evenly partitions are spread.
#[derive(Clone, Copy, Debug)]
struct Balance {
    /// Copies of partitions.
    copies: f64,
    /// The most that a node owns by weight, over the mean.
    max_over_mean: f64,
}

impl Balance {
    fn of(ring: &RingView) -> Balance {
        let sum = |of: &dyn Fn(&RingShare) -> u16| ring.members.iter().map(|share| f64::from(of(share))).sum::<f64>();
        let (copies, weight) = (sum(&|share| share.owned), sum(&|share| share.member.weight));
        let by_weight = |share: &RingShare| f64::from(share.owned) / f64::from(share.member.weight);
        let max = ring.members.iter().map(by_weight).fold(0.0, f64::max);
        Balance {
            copies,
            max_over_mean: if copies > 0.0 { max * weight / copies } else { 1.0 },
        }
    }

    fn percent(self, share: &RingShare) -> f64 {
        100.0 * f64::from(share.owned) / self.copies.max(1.0)
    }
}

fn text(ring: &RingView, balance: Balance, names: Names<'_>) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "ring        {}", ring.digest);
    let _ = writeln!(
        out,
        "partitions  {}, each on {} nodes",
        ring.partitions, ring.replication
    );
    let _ = writeln!(out, "max/mean    {:.2}\n", balance.max_over_mean);
    let mut table = Table::new([
        ("NODE", Side::Left),
        ("NAME", Side::Left),
        ("DC", Side::Left),
        ("RACK", Side::Left),
        ("WEIGHT", Side::Right),
        ("OWNED", Side::Right),
        ("FIRST", Side::Right),
        ("SHARE", Side::Right),
    ]);
    for share in &ring.members {
        let member = &share.member;
        table.row([
            member.node.to_string(),
            names.name(member.node).to_owned(),
            member.dc.to_string(),
            member.rack.to_string(),
            member.weight.to_string(),
            share.owned.to_string(),
            share.first.to_string(),
            format!("{:.1} %", balance.percent(share)),
        ]);
    }
    out + &table.to_string()
}

fn json(ring: &RingView, balance: Balance, status: &Status) -> Value {
    let members = ring.members.iter().map(|share| {
        let member = &share.member;
        json!({
            "node": member.node.to_string(),
            "name": Names(status).member(member.node).and_then(|member| member.name.clone()),
            "weight": member.weight,
            "dc": member.dc,
            "rack": member.rack,
            "owned": share.owned,
            "first": share.first,
            "share_percent": balance.percent(share),
        })
    });
    json!({
        "format": 1,
        "ring": ring.digest.to_string(),
        "partitions": ring.partitions,
        "replication": ring.replication,
        "max_over_mean": balance.max_over_mean,
        "members": members.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use quorate_core::{Member, NodeId, RingDigest};

    use super::*;

    #[test]
    fn a_node_of_twice_the_weight_may_own_twice_as_much() {
        let share = |weight, owned: u16| RingShare {
            member: Member {
                weight,
                ..Member::new(NodeId(owned.into()))
            },
            owned,
            first: 0,
        };
        let balance = |members| {
            Balance::of(&RingView {
                digest: RingDigest(0),
                partitions: 64,
                replication: "1".to_owned(),
                members,
            })
        };
        assert_eq!(balance(vec![share(1, 20), share(2, 40)]).max_over_mean, 1.0);
        let skewed = balance(vec![share(1, 10), share(1, 30)]);
        assert_eq!((skewed.max_over_mean, skewed.percent(&share(1, 30))), (1.5, 75.0));
    }
}
