//! `report.html`, `quorate report` and `quorate explain`: the page needs nothing else, says the verdict, holds the whole record, and
//! is broken by nothing that a record can hold.

use std::{fs, path::Path};

use serde_json::Value;

use crate::command::Quorate;

/// A key that is markup, read as nothing after it was written.
const HOSTILE: &str = r#"{"index":0,"time":1000000,"process":0,"type":"invoke","f":"write","key":"</script><img src=x onerror=alert(1)>","value":1}
{"index":1,"time":2000000,"process":0,"type":"ok","f":"write","key":"</script><img src=x onerror=alert(1)>","value":1}
{"index":2,"time":3000000,"process":1,"type":"invoke","f":"read","key":"</script><img src=x onerror=alert(1)>","value":null}
{"index":3,"time":9000000,"process":1,"type":"ok","f":"read","key":"</script><img src=x onerror=alert(1)>","value":null}
"#;

const HOSTILE_KEY: &str = "</script><img src=x onerror=alert(1)>";

/// Elements that have no end.
const VOID: [&str; 5] = ["meta", "br", "img", "input", "!DOCTYPE"];

/// What the scripts of a page are given.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("id=\"report-data\">").expect("the data is there");
    let (json, _) = rest.split_once("</script>").expect("it ends");
    serde_json::from_str(json).expect("it is JSON")
}

/// Checks the form of a page, and that it asks for nothing: no address but the name of SVG's language.
fn check(page: &str) {
    let mut open: Vec<String> = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>').expect("every tag ends");
        rest = after;
        let name = tag
            .trim_start_matches('/')
            .split([' ', '/', '\n'])
            .next()
            .expect("a name")
            .to_owned();
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "in its order");
        } else if !tag.ends_with('/') && !VOID.contains(&&*name) {
            // What is in these is no markup.
            if ["script", "style"].contains(&&*name) {
                let end = format!("</{name}>");
                rest = rest.split_once(&end).expect("it ends").1;
            } else {
                open.push(name);
            }
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    let own = page
        .replace("http://www.w3.org/2000/svg", "")
        .replace("https://github.com/leeoniya/uPlot", "");
    for address in ["http:", "https:", "//cdn", "src=\"/", "url(", "@import"] {
        assert!(!own.contains(address), "{address} in the page");
    }
    let policy = page
        .split("Content-Security-Policy\" content=\"")
        .nth(1)
        .expect("a policy");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'sha256-"),
        "{}",
        &policy[..80]
    );
}

fn page(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{error}: {}", path.display()))
}

#[test]
fn each_run_leaves_a_page_that_is_made_again_alike() {
    let quorate = Quorate::new();
    let ended = quorate.run("sim --time 5s --keys 8 --faults partition --r 1 --w 1 --seed 3 -q");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let run = "results/runs/quickstart/latest";
    let left = page(&quorate.path().join(run).join("report.html"));
    check(&left);
    assert!(left.contains("id=\"verdict\"><span aria-hidden=\"true\">\u{2713}</span> valid</p>"));
    for part in [
        "fresh-reads",
        "n1",
        "observed",
        "What was never exercised",
        "scenario.toml",
        "quorate replay",
        "<svg",
    ] {
        assert!(left.contains(part), "{part}");
    }
    let (_, verdict) = quorate.json(&format!("check {run}"));
    let told = data(&left);
    let looks = verdict["counts"]["observations"].as_u64().expect("a count");
    assert_eq!(told["ops"]["count"], verdict["ops"].as_u64().expect("a count") + looks);
    assert_eq!(told["faults"][0]["effective"], true);
    let broken = verdict["anomalies"].as_array().expect("some");
    assert_eq!(told["anomalies"].as_array().map(Vec::len), Some(broken.len()));
    // By its archive, anywhere.
    assert_eq!(quorate.run(&format!("runs export {run} -o run.tar.gz")).code, 0);
    let (code, made) = quorate.json("report run.tar.gz");
    assert_eq!((code, &made["verdict"]), (0, &Value::from("valid")));
    let beside = quorate.path().join(made["file"].as_str().expect("a path"));
    assert_eq!(data(&page(&beside)), told);
}

/// Who comes in, goes out, takes another's place, dies and is paused, in a time that is known.
const COME_AND_GO: &str = r#"
spares = 2
keys = 5
rate = 50
time = "14s"
plan = [
    { at = "500ms", fault = "join", node = "n6" },
    { at = "3s", lasts = "500ms", fault = "kill", nodes = ["n5"] },
    { at = "3500ms", lasts = "500ms", fault = "pause", nodes = ["n4"] },
    { at = "4s", fault = "leave", node = "n1" },
    { at = "6s", fault = "replace", node = "n2", by = "n7" },
    { at = "10s", fault = "remove", node = "n3" },
]
"#;

#[test]
fn a_page_tells_who_was_what_when() {
    let quorate = Quorate::new();
    fs::write(quorate.path().join("go.toml"), COME_AND_GO).expect("written");
    let ended = quorate.run("sim --config go.toml --seed 1 -q");
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let page = page(&quorate.path().join("results/runs/quickstart/latest/report.html"));
    check(&page);
    let told = data(&page);
    let lanes = told["members"].as_array().expect("lanes").iter();
    let words: Vec<String> = lanes
        .map(|lane| {
            let stays = lane["stays"].as_array().expect("stays").iter();
            let words: Vec<_> = stays.map(|stay| stay["words"].as_str().expect("words")).collect();
            format!("{}: {}", lane["node"].as_str().expect("a name"), words.join("; "))
        })
        .collect();
    assert_eq!(
        words,
        [
            "n1: waiting to be let in; member; leaving; left; left, its process ended",
            "n2: waiting to be let in; member; member, down; replaced by n7",
            "n3: waiting to be let in; member; member, down; removed",
            "n4: waiting to be let in; member; member, paused; member",
            "n5: waiting to be let in; member; member, down; member",
            "n6: waiting to be let in; joining; member",
            "n7: waiting to be let in; replacing n2; member",
        ]
    );
    // The kill is where the fault's own log has it, and each is what it was until it is something else.
    let (down, kill) = (&told["members"][4]["stays"][2], &told["faults"][1]);
    assert_eq!(
        (&down["start_ns"], &down["process"], &down["end_ns"]),
        (&kill["start_ns"], &"down".into(), &kill["end_ns"])
    );
    assert!(page.contains("<summary>Members in words</summary>") && page.contains("<td>replacing n2</td>"));
}

#[test]
fn nothing_in_a_record_gets_out_of_where_it_is() {
    let quorate = Quorate::new();
    fs::write(quorate.path().join("hostile.jsonl"), HOSTILE).expect("written");
    let ended = quorate.run("report hostile.jsonl --model register -o page.html");
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (0, "page.html\tinvalid\n"),
        "{}",
        ended.stderr
    );
    let page = page(&quorate.path().join("page.html"));
    check(&page);
    assert_eq!(page.matches("<script").count(), 2, "the data and the script");
    assert!(!page.contains("<img"));
    assert_eq!(data(&page)["ops"]["keys"][0], HOSTILE_KEY);
    assert!(page.contains("\u{2717}</span> invalid"));
    assert_eq!(quorate.run("report nowhere.jsonl").code, 65);
}

#[test]
fn what_is_broken_is_explained_one_by_one() {
    let quorate = Quorate::new();
    fs::write(quorate.path().join("hostile.jsonl"), HOSTILE).expect("written");
    let (code, all) = quorate.json("explain hostile.jsonl --model register");
    assert_eq!((code, all["anomalies"].as_array().map(Vec::len)), (0, Some(3)));
    let ended = quorate.run("explain hostile.jsonl --model register --anomaly 2");
    assert!(
        ended.stdout.starts_with("2. non-regular, which breaks regular\n"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("    2  p1   read"), "{}", ended.stdout);
    let ended = quorate.run("explain hostile.jsonl --model register --anomaly 4");
    assert_eq!(ended.code, 64);
    assert!(ended.stderr.contains("find anomaly 4: 3 were seen"), "{}", ended.stderr);
}
