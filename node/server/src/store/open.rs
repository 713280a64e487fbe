//! Opening the file of a node's data folder, or making it.
//!
//! Invariant: a folder that once had a store is never given another. What a node acknowledged under its identity it has
//! to know again, or it would be a replica that forgets, and quorums would no longer overlap.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
};

use redb::{Builder, Database, ReadableDatabase, backends::FileBackend};

use super::{
    damage::guard,
    encoding::{seal, unseal},
    marker::{self, MarkerError, StoreId},
    read::RedbStore,
    tables::{FORMAT, FORMAT_NAME, HINTS, MEMORY, RECORDS, STORE_ID_NAME, Shared, WRITES},
    write::Writer,
};
use crate::control::{Control, Handle};

pub(super) const STORE_FILE: &str = "store.redb";

/// Its name while it is made: a store is there whole or not at all, whenever who makes it is killed.
const UNFINISHED_FILE: &str = "store.redb.new";

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
    /// The folder had a store, which is not there any more: the file is gone, or it is another. To go on with what
    /// there is would be to forget what was acknowledged.
    #[error(
        "{}: this identity's store was lost: {marker} names a store, and {STORE_FILE} {found}; a node that comes back \
         without its data must come back as another node: remove the folder, and give the node a new identity with \
         `quorate certs DIR --node NAME`",
        folder.display(),
        marker = marker::FILE
    )]
    Lost {
        /// The data folder.
        folder: PathBuf,
        /// What there is in place of the store.
        found: &'static str,
    },
    /// The marker can't be read.
    #[error(
        "{}: not the id of a store; if the {STORE_FILE} beside it is this node's own, remove this file, and the node \
         writes it again",
        .0.display()
    )]
    NotAMarker(PathBuf),
    /// The folder is missing or can't be written, or the disk fails.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Opens the store in a folder, which must be there; makes it if the folder never had one.
///
/// A folder that was put back from an older copy, marker and all, can't be told from one that was never away. Nor can
/// one from which the marker was removed along with the store.
///
/// # Errors
/// [`OpenError`], with the path.
pub fn open(folder: &Path) -> Result<(RedbStore, Writer), OpenError> {
    open_controlled(folder, None)
}

/// As [`open`], with a file that can be broken.
///
/// # Errors
/// As [`open`].
pub fn open_controlled(folder: &Path, control: Option<&Arc<Control>>) -> Result<(RedbStore, Writer), OpenError> {
    let path = folder.join(STORE_FILE);
    let marked = marker::read(folder)?;
    if is_missing(&path)? {
        if marked.is_some() {
            return Err(OpenError::Lost {
                folder: folder.to_owned(),
                found: "is missing or empty",
            });
        }
        let unfinished = folder.join(UNFINISHED_FILE);
        let made = guard(|| make_file(&unfinished, &path)).unwrap_or_else(|why| Err(Trouble::Unreadable(why)));
        made.map_err(|trouble| trouble.at(unfinished))?;
    }
    let opened = guard(|| open_file(&path, marked, control)).unwrap_or_else(|why| Err(Trouble::Unreadable(why)));
    let (id, store, writer) = opened.map_err(|trouble| trouble.at(path))?;
    if marked.is_none() {
        marker::write(folder, id)?;
    }
    Ok((store, writer))
}

fn is_missing(path: &Path) -> Result<bool, OpenError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(metadata.len() == 0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(OpenError::Io {
            path: path.to_owned(),
            error,
        }),
    }
}

/// Makes a store at `path`, in one step from an unfinished one.
fn make_file(unfinished: &Path, path: &Path) -> Result<(), Trouble> {
    let mut options = fs::OpenOptions::new();
    let file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(unfinished);
    let file = file.map_err(redb::Error::Io)?;
    file.try_lock().map_err(|error| match error {
        fs::TryLockError::WouldBlock => redb::Error::DatabaseAlreadyOpen,
        fs::TryLockError::Error(error) => redb::Error::Io(error),
    })?;
    // Who was killed while it made one may have left something.
    file.set_len(0).map_err(redb::Error::Io)?;
    let mut database = builder().create_file(file)?;
    prepare(&mut database, None)?;
    drop(database);
    Ok(fs::rename(unfinished, path).map_err(redb::Error::Io)?)
}

fn open_file(
    path: &Path,
    marked: Option<StoreId>,
    control: Option<&Arc<Control>>,
) -> Result<(StoreId, RedbStore, Writer), Trouble> {
    let mut options = fs::OpenOptions::new();
    let file = options.read(true).write(true).open(path);
    let file = file.map_err(redb::Error::Io)?;
    let mut database = match control {
        None => builder().create_file(file)?,
        Some(control) => builder().create_with_backend(Handle(control.wrap(FileBackend::new(file)?)))?,
    };
    let id = prepare(&mut database, marked)?;
    let (store, writer) = share(path, database, control)?;
    Ok((id, store, writer))
}

pub(super) fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// Opens what is in no folder, and so has no marker.
#[cfg(test)]
pub(super) fn open_database(path: &Path, mut database: Database) -> Result<(RedbStore, Writer), Trouble> {
    prepare(&mut database, None)?;
    share(path, database, None)
}

fn share(path: &Path, database: Database, control: Option<&Arc<Control>>) -> Result<(RedbStore, Writer), Trouble> {
    let shared = Arc::new(Shared {
        path: path.to_owned(),
        database,
        commits: AtomicU64::new(0),
        control: control.cloned(),
    });
    Ok((RedbStore::new(Arc::clone(&shared))?, Writer::new(shared)))
}

/// Checks a store, or makes one of an empty file, unless there is to be the one that is marked. Its id, which is
/// durable.
///
/// Reads all of the file once: a page that was damaged while nobody looked is found now, and not when it is needed. A
/// million records take 0.3 s, a little more than the core takes for its digests right after.
fn prepare(database: &mut Database, marked: Option<StoreId>) -> Result<StoreId, Trouble> {
    if !database.check_integrity()? {
        let why = "damaged: a page does not fit its checksum";
        return Err(Trouble::Unreadable(why.to_owned()));
    }
    let format = format(database)?;
    if let Some(found) = format.filter(|found| *found != FORMAT) {
        return Err(Trouble::OtherFormat(found));
    }
    let id = match format {
        None => None,
        Some(_) => store_id(database)?,
    };
    match (id, marked) {
        (Some(id), Some(marked)) if id != marked => Err(Trouble::Lost("is another")),
        (Some(id), _) => Ok(id),
        (None, Some(_)) => Err(Trouble::Lost("is none that was ever marked")),
        (None, None) => Ok(make_tables(database, StoreId::draw())?),
    }
}

/// What is wrong with a file, before its path is added.
#[derive(Debug)]
pub(super) enum Trouble {
    Redb(redb::Error),
    Unreadable(String),
    OtherFormat(u32),
    Lost(&'static str),
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
            Trouble::Lost(found) => OpenError::Lost {
                folder: path.parent().expect("a store is in a folder").to_owned(),
                found,
            },
        }
    }
}

/// What is wrong with the file at `path`.
pub(super) fn trouble_at(error: redb::Error, path: PathBuf) -> OpenError {
    Trouble::Redb(error).at(path)
}

impl From<MarkerError> for OpenError {
    fn from(error: MarkerError) -> OpenError {
        match error {
            MarkerError::NotAnId(path) => OpenError::NotAMarker(path),
            MarkerError::Io { path, error } => OpenError::Io { path, error },
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

/// The id of a store; `None` if it was made before stores had any.
fn store_id(database: &Database) -> Result<Option<StoreId>, redb::Error> {
    let memory = database.begin_read()?.open_table(MEMORY)?;
    let Some(sealed) = memory.get(STORE_ID_NAME)? else {
        return Ok(None);
    };
    let id = unseal(STORE_ID_NAME.as_bytes(), sealed.value());
    id.map(Some)
        .map_err(|damage| redb::Error::Corrupted(damage.to_string()))
}

/// Makes whatever is missing of the tables, and gives the store its id.
fn make_tables(database: &Database, id: StoreId) -> Result<StoreId, redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(RECORDS)?;
    transaction.open_table(HINTS)?;
    transaction.open_table(WRITES)?;
    let format = seal(FORMAT_NAME.as_bytes(), &FORMAT);
    let sealed_id = seal(STORE_ID_NAME.as_bytes(), &id);
    let mut memory = transaction.open_table(MEMORY)?;
    memory.insert(FORMAT_NAME, format.as_slice())?;
    memory.insert(STORE_ID_NAME, sealed_id.as_slice())?;
    drop(memory);
    transaction.commit()?;
    Ok(id)
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
        let found = FORMAT + 1;
        assert!(
            matches!(error, OpenError::OtherFormat { found: other, .. } if other == found),
            "{error}"
        );
        let why = format!("store.redb: format {found}, of which this version reads {FORMAT} alone");
        assert!(error.to_string().ends_with(&why), "{error}");
    }
    /// The ids in the store and in the marker of a folder that nobody has open.
    fn ids(folder: &Path) -> (Option<StoreId>, Option<StoreId>) {
        let database = builder().open(folder.join(STORE_FILE)).unwrap();
        (store_id(&database).unwrap(), marker::read(folder).unwrap())
    }

    fn made() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        drop(open(folder.path()).unwrap());
        folder
    }

    fn found(folder: &Path) -> &'static str {
        match open(folder).map(drop) {
            Err(OpenError::Lost { found, .. }) => found,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_store_and_its_marker_agree_and_no_two_are_alike() {
        let folders = [made(), made()];
        let [one, other] = folders.each_ref().map(|folder| ids(folder.path()));
        assert!(one.0.is_some() && one.0 == one.1, "{one:?}");
        assert_ne!(one, other);
        drop(open(folders[0].path()).unwrap());
        assert_eq!(ids(folders[0].path()), one, "it is the same at every start");
    }

    /// Nothing is at the store's own place until it is whole: redb itself takes several steps to make a file.
    #[test]
    fn what_was_left_of_a_store_that_was_being_made_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let unfinished = folder.path().join(UNFINISHED_FILE);
        fs::write(&unfinished, [0; 4_096]).unwrap();
        drop(open(folder.path()).unwrap());
        assert!(!unfinished.exists());
        let (id, marked) = ids(folder.path());
        assert!(id.is_some() && id == marked);
    }

    /// Two nodes on one folder, at their first start.
    #[test]
    fn a_store_that_another_is_making_is_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let unfinished = folder.path().join(UNFINISHED_FILE);
        let other = builder().create(&unfinished).unwrap();
        let error = open(folder.path()).map(drop).unwrap_err();
        assert!(
            matches!(&error, OpenError::InUse(path) if *path == unfinished),
            "{error}"
        );
        drop(other);
        drop(open(folder.path()).unwrap());
    }

    #[test]
    fn a_folder_that_has_lost_its_store_is_refused_and_left_alone() {
        let folder = made();
        let path = folder.path().join(STORE_FILE);
        fs::remove_file(&path).unwrap();
        assert_eq!(found(folder.path()), "is missing or empty");
        assert!(!path.exists());
        fs::write(&path, "").unwrap();
        assert_eq!(found(folder.path()), "is missing or empty");
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
        drop(builder().create(&path).unwrap());
        assert_eq!(found(folder.path()), "is none that was ever marked");
        assert_eq!(format(&builder().open(&path).unwrap()).unwrap(), None);
    }

    #[test]
    fn another_store_in_place_of_the_marked_one_is_refused() {
        let (folder, another) = (made(), made());
        fs::copy(another.path().join(STORE_FILE), folder.path().join(STORE_FILE)).unwrap();
        assert_eq!(found(folder.path()), "is another");
        let error = open(folder.path()).unwrap_err().to_string();
        for said in [
            "this identity's store was lost",
            "store.id",
            "another node",
            "quorate certs DIR --node NAME",
        ] {
            assert!(error.contains(said), "{error}");
        }
    }

    /// As after a crash between the two, and where the store is older than markers.
    #[test]
    fn a_marker_that_is_missing_is_written_again() {
        let folder = made();
        let before = ids(folder.path());
        fs::remove_file(folder.path().join(marker::FILE)).unwrap();
        drop(open(folder.path()).unwrap());
        assert_eq!(ids(folder.path()), before);

        let database = builder().open(folder.path().join(STORE_FILE)).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(MEMORY).unwrap().remove(STORE_ID_NAME).unwrap();
        transaction.commit().unwrap();
        drop(database);
        assert_eq!(found(folder.path()), "is none that was ever marked");
        fs::remove_file(folder.path().join(marker::FILE)).unwrap();
        drop(open(folder.path()).unwrap());
        let after = ids(folder.path());
        assert!(after.0.is_some() && after.0 == after.1 && after != before);
    }

    #[test]
    fn a_marker_that_is_not_one_is_named() {
        let folder = made();
        let path = folder.path().join(marker::FILE);
        for text in [
            "",
            "00",
            "g0000000000000000000000000000000\n",
            "+0000000000000000000000000000000\n",
        ] {
            fs::write(&path, text).unwrap();
            let error = open(folder.path()).unwrap_err();
            assert!(
                matches!(&error, OpenError::NotAMarker(named) if *named == path),
                "{error}"
            );
        }
    }

    /// What can't be told: the folder as it was, with everything that was in it.
    #[test]
    fn an_older_copy_of_a_folder_is_taken_for_the_folder() {
        let (folder, copy) = (made(), tempfile::tempdir().unwrap());
        for file in [STORE_FILE, marker::FILE] {
            fs::copy(folder.path().join(file), copy.path().join(file)).unwrap();
        }
        assert!(open(copy.path()).is_ok());
    }
}
