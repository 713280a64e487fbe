//! Histories in the formats that testers write them in, and out again in two of them.
//!
//! A [`Format`] is recognised by what a file holds, never by its name. A [`Reader`] takes blocks of bytes, however they are
//! cut, and gives [`Entry`](crate::Entry)s, each with its line; it holds no more than what is incomplete. What an entry means in its
//! format is settled here, so that nothing behind it asks where a history came from. Nothing here opens a file.
//!
//! ```
//! use quorate_checker::{TranscriptBuilder, formats::{Format, Reader}};
//!
//! let blocks: [&[u8]; 2] = [b"0\t:invoke\t:write\t3\n0\t:o", b"k\t:write\t3\n"];
//! let mut reader = Reader::new(Format::recognise(blocks[0])?);
//! let mut builder = TranscriptBuilder::new();
//! for block in blocks {
//!     reader.feed(block, &mut builder)?;
//! }
//! reader.finish(&mut builder)?;
//! assert_eq!(builder.finish().calls().len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Sources: Jepsen's `jepsen.history` (EDN, history.txt), elle-cli (JSON), Porcupine's test data (logs of etcd, of a key-value
//! store), Maelstrom's protocol (doc/protocol.md, doc/workloads.md), AWDIT's and Plume's histories.

mod collected;
mod columns;
mod edn;
mod error;
mod format;
#[doc(hidden)]
pub mod fuzzing;
mod json;
pub mod jsonl;
mod maelstrom;
mod part;
mod reader;
mod recognise;
mod sink;
mod txn_text;
mod write;

pub use collected::{Collected, read_transcript};
pub use error::{ReadError, Refusal};
pub use format::{Format, NoSuchFormat};
pub use reader::Reader;
pub use recognise::Unrecognised;
pub use sink::Sink;
pub use write::{write_edn, write_jsonl};
