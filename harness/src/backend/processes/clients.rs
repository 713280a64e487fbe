//! A client's request to a node, and what can be concluded from its end.

use std::time::Duration;

use quorate_core::Request;
use quorate_node::client::{NodeClient, RequestError};
use tokio::time::{Instant, timeout};

use crate::cluster::Outcome;

/// How long a client waits for a connection that is down: long enough for a redial after a restart, short enough to go
/// on to another node when there is nobody to connect to.
const CONNECT_PATIENCE: Duration = Duration::from_millis(200);

/// How much longer than the coordinator a client waits, to hear from it that time ran out.
const ANSWER_MARGIN: Duration = Duration::from_millis(500);

/// How long a client waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    answer: Duration,
}

impl Patience {
    /// For requests that their coordinator gives `timeout`.
    pub(super) fn of(timeout: Duration) -> Patience {
        Patience {
            answer: timeout + ANSWER_MARGIN,
        }
    }
}

/// Sends a request over a connection that may be down, and waits for its end.
pub(super) async fn request(connection: &NodeClient, request: &Request, patience: Patience) -> Outcome {
    if timeout(CONNECT_PATIENCE, connection.connected()).await.is_err() {
        let why = format!("no connection within {} ms", CONNECT_PATIENCE.as_millis());
        return Outcome::NotSent { why };
    }
    match connection.request(request, Instant::now() + patience.answer).await {
        Ok(response) => Outcome::Answered(Box::new(response)),
        Err(error @ (RequestError::NotSent(_) | RequestError::Refused(_))) => {
            Outcome::NotSent { why: error.to_string() }
        }
        Err(error @ (RequestError::Lost(_) | RequestError::TimedOut)) => Outcome::Lost { why: error.to_string() },
    }
}
