//! What Jepsen's checks look for, as naively as it can be said. Each returns how many it finds, under the names of
//! the findings, or nothing where the history does not tell.

use std::collections::{BTreeMap, BTreeSet};

use quorate_checker::{Call, Datum, Outcome, Transcript};

/// Counts by the names of findings, and whether the history is valid.
pub(super) struct Judgement {
    pub(super) counts: Vec<(&'static str, u64)>,
    pub(super) is_valid: Option<bool>,
}

/// Judges by the definition of the check that `command` names.
pub(super) fn judge(command: &str, transcript: &Transcript) -> Judgement {
    let calls = transcript.calls();
    match command {
        "set" => set(calls),
        "set-full" => set_full(calls, false),
        "set-full linearizable" => set_full(calls, true),
        "counter" => counter(calls),
        "total-queue" => total_queue(calls),
        "unique-ids" => unique_ids(calls),
        "bank total 30 accounts 3" => bank(calls),
        "long-fork" => long_fork(calls),
        "causal-reverse" => causal_reverse(calls),
        _ => panic!("no definition is called {command}"),
    }
}

fn judgement(counts: Vec<(&'static str, u64)>, claimed: &[&str], is_known: bool) -> Judgement {
    let is_broken = counts.iter().any(|(name, count)| claimed.contains(name) && *count > 0);
    Judgement {
        is_valid: if is_broken {
            Some(false)
        } else {
            Some(true).filter(|_| is_known)
        },
        counts,
    }
}

fn count<T>(items: impl IntoIterator<Item = T>, is_counted: impl Fn(&T) -> bool) -> u64 {
    items.into_iter().filter(|item| is_counted(item)).count() as u64
}

fn of<'t>(calls: &'t [Call], function: &'t str) -> impl Iterator<Item = &'t Call> + Clone {
    calls.iter().filter(move |call| *call.function == *function)
}

fn ok_reads(calls: &[Call]) -> Vec<&Call> {
    of(calls, "read").filter(|call| call.is_ok()).collect()
}

fn items(read: &Call) -> BTreeSet<&Datum> {
    read.answered
        .items()
        .expect("reads return collections")
        .iter()
        .collect()
}

fn adds<'t>(calls: &'t [Call], element: &'t Datum) -> impl Iterator<Item = &'t Call> + Clone {
    of(calls, "add").filter(move |add| add.asked == *element)
}

/// Whether nobody had meant to add it when `read` ended; failures are another matter.
fn is_unexpected(calls: &[Call], element: &Datum, read: &Call) -> bool {
    let mut possible = adds(calls, element).filter(|add| add.is_possible());
    match possible.next() {
        Some(_) => !adds(calls, element).any(|add| add.is_possible() && add.start < read.end),
        None => adds(calls, element).next().is_none(),
    }
}

fn is_failed(calls: &[Call], element: &Datum) -> bool {
    adds(calls, element).next().is_some() && !adds(calls, element).any(Call::is_possible)
}

fn set(calls: &[Call]) -> Judgement {
    let elements: BTreeSet<&Datum> = of(calls, "add").map(|add| &add.asked).collect();
    let Some(last) = ok_reads(calls).into_iter().max_by_key(|read| read.end) else {
        return judgement(Vec::new(), &[], false);
    };
    let read = items(last);
    let is_lost = |element: &&&Datum| {
        let is_acked = adds(calls, element).any(|add| add.is_ok() && add.precedes(last));
        is_acked && !read.contains(**element)
    };
    let counts = vec![
        ("lost", count(&elements, is_lost)),
        ("unexpected", count(&read, |it| is_unexpected(calls, it, last))),
        ("failed-visible", count(&read, |it| is_failed(calls, it))),
    ];
    judgement(counts, &["lost", "unexpected", "failed-visible"], true)
}

fn set_full(calls: &[Call], is_linearizable: bool) -> Judgement {
    let reads = ok_reads(calls);
    let attempted: BTreeSet<&Datum> = of(calls, "add").map(|add| &add.asked).collect();
    let returned: BTreeSet<&Datum> = reads.iter().flat_map(|read| items(read)).collect();
    let (mut stable, mut lost, mut stale, mut never_read) = (0, 0, 0, 0);
    for element in attempted.into_iter().filter(|it| !is_failed(calls, it)) {
        let begin = adds(calls, element)
            .filter(|add| add.is_possible())
            .map(|add| add.start)
            .min();
        let reads = reads.iter().filter(|read| begin.is_some_and(|begin| begin < read.end));
        let (present, absent): (Vec<&Call>, Vec<&Call>) = reads.partition(|read| items(read).contains(element));
        let acked = adds(calls, element).filter(|add| add.is_ok());
        let known = acked.chain(present.iter().copied()).map(|call| call.end).min();
        let last_present = present.iter().map(|read| read.start).max();
        let last_absent = absent.iter().map(|read| read.start).max();
        let is_missed = known.is_some() && last_absent > known;
        if last_present.is_some() && last_present > last_absent {
            stable += 1;
            stale += u64::from(is_missed);
        } else if is_missed {
            lost += 1;
        } else {
            never_read += 1;
        }
    }
    let is_duplicated = |element: &&&Datum| {
        let copies = |read: &&Call| count(read.answered.items().unwrap_or_default(), |it| *it == **element);
        reads.iter().any(|read| copies(read) > 1)
    };
    let is_unexpected = |element: &&&Datum| {
        let mut with = reads.iter().filter(|read| items(read).contains(**element));
        with.any(|read| is_unexpected(calls, element, read))
    };
    let counts = vec![
        ("lost", lost),
        ("stale", stale),
        ("duplicated", count(&returned, is_duplicated)),
        ("unexpected", count(&returned, is_unexpected)),
        ("failed-visible", count(&returned, |it| is_failed(calls, it))),
        ("never-read", never_read),
    ];
    let mut claimed = vec!["lost", "duplicated", "unexpected", "failed-visible"];
    claimed.extend(is_linearizable.then_some("stale"));
    judgement(counts, &claimed, lost + stable > 0)
}

fn counter(calls: &[Call]) -> Judgement {
    let number = |datum: &Datum| datum.as_int().expect("counters are of integers");
    let is_wrong = |read: &&Call| {
        let (mut least, mut greatest) = (0, 0);
        for add in of(calls, "add").filter(|add| add.is_possible() && add.start < read.end) {
            let delta = number(&add.asked);
            let is_certain = add.is_ok() && add.precedes(read);
            least += if is_certain { delta } else { delta.min(0) };
            greatest += if is_certain { delta } else { delta.max(0) };
        }
        !(least..=greatest).contains(&number(&read.answered))
    };
    let counts = vec![("bounds", count(ok_reads(calls), is_wrong))];
    judgement(counts, &["bounds"], true)
}

fn total_queue(calls: &[Call]) -> Judgement {
    let takes = of(calls, "dequeue")
        .chain(of(calls, "drain"))
        .filter(|call| call.is_ok());
    let taken: Vec<(&Call, &Datum)> = takes
        .flat_map(|call| match call.answered.items() {
            Some(items) => items.iter().map(|item| (call, item)).collect(),
            None if call.answered.is_nil() => Vec::new(),
            None => vec![(call, &call.answered)],
        })
        .collect();
    let enqueues = |element: &Datum| {
        let element = element.clone();
        of(calls, "enqueue").filter(move |call| call.asked == element)
    };
    let elements: BTreeSet<&Datum> = of(calls, "enqueue").map(|call| &call.asked).collect();
    let (mut missing, mut duplicated) = (0, 0);
    for element in elements {
        let out = count(&taken, |(_, it)| *it == element);
        missing += count(enqueues(element), |call| call.is_ok()).saturating_sub(out);
        duplicated += out.saturating_sub(enqueues(element).count() as u64);
    }
    let crashed = |function| count(of(calls, function), |call| call.outcome == Outcome::Info);
    let surely = if crashed("drain") > 0 {
        0
    } else {
        missing.saturating_sub(crashed("dequeue"))
    };
    let is_possible = |element: &Datum| enqueues(element).any(|call| call.is_possible());
    let is_early = |take: &Call, element: &Datum| {
        let mut possible = enqueues(element).filter(|call| call.is_possible());
        is_possible(element) && possible.all(|call| take.precedes(call))
    };
    let is_failed = |element: &Datum| enqueues(element).next().is_some() && !is_possible(element);
    let is_unexpected = |element: &Datum| enqueues(element).next().is_none();
    let counts = vec![
        ("lost", surely),
        (
            "unexpected",
            count(&taken, |(take, it)| is_early(take, it) || is_unexpected(it)),
        ),
        ("failed-visible", count(&taken, |(_, it)| is_failed(it))),
        ("duplicated", duplicated),
    ];
    let is_known = missing == 0 || crashed("drain") + crashed("dequeue") == 0;
    judgement(counts, &["lost", "unexpected", "failed-visible"], is_known)
}

fn unique_ids(calls: &[Call]) -> Judgement {
    let given: Vec<&Datum> = calls
        .iter()
        .filter(|call| call.is_ok())
        .map(|call| &call.answered)
        .collect();
    let ids: BTreeSet<&Datum> = given.iter().copied().collect();
    let duplicated = count(ids, |id| count(&given, |it| *it == id) > 1);
    judgement(vec![("duplicated", duplicated)], &["duplicated"], true)
}

fn bank(calls: &[Call]) -> Judgement {
    let mut counts = BTreeMap::<&'static str, u64>::new();
    for read in ok_reads(calls) {
        let balances: BTreeMap<&Datum, Option<i64>> = read
            .answered
            .entries()
            .expect("reads return balances")
            .iter()
            .map(|(account, balance)| (account, balance.as_int()))
            .collect();
        let accounts: Vec<Datum> = (0..3).map(Datum::Int).collect();
        let balance_of = |account| balances.get(account).copied().flatten();
        let kind = if balances.keys().any(|account| !accounts.contains(account)) {
            "unexpected-account"
        } else if accounts.iter().any(|account| balance_of(account).is_none()) {
            "missing-account"
        } else if accounts.iter().filter_map(balance_of).sum::<i64>() != 30 {
            "wrong-total"
        } else if accounts.iter().filter_map(balance_of).any(|balance| balance < 0) {
            "negative-balance"
        } else {
            continue;
        };
        *counts.entry(kind).or_default() += 1;
    }
    let names = [
        "unexpected-account",
        "missing-account",
        "wrong-total",
        "negative-balance",
    ];
    let counts = names.map(|name| (name, counts.get(name).copied().unwrap_or(0)));
    judgement(counts.into(), &names, true)
}

fn long_fork(calls: &[Call]) -> Judgement {
    let found = |read: &Call| -> BTreeMap<Datum, bool> {
        let steps = read.answered.items().expect("reads return steps").iter();
        let steps = steps.map(|step| step.items().expect("a step is a list"));
        steps.map(|step| (step[1].clone(), !step[2].is_nil())).collect()
    };
    let reads: Vec<BTreeMap<Datum, bool>> = ok_reads(calls).into_iter().map(found).collect();
    let mut forked = BTreeSet::new();
    for (a, b) in reads.iter().flat_map(|a| reads.iter().map(move |b| (a, b))) {
        let sees_more =
            |a: &BTreeMap<Datum, bool>, b: &BTreeMap<Datum, bool>| a.iter().any(|(key, seen)| *seen && !b[key]);
        if a.keys().eq(b.keys()) && sees_more(a, b) && sees_more(b, a) {
            forked.insert(a.keys().collect::<Vec<_>>());
        }
    }
    judgement(vec![("long-fork", forked.len() as u64)], &["long-fork"], true)
}

fn causal_reverse(calls: &[Call]) -> Judgement {
    let writes = |element: &Datum| {
        let element = element.clone();
        of(calls, "write").filter(move |write| write.asked == element)
    };
    let mut is_known = true;
    let is_made = |element: &Datum| writes(element).any(|write| write.is_possible());
    let is_wrong = |read: &&Call| {
        let seen = items(read);
        let missed = of(calls, "write").filter(|write| write.is_ok() && !seen.contains(&write.asked));
        // Of a write that was made twice either may be the one that is seen.
        let reverses = |missed: &Call, seen: &Datum| {
            is_made(seen)
                && writes(seen)
                    .filter(|write| write.is_possible())
                    .all(|write| missed.precedes(write))
        };
        missed
            .clone()
            .any(|missed| seen.iter().any(|seen| reverses(missed, seen)))
    };
    for read in ok_reads(calls) {
        is_known &= items(read).into_iter().all(is_made);
    }
    let counts = vec![("causal-reverse", count(ok_reads(calls), is_wrong))];
    judgement(counts, &["causal-reverse"], is_known)
}
