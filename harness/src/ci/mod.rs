//! What a CI system is told: JUnit's XML, a summary in Markdown, GitHub's annotations.
//!
//! All are made from one form of what came of a command: suites of cases. It fails or has an error in it exactly where the
//! process ends with another code than 0, so that no system shows green beside a red step, or the other way round.

pub mod github;
mod junit;
mod outcome;
mod summary;

pub use self::{
    junit::junit,
    outcome::{Case, End, Outcome, Suite},
    summary::{SUMMARY_BYTES_MAX, summary},
};

/// JUnit's XML in a run's folder.
pub const JUNIT_FILE: &str = "junit.xml";

/// The summary in a run's folder.
pub const SUMMARY_FILE: &str = "summary.md";
