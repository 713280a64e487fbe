//! Lines scanned in blocks against lines parsed one by one: the same events, the same errors, whatever the lines are.

use quorate_checker::{
    Event, EventKind, EventRef, Function, Phase, Process, Version,
    formats::jsonl::{self, Block, Buffers},
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::{Value, json};

/// How many lines are drawn, half of them as they are written.
const LINES: u64 = 60_000;

const WORDS: [&str; 8] = [
    "k17",
    "",
    "n1",
    "a longer one, with spaces",
    "é\u{2028}",
    "\n\"\\",
    "\u{7f}\u{1f}",
    "-1",
];

fn word(rng: &mut Pcg64Mcg) -> String {
    WORDS[rng.random_range(0..WORDS.len())].to_owned()
}

/// Of any size, the ends of every range among them.
fn number(rng: &mut Pcg64Mcg) -> u64 {
    let number: u64 = rng.random();
    match rng.random_range(0..10) {
        0 => u64::MAX,
        1 => i64::MAX as u64,
        2 => i64::MIN as u64,
        3 => 10u64.pow(rng.random_range(0..20)),
        4 => 10u64.pow(rng.random_range(0..20)) - 1,
        _ => number >> rng.random_range(0..64),
    }
}

fn value(rng: &mut Pcg64Mcg) -> Value {
    match rng.random_range(0..8) {
        0 => Value::Null,
        1 => word(rng).into(),
        2 => number(rng).into(),
        3 => json!([1, "x", {"y": null}]),
        4 => json!(1.5e300),
        5 => json!(true),
        _ => (number(rng) as i64).into(),
    }
}

fn event(rng: &mut Pcg64Mcg) -> Event {
    let process = match rng.random_range(0..4) {
        0 => Process::Other(word(rng)),
        _ => Process::Client(number(rng) as i64),
    };
    let kinds = [EventKind::Invoke, EventKind::Ok, EventKind::Fail, EventKind::Info];
    let mut some = |odds: f64| rng.random_bool(odds);
    let has = [some(0.5), some(0.3), some(0.5), some(0.2), some(0.2), some(0.1)];
    Event {
        index: number(rng),
        time_ns: number(rng),
        kind: kinds[rng.random_range(0..4)],
        function: Function::ALL[rng.random_range(0..Function::ALL.len())],
        value: value(rng),
        node: has[0].then(|| word(rng)),
        level: has[1].then(|| word(rng)),
        version: has[2].then(|| match rng.random_bool(0.5) {
            true => Version::Integer(number(rng)),
            false => Version::Text(word(rng)),
        }),
        phase: has[3].then_some([Phase::Handoff, Phase::Final][rng.random_range(0..2)]),
        error: has[4].then(|| word(rng)),
        seen: has[5].then(|| vec![value(rng)]),
        ..Event::read(process, word(rng))
    }
}

/// Changes a line here and there, in ways that matter to JSON.
fn mutate(rng: &mut Pcg64Mcg, line: &str) -> String {
    const PIECES: [&str; 22] = [
        "",
        "0",
        "9",
        "-",
        ".",
        "e1",
        ",",
        ":",
        "\"",
        "\\",
        "{",
        "}",
        " ",
        "\t",
        "null",
        "\"f\":",
        "\"x\":1,",
        "\u{a0}",
        "\r",
        "\u{1}",
        "ok",
        "1234567890",
    ];
    let mut line: Vec<char> = line.chars().collect();
    for _ in 0..rng.random_range(1..3) {
        let start = rng.random_range(0..=line.len());
        let end = (start + rng.random_range(0..4)).min(line.len());
        let piece = PIECES[rng.random_range(0..PIECES.len())];
        line.splice(start..end, piece.chars());
    }
    line.into_iter().collect()
}

#[test]
fn scanned_lines_are_what_parsed_lines_are() {
    let mut rng = Pcg64Mcg::seed_from_u64(7);
    let (mut events, mut errors) = (0, 0);
    for number in 0..LINES {
        let line = event(&mut rng).to_line();
        let line = if number % 2 == 0 { line } else { mutate(&mut rng, &line) };
        if line.trim().is_empty() {
            continue;
        }
        for end in ["\n", ""] {
            let mut block = Block::scan(Buffers::from(format!("{line}{end}").into_bytes()));
            let problem = block.problem().map(ToString::to_string);
            let has_problem = problem.is_some();
            let scanned: Vec<(usize, EventRef)> = block.events().collect();
            match Event::parse(line.trim_end()) {
                Ok(event) => {
                    assert_eq!(scanned, [(0, EventRef::from(&event))], "{line:?}");
                    assert_eq!(problem, None, "{line:?}");
                    events += 1;
                }
                Err(error) => assert_eq!((scanned, problem), (Vec::new(), Some(error.to_string())), "{line:?}"),
            }
            errors += u64::from(has_problem);
        }
    }
    assert!(events > LINES && errors > LINES / 4, "{events} events, {errors} errors");
}

/// Of fields in another order, spaces, other fields and escapes nothing is lost.
#[test]
fn lines_of_another_shape_are_read_as_well() {
    let lines = [
        r#" {"value":1.5,"extra":[1],"process":-2,"type":"fail","f":"write","key":"\u00e9\n","index":9,"time":0,":node":1} "#,
        r#"{"index":0,"time":1,"process":0,"type":"invoke","f":"read","key":"k"}"#,
        "{\"index\":0,\"time\":1,\"process\":0,\"type\":\"invoke\",\"f\":\"read\",\"key\":\"k\",\"value\":null}\r",
        r#"{"index":0,"time":1,"process":0,"type":"ok","f":"read","key":"k","value":-0,"version":null}"#,
    ];
    let text = lines.join("\n\n") + "\n \n";
    let mut block = Block::scan(Buffers::from(text.into_bytes()));
    let parsed = lines.map(|line| Event::parse(line.trim_end()).unwrap());
    let expected: Vec<_> = (0..).step_by(2).zip(parsed.iter().map(EventRef::from)).collect();
    assert_eq!(block.events().collect::<Vec<_>>(), expected);
    assert_eq!(block.line_count(), 8);
}

#[test]
fn a_file_is_read_whole_but_for_a_torn_last_line() {
    let events = [
        Event::write(0, "k", 1),
        Event::write(0, "k", 1).completion(EventKind::Ok),
        Event::read(1, "k"),
    ];
    let lines = events.map(|event| event.to_line());
    let whole = lines.join("\n\n") + "\n";
    assert_eq!(jsonl::read(whole.as_bytes()).unwrap().ops().len(), 2);
    assert_eq!(jsonl::read(whole.trim_end().as_bytes()).unwrap().ops().len(), 2);
    assert!(jsonl::read(b"").unwrap().ops().is_empty());

    let torn = &whole[..whole.len() - 30];
    assert_eq!(jsonl::read(torn.as_bytes()).unwrap().ops().len(), 1);
    let torn = [whole.as_bytes(), b"{\"index\":\xe2\x82"].concat();
    assert_eq!(jsonl::read(&torn).unwrap().ops().len(), 2);

    let error = |text: &[u8]| jsonl::read(text).unwrap_err().to_string();
    assert!(error(&whole.as_bytes()[..30]).starts_with("line 1: parse an event from its line: EOF"));
    let broken = whole.replacen("\"ok\"", "\"okay\"", 1);
    assert!(error(broken.as_bytes()).starts_with("line 3: parse an event from its line: unknown variant `okay`"));
    let unpaired = whole.replacen("\"invoke\"", "\"ok\"", 1);
    assert_eq!(
        error(unpaired.as_bytes()),
        "line 1: take the event of index 0 into the history: its process has no op open that it could complete"
    );
    let not_text = [lines[0].as_bytes(), b"\n\xff\n", lines[1].as_bytes()].concat();
    assert_eq!(error(&not_text), "line 2: it is not UTF-8");
}

/// Blocks end where lines do, and lines are counted through all of them.
#[test]
fn blocks_do_not_show() {
    let mut text = String::new();
    for number in 0..30_000i64 {
        let write = Event::write(number % 7, format!("k{}", number % 3), number);
        text += &(write.to_line() + "\n" + &write.completion(EventKind::Ok).to_line() + "\n");
    }
    assert!(text.len() > 4 * jsonl::BLOCK_BYTES);
    assert_eq!(jsonl::read(text.as_bytes()).unwrap().ops().len(), 30_000);
    let long = format!("{{\"index\":{}}}\n", "1".repeat(2 * jsonl::BLOCK_BYTES));
    let error = jsonl::read((text + &long).as_bytes()).unwrap_err();
    assert_eq!(error.line, 60_001);
}
