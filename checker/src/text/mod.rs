//! Histories as text that people write and read: prose at the margin, ops indented.
//!
//! A line that begins with white space is an op or an event; every other line is prose, and so is an empty one. So a
//! history can stand in the middle of what is said about it, as code does in Markdown:
//!
//! ```text
//! p2's read begins after p1's write of 2 was acknowledged, and yet returns 1.
//!
//!     0..10     p1  write k 1                    node=n1 version=5
//!     20..30    p1  write k 2                    node=n2 version=9
//!     40..50    p2  read k -> 1                  node=n3   # stale
//!
//! A write of unknown outcome, one that surely did not happen, one never answered, and a read that returned nothing:
//!
//!     60..70    p3  write k 3 info               error=timeout
//!     60..70    p4  write k "a b" fail
//!     65..      p5  write k [1,2]
//!     80..81    p4  read j -> nil
//!
//! What replicas held in the end:
//!
//!     90..91    observer  read-replica k -> 2    node=n1 phase=final version=9
//! ```
//!
//! Compare-and-sets, of which the second found something else; deletes; siblings, sets and counters:
//!
//! ```text
//!     0..10     p1  cas r [1,2]                  version=8
//!     20..30    p2  cas r [1,3] -> false
//!     0..10     p1  delete k                     version=7
//!     20..30    p2  read k -> nil                version=7
//!     40..50    p1  write s 2                    seen=[1]  # having read 1, which it overwrites
//!     60..70    p2  read s -> [2,3]
//!     80..90    p1  add t x
//!     80..90    p2  remove t y                   seen=["x","y"]
//!     80..90    p3  increment c -2
//! ```
//!
//! An **op** is a span of time, a process, a function, a key, what was written or (after `->`) returned, an outcome,
//! and attributes. The outcome is `ok` unless `fail` or `info` is said; a span with an open end has no completion. An
//! **event** has one time and begins, after the process, with its type:
//!
//! ```text
//!     10        p1  invoke write k 1
//!     20        p1  ok write k 1                 node=n1
//! ```
//!
//! - Times are milliseconds since the start, decimals allowed down to the nanosecond. They order the events of all
//!   lines. At the same time invocations come before completions, as intervals are closed, and else lines come in their
//!   order.
//! - `p3` is client 3; any other name is not a client.
//! - Values are JSON, `nil` is null, and a bare word is a string. A name with blanks or quotes in it is a JSON string.
//! - Attributes are `seen` (a JSON list), `node`, `level`, `version` (a number, or text, which may be quoted), `phase`
//!   and `error`.
//! - `#` begins a comment, up to the end of the line.

mod cursor;
mod parse;
mod render;

pub use parse::{Problem, TextError, parse, parse_events};
pub use render::render;
