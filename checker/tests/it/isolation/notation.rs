//! Histories of transactions in a line each: `p0 ok: append x 1, r y [1 2], w z 3`. A fourth item of a step is a reported version.
//!
//! A line that begins with `|` is an invocation or a completion, for what overlaps: `| p0 invoke: ...`. Any other is a transaction that
//! nothing overlaps.

use quorate_checker::{Datum, Entry, EventKind, Forms, Process, Transcript, TranscriptBuilder};

/// Returns the history that these lines are.
pub(super) fn history(lines: &str) -> Transcript {
    let mut builder = TranscriptBuilder::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (head, steps) = line.split_once(':').expect("a line has a colon");
        let words: Vec<&str> = head.split_whitespace().collect();
        let (process, kinds) = match words[..] {
            ["|", process, kind] => (process, vec![kind]),
            [process, kind] => (process, vec!["invoke", kind]),
            _ => panic!("{line} is no line of a history"),
        };
        for kind in kinds {
            let kind = match kind {
                "invoke" => EventKind::Invoke,
                "ok" => EventKind::Ok,
                "fail" => EventKind::Fail,
                "info" => EventKind::Info,
                _ => panic!("{kind} is no kind"),
            };
            builder.push(entry(process, kind, steps)).expect("it follows");
        }
    }
    builder.finish()
}

fn entry(process: &str, kind: EventKind, steps: &str) -> Entry {
    let number = process
        .strip_prefix('p')
        .and_then(|number| number.parse().ok())
        .expect("p and a number");
    let steps = steps.split(',').map(str::trim).filter(|step| !step.is_empty());
    let value = Datum::list(steps.map(|step| {
        let mut forms = Forms::new(step.as_bytes());
        let mut items = Vec::new();
        while let Some(form) = forms.next_form().expect("a step is EDN") {
            items.push(form);
        }
        let (name, key, value, version) = match &items[..] {
            [name, key, value] => (name, key, value, None),
            [name, key, value, version] => (name, key, value, Some(version)),
            _ => panic!("{step} is no step"),
        };
        let is_read = name.as_name() == Some("r");
        let value = if is_read && kind != EventKind::Ok {
            &Datum::Nil
        } else {
            value
        };
        let name = Datum::Keyword(name.as_name().expect("a name").into());
        Datum::list([name, key.clone(), value.clone()].into_iter().chain(version.cloned()))
    }));
    Entry {
        process: Some(Process::Client(number)),
        ..Entry::new(kind, "txn", value)
    }
}
