//! The disk: records, hints and what a node remembers of itself, in one redb file.
//!
//! One thread writes ([`Disk`]), and everything that waits for it goes into one transaction and one sync; the event
//! loop reads ([`RedbStore`]) without waiting for the writer, and sees only what a transaction has made durable. Each
//! value carries a checksum over itself and its key, and one that does not match is an error and never a value: the
//! file system, and whatever edits the file while nobody looks, are not trusted with it.
//!
//! A folder that has lost its store is told from one that never had any by a marker beside it, and refused.

mod damage;
mod disk;
mod encoding;
mod marker;
mod open;
mod read;
mod tables;
mod tamper;
mod write;

pub use self::{
    disk::{Disk, Done, Fsync},
    open::{OpenError, open, open_controlled},
    read::RedbStore,
    tamper::{RecordName, file_in, flip_bits, lose_record},
    write::Writer,
};
