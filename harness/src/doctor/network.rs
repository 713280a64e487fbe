//! UDP on the loopback.

use std::{
    net::{Ipv4Addr, UdpSocket},
    time::Duration,
};

use quinn_udp::UdpSocketState;

use super::{Found, Status};

/// How long a datagram may take on the loopback.
const PATIENCE: Duration = Duration::from_secs(2);

/// Sockets at the same time: those of the largest cluster, a node and a front each.
const PORTS: usize = 128;

/// A datagram from one socket to another.
pub(super) fn loopback() -> Found {
    let (from, to) = (bind()?, bind()?);
    let address = to.local_addr().map_err(|error| error.to_string())?;
    let arrived = to
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| from.send_to(b"?", address))
        .and_then(|_| to.recv(&mut [0; 8]));
    arrived.map_err(|error| format!("send a datagram to {address}: {error}"))?;
    Ok((Status::Ok, format!("a datagram reached {address}")))
}

/// As many free ports as there may have to be.
pub(super) fn ports() -> Found {
    let mut sockets = Vec::new();
    for count in 0..PORTS {
        sockets.push(bind().map_err(|why| format!("{why}, after {count} of {PORTS}"))?);
    }
    Ok((Status::Ok, format!("{PORTS} at a time")))
}

/// How many packets the system takes, and gives, in one call.
pub(super) fn offload() -> Found {
    let socket = bind()?;
    let state = UdpSocketState::new((&socket).into()).map_err(|error| format!("ask for it: {error}"))?;
    let (send, receive) = (state.max_gso_segments(), state.gro_segments());
    let status = if send > 1 && receive > 1 {
        Status::Ok
    } else {
        Status::Poor
    };
    Ok((status, format!("{send} packets a call out (GSO), {receive} in (GRO)")))
}

fn bind() -> Result<UdpSocket, String> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| format!("bind a UDP socket on 127.0.0.1: {error}"))
}
