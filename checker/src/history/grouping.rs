//! Things grouped by a small number, in linear space and time.

/// For each group, the indices of its members in their original order. Two arrays, whatever the number of groups.
#[derive(Clone, Debug)]
pub(super) struct Grouping {
    /// Where each group begins in `members`, and one past the last.
    starts: Vec<u32>,
    members: Vec<u32>,
}

impl Grouping {
    /// Groups the items `0..` by the group that `groups` yields for each: a counting sort.
    pub(super) fn new(group_count: usize, groups: impl Iterator<Item = usize> + Clone) -> Self {
        let mut starts = vec![0u32; group_count + 1];
        for group in groups.clone() {
            starts[group + 1] += 1;
        }
        for group in 0..group_count {
            starts[group + 1] += starts[group];
        }
        let mut next = starts.clone();
        let mut members = vec![0u32; starts[group_count] as usize];
        for (member, group) in groups.enumerate() {
            members[next[group] as usize] = member as u32;
            next[group] += 1;
        }
        assert!(
            next[..group_count] == starts[1..],
            "every group is as full as it was counted"
        );
        Self { starts, members }
    }

    pub(super) fn of(&self, group: usize) -> impl DoubleEndedIterator<Item = usize> + ExactSizeIterator + Clone {
        let range = self.starts[group] as usize..self.starts[group + 1] as usize;
        self.members[range].iter().map(|&member| member as usize)
    }
}
