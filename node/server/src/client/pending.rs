//! The requests of one connection that wait for their answers.

use std::sync::Arc;

use quorate_core::{Request, Response};
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use super::error::RequestError;
use crate::{
    frame::Frame,
    outbox::{Outbox, PushError},
};

/// How a request ended.
pub(super) type Outcome = Result<Response, RequestError>;

/// A connection as those see it who ask over it: where requests go, and who waits for answers.
#[derive(Debug)]
pub(super) struct Pending {
    outbox: Arc<Outbox>,
    asked: FxHashMap<u64, Asked>,
}

#[derive(Debug)]
struct Asked {
    /// Where in the outbox the request begins.
    offset: u64,
    answer: oneshot::Sender<Outcome>,
}

impl Pending {
    pub(super) fn new(outbox: Arc<Outbox>) -> Pending {
        Pending {
            outbox,
            asked: FxHashMap::default(),
        }
    }

    /// Puts a request on its way, under an id that no other has. Where its outcome will come.
    pub(super) fn ask(&mut self, id: u64, request: &Request) -> Result<oneshot::Receiver<Outcome>, PushError> {
        let offset = self.outbox.push(&Frame::Request { id, request })?;
        let (answer, outcome) = oneshot::channel();
        let earlier = self.asked.insert(id, Asked { offset, answer });
        assert!(earlier.is_none(), "ids are unique");
        Ok(outcome)
    }

    /// Hands on the outcome of a request, if anybody still waits for it.
    pub(super) fn settle(&mut self, id: u64, outcome: Outcome) {
        if let Some(asked) = self.asked.remove(&id) {
            let _ = asked.answer.send(outcome);
        }
    }

    /// Nobody waits for this one any more.
    pub(super) fn forget(&mut self, id: u64) {
        self.asked.remove(&id);
    }

    /// The connection is gone: tells everyone who waits whether their request may have left.
    pub(super) fn end(self, why: &str) {
        let may_have_left = self.outbox.close();
        for asked in self.asked.into_values() {
            let error = if asked.offset < may_have_left {
                RequestError::Lost(why.to_owned())
            } else {
                RequestError::NotSent(why.to_owned())
            };
            let _ = asked.answer.send(Err(error));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use quorate_core::AdminRequest;

    use super::*;

    /// Two requests of which the writer took one, and then the connection ends.
    #[test]
    fn only_what_the_writer_has_not_taken_is_surely_not_sent() {
        let request = Request::Admin(AdminRequest::Status);
        let outbox = Arc::new(Outbox::default());
        let mut pending = Pending::new(Arc::clone(&outbox));
        let mut taken = pending.ask(1, &request).unwrap();
        let took = pin!(outbox.take()).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(took, Poll::Ready(Some(_))));
        let mut waiting = pending.ask(2, &request).unwrap();
        pending.end("gone");
        assert_eq!(taken.try_recv(), Ok(Err(RequestError::Lost("gone".to_owned()))));
        assert_eq!(waiting.try_recv(), Ok(Err(RequestError::NotSent("gone".to_owned()))));
    }
}
