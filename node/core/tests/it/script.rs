//! Interactions of bare nodes, as texts: `scripts/*.txt`. A text is a story (`#`), commands, and below each command,
//! indented, what the nodes then send, put on their disks, answer and note. The commands are run again, and what the
//! nodes say must be what is written. With `QUORATE_UPDATE_SCRIPTS=1` the texts are rewritten instead: read the
//! difference before you commit it.
//!
//! ```text
//! 5 nodes, 3 replicas              first of all; then perhaps ", collect after 10s" or ", forget after 10s"
//! x > a: put k v, W=QUORUM         a client's request; also delete, add, remove, increment, read, compare
//! x > a: swap cas:k v w            of what owners agree upon: compare-and-set, - for nothing; also put and read
//! deliver a > b                    what is on its way from a to b arrives; `deliver all` for everything, and what comes of it
//! sync a                           what a had put on its disk is durable; `fail a` and it never will be
//! run                              delivers and syncs until nothing is left to do but wait
//! tick 2s                          time passes
//! down a b c                       the links of a to b and to c are gone, and what was on them; up again with `up`
//! kill a, start a                  a process ends, and starts on its disk
//! damage a k                       the record of k at a can't be read any more
//! show a                           what is durable at a
//! 8 times quietly: run; tick 1s    commands, again and again, without a word of what comes of them
//! ```
//!
//! Options of requests: `W=`, `R=` (QUORUM unless told), `two-phase` (asks a QUORUM), `sloppy`, `id=7`, `seen` (with the
//! context that the client read last), `repair` (blocking until a QUORUM holds it), `async` (repair), `digests`,
//! `hedged` (asks another after the usual time). A key is of a register unless it begins with its kind, as in
//! `siblings:k`.
//!
//! What is printed leaves out what would differ from run to run of the same story: request ids, ring digests,
//! fingerprints. Gossip is left out whole.

use std::{path::Path, time::Duration};

use quorate_core::{
    AdminRequest, Ask, CasAction, CasRequest, Config, Context, Fetch, Key, Kind, Level, Quorum, ReadRepair,
    ReadRequest, Request, Tombstones, Update, Value, WriteId, WritePath, WriteRequest,
};

use crate::nodes::{Nodes, Place};

/// How long clients wait.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Runs the commands of a script, and returns it with what the nodes say.
fn replay(script: &str) -> String {
    let mut nodes = None;
    let mut replayed = String::new();
    for line in script.lines().filter(|line| !line.starts_with("  ")) {
        replayed.push_str(line);
        replayed.push('\n');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match &mut nodes {
            None => nodes = Some(start(line)),
            Some(nodes) => obey(nodes, line),
        }
        for said in nodes.as_mut().expect("started above").take_lines() {
            replayed.push_str("  ");
            replayed.push_str(&said);
            replayed.push('\n');
        }
    }
    replayed
}

fn start(line: &str) -> Nodes {
    let mut parts = line.split(", ");
    let mut count = |what: &str| {
        let part = parts.next().and_then(|part| part.strip_suffix(what));
        let count = part.and_then(|count| count.parse().ok());
        count.unwrap_or_else(|| panic!("{line}: how many{what}?"))
    };
    let (nodes, replicas) = (count(" nodes"), count(" replicas"));
    let options: Vec<_> = parts.collect();
    let settings = |config: &mut Config| {
        for option in &options {
            if let Some(grace) = option.strip_prefix("collect after ") {
                config.tombstones = Tombstones::CollectAfter(span(grace));
            } else if let Some(grace) = option.strip_prefix("forget after ") {
                config.tombstones = Tombstones::ForgetAfter(span(grace));
            } else {
                panic!("{line}: {option}?");
            }
        }
    };
    Nodes::start(usize::from(nodes), replicas, settings)
}

fn obey(nodes: &mut Nodes, line: &str) {
    if let Some((count, commands)) = line.split_once(" times quietly: ") {
        for _ in 0..count.parse().expect("a number") {
            commands.split("; ").for_each(|command| obey(nodes, command));
        }
        nodes.take_lines();
        return;
    }
    if let Some((route, request)) = line.split_once(": ") {
        let (client, node) = route.split_once(" > ").expect("a client asks a node");
        return ask(nodes, client, place(node), request);
    }
    let words: Vec<_> = line.split(' ').collect();
    match words[..] {
        ["deliver", "all"] => nodes.deliver_all(),
        ["deliver", from, ">", to] => nodes.deliver(place(from), place(to)),
        ["sync", node] => nodes.sync(place(node)),
        ["fail", node] => nodes.fail(place(node)),
        ["run"] => nodes.run(),
        ["tick", for_long] => nodes.tick(span(for_long)),
        ["down", node, ref peers @ ..] => peers
            .iter()
            .for_each(|peer| nodes.take_link_down(place(node), place(peer))),
        ["up", node, ref peers @ ..] => peers
            .iter()
            .for_each(|peer| nodes.bring_link_up(place(node), place(peer))),
        ["kill", node] => nodes.kill(place(node)),
        ["start", node] => nodes.start_node(place(node)),
        ["damage", node, name] => nodes.damage(place(node), key(name)),
        ["show", node] => nodes.show(place(node)),
        _ => panic!("no command: {line}"),
    }
}

fn ask(nodes: &mut Nodes, client: &str, node: Place, request: &str) {
    let mut parts = request.split(", ");
    let words: Vec<_> = parts.next().expect("there is always one").split(' ').collect();
    let options: Vec<_> = parts.collect();
    let value = |text: &str| Value(text.as_bytes().to_vec().into());
    let name = words.get(1).map(|name| key(name));
    let seen = || match &name {
        Some(key) if options.contains(&"seen") => nodes.seen(client, key),
        _ => Context::new(),
    };
    if let Some(key) = name.clone().filter(|key| key.kind == Kind::Cas) {
        let request = agree(key.clone(), &words, &options);
        return nodes.call(client, node, Some(key), Request::Cas(request));
    }
    let update = match words[..] {
        ["put", _, text] => Update::Put {
            value: value(text),
            context: seen(),
        },
        ["delete", _] => Update::Delete { context: seen() },
        ["add", _, text] => Update::Add { element: value(text) },
        ["remove", _, text] => Update::Remove {
            element: value(text),
            context: seen(),
        },
        ["increment", _, by] => Update::Increment {
            delta: by.parse().expect("a number"),
        },
        ["read", _] => {
            let key = name.expect("matched above");
            let read = read(key.clone(), &options);
            return nodes.call(client, node, Some(key), Request::Read(read));
        }
        ["compare"] => return nodes.call(client, node, None, Request::Admin(AdminRequest::AntiEntropy)),
        _ => panic!("no request: {request}"),
    };
    let key = name.expect("matched above");
    let write = write(key.clone(), update, &options);
    nodes.call(client, node, Some(key), Request::Write(write));
}

fn agree(key: Key, words: &[&str], options: &[&str]) -> CasRequest {
    let value = |text: &str| Some(Value(text.as_bytes().to_vec().into())).filter(|_| text != "-");
    let action = match words {
        ["read", _] => CasAction::Read,
        ["put", _, text] => CasAction::Put { value: value(text) },
        ["swap", _, expected, text] => CasAction::CompareAndSet {
            expected: value(expected),
            value: value(text),
        },
        _ => panic!("nothing that takes agreement: {words:?}"),
    };
    let level = match options {
        [] => Level::Quorum,
        [level] => level.parse().expect("a level"),
        _ => panic!("no options of a request by agreement: {options:?}"),
    };
    CasRequest {
        key,
        action,
        level,
        timeout: TIMEOUT,
    }
}

fn write(key: Key, update: Update, options: &[&str]) -> WriteRequest {
    let mut write = WriteRequest::new(key, update, Level::Quorum, TIMEOUT);
    for option in options {
        match option.split_once('=').unwrap_or((option, "")) {
            ("W", level) => write.level = level.parse().expect("a level"),
            ("id", id) => write.id = Some(WriteId(id.parse().expect("a number"))),
            ("two-phase", "") => write.path = WritePath::TwoPhase { level: Level::Quorum },
            ("sloppy", "") => write.quorum = Quorum::Sloppy,
            ("seen", "") => {} // Is in the update.
            _ => panic!("no option of a write: {option}"),
        }
    }
    write
}

fn read(key: Key, options: &[&str]) -> ReadRequest {
    let mut read = ReadRequest::new(key, Level::Quorum, TIMEOUT);
    for option in options {
        match option.split_once('=').unwrap_or((option, "")) {
            ("R", level) => read.level = level.parse().expect("a level"),
            ("repair", "") => read.repair = ReadRepair::Blocking { holders: Level::Quorum },
            ("async", "") => read.repair = ReadRepair::Async,
            ("digests", "") => read.fetch = Fetch::Digests,
            ("hedged", "") => read.ask = Ask::Hedged { permille: 990 },
            ("sloppy", "") => read.quorum = Quorum::Sloppy,
            _ => panic!("no option of a read: {option}"),
        }
    }
    read
}

fn key(name: &str) -> Key {
    match name.split_once(':') {
        Some((kind, name)) => Key::of(Kind::from_name(kind).expect("a kind"), name.as_bytes()),
        None => Key::copy_from(name.as_bytes()),
    }
}

fn place(name: &str) -> Place {
    match name.as_bytes() {
        [letter @ b'a'..=b'z'] => Place::from(letter - b'a'),
        _ => panic!("no node: {name}"),
    }
}

fn span(text: &str) -> Duration {
    let number = |suffix| text.strip_suffix(suffix).and_then(|number| number.parse().ok());
    let millis = number("ms").map(Duration::from_millis);
    let span = millis.or_else(|| number("s").map(Duration::from_secs));
    span.unwrap_or_else(|| panic!("no span of time: {text}"))
}

/// The first line in which two texts differ, and how.
fn difference(written: &str, replayed: &str) -> String {
    let mut pairs = (1..).zip(written.lines().zip(replayed.lines()));
    match pairs.find(|(_, (one, other))| one != other) {
        Some((line, (one, other))) => format!("line {line}:\n-{one}\n+{other}"),
        None => "one goes on where the other ends".to_owned(),
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the texts are files; the core reads none")]
fn scripts_are_replayed_as_they_are_written() {
    let update = std::env::var_os("QUORATE_UPDATE_SCRIPTS").is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/scripts");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("there are scripts")
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    paths.sort();
    let mut differing = Vec::new();
    for path in &paths {
        let written = std::fs::read_to_string(path).expect("it can be read");
        let replayed = replay(&written);
        if written == replayed {
            continue;
        }
        if update {
            std::fs::write(path, replayed).expect("it can be written");
        } else {
            differing.push(format!("{}, {}", path.display(), difference(&written, &replayed)));
        }
    }
    assert!(paths.len() >= 15, "the scripts are found");
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
