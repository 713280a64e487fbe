//! The command that shows one seed of a sweep again: the one that was typed, without what makes it a sweep.

use std::env;

use crate::shell::quoted;

/// What makes a command a sweep, or says how it is told: flags that take a value.
const SWEEP_FLAGS: [&str; 9] = [
    "--seed",
    "--seeds",
    "--jobs",
    "--stop-at",
    "--budget",
    "--corpus",
    "--format",
    "--progress",
    "--junit",
];

/// The command of this process for one `seed`, ready for a shell.
pub(super) fn command_of_seed(seed: u64) -> String {
    of_arguments(env::args().skip(1), seed)
}

fn of_arguments(arguments: impl Iterator<Item = String>, seed: u64) -> String {
    let mut command = "quorate".to_owned();
    let mut arguments = arguments.filter(|argument| !["-q", "--quiet", "--github"].contains(&argument.as_str()));
    while let Some(argument) = arguments.next() {
        let (name, value) = argument
            .split_once('=')
            .map_or((argument.as_str(), None), |(n, v)| (n, Some(v)));
        if !SWEEP_FLAGS.contains(&name) {
            command.push(' ');
            command.push_str(&quoted(&argument));
        } else if value.is_none() {
            arguments.next();
        }
    }
    command + &format!(" --seed {seed}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_makes_the_run_stays_and_the_sweep_goes() {
        let typed = "sim quickstart --seeds 100 --r 1 --seed=5 --jobs=2 -q --set keys=3 --format json --swarm --stop-at 1 --github \
                     --budget=10m --corpus c.json --plant hint-dropped --progress none --junit j.xml --threshold p99=5ms";
        let command = of_arguments(typed.split_whitespace().map(str::to_owned), 17);
        let expected =
            "quorate sim quickstart --r 1 --set keys=3 --swarm --plant hint-dropped --threshold p99=5ms --seed 17";
        assert_eq!(command, expected);
    }

    #[test]
    fn what_a_shell_would_take_apart_is_quoted() {
        let typed = ["sim", "my file.toml", "--set", "purpose=it's"].map(str::to_owned);
        let command = of_arguments(typed.into_iter(), 1);
        assert_eq!(command, r"quorate sim 'my file.toml' --set 'purpose=it'\''s' --seed 1");
    }
}
