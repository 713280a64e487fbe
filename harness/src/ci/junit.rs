//! JUnit's XML, as Jenkins, GitLab, GitHub's actions and most others read it.
//!
//! It is a dozen lines of markup that hardly differ, and escaping; a crate for it would bring an XML parser, UUIDs and a clock.

use std::fmt::Write;

use super::outcome::{Case, End, Outcome, Suite, Wrong};
use crate::report::html::escaped;

/// The outcome as a file of JUnit's.
pub fn junit(outcome: &Outcome) -> String {
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let seconds: f64 = outcome.suites.iter().map(|suite| suite.seconds).sum();
    let cases: Vec<_> = outcome.suites.iter().flat_map(|suite| &suite.cases).collect();
    let counts = counts(&cases);
    let _ = writeln!(
        out,
        "<testsuites name=\"{}\" {counts} time=\"{seconds:.3}\">",
        attribute(&outcome.title)
    );
    outcome.suites.iter().for_each(|suite| of_suite(&mut out, suite));
    out + "</testsuites>\n"
}

fn counts(cases: &[&Case]) -> String {
    let count = |is_so: fn(&End) -> bool| cases.iter().filter(|case| is_so(&case.end)).count();
    format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"",
        count(|_| true),
        count(|end| matches!(end, End::Failed(_))),
        count(|end| matches!(end, End::Error(_))),
        count(|end| matches!(end, End::Skipped(_))),
    )
}

fn of_suite(out: &mut String, suite: &Suite) {
    let name = attribute(&suite.name);
    let counts = counts(&suite.cases.iter().collect::<Vec<_>>());
    let _ = writeln!(
        out,
        "  <testsuite name=\"{name}\" {counts} time=\"{:.3}\">",
        suite.seconds
    );
    for case in &suite.cases {
        let _ = write!(
            out,
            "    <testcase classname=\"{name}\" name=\"{}\" time=\"0\"",
            attribute(&case.name)
        );
        match &case.end {
            End::Passed(_) => out.push_str("/>\n"),
            End::Skipped(why) => {
                let _ = writeln!(
                    out,
                    ">\n      <skipped message=\"{}\"/>\n    </testcase>",
                    attribute(why)
                );
            }
            End::Failed(wrong) => of_wrong(out, "failure", wrong),
            End::Error(wrong) => of_wrong(out, "error", wrong),
        }
    }
    if !suite.again.is_empty() {
        let again = format!("{}\n{}", suite.words, suite.again.join("\n"));
        let _ = writeln!(out, "    <system-out>{}</system-out>", escaped(&again));
    }
    out.push_str("  </testsuite>\n");
}

fn of_wrong(out: &mut String, element: &str, wrong: &Wrong) {
    let Wrong { kind, message, text } = wrong;
    let text = if text.is_empty() { message } else { text };
    let _ = writeln!(
        out,
        ">\n      <{element} type=\"{}\" message=\"{}\">{}</{element}>\n    </testcase>",
        attribute(kind),
        attribute(message),
        escaped(text)
    );
}

/// A text as it can stand in an attribute, where a line's end would become a space.
fn attribute(text: &str) -> String {
    escaped(text).replace('\n', "&#10;").replace('\t', "&#9;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_its_element_and_nothing_breaks_out_of_it() {
        let nasty = "</failure> \"k\" & \u{1}\n]]>";
        let suite = Suite {
            name: "a<b>".to_owned(),
            words: "invalid".to_owned(),
            seconds: 1.5,
            cases: vec![
                Case::new("held", End::Passed("9 tested".to_owned())),
                Case::new("not claimed", End::Skipped(nasty.to_owned())),
                Case::new("broken", End::failed("stale-read", "why", nasty)),
                Case::new("not known", End::error("unknown", nasty, "")),
            ],
            again: vec!["quorate check 'a&b'".to_owned()],
        };
        let text = junit(&Outcome::of(suite));
        let expected = "\
<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<testsuites name=\"a&lt;b&gt;\" tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\" time=\"1.500\">
  <testsuite name=\"a&lt;b&gt;\" tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\" time=\"1.500\">
    <testcase classname=\"a&lt;b&gt;\" name=\"held\" time=\"0\"/>
    <testcase classname=\"a&lt;b&gt;\" name=\"not claimed\" time=\"0\">
      <skipped message=\"NASTY\"/>
    </testcase>
    <testcase classname=\"a&lt;b&gt;\" name=\"broken\" time=\"0\">
      <failure type=\"stale-read\" message=\"why\">NASTY</failure>
    </testcase>
    <testcase classname=\"a&lt;b&gt;\" name=\"not known\" time=\"0\">
      <error type=\"unknown\" message=\"NASTY\">NASTY</error>
    </testcase>
    <system-out>invalid
quorate check &#39;a&amp;b&#39;</system-out>
  </testsuite>
</testsuites>
";
        let nasty = "&lt;/failure&gt; &quot;k&quot; &amp; \u{fffd}\n]]&gt;";
        let attribute = nasty.replace('\n', "&#10;");
        let expected = expected.replace("\"NASTY\"", &format!("\"{attribute}\""));
        assert_eq!(text, expected.replace("NASTY", nasty));
    }
}
