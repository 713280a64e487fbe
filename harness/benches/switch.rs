//! What the switch costs: echo over QUIC straight to the server, and through the switch, in turns.
//!
//! One stream, with a fixed number of small messages in flight; client, server and switch have a
//! thread each, as they have in a run (where the first two are processes). `cargo bench` measures,
//! `cargo test` only runs through it; the figures depend on how many cores there are.

use std::net::SocketAddr;
use std::time::{Duration, Instant};
use std::{env, thread};

use quinn::Endpoint;
use quorate_harness::switch::{EndpointId, Switch};
use tokio::runtime::{Builder, Runtime};

#[path = "../tests/it/quic.rs"]
mod quic;

const MESSAGE_BYTES: usize = 128;

/// How much is measured.
struct Effort {
    rounds: usize,
    /// A tenth as many go before, unmeasured.
    operations: usize,
}

const FULL: Effort = Effort {
    rounds: 15,
    operations: 20_000,
};
const QUICK: Effort = Effort {
    rounds: 1,
    operations: 200,
};

fn main() {
    let measured = env::args().any(|argument| argument == "--bench");
    let effort = if measured { FULL } else { QUICK };
    println!(
        "echo of {MESSAGE_BYTES}-byte messages over one QUIC stream, {} in each of {} rounds a path; medians",
        effort.operations, effort.rounds
    );
    println!("in flight  direct ops/s  switched ops/s  ratio (least to most)  added to a round trip");
    let bench = Bench::new();
    for in_flight in [1, 64, 256, 4096] {
        bench.compare(in_flight, &effort);
    }
    bench.check();
}

struct Bench {
    runtime: Runtime,
    client: Endpoint,
    server_address: SocketAddr,
    server_front: SocketAddr,
    switch: Switch,
    link: (EndpointId, EndpointId),
}

impl Bench {
    fn new() -> Self {
        let (server_config, client_config) = quic::configs();
        let runtime = current_thread();
        let client = {
            let _context = runtime.enter();
            quic::client(client_config)
        };
        let server_runtime = current_thread();
        let server = {
            let _context = server_runtime.enter();
            quic::server(server_config)
        };
        let server_address = address(&server);
        thread::spawn(move || server_runtime.block_on(quic::serve_echo(server)));

        let switch = Switch::start().expect("the host has a thread for a switch");
        let (client_id, _) = switch.add_endpoint("client").expect("there is room");
        let (server_id, server_front) = switch.add_endpoint("server").expect("there is room");
        switch.attach(client_id, address(&client)).expect("it is on loopback");
        switch.attach(server_id, server_address).expect("it is on loopback");
        Self {
            runtime,
            client,
            server_address,
            server_front,
            switch,
            link: (client_id, server_id),
        }
    }

    /// Measures both paths in turns and prints a line.
    fn compare(&self, in_flight: usize, effort: &Effort) {
        let mut direct = Vec::new();
        let mut switched = Vec::new();
        for _ in 0..effort.rounds {
            direct.push(self.measure(self.server_address, in_flight, effort.operations));
            switched.push(self.measure(self.server_front, in_flight, effort.operations));
        }
        let mut ratios: Vec<_> = switched
            .iter()
            .zip(&direct)
            .map(|(switched, direct)| switched / direct)
            .collect();
        let (direct, switched) = (median(&mut direct), median(&mut switched));
        let ratio = median(&mut ratios);
        let added_us = in_flight as f64 * (1e6 / switched - 1e6 / direct);
        println!(
            "{in_flight:9}  {direct:12.0}  {switched:14.0}   {ratio:4.2} ({:4.2} to {:4.2})  {added_us:18.0} us",
            ratios[0],
            ratios[ratios.len() - 1],
        );
    }

    /// Operations a second over a connection of its own to `server`.
    fn measure(&self, server: SocketAddr, in_flight: usize, operations: usize) -> f64 {
        self.runtime.block_on(async {
            let connecting = self
                .client
                .connect(server, quic::SERVER_NAME)
                .expect("the client has a configuration");
            let connection = connecting.await.expect("the server accepts");
            let (mut to_server, mut from_server) = connection.open_bi().await.expect("the server allows streams");
            let mut echo = async |operations: usize| {
                let start = Instant::now();
                let (mut to_send, mut to_receive) = (operations * MESSAGE_BYTES, operations * MESSAGE_BYTES);
                let messages = vec![0; in_flight * MESSAGE_BYTES];
                let mut room = messages.len();
                while to_receive > 0 {
                    let next = &messages[..room.min(to_send)];
                    to_server.write_all(next).await.expect("the connection lives");
                    to_send -= next.len();
                    let chunk = from_server
                        .read_chunk(messages.len(), true)
                        .await
                        .expect("the connection lives");
                    room = chunk.expect("the server ends no stream").bytes.len();
                    to_receive -= room;
                }
                start.elapsed()
            };
            echo(operations / 10).await;
            let elapsed: Duration = echo(operations).await;
            connection.close(0_u8.into(), b"done");
            operations as f64 / elapsed.as_secs_f64()
        })
    }

    /// Whether what was measured is what was meant: the switch carried it, and lost nothing.
    fn check(&self) {
        let (client, server) = self.link;
        for (from, to) in [(client, server), (server, client)] {
            let counters = self.switch.link_counters(from, to);
            assert!(counters.forwarded_packets > 0);
            assert_eq!(counters.undelivered_packets, 0);
        }
    }
}

fn current_thread() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the host has an event queue")
}

fn address(endpoint: &Endpoint) -> SocketAddr {
    endpoint.local_addr().expect("an endpoint is bound")
}

/// Sorts `values` and returns the middle one.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
