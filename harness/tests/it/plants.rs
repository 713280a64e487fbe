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
