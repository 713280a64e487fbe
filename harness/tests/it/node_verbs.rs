//! `quorate node status`, `ring` and the others, asked of real nodes as an operator or a script would.

use std::{
    io::{BufRead, BufReader},
    net::{SocketAddr, UdpSocket},
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use quorate_core::{CasAction, CasRequest, Context, Key, Kind, Level, Request, Response, Update, Value, WriteRequest};
use quorate_node::{
    client::{ClientEndpoint, ClientOptions},
    identity::Identity,
};
use serde_json::Value as Json;

use crate::{
    command::{Ended, Quorate},
    processes::turn,
};

/// How long anything here may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks at a state that is waited for.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

const CLUSTER: &str = "ops-test";

/// Nodes, and an operator's shell.
struct Nodes {
    quorate: Quorate,
    processes: Vec<Process>,
}

/// A node, which dies with its handle.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already reaped, where a test has killed it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Nodes {
    /// Nodes that all own all keys.
    fn start(count: usize) -> Nodes {
        Nodes::found(count, count, count)
    }

    /// Founders, and the identities of so many nodes in all.
    fn found(count: usize, replicas: usize, identities: usize) -> Nodes {
        let quorate = Quorate::new();
        let names: String = (1..=identities).map(|n| format!(" --node n{n}")).collect();
        let made = quorate.run(&format!("certs c{names} --admin ops --client app"));
        assert_eq!(made.code, 0, "{}", made.stderr);
        let mut nodes = Nodes {
            quorate,
            processes: Vec::new(),
        };
        let shape = format!("--founders {count} --replicas {replicas}");
        (0..count).for_each(|_| nodes.add(&shape));
        let is_settled = |status: &Json| {
            // Each has to have heard the others say that they are on the ring, which is a round of gossip after it is there itself.
            let is_there = |member: &&Json| member["linked"] == true && member["standing"] == "normal";
            let others = members(status, "members").filter(is_there);
            !status["ring"].is_null() && others.count() == count - 1
        };
        for node in 0..count {
            nodes.until(node, is_settled);
        }
        nodes
    }

    /// Starts the next node.
    fn add(&mut self, more: &str) {
        let n = self.processes.len() + 1;
        let seeds: String = self
            .processes
            .iter()
            .map(|seed| format!(" --seed-node {}", seed.address))
            .collect();
        // With and without the verb's name: both run a node.
        let verb = if n == 1 { "node" } else { "node run" };
        let arguments = format!(
            "{verb} --data c/n{n} --name n{n} --cluster {CLUSTER} --partitions 16 --rack r{n} --gossip-interval 100ms \
             --exit-with-parent {more}{seeds}"
        );
        let mut command = self.quorate.command(&arguments);
        let command = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().expect("it can be run");
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("asked for"));
        out.read_line(&mut line).expect("text");
        let said: Json = serde_json::from_str(&line).expect("the line that says where it listens");
        let address = said["listening"].as_str().expect("an address");
        let address = address.parse().expect("an address");
        self.processes.push(Process { child, address });
    }

    fn kill(&mut self, node: usize) {
        let child = &mut self.processes[node].child;
        child.kill().expect("it runs");
        child.wait().expect("it ends");
    }

    fn identity(&self, node: usize) -> String {
        self.json(node, "status")["node"].as_str().expect("text").to_owned()
    }

    /// Waits until a node owns its share.
    fn until_normal(&self, node: usize) {
        self.until(node, |status| {
            let moves = &status["moves"];
            moves["standing"] == "normal" && ["gaining", "losing", "moving", "stray"].iter().all(|of| moves[of] == 0)
        });
    }

    /// Waits until a node does what it refuses as long as it sees no reason.
    fn until_done(&self, node: usize, verb: &str) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ended = self.ask(node, verb);
            if ended.code == 0 {
                return ended;
            }
            assert!(Instant::now() < deadline, "{verb}, in vain: {}", ended.stderr);
            std::thread::park_timeout(POLL_INTERVAL);
        }
    }

    fn assert_refused(&self, node: usize, verb: &str, why: &str) {
        let ended = self.ask(node, verb);
        assert_eq!((ended.code, ended.stdout.as_str()), (70, ""), "{verb}");
        assert!(ended.stderr.contains(why), "{why:?} in {}", ended.stderr);
    }

    /// Asks a node, as the operator.
    fn ask(&self, node: usize, verb: &str) -> Ended {
        let address = self.processes[node].address;
        self.quorate.run(&format!(
            "node {verb} --connect {address} --identity c/ops --cluster {CLUSTER}"
        ))
    }

    /// What a node answers, for machines.
    fn json(&self, node: usize, verb: &str) -> Json {
        let ended = self.ask(node, &format!("{verb} --format json"));
        assert_eq!(ended.stderr, "", "{verb}");
        self.json_of(&ended)
    }

    fn json_of(&self, ended: &Ended) -> Json {
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(ended.stdout.matches('\n').count(), 1, "one line: {}", ended.stdout);
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stdout))
    }

    /// What a node answers, for people. Nothing in it is wider than a terminal, and nothing is colour.
    fn text(&self, node: usize, verb: &str) -> String {
        let ended = self.ask(node, verb);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{verb}");
        for line in ended.stdout.lines() {
            let width = line.chars().count();
            assert!(width <= 100 && line.trim_end() == line, "{width} columns: {line:?}");
        }
        assert!(!ended.stdout.contains('\u{1b}'), "{}", ended.stdout);
        ended.stdout
    }

    fn until(&self, node: usize, wanted: impl Fn(&Json) -> bool) {
        self.until_answer(node, "status", wanted);
    }

    /// Waits until a node answers as wanted, and returns that.
    fn until_answer(&self, node: usize, verb: &str, wanted: impl Fn(&Json) -> bool) -> Json {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.json(node, verb);
            if wanted(&answer) {
                return answer;
            }
            assert!(Instant::now() < deadline, "waited in vain: {answer:#}");
            std::thread::park_timeout(POLL_INTERVAL);
        }
    }

    /// Writes through a node, as a client, to as many nodes as there are.
    fn write(&self, node: usize, kind: Kind, name: &[u8], update: Update) -> Response {
        let write = WriteRequest::new(Key::of(kind, name), update, Level::All, PATIENCE);
        self.request(node, Request::Write(write))
    }

    /// Asks a node, as a client.
    fn request(&self, node: usize, request: Request) -> Response {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let folder = self.quorate.path().join("c/app");
        runtime
            .expect("a runtime")
            .block_on(request_as(&folder, self.processes[node].address, request))
    }
}

async fn request_as(folder: &Path, address: SocketAddr, request: Request) -> Response {
    let options = ClientOptions {
        cluster: CLUSTER.to_owned(),
        bind: "127.0.0.1:0".parse().expect("an address"),
        seed: 1,
    };
    let identity = Identity::load(folder).expect("an identity");
    let endpoint = ClientEndpoint::new(&identity, &options).expect("a socket");
    let node = endpoint.node(address);
    let answer = node.request(&request, (Instant::now() + PATIENCE).into()).await;
    endpoint.close().await;
    answer.expect("an answer")
}

fn put(value: &[u8]) -> Update {
    Update::put(Value(value.to_vec().into()))
}

fn members<'a>(object: &'a Json, list: &str) -> impl Iterator<Item = &'a Json> {
    object[list].as_array().expect("a list").iter()
}

/// Which lines there are, by how each begins.
fn assert_lines(text: &str, starts: &[&str]) {
    for start in starts {
        assert!(text.lines().any(|line| line.starts_with(start)), "{start:?} in\n{text}");
    }
}

#[test]
fn nodes_tell_how_they_are_who_is_on_the_ring_and_who_owns_a_key() {
    let _turn = turn();
    let nodes = Nodes::start(2);
    let status = nodes.json(0, "status");
    assert_eq!((&status["name"], &status["generation"]), (&"n1".into(), &1.into()));
    let other = members(&status, "members").find(|member| member["self"] == false);
    let other = other.expect("the other node");
    assert_eq!(
        (&other["name"], &other["up"], &other["linked"]),
        (&"n2".into(), &true.into(), &true.into())
    );
    assert_eq!(
        (&other["ring"], &other["standing"]),
        (&status["ring"], &"normal".into())
    );
    assert_eq!(other["address"], nodes.processes[1].address.to_string());
    let text = nodes.text(0, "status");
    assert_lines(
        &text,
        &[
            "node      n1 ",
            "ring      ",
            "standing  normal",
            "moves     holds 16 partitions, 0 to gain, 0 to lose, 0 to drop; 0 are moving",
            "hints     0 pending",
            "NODE              NAME",
        ],
    );
    assert!(
        text.lines()
            .any(|line| line.contains("  n2 ") && line.ends_with("same")),
        "{text}"
    );

    let ring = nodes.json(1, "ring");
    assert_eq!((&ring["ring"], &ring["partitions"]), (&status["ring"], &16.into()));
    assert_eq!(
        (&ring["replication"], &ring["max_over_mean"]),
        (&"2".into(), &1.0.into())
    );
    for member in members(&ring, "members") {
        assert_eq!((&member["owned"], &member["share_percent"]), (&16.into(), &50.0.into()));
    }
    let text = nodes.text(1, "ring");
    assert_lines(&text, &["partitions  16, each on 2 nodes", "max/mean    1.00"]);
    assert!(
        text.lines()
            .any(|line| line.contains("  n1 ") && line.ends_with("50.0 %")),
        "{text}"
    );

    let replicas = nodes.json(0, "replicas k17");
    let text = nodes.text(0, "replicas k17");
    assert_eq!(replicas["key"], "k17");
    let partition = replicas["partition"].as_u64().expect("a number");
    assert_lines(
        &text,
        &[
            "key        \"k17\" (register)",
            &format!("partition  {partition} of 16"),
        ],
    );
    for (owner, line) in members(&replicas, "owners").zip(text.lines().skip(4)) {
        for column in ["node", "name", "address", "dc", "rack"] {
            assert!(
                line.contains(owner[column].as_str().expect("text")),
                "{column} in {line}"
            );
        }
        assert!(owner["self"] == true || owner["linked"] == true, "{owner}");
    }
    assert_eq!(replicas, nodes.json(0, "replicas k17 --kind register"));
}

/// How many partitions each member owns, by its name, as a node sees it.
fn owned(ring: &Json) -> Vec<(String, u64)> {
    let share = |member: &Json| Some((member["name"].as_str()?.to_owned(), member["owned"].as_u64()?));
    let mut owned: Vec<_> = members(ring, "members").filter_map(share).collect();
    owned.sort();
    owned
}

/// A node joins, one leaves, one dies and is removed, one dies and is replaced: what was written stays, and what would
/// harm is refused.
#[test]
fn members_come_and_go() {
    let _turn = turn();
    let mut nodes = Nodes::found(3, 3, 7);
    let written = nodes.write(0, Kind::Register, b"k", put(b"v"));
    assert!(matches!(written, Response::Write(Ok(_))), "{written:?}");
    for newcomer in [3, 4] {
        nodes.add("--founders 3 --replicas 3 --join");
        nodes.until_normal(newcomer);
    }
    // What has come to rest may begin to move again, as long as shares are not even.
    let is_even = |ring: &Json| {
        let is_normal = |member: &Json| member["standing"] == "normal";
        let total: u64 = owned(ring).iter().map(|(_, owned)| owned).sum();
        owned(ring).len() == 5 && total == 48 && members(ring, "members").all(is_normal)
    };
    let ring = nodes.until_answer(4, "ring", is_even);
    let shares = owned(&ring);
    assert!(shares[4].1 > 0, "{shares:?}");

    let ended = nodes.ask(0, "weight 3 --wait");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_lines(
        &ended.stdout,
        &["weight   3, of 127.0.0.1:", "standing normal", "moves    holds "],
    );
    let heavier = owned(&nodes.json(0, "ring"));
    assert!(heavier[0].1 > shares[0].1, "{heavier:?}, and before {shares:?}");
    let third = nodes.identity(2);
    nodes.assert_refused(0, &format!("remove {third}"), "is alive: it can leave");
    nodes.assert_refused(0, "remove n9", "nobody is called so");
    assert_eq!(nodes.ask(0, "weight 0").code, 64);

    let left = nodes.json_of(&nodes.ask(1, "leave --wait --format json"));
    let moves = &left["moves"];
    // It had nothing left when it said so. Who had not heard of that yet may have brought it a copy since, which is no loss.
    assert_eq!((&moves["standing"], &moves["owned"]), (&"left".into(), &0.into()));
    nodes.until(1, |status| !status["moves"]["refused"].is_null());
    let refused = nodes.write(1, Kind::Register, b"k", put(b"w"));
    assert!(format!("{refused:?}").contains("Removed"), "{refused:?}");
    nodes.kill(1);

    nodes.kill(2);
    let ended = nodes.until_done(0, "remove n3");
    assert_lines(&ended.stdout, &[&format!("removed  {third}"), "standing normal"]);
    assert_eq!(
        nodes.ask(0, &format!("remove {third}")).code,
        0,
        "once more does no harm"
    );
    for node in [0, 3, 4] {
        nodes.until_normal(node);
        nodes.until(node, |status| status["moves"]["owned"] == 16);
    }
    nodes.assert_refused(0, "leave", "2 members would be left for 3 replicas");

    let fourth = nodes.identity(3);
    nodes.kill(3);
    nodes.add(&format!("--founders 3 --replicas 3 --replace {fourth}"));
    nodes.until_normal(5);
    let all = ["n1", "n5", "n6"].map(|name| (name.to_owned(), 16));
    nodes.until_answer(5, "ring", |ring| owned(ring) == all);
    for node in [0, 4, 5] {
        assert_eq!(nodes.json(node, "read-local k")["cell"]["value"], "v");
    }

    // One that would found a ring comes late.
    nodes.add("--founders 3 --replicas 3");
    nodes.until(6, |status| {
        status["moves"]["refused"] == "the ring was founded without it: it can only join"
    });
    assert_lines(
        &nodes.text(6, "status"),
        &["standing  waiting", "refused   the ring was founded without it"],
    );
}

#[test]
fn a_node_shows_its_own_copy_of_a_key_of_each_kind() {
    let _turn = turn();
    let nodes = Nodes::start(2);
    let element = |text: &str| Value(text.to_owned().into());
    let add = |text| Update::Add { element: element(text) };
    let writes = [
        (Kind::Register, "text", put("grüß \"dich\"".as_bytes())),
        (Kind::Register, "bytes", put(&[0xff, 0x00])),
        (Kind::Register, "gone", Update::delete()),
        (Kind::Siblings, "cart", put(b"one")),
        (Kind::Siblings, "cart", put(b"other")),
        (Kind::Set, "set", add("a")),
        (Kind::Set, "set", add("b")),
        (Kind::Counter, "sum", Update::Increment { delta: 5 }),
        (Kind::Counter, "sum", Update::Increment { delta: -7 }),
    ];
    for (kind, name, update) in writes {
        let answer = nodes.write(0, kind, name.as_bytes(), update);
        assert!(matches!(answer, Response::Write(Ok(_))), "{name}: {answer:?}");
    }
    let shown = |verb: &str, starts: &[&str]| {
        let verb = format!("read-local {verb}");
        let starts: Vec<_> = ["at        n2 ("].iter().chain(starts).copied().collect();
        assert_lines(&nodes.text(1, &verb), &starts);
        nodes.json(1, &verb)["cell"].clone()
    };
    let cell = shown(
        "text",
        &[r#"value     "grüß \"dich\"""#, "written   20", "by        n1 ("],
    );
    assert_eq!(cell["value"], "grüß \"dich\"");
    assert_eq!(cell["version"]["generation"], 1);
    let cell = shown("bytes", &[r#"value     "\xff\x00""#]);
    assert_eq!(cell["value"]["hex"], "ff00");
    let cell = shown("gone", &["deleted   20"]);
    assert!(cell["value"].is_null() && cell["deleted_at_ns"].is_u64(), "{cell}");
    let cell = shown(
        "cart --kind siblings",
        &["values    2, concurrent", "NAME  GENERATION  BORN", "context"],
    );
    let values: Vec<_> = members(&cell, "values").map(|value| value["value"].clone()).collect();
    assert_eq!(values, ["one", "other"]);
    assert_eq!(
        (&cell["values"][1]["dot"]["n"], &cell["context"][0]["updates"]),
        (&2.into(), &2.into())
    );
    let cell = shown("set --kind set", &["elements  2", "  \"a\"", "  \"b\"", "context"]);
    assert_eq!(cell["elements"], serde_json::json!(["a", "b"]));
    let cell = shown("sum --kind counter", &["value     -2"]);
    assert_eq!(cell["value"], -2);
    assert_eq!(
        (&cell["tallies"][0]["added"], &cell["tallies"][0]["subtracted"]),
        (&5.into(), &7.into())
    );
    let agreed = CasRequest {
        key: Key::of(Kind::Cas, b"lock"),
        action: CasAction::CompareAndSet {
            expected: None,
            value: Some(Value(b"held".as_slice().into())),
        },
        level: Level::All,
        timeout: PATIENCE,
    };
    let answer = nodes.request(0, Request::Cas(agreed));
    assert!(matches!(answer, Response::Cas(Ok(_))), "{answer:?}");
    let starts = ["accepted  \"held\"", "ballot    1", "written   1", "promised  1"];
    let cell = shown("lock --kind cas", &starts);
    assert_eq!(cell["accepted"]["value"], "held");
    assert_eq!(cell["accepted"]["ballot"], cell["promised"]);
    assert_eq!(shown("cart", &["held      nothing"]), Json::Null);
    // What was not read can't be replaced: nothing was lost.
    let context = Context::new();
    nodes.write(0, Kind::Siblings, b"cart", Update::Delete { context });
    assert_eq!(
        members(&nodes.json(1, "read-local cart --kind siblings")["cell"], "values").count(),
        2
    );
}

#[test]
fn nodes_count_what_they_do_repair_and_drain() {
    let _turn = turn();
    let mut nodes = Nodes::start(2);
    assert!(matches!(
        nodes.write(0, Kind::Register, b"k", put(b"v")),
        Response::Write(Ok(_))
    ));
    let metrics = nodes.json(0, "metrics");
    assert_eq!(metrics["since_start"]["writes"], 1);
    assert_eq!(
        (&metrics["requests"][0]["level"], &metrics["requests"][0]["ok"]),
        (&"ALL".into(), &1.into())
    );
    let text = nodes.text(0, "metrics");
    assert_lines(
        &text,
        &[
            "now",
            "since the start",
            "requests",
            "  write      ALL",
            "round trips of reads",
        ],
    );
    let scraped = nodes.text(0, "metrics --format prometheus");
    assert_lines(
        &scraped,
        &[
            "# TYPE quorate_writes_total counter",
            "quorate_writes_total 1",
            "quorate_hints_pending 0",
            "quorate_requests_total{operation=\"write\",level=\"ALL\",outcome=\"ok\"} 1",
        ],
    );
    assert_prometheus(&scraped);

    let report = nodes.json(0, "repair");
    assert_eq!((&report["peers"], &report["peers_failed"]), (&1.into(), &0.into()));
    assert_lines(
        &nodes.text(0, "repair"),
        &["peers       1 compared with, 0 failed", "partitions  0 differed"],
    );

    assert_lines(&nodes.text(0, "drain"), &["drained  127.0.0.1:", "hints    0 left"]);
    let refused = nodes.write(0, Kind::Register, b"k", put(b"w"));
    let Response::Write(Err(error)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(error.to_string(), "the node is draining");
    assert_eq!(nodes.json(0, "drain")["hints_pending"], 0, "it may be asked again");
    assert!(matches!(
        nodes.write(1, Kind::Register, b"k", put(b"x")),
        Response::Write(Ok(_))
    ));
    assert_eq!(nodes.json(0, "read-local k")["cell"]["value"], "x");

    nodes.processes[1].child.kill().expect("it runs");
    nodes.until(0, |status| {
        members(status, "members").all(|member| member["linked"] == false)
    });
    assert_eq!(nodes.json(0, "repair")["peers"], 0, "nobody is there to compare with");
}

/// Each line is a comment, or a name with perhaps labels and a number; each family has a help and a type, once.
fn assert_prometheus(text: &str) {
    let mut families = std::collections::BTreeSet::new();
    for line in text.lines() {
        if let Some(said) = line.strip_prefix("# TYPE ") {
            let name = said.split(' ').next().expect("a name");
            assert!(families.insert(name.to_owned()), "{name} twice");
        } else if !line.starts_with("# HELP ") {
            let (series, number) = line.rsplit_once(' ').expect("a number");
            let name = series.split('{').next().expect("a name");
            assert!(families.contains(name), "{line} without a type");
            assert!(number.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
        }
    }
    assert!(families.len() > 20);
}

#[test]
fn who_can_not_ask_is_told_why() {
    let _turn = turn();
    let nodes = Nodes::start(1);
    let quorate = &nodes.quorate;
    let made = quorate.run("certs other --admin ops");
    assert_eq!(made.code, 0, "{}", made.stderr);
    let address = nodes.processes[0].address;
    // Bound by somebody who never answers, so that it is nobody else's.
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let silent = silent.local_addr().expect("an address");
    let check = |arguments: &str, code: i32, message: &str| {
        let began = Instant::now();
        for format in ["", " --format json"] {
            let ended = quorate.run(&format!("node {arguments}{format}"));
            assert_eq!(
                (ended.code, ended.stdout.as_str()),
                (code, ""),
                "{arguments}: {}",
                ended.stderr
            );
            assert!(ended.stderr.contains(message), "{arguments}: {}", ended.stderr);
        }
        assert!(began.elapsed() < PATIENCE, "{arguments} took {:?}", began.elapsed());
    };
    let at = format!("--connect {address}");
    let right = format!("--identity c/ops --cluster {CLUSTER}");
    check(
        &format!("status --connect {silent} {right} --timeout 400ms"),
        70,
        &format!("reach the node at {silent}: nothing answered within 400ms"),
    );
    check(
        &format!("ring {at} --identity c/ops"),
        70,
        "it does not belong to cluster \"quorate\"",
    );
    check(
        &format!("drain {at} --identity other/ops --cluster {CLUSTER}"),
        70,
        "not of the same authority",
    );
    check(
        &format!("repair {at} --identity c/app --cluster {CLUSTER}"),
        70,
        "it is a client's",
    );
    check(
        &format!("metrics {at} --identity c/n1 --cluster {CLUSTER}"),
        70,
        "it is a node's",
    );
    check(
        &format!("status {at} --identity nowhere"),
        70,
        "nowhere/ca.pem: No such file",
    );
    check(&format!("status {right}"), 64, "--connect ADDR or QUORATE_CONNECT");
    check(&format!("status {at}"), 64, "--identity DIR or QUORATE_IDENTITY");
    check(&format!("status {right} --connect here"), 64, "here");
    check(&format!("replicas {right} {at}"), 64, "<KEY>");
    check(&format!("replicas {} {right} {at}", "k".repeat(1025)), 64, "not 1025");
    check(
        &format!("read-local k --kind heap {right} {at}"),
        64,
        "\"heap\" is none of register",
    );
    check(&format!("status {right} {at} --timeout soon"), 64, "span of time");
    check("--listen 127.0.0.1:0", 64, "--data <DIR>");
    check("--data c/n1 status", 64, "status");

    let mut command = quorate.command("node status");
    command.env("QUORATE_CONNECT", address.to_string());
    command.envs([
        ("QUORATE_IDENTITY", "c/ops"),
        ("QUORATE_CLUSTER", CLUSTER),
        ("NO_COLOR", "1"),
    ]);
    let ended = Ended::of(&command.output().expect("it can be run"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_lines(&ended.stdout, &["node      n1 "]);
}
