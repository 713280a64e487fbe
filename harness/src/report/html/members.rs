//! Who was in the cluster, as what, and when: a lane for each node, and the same in words.

use serde::Serialize;

use super::{
    Left,
    markup::{row, table},
};
use crate::{
    attendance::{self, Process, Role, Stay},
    fault::Fault,
};

/// A node's lane.
#[derive(Debug, Serialize)]
pub(super) struct Lane {
    node: String,
    stays: Vec<StayShown>,
}

#[derive(Debug, Serialize)]
struct StayShown {
    start_ns: u64,
    end_ns: Option<u64>,
    role: Role,
    process: Process,
    words: String,
}

/// The lanes, node by node; none of what is no run, or of one that recorded nothing of them.
pub(super) fn lanes(left: &Left) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::new();
    for stay in attendance::stays(&left.attendance) {
        if lanes.last().is_none_or(|lane| lane.node != stay.node) {
            lanes.push(Lane {
                node: stay.node.clone(),
                stays: Vec::new(),
            });
        }
        let lane = lanes.last_mut().expect("there is one");
        lane.stays.push(StayShown {
            start_ns: stay.start_ns,
            end_ns: stay.end_ns,
            role: stay.role,
            process: stay.process,
            words: words(&stay, left),
        });
    }
    lanes
}

/// What a node was, and who took whose place.
fn words(stay: &Stay, left: &Left) -> String {
    let hits = left.faults.iter().flat_map(|faults| faults.hits());
    let mut places = hits.filter_map(|(fault, ..)| match fault {
        Fault::Replace { node, by } | Fault::LostDisk { node, by, .. } => Some((node.to_string(), by.to_string())),
        _ => None,
    });
    let found = match stay.role {
        Role::Removed => places.find(|(gone, _)| *gone == stay.node),
        Role::Joining => places.find(|(_, by)| *by == stay.node),
        _ => None,
    };
    match found {
        Some((_, by)) if stay.role == Role::Removed => format!("replaced by {by}"),
        Some((gone, _)) => stay.words().replacen("joining", &format!("replacing {gone}"), 1),
        None => stay.words(),
    }
}

/// The same as a table, for those who see no lanes.
pub(super) fn in_words(left: &Left) -> String {
    let lanes = lanes(left);
    if lanes.is_empty() {
        return String::new();
    }
    let seconds = |ns: u64| format!("{:.3} s", ns as f64 / 1e9);
    let mut rows = String::new();
    for lane in &lanes {
        for (number, stay) in lane.stays.iter().enumerate() {
            let name = if number == 0 { &*lane.node } else { "" };
            let until = stay.end_ns.map_or_else(|| "the end".to_owned(), seconds);
            rows += &row(&[&name, &seconds(stay.start_ns), &until, &stay.words]);
        }
    }
    format!(
        "<details id=\"members-in-words\"><summary>Members in words</summary>{}</details>\n",
        table("Members", &["Node", "From", "Until", "Was"], &rows)
    )
}
