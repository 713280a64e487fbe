//! A client's socket.

use std::net::SocketAddr;

use quinn::Endpoint;
use quorate_core::ClusterId;
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

use super::node::NodeClient;
use crate::{
    endpoint::{self, EndpointError, EndpointKeys, Side},
    hello::Hello,
    identity::Identity,
    session::CloseCode,
};

/// What a client has to be told.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// The cluster's name: nodes of another refuse this client, and it them.
    pub cluster: String,
    /// Where to bind the socket; port 0 for any.
    pub bind: SocketAddr,
    /// The seed of the pauses between redials.
    pub seed: u64,
}

/// One socket, with one identity, for any number of [`NodeClient`]s.
#[derive(Debug)]
pub struct ClientEndpoint {
    endpoint: Endpoint,
    address: SocketAddr,
    cluster: ClusterId,
    seed: u64,
}

impl ClientEndpoint {
    /// Binds the socket. To be called within a tokio runtime; a current-thread one is fastest.
    ///
    /// # Errors
    /// [`EndpointError`] if the address can't be had or the identity not be used.
    pub fn new(identity: &Identity, options: &ClientOptions) -> Result<ClientEndpoint, EndpointError> {
        let endpoint = endpoint::bind(identity, &EndpointKeys::generate(), Side::Dialling, options.bind)?;
        let address = endpoint.local_addr().expect("a bound socket has an address");
        Ok(ClientEndpoint {
            endpoint,
            address,
            cluster: ClusterId::from_name(&options.cluster),
            seed: options.seed,
        })
    }

    /// The address of the socket: where nodes see this client, but for what is in between.
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// A connection to the node at `address`, kept up in the background until the last clone of it is dropped. Two
    /// calls make two connections, which cost more than one: clone what this returns, where one will do.
    pub fn node(&self, address: SocketAddr) -> NodeClient {
        let rng = Pcg64Mcg::seed_from_u64(self.seed ^ u64::from(address.port()));
        let dialling = Dialling {
            endpoint: self.endpoint.clone(),
            address,
            cluster: self.cluster,
            hello: Hello::of_client(self.cluster),
        };
        NodeClient::start(dialling, rng)
    }

    /// Closes every connection, and waits until the nodes have heard of it or can't be reached.
    pub async fn close(self) {
        self.endpoint
            .close((CloseCode::Stopping as u32).into(), b"the client is done");
        self.endpoint.wait_idle().await;
    }
}

/// All that it takes to dial one node.
#[derive(Debug)]
pub(super) struct Dialling {
    pub(super) endpoint: Endpoint,
    pub(super) address: SocketAddr,
    pub(super) cluster: ClusterId,
    pub(super) hello: Hello,
}
