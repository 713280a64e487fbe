//! Opening the file of a node's data folder, or making it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
};

use redb::{Builder, Database, DatabaseError, ReadableDatabase, StorageError};

use super::{
    encoding::{seal, unseal},
    read::RedbStore,
    tables::{FORMAT, FORMAT_NAME, HINTS, MEMORY, RECORDS, Shared},
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
    /// A later version of this program wrote it.
    #[error("{}: format {found}, of which this version reads up to {FORMAT}", path.display())]
    Newer {
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
    let mut options = fs::OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).open(&path);
    let file = match file {
        Ok(file) => file,
        Err(error) => return Err(OpenError::Io { path, error }),
    };
    let database = builder().create_file(file);
    open_database(path, database)
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

fn open_database(path: PathBuf, database: Result<Database, DatabaseError>) -> Result<(RedbStore, Writer), OpenError> {
    let database = match database {
        Ok(database) => database,
        Err(error) => return Err(open_error(path, error)),
    };
    let format = match format(&database) {
        Ok(format) => format,
        Err(error) => return Err(not_a_store(path, &error)),
    };
    match format {
        None => {
            if let Err(error) = make_tables(&database) {
                return Err(not_a_store(path, &error));
            }
        }
        Some(FORMAT) => {}
        Some(found) => return Err(OpenError::Newer { path, found }),
    }
    let shared = Arc::new(Shared {
        path,
        database,
        commits: AtomicU64::new(0),
    });
    match RedbStore::new(Arc::clone(&shared)) {
        Ok(store) => Ok((store, Writer::new(shared))),
        Err(error) => Err(not_a_store(shared.path.clone(), &error)),
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
    let format = seal(FORMAT_NAME.as_bytes(), &FORMAT);
    transaction.open_table(MEMORY)?.insert(FORMAT_NAME, format.as_slice())?;
    transaction.commit()?;
    Ok(())
}

fn open_error(path: PathBuf, error: DatabaseError) -> OpenError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::InUse(path),
        DatabaseError::Storage(StorageError::Io(error)) if error.kind() != io::ErrorKind::InvalidData => {
            OpenError::Io { path, error }
        }
        error => not_a_store(path, &error.into()),
    }
}

fn not_a_store(path: PathBuf, error: &redb::Error) -> OpenError {
    OpenError::NotAStore {
        path,
        why: error.to_string(),
    }
}
