//! Every planted bug is caught in simulation, by the check that has to name it: the suite `mutants`.

use quorate_core::Plant;
use serde_json::Value;

use crate::command::Quorate;

/// Two nodes join, and then two leave: every partition has other owners, and most change twice.
const JOIN_TWO_LEAVE_TWO: &str = concat!(
    r#"{at="800ms",fault="join",node="n6"},"#,
    r#"{at="800ms",fault="join",node="n7"},"#,
    r#"{at="2500ms",fault="leave",node="n1"},"#,
    r#"{at="2500ms",fault="leave",node="n2"}"#
);

/// Each planted bug is caught by the check that must name it; the same seeds are valid without it.
#[test]
fn planted_bugs_are_caught_by_the_checks_that_name_them() {
    let quorate = Quorate::new();
    let (code, report) = quorate.json("suite mutants --faults-as-planned");
    assert_eq!(code, 0, "{report:#}");
    let names = Plant::ALL.map(|plant| Value::from(plant.name()));
    assert_eq!(report["caught"], Value::from(names.to_vec()), "{report:#}");
    assert_eq!(
        (&report["escaped"], &report["false_alarms"]),
        (&Value::Array(Vec::new()), &0.into())
    );
}

/// Each planted bug stands in those rows of the table of all bugs that its own doc names, and the table counts right.
#[test]
fn every_planted_bug_stands_in_its_rows_of_the_table() {
    let table = include_str!("../../../docs/mutants.md");
    let source = include_str!("../../../node/core/src/plant.rs");
    let is_id = |word: &&str| {
        let (class, number) = word.split_at(1);
        "QVHTGAN".contains(class) && !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
    };
    let rows: Vec<(&str, &str)> = table
        .lines()
        .filter_map(|line| {
            let id = line.strip_prefix("| ")?.split([' ', '*']).next()?;
            Some((id, line)).filter(|(id, _)| !id.is_empty() && is_id(id))
        })
        .collect();
    let (variants, _) = source.split_once("\n}\n").expect("the bugs come first");
    let mut doc = String::new();
    let mut found = 0;
    for line in variants.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            doc += text;
            continue;
        }
        let variant = line.trim_end_matches(',');
        let plant = Plant::ALL.into_iter().find(|plant| format!("{plant:?}") == variant);
        if let Some(plant) = plant {
            found += 1;
            let words = doc.split(|letter: char| !letter.is_ascii_alphanumeric());
            let ids: Vec<_> = words
                .filter(|word| word.is_ascii() && !word.is_empty())
                .filter(is_id)
                .collect();
            assert!(!ids.is_empty(), "{plant:?} is of no row");
            for id in ids {
                let row = rows.iter().find(|(row, _)| *row == id);
                let (_, row) = row.unwrap_or_else(|| panic!("{plant:?} is of {id}, which is no row"));
                assert!(
                    row.contains(&format!("`{}`", plant.name())),
                    "{plant:?} is not in row {id}"
                );
            }
        }
        doc.clear();
    }
    assert_eq!(found, Plant::ALL.len());
    let has_twin = |row: &str| !row.contains("| nothing to plant") && !row.contains("| not yet");
    let count = |is: &dyn Fn(&str) -> bool| rows.iter().filter(|(_, row)| is(row)).count();
    let first = |row: &str| row.split(" | ").next().is_some_and(|id| id.ends_with('*'));
    let counted = format!(
        "{} of {} rows have a twin, {} of the {} with an asterisk",
        count(&has_twin),
        rows.len(),
        count(&|row| has_twin(row) && first(row)),
        count(&first)
    );
    assert!(table.contains(&counted), "{counted}");
}

/// The twelve sequences: each breaks what it is about, and nothing at safe settings.
#[test]
fn every_sequence_matters() {
    let quorate = Quorate::new();
    let (code, report) = quorate.json("suite sequences --faults-as-planned");
    assert_eq!((code, &report["false_alarms"]), (0, &0.into()), "{report:#}");
}

/// The directed schedules: each breaks what it is about, and nothing at safe settings.
#[test]
fn every_schedule_matters() {
    let quorate = Quorate::new();
    let (code, report) = quorate.json("suite schedules --faults-as-planned");
    assert_eq!((code, &report["false_alarms"]), (0, &0.into()), "{report:#}");
}

/// A new owner lacks what nobody has written since, and no hint is kept of that: what nodes say of it is not all there is.
#[test]
fn an_owner_that_copied_nothing_is_seen_by_who_looks_at_replicas() {
    let quorate = Quorate::new();
    let settings = "--time 4s --set partitions=64 --rate 1000 --keys 800 --read-repair off";
    let run = format!("sim --seeds 5 {settings} --set plan=[{JOIN_TWO_LEAVE_TWO}] --plant joins-empty");
    let (code, report) = quorate.json(&run);
    assert_eq!(code, 1, "{report}");
    let failed = report["failed"].as_array().expect("a list");
    let seen = failed.iter().filter(|seed| is_violated(seed, "handoff")).count();
    assert!(seen >= 4, "in {seen} seeds: {report}");
}

fn is_violated(seed: &Value, claim: &str) -> bool {
    let violated = seed["violated"].as_array().expect("a list");
    violated.iter().any(|broken| broken == claim)
}
