//! Public histories with known verdicts, judged by the command as a user would: `INDEX.tsv` says what each is of and what it has to
//! come to.
//!
//! The histories are not part of the repository: a folder that `QUORATE_CORPORA` names, or `../shared/corpora` beside the project.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::command::Quorate;

/// Files whose verdict is another here than the index says, and why ours is the better.
const OURS: [(&str, &str, &str); 0] = [];

/// What a row of the index has to be asked with.
struct Row {
    file: String,
    arguments: String,
    expected: String,
}

#[test]
fn public_histories_have_their_verdicts() {
    let Some(corpora) = folder() else {
        eprintln!("skipped public histories: neither QUORATE_CORPORA nor ../shared/corpora is there");
        return;
    };
    let (rows, left_out) = rows(&corpora);
    eprintln!("not judged here, by model: {left_out:?}");
    assert!(rows.len() >= 150, "{} rows of the index are judged", rows.len());
    let quorate = Quorate::new();
    let mut wrong = Vec::new();
    for row in &rows {
        let ended = quorate.run(&format!(
            "check {} {} --format json",
            corpora.join(&row.file).display(),
            row.arguments
        ));
        let verdict = serde_json::from_str::<Value>(&ended.stdout).map(|report| report["verdict"].clone());
        let verdict = verdict.ok().and_then(|verdict| verdict.as_str().map(str::to_owned));
        let ours = OURS
            .iter()
            .find(|(file, ..)| *file == row.file)
            .map(|(_, verdict, _)| *verdict);
        if verdict.as_deref() != Some(ours.unwrap_or(&row.expected)) {
            wrong.push(format!(
                "{} {}: {verdict:?}, not {}: {}",
                row.file, row.arguments, row.expected, ended.stderr
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
}

/// What of the index is judged here, and how many rows are not, by their models.
fn rows(corpora: &Path) -> (Vec<Row>, BTreeMap<String, usize>) {
    let index = fs::read_to_string(corpora.join("INDEX.tsv")).expect("the index can be read");
    let (mut rows, mut left_out) = (Vec::new(), BTreeMap::new());
    for line in index.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let (file, check, expected) = (columns[0], columns[5], columns[6]);
        match asked(file, check, expected) {
            Some(asked) => rows.extend(asked),
            None => {
                *left_out
                    .entry(check.split(' ').next().unwrap_or_default().to_owned())
                    .or_insert(0) += 1;
            }
        }
    }
    (rows, left_out)
}

/// Files in which it takes more than ten operations: a lock that is taken once too often in a hundred times; and transactions of
/// ten or twenty steps, each read of which needs the transaction that it read from.
const LARGER: [(&str, u64); 4] = [
    ("knossos/mutex/bad/etcd.edn", 206),
    ("elle-cli/knossos/mutex/bad/etcd.json", 206),
    ("isovista/yugabyte_tcc.txt", 16),
    ("isovista/dgraph_si.txt", 480),
];

/// What `quorate shrink` leaves of every invalid history: few operations that still break the claim.
#[test]
fn invalid_public_histories_come_to_a_few_operations() {
    let Some(corpora) = folder() else {
        eprintln!("skipped shrinking public histories: neither QUORATE_CORPORA nor ../shared/corpora is there");
        return;
    };
    let (rows, _) = rows(&corpora);
    let rows: Vec<Row> = rows.into_iter().filter(|row| row.expected == "invalid").collect();
    assert!(rows.len() >= 60, "{} invalid histories", rows.len());
    let quorate = Quorate::new();
    let mut wrong = Vec::new();
    for row in &rows {
        let file = corpora.join(&row.file);
        let larger = LARGER.iter().find(|(file, _)| *file == row.file);
        let (most, budget) = larger.map_or((10, 5000), |(_, most)| (*most, 1000));
        let arguments = format!(
            "{} {} --budget {budget} --out out --progress none",
            file.display(),
            row.arguments
        );
        let (code, shrunk) = quorate.json(&format!("shrink {arguments}"));
        let ops = shrunk["ops"].as_u64().unwrap_or(u64::MAX);
        let (before, tried) = (&shrunk["ops_before"], &shrunk["tried"]);
        eprintln!(
            "{}\t{}\t{before}\t{ops}\t{tried}\t{}",
            row.file, row.arguments, shrunk["seconds"]
        );
        let (_, again) = quorate.json(
            text(&shrunk["again"])
                .strip_prefix("quorate ")
                .expect("a command of ours"),
        );
        let is_done = shrunk["one_minimal"] == true || larger.is_some() && shrunk["stopped"] == true;
        if code != 0 || ops > most || !is_done || again["verdict"] != "invalid" {
            wrong.push(format!("{} {}: {ops} operations", row.file, row.arguments));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn folder() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora");
    let folder = std::env::var_os("QUORATE_CORPORA").map_or_else(beside, PathBuf::from);
    folder.join("INDEX.tsv").exists().then_some(folder)
}

/// What a row asks for; nothing for those that no model here judges, or for which no verdict is known.
fn asked(file: &str, check: &str, expected: &str) -> Option<Vec<Row>> {
    let row = |arguments: &str, expected: &str| Row {
        file: file.to_owned(),
        arguments: arguments.to_owned(),
        expected: expected.to_owned(),
    };
    if file.starts_with("awdit/") || file.starts_with("isovista/") {
        return Some(
            transactions(expected)
                .into_iter()
                .map(|(level, expected)| row(&format!("--model rw-register --consistency {level}"), expected))
                .collect(),
        );
    }
    let expected = ["valid", "invalid", "unknown"]
        .into_iter()
        .find(|verdict| expected == *verdict || expected.starts_with(&format!("{verdict} ")))?;
    let init = ["{:init 0}", "init=0"].iter().any(|it| check.contains(it));
    let init = if init { " --init 0" } else { "" };
    let arguments = match check {
        _ if file.starts_with("porcupine/jepsen/") => "--model cas-register".to_owned(),
        _ if file.starts_with("porcupine/kv/") => "--model kv".to_owned(),
        _ if check.contains("cas-register") => format!("--model cas-register{init}"),
        _ if check.contains("mutex") => "--model mutex".to_owned(),
        _ if check.starts_with(":register") => format!("--model register{init}"),
        "set" => "--model set".to_owned(),
        "bank" => "--model bank".to_owned(),
        _ if check.starts_with("long-fork") => "--model long-fork --group-size 3".to_owned(),
        _ => {
            let name = check.strip_prefix(':')?.split(' ').next()?;
            let is_judged = [
                "queue",
                "total-queue",
                "unique-ids",
                "counter",
                "set-full",
                "causal-reverse",
            ]
            .contains(&name);
            is_judged.then(|| format!("--model {name}"))?
        }
    };
    Some(vec![row(&arguments, expected)])
}

/// What was said of each level: `valid@RC; invalid@RA,CC`, or after `here:` what AWDIT made of it where the file was run.
fn transactions(expected: &str) -> Vec<(&'static str, &'static str)> {
    let levels = [("RC", "read-committed"), ("RA", "read-atomic"), ("CC", "causal")];
    let told = expected.rsplit("here:").next().unwrap_or_default();
    let mut rows = Vec::new();
    for part in told.split([' ', ';']).filter(|part| part.contains('@')) {
        let (verdict, names) = part.split_once('@').expect("it contains one");
        for (name, level) in levels {
            if names.split(',').any(|word| word == name) {
                rows.push((level, if verdict == "valid" { "valid" } else { "invalid" }));
            }
        }
    }
    rows
}
