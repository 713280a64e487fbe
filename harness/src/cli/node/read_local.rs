//! `quorate node read-local`.

use std::fmt::Write;

use quorate_core::{
    Actor, AddWinsSet, CasRegister, Cell, Content, Context, Counter, Key, Register, Siblings, Status, Version, WallTime,
};
use serde_json::{Value, json};

use super::{
    connect::{ConnectArgs, QUICK},
    key::{self, KeyArgs, json_bytes, quoted},
    names::Names,
    table::{Side, Table, printable},
};
use crate::{cli::Format, exit::Exit};

/// How many characters of a value a table shows; JSON has all of it.
const SHOWN_MAX: usize = 40;

/// Shows what a node itself holds under a key: no quorum, no repair.
///
/// Actors are the lives in which nodes have updated the key; a context says how many updates of each have been seen.
///
/// Examples: quorate node read-local k17 --connect 127.0.0.1:4501 --identity cluster/ops;
/// quorate node read-local cart --kind set --format json
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    connect: ConnectArgs,
    /// How to answer
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let key = args.key.key()?;
    let (cell, status) = args.connect.talk(QUICK, async |node| {
        Ok((node.replica(&key).await?, node.status().await?))
    })?;
    args.format.answer(
        || text(&key, cell.as_ref(), Names(&status)),
        || json(&key, cell.as_ref(), &status),
    );
    Ok(Exit::Valid)
}

fn text(key: &Key, cell: Option<&Cell>, names: Names<'_>) -> String {
    let mut out = String::new();
    let (name, node) = (printable(&names.0.name), names.0.node);
    let _ = writeln!(out, "key       {}", key::words(key));
    let _ = writeln!(out, "at        {name} ({node})");
    match cell {
        None => out.push_str("held      nothing\n"),
        Some(Cell::Register(register)) => register_text(&mut out, register, names),
        Some(Cell::Siblings(siblings)) => siblings_text(&mut out, siblings, names),
        Some(Cell::Set(set)) => set_text(&mut out, set, names),
        Some(Cell::Counter(counter)) => counter_text(&mut out, counter, names),
        Some(Cell::Cas(register)) => cas_text(&mut out, register, names),
    }
    out
}

fn register_text(out: &mut String, register: &Register, names: Names<'_>) {
    let version = register.version;
    let _ = match &register.content {
        Content::Value(value) => writeln!(out, "value     {}", quoted(&value.0)),
        Content::Tombstone { deleted_at } => writeln!(out, "deleted   {}", utc(deleted_at.as_nanos())),
    };
    let node = printable(&names.full(version.node));
    let _ = writeln!(out, "written   {}", utc(version.time));
    let _ = writeln!(out, "by        {node}, generation {}", version.generation.0);
    let _ = writeln!(out, "version   {version}");
}

fn cas_text(out: &mut String, register: &CasRegister, names: Names<'_>) {
    let ballot = |ballot: Version| format!("{} of {}", ballot, printable(&names.full(ballot.node)));
    match &register.accepted {
        None => out.push_str("accepted  nothing\n"),
        Some(accepted) => {
            let value = accepted.value.as_ref();
            let value = value.map_or_else(|| "nothing".to_owned(), |value| quoted(&value.0));
            let _ = writeln!(out, "accepted  {value}");
            let _ = writeln!(out, "ballot    {}", ballot(accepted.ballot));
            if let Some(written) = accepted.written {
                let _ = writeln!(out, "written   {}", ballot(written));
            }
        }
    }
    let _ = writeln!(out, "promised  {}", ballot(register.promised));
}

fn siblings_text(out: &mut String, siblings: &Siblings, names: Names<'_>) {
    let values = siblings.values();
    let _ = match values.len() {
        0 => writeln!(out, "values    none{}", deletion(siblings.deleted_at())),
        1 => writeln!(out, "values    1"),
        count => writeln!(out, "values    {count}, concurrent"),
    };
    if values.len() > 0 {
        let mut table = actor_table(("UPDATE", Side::Right), ("VALUE", Side::Left));
        for (dot, value) in values {
            actor_row(
                &mut table,
                dot.actor,
                names,
                dot.n.to_string(),
                shortened(&quoted(&value.0)),
            );
        }
        let _ = write!(out, "\n{table}");
    }
    context_text(out, siblings.context(), names);
}

fn set_text(out: &mut String, set: &AddWinsSet, names: Names<'_>) {
    let elements = set.elements();
    let _ = match elements.len() {
        0 => writeln!(out, "elements  none{}", deletion(set.deleted_at())),
        count => writeln!(out, "elements  {count}"),
    };
    for element in elements {
        let _ = writeln!(out, "  {}", quoted(&element.0));
    }
    if set.awaits_anything() {
        out.push_str("removals  some await what they remove\n");
    }
    context_text(out, set.context(), names);
}

fn counter_text(out: &mut String, counter: &Counter, names: Names<'_>) {
    let _ = writeln!(out, "value     {}\n", counter.value());
    let mut table = Table::new([
        ("NAME", Side::Left),
        ("GENERATION", Side::Right),
        ("BORN", Side::Left),
        ("UPDATES", Side::Right),
        ("ADDED", Side::Right),
        ("SUBTRACTED", Side::Right),
    ]);
    for (actor, tally) in counter.tallies() {
        table.row([
            names.name(actor.node).to_owned(),
            actor.generation.0.to_string(),
            utc(actor.birth),
            tally.n.to_string(),
            tally.added.to_string(),
            tally.subtracted.to_string(),
        ]);
    }
    let _ = write!(out, "{table}");
}

fn context_text(out: &mut String, context: &Context, names: Names<'_>) {
    let mut table = actor_table(("UPDATES", Side::Right), ("", Side::Left));
    for (actor, seen) in context.iter() {
        actor_row(&mut table, actor, names, seen.to_string(), String::new());
    }
    let _ = write!(out, "\ncontext\n{table}");
}

fn actor_table(number: (&str, Side), last: (&str, Side)) -> Table<5> {
    Table::new([
        ("NAME", Side::Left),
        ("GENERATION", Side::Right),
        ("BORN", Side::Left),
        number,
        last,
    ])
}

fn actor_row(table: &mut Table<5>, actor: Actor, names: Names<'_>, number: String, last: String) {
    table.row([
        names.name(actor.node).to_owned(),
        actor.generation.0.to_string(),
        utc(actor.birth),
        number,
        last,
    ]);
}

fn deletion(deleted_at: Option<WallTime>) -> String {
    deleted_at.map_or_else(String::new, |at| {
        format!("; the last was deleted {}", utc(at.as_nanos()))
    })
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}... ({} characters)", &text[..at], text.chars().count()),
    }
}

/// The date and time of so many nanoseconds since 1970, which a stamp of a wrong clock may put anywhere.
fn utc(nanos: u64) -> String {
    let Ok(time) = time::OffsetDateTime::from_unix_timestamp_nanos(nanos.into()) else {
        return format!("{nanos} ns");
    };
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.nanosecond()
    )
}

fn json(key: &Key, cell: Option<&Cell>, status: &Status) -> Value {
    json!({
        "format": 1,
        "node": status.node.to_string(),
        "name": status.name,
        "key": json_bytes(&key.name),
        "kind": key.kind.name(),
        "cell": cell.map(cell_json),
    })
}

fn cell_json(cell: &Cell) -> Value {
    match cell {
        Cell::Register(register) => json!({
            "value": register.value().map(|value| json_bytes(&value.0)),
            "deleted_at_ns": register.deleted_at().map(WallTime::as_nanos),
            "version": {
                "time_ns": register.version.time,
                "node": register.version.node.to_string(),
                "generation": register.version.generation.0,
            },
        }),
        Cell::Siblings(siblings) => {
            let value = |(dot, value): (&quorate_core::Dot, &quorate_core::Value)| {
                let mut object = actor_json(dot.actor);
                object["n"] = json!(dot.n);
                json!({ "value": json_bytes(&value.0), "dot": object })
            };
            json!({
                "values": siblings.values().map(value).collect::<Vec<_>>(),
                "context": context_json(siblings.context()),
                "deleted_at_ns": siblings.deleted_at().map(WallTime::as_nanos),
            })
        }
        Cell::Set(set) => json!({
            "elements": set.elements().map(|element| json_bytes(&element.0)).collect::<Vec<_>>(),
            "context": context_json(set.context()),
            "awaits_anything": set.awaits_anything(),
            "deleted_at_ns": set.deleted_at().map(WallTime::as_nanos),
        }),
        Cell::Cas(register) => json!({
            "promised": register.promised.to_string(),
            "accepted": register.accepted.as_ref().map(|accepted| json!({
                "ballot": accepted.ballot.to_string(),
                "written": accepted.written.map(|written| written.to_string()),
                "value": accepted.value.as_ref().map(|value| json_bytes(&value.0)),
            })),
        }),
        Cell::Counter(counter) => {
            let tally = |(actor, tally): (&Actor, &quorate_core::Tally)| {
                let mut object = actor_json(*actor);
                object["updates"] = json!(tally.n);
                object["added"] = json!(tally.added);
                object["subtracted"] = json!(tally.subtracted);
                object
            };
            // Beyond 64 bits, JSON's readers disagree on numbers.
            let value = counter.value();
            json!({
                "value": i64::try_from(value).map_or_else(|_| json!(value.to_string()), |value| json!(value)),
                "tallies": counter.tallies().map(tally).collect::<Vec<_>>(),
            })
        }
    }
}

fn context_json(context: &Context) -> Value {
    let seen = |(actor, seen): (Actor, u64)| {
        let mut object = actor_json(actor);
        object["updates"] = json!(seen);
        object
    };
    context.iter().map(seen).collect()
}

fn actor_json(actor: Actor) -> Value {
    json!({
        "node": actor.node.to_string(),
        "generation": actor.generation.0,
        "birth": actor.birth,
    })
}

#[cfg(test)]
mod tests {
    use quorate_core::{Generation, NodeId, Version};

    use super::*;

    fn status() -> Status {
        Status {
            node: NodeId(7),
            name: "n7".to_owned(),
            generation: Generation(1),
            ring: None,
            moves: quorate_core::MovesStatus {
                standing: quorate_core::Standing::Normal,
                owned: 0,
                gaining: 0,
                losing: 0,
                moving: 0,
                stray: 0,
                epochs: 0,
                refused: None,
            },
            members: Vec::new(),
            isolated: false,
            hints_pending: 0,
            behind: Vec::new(),
            coordinating: 0,
            persisting: 0,
            counters: quorate_core::Counters::default(),
        }
    }

    fn register(content: Content) -> Cell {
        Cell::Register(Register {
            version: Version {
                time: 1_795_471_987_000_000_009,
                node: NodeId(7),
                generation: Generation(2),
            },
            content,
        })
    }

    #[test]
    fn a_value_that_is_no_text_is_escaped_and_a_stamp_is_a_date() {
        let value = quorate_core::Value(vec![0xff, b'a', 0x1b].into());
        let cell = register(Content::Value(value));
        let (key, status) = (Key::copy_from(b"k\n"), status());
        let shown = text(&key, Some(&cell), Names(&status));
        for line in [
            r#"key       "k\n" (register)"#,
            r#"value     "\xffa\x1b""#,
            "written   2026-11-23T22:13:07.000000009Z",
            "by        ? (0000000000000007), generation 2",
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{line} in {shown}");
        }
        assert_eq!(json(&key, Some(&cell), &status)["cell"]["value"]["hex"], "ff611b");
    }

    #[test]
    fn a_tombstone_says_when() {
        let deleted_at = WallTime::from_nanos(1_000_000_000);
        let cell = register(Content::Tombstone { deleted_at });
        let shown = text(&Key::copy_from(b"k"), Some(&cell), Names(&status()));
        assert!(shown.contains("deleted   1970-01-01T00:00:01.000000000Z\n"), "{shown}");
        assert_eq!(cell_json(&cell)["value"], Value::Null);
    }

    #[test]
    fn a_long_value_is_shortened_at_a_character() {
        let text = "ü".repeat(SHOWN_MAX);
        assert_eq!(shortened(&text), text);
        assert_eq!(shortened(&"ü".repeat(50)), format!("{text}... (50 characters)"));
    }
}
