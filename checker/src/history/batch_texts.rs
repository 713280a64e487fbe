//! The texts of a [batch](super::batch): kept in one piece, and names numbered.

use super::{
    borrowed::ValueRef,
    slots::{Slots, hash_of},
};

/// Names numbered in the order in which they are first met.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Each with its hash.
    met: Vec<(u64, Span)>,
    slots: Slots,
}

impl Names {
    #[inline]
    pub(super) fn find_or_add(&mut self, name: &str, texts: &mut Texts) -> usize {
        let hash = hash_of(name);
        let found = self.slots.find(hash, |index| self.is(index, name, texts));
        found.unwrap_or_else(|| {
            self.slots.insert(hash, self.met.len());
            self.met.push((hash, texts.keep(name)));
            self.met.len() - 1
        })
    }

    #[inline]
    pub(super) fn is(&self, index: usize, name: &str, texts: &Texts) -> bool {
        is_same(texts.part(self.met[index].1), name)
    }

    /// Returns all names in order, each with its hash.
    pub(super) fn hashed<'t>(&self, texts: &'t Texts) -> impl Iterator<Item = (u64, &'t str)> {
        self.met.iter().map(|(hash, span)| (*hash, texts.part(*span)))
    }

    pub(super) fn clear(&mut self) {
        self.met.clear();
        self.slots.clear();
    }
}

/// Returns whether two names are the same. Most are short: they are compared before a function that compares any is called.
#[inline(always)]
fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() || a.len() > 16 {
        return a == b;
    }
    is_same_at_ends::<8>(a, b)
        .or_else(|| is_same_at_ends::<4>(a, b))
        .or_else(|| is_same_at_ends::<2>(a, b))
        .unwrap_or_else(|| a.first() == b.first())
}

/// Returns whether both begin with the same bytes and end with the same, if they have so many.
#[inline(always)]
fn is_same_at_ends<const N: usize>(a: &[u8], b: &[u8]) -> Option<bool> {
    let is_first = a.first_chunk::<N>()? == b.first_chunk::<N>()?;
    Some(is_first && a.last_chunk::<N>()? == b.last_chunk::<N>()?)
}

/// The texts of a batch, one after the other.
#[derive(Debug, Default)]
pub(super) struct Texts(String);

/// The place of a text among all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Texts {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    #[inline]
    pub(super) fn keep(&mut self, text: &str) -> Span {
        let start = self.0.len() as u32;
        self.0.push_str(text);
        let end = u32::try_from(self.0.len()).expect("a batch is far smaller than 4 GB");
        Span { start, end }
    }

    #[inline]
    pub(super) fn keep_value(&mut self, value: ValueRef<'_>) -> Told {
        match value {
            ValueRef::Integer(integer) => Told::Integer(integer),
            ValueRef::Text(text) => Told::Text(self.keep(text)),
            ValueRef::Null | ValueRef::Json(_) => Told::Nothing,
        }
    }

    #[inline]
    pub(super) fn part(&self, span: Span) -> &str {
        &self.0[span.start as usize..span.end as usize]
    }

    #[inline]
    pub(super) fn value(&self, value: Told) -> ValueRef<'_> {
        match value {
            Told::Nothing => ValueRef::Null,
            Told::Integer(integer) => ValueRef::Integer(integer),
            Told::Text(text) => ValueRef::Text(self.part(text)),
        }
    }
}

/// A value as it was told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told {
    Nothing,
    Integer(i64),
    Text(Span),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_if_every_byte_is() {
        for length in 0..40 {
            let name: String = ('a'..='z').cycle().take(length).collect();
            assert!(is_same(&name, &name.clone()), "{name}");
            assert!(!is_same(&name, &format!("{name}x")), "{name}");
            for place in 0..length {
                let mut other = name.clone();
                other.replace_range(place..=place, "-");
                assert!(!is_same(&name, &other), "{name} {other}");
            }
        }
    }
}
