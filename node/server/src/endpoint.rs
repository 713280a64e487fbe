//! The QUIC endpoint: one socket a process, for all that it dials and all that dial it.
//!
//! Deviation: QUIC's defaults are for the open internet, and leave a link dead for seconds after an outage of one. Here
//! a connection that hears nothing for a second is given up, and kept alive in between; the first round trip is
//! expected to take 20 ms, not 333, or one lost packet of a handshake costs a second; acknowledgements are asked for
//! within milliseconds, which takes the tail of a lossy link from 65 to 29 ms. The figures, and how they were
//! measured, are in FAULTS.md ("QUIC on loopback, measured").
//!
//! Migration stays allowed: a switch or a NAT may give a living peer another port, and peers are known by their
//! certificates alone.

use std::{
    fs,
    io::{self, Write},
    net::{SocketAddr, UdpSocket},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::Arc,
    time::Duration,
};

use quinn::{
    AckFrequencyConfig, ClientConfig, Endpoint, EndpointConfig, ServerConfig, TokioRuntime, TransportConfig, VarInt,
};
use quinn_proto::HashedConnectionIdGenerator;
use ring::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};

use crate::{
    identity::{Identity, SECRET},
    tls::{self, TlsError},
};

/// Silence after which a connection is given up.
const IDLE_TIMEOUT: Duration = Duration::from_secs(1);

/// Four in the time that ends a connection, so that losing three in a row does not.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_millis(250);

/// What a round trip is taken for before one was measured.
const INITIAL_RTT: Duration = Duration::from_millis(20);

/// Packets that may go unacknowledged, and for how long: see the table of lossy links in FAULTS.md.
const ACK_THRESHOLD: u32 = 10;
const ACK_DELAY_MAX: Duration = Duration::from_millis(5);

/// Handshakes that may wait to be looked at.
const INCOMING_MAX: usize = 256;

const KEYS_FILE: &str = "quic.key";
const RESET_KEY_BYTES: usize = 64;
const CONNECTION_KEY_BYTES: usize = 8;

/// What an endpoint has to remember so that, after it was killed and came back on its port, it can tell its peers in a
/// round trip that their connections are gone. With either key new, they would wait for their idle timeout.
#[derive(Clone)]
pub(crate) struct EndpointKeys {
    reset: [u8; RESET_KEY_BYTES],
    connection_ids: u64,
}

impl EndpointKeys {
    /// Keys that nobody has seen.
    pub(crate) fn generate() -> EndpointKeys {
        let mut bytes = [0; RESET_KEY_BYTES + CONNECTION_KEY_BYTES];
        SystemRandom::new().fill(&mut bytes).expect("the system has randomness");
        EndpointKeys::from_bytes(&bytes)
    }

    /// The keys of a node's folder; made there if there are none, or only a torn file.
    pub(crate) fn load_or_generate(folder: &Path) -> io::Result<EndpointKeys> {
        let path = folder.join(KEYS_FILE);
        match fs::read(&path) {
            Ok(bytes) => {
                if let Ok(bytes) = bytes.as_slice().try_into() {
                    return Ok(EndpointKeys::from_bytes(bytes));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let keys = EndpointKeys::generate();
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(SECRET)
            .open(&path)?;
        file.write_all(&keys.reset)?;
        file.write_all(&keys.connection_ids.to_be_bytes())?;
        Ok(keys)
    }

    fn from_bytes(bytes: &[u8; RESET_KEY_BYTES + CONNECTION_KEY_BYTES]) -> EndpointKeys {
        let (reset, connection_ids) = bytes.split_at(RESET_KEY_BYTES);
        EndpointKeys {
            reset: reset.try_into().expect("split there"),
            connection_ids: u64::from_be_bytes(connection_ids.try_into().expect("split there")),
        }
    }
}

/// Whether an endpoint takes connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// It dials and is dialled: a node.
    Both,
    /// It dials: a client.
    Dialling,
}

/// An endpoint that can't be had.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The address can't be listened on: it is in use, or not of this machine.
    #[error("listen on {address}: {error}")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The identity can't be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Binds a socket to `address` and runs QUIC on it. To be called within a tokio runtime.
pub(crate) fn bind(
    identity: &Identity,
    keys: &EndpointKeys,
    side: Side,
    address: SocketAddr,
) -> Result<Endpoint, EndpointError> {
    let bind_error = |error| EndpointError::Bind { address, error };
    let server = match side {
        Side::Both => Some(server_config(identity)?),
        Side::Dialling => None,
    };
    let client = client_config(identity)?;
    let socket = UdpSocket::bind(address).map_err(bind_error)?;
    let mut endpoint =
        Endpoint::new(endpoint_config(keys), server, socket, Arc::new(TokioRuntime)).map_err(bind_error)?;
    endpoint.set_default_client_config(client);
    Ok(endpoint)
}

fn endpoint_config(keys: &EndpointKeys) -> EndpointConfig {
    let reset = hmac::Key::new(hmac::HMAC_SHA256, &keys.reset);
    let mut config = EndpointConfig::new(Arc::new(reset));
    let key = keys.connection_ids;
    config.cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(key)));
    config
}

fn server_config(identity: &Identity) -> Result<ServerConfig, TlsError> {
    let mut config = ServerConfig::with_crypto(Arc::new(tls::server_config(identity)?));
    config.transport_config(transport_config()).max_incoming(INCOMING_MAX);
    Ok(config)
}

fn client_config(identity: &Identity) -> Result<ClientConfig, TlsError> {
    let mut config = ClientConfig::new(Arc::new(tls::client_config(identity)?));
    config.transport_config(transport_config());
    Ok(config)
}

/// The transport parameters of every connection, for whoever measures them. The packet size keeps its default: larger
/// initial ones hang the handshake.
pub fn transport_config() -> Arc<TransportConfig> {
    let mut acks = AckFrequencyConfig::default();
    acks.ack_eliciting_threshold(VarInt::from_u32(ACK_THRESHOLD));
    acks.max_ack_delay(Some(ACK_DELAY_MAX));
    let idle = IDLE_TIMEOUT.try_into().expect("a second is within QUIC's range");
    let mut config = TransportConfig::default();
    config
        .max_idle_timeout(Some(idle))
        .keep_alive_interval(Some(KEEP_ALIVE_INTERVAL))
        .initial_rtt(INITIAL_RTT)
        .ack_frequency_config(Some(acks))
        // A connection has one stream, opened by whoever dialled it.
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None);
    Arc::new(config)
}
