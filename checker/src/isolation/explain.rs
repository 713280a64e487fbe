//! Cycles in words: why each transaction comes before the next.

use super::{
    cycle::Link,
    graph::Kind,
    lists::Lists,
    registers::Registers,
    txns::{Step, Txns, What},
};

/// Where dependencies come from.
pub(super) enum Source<'t> {
    Lists(Lists<'t>),
    Registers(Registers<'t>),
}

/// How many links of a cycle are told, and how many of them may have others to show their order.
const TOLD_MAX: usize = 40;

/// Returns who shows in which order the transactions of a cycle wrote, beside these: of each link one who read what it is about.
pub(super) fn observers(txns: &Txns, source: &Source<'_>, cycle: &[Link]) -> Vec<u32> {
    let Source::Lists(lists) = source else {
        return Vec::new();
    };
    let mut shown: Vec<u32> = cycle.iter().map(|link| link.from).collect();
    let begin = shown.len();
    for link in cycle
        .iter()
        .take(TOLD_MAX)
        .filter(|link| matches!(link.kind, Kind::Ww | Kind::Rw))
    {
        let Some((key, place)) = about(txns, lists, link) else {
            continue;
        };
        let sees = |txn: &u32| {
            txns.steps(*txn).iter().any(|step| match step.what() {
                What::ReadList { list, length } => step.key == key && length > place && lists.is_version(list, length),
                _ => false,
            })
        };
        if !shown.iter().any(sees) {
            shown.extend(txns.numbers().filter(|txn| txns.is_ok(*txn)).find(sees));
        }
    }
    shown.split_off(begin)
}

/// Returns the key, and the place in it of the append, by which the second of a link comes later; none if nobody saw it.
fn about(txns: &Txns, lists: &Lists<'_>, link: &Link) -> Option<(u32, u32)> {
    txns.steps(link.to).iter().find_map(|step| {
        let What::Write(element) = step.what() else { return None };
        let place = lists.place(element)?;
        let is_why = match link.kind {
            Kind::Ww => lists.writer_before(step.key, place) == Some(link.from),
            _ => txns.steps(link.from).iter().any(|read| match read.what() {
                What::ReadList { list, length } => {
                    let is_next = lists.writer_from(read.key, length) == Some(link.to);
                    read.key == step.key && lists.is_version(list, length) && is_next
                }
                _ => false,
            }),
        };
        is_why.then_some((step.key, place))
    })
}

/// Returns what happened, transaction by transaction and link by link.
pub(super) fn explain(txns: &Txns, source: &Source<'_>, cycle: &[Link]) -> String {
    let name = |txn: u32| txns.name(txn);
    let mut lines = Vec::new();
    let told = &cycle[..cycle.len().min(TOLD_MAX)];
    for link in told {
        lines.push(format!("{}.", txns.txn_text(link.from)));
    }
    for (number, link) in told.iter().enumerate() {
        let why = why(txns, source, link);
        let (from, to) = (name(link.from), name(link.to));
        let then = if number + 1 == cycle.len() { "And yet" } else { "So" };
        lines.push(format!("{why}. {then} {from} comes before {to}."));
    }
    if told.len() < cycle.len() {
        lines.push(format!("So it goes on, by {} more.", cycle.len() - told.len()));
    }
    lines.push(format!(
        "{} would come before itself: a contradiction.",
        name(cycle[0].from)
    ));
    lines.join(" ")
}

/// Returns why `link.from` comes before `link.to`.
pub(super) fn why(txns: &Txns, source: &Source<'_>, link: &Link) -> String {
    let (from, to) = (txns.name(link.from), txns.name(link.to));
    match link.kind {
        Kind::Process | Kind::Realtime | Kind::On => order_words(txns, link),
        Kind::Ww | Kind::Wr | Kind::Rw => match source {
            Source::Lists(lists) => of_lists(txns, lists, link),
            Source::Registers(registers) => of_registers(txns, registers, link),
        }
        .unwrap_or_else(|| format!("{to} depends on {from}")),
    }
}

/// Returns how the order of a session or of real time has it.
pub(super) fn order_words(txns: &Txns, link: &Link) -> String {
    let (from, to) = (txns.name(link.from), txns.name(link.to));
    if link.kind == Kind::Process {
        let process = &txns.processes[txns.txn(link.from).session as usize];
        return format!("{process} did {from} before {to}");
    }
    let ended = txns.origin(link.from).completion_index;
    let began = txns.origin(link.to).index;
    format!("{from} had ended (index {ended}) before {to} began (index {began})")
}

fn of_lists(txns: &Txns, lists: &Lists<'_>, link: &Link) -> Option<String> {
    let (from, to) = (txns.name(link.from), txns.name(link.to));
    let reads = |step: &Step| match step.what() {
        What::ReadList { list, length } => Some((step.key, list, length)),
        _ => None,
    };
    let own = |txn: u32, key: u32, is: &dyn Fn(Option<u32>) -> bool| {
        let writes = txns.steps(txn).iter().filter(|step| step.key == key);
        writes
            .filter_map(|step| match step.what() {
                What::Write(element) if is(lists.place(element)) => Some(txns.value(element)),
                _ => None,
            })
            .next()
    };
    match link.kind {
        Kind::Ww => txns.steps(link.to).iter().find_map(|step| {
            let What::Write(element) = step.what() else { return None };
            let place = lists.count_before(step.key, element);
            if lists.writer_before(step.key, place) != Some(link.from) {
                return None;
            }
            let before = own(link.from, step.key, &|own| own.is_some_and(|own| own < place))?;
            let (key, value) = (txns.key_name(step.key), txns.value(element));
            let how = match lists.place(element) {
                Some(_) => format!("which came after {from}'s {before}"),
                None => format!("which nobody saw, so that it came after {from}'s {before}, which somebody did"),
            };
            Some(format!("{to} appended {value} to {key}, {how}"))
        }),
        Kind::Wr => txns.steps(link.to).iter().find_map(|step| {
            let (key, list, length) = reads(step)?;
            let is_from = match lists.is_version(list, length) {
                true => lists.writer_before(key, length) == Some(link.from),
                false => true,
            };
            let seen = txns.read(list, length).iter().rev().find(|element| {
                txns.steps(link.from)
                    .iter()
                    .any(|step| step.what() == What::Write(**element))
            })?;
            is_from.then(|| {
                let (key, value) = (txns.key_name(key), txns.value(*seen));
                format!(
                    "{to} read {key} as {}, with {value} in it, which {from} appended",
                    txns.list_text(list, length)
                )
            })
        }),
        _ => txns.steps(link.from).iter().find_map(|step| {
            let (key, list, length) = reads(step)?;
            if !lists.is_version(list, length) {
                return None;
            }
            let missed = own(link.to, key, &|place| place.is_none_or(|place| place >= length))?;
            let is_next = lists.writer_from(key, length) == Some(link.to) || length == lists.length(key);
            is_next.then(|| {
                let key = txns.key_name(key);
                format!(
                    "{from} read {key} as {}, without {missed}, which {to} appended",
                    txns.list_text(list, length)
                )
            })
        }),
    }
}

fn of_registers(txns: &Txns, registers: &Registers<'_>, link: &Link) -> Option<String> {
    let (from, to) = (txns.name(link.from), txns.name(link.to));
    let (key, first, then) = registers.why(link.from, link.to, link.kind)?;
    let (key, first, then) = (txns.key_name(key), txns.value(first), txns.value(then));
    Some(match link.kind {
        Kind::Wr => format!("{to} read {key} as {first}, which {from} wrote"),
        Kind::Rw => format!("{from} read {key} as {first}, which {to} wrote over with {then}"),
        _ => format!("{to} wrote {then} to {key}, over {first}, which {from} wrote"),
    })
}
