//! GitHub's actions: annotations as workflow commands, and the summary of the step.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use super::{
    SUMMARY_BYTES_MAX,
    outcome::{Outcome, Wrong},
    summary,
};

/// How many annotations of a kind GitHub takes from one step.
pub const ANNOTATIONS_MAX: usize = 10;

/// How much of the words of a case an annotation has: GitHub cuts what is longer.
const MESSAGE_LENGTH_MAX: usize = 4_000;

/// The file to which GitHub has a step add its summary; `None` elsewhere.
pub fn summary_file() -> Option<PathBuf> {
    let path = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty());
    path.map(PathBuf::from)
}

/// Adds the summary to a file that other commands of the step may have added to: all together stay within the limit.
///
/// # Errors
/// If it can't be written, with its path.
pub fn add_summary(path: &Path, outcome: &Outcome) -> anyhow::Result<()> {
    let there = fs::metadata(path).map_or(0, |file| usize::try_from(file.len()).unwrap_or(usize::MAX));
    let text = summary(outcome, SUMMARY_BYTES_MAX.saturating_sub(there));
    let add = || {
        let mut file = fs::File::options().append(true).create(true).open(path)?;
        file.write_all(text.as_bytes())
    };
    add().with_context(|| format!("add to {}", path.display()))
}

/// The annotations, a workflow command a line: one for each case that is wrong, as far as GitHub takes them; of more, the last
/// says how many.
pub fn annotations(outcome: &Outcome) -> String {
    let cases = outcome.suites.iter().flat_map(|suite| {
        let wrong = suite.cases.iter().filter_map(|case| Some((case, case.wrong()?)));
        wrong.map(move |(case, wrong)| (suite, case, wrong))
    });
    let wrong: Vec<_> = cases.collect();
    let shown = match wrong.len() {
        count if count <= ANNOTATIONS_MAX => count,
        _ => ANNOTATIONS_MAX - 1,
    };
    let mut out = String::new();
    for (suite, case, wrong) in &wrong[..shown] {
        let title = format!("{}: {}", suite.name, case.name);
        out += &command(&title, &message(wrong, &suite.again));
    }
    if shown < wrong.len() {
        let more = format!(
            "{} more cases are wrong: see the summary of the step",
            wrong.len() - shown
        );
        out += &command(&outcome.title, &more);
    }
    out
}

fn message(wrong: &Wrong, again: &[String]) -> String {
    let mut message = wrong.message.clone();
    for part in [wrong.text.as_str(), &again.join("\n")] {
        if !part.is_empty() {
            message += "\n\n";
            message += part;
        }
    }
    message.chars().take(MESSAGE_LENGTH_MAX).collect()
}

fn command(title: &str, message: &str) -> String {
    format!("::error title={}::{}\n", property(title), data(message))
}

/// A text as the data of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A text as a property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ci::{Case, End, Suite};

    fn outcome(count: usize) -> Outcome {
        let case = |number| Case::new(format!("claim {number}"), End::failed("x", "100%\nwrong", "why::"));
        let mut cases = vec![Case::new("held", End::Passed(String::new()))];
        cases.extend((1..=count).map(case));
        Outcome::of(Suite {
            name: "a:b, c".to_owned(),
            cases,
            again: vec!["quorate check x".to_owned()],
            ..Suite::default()
        })
    }

    #[test]
    fn each_wrong_case_is_one_line_that_nothing_breaks_out_of() {
        assert_eq!(annotations(&outcome(0)), "");
        assert_eq!(
            annotations(&outcome(1)),
            "::error title=a%3Ab%2C c%3A claim 1::100%25%0Awrong%0A%0Awhy::%0A%0Aquorate check x\n"
        );
    }

    #[test]
    fn there_are_never_more_than_are_shown() {
        assert_eq!(annotations(&outcome(10)).lines().count(), 10);
        let many = annotations(&outcome(25));
        let lines: Vec<_> = many.lines().collect();
        assert_eq!(
            (lines.len(), lines[9]),
            (
                10,
                "::error title=a%3Ab%2C c::16 more cases are wrong: see the summary of the step"
            )
        );
    }

    #[test]
    fn a_summary_is_added_to_what_others_have_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("summary");
        add_summary(&path, &outcome(1)).expect("made");
        add_summary(&path, &outcome(1)).expect("added to");
        let text = fs::read_to_string(&path).expect("there");
        assert_eq!(text.matches("## Quorate").count(), 2);
        fs::write(&path, "x".repeat(SUMMARY_BYTES_MAX - 10)).expect("written");
        add_summary(&path, &outcome(1)).expect("there is no room, and that is no failure");
        assert!(fs::metadata(&path).expect("there").len() <= SUMMARY_BYTES_MAX as u64);
    }
}
