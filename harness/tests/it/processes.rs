//! `quorate run`: the whole job on real processes. One cluster at a time, as two cores are all that there are.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::command::{Quorate, verdict_of};

/// How long anything here may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at a state that is waited for.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Held while a cluster runs.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A kill, and an isolation to the end: what is needed to test every claim, in three seconds.
const SHORT: &str = r#"
time = "3s"
rate = 1000
plan = [
    { at = "300ms", lasts = "700ms", fault = "kill", nodes = ["n2"] },
    { at = "1500ms", lasts = "1500ms", fault = "isolate", node = "n3" },
]
"#;

/// The command in a folder that has the short plan in it.
fn quorate() -> Quorate {
    let quorate = Quorate::new();
    fs::write(quorate.path().join("short.toml"), SHORT).expect("a file can be written");
    quorate
}

/// The processes that were started from `folder`, this test's own command excepted: each node names its data folder.
pub(crate) fn nodes_of(folder: &Path) -> Vec<u32> {
    let output = Command::new("ps")
        .args(["-eo", "pid=,args="])
        .output()
        .expect("ps can be run");
    let folder = folder.file_name().expect("a name").to_string_lossy().into_owned();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let is_node = |line: &&str| line.contains(" node --data ") && line.contains(&folder);
    let pid = |line: &str| line.split_whitespace().next().and_then(|pid| pid.parse().ok());
    text.lines().filter(is_node).filter_map(pid).collect()
}

pub(crate) fn wait_until(what: &str, mut state: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !state() {
        assert!(Instant::now() < deadline, "waited for {what} in vain");
        std::thread::park_timeout(POLL_INTERVAL);
    }
}

pub(crate) fn assert_nothing_left(quorate: &Quorate) {
    assert_eq!(nodes_of(quorate.path()), Vec::<u32>::new(), "processes are left");
    let folder = quorate.path().join("results/runs/quickstart/latest");
    let left = fs::read_dir(folder)
        .expect("the run's folder")
        .map(|entry| entry.expect("an entry").file_name());
    let data: Vec<_> = left
        .filter(|name| name.to_string_lossy().starts_with("data-"))
        .collect();
    assert!(data.is_empty(), "{data:?} is left");
}

#[test]
fn a_clean_run_is_valid_and_leaves_its_record_and_nothing_else() {
    let _turn = turn();
    let quorate = quorate();
    let (code, report) = quorate.json("run --config short.toml --seed 1");
    assert_eq!(code, 0, "{report:#}");
    assert_nothing_left(&quorate);
    let run = quorate.path().join(report["run"].as_str().expect("a folder"));
    for file in [
        "run.json",
        "scenario.toml",
        "history.jsonl",
        "faults.jsonl",
        "coverage.json",
        "verdict.json",
        "nodes/n5.log",
    ] {
        assert!(run.join(file).is_file(), "{file}");
    }
    assert!(report["counts"]["reads_racing"].as_u64().expect("a number") > 50);
    assert_eq!(report["faults"]["effective"], 2);
    // A machine that does other work too may keep nodes from answering in time.
    let mut claims = report["claims"].as_array().expect("claims").iter();
    let available = claims.find(|claim| claim["claim"] == "available").expect("it is told");
    assert_eq!(available["claimed"], false, "{available:#}");
    let faults = fs::read_to_string(run.join("faults.jsonl")).expect("it is there");
    for evidence in ["signal: 9 (SIGKILL)", "\"dropped\":", "\"stage\":\"undone\""] {
        assert!(faults.contains(evidence), "{evidence} in {faults}");
    }
    let (code, again) = quorate.json("check results/runs/quickstart/latest");
    assert_eq!((code, &again["claims"]), (0, &report["claims"]));
}

#[test]
fn planted_bugs_are_caught_on_real_processes() {
    let _turn = turn();
    // Which of the two a bug is caught by first is a matter of who is slow.
    let caught_by = [
        ("reply-before-acks", ["fresh-reads", "durable-acks"]),
        ("hint-dropped", ["handoff", "handoff"]),
        ("repair-writes-older", ["fresh-reads", "durable-acks"]),
    ];
    for (plant, claims) in caught_by {
        let quorate = quorate();
        let (code, report) = quorate.json(&format!("run --config short.toml --seed 1 --plant {plant}"));
        let claim = claims
            .into_iter()
            .find(|claim| verdict_of(&report, claim) == "violated")
            .unwrap_or_else(|| panic!("{plant}: {report:#}"));
        assert_eq!(code, 1, "{plant}: {report:#}");
        let claims = report["claims"].as_array().expect("claims");
        let broken = claims
            .iter()
            .find(|entry| entry["claim"] == claim)
            .expect("it is there");
        let words = broken["witness"]["text"].as_str().expect("a witness in words");
        assert!(words.contains(" s") && words.contains('n'), "{words}");
        assert_nothing_left(&quorate);
    }
}

/// What the quickstart is for registers that the last write wins, these are for every other way to write.
#[test]
fn every_write_path_holds_its_claims_on_real_processes() {
    let _turn = turn();
    for settings in [
        "--write-path abd --clock-skew 100ms",
        "--write-path siblings",
        "--workload set",
        "--workload counter",
        "--workload cas --clock-skew 100ms",
        "--workload deletes --tombstones collect:500ms",
    ] {
        let quorate = quorate();
        let (code, report) = quorate.json(&format!("run --config short.toml --seed 1 {settings}"));
        assert_eq!(code, 0, "{settings}: {report:#}");
        let claims = report["claims"].as_array().expect("claims");
        let by_the_clock = ["available", "refused-promptly"];
        let is_other = |claim: &&serde_json::Value| by_the_clock.iter().all(|name| claim["claim"] != *name);
        let mut others = claims.iter().filter(is_other);
        assert!(others.all(|claim| claim["verdict"] == "held"), "{settings}: {report:#}");
        assert_nothing_left(&quorate);
    }
}

#[test]
fn a_stale_read_at_one_replica_each_is_observed_and_no_violation() {
    let _turn = turn();
    let quorate = quorate();
    let (code, report) = quorate.json("run --config short.toml --seed 1 --r 1 --w 1");
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(verdict_of(&report, "fresh-reads"), "observed");
    assert_eq!(verdict_of(&report, "converges"), "held");
}

/// A run whose standard error is read line by line.
pub(crate) struct Running {
    child: Child,
    lines: BufReader<std::process::ChildStderr>,
    pid: String,
}

impl Running {
    pub(crate) fn start(quorate: &Quorate, arguments: &str) -> Running {
        let mut command = quorate.command(arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it can be run");
        let lines = BufReader::new(child.stderr.take().expect("asked for"));
        let pid = child.id().to_string();
        Running { child, lines, pid }
    }

    /// Reads on until a line says `text`.
    pub(crate) fn wait_for(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            let read = self.lines.read_line(&mut line).expect("text");
            assert!(read > 0, "it ended without saying {text:?}");
        }
    }

    /// As above, where lines are written over and none ends.
    pub(crate) fn wait_for_live(&mut self, text: &str) {
        let mut said = Vec::new();
        while !said.ends_with(text.as_bytes()) {
            let mut letter = [0];
            let read = self.lines.read(&mut letter).expect("bytes");
            assert!(read > 0, "it ended without saying {text:?}");
            said.push(letter[0]);
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        assert!(self.signal_if_there(signal), "{signal} is taken");
    }

    /// Sends a signal, and returns whether there was somebody to take it.
    pub(crate) fn signal_if_there(&self, signal: &str) -> bool {
        let status = Command::new("kill")
            .args([signal, &self.pid])
            .status()
            .expect("kill can be run");
        status.success()
    }

    /// The exit code, what it wrote to standard output, and the rest of what it said.
    pub(crate) fn end(mut self) -> (Option<i32>, String, String) {
        // Both at once: who is not listened to on the one waits, and never comes to the end of the other.
        let mut stdout = self.child.stdout.take().expect("asked for");
        let written = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            stdout.read_to_end(&mut bytes).map(|_| bytes)
        });
        let mut said = String::new();
        self.lines.read_to_string(&mut said).expect("text");
        let written = written.join().expect("it can be read").expect("bytes");
        let status = self.child.wait().expect("it ends");
        (status.code(), String::from_utf8_lossy(&written).into_owned(), said)
    }
}

#[test]
fn one_interrupt_ends_the_load_and_judges_what_was_seen() {
    let _turn = turn();
    let quorate = quorate();
    let mut run = Running::start(&quorate, "run --config short.toml --time 60s --seed 1 --format json");
    run.wait_for("- load");
    wait_until("some operations", || history_lines(&quorate) > 1000);
    run.signal("-INT");
    let (code, stdout, said) = run.end();
    let report: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout} {said}"));
    assert_eq!(
        (code, &report["interrupted"]),
        (Some(130), &Value::Bool(true)),
        "{report:#}"
    );
    assert_eq!(verdict_of(&report, "converges"), "held", "it healed and looked");
    assert_nothing_left(&quorate);
}

#[test]
fn two_interrupts_give_the_run_up() {
    let _turn = turn();
    let quorate = quorate();
    let mut run = Running::start(&quorate, "run --config short.toml --time 60s --seed 1");
    run.wait_for("- load");
    wait_until("some operations", || history_lines(&quorate) > 500);
    run.signal("-INT");
    run.wait_for("- healing");
    run.signal("-TERM");
    let (code, stdout, said) = run.end();
    assert_eq!((code, stdout.as_str()), (Some(130), ""), "{said}");
    assert!(said.contains("given up"), "{said}");
    assert_nothing_left(&quorate);
    assert!(history_lines(&quorate) > 500);
}

/// The harness itself is killed, with nodes running and a record in the making.
#[test]
fn a_killed_harness_leaves_a_record_and_no_process() {
    let _turn = turn();
    let quorate = quorate();
    let mut run = Running::start(&quorate, "run --config short.toml --time 60s --seed 1");
    run.wait_for("- load");
    wait_until("some operations", || history_lines(&quorate) > 1000);
    assert_eq!(nodes_of(quorate.path()).len(), 5);
    run.signal("-KILL");
    let (code, ..) = run.end();
    assert_eq!(code, None, "killed");
    wait_until("the nodes to stop", || nodes_of(quorate.path()).is_empty());
    let (_, report) = quorate.json("check results/runs/quickstart/latest");
    assert!(report["ops"].as_u64().expect("a number") > 500);
    assert_eq!(verdict_of(&report, "fresh-reads"), "held");
}

/// What real processes can have besides partitions and kills: each is seen to have an effect, and no claim is broken.
const BAD: &str = r#"
time = "6s"
plan = [
    { at = "300ms", lasts = "1500ms", fault = "pause", nodes = ["n2", "n4"] },
    { at = "2500ms", lasts = "1s", fault = "slow-links", from = ["n1", "n2"], to = ["n3", "n4", "n5"], delay = "40ms", jitter = "20ms" },
    { at = "4s", lasts = "1s", fault = "lossy-links", from = ["n1", "n3", "n5"], to = ["n1", "n2", "n3"], percent = 20 },
    { at = "5s", lasts = "500ms", fault = "pause", nodes = ["n1"] },
    { at = "5200ms", lasts = "800ms", fault = "kill", nodes = ["n1"] },
]
"#;

#[test]
fn pauses_and_bad_links_take_effect_on_real_processes() {
    let _turn = turn();
    let quorate = quorate();
    fs::write(quorate.path().join("bad.toml"), BAD).expect("a file can be written");
    let run = Running::start(&quorate, "run --config bad.toml --seed 1 --progress bar --format json");
    let (code, stdout, said) = run.end();
    let report: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout} {said}"));
    let code = code.expect("it was not killed");
    assert_behind_for_a_while(&said, "n2");
    // Nothing may have come about that tests some claim.
    assert!([0, 4].contains(&code), "{report:#}");
    assert_eq!(report["faults"]["effective"], 5, "{report:#}");
    assert_nothing_left(&quorate);
    let run = quorate.path().join(report["run"].as_str().expect("a folder"));
    let faults = fs::read_to_string(run.join("faults.jsonl")).expect("it is there");
    for evidence in ["\"delayed\":2", "\"slowed\":", "\"lost\":", "SIGKILL"] {
        assert!(faults.contains(evidence), "{evidence} in {faults}");
    }
}

/// While a node is away, the live line says how far it is behind, and once all has been brought to it, no more.
fn assert_behind_for_a_while(said: &str, node: &str) {
    let lines: Vec<_> = said.split('\r').filter(|line| line.contains(" ops, ")).collect();
    let is_behind = |line: &&str| {
        let behind = line.split_once("behind: ").map(|(_, behind)| behind.split(';').next());
        behind
            .flatten()
            .is_some_and(|behind| behind.contains(&format!("{node} ")))
    };
    assert!(!is_behind(&lines[0]), "{}", lines[0]);
    let last = lines.iter().rposition(is_behind);
    let last = last.unwrap_or_else(|| panic!("{node} is never said to be behind: {lines:#?}"));
    assert!(last + 1 < lines.len(), "{node} is behind to the end: {lines:#?}");
}

/// The harness is killed while a node is paused: it does not stay for ever.
#[test]
fn a_killed_harness_leaves_no_paused_process() {
    let _turn = turn();
    let quorate = quorate();
    let plan = r#"plan = [{ at = "100ms", lasts = "50s", fault = "pause", nodes = ["n3"] }]"#;
    fs::write(quorate.path().join("paused.toml"), plan).expect("a file can be written");
    let mut run = Running::start(&quorate, "run --config paused.toml --time 60s --seed 1");
    run.wait_for("- load");
    let faults = quorate.path().join("results/runs/quickstart/latest/faults.jsonl");
    let is_paused = || fs::read_to_string(&faults).is_ok_and(|faults| faults.contains("\"applied\""));
    wait_until("the pause", is_paused);
    run.signal("-KILL");
    let (code, ..) = run.end();
    assert_eq!(code, None, "killed");
    wait_until("the nodes to stop", || nodes_of(quorate.path()).is_empty());
}

/// A node joins, one leaves while another is killed, one dies and is replaced, and one dies and is removed.
const COME_AND_GO: &str = r#"
time = "12s"
partitions = 64
plan = [
    { at = "500ms", fault = "join", node = "n6" },
    { at = "1s", lasts = "700ms", fault = "kill", nodes = ["n6"] },
    { at = "3s", fault = "leave", node = "n1" },
    { at = "3100ms", lasts = "1s", fault = "isolate", node = "n3" },
    { at = "3200ms", lasts = "600ms", fault = "kill", nodes = ["n4"] },
    { at = "5s", fault = "weigh", node = "n5", weight = 2 },
    { at = "6s", fault = "replace", node = "n2", by = "n7" },
    { at = "10s", fault = "remove", node = "n3" },
]
"#;

#[test]
fn nodes_come_and_go_under_load_and_every_claim_holds_on_real_processes() {
    let _turn = turn();
    let quorate = quorate();
    fs::write(quorate.path().join("go.toml"), COME_AND_GO).expect("a file can be written");
    let (code, report) = quorate.json("run --config go.toml --seed 1");
    assert_eq!(code, 0, "{report:#}");
    let faults = &report["faults"];
    assert_eq!(
        (&faults["asked"], &faults["effective"]),
        (&8.into(), &8.into()),
        "{report:#}"
    );
    for claim in [
        "fresh-reads",
        "linearizable",
        "durable-acks",
        "converges",
        "quorums-meet",
    ] {
        assert_eq!(verdict_of(&report, claim), "held", "{claim}: {report:#}");
    }
    assert_nothing_left(&quorate);
    let run = quorate.path().join(report["run"].as_str().expect("a folder"));
    let faults = fs::read_to_string(run.join("faults.jsonl")).expect("it is there");
    for evidence in [
        "is alive: it can leave",
        "\"partitions_gained\":",
        "\"started\":[\"n7\"]",
    ] {
        assert!(faults.contains(evidence), "{evidence} in {faults}");
    }
    let members = fs::read_to_string(run.join("members.jsonl")).expect("it is there");
    for (node, turn) in [
        ("n6", "joining"),
        ("n7", "normal"),
        ("n2", "ended"),
        ("n2", "banned"),
        ("n3", "banned"),
    ] {
        let is_told = |line: &str| line.ends_with(&format!("\"node\":\"{node}\",\"turn\":\"{turn}\"}}"));
        assert_eq!(
            members.lines().filter(|line| is_told(line)).count(),
            1,
            "{node} {turn} in {members}"
        );
    }
    let (code, again) = quorate.json("check results/runs/quickstart/latest");
    assert_eq!((code, &again["claims"]), (0, &report["claims"]));
}

#[test]
fn what_only_real_processes_can_have_is_refused_by_a_simulation_before_anything_starts() {
    let quorate = quorate();
    let plan = r#"plan = [{ at = "1s", lasts = "1s", fault = "clients-rebound" }]"#;
    fs::write(quorate.path().join("rebound.toml"), plan).expect("a file can be written");
    let ended = quorate.run("sim --config rebound.toml --seed 1");
    assert_eq!(ended.code, 64, "{}", ended.stderr);
    for part in ["clients-rebound", "quorate run"] {
        assert!(ended.stderr.contains(part), "{part:?} in {}", ended.stderr);
    }
    assert!(!quorate.path().join("results").exists());
}

/// How many whole lines the record has so far.
fn history_lines(quorate: &Quorate) -> usize {
    let path = quorate.path().join("results/runs/quickstart/latest/history.jsonl");
    fs::read(path).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count())
}

#[test]
fn a_node_that_dies_at_its_start_is_named_with_its_last_words() {
    let _turn = turn();
    let quorate = quorate();
    let script = quorate.path().join("dying-node");
    fs::write(&script, "#!/bin/sh\necho 'the last words' >&2\nexit 3\n").expect("a file can be written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let ended = quorate.run("run --node-bin ./dying-node --seed 1");
    assert_eq!(ended.code, 70);
    for part in ["ended by itself", "exit status: 3", "the last words"] {
        assert!(ended.stderr.contains(part), "{part:?} in {}", ended.stderr);
    }
    assert_nothing_left(&quorate);
    let ended = quorate.run("run --node-bin ./no-such-file --seed 1");
    assert_eq!(ended.code, 70);
    assert!(ended.stderr.contains("no-such-file"), "{}", ended.stderr);
}

#[test]
fn a_busy_port_and_a_missing_identity_are_named() {
    let quorate = quorate();
    let made = quorate.run("certs cluster --node n1");
    assert_eq!(made.code, 0, "{}", made.stderr);
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let ended = quorate.run(&format!("node --data cluster/n1 --listen {address}"));
    assert_eq!(ended.code, 70);
    assert!(ended.stderr.contains(&address.to_string()), "{}", ended.stderr);
    let ended = quorate.run("node --data nowhere");
    assert_eq!(ended.code, 70);
    assert!(ended.stderr.contains("nowhere"), "{}", ended.stderr);
}
