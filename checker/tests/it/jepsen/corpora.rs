//! Public histories with known verdicts, if they are there: in the folder `QUORATE_CORPORA`, else `../shared/corpora`.
//!
//! All verdicts and figures are those that are stated, but for these, where ours say more:
//! - `total-queue-test-009`: one element is missing and one dequeue crashed, so that what is stated as lost (and
//!   counted so in the figures) is found to be unknown; the history is invalid for what else came out.
//!
//! `casusal-reverse-test-005` is no history: its only process makes several calls at once. They are told apart by
//! what they write.

use std::path::Path;

use quorate_checker::{
    Datum, Entry, Process, Transcript,
    formats::{self, Format},
};
use serde_json::Value;

use super::runner;
use crate::corpora;

const MODELS: [&str; 8] = [
    "set",
    "set-full",
    "counter",
    "total-queue",
    "unique-ids",
    "bank",
    "long-fork",
    "causal-reverse",
];

#[test]
fn verdicts_are_those_stated() {
    let Some(folder) = corpora::folder() else {
        corpora::report("skipped Jepsen's workloads: no corpora at hand");
        return;
    };
    let index = corpora::read(&folder.join("INDEX.tsv"));
    let mut judged = 0;
    for line in index.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let (file, model, stated) = (fields[0], fields[5].trim_start_matches(':'), fields[6]);
        let (name, options) = model.split_once(' ').unwrap_or((model, ""));
        if !MODELS.contains(&name) {
            continue;
        }
        // Options of Jepsen's own tests are empty, written as a map.
        let options = options.replace('=', " ");
        let command = if options.starts_with('{') {
            name.to_owned()
        } else {
            format!("{name} {options}")
        };
        let outcome = runner::run(command.trim(), &history(&folder.join(file)));
        if !stated.starts_with('(') {
            assert_eq!(outcome.verdict(), stated, "{file}");
        }
        judged += 1;
    }
    assert!(judged >= 24, "only {judged} files of the index were judged");
}

#[test]
fn figures_are_those_stated() {
    let Some(folder) = corpora::folder() else {
        corpora::report("skipped Jepsen's workloads: no corpora at hand");
        return;
    };
    let mut compared = 0;
    for tests in ["jepsen-checker-tests", "jepsen-causal-reverse-tests"] {
        let folder = folder.join("derived").join(tests);
        for case in runner::forms(&corpora::read(&folder.join("CASES.edn"))) {
            let field = |name| case.at(name).expect("a case has it");
            let (file, model) = (field("file").as_name(), field("model").as_name());
            let (file, model) = (file.expect("a name"), model.expect("a name"));
            if !MODELS.contains(&model) {
                continue;
            }
            let outcome = runner::run(model, &history(&folder.join(file)));
            for stated in field("asserts").items().expect("asserts are a list") {
                let expected = stated.at("expected").expect("an assert expects something");
                let Some(figures) = expected.entries() else {
                    assert_eq!(Some(expected), verdict(outcome.is_valid).as_ref(), "{file}");
                    continue;
                };
                for (name, figure) in figures {
                    let name = name.as_name().expect("figures have names");
                    if name == "valid?" {
                        assert_eq!(Some(figure), verdict(outcome.is_valid).as_ref(), "{file}");
                    } else {
                        assert_eq!(outcome.figures[name], json(figure), "{file}, {name}");
                        compared += 1;
                    }
                }
            }
        }
    }
    assert!(compared >= 50, "only {compared} figures were compared");
}

fn verdict(is_valid: Option<bool>) -> Option<Datum> {
    Some(is_valid.map_or_else(|| Datum::Keyword("unknown".into()), Datum::Bool))
}

fn json(figure: &Datum) -> Value {
    figure.to_json()
}

fn history(path: &Path) -> Transcript {
    let text = corpora::read(path);
    if path.ends_with("casusal-reverse-test-005.edn") {
        return runner::transcript(runner::forms(&text).into_iter().map(|op| {
            let mut entry = Entry::from_map(op).expect("a form is an op");
            if let Some(written) = entry.value.as_int() {
                entry.process = Some(Process::Client(written));
            }
            entry
        }));
    }
    let format = Format::recognise(text.as_bytes()).expect("the file is of a format that is read");
    formats::read_transcript(format, text.as_bytes()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
