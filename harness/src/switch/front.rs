//! A front: the loopback socket that stands for one endpoint towards its peers.
//!
//! Moves whole trains where the system can (GRO and GSO): datagrams that one endpoint sent by one
//! call arrive in one buffer, and leave by one call, cut at the same places and with the same ECN
//! bits. A datagram that the system refuses to send is lost, as on any network; it is no error of
//! the front.

use std::array;
use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr};

use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use quinn_udp::{EcnCodepoint, RecvMeta, Transmit, UdpSocketState};

/// How many trains a front receives at most before the others have their turn.
pub(super) const BATCH_TRAINS_MAX: usize = quinn_udp::BATCH_SIZE;

/// The longest train: the length of a UDP payload has 16 bits, and a train travels as one.
const TRAIN_BYTES_MAX: usize = 1 << 16;

/// Asked of the system for each front and direction: room for 3,600 packets of 1,200 bytes, which
/// is 14 peers with 256 each. Linux grants at most `net.core.rmem_max` and says nothing.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;

/// A socket of the switch; every endpoint has one, and is known to the others by its address.
#[derive(Debug)]
pub(super) struct Front {
    socket: UdpSocket,
    offload: UdpSocketState,
    address: SocketAddr,
}

impl Front {
    /// Binds a front on a free port of the loopback.
    pub(super) fn bind() -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = socket.local_addr()?;
        let offload = UdpSocketState::new((&socket).into())?;
        offload.set_recv_buffer_size((&socket).into(), SOCKET_BUFFER_BYTES)?;
        offload.set_send_buffer_size((&socket).into(), SOCKET_BUFFER_BYTES)?;
        Ok(Self {
            socket,
            offload,
            address,
        })
    }

    /// Asks for an event with `token` whenever something arrives at an emptied front.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.socket, token, Interest::READABLE)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Receives what has arrived, at most [`BATCH_TRAINS_MAX`] trains, and returns how many.
    ///
    /// # Errors
    /// `WouldBlock` if there is nothing.
    pub(super) fn receive(&self, buffers: &mut Buffers) -> io::Result<usize> {
        let mut chunks = buffers.bytes.chunks_exact_mut(TRAIN_BYTES_MAX);
        let mut slices: [IoSliceMut<'_>; BATCH_TRAINS_MAX] =
            array::from_fn(|_| IoSliceMut::new(chunks.next().expect("there is a chunk for every train")));
        self.offload
            .recv((&self.socket).into(), &mut slices, &mut buffers.metas)
    }

    /// Sends a train from this front, in as few calls as the system allows.
    pub(super) fn send(&self, train: &Train<'_>, destination: SocketAddr) -> Sent {
        let mut sent = Sent::default();
        for part in train.parts(self.offload.max_gso_segments()) {
            let transmit = Transmit {
                destination,
                ecn: part.ecn,
                contents: part.contents,
                segment_size: Some(part.packet_bytes),
                src_ip: None,
            };
            match self.offload.try_send((&self.socket).into(), &transmit) {
                Ok(()) => sent.add(&part),
                Err(error) => tracing::debug!(front = %self.address, %destination, %error, "packets lost"),
            }
        }
        sent
    }
}

/// Where fronts receive a batch; they take turns on it.
#[derive(Debug)]
pub(super) struct Buffers {
    bytes: Vec<u8>,
    metas: [RecvMeta; BATCH_TRAINS_MAX],
}

impl Buffers {
    pub(super) fn new() -> Self {
        Self {
            bytes: vec![0; BATCH_TRAINS_MAX * TRAIN_BYTES_MAX],
            metas: [RecvMeta::default(); BATCH_TRAINS_MAX],
        }
    }

    /// The first `train_count` trains that were received last.
    pub(super) fn trains(&self, train_count: usize) -> impl Iterator<Item = Train<'_>> {
        let received = self.metas[..train_count].iter();
        received
            .zip(self.bytes.chunks_exact(TRAIN_BYTES_MAX))
            .map(|(meta, chunk)| Train::new(meta, chunk))
    }
}

/// Datagrams of one length (the last may be shorter) that one endpoint sent at once.
#[derive(Debug)]
pub(super) struct Train<'a> {
    /// The own address of the endpoint that sent it.
    pub(super) source: SocketAddr,
    ecn: Option<EcnCodepoint>,
    contents: &'a [u8],
    packet_bytes: usize,
}

impl<'a> Train<'a> {
    fn new(meta: &RecvMeta, buffer: &'a [u8]) -> Self {
        Self {
            source: meta.addr,
            ecn: meta.ecn,
            contents: &buffer[..meta.len],
            // An empty datagram is a packet too.
            packet_bytes: meta.stride.max(1),
        }
    }

    pub(super) fn packet_count(&self) -> u64 {
        self.contents.len().div_ceil(self.packet_bytes).max(1) as u64
    }

    /// The same packets, each as a train of its own.
    pub(super) fn packets(&self) -> impl Iterator<Item = Self> {
        self.parts(1)
    }

    /// A copy that outlives the buffer, of a train of one packet.
    pub(super) fn keep(&self) -> Kept {
        Kept {
            ecn: self.ecn,
            contents: self.contents.to_vec(),
        }
    }

    /// The same packets, as trains of no more than `packets_max` each.
    fn parts(&self, packets_max: usize) -> impl Iterator<Item = Self> {
        let part_bytes = self.packet_bytes * packets_max;
        let part_count = self.contents.len().div_ceil(part_bytes).max(1);
        (0..part_count).map(move |index| {
            let end = self.contents.len().min((index + 1) * part_bytes);
            Self {
                contents: &self.contents[index * part_bytes..end],
                ..*self
            }
        })
    }
}

/// A packet that has been kept, to be sent later.
#[derive(Debug)]
pub(super) struct Kept {
    ecn: Option<EcnCodepoint>,
    contents: Vec<u8>,
}

impl Kept {
    /// The packet as it came, from the endpoint at `source`.
    pub(super) fn as_train(&self, source: SocketAddr) -> Train<'_> {
        Train {
            source,
            ecn: self.ecn,
            contents: &self.contents,
            packet_bytes: self.contents.len().max(1),
        }
    }
}

/// How much of a train the system took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) packet_count: u64,
    pub(super) byte_count: u64,
}

impl Sent {
    fn add(&mut self, part: &Train<'_>) {
        self.packet_count += part.packet_count();
        self.byte_count += part.contents.len() as u64;
    }
}
