//! How far behind each read was: how many versions of its key had been acknowledged before it began that are newer than what it
//! returned. Of registers alone, and only where the store tells versions.

use std::collections::HashMap;

use quorate_checker::{Action, History, Op, Version};

/// By the number of a read.
#[derive(Debug, Default)]
pub(super) struct Staleness(HashMap<u64, u64>);

impl Staleness {
    pub(super) fn of(history: &History) -> Staleness {
        let mut behind = HashMap::new();
        for key in history.keys() {
            let ops: Vec<&Op> = history.ops_of(key).collect();
            of_key(history, &ops, &mut behind);
        }
        Staleness(behind)
    }

    pub(super) fn of_read(&self, read: &Op) -> Option<u64> {
        self.0.get(&read.index).copied()
    }
}

fn of_key(history: &History, ops: &[&Op], behind: &mut HashMap<u64, u64>) {
    let is_of_register = |op: &&&Op| matches!(op.action, Action::Write | Action::Delete | Action::Cas);
    let writes = ops.iter().filter(|op| op.action.is_write());
    if writes
        .clone()
        .any(|op| !is_of_register(&op) && op.action != Action::CasMismatch)
    {
        return;
    }
    let mut acked: Vec<&Op> = writes.filter(|op| op.is_acked_write()).copied().collect();
    if acked.iter().any(|op| op.version.is_none()) {
        return;
    }
    let has_deletes = acked.iter().any(|op| op.action == Action::Delete);
    acked.sort_by_key(|op| op.end);
    let mut acked = acked.into_iter().peekable();
    let mut versions: Vec<Version> = Vec::new();
    for read in ops.iter().filter(|op| op.is_ok_read()) {
        while let Some(write) = acked.next_if(|write| write.end < read.start) {
            let version = history.version(write.version.expect("each has one"));
            // Nearly always the newest of all.
            let place = versions.partition_point(|other| *other <= version);
            versions.insert(place, version);
        }
        let newer = match read.version.map(|version| history.version(version)) {
            Some(version) => versions.len() - versions.partition_point(|other| *other <= version),
            None if has_deletes => continue,
            None => versions.len(),
        };
        behind.insert(read.index, newer as u64);
    }
}

#[cfg(test)]
mod tests {
    use quorate_checker::{Event, EventKind, HistoryBuilder};

    use super::*;

    #[test]
    fn only_what_was_acknowledged_before_a_read_began_can_be_missed_by_it() {
        let mut builder = HistoryBuilder::new();
        let mut index = 0;
        let mut push = |event: Event| {
            let event = Event {
                index,
                time_ns: index,
                ..event
            };
            index += 1;
            builder.push(event.clone()).expect("in order");
            event
        };
        for version in 1..=3u64 {
            let write = push(Event::write(0, "k", i64::try_from(version).expect("small")));
            push(Event {
                version: Some(Version::from(version)),
                ..write.completion(EventKind::Ok)
            });
        }
        let mut reads = Vec::new();
        for version in [3u64, 1] {
            let read = push(Event::read(1, "k"));
            let value = i64::try_from(version).expect("small").into();
            push(Event {
                version: Some(Version::from(version)),
                value,
                ..read.completion(EventKind::Ok)
            });
            reads.push(read.index);
        }
        let nothing = push(Event::read(1, "k"));
        push(nothing.completion(EventKind::Ok));
        // A write that ends only after the read has begun is not missed.
        let write = push(Event::write(0, "k", 4));
        let late = push(Event::read(1, "k"));
        push(Event {
            version: Some(Version::from(4)),
            ..write.completion(EventKind::Ok)
        });
        push(Event {
            version: Some(Version::from(3)),
            value: 3.into(),
            ..late.completion(EventKind::Ok)
        });
        let staleness = Staleness::of(&builder.finish());
        let of = |index: u64| staleness.0.get(&index).copied();
        let reads = [reads[0], reads[1], nothing.index, late.index].map(of);
        assert_eq!(reads, [Some(0), Some(2), Some(3), Some(0)]);
    }
}
