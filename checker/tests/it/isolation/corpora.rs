//! Elle's own tests, and public histories with known verdicts, if they are there: in the folder `QUORATE_CORPORA`, else
//! `../shared/corpora`.
//!
//! Anomalies and the weakest models that they rule out are those that are stated, but for [`BETTER`], where ours say more.

use std::collections::BTreeSet;

use quorate_checker::{
    Context, Datum, Forms, Transcript,
    formats::{Format, read_transcript},
    isolation::{self, Data, Keys, Question, Report},
};

use crate::corpora;

/// Cases in which ours are others than those stated: the anomalies, and why.
const BETTER: [(&str, &[&str], &str); 5] = [
    (
        "elle-rw-register-tests/checker-test-010.edn",
        &["garbage-read"],
        "2 is read, which nobody wrote",
    ),
    (
        "elle-rw-register-tests/checker-test-011.edn",
        &["cyclic-versions", "garbage-read"],
        "2 is read, which nobody wrote",
    ),
    (
        "elle-rw-register-tests/checker-test-029.edn",
        &["garbage-read"],
        "1 is read of x and y, which nobody wrote",
    ),
    (
        "elle-rw-register-tests/checker-test-033.edn",
        &["garbage-read"],
        "1 is read of y, which nobody wrote",
    ),
    (
        "elle-rw-register-tests/checker-test-034.edn",
        &["G-single-item", "garbage-read"],
        "1 is read of y, which nobody wrote",
    ),
];

#[test]
fn elles_own_tests_have_their_outcomes() {
    let Some(folder) = corpora::folder() else {
        corpora::report("skipped Elle's tests: no corpora at hand");
        return;
    };
    let mut wrong = Vec::new();
    let mut judged = 0;
    for tests in ["elle-list-append-tests", "elle-rw-register-tests"] {
        let cases = corpora::read(&folder.join("derived").join(tests).join("CASES.edn"));
        let mut forms = Forms::new(cases.as_bytes());
        while let Some(case) = forms.next_form().expect("cases are EDN") {
            let file = format!(
                "{tests}/{}",
                case.at("file").and_then(Datum::as_name).expect("it names a file")
            );
            let text = corpora::read(&folder.join("derived").join(&file));
            let transcript = read_transcript(Format::Edn, text.as_bytes()).expect("it is a history");
            let outcome = outcome(&case, &transcript);
            for stated in case.at("asserts").and_then(Datum::items).expect("it asserts something") {
                let stated = stated.at("expected").expect("something is expected");
                if let Some(difference) = difference(&file, stated, &outcome) {
                    wrong.push(difference);
                }
            }
            judged += 1;
        }
    }
    assert!(judged > 50, "only {judged} cases were judged");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn public_histories_have_their_verdicts() {
    let Some(folder) = corpora::folder() else {
        corpora::report("skipped Elle's histories: no corpora at hand");
        return;
    };
    let table: [(&str, Data, &str, &[&str]); 4] = [
        (
            "elle/paper-example.edn",
            Data::Lists,
            "serializable",
            &["G-single-item"],
        ),
        (
            "elle-cli/elle/list-append-gh-30.edn",
            Data::Lists,
            "serializable",
            &["G2-item"],
        ),
        // Stated as valid; 3 is read, which nobody wrote.
        (
            "elle-cli/elle/rw-register.edn",
            Data::Registers,
            "strict-serializable",
            &["garbage-read"],
        ),
        (
            "elle-cli/elle/rw-register.json",
            Data::Registers,
            "strict-serializable",
            &["garbage-read"],
        ),
    ];
    for (file, data, model, expected) in table {
        let text = corpora::read(&folder.join(file));
        let format = Format::recognise(text.as_bytes()).expect("it is a history");
        let transcript = read_transcript(format, text.as_bytes()).expect("it is a history");
        let txns = isolation::transactions(&transcript, data).expect("they are transactions");
        let report = isolation::check(&txns, &Question::of(model.parse().expect("known")), &Context::default());
        assert_eq!(report.forbidden(), expected, "{file}");
    }
}

struct Outcome {
    anomalies: BTreeSet<String>,
    not: BTreeSet<String>,
    is_part: bool,
}

fn outcome(case: &Datum, transcript: &Transcript) -> Outcome {
    let model = case.at("model").and_then(Datum::as_name).expect("it names a model");
    let data = if model.starts_with("list") {
        Data::Lists
    } else {
        Data::Registers
    };
    let txns = isolation::transactions(transcript, data).expect("they are transactions");
    let report = isolation::check(&txns, &question(case), &Context::default());
    let mut anomalies = names(&report);
    if report.is_empty {
        anomalies.insert("empty-transaction-graph".to_owned());
    }
    let not = report.broken.not.iter().map(|model| model.name().to_owned()).collect();
    // What one step of Elle's finds by itself: that is a part of the whole.
    let part = model.split_once('/').map(|(_, part)| part);
    if let Some(part) = part {
        let of_part: &[&str] = match part {
            "g1a-cases" => &["G1a"],
            "g1b-cases" => &["G1b"],
            _ => &["internal", "future-read"],
        };
        let all = report.anomalies.iter().map(|it| it.anomaly.name());
        anomalies = all.filter(|name| of_part.contains(name)).map(str::to_owned).collect();
    }
    Outcome {
        anomalies,
        not,
        is_part: part.is_some(),
    }
}

fn names(report: &Report) -> BTreeSet<String> {
    report.forbidden().into_iter().map(str::to_owned).collect()
}

fn question(case: &Datum) -> Question {
    let options = case.at("opts").expect("it has options");
    let list = |name: &str| options.at(name).map(|list| list.items().unwrap_or_default().to_vec());
    let is_on = |name: &str| options.at(name) == Some(&Datum::Bool(true));
    let models = list("consistency-models").map_or_else(
        || vec!["strict-serializable".parse().expect("known")],
        |names| {
            names
                .iter()
                .map(|name| name.as_name().expect("a name").parse().expect("known"))
                .collect()
        },
    );
    let anomalies = list("anomalies").unwrap_or_default();
    Question {
        models,
        anomalies: anomalies
            .iter()
            .map(|name| name.as_name().expect("a name").to_owned())
            .collect(),
        keys: Keys {
            writes_follow_reads: is_on("wfr-keys?"),
            sequential: is_on("sequential-keys?"),
            linearizable: is_on("linearizable-keys?"),
            reported: false,
        },
        budget: Question::BUDGET,
    }
}

/// Returns in what an outcome is not what is stated, if it is not.
fn difference(file: &str, stated: &Datum, outcome: &Outcome) -> Option<String> {
    let of = |names: &Datum| -> BTreeSet<String> {
        names
            .items()
            .unwrap_or_default()
            .iter()
            .filter_map(Datum::as_name)
            .map(str::to_owned)
            .collect()
    };
    if outcome.is_part {
        let stated: BTreeSet<String> = match stated {
            Datum::Nil => BTreeSet::new(),
            Datum::Map(entries) => entries
                .iter()
                .filter_map(|(name, _)| name.as_name())
                .map(str::to_owned)
                .collect(),
            _ if file.contains("g1a") => ["G1a".to_owned()].into(),
            _ if file.contains("g1b") => ["G1b".to_owned()].into(),
            _ => ["internal".to_owned()].into(),
        };
        let found = &outcome.anomalies;
        return (stated != *found).then(|| format!("{file}: found {found:?}, stated are {stated:?}"));
    }
    let better = BETTER.iter().find(|(of, ..)| *of == file);
    let expected = match better {
        Some((_, anomalies, _)) => anomalies.iter().map(|name| (*name).to_owned()).collect(),
        None => stated.at("anomaly-types").map(of).unwrap_or_default(),
    };
    let not = stated.at("not").map(of).filter(|_| better.is_none());
    let is_right = expected == outcome.anomalies && not.as_ref().is_none_or(|not| *not == outcome.not);
    (!is_right).then(|| {
        format!(
            "{file}: found {:?}, not {:?}; stated are {expected:?}, not {not:?}",
            outcome.anomalies, outcome.not
        )
    })
}
