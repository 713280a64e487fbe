//! Merging is a join, whatever valid cells meet: also such as honest nodes never make.

use std::collections::BTreeMap;

use super::*;
use crate::Version;

const CASES: u32 = 4000;

/// Calls `law` with cells of each kind, each time with three of one.
fn for_any_three(seed: u64, law: impl Fn(&Cell, &Cell, &Cell)) {
    for kind in Kind::ALL {
        let mut rng = rng(seed);
        for _ in 0..CASES {
            let [a, b, c] = [(); 3].map(|()| any(kind, &mut rng));
            law(&a, &b, &c);
        }
    }
}

#[test]
fn merging_is_commutative() {
    for_any_three(1, |a, b, _| assert_eq!(merged(a, b), merged(b, a)));
}

#[test]
fn merging_is_associative() {
    for_any_three(2, |a, b, c| {
        assert_eq!(merged(&merged(a, b), c), merged(a, &merged(b, c)));
    });
}

#[test]
fn merging_is_idempotent() {
    for_any_three(3, |a, b, _| {
        assert_eq!(merged(a, a), *a);
        let both = merged(a, b);
        assert_eq!(merged(&both, a), both);
        assert_eq!(merged(&both, b), both);
    });
}

#[test]
fn merging_says_whether_it_changed_anything_and_covering_foretells_it() {
    for_any_three(4, |a, b, _| {
        let mut both = a.clone();
        let changed = both.merge(b);
        assert_eq!(changed, both != *a);
        assert_eq!(a.covers(b), !changed, "{a:?} {b:?}");
        assert!(both.covers(a) && both.covers(b));
    });
}

#[test]
fn merging_valid_cells_makes_valid_ones() {
    for_any_three(5, |a, b, c| {
        assert!(a.is_valid(), "{a:?}");
        assert!(merged(&merged(a, b), c).is_valid(), "{a:?} {b:?} {c:?}");
    });
}

#[test]
fn fingerprints_are_equal_however_a_cell_came_to_be() {
    for_any_three(6, |a, b, _| {
        assert_eq!(merged(a, b).fingerprint(b"k"), merged(b, a).fingerprint(b"k"));
        assert_ne!(a.fingerprint(b"k"), a.fingerprint(b"l"));
    });
}

#[test]
fn fingerprints_differ_where_cells_do() {
    let (mut rng, mut found) = (rng(7), BTreeMap::new());
    for kind in Kind::ALL {
        let before = found.len();
        for _ in 0..CASES {
            let cell = any(kind, &mut rng);
            let first = found.entry(cell.fingerprint(b"k")).or_insert_with(|| cell.clone());
            assert_eq!(*first, cell);
        }
        let count = u32::try_from(found.len() - before).unwrap();
        assert!(
            count < CASES,
            "no two cells of kind {kind:?} were equal, which proves little"
        );
    }
}

/// Nodes of different releases have to agree on these: who changes them changes the wire protocol.
#[test]
fn fingerprints_stay_what_they_are() {
    let version = Version {
        time: 1,
        node: NodeId(2),
        generation: Generation(3),
    };
    let (mut siblings, mut set, mut counter) = (Siblings::new(), AddWinsSet::new(), Counter::new());
    siblings.put(actor(1), &context(&[(actor(2), 3)]), value(0));
    set.add(actor(1), value(0));
    set.remove(&value(1), &context(&[(actor(2), 3)]), WallTime::from_nanos(4));
    counter.add(actor(1), -5).unwrap();
    let cells = [
        Cell::Register(Register {
            version,
            content: Content::Value(value(0)),
        }),
        Cell::Siblings(siblings),
        Cell::Set(Box::new(set)),
        Cell::Counter(counter),
        Cell::Cas(Box::new(CasRegister {
            promised: version,
            accepted: Some(Accepted {
                ballot: version,
                written: Some(version),
                value: Some(value(0)),
                earlier: Vec::new(),
            }),
        })),
    ];
    assert_eq!(
        cells.map(|cell| cell.fingerprint(b"key")),
        [
            12534937996560693583,
            10149394603474192927,
            10231017244253126857,
            1644093801457096045,
            9682952703587523935
        ]
    );
}
