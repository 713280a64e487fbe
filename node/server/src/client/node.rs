//! One node, as seen by a client.

use std::{net::SocketAddr, sync::Arc};

use quorate_core::{Request, Response};
use rand_pcg::Pcg64Mcg;
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use super::{
    connection,
    endpoint::Dialling,
    error::{RequestError, Unreachable},
    line::{Asked, Line, NotAsked},
};

/// A connection to one node that is kept up in the background. Clones share it.
#[derive(Clone, Debug)]
pub struct NodeClient {
    address: SocketAddr,
    line: Arc<Line>,
    _task: Arc<Task>,
}

/// The task that keeps the connection up. It ends with the last clone of its client.
#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl NodeClient {
    pub(super) fn start(dialling: Dialling, rng: Pcg64Mcg) -> NodeClient {
        let (address, line) = (dialling.address, Arc::new(Line::new()));
        let task = tokio::spawn(connection::keep_up(Arc::clone(&line), dialling, rng));
        NodeClient {
            address,
            line,
            _task: Arc::new(Task(task)),
        }
    }

    /// The address that is dialled.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether there is a connection now.
    pub fn is_connected(&self) -> bool {
        *self.line.is_up().borrow()
    }

    /// Waits until there is a connection.
    pub async fn connected(&self) {
        let up = self.line.is_up().wait_for(|up| *up).await.is_ok();
        assert!(up, "the line, which this client holds, has the sender");
    }

    /// Waits until there is a connection, or it is clear that there will be none.
    ///
    /// # Errors
    /// [`Unreachable`] once one end refuses the other, or else if there is no connection by the deadline.
    pub async fn reach(&self, deadline: Instant) -> Result<(), Unreachable> {
        let mut is_up = self.line.is_up();
        loop {
            is_up.mark_unchanged();
            let Some(failure) = self.line.failure() else {
                return Ok(());
            };
            if !failure.is_passing() || timeout_at(deadline, is_up.changed()).await.is_err() {
                return Err(failure);
            }
        }
    }

    /// Asks the node, and waits for its answer until the deadline; without a connection, first for that. A node gives
    /// up at the request's own timeout: to hear of it, let the deadline be later by a round trip and some.
    ///
    /// Dropped before it is ready, it may or may not have put the request on its way, and nobody will learn of it.
    ///
    /// # Errors
    /// [`RequestError`], which says whether the request may have had, or may yet have, an effect.
    pub async fn request(&self, request: &Request, deadline: Instant) -> Result<Response, RequestError> {
        let asked = self.ask(request, deadline).await?;
        self.outcome(asked, deadline).await
    }

    /// As [`NodeClient::request`], but waits for no connection.
    pub(super) async fn try_request(&self, request: &Request, deadline: Instant) -> Tried {
        let outcome = match self.line.ask(request) {
            Ok(asked) => self.outcome(asked, deadline).await,
            Err(NotAsked::Down(why)) => return Tried::Unreachable(why),
            Err(NotAsked::Refused(why)) => return Tried::NotTaken(why),
        };
        match outcome {
            Err(RequestError::NotSent(why)) => Tried::Unreachable(why),
            outcome => Tried::Ended(outcome),
        }
    }

    async fn outcome(&self, asked: Asked, deadline: Instant) -> Result<Response, RequestError> {
        let Asked { id, outcome } = asked;
        let waiting = Waiting { line: &self.line, id };
        let outcome = timeout_at(deadline, outcome).await;
        drop(waiting);
        match outcome {
            Ok(outcome) => outcome.unwrap_or_else(|_| Err(RequestError::Lost("the client is closing".to_owned()))),
            Err(_) => Err(RequestError::TimedOut),
        }
    }

    async fn ask(&self, request: &Request, deadline: Instant) -> Result<Asked, RequestError> {
        match self.line.ask(request) {
            Ok(asked) => return Ok(asked),
            Err(NotAsked::Refused(why)) => return Err(RequestError::NotSent(why)),
            Err(NotAsked::Down(_)) => {}
        }
        let mut is_up = self.line.is_up();
        loop {
            is_up.mark_unchanged();
            match self.line.ask(request) {
                Ok(asked) => return Ok(asked),
                Err(NotAsked::Refused(why)) => return Err(RequestError::NotSent(why)),
                Err(NotAsked::Down(why)) => {
                    if timeout_at(deadline, is_up.changed()).await.is_err() {
                        return Err(RequestError::NotSent(why));
                    }
                }
            }
        }
    }
}

/// What became of a request that was not to wait for a connection.
#[derive(Debug)]
pub(super) enum Tried {
    /// It was sent, or may have been.
    Ended(Result<Response, RequestError>),
    /// It was surely not sent: there is no connection, or it ended before the request's turn.
    Unreachable(String),
    /// It was surely not sent: there is a connection, which does not take it.
    NotTaken(String),
}

/// Takes a request out of those that wait, when nobody waits for it any more.
struct Waiting<'a> {
    line: &'a Line,
    id: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.line.forget(self.id);
    }
}
