//! Takes in what others send: connections, and the frames on them.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use quinn::Endpoint;
use quorate_core::ClusterId;
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    event::{Event, Source},
    frame::Frame,
    outbox::{Outbox, PushError},
    session::{self, ReceiveError, Receiver, SessionError},
};

/// Connections that may be at their handshake or Hello at a time. Each costs a signature; whoever finds no room is
/// refused at once, and dials again.
const HANDSHAKES_MAX: usize = 256;

/// Takes connections until the endpoint is closed.
pub(crate) async fn accept(endpoint: Endpoint, cluster: ClusterId, events: mpsc::Sender<Event>) {
    let mut handshakes = JoinSet::new();
    let mut log = RefusalLog::default();
    loop {
        let incoming = tokio::select! {
            incoming = endpoint.accept() => incoming,
            Some(ended) = handshakes.join_next() => {
                if let Ok(Err((remote, error))) = ended {
                    log.note(remote, &error, Instant::now());
                }
                continue;
            }
        };
        let Some(incoming) = incoming else {
            return;
        };
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
                    Ok(())
                }
                Err(error) => Err((remote, error)),
            }
        });
    }
}

/// Lines about connections that were not accepted, in one second: whoever has no business here may knock as often as
/// it likes, and is not to fill the disk with it.
const REFUSAL_LINES_MAX: u32 = 20;
const REFUSAL_LINES_PERIOD: Duration = Duration::from_secs(1);

/// Says who was not let in, and how many it has left out.
#[derive(Debug, Default)]
struct RefusalLog {
    began: Option<Instant>,
    lines: u32,
    unsaid: u64,
}

impl RefusalLog {
    fn note(&mut self, remote: SocketAddr, error: &SessionError, now: Instant) {
        let Some(unsaid) = self.admit(now) else {
            return;
        };
        if error.is_refusal() {
            tracing::warn!(%remote, %error, unsaid, "connection refused");
        } else {
            tracing::info!(%remote, %error, unsaid, "connection not accepted");
        }
    }

    /// If there is to be a line, how many there were not since the last.
    fn admit(&mut self, now: Instant) -> Option<u64> {
        if self.began.is_none_or(|began| now - began >= REFUSAL_LINES_PERIOD) {
            (self.began, self.lines) = (Some(now), 0);
        }
        if self.lines == REFUSAL_LINES_MAX {
            self.unsaid += 1;
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.unsaid))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_counted_and_not_told() {
        let (mut log, start) = (RefusalLog::default(), Instant::now());
        let told = (0..1000).filter(|_| log.admit(start).is_some()).count();
        assert_eq!(told, REFUSAL_LINES_MAX as usize);
        let later = start + REFUSAL_LINES_PERIOD;
        assert_eq!(log.admit(later), Some(1000 - u64::from(REFUSAL_LINES_MAX)));
        assert_eq!(log.admit(later), Some(0));
    }
}
