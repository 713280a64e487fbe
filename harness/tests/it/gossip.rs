//! `quorate gossip`.

use serde_json::Value;

use crate::command::Quorate;

#[test]
fn gossip_is_measured_beside_the_model() {
    let quorate = Quorate::new();
    let arguments = "gossip --nodes 3,5 --fan-out 3,1 --seeds 2 --changes 5";
    let ended = quorate.run(&format!("{arguments} --format json"));
    let found: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect();
    assert_eq!((ended.code, found.len()), (0, 4), "{}", ended.stderr);
    for (found, (nodes, fan_out)) in found.iter().zip([(3, 3), (3, 1), (5, 3), (5, 1)]) {
        assert_eq!((&found["nodes"], &found["fan_out"]), (&nodes.into(), &fan_out.into()));
        assert_eq!(
            (&found["known"]["count"], &found["arrival"]["count"]),
            (&10.into(), &2.into())
        );
        assert_eq!(found["down"]["count"], 2 * (nodes - 1));
        assert!(found["peers_per_round_max"].as_u64().expect("a count") <= 3);
    }
    assert_eq!(
        (&found[0]["model_p99_s"], &found[2]["model_p99_s"]),
        (&Value::Null, &1.4.into())
    );
    let text = quorate.run(arguments);
    assert_eq!(
        text.stdout.lines().filter(|line| line.ends_with("yes")).count(),
        4,
        "{}",
        text.stdout
    );
}

/// Real processes: one is killed, missed by both others, started again, and known again.
#[test]
fn gossip_of_real_processes_is_measured_from_outside() {
    let ended = Quorate::new().run("gossip --nodes 3 --processes 1 --interval 100ms --format json");
    let found: Value = serde_json::from_str(&ended.stdout).expect("an object");
    assert_eq!(
        (&found["nodes"], &found["down"]["count"], &found["arrival"]["count"]),
        (&3.into(), &2.into(), &1.into()),
        "{}",
        ended.stderr
    );
    assert!(
        found["down"]["max_s"].as_f64().expect("seconds") > 1.0,
        "not by hearsay, nor by the link"
    );
    assert!(found["peers_per_round_max"].as_u64().expect("a count") <= 3);
    let refused = Quorate::new().run("gossip --processes 1 --fan-out 1");
    assert_eq!(refused.code, 64, "{}", refused.stderr);
}
