//! What an object does, one call at a time.

use std::hash::Hash;

use crate::transcript::Call;

/// A sequential object: what it can be asked, what it answers in which state, and which state that leaves.
///
/// Only the first three methods have to be there. The others tell the search what it need not try, and the evidence what can
/// be left out; each default is sound for every object.
///
/// ```
/// use quorate_checker::{
///     Call, Context, Datum, Entry, Forms, TranscriptBuilder,
///     linear::{self, Budget, Model, Parsed},
/// };
///
/// /// A flag that is raised once; `raise` answers whether it was this call that did it.
/// struct Flag;
///
/// #[derive(Clone, PartialEq, Eq, Hash)]
/// enum Op {
///     Raise { was_first: Option<bool> },
///     Look { is_up: bool },
/// }
///
/// impl Model for Flag {
///     type Op = Op;
///     type State = bool;
///
///     fn parse(&self, call: &Call) -> Result<Parsed<Op>, String> {
///         let answer = match call.answered {
///             Datum::Bool(answer) if call.is_ok() => Some(answer),
///             _ => None,
///         };
///         match (&*call.function, answer) {
///             ("raise", was_first) => Ok(Parsed::Op(Op::Raise { was_first })),
///             ("look", Some(is_up)) => Ok(Parsed::Op(Op::Look { is_up })),
///             ("look", None) => Ok(Parsed::Nothing),
///             (other, _) => Err(format!("a flag has no {other:?}")),
///         }
///     }
///
///     fn initial(&self) -> bool {
///         false
///     }
///
///     fn step(&self, is_up: &bool, op: &Op, next: &mut Vec<bool>) {
///         match op {
///             Op::Raise { was_first } if was_first.is_none_or(|it| it != *is_up) => next.push(true),
///             Op::Look { is_up: seen } if seen == is_up => next.push(*is_up),
///             _ => {}
///         }
///     }
///
///     fn observes(&self, op: &Op) -> bool {
///         matches!(op, Op::Look { .. })
///     }
/// }
///
/// let text = "{:process 0, :type :invoke, :f :raise}
///             {:process 1, :type :invoke, :f :raise}
///             {:process 0, :type :ok, :f :raise, :value true}
///             {:process 1, :type :ok, :f :raise, :value true}";
/// let mut forms = Forms::new(text.as_bytes());
/// let mut builder = TranscriptBuilder::new();
/// while let Some(form) = forms.next_form()? {
///     builder.push(Entry::from_map(form)?)?;
/// }
/// let finding = linear::check(&builder.finish(), &Flag, &Budget::default(), &Context::default());
/// assert_eq!((finding.tested, finding.count), (2, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Model {
    /// What a call asked and, where it is known, was answered. Equal ops are interchangeable.
    type Op: Clone + Eq + Hash;
    /// What the object holds. Equal states have the same future.
    type State: Clone + Eq + Hash;

    /// Returns what `call` did: one that is ok, or, if it is info, may have done.
    ///
    /// An answer counts only where the call is ok. Failed calls are not asked about, as they never happened.
    ///
    /// # Errors
    /// The object knows no such call: why, as a fragment that names it.
    fn parse(&self, call: &Call) -> Result<Parsed<Self::Op>, String>;

    /// Returns what the object holds at first.
    fn initial(&self) -> Self::State;

    /// Pushes onto `next` each state that `op` may leave, having found `state`; none if it can't have happened there.
    fn step(&self, state: &Self::State, op: &Self::Op, next: &mut Vec<Self::State>);

    /// Returns whether `op` never changes the state, whatever it finds.
    fn observes(&self, _op: &Self::Op) -> bool {
        false
    }

    /// Returns whether nobody can tell that `earlier` happened immediately before `later`: in every state `earlier` is
    /// possible, and `later` is possible after it exactly if it is without it, and leaves the same state then.
    ///
    /// The relation has to be transitive.
    fn overwrites(&self, _later: &Self::Op, _earlier: &Self::Op) -> bool {
        false
    }

    /// Returns what `op` may leave behind that others depend on.
    ///
    /// If ops are taken out of a possible sequence, and no other op of it *needs* a mark that one of them *leaves*, then
    /// what is left has to be a possible sequence.
    fn leaves(&self, op: &Self::Op) -> Marks {
        if self.observes(op) { Marks::none() } else { Marks::All }
    }

    /// Returns which marks `op` needs: see [`Self::leaves`].
    fn needs(&self, _op: &Self::Op) -> Marks {
        Marks::All
    }

    /// Returns whether what comes after `op` and leaves a mark that `op` needs has to stay with it too: without it something
    /// that `op` left would still be there.
    fn needs_later(&self, _op: &Self::Op) -> bool {
        false
    }

    /// Returns whether nothing that comes after `later` can depend on what `earlier` left before it, although their marks
    /// say so.
    fn outdates(&self, _later: &Self::Op, _earlier: &Self::Op) -> bool {
        false
    }

    /// Returns an op that leaves all that `op` does, but is possible in every state; none if there is no such op.
    fn unconditional(&self, _op: &Self::Op) -> Option<Self::Op> {
        None
    }

    /// Returns which parts of the object `op` is concerned with, if the object has parts that are independent of each
    /// other; [`Marks::All`] if all of them.
    fn parts(&self, _op: &Self::Op) -> Marks {
        Marks::All
    }

    /// Returns about how many bytes `state` takes, with all that it owns.
    fn state_bytes(&self, _state: &Self::State) -> usize {
        size_of::<Self::State>()
    }

    /// Returns words for `state`, such that the object *was* that; none if there are no good ones.
    fn tell(&self, _state: &Self::State) -> Option<String> {
        None
    }

    /// Returns what the object is called.
    fn noun(&self) -> &'static str {
        "object"
    }
}

/// What a call is to a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed<Op> {
    /// Possible anywhere, and without effect.
    Nothing,
    /// One op.
    Op(Op),
    /// Several, each at an instant of its own between the call's start and end.
    Ops(Vec<Op>),
}

/// Things that ops leave or need, or parts that they concern, by numbers of the model's own choice (a hash will do: two
/// that are taken for one cost time, not truth).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Marks {
    /// Any that there is.
    All,
    /// These.
    Only(Vec<u64>),
}

impl Marks {
    /// Returns no marks.
    pub fn none() -> Self {
        Self::Only(Vec::new())
    }
}
