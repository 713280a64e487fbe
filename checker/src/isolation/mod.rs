//! Transactions on lists and registers, judged by their dependencies as Adya's and Elle's are.
//!
//! From what transactions read and wrote follows which depended on which (Adya, *Weak Consistency*, 1999): that one overwrote what
//! another wrote (ww), read it (wr), or missed it and so came before (rw). A cycle of such edges is an anomaly, and which models it
//! rules out depends on its anti-dependencies (rw) and on whether it also takes the order of sessions or of real time to close. Where
//! each read tells the order of versions, as of lists that are only appended to, all of this is known, and not guessed (Kingsbury and
//! Alvaro, *Elle*, VLDB 2020).
//!
//! [`transactions`] takes the transactions of a [`Transcript`](crate::Transcript) and [`check`] judges them against a [`Model`]:
//!
//! ```
//! use quorate_checker::{Context, formats::{Format, read_transcript}};
//! use quorate_checker::isolation::{self, Data, Question};
//!
//! let history = br#"
//! {:index 0, :type :invoke, :process 0, :f :txn, :value [[:r :x nil] [:append :y 1]]}
//! {:index 1, :type :invoke, :process 1, :f :txn, :value [[:r :y nil] [:append :x 1]]}
//! {:index 2, :type :ok, :process 0, :f :txn, :value [[:r :x []] [:append :y 1]]}
//! {:index 3, :type :ok, :process 1, :f :txn, :value [[:r :y []] [:append :x 1]]}
//! "#;
//! let transcript = read_transcript(Format::Edn, history)?;
//! let txns = isolation::transactions(&transcript, Data::Lists)?;
//!
//! let report = isolation::check(&txns, &Question::of("serializable".parse()?), &Context::default());
//! assert_eq!(report.forbidden(), ["G2-item"]);
//! assert_eq!(report.broken.not[0].name(), "repeatable-read");
//!
//! let report = isolation::check(&txns, &Question::of("snapshot-isolation".parse()?), &Context::default());
//! assert_eq!(report.holds(), Some(true));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod anomaly;
mod cases;
mod check;
mod component;
mod cycle;
mod draw;
mod elements;
mod explain;
mod gather;
mod graph;
mod guarantees;
mod lattice;
mod lists;
mod orderings;
mod origins;
mod paths;
mod points;
mod pram;
mod read;
mod real_time;
mod record;
mod registers;
mod report;
mod reported;
mod rows;
mod scan;
mod scanner;
mod search;
mod serial;
mod tails;
mod txns;
mod updates;
mod versions;
mod weak;
mod words;
mod writers;

pub use anomaly::{Anomaly, Class, Closing};
pub use check::{Question, check, check_on};
pub use gather::Gather;
pub use lattice::{Broken, Model, NoSuchModel};
pub use read::transactions;
pub use registers::Keys;
pub use report::{Finding, Report};
pub use scan::{Block, Buffers, Unusual};
pub use txns::{Data, Txns};
