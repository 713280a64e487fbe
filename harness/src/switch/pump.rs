//! The switch's thread: receives at every front and hands the trains to the links.
//!
//! Ends when it is told to, by an error that lasts, or by a panic; the latter two are for its
//! starter to report. Invariant: a front that may hold packets is either in `ready`, or the next
//! arrival raises an event for it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use std::{io, mem};

use mio::{Events, Poll, Token};

use super::front::{BATCH_TRAINS_MAX, Buffers, Front};
use super::links::{EndpointId, SharedLinks};

/// The token of the event that ends the thread; a front's is its place among all that were opened.
pub(super) const STOP: Token = Token(usize::MAX);

/// How many events are fetched at once; the system keeps the others for the next time.
const EVENTS_MAX: usize = 64;

/// How often in a row receiving may fail at one front. No failure is expected: a socket that is
/// not connected isn't told of a peer's closed port. One that passes is harmless, but one that
/// lasts must not spin unseen.
const FAILURES_MAX: u32 = 16;

/// Serves the fronts registered with `poll` until an event with [`STOP`].
///
/// # Errors
/// That of the event queue, or of a front at which receiving fails and fails.
pub(super) fn run(mut poll: Poll, links: &SharedLinks) -> io::Result<()> {
    let mut events = Events::with_capacity(EVENTS_MAX);
    let mut buffers = Buffers::new();
    let mut ready = BTreeSet::new();
    loop {
        let timeout = match ready.is_empty() {
            true => links
                .lock()
                .next_due()
                .map(|due| due.saturating_duration_since(Instant::now())),
            false => Some(Duration::ZERO),
        };
        match poll.poll(&mut events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        links.lock().send_due(Instant::now());
        for event in &events {
            match event.token() {
                STOP => return Ok(()),
                Token(index) => ready.insert(index),
            };
        }
        // One batch each, so that a busy front holds up the others for no longer than that.
        for token in mem::take(&mut ready) {
            let (id, front) = links.lock().front_at(token);
            if handle_batch(&front, id, links, &mut buffers)? == BATCH_TRAINS_MAX {
                ready.insert(token);
            }
        }
    }
}

/// Receives once at a front and handles every train; returns how many there were. Fewer than
/// [`BATCH_TRAINS_MAX`] have emptied it.
fn handle_batch(front: &Front, id: EndpointId, links: &SharedLinks, buffers: &mut Buffers) -> io::Result<usize> {
    let mut failures = 0;
    let train_count = loop {
        match front.receive(buffers) {
            Ok(train_count) => break train_count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break 0,
            Err(error) if failures == FAILURES_MAX => return Err(error),
            Err(error) => tracing::warn!(front = %front.address(), %error, "failed to receive"),
        }
        failures += 1;
    };
    for train in buffers.trains(train_count) {
        links.lock().handle_train(&train, id);
    }
    Ok(train_count)
}
