//! Several nodes, as seen by a client that does not care which of them it asks.
//!
//! Invariant: a request is on its way to one node at a time, and to another only if it was surely not sent to the last.
//! So at most one node ever coordinates it, and what is said of its outcome is as exact as one node's client says it.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use quorate_core::{Request, Response};
use tokio::time::{Instant, timeout_at};

use super::{
    choice::{Chooser, Ended, Policy},
    error::RequestError,
    node::{NodeClient, Tried},
};

/// Connections to several nodes, of which each request goes to one. Clones share them, and what is known of them.
#[derive(Clone, Debug)]
pub struct ClusterClient {
    nodes: Vec<NodeClient>,
    chooser: Arc<Mutex<Chooser>>,
}

impl ClusterClient {
    /// Chooses among these by a policy, for this client and its clones alone.
    ///
    /// # Panics
    /// If there are no nodes.
    pub fn new(nodes: Vec<NodeClient>, policy: Policy) -> ClusterClient {
        let chooser = Chooser::new(policy, nodes.len());
        ClusterClient {
            nodes,
            chooser: Arc::new(Mutex::new(chooser)),
        }
    }

    /// The nodes to choose among.
    pub fn nodes(&self) -> &[NodeClient] {
        &self.nodes
    }

    /// Asks one of the nodes, and waits for its answer until the deadline; if none is connected, first for that.
    ///
    /// A request that was surely not sent goes to the next node, since it can't have had an effect. One that may have
    /// been sent is never sent again: whether that is safe is the caller's to know. Nor is one that was refused: the
    /// next node may do it, or be as overloaded.
    ///
    /// # Errors
    /// [`RequestError`], with the same meaning as that of [`NodeClient::request`].
    pub async fn request(&self, request: &Request, deadline: Instant) -> Result<Response, RequestError> {
        loop {
            let mut why = String::new();
            let mut is_sendable = true;
            for _ in 0..self.nodes.len() {
                match self.ask_one(request, deadline).await {
                    Tried::Ended(outcome) => return outcome,
                    Tried::Unreachable(reason) => why = reason,
                    Tried::NotTaken(reason) => (why, is_sendable) = (reason, false),
                }
            }
            // What a connected node's connection did not take, it would not take a moment later either.
            if !is_sendable || timeout_at(deadline, self.connected()).await.is_err() {
                return Err(RequestError::NotSent(why));
            }
            if Instant::now() >= deadline {
                return Err(RequestError::NotSent(why));
            }
            // A connection that ends may count as up for a moment yet: whoever ends it gets its turn.
            tokio::task::yield_now().await;
        }
    }

    /// Waits until a node is connected.
    pub async fn connected(&self) {
        let mut waiting: Vec<Pin<Box<dyn Future<Output = ()> + Send + '_>>> = Vec::new();
        for node in &self.nodes {
            waiting.push(Box::pin(node.connected()));
        }
        poll_fn(|context| {
            let mut ready = waiting.iter_mut().map(|node| node.as_mut().poll(context));
            if ready.any(|polled| polled.is_ready()) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    async fn ask_one(&self, request: &Request, deadline: Instant) -> Tried {
        let started = Instant::now();
        let mut under_way = UnderWay::start(&self.chooser, started);
        let tried = self.nodes[under_way.index].try_request(request, deadline).await;
        under_way.ended = match &tried {
            Tried::Ended(Ok(response)) if is_done(response) => Ended::Answered(started.elapsed()),
            Tried::Ended(_) | Tried::Unreachable(_) | Tried::NotTaken(_) => Ended::Failed,
        };
        tried
    }
}

/// Whether a node did what it was asked.
fn is_done(response: &Response) -> bool {
    match response {
        Response::Read(result) => result.is_ok(),
        Response::Write(result) => result.is_ok(),
        Response::Cas(result) => result.is_ok(),
        Response::Admin(result) => result.is_ok(),
    }
}

/// A request that the chooser counts as in flight until this is dropped, as it is when nobody waits any more.
struct UnderWay<'a> {
    chooser: &'a Mutex<Chooser>,
    index: usize,
    ended: Ended,
}

impl UnderWay<'_> {
    fn start(chooser: &Mutex<Chooser>, now: Instant) -> UnderWay<'_> {
        let mut locked = lock(chooser);
        let index = locked.choose(now.into_std());
        locked.on_start(index);
        UnderWay {
            chooser,
            index,
            ended: Ended::Abandoned,
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        lock(self.chooser).on_end(self.index, self.ended, Instant::now().into_std());
    }
}

fn lock(chooser: &Mutex<Chooser>) -> MutexGuard<'_, Chooser> {
    // A chooser that panicked has chosen badly at worst.
    chooser.lock().unwrap_or_else(PoisonError::into_inner)
}
