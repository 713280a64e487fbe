//! Predictions of staleness and latency: trials of the model on all processors.

use std::ops::ControlFlow;

use anyhow::anyhow;
use quorate_workloads::pbs::{BLOCK_TRIALS, Model, ModelError, Prediction, Quorum, Trials};

use crate::{exit::ExitError, parallel::in_order};

/// How much is drawn, and by whom.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Decides what is drawn.
    pub seed: u64,
    /// How many trials.
    pub trials: u64,
    /// On how many threads. The answer is the same on any number.
    pub jobs: usize,
}

/// What the model says of each of these, in their order.
///
/// # Errors
/// If the model, or one of them, can't be.
pub fn predict(model: &Model, quorums: &[Quorum], effort: Effort) -> anyhow::Result<Vec<Prediction>> {
    let none = Trials::none(model, quorums).map_err(|why: ModelError| ExitError::usage(format!("predict: {why}")))?;
    let block_trials = u64::from(BLOCK_TRIALS);
    let blocks = effort.trials.div_ceil(block_trials);
    let draw = |block: u64| {
        let count = (effort.trials - block * block_trials).min(block_trials);
        let count = u32::try_from(count).expect("no more than a block");
        model.trials(effort.seed, block, count, &none)
    };
    let mut trials = none.clone();
    let mut failed = None;
    in_order(effort.jobs, blocks, &draw, &mut |_, drawn| match drawn {
        Ok(drawn) => {
            trials.extend(drawn);
            ControlFlow::Continue(())
        }
        Err(why) => {
            failed = Some(why);
            ControlFlow::Break(())
        }
    });
    match failed {
        None => Ok(Prediction::of(trials)),
        Some(why) => Err(anyhow!("predict: {why}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_threads_predicts_the_same() {
        let model = Model::fit("lnkd-ssd", 3).expect("a published fit");
        let quorums = [Quorum { r: 1, w: 1 }];
        let of = |jobs| {
            let effort = Effort {
                seed: 3,
                trials: u64::from(BLOCK_TRIALS) + 1000,
                jobs,
            };
            predict(&model, &quorums, effort).expect("it can be")
        };
        assert_eq!(of(1), of(3));
        assert_eq!(of(1)[0].trials, u64::from(BLOCK_TRIALS) + 1000);
    }
}
