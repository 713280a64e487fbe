//! A run from elsewhere, among those that are here.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use anyhow::Context as _;

use super::list::LATEST;
use crate::{archive, exit::ExitError, input::bad_input, run_folder::RunFolder};

/// Unpacks an archive to `<out>/<scenario>/<run>/`, whole or not at all, and returns that path. `latest` stays what it is: the
/// last run that was made here.
///
/// # Errors
/// If it is no archive of a run that this build can read (exit code 65), or the run is there already (64); if it can't be written.
pub fn import(file: &Path, out: &Path) -> anyhow::Result<PathBuf> {
    // Beside where it goes, so that it is moved there in one step; and in what is there already, so that nothing is made for what
    // then turns out to be no run.
    let place = out.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    let into = tempfile::Builder::new().prefix(".import-").tempdir_in(place);
    let into = into.with_context(|| format!("make a folder in {}", place.display()))?;
    let unpacked = archive::unpack(file, into.path())?;
    let in_archive = || format!("open {}", file.display());
    let run = RunFolder::open(&unpacked).with_context(in_archive)?;
    let scenario = run.scenario().with_context(in_archive)?.name;
    let name = unpacked.file_name().expect("a folder below another has a name");
    let is_plain = matches!(
        &*Path::new(&scenario).components().collect::<Vec<_>>(),
        [Component::Normal(_)]
    );
    if !is_plain || name == LATEST {
        let why = format!(
            "its scenario {scenario:?} or its folder {} has a name that no run has",
            Path::new(name).display()
        );
        return Err(bad_input(file, &why));
    }
    let parent = out.join(scenario);
    let target = parent.join(name);
    if target.symlink_metadata().is_ok() {
        return Err(ExitError::usage(format!(
            "import {}: {} is there already",
            file.display(),
            target.display()
        ))
        .into());
    }
    fs::create_dir_all(&parent).with_context(|| format!("create folder {}", parent.display()))?;
    fs::rename(&unpacked, &target).with_context(|| format!("write {}", target.display()))?;
    Ok(target)
}
