//! How the process ends: one code for each thing that a script may want to tell apart (CLI.md).

use quorate_workloads::Verdict;

/// An exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All claims held, or the command did what it was asked.
    Valid,
    /// A claim was violated.
    Invalid,
    /// Part of the record could not be judged.
    Unknown,
    /// What was needed is not met, or a threshold not reached.
    Missed,
    /// Something that was claimed was not tested.
    Vacuous,
    /// A replay was not the same run again.
    Diverged,
    /// The command was not understood, or asks for what can't be.
    Usage,
    /// A file could not be read or understood.
    InputData,
    /// The harness or a node failed to run.
    Failure,
    /// The user stopped it, and what was seen until then held.
    Interrupted,
}

impl Exit {
    /// All of them.
    pub const ALL: [Exit; 10] = [
        Exit::Valid,
        Exit::Invalid,
        Exit::Unknown,
        Exit::Missed,
        Exit::Vacuous,
        Exit::Diverged,
        Exit::Usage,
        Exit::InputData,
        Exit::Failure,
        Exit::Interrupted,
    ];

    /// The code that the process ends with.
    pub fn code(self) -> u8 {
        match self {
            Exit::Valid => 0,
            Exit::Invalid => 1,
            Exit::Unknown => 2,
            Exit::Missed => 3,
            Exit::Vacuous => 4,
            Exit::Diverged => 5,
            Exit::Usage => 64,
            Exit::InputData => 65,
            Exit::Failure => 70,
            Exit::Interrupted => 130,
        }
    }

    /// The code for several outcomes at once: the first of 1, 70, 65, 5, 4, 2, 3, 0. An interrupted run ends with 130
    /// unless one of the first three says something graver.
    pub fn gravest(exits: impl IntoIterator<Item = Exit>) -> Exit {
        let gravity = |exit: &Exit| match exit {
            Exit::Valid => 0,
            Exit::Missed => 1,
            Exit::Unknown => 2,
            Exit::Vacuous => 3,
            Exit::Diverged => 4,
            Exit::Interrupted => 5,
            Exit::Usage => 6,
            Exit::InputData => 7,
            Exit::Failure => 8,
            Exit::Invalid => 9,
        };
        exits.into_iter().max_by_key(gravity).unwrap_or(Exit::Valid)
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Exit {
        match verdict {
            Verdict::Valid => Exit::Valid,
            Verdict::Invalid => Exit::Invalid,
            Verdict::Unknown => Exit::Unknown,
            Verdict::Vacuous => Exit::Vacuous,
        }
    }
}

/// A failure, and the code that the process should end with because of it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ExitError {
    /// The code.
    pub exit: Exit,
    message: String,
}

impl ExitError {
    /// The command asks for what can't be.
    pub fn usage(message: impl Into<String>) -> ExitError {
        ExitError {
            exit: Exit::Usage,
            message: message.into(),
        }
    }

    /// A run is not what it was.
    pub fn diverged(message: impl Into<String>) -> ExitError {
        ExitError {
            exit: Exit::Diverged,
            message: message.into(),
        }
    }

    /// A file could not be read or understood.
    pub fn input(message: impl Into<String>) -> ExitError {
        ExitError {
            exit: Exit::InputData,
            message: message.into(),
        }
    }
}

/// The code for a failure: the one that it carries anywhere in its chain, or else that of a failed harness.
pub fn exit_of(error: &anyhow::Error) -> Exit {
    let carried = error.chain().find_map(|cause| cause.downcast_ref::<ExitError>());
    carried.map_or(Exit::Failure, |error| error.exit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_the_gravest_wins() {
        let rising = [
            Exit::Valid,
            Exit::Missed,
            Exit::Unknown,
            Exit::Vacuous,
            Exit::Diverged,
            Exit::Interrupted,
            Exit::InputData,
            Exit::Failure,
            Exit::Invalid,
        ];
        for (at, graver) in rising.iter().enumerate() {
            for lesser in &rising[..=at] {
                assert_eq!(Exit::gravest([*lesser, *graver]), *graver);
                assert_eq!(Exit::gravest([*graver, *lesser]), *graver);
            }
        }
        assert_eq!(Exit::gravest([]), Exit::Valid);
    }

    #[test]
    fn a_code_is_found_however_deep_it_lies() {
        let error = anyhow::Error::new(ExitError::usage("r is 0")).context("while resolving");
        assert_eq!(exit_of(&error), Exit::Usage);
        assert_eq!(exit_of(&anyhow::anyhow!("anything else")), Exit::Failure);
    }
}
