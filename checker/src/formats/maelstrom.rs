//! Messages of Maelstrom's protocol: what clients asked of nodes, and what they were told (doc/protocol.md, doc/workloads.md).
//!
//! A request is an invocation, and the reply to it, found by client and message id, its completion; the function is the
//! request's type. What nodes say to each other, and what sets them up, is passed over. A client waits for a reply before it
//! asks again: one that asks again has given up, so that the outcome is unknown and a late reply counts for nothing.

use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::{
    error::ReadError,
    json,
    part::{Line, LineError, Output, ParseLine},
};
use crate::{
    datum::Datum,
    history::{EventKind, Process},
    transcript::Entry,
};

/// Parses lines, each of which is a message.
#[derive(Debug, Default)]
pub(super) struct Maelstrom {
    clients: FxHashMap<Box<str>, Client>,
}

/// What a client is at.
#[derive(Debug, Default)]
struct Client {
    open: Option<Request>,
    /// The greatest id of its messages.
    last_id: Option<i64>,
}

/// A request without a reply.
#[derive(Debug)]
struct Request {
    id: i64,
    verb: Box<str>,
    key: Option<Datum>,
    asked: Datum,
    node: Box<str>,
    /// Whether it is none of what is tested.
    is_setup: bool,
}

/// A message.
#[derive(Deserialize)]
struct Message {
    src: Box<str>,
    dest: Box<str>,
    body: Datum,
}

impl ParseLine for Maelstrom {
    fn may_be_torn(&self, line: &[u8]) -> bool {
        json::may_be_torn(line)
    }

    fn line(&mut self, line: Line<'_>, output: &mut Output<'_>) -> Result<(), LineError> {
        let message: Message = serde_json::from_slice(line.bytes).map_err(|error| json::malformed(&error))?;
        let line = line.number;
        let Some(verb) = message.body.at("type").and_then(Datum::as_name) else {
            return Err(ReadError::text(line, "a message whose body has no \"type\"").into());
        };
        if is_client(&message.src) && message.body.at("in_reply_to").is_none() {
            self.request(line, &message, verb, output)?;
        } else if is_client(&message.dest) {
            self.reply(line, &message, verb, output)?;
        }
        Ok(())
    }
}

impl Maelstrom {
    fn request(&mut self, line: u64, message: &Message, verb: &str, output: &mut Output<'_>) -> Result<(), ReadError> {
        let id = id(line, &message.body, "msg_id")?;
        let process = process(line, &message.src)?;
        let client = self.clients.entry(message.src.clone()).or_default();
        client.last_id = client.last_id.max(Some(id));
        if let Some(open) = client.open.take().filter(|open| !open.is_setup) {
            let error = Datum::from("no reply before the client's next request");
            let info = open.completion(EventKind::Info, Datum::Nil, Some(error));
            output.entry(
                line,
                Entry {
                    process: Some(process.clone()),
                    ..info
                },
            )?;
        }
        let (key, asked) = asked(verb, &message.body);
        let request = Request {
            id,
            verb: verb.into(),
            key,
            asked,
            node: message.dest.clone(),
            is_setup: matches!(verb, "init" | "topology"),
        };
        if !request.is_setup {
            let invocation = request.entry(EventKind::Invoke, request.asked.clone());
            output.entry(
                line,
                Entry {
                    process: Some(process),
                    ..invocation
                },
            )?;
        }
        client.open = Some(request);
        Ok(())
    }

    fn reply(&mut self, line: u64, message: &Message, verb: &str, output: &mut Output<'_>) -> Result<(), ReadError> {
        let id = id(line, &message.body, "in_reply_to")?;
        let process = process(line, &message.dest)?;
        let client = self.clients.get_mut(&message.dest);
        let Some(client) = client.filter(|client| client.last_id >= Some(id)) else {
            let why = format!("a reply to message {id} of {}, which it has not sent", message.dest);
            return Err(ReadError::text(line, why));
        };
        let Some(request) = client.open.take_if(|open| open.id == id) else {
            return Ok(());
        };
        let completion = if verb == "error" {
            let code = message.body.at("code").and_then(Datum::as_int);
            let Some(code) = code else {
                return Err(ReadError::text(line, "an error without an integer \"code\""));
            };
            let error = [("code", Some(&Datum::Int(code))), ("text", message.body.at("text"))];
            let error = error
                .into_iter()
                .filter_map(|(name, value)| Some((Datum::Keyword(name.into()), value?.clone())));
            let error = Some(Datum::map(error));
            request.completion(kind_of(code), Datum::Nil, error)
        } else if verb.strip_suffix("_ok") == Some(&request.verb) {
            request.completion(EventKind::Ok, answered(&request, &message.body), None)
        } else {
            let why = format!(
                "a {verb:?} in reply to a {:?}: expected \"{}_ok\" or \"error\"",
                request.verb, request.verb
            );
            return Err(ReadError::text(line, why));
        };
        if !request.is_setup {
            output.entry(
                line,
                Entry {
                    process: Some(process),
                    ..completion
                },
            )?;
        }
        Ok(())
    }
}

impl Request {
    fn entry(&self, kind: EventKind, value: Datum) -> Entry {
        Entry {
            key: self.key.clone(),
            node: Some(self.node.clone()),
            ..Entry::new(kind, self.verb.clone(), value)
        }
    }

    fn completion(&self, kind: EventKind, answered: Datum, error: Option<Datum>) -> Entry {
        let value = if kind == EventKind::Ok {
            answered
        } else {
            self.asked.clone()
        };
        Entry {
            error,
            ..self.entry(kind, value)
        }
    }
}

/// Whether an error of this code leaves the outcome open: a timeout, a crash, or a code of the node's own making.
fn kind_of(code: i64) -> EventKind {
    match code {
        0 | 13 | 1000.. => EventKind::Info,
        _ => EventKind::Fail,
    }
}

/// Returns the key and the value of a request.
fn asked(verb: &str, body: &Datum) -> (Option<Datum>, Datum) {
    let field = |name: &str| body.at(name).cloned().unwrap_or_default();
    let key = body.at("key").cloned();
    let value = match verb {
        "read" => Datum::Nil,
        "write" => field("value"),
        "cas" => Datum::list([field("from"), field("to")]),
        "txn" => field("txn"),
        "broadcast" => field("message"),
        "add" => body.at("element").or(body.at("delta")).cloned().unwrap_or_default(),
        "echo" => field("echo"),
        "generate" => Datum::Nil,
        "send" => field("msg"),
        "poll" | "commit_offsets" => field("offsets"),
        "list_committed_offsets" => field("keys"),
        _ => rest(body),
    };
    (key, value)
}

/// Returns the value of an answer that is not an error.
fn answered(request: &Request, body: &Datum) -> Datum {
    let field = |name: &str| body.at(name).cloned().unwrap_or_default();
    match &*request.verb {
        "read" => body.at("value").or(body.at("messages")).cloned().unwrap_or_default(),
        "txn" => field("txn"),
        "echo" => field("echo"),
        "generate" => field("id"),
        "send" => Datum::list([field("offset"), request.asked.clone()]),
        "poll" => field("msgs"),
        "list_committed_offsets" => field("offsets"),
        "write" | "cas" | "broadcast" | "add" | "commit_offsets" => request.asked.clone(),
        _ => rest(body),
    }
}

/// Returns what a body holds apart from the protocol's own fields: the value of a request that is in no workload of
/// Maelstrom's.
fn rest(body: &Datum) -> Datum {
    const OWN: [&str; 4] = ["type", "msg_id", "in_reply_to", "key"];
    let is_own = |name: &Datum| name.as_name().is_some_and(|name| OWN.contains(&name));
    let entries = body
        .entries()
        .unwrap_or_default()
        .iter()
        .filter(|(name, _)| !is_own(name));
    let rest: Vec<(Datum, Datum)> = entries.cloned().collect();
    if rest.is_empty() { Datum::Nil } else { Datum::map(rest) }
}

fn id(line: u64, body: &Datum, field: &str) -> Result<i64, ReadError> {
    let id = body.at(field).and_then(Datum::as_int);
    id.ok_or_else(|| ReadError::text(line, format!("a message whose body has no integer {field:?}")))
}

/// Whether this is a client's name; nodes are named `n`, services by what they offer.
fn is_client(name: &str) -> bool {
    name.strip_prefix('c')
        .is_some_and(|number| number.starts_with(|first: char| first.is_ascii_digit()))
}

fn process(line: u64, name: &str) -> Result<Process, ReadError> {
    let number = name.get(1..).and_then(|number| number.parse().ok());
    number
        .map(Process::Client)
        .ok_or_else(|| ReadError::text(line, format!("{name:?} is no client's name, such as \"c3\"")))
}
