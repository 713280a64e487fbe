//! Frames: what travels on a connection's one stream, and its bytes.
//!
//! A frame is its length, four bytes little endian, and as many bytes of postcard. The first frame each way is a
//! [`Frame::Hello`]. A length above the limit, bytes that don't decode, and bytes left over after decoding end the
//! connection: whoever sent them does not speak this protocol, and nothing after them can be trusted.
//!
//! Who speaks decides which kinds of frame may come ([`Speaker`]). A frame of any other kind ends the connection by its
//! first byte: no more of it is waited for, and none of it decoded. What decodes takes more room than its bytes, since a
//! key of two bytes is forty in memory; collections have caps where they are declared (`quorate_core`'s `capped`). A
//! client's frame so makes no more than its own bytes and a context of half a MiB. Another node's, which holds a
//! certificate of the cluster, may still make sets of tiny elements: by the sizes of their parts some 60 times its bytes,
//! 120 MiB, until the cell is looked at and dropped.

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

/// Who is at the other end of a session, as far as that says which frames may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// Who has not said Hello yet.
    Stranger,
    /// A node, to another.
    Peer,
    /// A client or an administrator, to a node.
    Client,
    /// A node, to its client.
    Server,
}

impl Speaker {
    /// Everyone who speaks.
    pub(crate) const ALL: [Speaker; 4] = [Speaker::Stranger, Speaker::Peer, Speaker::Client, Speaker::Server];

    /// Whether it may send frames of this kind: the place of a [`Frame`]'s variant, from 0, as it is on the wire.
    fn may_send(self, kind: u32) -> bool {
        const HELLO: u32 = 0;
        const PING: u32 = 1;
        const PONG: u32 = 2;
        const MESSAGE: u32 = 3;
        const REQUEST: u32 = 4;
        const RESPONSE: u32 = 5;
        const REFUSED: u32 = 6;
        match self {
            Speaker::Stranger => kind == HELLO,
            Speaker::Peer => [PING, PONG, MESSAGE].contains(&kind),
            Speaker::Client => [PING, REQUEST].contains(&kind),
            Speaker::Server => [PONG, RESPONSE, REFUSED].contains(&kind),
        }
    }
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
    #[error("a frame out of place: of kind {0}")]
    OutOfPlace(u32),
    #[error("a frame that does not decode: {0}")]
    Malformed(postcard::Error),
    #[error("a frame with {0} bytes left over")]
    LeftOver(usize),
}

/// How many bytes a message from node to node takes in a frame, its length among them, without what QUIC adds.
pub fn message_bytes(message: &Message) -> usize {
    let mut buffer = BytesMut::new();
    let encoded = encode(&Outgoing::Message(message), &mut buffer);
    encoded.map_or(0, |()| buffer.len())
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

/// Takes the first frame out of `buffer`, or leaves it as it is if the frame is not complete. On an error the buffer is
/// as it was.
pub(crate) fn decode(buffer: &mut BytesMut, from: Speaker) -> Result<Option<Received>, FrameError> {
    let Some(length) = buffer.first_chunk().map(|bytes| u32::from_le_bytes(*bytes) as usize) else {
        return Ok(None);
    };
    if length > FRAME_BYTES_MAX {
        return Err(FrameError::TooLarge(length));
    }
    let end = LENGTH_BYTES + length;
    let kind = postcard::take_from_bytes::<u32>(&buffer[LENGTH_BYTES..end.min(buffer.len())]);
    if let Some((kind, _)) = kind.ok().filter(|(kind, _)| !from.may_send(*kind)) {
        return Err(FrameError::OutOfPlace(kind));
    }
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

    use quorate_core::{
        Actor, AdminError, ClusterId, Context, Delta, Dot, Fact, Generation, GossipAck2, GossipHead, Heartbeat, Key,
        Level, NODE_NAME_BYTES_MAX, NODES_MAX, NodeId, ReadRequest, ReplicaResponse, RequestId, RingDigest, Seal,
        Stamped, Update, Value, WEIGHT_MAX, WriteRequest,
    };

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
                loop {
                    let from = if frames.is_empty() {
                        Speaker::Stranger
                    } else {
                        Speaker::Client
                    };
                    match decode(&mut buffer, from).unwrap() {
                        Some(frame) => frames.push(frame),
                        None => break,
                    }
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
            decode(&mut length_alone, Speaker::Client),
            Err(FrameError::TooLarge(FRAME_BYTES_MAX + 1))
        );
    }

    #[test]
    fn bytes_that_are_no_frame_are_errors() {
        for from in Speaker::ALL {
            let decode = |bytes: &[u8]| decode(&mut BytesMut::from(bytes), from);
            assert_eq!(decode(&[2, 0, 0, 0, 250, 1]), Err(FrameError::OutOfPlace(250)));
            assert!(matches!(decode(&[0, 0, 0, 0]), Err(FrameError::Malformed(_))));
            assert!(matches!(decode(&[1, 0, 0, 0, 250]), Err(FrameError::Malformed(_))));
        }
        let mut left_over = BytesMut::from(&[2, 0, 0, 0, 1, 1][..]);
        assert_eq!(decode(&mut left_over, Speaker::Peer), Err(FrameError::LeftOver(1)));
    }

    /// One frame of each kind, by its number; and by their numbers, those that each may send.
    #[test]
    fn each_speaker_may_send_the_frames_of_its_part_and_no_other() {
        let request = read(b"k");
        let response = Response::Admin(Err(AdminError::Storage(String::new())));
        let message = Message::Echo { number: 1 };
        let (id, refusal) = (1, Refusal::TooMany);
        let frames: [Outgoing<'_>; 7] = [
            Frame::Hello(Hello::of_client(ClusterId(7))),
            Frame::Ping,
            Frame::Pong,
            Frame::Message(&message),
            Frame::Request { id, request: &request },
            Frame::Response {
                id,
                response: &response,
            },
            Frame::Refused { id, refusal },
        ];
        let may_send = |from| match from {
            Speaker::Stranger => vec![0],
            Speaker::Peer => vec![1, 2, 3],
            Speaker::Client => vec![1, 4],
            Speaker::Server => vec![2, 5, 6],
        };
        for from in Speaker::ALL {
            let taken = frames.iter().zip(0..).filter_map(|(frame, kind)| {
                let decoded = decode(&mut encoded(std::slice::from_ref(frame)), from);
                let is_taken = matches!(decoded, Ok(Some(_)));
                assert!(is_taken || decoded == Err(FrameError::OutOfPlace(kind)), "{decoded:?}");
                is_taken.then_some(kind)
            });
            assert_eq!(taken.collect::<Vec<_>>(), may_send(from), "{from:?}");
        }
    }

    /// What the first exchange of a newcomer brings, where everybody says as much as may be.
    #[test]
    fn the_accounts_of_all_nodes_fit_into_a_frame() {
        let name = |letter: char, length| letter.to_string().repeat(length);
        let facts = [
            Fact::Name(name('n', NODE_NAME_BYTES_MAX)),
            Fact::Address("[2001:db8:1111:2222:3333:4444:5555:6666]:65535".parse().unwrap()),
            Fact::Weight(WEIGHT_MAX),
            Fact::Dc(name('d', 32).parse().unwrap()),
            Fact::Rack(name('r', 32).parse().unwrap()),
            Fact::Ring(RingDigest(u64::MAX)),
        ];
        let stamped = |fact: &Fact| Stamped {
            version: u64::from(u32::MAX),
            fact: fact.clone(),
            seal: Seal(u64::MAX),
        };
        let delta = Delta {
            node: NodeId(u64::MAX),
            generation: Generation(u32::MAX),
            heartbeat: Heartbeat {
                version: u64::from(u32::MAX),
                seal: Seal(u64::MAX),
            },
            facts: facts.iter().map(stamped).collect(),
        };
        let cluster = ClusterId(u64::MAX);
        let message = Message::GossipAck2(GossipAck2 {
            head: GossipHead { format: 1, cluster },
            deltas: vec![delta; NODES_MAX],
        });
        assert!(encode(&Frame::Message(&message), &mut BytesMut::new()).is_ok());
    }

    /// As many as a read of eight replicas may have merged, and one more.
    #[test]
    fn what_grows_in_memory_is_counted_as_it_is_decoded() {
        let write = |actors: u64| {
            let mut context = Context::new();
            for birth in 0..actors {
                let (node, generation) = (NodeId(1), Generation(1));
                let actor = Actor {
                    node,
                    generation,
                    birth,
                };
                context.add(Dot { actor, n: 1 });
            }
            let (key, update) = (Key::copy_from(b"k"), Update::Delete { context });
            Request::Write(WriteRequest::new(key, update, Level::One, Duration::from_secs(1)))
        };
        let differences = |count: usize| Message::Response {
            id: RequestId(1),
            body: ReplicaResponse::Differences {
                newer: Vec::new(),
                wanted: vec![Key::copy_from(b""); count],
                truncated: false,
            },
        };
        let is_taken = |frame: Outgoing<'_>, from| decode(&mut encoded(&[frame]), from).is_ok();
        for (actors, taken) in [(8192, true), (8193, false)] {
            let request = &write(actors);
            assert_eq!(is_taken(Frame::Request { id: 1, request }, Speaker::Client), taken);
        }
        for (count, taken) in [(512, true), (513, false)] {
            assert_eq!(is_taken(Frame::Message(&differences(count)), Speaker::Peer), taken);
        }
    }

    /// Two mebibytes are announced, and the first byte of them is enough.
    #[test]
    fn a_frame_out_of_place_is_not_waited_for() {
        let mut start = BytesMut::from(&[0, 0, 0x20, 0, 3][..]);
        assert_eq!(decode(&mut start, Speaker::Peer), Ok(None));
        let mut start = BytesMut::from(&[0, 0, 0x20, 0, 3][..]);
        assert_eq!(decode(&mut start, Speaker::Client), Err(FrameError::OutOfPlace(3)));
        assert!(start.capacity() < 1024, "no room is made for it");
    }
}
