//! What waits to be written to a connection: frames, encoded one after the other into one buffer.
//!
//! Whoever has something to say appends; one writer takes all that is there at each wake-up and hands it to QUIC in
//! one piece. Offsets count the bytes since the connection began, so that one can tell afterwards whether a frame may
//! have left: it has not if it starts at or after [`Outbox::close`]'s answer.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;

use crate::frame::{self, FrameError, Outgoing};

/// The most that waits: twice the hints that are under way to a node at a time, 64 of them, with values of the largest
/// size. A peer that is further behind is of no use any more.
const WAITING_BYTES_MAX: usize = 128 * 1024 * 1024;

/// The frames that wait for a connection's writer.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    buffer: BytesMut,
    taken: u64,
    closed: bool,
}

/// A frame that was not appended, and so will not leave.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PushError {
    /// The connection is going, or gone.
    #[error("the connection is closed")]
    Closed,
    /// More waits than may.
    #[error("{WAITING_BYTES_MAX} bytes wait to be sent")]
    Full,
    /// This frame can't be sent on any connection.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl Outbox {
    /// Appends a frame, and returns the offset at which it starts.
    pub(crate) fn push(&self, frame: &Outgoing<'_>) -> Result<u64, PushError> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(PushError::Closed);
        }
        let start = waiting.buffer.len();
        if start >= WAITING_BYTES_MAX {
            return Err(PushError::Full);
        }
        frame::encode(frame, &mut waiting.buffer)?;
        let offset = waiting.taken + start as u64;
        drop(waiting);
        if start == 0 {
            self.filled.notify_one();
        }
        Ok(offset)
    }

    /// Waits for frames and takes all that are there; `None` once closed. What is cancelled has taken nothing.
    pub(crate) async fn take(&self) -> Option<Bytes> {
        loop {
            {
                let mut waiting = self.lock();
                if waiting.closed {
                    return None;
                }
                if !waiting.buffer.is_empty() {
                    let taken = waiting.buffer.split().freeze();
                    waiting.taken += taken.len() as u64;
                    return Some(taken);
                }
            }
            self.filled.notified().await;
        }
    }

    /// Lets nothing in or out any more. Returns the offset below which frames may have left; none at or above it has.
    pub(crate) fn close(&self) -> u64 {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.buffer = BytesMut::new();
        self.filled.notify_one();
        waiting.taken
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while the lock is held, short of running out of memory.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;
    use crate::frame::Frame;

    fn poll_take(outbox: &Outbox) -> Poll<Option<Bytes>> {
        pin!(outbox.take()).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn all_that_waits_is_taken_at_once_and_offsets_go_on() {
        let outbox = Outbox::default();
        assert!(poll_take(&outbox).is_pending());
        let first = outbox.push(&Frame::Ping).unwrap();
        let second = outbox.push(&Frame::Ping).unwrap();
        let Poll::Ready(Some(taken)) = poll_take(&outbox) else {
            panic!("two frames wait");
        };
        let third = outbox.push(&Frame::Pong).unwrap();
        assert_eq!((first, second * 2, third), (0, taken.len() as u64, taken.len() as u64));
        let may_have_left = outbox.close();
        assert!(second < may_have_left && third >= may_have_left);
        assert_eq!(outbox.push(&Frame::Ping), Err(PushError::Closed));
        assert_eq!(poll_take(&outbox), Poll::Ready(None));
    }

    #[test]
    fn it_fills_up() {
        let outbox = Outbox::default();
        let response = quorate_core::Response::Admin(Err(quorate_core::AdminError::Storage("x".repeat(1 << 20))));
        let frame = Frame::Response {
            id: 1,
            response: &response,
        };
        let pushed = (0..1000).take_while(|_| outbox.push(&frame).is_ok()).count();
        assert_eq!(pushed, 128);
        assert_eq!(outbox.push(&Frame::Ping), Err(PushError::Full));
    }
}
