//! Frames: what travels on a connection's one stream, and its bytes.
//!
//! A frame is its length, four bytes little endian, and as many bytes of postcard. The first frame each way is a
//! [`Frame::Hello`]. A length above the limit, bytes that don't decode, and bytes left over after decoding end the
//! connection: whoever sent them does not speak this protocol, and nothing after them can be trusted.

use bytes::{Buf, BytesMut};
use quorate_core::{Message, Request, Response};
use serde::{Deserialize, Serialize};

use crate::hello::Hello;

/// The longest frame, without its length: a value of the largest size and its key take half, and leave room for the
/// largest step of anti-entropy.
pub(crate) const FRAME_BYTES_MAX: usize = 2 * 1024 * 1024;

const LENGTH_BYTES: usize = 4;

/// One frame. Messages, requests and responses are owned where they were received, and borrowed where they are sent.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Frame<M, Q, R> {
    /// Who speaks. The first frame each way, and only the first.
    Hello(Hello),
    /// Asks for a [`Frame::Pong`].
    Ping,
    /// Answers a [`Frame::Ping`].
    Pong,
    /// From node to node.
    Message(M),
    /// From client to node.
    Request { id: u64, request: Q },
    /// From node to client.
    Response { id: u64, response: R },
    /// From node to client: the request was not looked at, and has no effect.
    Refused { id: u64, refusal: Refusal },
}

/// A frame that was received.
pub(crate) type Received = Frame<Message, Request, Response>;

/// A frame to be sent.
pub(crate) type Outgoing<'a> = Frame<&'a Message, &'a Request, &'a Response>;

/// Why a node did not look at a request. The request has had no effect, and will have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// It is an administrator's, and the certificate is not.
    #[error("the certificate is not an administrator's")]
    NotAdmin,
    /// The connection has as many requests under way as one may have.
    #[error("too many requests under way on one connection")]
    TooMany,
}

/// Bytes that are not a frame, or a frame that is not to be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a frame of {0} bytes, of at most {FRAME_BYTES_MAX}")]
    TooLarge(usize),
    #[error("a frame that does not decode: {0}")]
    Malformed(postcard::Error),
    #[error("a frame with {0} bytes left over")]
    LeftOver(usize),
}

/// Appends a frame to `buffer`. On an error the buffer is as it was.
pub(crate) fn encode(frame: &Outgoing<'_>, buffer: &mut BytesMut) -> Result<(), FrameError> {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; LENGTH_BYTES]);
    let result = postcard::serialize_with_flavor(frame, Appending(buffer)).map_err(FrameError::Malformed);
    let length = buffer.len() - start - LENGTH_BYTES;
    let result = result.and_then(|()| {
        if length > FRAME_BYTES_MAX {
            return Err(FrameError::TooLarge(length));
        }
        let length = u32::try_from(length).expect("checked above");
        buffer[start..start + LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
        Ok(())
    });
    if result.is_err() {
        buffer.truncate(start);
    }
    result
}

/// Takes the first frame out of `buffer`, or leaves it as it is if the frame is not complete.
pub(crate) fn decode(buffer: &mut BytesMut) -> Result<Option<Received>, FrameError> {
    let Some(length) = buffer.first_chunk().map(|bytes| u32::from_le_bytes(*bytes) as usize) else {
        return Ok(None);
    };
    if length > FRAME_BYTES_MAX {
        return Err(FrameError::TooLarge(length));
    }
    let end = LENGTH_BYTES + length;
    if buffer.len() < end {
        buffer.reserve(end - buffer.len());
        return Ok(None);
    }
    let (frame, rest) = postcard::take_from_bytes(&buffer[LENGTH_BYTES..end]).map_err(FrameError::Malformed)?;
    if !rest.is_empty() {
        return Err(FrameError::LeftOver(rest.len()));
    }
    buffer.advance(end);
    Ok(Some(frame))
}

/// Lets postcard append to a buffer without a copy in between.
struct Appending<'a>(&'a mut BytesMut);

impl postcard::ser_flavors::Flavor for Appending<'_> {
    type Output = ();

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(data);
        Ok(())
    }

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.0.extend_from_slice(&[data]);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use quorate_core::{ClusterId, Key, Level, ReadRequest, Update, Value, WriteRequest};

    use super::*;

    fn read(key: &[u8]) -> Request {
        let key = Key::copy_from(key);
        Request::Read(ReadRequest::new(key, Level::Quorum, Duration::from_secs(1)))
    }

    fn encoded(frames: &[Outgoing<'_>]) -> BytesMut {
        let mut buffer = BytesMut::new();
        for frame in frames {
            encode(frame, &mut buffer).unwrap();
        }
        buffer
    }

    #[test]
    fn what_was_encoded_is_decoded_however_the_bytes_arrive() {
        let request = read(b"k1");
        let hello = Hello::of_client(ClusterId(7));
        let bytes = encoded(&[
            Frame::Hello(hello),
            Frame::Ping,
            Frame::Request {
                id: 5,
                request: &request,
            },
        ]);
        for step in [1, 2, 3, 7, bytes.len()] {
            let (mut buffer, mut frames) = (BytesMut::new(), Vec::new());
            for piece in bytes.chunks(step) {
                buffer.extend_from_slice(piece);
                while let Some(frame) = decode(&mut buffer).unwrap() {
                    frames.push(frame);
                }
            }
            assert!(buffer.is_empty());
            let request = request.clone();
            assert_eq!(
                frames,
                [Frame::Hello(hello), Frame::Ping, Frame::Request { id: 5, request }]
            );
        }
    }

    #[test]
    fn a_frame_over_the_limit_is_neither_sent_nor_waited_for() {
        let (key, value) = (Key::copy_from(b"k"), Value(vec![0; FRAME_BYTES_MAX].into()));
        let write = WriteRequest::new(key, Update::put(value), Level::One, Duration::from_secs(1));
        let request = Request::Write(write);
        let mut buffer = encoded(&[Frame::Ping]);
        let before = buffer.clone();
        let oversized = Frame::Request {
            id: 1,
            request: &request,
        };
        assert!(matches!(encode(&oversized, &mut buffer), Err(FrameError::TooLarge(_))));
        assert_eq!(buffer, before);
        let mut length_alone = BytesMut::from(&(FRAME_BYTES_MAX as u32 + 1).to_le_bytes()[..]);
        assert_eq!(
            decode(&mut length_alone),
            Err(FrameError::TooLarge(FRAME_BYTES_MAX + 1))
        );
    }

    #[test]
    fn bytes_that_are_no_frame_are_errors() {
        let mut unknown_kind = BytesMut::from(&[1, 0, 0, 0, 250][..]);
        assert!(matches!(decode(&mut unknown_kind), Err(FrameError::Malformed(_))));
        let mut empty = BytesMut::from(&[0, 0, 0, 0][..]);
        assert!(matches!(decode(&mut empty), Err(FrameError::Malformed(_))));
        let mut left_over = BytesMut::from(&[2, 0, 0, 0, 1, 1][..]);
        assert_eq!(decode(&mut left_over), Err(FrameError::LeftOver(1)));
    }
}
