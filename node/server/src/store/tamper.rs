//! Spoiling a store that nobody has open, for those who test what becomes of it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use quorate_core::Key;
use rand::{RngExt, seq::SliceRandom};
use redb::{ReadableDatabase, ReadableTable, ReadableTableMetadata};

use super::{
    open::{OpenError, STORE_FILE, builder, trouble_at},
    tables::{RECORDS, split_record_key},
};

/// Names a record: its partition and its key, as they lie in the file.
pub type RecordName = Vec<u8>;

/// The file of the store in a data folder.
pub fn file_in(folder: &Path) -> PathBuf {
    folder.join(STORE_FILE)
}

/// Flips a bit in each of `count` records, or as many as there are, but for those that are `spared`: they are there, and
/// don't fit their checksums. Returns which.
///
/// What flips bits on a disk flips them in pages, which have checksums of their own, and a store with such a page is
/// refused whole. This is what is left to a record's own checksum: bits that flipped before the page was written.
///
/// # Errors
/// [`OpenError`] if the store can't be opened or changed; nothing has been changed then.
pub fn flip_bits(
    folder: &Path,
    count: usize,
    spared: &BTreeSet<RecordName>,
    rng: &mut impl rand::Rng,
) -> Result<Vec<RecordName>, OpenError> {
    let path = present_in(folder)?;
    flip(&path, count, spared, rng).map_err(|error| trouble_at(error, path))
}

/// The file of a store that is there: nobody is to take one that is not for one that is empty.
fn present_in(folder: &Path) -> Result<PathBuf, OpenError> {
    let path = file_in(folder);
    match fs::metadata(&path) {
        Ok(_) => Ok(path),
        Err(error) => Err(OpenError::Io { path, error }),
    }
}

fn flip(
    path: &Path,
    count: usize,
    spared: &BTreeSet<RecordName>,
    rng: &mut impl rand::Rng,
) -> Result<Vec<RecordName>, redb::Error> {
    let database = builder().open(path)?;
    let mut names = Vec::new();
    for entry in database.begin_read()?.open_table(RECORDS)?.iter()? {
        names.push(entry?.0.value().to_vec());
    }
    names.retain(|name| !spared.contains(name));
    names.shuffle(rng);
    names.truncate(count);
    let transaction = database.begin_write()?;
    {
        let mut records = transaction.open_table(RECORDS)?;
        for name in &names {
            let mut sealed = match records.get(name.as_slice())? {
                Some(sealed) => sealed.value().to_vec(),
                None => continue,
            };
            let bit = rng.random_range(0..sealed.len() * 8);
            sealed[bit / 8] ^= 1 << (bit % 8);
            records.insert(name.as_slice(), sealed.as_slice())?;
        }
    }
    transaction.commit()?;
    Ok(names)
}

/// Takes what a store holds of a key out of it, as if it had never been there, and returns whether there was anything. Nothing
/// tells the node: no checksum covers what is absent.
///
/// # Errors
/// [`OpenError`] if the store can't be opened or changed; nothing has been changed then.
pub fn lose_record(folder: &Path, key: &Key) -> Result<bool, OpenError> {
    let path = present_in(folder)?;
    lose(&path, key).map_err(|error| trouble_at(error, path))
}

fn lose(path: &Path, key: &Key) -> Result<bool, redb::Error> {
    let database = builder().open(path)?;
    let transaction = database.begin_write()?;
    let count = {
        let mut records = transaction.open_table(RECORDS)?;
        let before = records.len()?;
        let is_of_key = |name: &[u8]| split_record_key(name).is_some_and(|(_, other)| other == *key);
        records.retain(|name, _| !is_of_key(name))?;
        before - records.len()?
    };
    transaction.commit()?;
    Ok(count > 0)
}
