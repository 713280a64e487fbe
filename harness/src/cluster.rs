//! A cluster as a run drives it, whether of real processes or simulated.
//!
//! One interpreter drives both. A cluster tells what happens in the order in which it happened, one thing at a time,
//! so that the record's order is the order of real time: a request is recorded before it is submitted, and an outcome
//! after it has come back.

use std::time::Duration;

use quorate_core::{AdminOk, AdminRequest, Request, Response};

use crate::fault::Place;

/// Time since the start of the run.
pub type Elapsed = Duration;

/// Something that happened.
#[derive(Debug)]
pub enum Happening {
    /// A client's request ended.
    Completed {
        /// Whose: the client's number.
        client: usize,
        /// How.
        outcome: Outcome,
    },
    /// A node that was killed or never ran is up and listens.
    Started {
        /// Which.
        node: Place,
    },
    /// The time that was asked for has come.
    Due,
    /// The user wants the run to end early.
    Interrupted,
}

/// How a client's request ended.
#[derive(Debug)]
pub enum Outcome {
    /// The node answered.
    Answered(Box<Response>),
    /// Nothing was sent, so nothing can have happened.
    NotSent {
        /// In words.
        why: String,
    },
    /// It was sent, or may have been, and no answer came.
    Lost {
        /// In words.
        why: String,
    },
}

/// A node could not be asked.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{node}: {why}")]
pub struct AskError {
    /// Which.
    pub node: Place,
    /// In words.
    pub why: String,
}

/// Nodes, the clients that talk to them, and the means to break what is between and under them.
///
/// Methods that can fail with `anyhow::Error` do so where the harness itself, or a node that nobody broke, has failed:
/// the run can't go on.
#[expect(async_fn_in_trait, reason = "a run drives its cluster on one thread")]
pub trait Cluster {
    /// Time since the start of the run.
    fn elapsed(&self) -> Elapsed;

    /// Starts a node; [`Happening::Started`] follows.
    ///
    /// # Errors
    /// If it can't be started.
    fn start(&mut self, node: Place) -> anyhow::Result<()>;

    /// Kills a node's process, and returns how it was seen to end.
    ///
    /// # Errors
    /// If it was not seen to end.
    async fn kill(&mut self, node: Place) -> anyhow::Result<String>;

    /// Cuts a directed link.
    ///
    /// # Errors
    /// If the network can't be told.
    fn cut(&mut self, from: Place, to: Place) -> anyhow::Result<()>;

    /// Opens every link.
    ///
    /// # Errors
    /// If the network can't be told.
    fn heal(&mut self) -> anyhow::Result<()>;

    /// What has been kept from passing a link by cuts since the start: datagrams of real processes, messages of
    /// simulated ones.
    fn dropped(&self, from: Place, to: Place) -> u64;

    /// Sends a client's request. Each client has one under way at most.
    fn submit(&mut self, client: usize, node: Place, request: Request);

    /// Waits for the next thing to happen, until `until` at the latest.
    ///
    /// # Errors
    /// If a node that nobody killed has died, or the harness has failed.
    async fn next(&mut self, until: Elapsed) -> anyhow::Result<Happening>;

    /// Asks a node as its administrator.
    ///
    /// # Errors
    /// If it gave no answer, or refused.
    async fn ask(&mut self, node: Place, request: AdminRequest) -> Result<AdminOk, AskError>;
}
