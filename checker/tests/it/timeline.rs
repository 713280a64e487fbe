//! Pictures of witnesses: two that are looked at whenever they change, and that any witness at all makes a sound one.
//!
//! Where a golden picture differs the message is what it would have to be; look at it before it is put in its place.

use quorate_checker::{Context, FaultSpan, Phase, Process, Witness, WitnessOp, checks, text, timeline};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::{Value, json};

#[test]
fn a_stale_read_between_faults() {
    let history = text::parse(
        "p3 reads 41 although 57 had been acknowledged 51 ms before.

            2900..2950    p1  write k17 41   node=n4
            3100..3150    p1  write k17 57   node=n4
            3201..3204    p3  read k17 -> 41 node=n2
        ",
    );
    let context = Context {
        faults: vec![
            fault("n2 isolated", 3000, None),
            fault("n1 paused", 2000, Some(3120)),
            fault("clock of n3 +200 ms", 2920, Some(2940)),
            fault("long over", 0, Some(100)),
        ],
        ..Context::default()
    };
    let finding = checks::fresh_reads(&history.expect("a history"), &context);
    let witness = finding.witness.expect("the read is stale");
    compare(
        &timeline(&witness, &context),
        include_str!("../timeline/stale-read.svg"),
    );
}

#[test]
fn every_kind_of_op() {
    let ops = vec![
        op(0, "write", "ok", json!(41), (1_000_000, Some(1_000_000))),
        op(1, "write", "info", json!(42), (1_000_001, Some(900_000_000))),
        op(
            2,
            "write",
            "fail",
            json!("<long> & \"quoted\" and longer"),
            (1_000_002, Some(80_000_000)),
        ),
        op(3, "read", "info", json!(null), (1_000_003, None)),
        op(4, "read", "ok", json!(null), (60_000_000, Some(70_000_000))),
        op(
            4,
            "read",
            "ok",
            json!([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
            (71_000_000, Some(72_000_000)),
        ),
        op(4, "read", "ok", json!("שלום"), (73_000_000, Some(74_000_000))),
        op(5, "cas", "ok", json!([1, 4]), (74_000_000, Some(30_000_000_000))),
        look("n1", json!(42), 30_100_000_000),
        look("n2", json!(null), 30_110_000_000),
    ];
    let witness = Witness {
        key: "k".into(),
        ops,
        text: "One of each kind.".into(),
        picture: None,
        starts: Vec::new(),
    };
    compare(
        &timeline(&witness, &Context::default()),
        include_str!("../timeline/every-kind.svg"),
    );
}

/// Random witnesses of the oddest times and texts give pictures that are well-formed, in which all is within the
/// frame and no text covers another.
#[test]
fn any_witness_can_be_drawn() {
    for seed in 0..1_000 {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let (witness, context) = odd(&mut rng);
        let svg = timeline(&witness, &context);
        let texts = require_sound(&svg).unwrap_or_else(|why| panic!("seed {seed}: {why} in\n{svg}"));
        require_apart(&texts).unwrap_or_else(|why| panic!("seed {seed}: {why} in\n{svg}"));
        assert!(svg.len() < 100_000, "seed {seed}: {} bytes", svg.len());
    }
}

#[test]
fn of_very_many_ops_some_are_left_out() {
    let ops = (0..100_000).map(|at| {
        op(
            at % 7,
            "write",
            "ok",
            json!(at),
            (at as u64 * 1_000, Some(at as u64 * 1_000 + 500)),
        )
    });
    let witness = Witness {
        key: "k".into(),
        ops: ops.collect(),
        text: String::new(),
        picture: None,
        starts: Vec::new(),
    };
    let svg = timeline(&witness, &Context::default());
    require_sound(&svg).expect("the picture is sound");
    for shown in [
        "99960 more ops",
        ">write 0<",
        ">write 99999<",
        "Timeline of 100000 ops of k",
    ] {
        assert!(svg.contains(shown), "{shown} is not in\n{svg}");
    }
}

#[test]
fn nothing_at_all() {
    let witness = Witness {
        key: String::new(),
        ops: Vec::new(),
        text: String::new(),
        picture: None,
        starts: Vec::new(),
    };
    require_sound(&timeline(&witness, &Context::default())).expect("the picture is sound");
}

fn compare(found: &str, golden: &str) {
    require_sound(found).expect("the picture is sound");
    assert!(found == golden, "the picture would have to be:\n{found}");
}

fn fault(label: &str, start_ms: u64, end_ms: Option<u64>) -> FaultSpan {
    FaultSpan {
        label: label.into(),
        start_ns: start_ms * 1_000_000,
        end_ns: end_ms.map(|end_ms| end_ms * 1_000_000),
    }
}

fn op(
    process: i64,
    function: &'static str,
    outcome: &'static str,
    value: Value,
    span: (u64, Option<u64>),
) -> WitnessOp {
    WitnessOp {
        index: 7,
        completion_index: None,
        process: Process::Client(process),
        outcome,
        function: function.into(),
        key: "k".into(),
        value,
        seen: Vec::new(),
        node: None,
        version: None,
        phase: None,
        start_ns: span.0,
        end_ns: span.1,
    }
}

fn look(node: &str, value: Value, at_ns: u64) -> WitnessOp {
    WitnessOp {
        node: Some(node.into()),
        phase: Some(Phase::Final),
        ..op(99, "read-replica", "ok", value, (at_ns, Some(at_ns + 1_000_000)))
    }
}

fn odd(rng: &mut Pcg64Mcg) -> (Witness, Context) {
    let count = match rng.random_range(0..10) {
        0 => rng.random_range(0..500),
        _ => rng.random_range(0..12),
    };
    let ops = (0..count).map(|_| {
        let function = ["read", "write", "read-replica", "cas", ""][rng.random_range(0..5)];
        let outcome = ["ok", "ok", "fail", "info"][rng.random_range(0..4)];
        let end_ns = rng.random_bool(0.8).then(|| odd_time(rng));
        let mut op = op(
            rng.random_range(0..4),
            function,
            outcome,
            json!(odd_text(rng)),
            (odd_time(rng), end_ns),
        );
        op.key = if rng.random_bool(0.9) {
            "k".into()
        } else {
            odd_text(rng)
        };
        op.node = rng.random_bool(0.5).then(|| odd_text(rng));
        op.phase = (function == "read-replica").then_some(Phase::Handoff);
        if rng.random_bool(0.1) {
            op.process = Process::Other(odd_text(rng));
        }
        op
    });
    let witness = Witness {
        ops: ops.collect(),
        key: odd_text(rng),
        text: odd_text(rng),
        picture: None,
        starts: Vec::new(),
    };
    let faults = (0..rng.random_range(0..10)).map(|_| FaultSpan {
        label: odd_text(rng),
        start_ns: odd_time(rng),
        end_ns: rng.random_bool(0.7).then(|| odd_time(rng)),
    });
    let context = Context {
        faults: faults.collect(),
        ..Context::default()
    };
    (witness, context)
}

fn odd_time(rng: &mut Pcg64Mcg) -> u64 {
    match rng.random_range(0..8) {
        0 => 0,
        1 => u64::MAX,
        2 => u64::MAX - rng.random_range(0..5),
        3 => rng.random_range(0..10),
        4 => rng.random(),
        _ => rng.random_range(0..2_000) * 1_000_000,
    }
}

fn odd_text(rng: &mut Pcg64Mcg) -> String {
    const ALPHABETS: [&str; 6] = [
        "abc 012",
        "<>&\"'",
        "\0\u{1}\u{7f}\u{85}\n\t\u{fffe}\u{ffff}",
        "שלום\u{202e}\u{2067}عر",
        "語字🎉",
        "é\u{301}",
    ];
    let length = [0, 1, 5, 30, 3_000][rng.random_range(0..5)];
    let characters: Vec<char> = match rng.random_range(0..8) {
        alphabet @ 0..6 => ALPHABETS[alphabet].chars().collect(),
        _ => ALPHABETS.concat().chars().collect(),
    };
    (0..length)
        .map(|_| characters[rng.random_range(0..characters.len())])
        .collect()
}

/// A text of a picture and where it stands.
struct Placed {
    x: f64,
    y: f64,
    text: String,
}

/// Requires that `svg` is XML and all numbers in it are such, and within its frame; returns its texts.
fn require_sound(svg: &str) -> Result<Vec<Placed>, String> {
    let mut open: Vec<&str> = Vec::new();
    let mut texts: Vec<Placed> = Vec::new();
    let mut frame = (0.0, 0.0);
    let mut rest = svg;
    while let Some((before, after)) = rest.split_once('<') {
        require_text(before)?;
        let (tag, after) = after.split_once('>').ok_or("a tag without an end")?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return Err(format!("</{name}> ends something else"));
            }
            continue;
        }
        let element = tag.strip_suffix('/').unwrap_or(tag);
        let (name, attributes) = element.split_once(' ').unwrap_or((element, ""));
        let attributes = attributes_of(attributes)?;
        let number = |name: &str| {
            attributes
                .iter()
                .find(|(it, _)| *it == name)
                .and_then(|(_, value)| value.parse::<f64>().ok())
        };
        let (x, y) = (number("x").unwrap_or(0.0), number("y").unwrap_or(0.0));
        let (width, height) = (number("width").unwrap_or(0.0), number("height").unwrap_or(0.0));
        if name == "svg" {
            frame = (width, height);
        } else if !(-0.1..=frame.0 + 0.1).contains(&x)
            || x + width > frame.0 + 0.1
            || y + height > frame.1 + 0.1
            || width < 0.0
        {
            return Err(format!("<{tag}> is not in the frame of {frame:?}"));
        }
        if name == "text" {
            let text = rest.split('<').next().unwrap_or_default().to_owned();
            texts.push(Placed { x, y, text });
        }
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    require_text(rest)?;
    match open.is_empty() && !svg.contains("NaN") && !svg.contains("inf\"") && !svg.contains("script") {
        true => Ok(texts),
        false => Err(format!("{open:?} never ends, or something that has no place there")),
    }
}

fn attributes_of(mut text: &str) -> Result<Vec<(&str, &str)>, String> {
    let mut attributes = Vec::new();
    while !text.trim().is_empty() {
        let (name, after) = text.split_once("=\"").ok_or(format!("{text:?} is no attribute"))?;
        let (value, after) = after.split_once('"').ok_or(format!("{text:?} is no attribute"))?;
        require_text(value)?;
        attributes.push((name.trim(), value));
        text = after;
    }
    Ok(attributes)
}

/// Requires that `text` holds nothing that XML does not, and entities only.
fn require_text(text: &str) -> Result<(), String> {
    let is_bad =
        |it: char| it.is_control() && it != '\n' || matches!(it, '\u{fffe}' | '\u{ffff}' | '\u{202e}' | '\u{2067}');
    if text.contains(is_bad) {
        return Err(format!("{text:?} has characters that it may not"));
    }
    let is_entity = |after: &str| {
        ["amp;", "lt;", "gt;", "quot;"]
            .iter()
            .any(|entity| after.starts_with(entity))
    };
    match text.split('&').skip(1).all(is_entity) {
        true => Ok(()),
        false => Err(format!("{text:?} has a bare &")),
    }
}

/// Requires that texts of one line do not cover each other, characters being no narrower than half their height.
fn require_apart(texts: &[Placed]) -> Result<(), String> {
    let width = |text: &str| {
        let plain = text
            .replace("&amp;", "&")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"");
        plain.chars().count() as f64 * 7.3
    };
    for (number, a) in texts.iter().enumerate() {
        for b in &texts[number + 1..] {
            let is_apart = a.x + width(&a.text) <= b.x || b.x + width(&b.text) <= a.x;
            if (a.y - b.y).abs() < 8.0 && !is_apart {
                return Err(format!("{:?} covers {:?}", a.text, b.text));
            }
        }
    }
    Ok(())
}
