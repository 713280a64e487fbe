//! Laws that every kind of cell keeps, networks of copies held against the full causal history, and what goes wrong
//! where the rules that the documentation gives are broken.

mod laws;
mod lost;
mod network;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::*;
use crate::{Generation, NodeId, Value};

/// The first birth of a node.
pub(super) fn actor(node: u64) -> Actor {
    born(node, 1)
}

pub(super) fn born(node: u64, birth: u64) -> Actor {
    Actor {
        node: NodeId(node),
        generation: Generation(1),
        birth,
    }
}

pub(super) fn context(entries: &[(Actor, u64)]) -> Context {
    entries.iter().map(|(actor, n)| Dot { actor: *actor, n: *n }).collect()
}

pub(super) fn value(name: u8) -> Value {
    Value(vec![b'a' + name].into())
}

/// Of three actors, up to two dots each.
pub(super) fn any_context(rng: &mut Pcg64Mcg) -> Context {
    let entries = [born(1, 1), born(1, 2), born(2, 1)].map(|actor| Dot {
        actor,
        n: rng.random_range(0..3),
    });
    entries.into_iter().filter(|dot| dot.n > 0).collect()
}

pub(super) fn any_dot_within(context: &Context, rng: &mut Pcg64Mcg) -> Option<Dot> {
    let (actor, last) = context.iter().nth(rng.random_range(0..context.len().max(1)))?;
    let n = rng.random_range(1..=last);
    Some(Dot { actor, n })
}

pub(super) fn any_wall_time(rng: &mut Pcg64Mcg) -> Option<WallTime> {
    let nanos = rng.random_range(0..3);
    (nanos > 0).then(|| WallTime::from_nanos(nanos))
}

fn any(kind: Kind, rng: &mut Pcg64Mcg) -> Cell {
    match kind {
        Kind::Register => Cell::Register(Register::any(rng)),
        Kind::Siblings => Cell::Siblings(Siblings::any(rng)),
        Kind::Set => Cell::Set(Box::new(AddWinsSet::any(rng))),
        Kind::Counter => Cell::Counter(Counter::any(rng)),
        Kind::Cas => Cell::Cas(Box::new(CasRegister::any(rng))),
    }
}

fn merged(left: &Cell, right: &Cell) -> Cell {
    let mut merged = left.clone();
    merged.merge(right);
    merged
}

fn rng(seed: u64) -> Pcg64Mcg {
    Pcg64Mcg::seed_from_u64(seed)
}

#[test]
fn kinds_have_names() {
    for kind in Kind::ALL {
        assert_eq!(Kind::from_name(kind.name()), Some(kind));
        assert_eq!(any(kind, &mut rng(1)).kind(), kind);
    }
    assert_eq!(Kind::from_name("map"), None);
}

#[test]
#[should_panic(expected = "can't be merged")]
fn kinds_do_not_mix() {
    Cell::Set(Box::default()).merge(&Cell::Counter(Counter::new()));
}

#[test]
fn a_register_alone_has_a_version_and_a_time() {
    for kind in Kind::ALL {
        let cell = any(kind, &mut rng(2));
        assert_eq!(cell.version().is_some(), kind == Kind::Register);
        assert_eq!(cell.time() > 0, kind == Kind::Register);
    }
}

fn siblings_of(count: usize, value: &Value) -> Cell {
    let mut siblings = Siblings::new();
    for _ in 0..count {
        siblings.put(actor(1), &Context::new(), value.clone());
    }
    Cell::Siblings(siblings)
}

#[test]
fn a_value_of_the_largest_size_fits_whatever_has_been_seen_beside_it() {
    let births = 1..=u64::try_from(ACTORS_MAX).unwrap();
    let seen = births
        .map(|birth| Dot {
            actor: born(1, birth),
            n: 1,
        })
        .collect();
    let fits = |length: usize| {
        let mut siblings = Siblings::new();
        siblings.put(actor(1), &seen, Value(vec![0; length].into()));
        Cell::Siblings(siblings).is_valid()
    };
    assert!(fits(VALUE_BYTES_MAX));
    assert!(!fits(VALUE_BYTES_MAX + 1));
}

#[test]
fn values_side_by_side_have_limits() {
    assert!(siblings_of(SIBLINGS_MAX, &value(1)).is_valid());
    assert!(!siblings_of(SIBLINGS_MAX + 1, &value(1)).is_valid());
    let half = Value(vec![0; VALUE_BYTES_MAX / 2].into());
    assert!(siblings_of(2, &half).is_valid());
    assert!(!siblings_of(3, &half).is_valid());
}

#[test]
fn two_valid_cells_can_make_one_that_is_too_large_and_a_write_makes_it_small_again() {
    let large = Value(vec![0; VALUE_BYTES_MAX].into());
    let [mut left, mut right] = [Siblings::new(), Siblings::new()];
    left.put(actor(1), &Context::new(), large.clone());
    right.put(actor(2), &Context::new(), large);
    let mut both = left.clone();
    both.merge(&right);
    assert!(!Cell::Siblings(both.clone()).is_valid());
    left.put(actor(1), both.context(), value(1));
    right.merge(&left);
    assert_eq!(right, left);
    assert!(Cell::Siblings(right).is_valid());
}

#[test]
fn a_size_is_about_what_is_held() {
    let size = |length: usize| siblings_of(1, &Value(vec![0; length].into())).size_bytes();
    assert_eq!(size(1000) - size(0), 1000);
    assert!(size(0) < 100);
}
