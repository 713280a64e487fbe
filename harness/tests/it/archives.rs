//! `quorate runs`, and archives in the place of runs.

use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use tar::{Builder, EntryType, Header};

use crate::command::Quorate;

/// A run in which a bug showed.
fn run_of(quorate: &Quorate, arguments: &str) -> String {
    let (_, report) = quorate.json(&format!("sim --time 5s {arguments}"));
    report["run"].as_str().expect("a folder").to_owned()
}

/// The objects of a list.
fn lines(quorate: &Quorate, arguments: &str) -> Vec<Value> {
    let ended = quorate.run(&format!("{arguments} --format json"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let objects = ended.stdout.lines().map(serde_json::from_str);
    objects.map(|object| object.expect("JSON")).collect()
}

/// The paths of all that is in a folder, however deep.
fn all_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            if entry.file_type().expect("a kind").is_dir() {
                folders.push(entry.path());
            }
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

#[test]
fn a_run_goes_into_an_archive_and_comes_out_the_same_elsewhere() {
    let quorate = Quorate::new();
    let run = run_of(&quorate, "--seed 3 --plant reply-before-acks");
    // What a harness that was killed leaves stays behind, and with it the nodes' keys.
    let data = quorate.path().join(&run).join("data-x1/n0");
    fs::create_dir_all(&data).expect("made");
    fs::write(data.join("key.pem"), "secret").expect("written");
    symlink("/etc/passwd", quorate.path().join(&run).join("link")).expect("linked");

    let latest = "results/runs/quickstart/latest";
    let (code, exported) = quorate.json(&format!("runs export {latest} -o bug.tar.gz"));
    assert_eq!((code, &exported["archive"]), (0, &"bug.tar.gz".into()));
    let named = quorate.run(&format!("runs export {run}"));
    let name = format!("quickstart-{}.tar.gz", run.rsplit('/').next().expect("a name"));
    assert!(named.code == 0 && named.stdout.starts_with(&name), "{}", named.stdout);
    let bytes = |name: &str| fs::read(quorate.path().join(name)).expect("an archive");
    assert_eq!(bytes(&name), bytes("bug.tar.gz"), "the same bytes by any name");
    let ended = quorate.run(&format!("runs export {run} -o bug.tar.gz"));
    assert_eq!(
        (ended.code, ended.stderr.contains("--force")),
        (64, true),
        "{}",
        ended.stderr
    );
    assert_eq!(quorate.run(&format!("runs export {run} -o bug.tar.gz --force")).code, 0);

    let elsewhere = Quorate::new();
    fs::write(elsewhere.path().join("bug.tar.gz"), bytes("bug.tar.gz")).expect("written");
    let (code, imported) = elsewhere.json("runs import bug.tar.gz --out there/runs");
    let there = imported["run"].as_str().expect("a folder");
    assert_eq!((code, there), (0, &*run.replace("results", "there")));
    assert!(!elsewhere.path().join(there).join("data-x1").exists());
    assert!(!elsewhere.path().join(there).join("link").exists());
    let again = elsewhere.run("runs import bug.tar.gz --out there/runs");
    assert_eq!(
        (again.code, again.stderr.contains("is there already")),
        (64, true),
        "{}",
        again.stderr
    );

    // The folder here, the folder there, and the archive are the same run.
    let (_, here) = quorate.json(&format!("check {run}"));
    let (_, here_again) = quorate.json(&format!("replay {run}"));
    for run in [there, "bug.tar.gz"] {
        let (code, checked) = elsewhere.json(&format!("check {run}"));
        assert_eq!(
            (code, &checked["claims"], &checked["run"]),
            (1, &here["claims"], &run.into())
        );
        let (code, again) = elsewhere.json(&format!("replay {run}"));
        assert_eq!(
            (code, &again["replay"]["same"]),
            (1, &true.into()),
            "{}",
            again["replay"]
        );
        assert_eq!(again["trace_hash"], here_again["trace_hash"]);
        let (code, info) = elsewhere.json(&format!("runs info {run}"));
        assert_eq!(
            (code, &info["violated"], &info["differences"]["time"]),
            (0, &violated(&here), &"5s".into())
        );
    }
    assert!(
        elsewhere
            .run("runs info bug.tar.gz")
            .stdout
            .contains("plant = \"reply-before-acks\"")
    );
}

/// The claims that a report calls violated.
fn violated(report: &Value) -> Value {
    let claims = report["claims"].as_array().expect("claims").iter();
    let violated = claims.filter(|claim| claim["verdict"] == "violated");
    violated.map(|claim| claim["claim"].clone()).collect()
}

#[test]
fn what_comes_of_an_archive_later_is_kept_beside_it() {
    let quorate = Quorate::new();
    let run = run_of(&quorate, "--seed 3 --plant reply-before-acks");
    quorate.run(&format!("runs export {run} -o bug.tar.gz"));
    let (_, replayed) = quorate.json("replay bug.tar.gz --times 2");
    let log = fs::read_to_string(quorate.path().join("bug.replays.jsonl")).expect("what replays have shown");
    let line: Value = serde_json::from_str(&log).expect("one line");
    assert_eq!(line["came_back"], replayed["replay"]["came_back"], "{log}");
    assert_eq!(quorate.run("shrink bug.tar.gz --budget 3").code, 0);
    let shrunk = quorate.run("check bug.shrunk");
    assert_eq!(shrunk.code, 1, "{}", shrunk.stderr);
    assert_eq!(quorate.run("shrink bug.tar.gz --history --budget 3").code, 0);
    assert!(quorate.path().join("bug.shrunk/minimal.jsonl").is_file());
}

/// An archive of such entries: path, kind, text.
fn pack(path: &Path, entries: &[(&str, EntryType, &str)]) {
    let file = File::create(path).expect("a new file");
    let mut tar = Builder::new(GzEncoder::new(file, Compression::fast()));
    for (path, kind, text) in entries {
        let mut header = Header::new_ustar();
        header.set_entry_type(*kind);
        header.set_size(text.len() as u64);
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        if *kind == EntryType::Symlink {
            header.set_link_name("/etc/passwd").expect("a short name");
        }
        header.set_cksum();
        tar.append(&header, text.as_bytes()).expect("written");
    }
    tar.into_inner().and_then(GzEncoder::finish).expect("written");
}

#[test]
fn what_is_no_archive_of_a_run_is_refused_and_leaves_nothing() {
    let quorate = Quorate::new();
    let run = quorate.path().join(run_of(&quorate, "--seed 3"));
    let text = |name: &str| fs::read_to_string(run.join(name)).expect("it is there");
    let (manifest, scenario) = (text("run.json"), text("scenario.toml"));
    let other_format = manifest.replace("\"format\": 1", "\"format\": 99");
    let outside = scenario.replace("name = \"quickstart\"", "name = \"../../outside\"");
    const FILE: EntryType = EntryType::Regular;
    let (json, toml) = (("a/run.json", FILE, &*manifest), ("a/scenario.toml", FILE, &*scenario));

    let elsewhere = Quorate::new();
    let folder = elsewhere.path();
    pack(
        &folder.join("traversal.tar.gz"),
        &[json, toml, ("a/../../x", FILE, "x")],
    );
    pack(
        &folder.join("link.tar.gz"),
        &[json, toml, ("a/x", EntryType::Symlink, "")],
    );
    pack(
        &folder.join("two.tar.gz"),
        &[json, toml, ("b/run.json", FILE, &manifest)],
    );
    pack(
        &folder.join("format.tar.gz"),
        &[("a/run.json", FILE, &other_format), toml],
    );
    pack(
        &folder.join("name.tar.gz"),
        &[json, ("a/scenario.toml", FILE, &outside)],
    );
    pack(
        &folder.join("latest.tar.gz"),
        &[
            ("latest/run.json", FILE, &manifest),
            ("latest/scenario.toml", FILE, &scenario),
        ],
    );
    pack(&folder.join("no-scenario.tar.gz"), &[json]);
    pack(&folder.join("whole.tar.gz"), &[json, toml]);
    fs::write(folder.join("plain.tar.gz"), "not gzip").expect("written");
    let whole = fs::read(folder.join("whole.tar.gz")).expect("an archive");
    fs::write(folder.join("torn.tar.gz"), &whole[..whole.len() / 2]).expect("written");

    let before = all_in(folder);
    for (name, expected) in [
        ("traversal", "a/../../x leads out of it"),
        ("link", "a/x is neither a file nor a folder"),
        ("two", "it holds two folders, a and b"),
        ("format", "format 99 is not known"),
        ("name", "\"../../outside\""),
        ("latest", "latest"),
        ("no-scenario", "scenario.toml"),
        ("plain", "does not begin as a .tar.gz does"),
        ("torn", "torn.tar.gz"),
        ("nowhere", "nowhere.tar.gz"),
    ] {
        let ended = elsewhere.run(&format!("runs import {name}.tar.gz"));
        assert_eq!(ended.code, 65, "{name}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(expected),
            "{name}: {:?} does not say {expected:?}",
            ended.stderr
        );
        assert_eq!(all_in(folder), before, "{name} left something");
    }
    for verb in ["check", "replay", "runs info"] {
        let ended = elsewhere.run(&format!("{verb} traversal.tar.gz"));
        assert_eq!(ended.code, 65, "{verb}: {}", ended.stderr);
        assert!(ended.stderr.contains("leads out of it"), "{verb}: {}", ended.stderr);
    }
    assert_eq!(elsewhere.run("runs import whole.tar.gz").code, 0);
    assert!(folder.join("results/runs/quickstart/a/run.json").is_file());
}

#[test]
fn runs_are_listed_whatever_became_of_them() {
    let quorate = Quorate::new();
    assert!(lines(&quorate, "runs ls").is_empty());
    let (older, newer) = (
        run_of(&quorate, "--seed 3 --plant reply-before-acks"),
        run_of(&quorate, "--seed 4"),
    );
    let killed = run_of(&quorate, "--seed 5");
    let began = |run: &str, started: &str| {
        let path = quorate.path().join(run).join("run.json");
        let mut manifest: Value = serde_json::from_slice(&fs::read(&path).expect("it is there")).expect("JSON");
        manifest["started"] = started.into();
        if run == killed {
            manifest.as_object_mut().expect("an object").remove("ended");
        }
        fs::write(path, manifest.to_string()).expect("written");
    };
    began(&older, "20260101T000000Z");
    began(&killed, "20260102T000000Z");
    began(&newer, "20260103T000000Z");
    let folder = quorate.path().join("results/runs/quickstart");
    for (name, text) in [("empty", None), ("garbage", Some("{"))] {
        fs::create_dir(folder.join(name)).expect("made");
        if let Some(text) = text {
            fs::write(folder.join(name).join("run.json"), text).expect("written");
        }
    }

    let listed = lines(&quorate, "runs ls");
    let told: Vec<_> = listed
        .iter()
        .map(|run| (run["run"].as_str(), run["outcome"].as_str()))
        .collect();
    assert_eq!(
        told[1..],
        [(Some(&*killed), Some("unfinished")), (Some(&*older), Some("invalid"))],
        "{told:?}"
    );
    assert_eq!((told[0].0, told.len()), (Some(&*newer), 3));
    assert!(
        listed[2]["violated"]
            .as_array()
            .expect("claims")
            .contains(&"fresh-reads".into()),
        "{}",
        listed[2]
    );
    let ended = quorate.run("runs ls");
    assert_eq!((ended.code, ended.stdout.lines().count()), (0, 4), "{}", ended.stdout);
    for broken in ["empty", "garbage"] {
        assert!(
            ended.stderr.contains(&format!("quickstart/{broken}")),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn what_is_pruned_is_a_run_and_was_asked_for() {
    let quorate = Quorate::new();
    let runs: Vec<String> = (1..=3)
        .map(|seed| run_of(&quorate, &format!("--seed {seed}")))
        .collect();
    let folder = quorate.path().join("results/runs/quickstart");
    fs::create_dir(folder.join("mine")).expect("made");
    fs::write(folder.join("mine/notes"), "what I found").expect("written");
    let is_there = || {
        runs.iter()
            .map(|run| quorate.path().join(run).exists())
            .collect::<Vec<_>>()
    };

    assert_eq!(quorate.run("runs prune --yes").code, 64, "it has to be said which");
    let (code, would) = quorate.json("runs prune --keep 1");
    assert_eq!((code, &would["removed"], &would["kept"]), (0, &false.into(), &1.into()));
    assert_eq!(is_there(), [true, true, true], "nothing goes without --yes");
    let (_, none) = quorate.json("runs prune --older-than 1d --yes");
    assert_eq!(none["runs"], Value::Array(Vec::new()));

    let listed: Vec<Value> = lines(&quorate, "runs ls")
        .iter()
        .map(|run| run["run"].clone())
        .collect();
    let (_, gone) = quorate.json("runs prune --keep 1 --yes");
    let paths: Vec<Value> = gone["runs"]
        .as_array()
        .expect("runs")
        .iter()
        .map(|run| run["run"].clone())
        .collect();
    assert_eq!(paths, listed[1..]);
    assert_eq!(is_there().iter().filter(|is_there| **is_there).count(), 1);
    // What was no run is there still, and so is what the link leads to.
    assert!(folder.join("mine/notes").is_file());
    assert!(folder.join("latest/run.json").is_file());

    assert_eq!(quorate.run("runs prune --keep 0 --yes").code, 0);
    assert!(
        folder.join("latest").symlink_metadata().is_err(),
        "there is nothing that it could lead to"
    );
    assert!(folder.join("mine/notes").is_file());
}
