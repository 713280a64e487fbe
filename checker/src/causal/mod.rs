//! Sessions of transactions, judged by who read from whom: read committed, read atomic, and two forms of causal
//! consistency.
//!
//! [`Sessions`] hold what each session's transactions read and wrote, and [`check`] says whether some order of commits
//! explains it as a [`Level`] wants it. A register's op is a transaction of one read or one write:
//! [`checks::causal`](crate::checks::causal) judges histories of registers so.
//!
//! Definitions, and what is decided:
//! - Read committed, read atomic and causal are those of Biswas and Enea, *On the Complexity of Checking Transactional
//!   Consistency* (OOPSLA 2019), section 2, which AWDIT (Møldrup and Pavlogiannis, PLDI 2025) and Plume (Liu et al., OOPSLA
//!   2024) check too. Theirs is the causal consistency in which all agree on one order of writes: *causal convergence*
//!   (CCv) of Bouajjani, Enea, Guerraoui and Hamza, *On Verifying Causal Consistency* (POPL 2017), and what a store with
//!   last-write-wins and causal delivery gives.
//! - Weak causal is the *causal consistency* (CC) of Bouajjani et al.: each read may have an order of its own. It breaks exactly by their bad patterns CyclicCO, ThinAirRead, WriteCOInitRead and WriteCORead, and convergence by
//!   these and CyclicCF. With values written once each, both are decided whole.
//! - *Causal memory* (CM: all that a session reads has one order, of its own) is not decided here: its inference is a
//!   fixpoint for each session, for which no near-linear way is known. It implies weak causal, and neither implies
//!   convergence nor follows from it beyond that; so where weak causal breaks, causal memory does.
//!
//! What implies what: causal implies read atomic, which implies read committed; and causal implies weak causal.

mod check;
mod clocks;
mod explain;
mod infer;
mod registers;
mod resolved;
mod schedule;
mod sessions;
mod shrink;
mod transactions;
mod verdict;
mod writers;

pub use check::check;
pub use registers::{RegisterSessions, from_history};
pub use sessions::{Access, Names, Sessions, TxnId};
pub(crate) use transactions::INITIAL;
pub use transactions::transactions;
pub use verdict::{Level, Step, Verdict, Violation, Why};
