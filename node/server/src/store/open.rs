//! Opening the file of a node's data folder, or making it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
};

use redb::{Builder, Database, ReadableDatabase};

use super::{
    damage::guard,
    encoding::{seal, unseal},
    read::RedbStore,
    tables::{FORMAT, FORMAT_NAME, HINTS, MEMORY, RECORDS, Shared, WRITES},
    write::Writer,
};

const STORE_FILE: &str = "store.redb";

/// Pages kept in memory. Three nodes and their tester have to fit on one small machine, and the working set of a run
/// is some thousand keys.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// A store that can't be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open: two nodes on one folder.
    #[error("{}: in use by another process", .0.display())]
    InUse(PathBuf),
    /// The file is something else, or damaged beyond reading.
    #[error("{}: not a store that can be read: {why}", path.display())]
    NotAStore {
        /// Which.
        path: PathBuf,
        /// In redb's words.
        why: String,
    },
    /// Another version of this program wrote it.
    #[error("{}: format {found}, of which this version reads {FORMAT} alone", path.display())]
    OtherFormat {
        /// Which.
        path: PathBuf,
        /// The file's format.
        found: u32,
    },
    /// The folder is missing or can't be written, or the disk fails.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Opens the store in a folder, which must be there; makes it if the folder has none.
///
/// # Errors
/// [`OpenError`], with the path.
pub fn open(folder: &Path) -> Result<(RedbStore, Writer), OpenError> {
    let path = folder.join(STORE_FILE);
    let opened = guard(|| open_file(&path)).unwrap_or_else(|why| Err(Trouble::Unreadable(why)));
    opened.map_err(|trouble| trouble.at(path))
}

fn open_file(path: &Path) -> Result<(RedbStore, Writer), Trouble> {
    let mut options = fs::OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).open(path);
    let database = builder().create_file(file.map_err(redb::Error::Io)?)?;
    open_database(path, database)
}

pub(super) fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// Reads all of the file once: a page that was damaged while nobody looked is found now, and not when it is needed. A
/// million records take 0.3 s, a little more than the core takes for its digests right after.
pub(super) fn open_database(path: &Path, mut database: Database) -> Result<(RedbStore, Writer), Trouble> {
    if !database.check_integrity()? {
        let why = "damaged: a page does not fit its checksum";
        return Err(Trouble::Unreadable(why.to_owned()));
    }
    match format(&database)? {
        None => make_tables(&database)?,
        Some(FORMAT) => {}
        Some(found) => return Err(Trouble::OtherFormat(found)),
    }
    let shared = Arc::new(Shared {
        path: path.to_owned(),
        database,
        commits: AtomicU64::new(0),
    });
    Ok((RedbStore::new(Arc::clone(&shared))?, Writer::new(shared)))
}

/// What is wrong with a file, before its path is added.
#[derive(Debug)]
pub(super) enum Trouble {
    Redb(redb::Error),
    Unreadable(String),
    OtherFormat(u32),
}

impl<E: Into<redb::Error>> From<E> for Trouble {
    fn from(error: E) -> Trouble {
        Trouble::Redb(error.into())
    }
}

impl Trouble {
    fn at(self, path: PathBuf) -> OpenError {
        match self {
            Trouble::Redb(redb::Error::DatabaseAlreadyOpen) => OpenError::InUse(path),
            Trouble::Redb(redb::Error::Io(error)) if error.kind() != io::ErrorKind::InvalidData => {
                OpenError::Io { path, error }
            }
            Trouble::Redb(error) => OpenError::NotAStore {
                path,
                why: error.to_string(),
            },
            Trouble::Unreadable(why) => OpenError::NotAStore { path, why },
            Trouble::OtherFormat(found) => OpenError::OtherFormat { path, found },
        }
    }
}

/// The format of a store; `None` if nothing was ever written to it.
fn format(database: &Database) -> Result<Option<u32>, redb::Error> {
    let transaction = database.begin_read()?;
    let memory = match transaction.open_table(MEMORY) {
        Ok(memory) => memory,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let Some(sealed) = memory.get(FORMAT_NAME)? else {
        return Err(redb::Error::Corrupted("it does not say its format".to_owned()));
    };
    let format = unseal(FORMAT_NAME.as_bytes(), sealed.value());
    format
        .map(Some)
        .map_err(|damage| redb::Error::Corrupted(damage.to_string()))
}

fn make_tables(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(RECORDS)?;
    transaction.open_table(HINTS)?;
    transaction.open_table(WRITES)?;
    let format = seal(FORMAT_NAME.as_bytes(), &FORMAT);
    transaction.open_table(MEMORY)?.insert(FORMAT_NAME, format.as_slice())?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_format_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(STORE_FILE);
        drop(open(folder.path()).unwrap());
        let database = builder().open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        let later = seal(FORMAT_NAME.as_bytes(), &(FORMAT + 1));
        let mut memory = transaction.open_table(MEMORY).unwrap();
        memory.insert(FORMAT_NAME, later.as_slice()).unwrap();
        drop(memory);
        transaction.commit().unwrap();
        drop(database);
        let error = open(folder.path()).unwrap_err();
        assert!(matches!(error, OpenError::OtherFormat { found: 3, .. }), "{error}");
        assert!(
            error
                .to_string()
                .ends_with("store.redb: format 3, of which this version reads 2 alone")
        );
    }
}
