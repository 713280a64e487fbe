//! The decoder of frames, for those who try to break it; no part of what this crate offers.
//!
//! The fuzz target (`fuzz/`) and the replay of its corpus (`tests/it/corpus.rs`) call [`decode`], which asserts what has
//! to hold whatever the bytes. Nothing here knows what is in a message, so that nothing changes here when that does.

use bytes::BytesMut;
use serde::{Deserialize, Deserializer};

use crate::frame::{self, Frame, FrameError, Outgoing, Received, Speaker};

/// The longest frame, without its length.
pub const FRAME_BYTES_MAX: usize = frame::FRAME_BYTES_MAX;

/// What became of some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Frames decoded.
    pub count: usize,
    /// What ended the connection, if anything did.
    pub error: Option<String>,
}

/// Decodes what it can of a stream that begins with these bytes.
///
/// # Panics
/// If a frame that was decoded does not encode to the same frame in as many bytes or fewer (a number may be written in
/// more than it needs), or the decoder makes room for more than a frame may take.
pub fn decode(bytes: &[u8]) -> Decoded {
    let mut buffer = BytesMut::from(bytes);
    let room_before = buffer.capacity();
    let mut count = 0;
    loop {
        let before = buffer.len();
        let decoded = decode_from_anyone(&mut buffer);
        assert!(
            buffer.capacity() <= 2 * (room_before + FRAME_BYTES_MAX),
            "room for {} bytes",
            buffer.capacity()
        );
        match decoded {
            Ok(Some(frame)) => check(&frame, before - buffer.len()),
            Ok(None) => return Decoded { count, error: None },
            Err(error) => {
                let error = Some(error.to_string());
                return Decoded { count, error };
            }
        }
        count += 1;
    }
}

/// Encodes the frame that a deserializer makes up.
///
/// # Errors
/// The deserializer's.
pub fn encode_from<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<u8>, D::Error> {
    let frame = Received::deserialize(source)?;
    Ok(encode(&frame).to_vec())
}

/// Decodes as for the first speaker who may send what is there.
fn decode_from_anyone(buffer: &mut BytesMut) -> Result<Option<Received>, FrameError> {
    let mut decoded = Ok(None);
    for from in Speaker::ALL {
        decoded = frame::decode(buffer, from);
        if !matches!(decoded, Err(FrameError::OutOfPlace(_))) {
            break;
        }
    }
    decoded
}

fn check(frame: &Received, length: usize) {
    let mut encoded = encode(frame);
    // Of a span, nanoseconds that make whole seconds become such: 127 s and 10^9 + 2^28 ns of one byte and five become 128 s, of
    // two, and 2^28 ns, of five.
    let limit = length + length / 6;
    assert!(encoded.len() <= limit, "{length} bytes became {}", encoded.len());
    let again = decode_from_anyone(&mut encoded).expect("what was encoded decodes");
    assert_eq!(again.as_ref(), Some(frame));
}

fn encode(frame: &Received) -> BytesMut {
    let mut buffer = BytesMut::new();
    frame::encode(&outgoing(frame), &mut buffer).expect("what was decoded is within the limit");
    buffer
}

fn outgoing(frame: &Received) -> Outgoing<'_> {
    match frame {
        Frame::Hello(hello) => Frame::Hello(*hello),
        Frame::Ping => Frame::Ping,
        Frame::Pong => Frame::Pong,
        Frame::Message(message) => Frame::Message(message),
        Frame::Request { id, request } => Frame::Request { id: *id, request },
        Frame::Response { id, response } => Frame::Response { id: *id, response },
        Frame::Refused { id, refusal } => Frame::Refused {
            id: *id,
            refusal: *refusal,
        },
    }
}
