//! What those who ask share with the task that keeps the connection up.

use std::sync::{Mutex, MutexGuard, PoisonError};

use quorate_core::Request;
use tokio::sync::{oneshot, watch};

use super::{
    error::Unreachable,
    pending::{Outcome, Pending},
};
use crate::outbox::PushError;

/// The connection of a client to a node, as it comes and goes.
#[derive(Debug)]
pub(super) struct Line {
    state: Mutex<State>,
    is_up: watch::Sender<bool>,
}

#[derive(Debug)]
struct State {
    /// Of requests, over all connections.
    next_id: u64,
    /// The connection, or why there is none.
    connection: Result<Pending, Unreachable>,
}

/// A request on its way.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) id: u64,
    pub(super) outcome: oneshot::Receiver<Outcome>,
}

/// A request that was not put on its way, and why.
#[derive(Debug)]
pub(super) enum NotAsked {
    /// There is no connection: it can be tried again when there is one.
    Down(String),
    /// There is one, and it can't be sent over it.
    Refused(String),
}

impl Line {
    pub(super) fn new() -> Line {
        Line {
            state: Mutex::new(State {
                next_id: 0,
                connection: Err(Unreachable::Silent("the node has not been reached yet".to_owned())),
            }),
            is_up: watch::Sender::new(false),
        }
    }

    /// Puts a request on its way, if there is a connection.
    pub(super) fn ask(&self, request: &Request) -> Result<Asked, NotAsked> {
        let mut state = self.lock();
        let id = state.next_id;
        let asked = match &mut state.connection {
            Ok(pending) => pending.ask(id, request),
            Err(why) => return Err(NotAsked::Down(why.to_string())),
        };
        match asked {
            Ok(outcome) => {
                state.next_id += 1;
                Ok(Asked { id, outcome })
            }
            Err(error @ PushError::Closed) => Err(NotAsked::Down(error.to_string())),
            Err(error @ (PushError::Full | PushError::Frame(_))) => Err(NotAsked::Refused(error.to_string())),
        }
    }

    /// Nobody waits any more for the outcome of this request.
    pub(super) fn forget(&self, id: u64) {
        if let Ok(pending) = &mut self.lock().connection {
            pending.forget(id);
        }
    }

    /// Hands on outcomes of requests.
    pub(super) fn settle(&self, outcomes: impl Iterator<Item = (u64, Outcome)>) {
        if let Ok(pending) = &mut self.lock().connection {
            outcomes.for_each(|(id, outcome)| pending.settle(id, outcome));
        }
    }

    /// There is a connection.
    pub(super) fn connect(&self, pending: Pending) {
        self.lock().connection = Ok(pending);
        self.is_up.send_replace(true);
    }

    /// There is none, or none yet: tells those who wait on the last one.
    pub(super) fn disconnect(&self, why: Unreachable) {
        let said = why.to_string();
        let last = std::mem::replace(&mut self.lock().connection, Err(why));
        if let Ok(pending) = last {
            pending.end(&said);
        }
        self.is_up.send_replace(false);
    }

    /// Why there is no connection, if there is none.
    pub(super) fn failure(&self) -> Option<Unreachable> {
        self.lock().connection.as_ref().err().cloned()
    }

    /// Whether there is a connection, now and from now on.
    pub(super) fn is_up(&self) -> watch::Receiver<bool> {
        self.is_up.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What panics while the lock is held has broken no more than its own request.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
