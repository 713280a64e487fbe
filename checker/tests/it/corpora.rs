//! Public histories with known verdicts, where they are at hand: a folder that `QUORATE_CORPORA` names, or
//! `../shared/corpora` beside the project.

use std::path::{Path, PathBuf};

use quorate_checker::{
    Context,
    causal::{self, Level},
    formats::{Format, read_transcript},
};

/// The levels as the index writes them.
const LEVELS: [(&str, Level); 3] = [
    ("RC", Level::ReadCommitted),
    ("RA", Level::ReadAtomic),
    ("CC", Level::Causal),
];

#[test]
fn transactional_texts_have_their_verdicts() {
    let Some(folder) = folder() else {
        report("skipped awdit and isovista: no corpora at hand");
        return;
    };
    let index = read(&folder.join("INDEX.tsv"));
    let mut count = 0;
    for row in index.lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        let [file, _, _, _, format, _, expected, ..] = columns[..] else {
            panic!("{row} has too few columns")
        };
        let format = match format {
            "awdit-test-txt" => Format::Awdit,
            "plume-txt" => Format::Plume,
            _ => continue,
        };
        let text = read(&folder.join(file));
        let transcript = read_transcript(format, text.as_bytes()).expect("the file is what the index says");
        // What AWDIT said of it, where the index tells both: `invalid@SI (docs); AWDIT run here: valid@RC,RA invalid@CC`.
        let expected = expected.rsplit("here:").next().unwrap_or_default();
        for (name, level) in LEVELS {
            let verdict = causal::transactions(&transcript, level, &Context::default());
            let mut parts = expected.split([' ', ';']).filter(|part| part.contains('@'));
            let said = parts.find(|part| part.split(['@', ',']).any(|word| word == name));
            let said = said.unwrap_or_else(|| panic!("{file}: the index says nothing of {name}"));
            assert_eq!(
                verdict.count == 0,
                said.starts_with("valid"),
                "{file} at {name}: {said}, but {verdict:#?}"
            );
            assert_eq!(verdict.unknown, None, "{file} at {name}");
            count += 1;
        }
    }
    assert!(count > 0, "the index has such files");
}

pub(crate) fn folder() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora");
    #[expect(clippy::disallowed_methods, reason = "a test may be told where the corpora are")]
    let folder = std::env::var_os("QUORATE_CORPORA").map_or_else(beside, PathBuf::from);
    folder.join("INDEX.tsv").exists().then_some(folder)
}

pub(crate) fn read(path: &Path) -> String {
    #[expect(clippy::disallowed_methods, reason = "a test reads what the library is given")]
    let text = std::fs::read_to_string(path);
    text.unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
}

#[expect(clippy::disallowed_macros, reason = "who runs the tests is told what was not tested")]
pub(crate) fn report(what: &str) {
    eprintln!("{what}");
}
