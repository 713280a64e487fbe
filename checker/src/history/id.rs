//! Small numbers that stand for names, each a type of its own.
//!
//! Every id is an index into its table in one [`History`](super::History), and means nothing to another.

use std::{fmt, num::NonZeroU32};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        // One more than the index, so that an option of it takes no more room.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(NonZeroU32);

        impl $name {
            pub(crate) fn new(index: usize) -> Self {
                let number = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
                Self(number.expect("a table has no more rows than the history has events, a u32"))
            }

            /// Returns the id as an index from 0.
            pub fn index(self) -> usize {
                self.0.get() as usize - 1
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.index()).finish()
            }
        }
    )*};
}

ids! {
    /// A key.
    KeyId;
    /// One value of one key: two keys that hold 42 hold two values, so that a value alone says of which write it is. Those
    /// of one key follow each other.
    ValueId;
    /// A node, as coordinator or replica.
    NodeId;
    /// A process; of a client, its session.
    ProcessId;
    /// A version of one key. Ids of one key are ordered as the versions are; those of two keys say nothing.
    VersionId;
}

impl ValueId {
    /// Nothing there: what every key holds at first.
    pub const NIL: Self = Self(NonZeroU32::MIN);

    /// Nothing there, and the history does not say whether by a delete, by which of several, or since ever.
    pub const UNCLEAR: Self = Self(NonZeroU32::MIN.saturating_add(1));

    /// How many values are of no key: ids of keys' values begin here.
    pub(crate) const COMMON: usize = 2;

    /// Returns whether this is [`Self::NIL`].
    pub fn is_nil(self) -> bool {
        self == Self::NIL
    }

    /// Returns whether this is [`Self::UNCLEAR`].
    pub fn is_unclear(self) -> bool {
        self == Self::UNCLEAR
    }

    /// Returns the id as it is when `offset` other values of keys go before.
    pub(super) fn moved_by(self, offset: usize) -> Self {
        if self.index() < Self::COMMON {
            self
        } else {
            Self::new(self.index() + offset)
        }
    }
}
