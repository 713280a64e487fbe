//! Each two neighbours among the models are told apart by a history: it satisfies the weaker and breaks the stronger.

use quorate_checker::{
    Context,
    isolation::{self, Data, Keys, Model, Question},
};

use super::notation::history;

/// A history that satisfies the second model and not the first, which implies it.
const APART: [(&str, &str, &str); 28] = [
    ("strict-serializable", "strong-session-serializable", STALE),
    ("strict-serializable", "serializable", STALE),
    ("strict-serializable", "strong-snapshot-isolation", SKEW),
    ("strong-session-serializable", "serializable", STALE_SESSION),
    ("strong-session-serializable", "strong-session-snapshot-isolation", SKEW),
    ("strong-snapshot-isolation", "strong-session-snapshot-isolation", STALE),
    ("strong-snapshot-isolation", "strong-read-committed", LONG_FORK),
    ("strong-session-snapshot-isolation", "snapshot-isolation", STALE_SESSION),
    (
        "strong-session-snapshot-isolation",
        "strong-session-read-committed",
        LONG_FORK,
    ),
    ("serializable", "snapshot-isolation", SKEW),
    ("serializable", "repeatable-read", INTERNAL),
    ("snapshot-isolation", "parallel-snapshot-isolation", LONG_FORK),
    ("snapshot-isolation", "consistent-view", LONG_FORK),
    ("snapshot-isolation", "prefix", LOST),
    ("snapshot-isolation", "monotonic-snapshot-read", LONG_FORK),
    ("snapshot-isolation", "forward-consistent-view", LONG_FORK),
    ("prefix", "causal-cerone", LONG_FORK),
    ("parallel-snapshot-isolation", "update-atomic", CAUSE),
    ("monotonic-snapshot-read", "read-committed", FORK_BACK),
    ("serializable", "update-serializable", LONG_FORK),
    ("update-serializable", "forward-consistent-view", SKEW),
    ("consistent-view", "monotonic-view", FRACTURED_BACK),
    ("repeatable-read", "cursor-stability", SKEW),
    ("consistent-view", "cursor-stability", FRACTURED),
    ("cursor-stability", "read-committed", LOST),
    ("strong-read-committed", "strong-session-read-committed", READ_AHEAD),
    ("strong-session-read-committed", "read-committed", READ_AHEAD_SESSION),
    (
        "read-committed",
        "read-uncommitted",
        "p0 fail: append x 1\n p1 ok: r x [1]\n p2 ok: append x 2",
    ),
];

const STALE: &str = "p0 ok: append x 1\n p1 ok: r x []\n p2 ok: r x [1]";
const STALE_SESSION: &str = "p0 ok: append x 1\n p0 ok: r x []\n p2 ok: r x [1]";
const SKEW: &str = "
    | p0 invoke: r x [], append y 1
    | p1 invoke: r y [], append x 1
    | p0 ok: r x [], append y 1
    | p1 ok: r y [], append x 1
";
/// Two see two writes, each the other one alone.
pub(super) const LONG_FORK: &str = "
    | p0 invoke: append x 1
    | p1 invoke: append y 1
    | p2 invoke: r x [1], r y []
    | p3 invoke: r x [], r y [1]
    | p0 ok: append x 1
    | p1 ok: append y 1
    | p2 ok: r x [1], r y []
    | p3 ok: r x [], r y [1]
";
/// As before, where each read what it saw before what it missed.
const FORK_BACK: &str = "
    | p0 invoke: append x 1
    | p1 invoke: append y 1
    | p2 invoke: r x [1], r y []
    | p3 invoke: r y [1], r x []
    | p0 ok: append x 1
    | p1 ok: append y 1
    | p2 ok: r x [1], r y []
    | p3 ok: r y [1], r x []
";
const FRACTURED_BACK: &str = "p0 ok: append x 1, append y 1\n p1 ok: r y [], r x [1]";
const CAUSE: &str = "p0 ok: append x 1\n p1 ok: r x [1], append y 1\n p2 ok: r y [1], r x []";
const INTERNAL: &str = "p0 ok: append x 1, r x []\n p1 ok: append y 1\n p1 ok: r y [1]";
const FRACTURED: &str = "p0 ok: append x 1, append y 1\n p1 ok: r x [1], r y []";
const LOST: &str = "p0 ok: r x [], append x 1\n p1 ok: r x [], append x 2";
const READ_AHEAD: &str = "p0 ok: r x [1]\n p1 ok: append x 1";
const READ_AHEAD_SESSION: &str = "p0 ok: r x [1]\n p0 ok: append x 1";

fn is_violated(lines: &str, asked: Model) -> bool {
    let txns = isolation::transactions(&history(lines), Data::Lists).expect("they are transactions");
    let question = Question {
        keys: Keys::default(),
        ..Question::of(asked)
    };
    isolation::check(&txns, &question, &Context::default()).is_violated()
}

#[test]
fn neighbours_are_apart() {
    for (strong, weak, lines) in APART {
        let [strong, weak] = [strong, weak].map(|name| name.parse::<Model>().expect("it is known"));
        assert!(strong.implies(weak), "{strong} and {weak}");
        assert!(is_violated(lines, strong), "{strong} is broken by\n{lines}");
        assert!(!is_violated(lines, weak), "{weak} is not broken by\n{lines}");
    }
}

/// What breaks a model breaks all that imply it.
#[test]
fn what_breaks_a_model_breaks_the_stronger() {
    for (.., lines) in APART {
        for weak in Model::all().filter(|model| is_violated(lines, *model)) {
            for strong in Model::all().filter(|model| model.implies(weak)) {
                assert!(
                    is_violated(lines, strong),
                    "{weak} is broken by\n{lines}\nand {strong} is not"
                );
            }
        }
    }
}
