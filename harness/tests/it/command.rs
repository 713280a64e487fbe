//! The `quorate` command as a script would use it.

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

/// The command, in an empty folder of its own: whatever it leaves goes away with the folder.
pub(crate) struct Quorate {
    pub(crate) folder: TempDir,
}

/// What a command has left.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Quorate {
    pub(crate) fn new() -> Quorate {
        Quorate {
            folder: TempDir::new().expect("a folder can be made"),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The command with `arguments`, separated by spaces, not yet started.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
        command.args(arguments.split_whitespace()).current_dir(self.path());
        command
    }

    pub(crate) fn run(&self, arguments: &str) -> Ended {
        let output = self.command(arguments).output().expect("the command can be run");
        Ended::of(&output)
    }

    /// Runs with `--format json`, and returns the exit code and the object.
    pub(crate) fn json(&self, arguments: &str) -> (i32, Value) {
        let ended = self.run(&format!("{arguments} --format json"));
        let object = serde_json::from_str(&ended.stdout);
        let object = object.unwrap_or_else(|error| panic!("{error} in {:?}; {}", ended.stdout, ended.stderr));
        (ended.code, object)
    }
}

impl Ended {
    pub(crate) fn of(output: &Output) -> Ended {
        Ended {
            code: output.status.code().expect("it ended by itself"),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The verdict of a claim in a report.
pub(crate) fn verdict_of(report: &Value, claim: &str) -> String {
    let claims = report["claims"].as_array().expect("claims");
    let claim = claims
        .iter()
        .find(|entry| entry["claim"] == claim)
        .expect("every claim is there");
    claim["verdict"].as_str().expect("a verdict").to_owned()
}
