//! `quorate node repair`.

use std::fmt::Write;

use quorate_core::AntiEntropyReport;
use serde_json::{Value, json};

use super::connect::{ConnectArgs, THOROUGH};
use crate::{cli::Format, exit::Exit};

/// Has a node compare all that it holds with every node that it is linked to, and bring both up to date.
///
/// Ends with exit code 70 if a comparison could not be ended; nodes that are not linked are not compared with, and not
/// counted.
///
/// Example: quorate node repair --connect 127.0.0.1:4501 --identity cluster/ops --timeout 1h
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    connect: ConnectArgs,
    /// How to answer
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let report = args.connect.talk(THOROUGH, async |node| node.anti_entropy().await)?;
    args.format.answer(|| text(report), || json(report));
    Ok(exit(report))
}

fn exit(report: AntiEntropyReport) -> Exit {
    match report.peers_failed {
        0 => Exit::Valid,
        _ => Exit::Failure,
    }
}

fn text(report: AntiEntropyReport) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "peers       {} compared with, {} failed",
        report.peers, report.peers_failed
    );
    let _ = writeln!(out, "partitions  {} differed", report.partitions_differing);
    let _ = writeln!(
        out,
        "records     {} taken in, {} given away",
        report.records_taken, report.records_given
    );
    out
}

fn json(report: AntiEntropyReport) -> Value {
    json!({
        "format": 1,
        "peers": report.peers,
        "peers_failed": report.peers_failed,
        "partitions_differing": report.partitions_differing,
        "records_taken": report.records_taken,
        "records_given": report.records_given,
        "exit": exit(report).code(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_failed_fails_the_command() {
        let report = |peers_failed| AntiEntropyReport {
            peers: 1,
            peers_failed,
            ..AntiEntropyReport::default()
        };
        assert_eq!((exit(report(0)), exit(report(1))), (Exit::Valid, Exit::Failure));
        assert_eq!(json(report(1))["exit"], 70);
    }
}
