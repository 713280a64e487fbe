//! What nodes still have to move, as they say themselves.

use quorate_core::{Standing, Status};

/// What is still moving, node by node, in words; nothing, if every node owns just what is placed on it, and all go by the
/// same records. Who has left is told nothing any more.
pub fn unmoved<'a>(statuses: impl Iterator<Item = &'a Status>) -> Vec<String> {
    let members: Vec<_> = statuses
        .filter(|status| status.moves.standing != Standing::Left)
        .collect();
    let own = members.iter().filter_map(|status| of_node(status));
    let mut epochs: Vec<_> = members.iter().map(|status| status.moves.epochs).collect();
    epochs.sort_unstable();
    epochs.dedup();
    let differ = (epochs.len() > 1).then(|| "not all go by the same records".to_owned());
    own.chain(differ).collect()
}

fn of_node(status: &Status) -> Option<String> {
    let moves = &status.moves;
    let counts = [
        (moves.gaining, "to gain"),
        (moves.losing, "to lose"),
        (moves.moving, "changing owners"),
        (moves.stray, "to drop"),
    ];
    let mut said: Vec<_> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if moves.standing != Standing::Normal {
        said.push(moves.standing.name().to_owned());
    }
    said.extend(moves.refused.clone());
    (!said.is_empty()).then(|| format!("{}: {}", status.name, said.join(", ")))
}

#[cfg(test)]
mod tests {
    use quorate_core::{Counters, Generation, MovesStatus, NodeId};

    use super::*;

    fn status(name: &str, standing: Standing, gaining: u16, epochs: u64) -> Status {
        Status {
            node: NodeId(1),
            name: name.to_owned(),
            generation: Generation(1),
            ring: None,
            isolated: false,
            moves: MovesStatus {
                standing,
                owned: 3,
                gaining,
                losing: 0,
                moving: gaining,
                stray: 0,
                epochs,
                refused: None,
            },
            members: Vec::new(),
            hints_pending: 0,
            behind: Vec::new(),
            coordinating: 0,
            persisting: 0,
            counters: Counters::default(),
        }
    }

    #[test]
    fn what_still_moves_is_said_node_by_node() {
        let at_rest = [status("n1", Standing::Normal, 0, 7), status("n2", Standing::Left, 0, 6)];
        assert_eq!(unmoved(at_rest.iter()), Vec::<String>::new());
        let moving = [
            status("n1", Standing::Normal, 0, 7),
            status("n6", Standing::Joining, 4, 8),
        ];
        assert_eq!(
            unmoved(moving.iter()),
            [
                "n6: 4 to gain, 4 changing owners, joining",
                "not all go by the same records"
            ]
        );
    }
}
