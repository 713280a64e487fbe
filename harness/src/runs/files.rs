//! The files of a run.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

/// A file of a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunFile {
    /// Its path in the run's folder.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
}

/// What the folder of living nodes' data begins with; one stays behind only where the harness was killed.
const DATA_PREFIX: &str = "data-";

/// The plain files in a run's folder, sorted by path. Links, sockets and the data of nodes are left out.
///
/// # Errors
/// If a folder can't be read, with its path.
pub fn files_of(run: &Path) -> anyhow::Result<Vec<RunFile>> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let inner = take(run, &folder, &mut files);
        folders.extend(inner.with_context(|| format!("read {}", run.join(&folder).display()))?);
    }
    files.sort();
    Ok(files)
}

/// Adds the files of one folder, and returns the folders in it.
fn take(run: &Path, folder: &Path, files: &mut Vec<RunFile>) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(run.join(folder))? {
        let entry = entry?;
        let (path, kind) = (folder.join(entry.file_name()), entry.file_type()?);
        let is_data = path.to_string_lossy().starts_with(DATA_PREFIX);
        if kind.is_dir() && !is_data {
            folders.push(path);
        } else if kind.is_file() {
            let bytes = entry.metadata()?.len();
            files.push(RunFile { path, bytes });
        }
    }
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn files_are_listed_without_links_and_data() {
        let run = TempDir::new().expect("a folder");
        for path in [
            "nodes/n1.log",
            "nodes/n0.log",
            "run.json",
            "data-x1/n0/key.pem",
            "nodes/data-x/y",
        ] {
            let path = run.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, "12").expect("written");
        }
        symlink("run.json", run.path().join("link")).expect("linked");
        let files = files_of(run.path()).expect("it can be read");
        let paths: Vec<_> = files.iter().map(|file| file.path.to_string_lossy()).collect();
        assert_eq!(paths, ["nodes/data-x/y", "nodes/n0.log", "nodes/n1.log", "run.json"]);
        assert_eq!(files[0].bytes, 2);
    }
}
