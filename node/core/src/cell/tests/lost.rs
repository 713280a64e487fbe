//! What is lost, and what comes back, where a copy is lost or a context cut; and what isn't, where the rules are kept.

use super::*;

fn siblings_with(puts: &[(Actor, &Context, u8)]) -> Siblings {
    let mut siblings = Siblings::new();
    for (actor, seen, name) in puts {
        siblings.put(*actor, seen, value(*name));
    }
    siblings
}

fn values(siblings: &Siblings) -> Vec<Value> {
    siblings.values().map(|(_, value)| value.clone()).collect()
}

fn both(left: &Siblings, right: &Siblings) -> Siblings {
    let mut both = left.clone();
    both.merge(right);
    both
}

fn at(nanos: u64) -> WallTime {
    WallTime::from_nanos(nanos)
}

/// What an owner has that wrote `a` three times, each in place of the last.
fn written_thrice(actor: Actor) -> Siblings {
    let mut siblings = Siblings::new();
    for _ in 0..3 {
        let seen = siblings.context().clone();
        siblings.put(actor, &seen, value(0));
    }
    siblings
}

/// kv679 in Riak; X4 in CLAIMS.md.
#[test]
fn a_new_birth_keeps_what_an_owner_writes_after_it_lost_its_copy() {
    let kept_by_b = written_thrice(born(1, 1));
    let by_a = siblings_with(&[(born(1, 2), &Context::new(), 1)]);
    assert_eq!(values(&both(&kept_by_b, &by_a)), [value(0), value(1)]);
}

#[test]
fn without_a_new_birth_the_new_write_is_taken_for_one_seen_before_and_lost() {
    let kept_by_b = written_thrice(actor(1));
    let by_a = siblings_with(&[(actor(1), &Context::new(), 1)]);
    assert_eq!(values(&both(&kept_by_b, &by_a)), [value(0)]);
}

#[test]
fn without_a_new_birth_many_new_writes_hide_the_old_one_that_they_never_saw() {
    let kept_by_b = siblings_with(&[(actor(1), &Context::new(), 0)]);
    let mut by_a = Siblings::new();
    let first = by_a.put(actor(1), &Context::new(), value(1));
    by_a.put(actor(1), &[first].into_iter().collect(), value(2));
    assert_eq!(
        values(&both(&kept_by_b, &by_a)),
        [value(2)],
        "value 0 is gone, though no client replaced it"
    );

    let mut by_a = Siblings::new();
    let first = by_a.put(born(1, 2), &Context::new(), value(1));
    by_a.put(born(1, 2), &[first].into_iter().collect(), value(2));
    assert_eq!(values(&both(&kept_by_b, &by_a)), [value(0), value(2)]);
}

#[test]
fn without_a_new_birth_one_dot_names_two_values_and_one_of_them_is_lost() {
    let by_the_lost = siblings_with(&[(actor(1), &Context::new(), 0)]);
    let by_a = siblings_with(&[(actor(1), &Context::new(), 1)]);
    assert_eq!(values(&both(&by_the_lost, &by_a)), [value(1)]);
    assert_eq!(both(&by_the_lost, &by_a), both(&by_a, &by_the_lost));
}

#[test]
fn a_set_and_a_counter_need_births_too() {
    for (birth, elements, sum) in [(2, 2, 7), (1, 1, 5)] {
        let (mut kept, mut afresh) = (AddWinsSet::new(), AddWinsSet::new());
        kept.add(born(1, 1), value(0));
        kept.add(born(1, 1), value(0));
        afresh.add(born(1, birth), value(1));
        kept.merge(&afresh);
        assert_eq!(kept.elements().len(), elements, "birth {birth}");

        let (mut kept, mut afresh) = (Counter::new(), Counter::new());
        kept.add(born(1, 1), 2).unwrap();
        kept.add(born(1, 1), 3).unwrap();
        afresh.add(born(1, birth), 2).unwrap();
        kept.merge(&afresh);
        assert_eq!(kept.value(), sum, "birth {birth}");
    }
}

/// kv679_tombstone in Riak; X7 and X8 in CLAIMS.md.
#[test]
fn a_tombstone_that_comes_back_after_it_was_reaped_drops_only_what_it_saw() {
    for (birth, left) in [(2, vec![value(1)]), (1, vec![])] {
        let mut kept_by_fallback = siblings_with(&[(born(1, 1), &Context::new(), 0)]);
        let seen = kept_by_fallback.context().clone();
        kept_by_fallback.delete(&seen, at(1));
        let afresh = siblings_with(&[(born(1, birth), &Context::new(), 1)]);
        assert_eq!(values(&both(&afresh, &kept_by_fallback)), left, "birth {birth}");
    }
}

#[test]
fn a_truncated_client_context_makes_a_false_sibling() {
    let before = siblings_with(&[(actor(1), &Context::new(), 0)]);
    let mut seen = before.context().clone();
    seen.merge(&context(&[(born(2, 2), 1), (born(3, 2), 1)]));

    let mut replaced = before.clone();
    replaced.put(actor(1), &seen, value(1));
    assert_eq!(values(&replaced), [value(1)]);

    let mut beside = before;
    beside.put(actor(1), &seen.truncated(2), value(1));
    assert_eq!(
        values(&beside),
        [value(0), value(1)],
        "value 0 had been seen, and is still there"
    );
}

#[test]
fn a_truncated_copy_takes_replaced_and_deleted_values_back() {
    let stale = siblings_with(&[(actor(1), &Context::new(), 0)]);
    let mut deleted = stale.clone();
    deleted.delete(stale.context(), at(1));
    let mut replaced = deleted.clone();
    replaced.put(born(2, 2), &Context::new(), value(1));
    replaced.put(born(2, 3), &Context::new(), value(1));
    assert_eq!(values(&both(&replaced, &stale)).len(), 2);

    let seen = replaced.context().clone();
    replaced.put(born(2, 3), &seen, value(2));
    replaced.truncate_context(1);
    assert!(replaced.is_valid());
    assert_eq!(values(&replaced), [value(2)]);
    assert_eq!(
        values(&both(&replaced, &stale)),
        [value(0), value(2)],
        "what was deleted is back"
    );

    let seen = replaced.context().clone();
    replaced.delete(&seen, at(2));
    replaced.truncate_context(0);
    assert_eq!(values(&both(&replaced, &stale)), [value(0)]);
}

#[test]
fn truncation_keeps_what_live_values_need() {
    let mut siblings = siblings_with(&[(actor(1), &Context::new(), 0), (born(2, 2), &Context::new(), 1)]);
    siblings.truncate_context(0);
    assert!(siblings.is_valid());
    assert_eq!(values(&siblings), [value(0), value(1)]);
}

#[test]
fn siblings_are_a_tombstone_once_nothing_is_live_and_no_more_when_something_is() {
    let mut siblings = siblings_with(&[(actor(1), &Context::new(), 0)]);
    assert_eq!(siblings.deleted_at(), None);
    let seen = siblings.context().clone();
    let concurrent = siblings_with(&[(actor(2), &Context::new(), 1)]);

    siblings.delete(&seen, at(5));
    assert_eq!(siblings.deleted_at(), Some(at(5)));
    siblings.delete(&seen, at(3));
    assert_eq!(siblings.deleted_at(), Some(at(5)), "the later of two");

    siblings.merge(&concurrent);
    assert_eq!(values(&siblings), [value(1)], "the deletion had not seen it");
    assert_eq!(siblings.deleted_at(), None);
    siblings.delete(concurrent.context(), at(7));
    assert_eq!(siblings.deleted_at(), Some(at(7)));
    assert_eq!(Cell::Siblings(siblings).deleted_at(), Some(at(7)));
}

#[test]
fn a_client_replaces_what_it_saw_elsewhere() {
    let elsewhere = siblings_with(&[(actor(1), &Context::new(), 0), (actor(1), &Context::new(), 1)]);
    let mut here = Siblings::new();
    here.put(actor(2), elsewhere.context(), value(2));
    here.merge(&elsewhere);
    assert_eq!(values(&here), [value(2)]);
}

#[test]
fn a_set_is_a_tombstone_while_it_has_no_element() {
    let mut set = AddWinsSet::new();
    assert_eq!(set.deleted_at(), None);
    set.add(actor(1), value(0));
    set.add(actor(1), value(1));
    let seen = set.context().clone();
    set.remove(&value(0), &seen, at(5));
    assert_eq!(set.deleted_at(), None);
    set.remove(&value(1), &seen, at(4));
    assert_eq!(set.deleted_at(), Some(at(5)));
    set.add(actor(1), value(0));
    assert_eq!(set.deleted_at(), None);
}

#[test]
fn an_addition_wins_over_a_removal_that_had_not_seen_it() {
    let mut set = AddWinsSet::new();
    set.add(actor(1), value(0));
    let seen = set.context().clone();
    let mut there = set.clone();
    there.add(actor(2), value(0));
    set.remove(&value(0), &seen, at(1));
    assert!(!set.contains(&value(0)));
    set.merge(&there);
    assert!(set.contains(&value(0)));
}

#[test]
fn a_removal_at_an_owner_that_lags_takes_effect_later_and_on_its_element_alone() {
    let mut there = AddWinsSet::new();
    there.add(actor(1), value(0));
    there.add(actor(1), value(1));
    let mut here = AddWinsSet::new();
    here.remove(&value(0), there.context(), at(1));
    assert!(here.context().is_empty() && here.awaits_anything());

    here.merge(&there);
    assert_eq!(here.elements().collect::<Vec<_>>(), [&value(1)]);
    assert!(!here.awaits_anything() && here.is_valid());
}
