//! Who may depend on whom: the arrows of ARCHITECTURE.md, held against what cargo resolves.

use std::{collections::BTreeSet, process::Command};

/// For each crate of the house, those of the house that it may reach, and whether it is pure.
const HOUSE: [(&str, &[&str], bool); 6] = [
    ("quorate-core", &[], true),
    ("quorate-sim", &["quorate-core"], true),
    ("quorate-node", &["quorate-core"], false),
    ("quorate-checker", &[], true),
    ("quorate-workloads", &["quorate-checker"], true),
    (
        "quorate",
        &[
            "quorate-core",
            "quorate-sim",
            "quorate-node",
            "quorate-checker",
            "quorate-workloads",
        ],
        false,
    ),
];

/// Crates that do IO, keep time or draw chance from the machine: a pure crate reaches none of them.
const IMPURE: [&str; 13] = [
    "tokio",
    "quinn",
    "quinn-proto",
    "quinn-udp",
    "rustls",
    "ring",
    "redb",
    "mio",
    "socket2",
    "getrandom",
    "tempfile",
    "time",
    "rayon",
];

/// Everything that a package reaches by normal dependencies on this platform, itself excepted.
fn reached(package: &str) -> BTreeSet<String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let arguments = [
        "tree",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--offline",
        "--manifest-path",
        manifest,
    ];
    let output = Command::new(cargo)
        .args(arguments)
        .args(["--package", package])
        .output();
    let output = output.expect("cargo can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("cargo prints text");
    let names = text.lines().filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != package).map(str::to_owned).collect()
}

#[test]
fn every_crate_reaches_only_what_it_may() {
    let house: BTreeSet<_> = HOUSE.iter().map(|(name, ..)| (*name).to_owned()).collect();
    for (name, allowed, _) in HOUSE {
        let inside: BTreeSet<_> = reached(name).intersection(&house).cloned().collect();
        let allowed: BTreeSet<_> = allowed.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(inside, allowed, "what {name} reaches in the house");
    }
}

#[test]
fn pure_crates_reach_nothing_that_does_io() {
    for (name, ..) in HOUSE.iter().filter(|(.., pure)| *pure) {
        let reached = reached(name);
        let impure: Vec<_> = IMPURE.iter().filter(|impure| reached.contains(**impure)).collect();
        assert!(impure.is_empty(), "{name} reaches {impure:?}");
    }
    let reached = reached("quorate");
    let used = IMPURE.iter().filter(|impure| reached.contains(**impure)).count();
    assert!(used >= 8, "the list still names what the house uses, {used} of it");
}

/// Each pure crate's `clippy.toml` is the shared one: a crate's own file would replace it, not add to it.
#[test]
fn pure_crates_share_one_ban() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let shared = std::fs::read_to_string(root.join("pure.clippy.toml")).expect("the ban is there");
    assert!(shared.contains("std::time::Instant::now"));
    for folder in ["node/core", "node/sim", "checker", "workloads"] {
        let path = root.join(folder).join("clippy.toml");
        assert!(path.is_symlink(), "{} is a link", path.display());
        assert_eq!(std::fs::read_to_string(&path).expect("it leads somewhere"), shared);
    }
}

#[test]
fn the_tree_stays_light() {
    let count = reached("quorate").len();
    assert!(count < 200, "{count} crates");
}
