//! The summary of a command in Markdown, as GitHub, GitLab and people read it.

use std::fmt::Write;

use super::outcome::{Case, End, Outcome, Suite};

/// How large GitHub lets the summary of a step be; of a larger one it shows nothing.
pub const SUMMARY_BYTES_MAX: usize = 1 << 20;

/// How much of the words of one case is shown.
const TEXT_LENGTH_MAX: usize = 8_000;

/// From so many suites on, only those with something wrong are told case by case.
const SUITES_WHOLE_MAX: usize = 4;

/// The end of a summary that is cut short.
const CUT: &str = "\n_More was cut off here: the whole is in the JUnit file and in the folders of the runs._\n";

/// The outcome in at most `bytes_max`; what does not fit is left out by whole parts, and that is said.
pub fn summary(outcome: &Outcome, bytes_max: usize) -> String {
    let mut out = String::new();
    for part in parts(outcome) {
        if out.len() + part.len() + CUT.len() > bytes_max {
            if out.len() + CUT.len() <= bytes_max {
                out.push_str(CUT);
            }
            break;
        }
        out.push_str(&part);
    }
    out
}

fn parts(outcome: &Outcome) -> Vec<String> {
    let wrong = outcome.count(|case| case.wrong().is_some());
    let skipped = outcome.count(|case| matches!(case.end, End::Skipped(_)));
    let mut parts = vec![format!("## Quorate: {}\n\n", plain(&outcome.title))];
    if let [suite] = &*outcome.suites {
        parts.extend(of_suite(suite));
        return parts;
    }
    let whole = outcome.suites.len() <= SUITES_WHOLE_MAX;
    parts.push(format!(
        "{} suites, {} cases: {wrong} wrong, {skipped} skipped\n\n| suite | result |\n|---|---|\n",
        outcome.suites.len(),
        outcome.count(|_| true)
    ));
    let rows = outcome.suites.iter();
    parts.extend(rows.map(|suite| format!("| {} | {} |\n", plain(&suite.name), plain(&suite.words))));
    for suite in outcome.suites.iter().filter(|suite| whole || suite.is_wrong()) {
        parts.push(format!("\n### {}\n\n", plain(&suite.name)));
        parts.extend(of_suite(suite));
    }
    parts
}

fn of_suite(suite: &Suite) -> Vec<String> {
    let mut parts = vec![format!("**{}**\n\n| | case | |\n|---|---|---|\n", plain(&suite.words))];
    parts.extend(suite.cases.iter().map(row));
    let wrong = suite.cases.iter().filter_map(|case| Some((case, case.wrong()?)));
    for (case, wrong) in wrong.filter(|(_, wrong)| !wrong.text.is_empty()) {
        parts.push(format!("\n#### {}\n\n{}", plain(&case.name), fenced(&wrong.text)));
    }
    if !suite.again.is_empty() {
        parts.push(format!("\nSee it again:\n\n{}", fenced(&suite.again.join("\n"))));
    }
    parts
}

fn row(case: &Case) -> String {
    let what = match &case.end {
        End::Passed(words) | End::Skipped(words) => words,
        End::Failed(wrong) | End::Error(wrong) => &wrong.message,
    };
    let word = match case.word() {
        word if case.wrong().is_some() => format!("**{word}**"),
        word => word.to_owned(),
    };
    format!("| {word} | {} | {} |\n", plain(&case.name), plain(what))
}

/// A text in a line, without anything that Markdown or HTML would take for markup.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' | '~' => out.extend(['\\', letter]),
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

/// A text as it is, however many backticks it has in it.
fn fenced(text: &str) -> String {
    let cut = text
        .char_indices()
        .nth(TEXT_LENGTH_MAX)
        .map_or(text.len(), |(at, _)| at);
    let (text, more) = (&text[..cut], if cut < text.len() { "\n..." } else { "" });
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let mut out = String::new();
    let _ = writeln!(out, "{fence}text\n{text}{more}\n{fence}");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(name: &str, end: End) -> Suite {
        Suite {
            name: name.to_owned(),
            words: "invalid; exit code 1".to_owned(),
            cases: vec![Case::new("fresh-reads", end)],
            again: vec!["quorate check x".to_owned()],
            ..Suite::default()
        }
    }

    #[test]
    fn markup_in_names_and_values_stays_text() {
        let text = "k`` | ```` <script>";
        let said = summary(&Outcome::of(suite("a|b", End::failed("x", "<b>|", text))), 10_000);
        assert!(
            said.starts_with("## Quorate: a\\|b\n\n**invalid; exit code 1**\n"),
            "{said}"
        );
        assert!(said.contains("| **FAILED** | fresh-reads | &lt;b>\\| |\n"), "{said}");
        assert!(said.contains(&format!("\n`````text\n{text}\n`````\n")), "{said}");
    }

    #[test]
    fn it_is_never_too_large_and_says_what_is_missing() {
        let wrong = || End::failed("x", "message", "y".repeat(5_000));
        let suites = (0..400).map(|number| suite(&format!("run {number}"), wrong()));
        let outcome = Outcome {
            title: "many".to_owned(),
            suites: suites.collect(),
        };
        for bytes_max in [0, 50, 1_000, 100_000, SUMMARY_BYTES_MAX] {
            let said = summary(&outcome, bytes_max);
            assert!(said.len() <= bytes_max);
            assert_eq!(said.matches("```").count() % 2, 0, "no fence is cut open");
            assert_eq!(said.ends_with(CUT), bytes_max >= 1_000);
        }
    }
}
