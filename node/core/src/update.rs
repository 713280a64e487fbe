//! What clients do to a key, and what comes of it at the owner that applies it.
//!
//! An update of a kind that merges is applied by one owner to its own copy, under a dot of its own; the others merge
//! the result. An owner that finds nothing of its own under a key starts as a new actor there: it may have lost what it
//! had, and a dot that its lost self gave would hide what was written under it (R#679 in docs/mutants.md).

use serde::{Deserialize, Serialize};

use crate::{
    Actor, AddWinsSet, Cell, Content, Context, Counter, Generation, Key, Kind, Node, Now, Plant, Record, Refused,
    Register, Siblings, Value, Version,
};

/// What is done to a key. Which of them make sense depends on the key's kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Update {
    /// Register, siblings: this is the value. Of siblings it overwrites those that the context covers.
    Put {
        /// The value.
        value: Value,
        /// What the client had read; empty for a register.
        #[serde(deserialize_with = "Context::deserialize_capped")]
        context: Context,
    },
    /// Register, siblings: there is no value. Of siblings it overwrites those that the context covers.
    Delete {
        /// What the client had read; empty for a register.
        #[serde(deserialize_with = "Context::deserialize_capped")]
        context: Context,
    },
    /// Set: this is an element.
    Add {
        /// Which.
        element: Value,
    },
    /// Set: this is no element, as far as the context covers it.
    Remove {
        /// Which.
        element: Value,
        /// What the client had read.
        #[serde(deserialize_with = "Context::deserialize_capped")]
        context: Context,
    },
    /// Counter: so much more.
    Increment {
        /// How much; less than 0 for less.
        delta: i64,
    },
}

impl Update {
    /// A value for a register.
    pub fn put(value: Value) -> Update {
        Update::Put {
            value,
            context: Context::default(),
        }
    }

    /// The end of a register's value.
    pub fn delete() -> Update {
        Update::Delete {
            context: Context::default(),
        }
    }

    /// Checks whether this can be done to a key of `kind` at all.
    ///
    /// # Errors
    /// In words, what is wrong.
    pub fn check(&self, kind: Kind) -> Result<(), String> {
        let value = match self {
            Update::Put { value, .. } => Some(value),
            Update::Add { element } | Update::Remove { element, .. } => Some(element),
            Update::Delete { .. } | Update::Increment { .. } => None,
        };
        value.map_or(Ok(()), Value::check)?;
        let fits = match self {
            Update::Put { .. } | Update::Delete { .. } => matches!(kind, Kind::Register | Kind::Siblings),
            Update::Add { .. } | Update::Remove { .. } => kind == Kind::Set,
            Update::Increment { .. } => kind == Kind::Counter,
        };
        if !fits {
            return Err(format!("{} is not done to a {}", self.name(), kind.name()));
        }
        match self.context() {
            Some(context) if kind == Kind::Register && !context.is_empty() => {
                Err("a register's write has no context".to_owned())
            }
            Some(context) if !context.is_valid() => Err("the context is none that a read returned".to_owned()),
            _ => Ok(()),
        }
    }

    fn context(&self) -> Option<&Context> {
        match self {
            Update::Put { context, .. } | Update::Delete { context } | Update::Remove { context, .. } => Some(context),
            Update::Add { .. } | Update::Increment { .. } => None,
        }
    }

    /// Goes on as if the client had read nothing: [`Plant::ForwardedWithoutContext`].
    pub(crate) fn forget_context(&mut self) {
        match self {
            Update::Put { context, .. } | Update::Delete { context } | Update::Remove { context, .. } => {
                *context = Context::default();
            }
            Update::Add { .. } | Update::Increment { .. } => {}
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Update::Put { .. } => "a put",
            Update::Delete { .. } => "a delete",
            Update::Add { .. } => "an addition",
            Update::Remove { .. } => "a removal",
            Update::Increment { .. } => "an increment",
        }
    }

    /// What it makes of a register.
    pub(crate) fn into_content(self, now: Now) -> Content {
        match self {
            Update::Put { value, .. } => Content::Value(value),
            Update::Delete { .. } => Content::Tombstone { deleted_at: now.wall },
            Update::Add { .. } | Update::Remove { .. } | Update::Increment { .. } => {
                unreachable!("the update was checked against the kind")
            }
        }
    }
}

impl Node {
    /// What `held` is after an update that this node applies, and the version if it is a register's.
    pub(crate) fn updated(
        &mut self,
        now: Now,
        key: &Key,
        update: Update,
        above: Option<u64>,
        held: Option<&Record>,
    ) -> Result<(Record, Option<Version>), Refused> {
        if key.kind == Kind::Register {
            return Ok(self.updated_register(now, update, above, held));
        }
        let actor = self.actor(now, held);
        let mut cell = match (held, key.kind) {
            (Some(record), _) => record.cell.clone(),
            (None, Kind::Siblings) => Cell::Siblings(Siblings::new()),
            (None, Kind::Set) => Cell::Set(Box::new(AddWinsSet::new())),
            (None, Kind::Counter) => Cell::Counter(Counter::new()),
            (None, Kind::Register | Kind::Cas) => return Err(Refused::Invalid), // What registers hold is dealt with above.
        };
        match (&mut cell, update) {
            (Cell::Siblings(siblings), Update::Put { value, mut context }) => {
                if self.has_plant(Plant::ContextCoversUnread) {
                    context.merge(siblings.context());
                }
                siblings.put(actor, &context, value);
            }
            (Cell::Siblings(siblings), Update::Delete { context }) => siblings.delete(&context, now.wall),
            (Cell::Set(set), Update::Add { element }) => {
                set.add(actor, element);
            }
            (Cell::Set(set), Update::Remove { element, context }) => set.remove(&element, &context, now.wall),
            (Cell::Counter(counter), Update::Increment { delta }) => {
                counter.add(actor, delta).map_err(|_| Refused::Invalid)?;
            }
            _ => return Err(Refused::Invalid),
        }
        let cut_short = Some(1).filter(|_| self.has_plant(Plant::ContextsCutShort));
        if let (Cell::Siblings(siblings), Some(actors)) = (&mut cell, cut_short.or(self.config.context_actors_max)) {
            siblings.truncate_context(actors);
        }
        if !cell.is_valid() {
            return Err(Refused::Invalid);
        }
        let actor = Some(actor);
        Ok((Record { cell, actor }, None))
    }

    fn updated_register(
        &mut self,
        now: Now,
        update: Update,
        above: Option<u64>,
        held: Option<&Record>,
    ) -> (Record, Option<Version>) {
        let held_time = held.map_or(0, |record| record.cell.time());
        let version = self.stamp(now, above.map(|above| above.max(held_time)));
        let content = update.into_content(now);
        let mut cell = Cell::Register(Register { version, content });
        if let Some(record) = held {
            cell.merge(&record.cell);
        }
        (Record::of(cell), Some(version))
    }

    /// As whom this node writes a key of which it holds `held`. What it has lost, or may have lost in a crash, it does
    /// not go on from.
    fn actor(&mut self, now: Now, held: Option<&Record>) -> Actor {
        if self.has_plant(Plant::ActorReused) {
            let (generation, birth) = (Generation(0), 0);
            let node = self.config.node;
            return Actor {
                node,
                generation,
                birth,
            };
        }
        let is_whole = |actor: &Actor| actor.generation == self.generation || self.config.acks_are_durable;
        // One that a context cut short no longer knows would give its first dot again.
        let earlier = held.and_then(|record| record.actor.filter(|actor| record.cell.knows(*actor)));
        earlier.filter(is_whole).unwrap_or_else(|| Actor {
            node: self.config.node,
            generation: self.generation,
            birth: self.clock.tick(now.wall),
        })
    }

    /// Lets the clock see a time that the client is about to be told of, so that its token is not below. One that is too
    /// far ahead is nobody's business but its owners', who refuse it.
    pub(crate) fn note_time(&mut self, now: Now, time: u64) {
        let _ = self.clock.observe(now.wall, time);
    }

    /// The place of a register's write in the order of writes: by this node's clock, or right above what was told.
    pub(crate) fn stamp(&mut self, now: Now, above: Option<u64>) -> Version {
        let time = match above {
            None => self.clock.tick(now.wall),
            Some(above) => {
                // Two writes of this node that were told the same must not be stamped alike.
                self.last_above = self.last_above.max(above) + 1;
                self.note_time(now, self.last_above);
                self.last_above
            }
        };
        Version {
            time,
            node: self.config.node,
            generation: self.generation,
        }
    }
}
