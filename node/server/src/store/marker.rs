//! The marker: a file beside the store that says that there is one, and which.
//!
//! Without it a node whose store was lost would start on an empty one under its old identity, and deny what it has
//! acknowledged. The order on the disk is the store with its id, the folder's entry for it, the marker: a crash in
//! between leaves a store without a marker, which is marked at the next start, and never a marker without its store.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

/// The marker's name in the data folder.
pub(super) const FILE: &str = "store.id";

/// Its name while it is written: a marker is there whole or not at all.
const UNFINISHED_FILE: &str = "store.id.new";

const HEX_DIGITS: usize = 32;

/// What tells a store from every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoreId(u128);

impl StoreId {
    /// One that no other store has.
    pub(super) fn draw() -> StoreId {
        let mut bytes = [0; 16];
        SystemRandom::new().fill(&mut bytes).expect("the system has randomness");
        StoreId(u128::from_be_bytes(bytes))
    }

    fn to_hex(self) -> String {
        format!("{:0HEX_DIGITS$x}", self.0)
    }

    fn from_hex(text: &str) -> Option<StoreId> {
        let is_hex = text.len() == HEX_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = u128::from_str_radix(text, 16).ok().filter(|_| is_hex);
        id.map(StoreId)
    }
}

/// A marker that can't be read or written.
#[derive(Debug)]
pub(super) enum MarkerError {
    NotAnId(PathBuf),
    Io { path: PathBuf, error: io::Error },
}

/// The id in a folder's marker, if it has one.
pub(super) fn read(folder: &Path) -> Result<Option<StoreId>, MarkerError> {
    let path = folder.join(FILE);
    match fs::read_to_string(&path) {
        Ok(text) => match StoreId::from_hex(text.trim_end()) {
            Some(id) => Ok(Some(id)),
            None => Err(MarkerError::NotAnId(path)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(MarkerError::NotAnId(path)),
        Err(error) => Err(MarkerError::Io { path, error }),
    }
}

/// Marks a folder in which the store of this id is durable, but for the folder's entry for it.
pub(super) fn write(folder: &Path, id: StoreId) -> Result<(), MarkerError> {
    let path = folder.join(FILE);
    write_durably(folder, &path, id).map_err(|error| MarkerError::Io { path, error })
}

fn write_durably(folder: &Path, path: &Path, id: StoreId) -> io::Result<()> {
    let folder_file = File::open(folder)?;
    folder_file.sync_all()?;
    let unfinished = folder.join(UNFINISHED_FILE);
    let mut file = File::create(&unfinished)?;
    writeln!(file, "{}", id.to_hex())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    folder_file.sync_all()
}
