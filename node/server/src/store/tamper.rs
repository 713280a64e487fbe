//! Spoiling a store that nobody has open, for those who test what becomes of it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use rand::{RngExt, seq::SliceRandom};
use redb::{ReadableDatabase, ReadableTable};

use super::{
    open::{OpenError, STORE_FILE, builder, trouble_at},
    tables::RECORDS,
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
    let path = file_in(folder);
    // Nobody is to take a store that is not there for one that is empty.
    fs::metadata(&path).map_err(|error| OpenError::Io {
        path: path.clone(),
        error,
    })?;
    flip(&path, count, spared, rng).map_err(|error| trouble_at(error, path))
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
