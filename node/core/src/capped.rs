//! Collections that are not decoded beyond a cap.
//!
//! A few bytes of a message make an element of many times their size, and whether a message makes sense is looked at
//! only once it is there as a whole. Where a collection of tiny elements has a limit anyway, its decoding ends there.
//!
//! Cells have no caps of this kind: what replicas answer a read is merged, and may be beyond what a cell may hold.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

/// Decodes at most `MAX` elements.
///
/// # Errors
/// If there are more, or one does not decode.
pub(crate) fn sequence<'de, const MAX: usize, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_seq(CappedVec::<MAX, T>(PhantomData))
}

/// Decodes at most `MAX` entries.
///
/// # Errors
/// If there are more, or one does not decode.
pub(crate) fn map<'de, const MAX: usize, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_map(CappedMap::<MAX, K, V>(PhantomData))
}

fn check<E: Error>(count: usize, max: usize) -> Result<(), E> {
    if count > max {
        return Err(E::custom(format_args!("more than {max} elements")));
    }
    Ok(())
}

struct CappedVec<const MAX: usize, T>(PhantomData<T>);

impl<'de, const MAX: usize, T: Deserialize<'de>> Visitor<'de> for CappedVec<MAX, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a sequence of at most {MAX} elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Vec<T>, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = access.next_element()? {
            elements.push(element);
            check(elements.len(), MAX)?;
        }
        Ok(elements)
    }
}

struct CappedMap<const MAX: usize, K, V>(PhantomData<(K, V)>);

impl<'de, const MAX: usize, K, V> Visitor<'de> for CappedMap<MAX, K, V>
where
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
{
    type Value = BTreeMap<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a map of at most {MAX} entries")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<BTreeMap<K, V>, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some((key, value)) = access.next_entry()? {
            entries.insert(key, value);
            check(entries.len(), MAX)?;
        }
        Ok(entries)
    }
}
