//! Files that are replaced whole: whoever reads one meanwhile finds what was there before, or all of the new.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Writes `text` beside the file and puts it there in one step.
///
/// # Errors
/// If it can't be written. What was there before stays.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    put(path, text, |_| Ok(()))
}

/// The same, and a machine that stops leaves one of the two whole as well.
///
/// # Errors
/// As [`replace`].
pub fn replace_durably(path: &Path, text: &str) -> io::Result<()> {
    put(path, text, File::sync_all)
}

fn put(path: &Path, text: &str, finish: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
    let mut beside = path.to_owned().into_os_string();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        finish(&file)?;
        fs::rename(&beside, path)
    });
    if written.is_err() {
        // What could be written of it is of no use to anybody.
        let _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn what_is_there_is_the_new_or_if_it_failed_the_old() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("file.jsonl");
        for (replace, text) in [(replace as fn(&Path, &str) -> _, "first"), (replace_durably, "second")] {
            replace(&path, text).expect("written");
            assert_eq!(fs::read_to_string(&path).expect("it is there"), text);
        }
        let failed = put(&path, "third", |_| Err(io::Error::other("the disk is full")));
        assert!(failed.is_err());
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "second");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
    }
}
