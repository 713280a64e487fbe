//! What came of a command, as suites of cases.

use quorate_workloads::{ClaimReport, ClaimVerdict, Verdict};

use crate::{exit::Exit, report::Report, shell::quoted, threshold::Reached};

/// What came of a command.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// What was done, in a line.
    pub title: String,
    /// In their order.
    pub suites: Vec<Suite>,
}

/// A run, a cell, or a file that was judged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suite {
    /// What it is called.
    pub name: String,
    /// What came of it, in a line.
    pub words: String,
    /// How long it took.
    pub seconds: f64,
    /// In their order.
    pub cases: Vec<Case>,
    /// The commands that show it again.
    pub again: Vec<String>,
}

/// A claim, a threshold, a seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What it is called.
    pub name: String,
    /// How it ended.
    pub end: End,
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// It held.
    Passed(String),
    /// It was not put to the test, or was not to hold, and why.
    Skipped(String),
    /// It did not hold.
    Failed(Wrong),
    /// It could not be told.
    Error(Wrong),
}

/// What is wrong with a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Wrong {
    /// What kind of thing it is, in a word.
    pub kind: String,
    /// In a line.
    pub message: String,
    /// All of it.
    pub text: String,
}

impl Case {
    /// A case that ended so.
    pub fn new(name: impl Into<String>, end: End) -> Case {
        Case { name: name.into(), end }
    }

    /// What is wrong with it, if anything is.
    pub fn wrong(&self) -> Option<&Wrong> {
        match &self.end {
            End::Failed(wrong) | End::Error(wrong) => Some(wrong),
            End::Passed(_) | End::Skipped(_) => None,
        }
    }

    /// How it ended, in a word.
    pub fn word(&self) -> &'static str {
        match &self.end {
            End::Passed(_) => "passed",
            End::Skipped(_) => "skipped",
            End::Failed(_) => "FAILED",
            End::Error(_) => "ERROR",
        }
    }
}

impl End {
    /// It did not hold.
    pub fn failed(kind: &str, message: impl Into<String>, text: impl Into<String>) -> End {
        End::Failed(Wrong::new(kind, message.into(), text.into()))
    }

    /// It could not be told.
    pub fn error(kind: &str, message: impl Into<String>, text: impl Into<String>) -> End {
        End::Error(Wrong::new(kind, message.into(), text.into()))
    }
}

impl Wrong {
    fn new(kind: &str, message: String, text: String) -> Wrong {
        Wrong {
            kind: kind.to_owned(),
            message,
            text,
        }
    }
}

impl Outcome {
    /// Of one suite.
    pub fn of(suite: Suite) -> Outcome {
        Outcome {
            title: suite.name.clone(),
            suites: vec![suite],
        }
    }

    /// Of a command that ended in no verdict.
    pub fn of_failure(title: &str, error: &anyhow::Error) -> Outcome {
        Outcome::of(Suite::of_failure(title, error))
    }

    /// How many of its cases are so.
    pub fn count(&self, is_so: impl Fn(&Case) -> bool) -> usize {
        let cases = self.suites.iter().flat_map(|suite| &suite.cases);
        cases.filter(|case| is_so(case)).count()
    }
}

impl Suite {
    /// A run or a file that was judged, a case for each claim.
    pub fn of_report(name: String, report: &Report) -> Suite {
        let verdict = report.judgement.verdict;
        let again = match &report.run {
            Some(run) => {
                let run = quoted(&run.display().to_string());
                let replay = report.measured.is_some().then(|| format!("quorate replay {run}"));
                [format!("quorate check {run}")].into_iter().chain(replay).collect()
            }
            None => Vec::new(),
        };
        let mut cases: Vec<_> = report.judgement.claims.iter().map(Case::of_claim).collect();
        cases.extend(report.thresholds.iter().map(Case::of_threshold));
        cases.extend(whole(report));
        settle(&mut cases, report.exit);
        Suite {
            name,
            words: format!("{}; exit code {}", verdict.name(), report.exit.code()),
            seconds: report.seconds,
            cases,
            again,
        }
    }

    /// What ended in no verdict.
    pub fn of_failure(name: &str, error: &anyhow::Error) -> Suite {
        let end = End::error("failure", format!("failed to {error}"), format!("failed to {error:#}"));
        Suite {
            name: name.to_owned(),
            words: "ended in no verdict".to_owned(),
            cases: vec![Case::new("ended in a verdict", end)],
            ..Suite::default()
        }
    }

    /// Whether anything is wrong in it.
    pub fn is_wrong(&self) -> bool {
        self.cases.iter().any(|case| case.wrong().is_some())
    }
}

/// What no claim says and the exit code does.
fn whole(report: &Report) -> Option<Case> {
    let end = match report.judgement.verdict {
        Verdict::Vacuous => {
            let why = report.judgement.vacuous.unwrap_or("a claim was not tested");
            End::error("vacuous", format!("nothing was put to the test: {why}"), "")
        }
        _ if report.exit == Exit::Interrupted => End::error("interrupted", "the user ended it before its time", ""),
        _ => return None,
    };
    Some(Case::new("put to the test", end))
}

/// Makes cases agree with the exit code, whatever else a claim may be some day.
fn settle(cases: &mut Vec<Case>, exit: Exit) {
    let is_wrong = cases.iter().any(|case| case.wrong().is_some());
    if exit != Exit::Valid && !is_wrong {
        let end = End::error(
            "verdict",
            format!("no claim is to blame for exit code {}", exit.code()),
            "",
        );
        cases.push(Case::new("verdict", end));
    }
    // What is not known of one claim need not keep the whole from being valid.
    for case in cases.iter_mut().filter(|_| exit == Exit::Valid) {
        if let End::Error(wrong) = &case.end {
            case.end = End::Skipped(wrong.message.clone());
        }
    }
}

impl Case {
    fn of_claim(claim: &ClaimReport) -> Case {
        let counts = format!("broken {} times in {} tested", claim.count, claim.tested);
        let end = match claim.verdict {
            ClaimVerdict::Held => End::Passed(format!("{} tested", claim.tested)),
            ClaimVerdict::Vacuous => End::Skipped("claimed, and nothing tested it".to_owned()),
            ClaimVerdict::NotObserved => End::Skipped(format!("not claimed: {}", claim.reason)),
            ClaimVerdict::Observed => End::Skipped(format!("not claimed, and {counts}: {}", claim.reason)),
            ClaimVerdict::Unknown => {
                let why = claim
                    .unknown
                    .as_deref()
                    .unwrap_or("part of the record could not be judged");
                End::error("unknown", format!("it is not known: {why}"), "")
            }
            ClaimVerdict::Violated => {
                let anomaly = claim.claim.anomaly;
                let words = claim.witness.as_ref().map_or("", |witness| &witness.text);
                let text = format!(
                    "{}: {}.\nClaimed: {}.\n\n{words}",
                    claim.claim.name, claim.claim.promise, claim.reason
                );
                End::failed(anomaly, format!("{anomaly}: {counts}"), text)
            }
        };
        Case::new(claim.claim.name.clone(), end)
    }

    fn of_threshold(reached: &Reached) -> Case {
        let end = match reached.met {
            true => End::Passed(reached.words.clone()),
            false => End::failed("threshold", format!("missed: {}", reached.words), ""),
        };
        Case::new(format!("threshold {}", reached.threshold), end)
    }
}
