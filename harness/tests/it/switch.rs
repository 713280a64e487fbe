//! The switch between plain sockets, and between real QUIC endpoints.

use std::io::IoSliceMut;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use quinn_udp::{EcnCodepoint, RecvMeta, Transmit, UdpSocketState};
use quorate_harness::switch::{EndpointId, LinkCounters, LinkPolicy, Switch, SwitchError};
use quorate_sim::Distribution;
use tokio::time::timeout;

use crate::quic;

/// No test waits for longer; those that pass wait for some milliseconds at most.
const DEADLINE: Duration = Duration::from_secs(20);

/// An endpoint as plain as can be: a UDP socket.
struct Peer {
    id: EndpointId,
    front: SocketAddr,
    socket: UdpSocket,
}

impl Peer {
    fn new(switch: &Switch, name: &str) -> Self {
        let (id, front) = switch.add_endpoint(name).expect("the switch takes an endpoint");
        let socket = bind();
        switch
            .attach(id, address(&socket))
            .expect("a loopback address is attachable");
        Self { id, front, socket }
    }

    fn send(&self, to: &Peer, payload: &[u8]) {
        let sent = self
            .socket
            .send_to(payload, to.front)
            .expect("a front takes what comes");
        assert_eq!(sent, payload.len());
    }

    /// The next datagram and where it seems to come from.
    fn receive(&self) -> (Vec<u8>, SocketAddr) {
        let mut buffer = vec![0; 1 << 16];
        let (length, source) = self
            .socket
            .recv_from(&mut buffer)
            .expect("a datagram before the deadline");
        buffer.truncate(length);
        (buffer, source)
    }

    #[track_caller]
    fn expect(&self, from: &Peer, payload: &[u8]) {
        assert_eq!(self.receive(), (payload.to_vec(), from.front));
    }
}

fn bind() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("the loopback has a free port");
    socket.set_read_timeout(Some(DEADLINE)).expect("a deadline is no zero");
    socket
}

fn address(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().expect("a bound socket has an address")
}

/// A switch with peers. It comes last in the pair, so that it is dropped first: what it forwards to
/// the port of a closed socket may find the socket of another test.
fn start<const PEERS: usize>() -> ([Peer; PEERS], Switch) {
    let switch = Switch::start().expect("the host has a thread for a switch");
    let peers = std::array::from_fn(|index| Peer::new(&switch, &format!("peer {index}")));
    (peers, switch)
}

#[track_caller]
fn wait_until(mut state: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !state() {
        assert!(Instant::now() < deadline, "the state was not reached in {DEADLINE:?}");
        thread::yield_now();
    }
}

fn set_both(switch: &Switch, a: EndpointId, b: EndpointId, policy: LinkPolicy) {
    switch.set_link(a, b, policy).expect("the switch runs");
    switch.set_link(b, a, policy).expect("the switch runs");
}

#[test]
fn each_sees_the_other_at_its_front() {
    let ([a, b], _switch) = start();
    a.send(&b, b"ping");
    b.expect(&a, b"ping");
    b.send(&a, b"pong");
    a.expect(&b, b"pong");
}

#[test]
fn an_endpoint_reaches_itself() {
    let ([a], switch) = start();
    a.send(&a, b"note to self");
    a.expect(&a, b"note to self");
    assert_eq!(switch.link_counters(a.id, a.id).forwarded_packets, 1);
}

#[test]
fn a_cut_holds_in_one_direction_until_healed() {
    let ([a, b], switch) = start();
    switch.set_link(a.id, b.id, LinkPolicy::Cut).unwrap();
    for _ in 0..3 {
        a.send(&b, b"lost");
    }
    b.send(&a, b"the way back is open");
    a.expect(&b, b"the way back is open");
    wait_until(|| switch.link_counters(a.id, b.id).cut_packets == 3);

    switch.heal_all().unwrap();
    switch.heal_all().unwrap();
    a.send(&b, b"healed");
    b.expect(&a, b"healed");
    let counters = LinkCounters {
        forwarded_packets: 1,
        forwarded_bytes: 6,
        cut_packets: 3,
        ..LinkCounters::default()
    };
    assert_eq!(switch.link_counters(a.id, b.id), counters);
    assert_eq!(switch.link_counters(b.id, a.id).cut_packets, 0);
}

#[test]
fn a_slow_link_delays_one_direction_and_keeps_the_order() {
    let ([a, b], switch) = start();
    let slow = LinkPolicy::Bad {
        delay: Duration::from_millis(30),
        jitter: Duration::from_millis(20),
        jitter_is: Distribution::Uniform,
        packets_per_second: 0,
        loss_percent: 0,
    };
    switch.set_link(a.id, b.id, slow).unwrap();
    let began = Instant::now();
    for number in 0..20 {
        a.send(&b, &[number]);
    }
    b.send(&a, b"the way back is fast");
    a.expect(&b, b"the way back is fast");
    for number in 0..20 {
        b.expect(&a, &[number]);
    }
    assert!(began.elapsed() >= Duration::from_millis(30), "{:?}", began.elapsed());
    let counters = switch.link_counters(a.id, b.id);
    assert_eq!((counters.slowed_packets, counters.forwarded_packets), (20, 20));
    assert_eq!(switch.link_counters(b.id, a.id).slowed_packets, 0);
}

/// What has left before the heal is overtaken by what comes after it.
#[test]
fn a_healed_link_is_fast_at_once() {
    let ([a, b], switch) = start();
    let slow = LinkPolicy::Bad {
        delay: Duration::from_millis(100),
        jitter: Duration::ZERO,
        jitter_is: Distribution::Uniform,
        packets_per_second: 0,
        loss_percent: 0,
    };
    switch.set_link(a.id, b.id, slow).unwrap();
    a.send(&b, b"first");
    b.send(&a, b"the switch has seen it");
    a.expect(&b, b"the switch has seen it");
    switch.heal_all().unwrap();
    a.send(&b, b"second");
    let mut seen = [b.receive().0, b.receive().0];
    seen.sort();
    assert_eq!(seen, [b"first".to_vec(), b"second".to_vec()]);
    assert_eq!(switch.link_counters(a.id, b.id).forwarded_packets, 2);
}

#[test]
fn of_a_throttled_link_so_many_packets_pass_in_a_second() {
    let ([a, b], switch) = start();
    let throttled = LinkPolicy::Bad {
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
        jitter_is: Distribution::LongTailed,
        packets_per_second: 200,
        loss_percent: 0,
    };
    switch.set_link(a.id, b.id, throttled).unwrap();
    let began = Instant::now();
    for number in 0..11 {
        a.send(&b, &[number]);
    }
    for number in 0..11 {
        b.expect(&a, &[number]);
    }
    assert!(began.elapsed() >= Duration::from_millis(50), "{:?}", began.elapsed());
    assert_eq!(switch.link_counters(a.id, b.id).slowed_packets, 11);
}

#[test]
fn what_a_link_holds_comes_at_once_and_in_order_when_it_is_released() {
    let ([a, b], switch) = start();
    switch.set_link(a.id, b.id, LinkPolicy::Held).unwrap();
    for number in 0..20 {
        a.send(&b, &[number]);
    }
    wait_until(|| switch.link_counters(a.id, b.id).held_packets == 20);
    assert_eq!(switch.link_counters(a.id, b.id).forwarded_packets, 0);
    b.send(&a, b"the way back is open");
    a.expect(&b, b"the way back is open");
    switch.heal_all().unwrap();
    for number in 0..20 {
        b.expect(&a, &[number]);
    }
    assert_eq!(switch.link_counters(a.id, b.id).forwarded_packets, 20);
}

#[test]
fn who_is_rebound_comes_from_another_front_and_is_reached_at_both() {
    let ([a, b], switch) = start();
    a.send(&b, b"before");
    let (_, before) = b.receive();
    let front = switch.rebind(a.id).unwrap();
    a.send(&b, b"after");
    let (_, after) = b.receive();
    assert_ne!(before, after);
    assert_eq!(after, front);
    for front in [before, after] {
        b.socket.send_to(b"to you", front).expect("a front takes what comes");
        assert_eq!(a.receive().0, b"to you");
    }
}

/// What links do and have done stays with the endpoints, wherever they are found.
#[test]
fn two_are_found_where_the_other_was_and_keep_their_links() {
    let ([a, b], switch) = start();
    switch.set_link(b.id, a.id, LinkPolicy::Cut).unwrap();
    a.send(&b, b"before");
    let (_, front_of_a) = b.receive();
    switch.swap_fronts(a.id, b.id).unwrap();
    // What goes to where the other was arrives at oneself, and from there: a link of its own, from a to a.
    a.socket
        .send_to(b"to whom?", b.front)
        .expect("a front takes what comes");
    assert_eq!(a.receive(), (b"to whom?".to_vec(), b.front));
    a.socket
        .send_to(b"to you", front_of_a)
        .expect("a front takes what comes");
    assert_eq!(b.receive(), (b"to you".to_vec(), b.front));
    b.socket
        .send_to(b"cut still", b.front)
        .expect("a front takes what comes");
    wait_until(|| switch.link_counters(b.id, a.id).cut_packets == 1);
    assert_eq!(switch.link_counters(a.id, b.id).forwarded_packets, 2);
}

#[test]
fn a_lossy_link_loses_its_share() {
    let ([a, b], switch) = start();
    for (loss_percent, expected) in [(50, 120..280), (100, 400..401)] {
        let before = switch.link_counters(a.id, b.id);
        let lossy = LinkPolicy::Bad {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            jitter_is: Distribution::Uniform,
            packets_per_second: 0,
            loss_percent,
        };
        switch.set_link(a.id, b.id, lossy).unwrap();
        let since = || {
            let counters = switch.link_counters(a.id, b.id);
            let lost = counters.lost_packets - before.lost_packets;
            (lost, counters.forwarded_packets - before.forwarded_packets)
        };
        for count in 1..=400 {
            a.send(&b, b"?");
            wait_until(|| since().0 + since().1 == count);
        }
        let (lost, forwarded) = since();
        assert!(expected.contains(&lost), "{lost} of 400 lost");
        (0..forwarded).for_each(|_| b.expect(&a, b"?"));
    }
}

#[test]
fn a_cut_is_of_one_pair_alone() {
    let ([a, b, c], switch) = start();
    set_both(&switch, a.id, b.id, LinkPolicy::Cut);
    a.send(&b, b"lost");
    a.send(&c, b"to c");
    c.expect(&a, b"to c");
    c.send(&b, b"to b");
    b.expect(&c, b"to b");
    wait_until(|| switch.link_counters(a.id, b.id).cut_packets == 1);
}

#[test]
fn nothing_is_forwarded_once_a_cut_has_returned() {
    let ([a, b], switch) = start();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                a.send(&b, &[0; 100]);
            }
        });
        for _ in 0..20 {
            let forwarded = || switch.link_counters(a.id, b.id).forwarded_packets;
            let before = forwarded();
            wait_until(|| forwarded() > before);
            switch.set_link(a.id, b.id, LinkPolicy::Cut).unwrap();
            let at_cut = switch.link_counters(a.id, b.id);
            wait_until(|| switch.link_counters(a.id, b.id).cut_packets > at_cut.cut_packets + 100);
            assert_eq!(forwarded(), at_cut.forwarded_packets);
            switch.heal_all().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn an_unknown_source_is_dropped_and_counted() {
    let ([a, b], switch) = start();
    let stranger = bind();
    stranger.send_to(b"who am I", b.front).unwrap();
    wait_until(|| switch.unknown_source_packets(b.id) == 1);

    switch.detach(a.id).unwrap();
    switch.detach(a.id).unwrap();
    a.send(&b, b"too late");
    wait_until(|| switch.unknown_source_packets(b.id) == 2);

    switch.attach(a.id, address(&a.socket)).unwrap();
    a.send(&b, b"back");
    b.expect(&a, b"back");
    assert_eq!(switch.unknown_source_packets(a.id), 0);
    assert_eq!(switch.link_counters(a.id, b.id).forwarded_packets, 1);
}

#[test]
fn a_restarted_endpoint_keeps_its_front() {
    let ([a, mut b], switch) = start();
    let old_socket = std::mem::replace(&mut b.socket, bind());
    switch.attach(b.id, address(&b.socket)).unwrap();

    a.send(&b, b"to the new port");
    b.expect(&a, b"to the new port");
    b.send(&a, b"from the new port");
    a.expect(&b, b"from the new port");
    old_socket.send_to(b"from the old port", a.front).unwrap();
    wait_until(|| switch.unknown_source_packets(a.id) == 1);
}

#[test]
fn an_address_belongs_to_who_was_attached_last() {
    let ([a, b, c], switch) = start();
    switch.attach(c.id, address(&b.socket)).unwrap();
    a.send(&b, b"b is nowhere");
    wait_until(|| switch.link_counters(a.id, b.id).undelivered_packets == 1);
    a.send(&c, b"c is where b was");
    b.expect(&a, b"c is where b was");
    b.send(&a, b"so that is c");
    a.expect(&c, b"so that is c");
}

#[test]
fn no_endpoint_is_off_the_loopback_or_in_the_switch() {
    let ([a, b], switch) = start();
    for address in [
        "0.0.0.0:7000",
        "192.0.2.1:7000",
        "[::1]:7000",
        "127.0.0.1:0",
        &b.front.to_string(),
    ] {
        let address = address.parse().unwrap();
        let refused = switch.attach(a.id, address).unwrap_err();
        assert!(
            matches!(refused, SwitchError::Unattachable { address: it } if it == address),
            "{refused}"
        );
    }
    a.send(&b, b"still where it was");
    b.expect(&a, b"still where it was");
}

#[test]
fn every_packet_is_counted_once() {
    let ([a, b], switch) = start();
    let payloads = [0, 1, 1200, 1452, 9000, 65_507].map(|length| vec![7; length]);
    for payload in &payloads {
        a.send(&b, payload);
        b.expect(&a, payload);
    }
    switch.detach(b.id).unwrap();
    a.send(&b, b"nobody is there");
    wait_until(|| switch.link_counters(a.id, b.id).undelivered_packets == 1);
    let counters = LinkCounters {
        forwarded_packets: payloads.len() as u64,
        forwarded_bytes: payloads.iter().map(|payload| payload.len() as u64).sum(),
        undelivered_packets: 1,
        ..LinkCounters::default()
    };
    assert_eq!(switch.link_counters(a.id, b.id), counters);
    assert_eq!(switch.link_counters(b.id, a.id), LinkCounters::default());
}

#[test]
fn a_burst_waits_in_the_front() {
    let ([a, b], switch) = start();
    for _ in 0..150 {
        a.send(&b, &[0; 1200]);
    }
    wait_until(|| switch.link_counters(a.id, b.id).forwarded_packets == 150);
}

#[test]
fn trains_arrive_as_they_were_coupled() {
    let ([a, b], switch) = start();
    let receiving = UdpSocketState::new((&b.socket).into()).unwrap();
    let mut packet_count = 0;
    for (packet_bytes, bytes) in [(1200, 11_000), (1452, 14_520), (1000, 64_000), (100, 150), (1200, 700)] {
        let contents = pattern(bytes);
        for train in send_trains(&a, &b, &contents, packet_bytes) {
            let (received, meta) = receive_train(&receiving, &b.socket);
            assert_eq!(received, train);
            assert_eq!(meta.addr, a.front);
            assert_eq!(meta.ecn, Some(EcnCodepoint::Ect1));
            assert_eq!(meta.stride, packet_bytes.min(train.len()));
        }
        packet_count += bytes.div_ceil(packet_bytes) as u64;
        assert_eq!(switch.link_counters(a.id, b.id).forwarded_packets, packet_count);
    }
}

#[test]
fn a_train_is_its_packets() {
    let ([a, b], switch) = start();
    let contents = pattern(11_000);
    send_trains(&a, &b, &contents, 1200);
    for packet in contents.chunks(1200) {
        b.expect(&a, packet);
    }
    switch.set_link(a.id, b.id, LinkPolicy::Cut).unwrap();
    send_trains(&a, &b, &contents, 1200);
    wait_until(|| switch.link_counters(a.id, b.id).cut_packets == 10);
    switch.detach(a.id).unwrap();
    send_trains(&a, &b, &contents, 1200);
    wait_until(|| switch.unknown_source_packets(b.id) == 10);
}

fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|index| (index % 251) as u8).collect()
}

/// Sends packets of one length in as few trains as the system allows, and returns those.
fn send_trains<'a>(from: &Peer, to: &Peer, contents: &'a [u8], packet_bytes: usize) -> Vec<&'a [u8]> {
    let sending = UdpSocketState::new((&from.socket).into()).expect("a socket can be set up");
    let trains: Vec<_> = contents.chunks(packet_bytes * sending.max_gso_segments()).collect();
    for train in &trains {
        let transmit = Transmit {
            destination: to.front,
            ecn: Some(EcnCodepoint::Ect1),
            contents: train,
            segment_size: Some(packet_bytes),
            src_ip: None,
        };
        wait_until(|| sending.try_send((&from.socket).into(), &transmit).is_ok());
    }
    trains
}

fn receive_train(receiving: &UdpSocketState, socket: &UdpSocket) -> (Vec<u8>, RecvMeta) {
    let mut buffer = vec![0; 1 << 16];
    let mut meta = RecvMeta::default();
    wait_until(|| {
        let mut slices = [IoSliceMut::new(&mut buffer)];
        receiving
            .recv(socket.into(), &mut slices, std::slice::from_mut(&mut meta))
            .is_ok()
    });
    buffer.truncate(meta.len);
    (buffer, meta)
}

#[test]
fn a_dead_receiver_disturbs_nobody() {
    let ([a, b, c], switch) = start();
    // The system answers for a closed port, and yet no other test can be given it.
    b.socket.connect(c.front).unwrap();
    for sent in 1..=100 {
        a.send(&b, b"anybody there?");
        wait_until(|| switch.link_counters(a.id, b.id).forwarded_packets == sent);
    }
    a.send(&c, b"still here");
    c.expect(&a, b"still here");
    c.send(&a, b"so am I");
    a.expect(&c, b"so am I");
}

#[test]
fn a_flood_holds_up_nobody() {
    let ([flooder, drain, a, b], switch) = start();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                flooder.send(&drain, &[0; 100]);
            }
        });
        let flooded = || switch.link_counters(flooder.id, drain.id).forwarded_packets;
        let before = flooded();
        for _ in 0..200 {
            a.send(&b, b"ping");
            b.expect(&a, b"ping");
            switch.set_link(b.id, a.id, LinkPolicy::Open).unwrap();
            b.send(&a, b"pong");
            a.expect(&b, b"pong");
        }
        assert!(flooded() > before);
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn many_endpoints_reach_each_other() {
    const ENDPOINTS: usize = 40;
    let (peers, switch) = start::<ENDPOINTS>();
    for to in &peers {
        for from in &peers {
            from.send(to, from.front.to_string().as_bytes());
        }
        for _ in 0..ENDPOINTS {
            let (payload, source) = to.receive();
            assert_eq!(payload, source.to_string().into_bytes());
        }
    }
    for to in &peers {
        for from in &peers {
            assert_eq!(switch.link_counters(from.id, to.id).forwarded_packets, 1);
        }
    }
}

#[test]
fn a_switch_has_a_limit() {
    let switch = Switch::start().unwrap();
    let refused = std::iter::from_fn(|| Some(switch.add_endpoint("one of many"))).find_map(Result::err);
    assert!(
        matches!(refused, Some(SwitchError::TooManyEndpoints { limit: 256 })),
        "{refused:?}"
    );
}

#[test]
fn the_end_frees_the_ports() {
    const ENDPOINTS: usize = 8;
    let ends: [fn(Switch); 2] = [drop, |switch| switch.stop().expect("the switch runs until then")];
    for end in ends {
        let (peers, switch) = start::<ENDPOINTS>();
        peers[0].send(&peers[1], b"unread");
        assert!(peers.iter().all(|peer| UdpSocket::bind(peer.front).is_err()));
        end(switch);
        let free = peers.iter().filter(|peer| UdpSocket::bind(peer.front).is_ok());
        // Another test may have been given one of them since.
        assert!(free.count() >= ENDPOINTS - 1);
    }
}

#[test]
fn quic_survives_a_cut() {
    const ECHOED_BYTES: usize = 4 << 20;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let switch = Switch::start().unwrap();
        let (server_config, client_config) = quic::configs();
        let server = quic::server(server_config);
        let client = quic::client(client_config);
        let (server_id, server_front) = switch.add_endpoint("server").unwrap();
        let (client_id, _) = switch.add_endpoint("client").unwrap();
        switch.attach(server_id, server.local_addr().unwrap()).unwrap();
        switch.attach(client_id, client.local_addr().unwrap()).unwrap();
        tokio::spawn(quic::serve_echo(server));

        let connection = client.connect(server_front, quic::SERVER_NAME).unwrap().await.unwrap();
        assert_eq!(connection.remote_address(), server_front);
        let (mut to_server, mut from_server) = connection.open_bi().await.unwrap();
        let sent = pattern(ECHOED_BYTES);
        let echoed = async {
            let mut echoed = vec![0; ECHOED_BYTES];
            let (before_cut, after_cut) = echoed.split_at_mut(ECHOED_BYTES / 2);
            from_server.read_exact(before_cut).await.unwrap();
            set_both(&switch, client_id, server_id, LinkPolicy::Cut);
            while switch.link_counters(client_id, server_id).cut_packets == 0
                || switch.link_counters(server_id, client_id).cut_packets == 0
            {
                tokio::task::yield_now().await;
            }
            switch.heal_all().unwrap();
            from_server.read_exact(after_cut).await.unwrap();
            echoed
        };
        let both = async { tokio::join!(to_server.write_all(&sent), echoed) };
        let (written, echoed) = timeout(DEADLINE, both)
            .await
            .expect("the echo comes before the deadline");
        written.unwrap();
        assert!(echoed == sent, "the echo is what was sent");
        assert!(switch.link_counters(server_id, client_id).forwarded_bytes > ECHOED_BYTES as u64);
        assert_eq!(switch.unknown_source_packets(server_id), 0);
    });
}
