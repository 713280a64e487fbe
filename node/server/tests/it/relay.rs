//! A stretch of network in front of a node, on which every datagram takes a while.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::UdpSocket, task::JoinSet, time::sleep};

/// The longest datagram.
const DATAGRAM_BYTES_MAX: usize = 65_536;

/// Between one client and one node. Ends when it is dropped.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Relay {
    /// Carries datagrams to `node` and back, each in `delay`.
    pub(crate) async fn start(node: SocketAddr, delay: Duration) -> Relay {
        let front = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let back = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        back.connect(node).await.unwrap();
        let address = front.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(carry(front, back, delay));
        Relay { address, _tasks: tasks }
    }
}

/// Carries both ways, for whoever sent to the front last.
async fn carry(front: Arc<UdpSocket>, back: Arc<UdpSocket>, delay: Duration) {
    let mut client = None;
    let (mut out, mut home) = (vec![0; DATAGRAM_BYTES_MAX], vec![0; DATAGRAM_BYTES_MAX]);
    let mut late = JoinSet::new();
    loop {
        while late.try_join_next().is_some() {}
        tokio::select! {
            received = front.recv_from(&mut out) => {
                let (length, from) = received.unwrap();
                client = Some(from);
                let (back, datagram) = (Arc::clone(&back), out[..length].to_vec());
                late.spawn(async move {
                    sleep(delay).await;
                    // A node that is gone refuses; to the client it is silent.
                    let _ = back.send(&datagram).await;
                });
            }
            received = back.recv(&mut home) => {
                if let (Ok(length), Some(client)) = (received, client) {
                    let (front, datagram) = (Arc::clone(&front), home[..length].to_vec());
                    late.spawn(async move {
                        sleep(delay).await;
                        front.send_to(&datagram, client).await.unwrap();
                    });
                }
            }
        }
    }
}
