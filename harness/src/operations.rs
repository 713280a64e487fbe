//! What clients do, in three languages: the workload's actions, the node's requests, and the record's events.

use quorate_checker::{Event, EventKind, Function};
use quorate_core::{
    Absence, Ask, CasAction, CasOutcome, CasRequest, Cell, Context, Fetch, Key, Kind, Level, Quorum,
    ReadRepair as CoreRepair, ReadRequest, Request, Response, Update, Value, Version, WriteError,
    WritePath as CorePath, WriteRequest,
};
use quorate_workloads::{Action, ReadRepair, Workload, WritePath};
use serde_json::Value as Json;

use crate::{cluster::Outcome, fault::Place, scenario::Scenario};

/// The name of a key.
pub fn key_name(number: usize) -> String {
    format!("k{number}")
}

/// A key as the store knows it.
pub fn stored_key(scenario: &Scenario, name: &str) -> Key {
    Key::of(stored_kind(scenario), name.as_bytes())
}

/// What the store holds under keys.
pub fn stored_kind(scenario: &Scenario) -> Kind {
    match scenario.workload {
        _ if scenario.is_agreed_upon() => Kind::Cas,
        Workload::Register | Workload::Deletes | Workload::Append | Workload::Txn => Kind::Register,
        Workload::Siblings => Kind::Siblings,
        Workload::Set => Kind::Set,
        Workload::Counter => Kind::Counter,
        Workload::Cas => Kind::Cas,
    }
}

/// How many owners have to agree.
const AGREEING: Level = Level::Quorum;

/// What many operations of a run name, put into words once.
#[derive(Debug)]
pub struct Names {
    keys: Vec<(String, Key)>,
    nodes: Vec<String>,
    read_level: String,
    write_level: String,
}

impl Names {
    /// Those of a scenario.
    pub fn of(scenario: &Scenario) -> Names {
        let key = |name: String| {
            let key = stored_key(scenario, &name);
            (name, key)
        };
        Names {
            keys: (0..scenario.keys).map(key_name).map(key).collect(),
            nodes: Place::all(scenario.place_count())
                .map(|node| node.to_string())
                .collect(),
            read_level: shown_level("r", scenario, Scenario::read_level),
            write_level: shown_level("w", scenario, Scenario::write_level),
        }
    }
}

/// Makes of a client's last event what the record says of an action that is about to be taken through a node: the
/// room that its texts take is used again.
pub fn invoke(event: &mut Event, action: &Action, node: Place, scenario: &Scenario, names: &Names) {
    let (level, seen_matters) = match action {
        Action::Read { .. } => (&names.read_level, false),
        _ => (&names.write_level, scenario.workload != Workload::Deletes),
    };
    let listed = |seen: &[u64]| Some(seen.iter().map(|value| (*value).into()).collect()).filter(|_| seen_matters);
    event.seen = None;
    (event.function, event.value) = match action {
        Action::Read { .. } => (Function::Read, Json::Null),
        Action::Write { value, seen, .. } => {
            event.seen = listed(seen).filter(|_| scenario.workload == Workload::Siblings);
            (Function::Write, (*value).into())
        }
        Action::Delete { seen, .. } => {
            event.seen = listed(seen);
            (Function::Delete, Json::Null)
        }
        Action::Add { element, .. } => (Function::Add, (*element).into()),
        Action::Remove { element, seen, .. } => {
            event.seen = listed(seen);
            (Function::Remove, (*element).into())
        }
        Action::Cas { expected, value, .. } => {
            let pair = vec![(*expected).into(), (*value).into()];
            (Function::Cas, Json::Array(pair))
        }
        Action::Increment { delta, .. } => (Function::Increment, (*delta).into()),
        Action::Txn { .. } => unreachable!("transactions are said by `transaction.rs`"),
    };
    event.kind = EventKind::Invoke;
    event.key.clone_from(&names.keys[action.key()].0);
    event.node.get_or_insert_default().clone_from(&names.nodes[node.0]);
    event.level.get_or_insert_default().clone_from(level);
    (event.version, event.error) = (None, None);
}

fn shown_level(name: &str, scenario: &Scenario, level: fn(&Scenario) -> Level) -> String {
    match level(scenario) {
        _ if scenario.is_agreed_upon() => AGREEING.to_string(),
        Level::Count(count) => format!("{name}={count}"),
        named => named.to_string(),
    }
}

/// What a node is asked for an action. `context` is that of the client's last read of the key.
pub fn request(action: &Action, context: &Context, scenario: &Scenario, names: &Names) -> Request {
    let key = names.keys[action.key()].1.clone();
    if scenario.is_agreed_upon() {
        return agree_request(key, agreed(action), scenario);
    }
    // A write that has seen nothing is blind, and hands nothing back.
    let context = |seen: &[u64]| {
        if seen.is_empty() {
            Context::default()
        } else {
            context.clone()
        }
    };
    let update = match action {
        Action::Read { .. } => return read_request(key, scenario),
        Action::Write { value, seen, .. } => Update::Put {
            value: stored_value(*value),
            context: context(seen),
        },
        Action::Delete { seen, .. } => Update::Delete { context: context(seen) },
        Action::Add { element, .. } => Update::Add {
            element: stored_value(*element),
        },
        Action::Remove { element, seen, .. } => Update::Remove {
            element: stored_value(*element),
            context: context(seen),
        },
        Action::Increment { delta, .. } => Update::Increment { delta: *delta },
        Action::Cas { .. } => unreachable!("owners agree upon nothing else"),
        Action::Txn { .. } => unreachable!("transactions ask by programs"),
    };
    write_request(key, update, scenario)
}

fn write_request(key: Key, update: Update, scenario: &Scenario) -> Request {
    let is_register = key.kind == Kind::Register;
    Request::Write(WriteRequest {
        path: match scenario.write_path {
            WritePath::Abd if is_register => CorePath::TwoPhase {
                level: scenario.read_level(),
            },
            WritePath::Abd | WritePath::Lww | WritePath::Cas => CorePath::OnePhase,
        },
        quorum: quorum(scenario),
        ..WriteRequest::new(key, update, scenario.write_level(), scenario.request_timeout)
    })
}

fn agree_request(key: Key, action: CasAction, scenario: &Scenario) -> Request {
    Request::Cas(CasRequest {
        key,
        action,
        level: AGREEING,
        timeout: scenario.request_timeout,
    })
}

/// What owners are to agree upon.
fn agreed(action: &Action) -> CasAction {
    match action {
        Action::Read { .. } => CasAction::Read,
        Action::Write { value, .. } => CasAction::Put {
            value: Some(stored_value(*value)),
        },
        Action::Cas { expected, value, .. } => CasAction::CompareAndSet {
            expected: expected.map(stored_value),
            value: Some(stored_value(*value)),
        },
        other => unreachable!("nobody does this to what owners agree upon: {other:?}"),
    }
}

/// Requests by which programs read and write registers.
#[derive(Clone, Copy, Debug)]
pub struct Requests<'r> {
    /// What they are asked with.
    pub scenario: &'r Scenario,
    /// The names of keys.
    pub names: &'r Names,
}

impl Requests<'_> {
    /// To read a key.
    pub fn read(self, key: usize) -> Request {
        let key = self.names.keys[key].1.clone();
        match key.kind {
            Kind::Cas => agree_request(key, CasAction::Read, self.scenario),
            _ => read_request(key, self.scenario),
        }
    }

    /// To write a value to a register, whatever it holds.
    pub fn put(self, key: usize, value: Value) -> Request {
        let key = self.names.keys[key].1.clone();
        if key.kind == Kind::Cas {
            let value = Some(value);
            return agree_request(key, CasAction::Put { value }, self.scenario);
        }
        let context = Context::default();
        write_request(key, Update::Put { value, context }, self.scenario)
    }

    /// To set a register that its owners agree upon, if it holds what is expected.
    pub fn compare_and_set(self, key: usize, expected: Option<Value>, value: Value) -> Request {
        let value = Some(value);
        let action = CasAction::CompareAndSet { expected, value };
        agree_request(self.names.keys[key].1.clone(), action, self.scenario)
    }

    /// What a key is called in the record.
    pub fn key_name(&self, key: usize) -> &str {
        &self.names.keys[key].0
    }

    /// What a key holds, as the record has it.
    pub fn shown(self, value: Option<&Value>) -> Json {
        shown_register(self.scenario.workload, value)
    }
}

fn read_request(key: Key, scenario: &Scenario) -> Request {
    let level = scenario.read_level();
    Request::Read(ReadRequest {
        repair: match scenario.read_repair {
            ReadRepair::Off => CoreRepair::Off,
            ReadRepair::Async => CoreRepair::Async,
            ReadRepair::Blocking => CoreRepair::Blocking { holders: level },
        },
        quorum: quorum(scenario),
        fetch: if scenario.digests {
            Fetch::Digests
        } else {
            Fetch::Values
        },
        ask: scenario
            .hedge_permille
            .map_or(Ask::All, |permille| Ask::Hedged { permille }),
        absence: if scenario.notfound_ok {
            Absence::AnswersAlone
        } else {
            Absence::Counts
        },
        ..ReadRequest::new(key, level, scenario.request_timeout)
    })
}

fn quorum(scenario: &Scenario) -> Quorum {
    if scenario.sloppy {
        Quorum::Sloppy
    } else {
        Quorum::Strict
    }
}

/// A number as the store holds it.
pub fn stored_value(number: u64) -> Value {
    Value(number.to_string().into())
}

/// What a key holds, as a history shows it: of a register its value or null, of siblings, sets and lists a list, of a
/// counter its sum. A value is the number that was written, or, if it is none, its bytes as text, so that a value from nowhere
/// can be seen.
pub fn shown(workload: Workload, cell: Option<&Cell>) -> Json {
    match (cell, workload) {
        (None, Workload::Siblings | Workload::Set) => Json::Array(Vec::new()),
        (None, Workload::Counter) => 0.into(),
        (None, _) => shown_register(workload, None),
        (Some(Cell::Register(register)), _) => shown_register(workload, register.value()),
        (Some(Cell::Cas(register)), _) => shown_register(workload, register.value()),
        (Some(Cell::Siblings(siblings)), _) => siblings.values().map(|(_, value)| shown_value(value)).collect(),
        (Some(Cell::Set(set)), _) => set.elements().map(shown_value).collect(),
        (Some(Cell::Counter(counter)), _) => match i64::try_from(counter.value()) {
            Ok(sum) => sum.into(),
            Err(_) => counter.value().to_string().into(),
        },
    }
}

/// What a register holds, as a history shows it.
fn shown_register(workload: Workload, value: Option<&Value>) -> Json {
    match (value, workload) {
        (None, Workload::Append) => Json::Array(Vec::new()),
        (None, _) => Json::Null,
        (Some(list), Workload::Append) => shown_list(list),
        (Some(value), _) => shown_value(value),
    }
}

fn shown_value(value: &Value) -> Json {
    shown_text(&String::from_utf8_lossy(&value.0))
}

fn shown_text(text: &str) -> Json {
    match text.parse::<u64>() {
        Ok(number) => number.into(),
        Err(_) => text.into(),
    }
}

/// What stands between the elements of a list.
const COMMA: &str = ",";

/// The elements of the list that a register holds as a text. What is no number is an element all the same, so that a value
/// from nowhere can be seen.
fn shown_list(value: &Value) -> Json {
    let text = String::from_utf8_lossy(&value.0);
    text.split(COMMA).map(shown_text).collect()
}

/// A list as a register holds it, with `element` at its end.
pub fn appended(list: Option<&Value>, element: u64) -> Value {
    let element = element.to_string();
    match list {
        None => Value(element.into()),
        Some(list) => Value([&list.0[..], COMMA.as_bytes(), element.as_bytes()].concat().into()),
    }
}

/// A version as a history shows it.
pub fn shown_version(version: Version) -> quorate_checker::Version {
    quorate_checker::Version::Text(version.to_text())
}

/// The number that was written as a value, if it is one.
fn number(value: &Value) -> Option<u64> {
    String::from_utf8_lossy(&value.0).parse().ok()
}

/// What clients are told that a key holds that its owners agree upon.
pub fn told(value: Option<&Value>) -> Vec<u64> {
    value.and_then(number).into_iter().collect()
}

/// What a read gives a client to hand back with its next write of the key: what it has seen, and its context.
pub fn seen(cell: Option<&Cell>) -> (Vec<u64>, Context) {
    match cell {
        Some(Cell::Siblings(siblings)) => {
            let values = siblings.values().filter_map(|(_, value)| number(value)).collect();
            (values, siblings.context().clone())
        }
        Some(Cell::Set(set)) => (set.elements().filter_map(number).collect(), set.context().clone()),
        _ => (Vec::new(), Context::default()),
    }
}

/// Makes of an invocation what its outcome tells. A read without an answer has no effect, so it failed; a write is failed
/// only where the coordinator, or the wire, says that nothing was sent.
pub fn complete(workload: Workload, event: &mut Event, outcome: &Outcome) {
    let unknown = if event.function.is_write() {
        EventKind::Info
    } else {
        EventKind::Fail
    };
    let ended = |kind, error: String| (kind, Some(error));
    event.seen = None;
    (event.kind, event.error) = match outcome {
        Outcome::NotSent { why } => ended(EventKind::Fail, why.clone()),
        Outcome::Lost { why } => ended(unknown, why.clone()),
        Outcome::Answered(response) => match &**response {
            Response::Read(Ok(read)) => {
                let cell = read.cell.as_ref();
                event.value = shown(workload, cell);
                event.version = cell.and_then(Cell::version).map(shown_version);
                (EventKind::Ok, None)
            }
            Response::Write(Ok(write)) => {
                event.version = write.version.map(shown_version);
                (EventKind::Ok, None)
            }
            Response::Cas(Ok(agreed)) => {
                event.version = agreed.version.map(shown_version);
                if agreed.outcome == CasOutcome::Unmet {
                    event.value = false.into();
                    event.version = None; // Of what was found, and not of what was to be written.
                } else if !event.function.is_write() {
                    event.value = agreed.value.as_ref().map_or(Json::Null, shown_value);
                }
                (EventKind::Ok, None)
            }
            Response::Read(Err(error)) => ended(EventKind::Fail, error.to_string()),
            Response::Write(Err(error @ WriteError::NotApplied(_)))
            | Response::Cas(Err(error @ WriteError::NotApplied(_))) => ended(EventKind::Fail, error.to_string()),
            Response::Write(Err(error @ WriteError::Unknown(_)))
            | Response::Cas(Err(error @ WriteError::Unknown(_))) => ended(EventKind::Info, error.to_string()),
            Response::Admin(_) => ended(unknown, "an answer to another question".to_owned()),
        },
    };
}
