//! Takes in what others send: connections, and the frames on them.

use std::sync::Arc;

use quinn::Endpoint;
use quorate_core::ClusterId;
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    event::{Event, Source},
    frame::Frame,
    outbox::{Outbox, PushError},
    session::{self, ReceiveError, Receiver},
};

/// Connections that may be at their handshake or Hello at a time. Each costs a signature; whoever finds no room is
/// refused at once, and dials again.
const HANDSHAKES_MAX: usize = 256;

/// Takes connections until the endpoint is closed.
pub(crate) async fn accept(endpoint: Endpoint, cluster: ClusterId, events: mpsc::Sender<Event>) {
    let mut handshakes = JoinSet::new();
    while let Some(incoming) = endpoint.accept().await {
        while handshakes.try_join_next().is_some() {}
        if handshakes.len() >= HANDSHAKES_MAX {
            tracing::warn!(remote = %incoming.remote_address(), limit = HANDSHAKES_MAX, "too many handshakes");
            incoming.refuse();
            continue;
        }
        let events = events.clone();
        handshakes.spawn(async move {
            let remote = incoming.remote_address();
            match session::accept(incoming, cluster).await {
                Ok(session) => {
                    let session = Box::new(session);
                    // If nobody receives any more, the process is ending.
                    let _ = events.send(Event::Accepted { session }).await;
                }
                Err(error) => tracing::info!(%remote, %error, "connection not accepted"),
            }
        });
    }
}

/// Reads a session to its end. Pings are answered here: whether this end of the connection is alive is not for the
/// event loop to say.
pub(crate) async fn read(mut receiver: Receiver, outbox: Arc<Outbox>, from: Source, events: mpsc::Sender<Event>) {
    let why = loop {
        if let Err(error) = forward(&mut receiver, &outbox, from, &events).await {
            break error;
        }
    };
    let _ = events.send(Event::Ended { from, why }).await;
}

async fn forward(
    receiver: &mut Receiver,
    outbox: &Outbox,
    from: Source,
    events: &mpsc::Sender<Event>,
) -> Result<(), String> {
    let mut frames = Vec::new();
    receiver
        .receive(&mut frames)
        .await
        .map_err(|error: ReceiveError| error.to_string())?;
    let pings = frames.extract_if(.., |frame| *frame == Frame::Ping).count();
    for _ in 0..pings {
        outbox
            .push(&Frame::Pong)
            .map_err(|error: PushError| error.to_string())?;
    }
    if !frames.is_empty() {
        let sent = events.send(Event::Frames { from, frames }).await;
        sent.map_err(|_| "the node is stopping".to_owned())?;
    }
    Ok(())
}
