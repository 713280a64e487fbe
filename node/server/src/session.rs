//! A connection with its one stream, from the handshake to the Hello, and the two halves of it afterwards.
//!
//! Whoever dials opens the stream and says Hello first; whoever is dialled reads that, decides, and answers or closes.
//! So the dialling side never takes a connection for a link that the other has refused.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use quinn::{Connection, ConnectionError, Endpoint, Incoming, RecvStream, SendStream, VarInt};
use quorate_core::ClusterId;
use rustls::pki_types::CertificateDer;
use tokio::time::{Instant, timeout_at};

use crate::{
    frame::{self, Frame, FrameError, Outgoing, Received, Speaker},
    hello::{Hello, HelloError},
    identity::{Role, Subject, SubjectError},
    outbox::Outbox,
};

/// How long a dialled handshake may take, and then the Hello: on a working link each takes a few milliseconds, and a
/// lost packet is sent again after some twenty.
pub(crate) const DIAL_TIMEOUT: Duration = Duration::from_millis(300);

/// How long whoever dialled may take for both. Longer than a dialler gives itself: it is there to get rid of those who
/// never say a word.
pub(crate) const ACCEPT_TIMEOUT: Duration = Duration::from_secs(1);

/// Pieces of a stream taken in at a time: a packet is a piece, and a burst is a few dozen of them.
const PIECES: usize = 64;

/// QUIC's error codes for alerts of TLS: 0x100 and the alert (RFC 9001, section 4.8).
const TLS_ALERTS: std::ops::Range<u64> = 0x100..0x200;

/// The alert of an end that speaks another version of the protocol (RFC 7301, section 3.2).
const NO_COMMON_PROTOCOL: u64 = 0x100 + 120;

/// Why a connection was closed, as the other side is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseCode {
    /// The process ends.
    Stopping = 0,
    /// There is a better connection between the two.
    Superseded = 1,
    /// It has not answered for too long.
    Suspected = 2,
    /// Its certificate or its Hello does not fit.
    Refused = 3,
    /// It sent what is not a frame, or a frame out of place.
    BadFrame = 4,
    /// It takes less than it is sent.
    Full = 5,
    /// Its Hello names another cluster.
    OtherCluster = 6,
}

/// Closes a connection. Whoever waits on it is woken on both sides.
pub(crate) fn close(connection: &Connection, code: CloseCode, why: &str) {
    connection.close(VarInt::from_u32(code as u32), why.as_bytes());
}

/// A connection that did not become a session.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error("no answer within {DIAL_TIMEOUT:?}")]
    Timeout,
    #[error(transparent)]
    Dial(#[from] quinn::ConnectError),
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error(transparent)]
    Stream(#[from] ReceiveError),
    #[error(transparent)]
    Subject(#[from] SubjectError),
    #[error(transparent)]
    Hello(#[from] HelloError),
    #[error("its first frame is no Hello, or not one of its role")]
    NotHello,
}

/// What about one end does not fit the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// Its certificate.
    Certificate,
    /// Its cluster.
    Cluster,
    /// Something else that it said or is.
    Other,
}

impl SessionError {
    /// Whether one end does not want the other, rather than that they did not meet: the certificate of one, or what it
    /// said first, does not fit. To dial again does not help.
    pub(crate) fn is_refusal(&self) -> bool {
        self.misfit().is_some()
    }

    /// Why one end does not want the other, if that is so.
    pub(crate) fn misfit(&self) -> Option<Misfit> {
        match self {
            SessionError::Subject(_) => Some(Misfit::Certificate),
            SessionError::Hello(HelloError::Cluster) => Some(Misfit::Cluster),
            SessionError::Hello(HelloError::Version(_)) | SessionError::NotHello => Some(Misfit::Other),
            SessionError::Stream(ReceiveError::Frame(_)) => Some(Misfit::Other),
            SessionError::Connection(error) | SessionError::Stream(ReceiveError::Connection(error)) => misfit_of(error),
            SessionError::Timeout | SessionError::Dial(_) | SessionError::Stream(ReceiveError::Ended) => None,
        }
    }

    /// What the other end is told.
    fn close_code(&self) -> CloseCode {
        match self.misfit() {
            Some(Misfit::Cluster) => CloseCode::OtherCluster,
            _ => CloseCode::Refused,
        }
    }
}

/// Why TLS has ended a connection, at this end or at the other, or the other end has.
fn misfit_of(error: &ConnectionError) -> Option<Misfit> {
    let alert = match error {
        ConnectionError::TransportError(error) => error.code.into(),
        ConnectionError::ConnectionClosed(close) => close.error_code.into(),
        ConnectionError::ApplicationClosed(close) => {
            let told = [
                (CloseCode::OtherCluster, Misfit::Cluster),
                (CloseCode::Refused, Misfit::Other),
            ];
            let told = told
                .into_iter()
                .find(|(code, _)| close.error_code == VarInt::from_u32(*code as u32));
            return told.map(|(_, misfit)| misfit);
        }
        _ => return None,
    };
    match alert {
        NO_COMMON_PROTOCOL => Some(Misfit::Other),
        alert => TLS_ALERTS.contains(&alert).then_some(Misfit::Certificate),
    }
}

/// A connection whose other end is known.
#[derive(Debug)]
pub(crate) struct Authenticated {
    pub(crate) connection: Connection,
    pub(crate) subject: Subject,
}

/// An authenticated connection with its stream, on which the other side has said Hello.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) connection: Connection,
    pub(crate) subject: Subject,
    pub(crate) hello: Hello,
    sender: SendStream,
    receiver: Receiver,
}

/// Dials a node, as far as the handshake.
pub(crate) async fn dial(endpoint: &Endpoint, address: SocketAddr) -> Result<Authenticated, SessionError> {
    let connecting = endpoint.connect(address, Role::Node.dns_name())?;
    let connection = timeout_at(deadline(DIAL_TIMEOUT), connecting)
        .await
        .map_err(|_| SessionError::Timeout)??;
    authenticate(connection)
}

/// Says Hello on a dialled connection, and waits for the answer.
pub(crate) async fn greet(dialled: Authenticated, own: Hello, cluster: ClusterId) -> Result<Session, SessionError> {
    let Authenticated { connection, subject } = dialled;
    let greeting = async {
        let (mut sender, receiver) = connection.open_bi().await?;
        let hello = encoded(&Frame::Hello(own));
        sender.write_chunk(hello).await.map_err(|_| ReceiveError::Ended)?;
        let mut receiver = Receiver::new(receiver);
        let hello = receiver.hello(subject.role, cluster).await?;
        // A node that was dialled is a peer of nodes, and serves the others.
        receiver.from = own.node.map_or(Speaker::Server, |_| Speaker::Peer);
        Ok((sender, receiver, hello))
    };
    let greeted = timeout_at(deadline(DIAL_TIMEOUT), greeting).await;
    session(connection.clone(), subject, greeted)
}

/// Takes a connection, as far as its Hello, which the caller answers: by a Hello as the first frame in its outbox,
/// or by closing it.
pub(crate) async fn accept(incoming: Incoming, cluster: ClusterId) -> Result<Session, SessionError> {
    let until = deadline(ACCEPT_TIMEOUT);
    let connection = timeout_at(until, incoming.into_future())
        .await
        .map_err(|_| SessionError::Timeout)??;
    let Authenticated { connection, subject } = authenticate(connection)?;
    let greeting = async {
        let (sender, receiver) = connection.accept_bi().await?;
        let mut receiver = Receiver::new(receiver);
        let hello = receiver.hello(subject.role, cluster).await?;
        receiver.from = match subject.role {
            Role::Node => Speaker::Peer,
            Role::Client | Role::Admin => Speaker::Client,
        };
        Ok((sender, receiver, hello))
    };
    let greeted = timeout_at(until, greeting).await;
    session(connection.clone(), subject, greeted)
}

type Greeted = Result<Result<(SendStream, Receiver, Hello), SessionError>, tokio::time::error::Elapsed>;

/// Tells the other side why there will be no session, or makes it.
fn session(connection: Connection, subject: Subject, greeted: Greeted) -> Result<Session, SessionError> {
    // Whatever failed, if the connection has ended then that is why, and it says who ended it.
    let ended = connection.close_reason().map(SessionError::Connection);
    match greeted.unwrap_or(Err(SessionError::Timeout)) {
        Ok((sender, receiver, hello)) => Ok(Session {
            connection,
            subject,
            hello,
            sender,
            receiver,
        }),
        Err(error) => {
            close(&connection, error.close_code(), &error.to_string());
            Err(ended.unwrap_or(error))
        }
    }
}

fn authenticate(connection: Connection) -> Result<Authenticated, SessionError> {
    let identity = connection
        .peer_identity()
        .expect("TLS asks both sides for a certificate");
    let chain = identity
        .downcast::<Vec<CertificateDer<'static>>>()
        .expect("the identity that rustls gives is a chain of certificates");
    match Subject::of(&chain[0]) {
        Ok(subject) => Ok(Authenticated { connection, subject }),
        Err(error) => {
            close(&connection, CloseCode::Refused, &error.to_string());
            Err(error.into())
        }
    }
}

fn deadline(span: Duration) -> Instant {
    Instant::now() + span
}

fn encoded(frame: &Outgoing<'_>) -> Bytes {
    let mut buffer = BytesMut::new();
    frame::encode(frame, &mut buffer).expect("a Hello is short");
    buffer.freeze()
}

impl Session {
    /// The half that receives, and a writer to be run as a task: it ends with the connection or when the outbox is
    /// closed, and then nobody writes any more.
    pub(crate) fn split(self, outbox: Arc<Outbox>) -> (Receiver, impl Future<Output = ()> + Send + 'static) {
        (self.receiver, write(outbox, self.sender))
    }
}

/// Hands all that waits to QUIC, in one piece each time.
async fn write(outbox: Arc<Outbox>, mut sender: SendStream) {
    while let Some(bytes) = outbox.take().await {
        if sender.write_chunk(bytes).await.is_err() {
            break;
        }
    }
}

/// The receiving half of a session's stream. It is read one way only, in order and in pieces: mixing quinn's ways to
/// read a stream can hang it (FAULTS.md, "Traps").
#[derive(Debug)]
pub(crate) struct Receiver {
    stream: RecvStream,
    from: Speaker,
    pieces: Vec<Bytes>,
    buffer: BytesMut,
}

/// The end of what a session receives.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReceiveError {
    #[error(transparent)]
    Connection(ConnectionError),
    #[error("the other side ended the stream")]
    Ended,
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl Receiver {
    fn new(stream: RecvStream) -> Receiver {
        Receiver {
            stream,
            from: Speaker::Stranger,
            pieces: vec![Bytes::new(); PIECES],
            buffer: BytesMut::new(),
        }
    }

    /// Waits until at least one frame is there, and appends all that are. What is cancelled has lost nothing.
    pub(crate) async fn receive(&mut self, frames: &mut Vec<Received>) -> Result<(), ReceiveError> {
        frames.push(self.next().await?);
        while let Some(frame) = frame::decode(&mut self.buffer, self.from)? {
            frames.push(frame);
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Received, ReceiveError> {
        loop {
            if let Some(frame) = frame::decode(&mut self.buffer, self.from)? {
                return Ok(frame);
            }
            let count = match self.stream.read_chunks(&mut self.pieces).await {
                Ok(Some(count)) => count,
                Err(quinn::ReadError::ConnectionLost(error)) => return Err(ReceiveError::Connection(error)),
                Ok(None) | Err(_) => return Err(ReceiveError::Ended),
            };
            for piece in &mut self.pieces[..count] {
                self.buffer.extend_from_slice(&std::mem::take(piece));
            }
        }
    }

    async fn hello(&mut self, role: Role, cluster: ClusterId) -> Result<Hello, SessionError> {
        let hello = match self.next().await {
            Ok(Frame::Hello(hello)) => hello,
            Ok(_) | Err(ReceiveError::Frame(FrameError::OutOfPlace(_))) => return Err(SessionError::NotHello),
            Err(error) => return Err(error.into()),
        };
        if hello.node.is_some() != (role == Role::Node) {
            return Err(SessionError::NotHello);
        }
        hello.check(cluster)?;
        Ok(hello)
    }
}
