//! `quorate node`: a node as a process of its own, and the verbs that ask one about itself.
//!
//! A verb asks as any administrator would, over the wire, and makes a view of the answers: for people, or one JSON
//! object. It knows nothing of the node but what that says.

mod connect;
mod drain;
mod key;
mod leave;
mod metrics;
mod names;
mod progress;
mod read_local;
mod remove;
mod repair;
mod replicas;
mod ring;
mod status;
mod weight;

use clap::Subcommand;
use quorate_node::cli::NodeArgs;

use super::table;
use crate::exit::Exit;

/// Runs one node, or asks one that runs.
///
/// `quorate node --data DIR` runs a node until it is told to stop, as does `quorate node run --data DIR`. The other
/// commands ask the node at --connect, as the administrator whose certificate is in the folder --identity.
///
/// A node's identity (ca.pem, cert.pem, key.pem) has to be in its data folder; `quorate certs` puts it there. Once it
/// listens it prints one line of JSON to stdout, and nothing else ever: {"listening":"127.0.0.1:4501",
/// "node":"0f3c...","generation":1}. SIGTERM stops it in good order.
///
/// A cluster is founded by as many nodes as --founders says. One that comes later is started with --join, or with --replace
/// and the identity of a node that is gone for good, and takes over its share from the others; `leave`, `remove` and
/// `weight` change who owns what as well, and `status` tells how far that has come.
///
/// Examples: quorate node --data cluster/n1 --listen 127.0.0.1:4501;
/// quorate node --data cluster/n4 --listen 127.0.0.1:4504 --seed-node 127.0.0.1:4501 --join;
/// quorate node status --connect 127.0.0.1:4501 --identity cluster/ops
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    node: Option<NodeArgs>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Run(Box<NodeArgs>),
    #[command(flatten)]
    Ask(Ask),
}

/// What a node that runs can be asked.
#[derive(Debug, Subcommand)]
enum Ask {
    Status(status::Args),
    Ring(ring::Args),
    Replicas(replicas::Args),
    ReadLocal(read_local::Args),
    Repair(repair::Args),
    Drain(drain::Args),
    Leave(leave::Args),
    Remove(remove::Args),
    Weight(weight::Args),
    Metrics(metrics::Args),
}

/// What `quorate node` is to do.
#[derive(Debug)]
pub(super) enum Task {
    /// Run a node.
    Run(Box<NodeArgs>),
    /// Ask one.
    Ask(Question),
}

/// What a node is to be asked.
#[derive(Debug)]
pub(super) struct Question(Ask);

impl Args {
    /// What is asked for.
    pub(super) fn task(self) -> Task {
        match (self.verb, self.node) {
            (Some(Verb::Run(node)), _) => Task::Run(node),
            (Some(Verb::Ask(ask)), _) => Task::Ask(Question(ask)),
            (None, Some(node)) => Task::Run(Box::new(node)),
            (None, None) => unreachable!("a node's data folder is required where no verb is given"),
        }
    }
}

pub(super) fn run(question: &Question) -> anyhow::Result<Exit> {
    match &question.0 {
        Ask::Status(args) => status::run(args),
        Ask::Ring(args) => ring::run(args),
        Ask::Replicas(args) => replicas::run(args),
        Ask::ReadLocal(args) => read_local::run(args),
        Ask::Repair(args) => repair::run(args),
        Ask::Drain(args) => drain::run(args),
        Ask::Leave(args) => leave::run(args),
        Ask::Remove(args) => remove::run(args),
        Ask::Weight(args) => weight::run(args),
        Ask::Metrics(args) => metrics::run(args),
    }
}
