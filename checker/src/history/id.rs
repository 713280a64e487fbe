//! Small numbers that stand for names, each a type of its own.
//!
//! Every id is an index into its table in one [`History`](super::History), and means nothing to another.

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            pub(crate) fn new(index: usize) -> Self {
                Self(u32::try_from(index).expect("a table has no more rows than the history has events, a u32"))
            }

            /// Returns the id as an index from 0.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// A key.
    KeyId;
    /// One value of one key: two keys that hold 42 hold two values, so that a value alone says of which write it is.
    ValueId;
    /// A node, as coordinator or replica.
    NodeId;
    /// A process; of a client, its session.
    ProcessId;
    /// A version. Ids are ordered as the versions are.
    VersionId;
}

impl ValueId {
    /// Nothing there: what every key holds at first.
    pub const NIL: Self = Self(0);

    /// Nothing there, and the history does not say whether by a delete, by which of several, or since ever.
    pub const UNCLEAR: Self = Self(1);

    /// Returns whether this is [`Self::NIL`].
    pub fn is_nil(self) -> bool {
        self == Self::NIL
    }

    /// Returns whether this is [`Self::UNCLEAR`].
    pub fn is_unclear(self) -> bool {
        self == Self::UNCLEAR
    }
}
