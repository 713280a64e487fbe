//! What one of Jepsen's checks found: its findings by name, and its figures.

use serde::Serialize;

use crate::{evidence::Finding, transcript::Call};

/// What a check found in a transcript. `F` is what it counted and measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report<F> {
    /// The findings, in a fixed order.
    pub parts: Vec<Part>,
    /// The figures; none if the transcript was refused.
    pub figures: Option<F>,
}

/// One finding of several.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// What was looked for, such as `lost`.
    pub name: &'static str,
    /// Whether it makes the history invalid, or is only observed.
    pub is_claimed: bool,
    /// What was found.
    pub finding: Finding,
}

impl<F> Report<F> {
    /// Returns whether the history is valid, as Jepsen's `:valid?`; nothing where that is unknown. A violation stands
    /// whatever else is unknown.
    pub fn is_valid(&self) -> Option<bool> {
        let claimed = || self.parts.iter().filter(|part| part.is_claimed);
        if claimed().any(|part| part.finding.count > 0) {
            Some(false)
        } else if claimed().any(|part| part.finding.unknown.is_some()) {
            None
        } else {
            Some(true)
        }
    }

    /// Returns the finding of this name.
    pub fn part(&self, name: &str) -> Option<&Finding> {
        let part = self.parts.iter().find(|part| part.name == name);
        part.map(|part| &part.finding)
    }

    /// Returns the report on a transcript that can't be judged, by the names of what was to be looked for.
    pub(super) fn refused(names: &[&'static str], refusal: &Refusal) -> Self {
        let part = |name: &&'static str| Part::claimed(name, Finding::unknown(refusal.0.clone()));
        Self {
            parts: names.iter().map(part).collect(),
            figures: None,
        }
    }
}

impl Part {
    pub(super) fn claimed(name: &'static str, finding: Finding) -> Self {
        Self {
            name,
            is_claimed: true,
            finding,
        }
    }

    pub(super) fn observed(name: &'static str, finding: Finding) -> Self {
        Self {
            name,
            is_claimed: false,
            finding,
        }
    }
}

/// Why a whole transcript can't be judged.
#[derive(Debug)]
pub(super) struct Refusal(String);

impl Refusal {
    pub(super) fn new(call: &Call, why: &str) -> Self {
        Self(at(call, why))
    }

    /// Of a call whose function the workload does not have.
    pub(super) fn function(call: &Call, workload: &str) -> Self {
        const LENGTH_MAX: usize = 40;
        let name: String = call.function.chars().take(LENGTH_MAX).collect();
        Self::new(call, &format!("{name:?} is no function of {workload}"))
    }
}

/// Says `why` of a call, as in `index 12: it returned no collection`.
pub(super) fn at(call: &Call, why: &str) -> String {
    format!("index {}: {why}", call.index)
}
