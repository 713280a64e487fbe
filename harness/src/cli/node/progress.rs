//! How far a node has come with what it gains and gives up, in a view; and waiting for it.

use std::{fmt::Write, io::Write as _, time::Duration};

use anyhow::bail;
use quorate_core::{MovesStatus, Standing, Status};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::connect::Conversation;
use crate::duration;

/// Between two looks while something is waited for.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// How long owners must not have been changing where no node alone knows when all is done.
const QUIET: Duration = Duration::from_secs(5);

/// Until when a change is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// The node has left.
    Left,
    /// The node owns its share.
    Owned,
    /// No owners have been changing for a while, as far as the node knows.
    Quiet,
}

/// Waits for it, if there is something to wait for, for as long as an answer may take, and says how the node is then. Each
/// step on the way is told on stderr.
///
/// # Errors
/// As any question, and if it takes longer.
pub(super) async fn follow(node: &Conversation, wait: Option<Wait>) -> anyhow::Result<Status> {
    let deadline = Instant::now() + node.timeout();
    let (mut told, mut quiet_since) = (None, Instant::now());
    loop {
        let status = node.status().await?;
        let Some(wait) = wait else {
            return Ok(status);
        };
        if !is_at_rest(&status.moves) {
            quiet_since = Instant::now();
        }
        let is_over = match wait {
            Wait::Left => status.moves.standing == Standing::Left,
            Wait::Owned => is_at_rest(&status.moves),
            Wait::Quiet => quiet_since.elapsed() >= QUIET,
        };
        if is_over {
            return Ok(status);
        }
        if wait == Wait::Left && status.moves.standing == Standing::Normal {
            bail!("leave: too many leave at once, and this node stays; ask again when the others have left");
        }
        if Instant::now() >= deadline {
            let (span, line) = (duration::format(node.timeout()), line(&status.moves));
            bail!("see it done within {span}; it goes on: {line}");
        }
        if told.as_ref() != Some(&status.moves) {
            // Somebody who does not listen any more loses nothing but the news.
            let _ = writeln!(std::io::stderr(), "{}", line(&status.moves));
            told = Some(status.moves);
        }
        sleep(LOOK_INTERVAL).await;
    }
}

fn is_at_rest(moves: &MovesStatus) -> bool {
    moves.gaining == 0 && moves.losing == 0 && moves.moving == 0 && moves.stray == 0
}

/// How far it has come, in a line.
pub(super) fn line(moves: &MovesStatus) -> String {
    let MovesStatus {
        standing,
        owned,
        gaining,
        losing,
        moving,
        stray,
        ..
    } = moves;
    format!(
        "{}: holds {owned} partitions, {gaining} to gain, {losing} to lose, {stray} to drop; {moving} are moving",
        standing.name()
    )
}

/// As lines of a view.
pub(super) fn text(moves: &MovesStatus) -> String {
    let mut out = String::new();
    let said = line(moves);
    let (standing, counts) = said.split_once(": ").expect("just written");
    let _ = writeln!(out, "standing {standing}");
    let _ = writeln!(out, "moves    {counts}");
    if let Some(why) = &moves.refused {
        let _ = writeln!(out, "refused  {why}");
    }
    out
}

pub(super) fn json(moves: &MovesStatus) -> Value {
    json!({
        "standing": moves.standing.name(),
        "owned": moves.owned,
        "gaining": moves.gaining,
        "losing": moves.losing,
        "moving": moves.moving,
        "stray": moves.stray,
        "epochs": format!("{:016x}", moves.epochs),
        "refused": moves.refused,
    })
}
