//! Packing a run.

use std::{
    fs::{File, Permissions},
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use anyhow::{Context as _, bail};
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

use crate::{
    exit::ExitError,
    run_folder::RunFolder,
    runs::{RunFile, files_of},
    utc,
};

/// Packs a run into the file `out`, whole or not at all. One that is there is written over only if `replace`.
///
/// What is no plain file stays out of it, and so does what only living nodes had: their data, and with it their keys.
///
/// # Errors
/// If the file is there (exit code 64), or something can't be read or written, with its path.
pub fn pack(run: &RunFolder, out: &Path, replace: bool) -> anyhow::Result<()> {
    let there = || {
        ExitError::usage(format!(
            "write {}: it is there already, and --force was not given",
            out.display()
        ))
    };
    if !replace && out.symlink_metadata().is_ok() {
        return Err(there().into());
    }
    let failed = || format!("write {}", out.display());
    // `parent` of a bare name is empty, which is no folder.
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty());
    let beside = tempfile::Builder::new()
        .prefix(".export-")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(parent.unwrap_or(Path::new(".")))
        .with_context(failed)?;
    write(run, io::BufWriter::new(beside.as_file()))?;
    let kept = if replace {
        beside.persist(out)
    } else {
        beside.persist_noclobber(out)
    };
    match kept {
        Err(failure) if failure.error.kind() == io::ErrorKind::AlreadyExists => Err(there().into()),
        kept => kept.map(drop).map_err(|failure| failure.error).with_context(failed),
    }
}

fn write(run: &RunFolder, out: impl Write) -> anyhow::Result<()> {
    let (folder, top) = (run.path(), run.name()?);
    let started = utc::unix_seconds(&run.manifest()?.started).and_then(|seconds| u64::try_from(seconds).ok());
    let mut tar = Builder::new(GzBuilder::new().write(out, Compression::default()));
    for file in files_of(folder)? {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        header.set_mtime(started.unwrap_or(0));
        header.set_size(file.bytes);
        let path = Path::new(&top).join(&file.path);
        header
            .set_path(&path)
            .with_context(|| format!("name {} in an archive", path.display()))?;
        header.set_cksum();
        append(&mut tar, &header, folder, &file)?;
    }
    tar.into_inner()?.finish()?.flush()?;
    Ok(())
}

fn append(tar: &mut Builder<impl Write>, header: &Header, folder: &Path, file: &RunFile) -> anyhow::Result<()> {
    let path = folder.join(&file.path);
    let open = File::open(&path).with_context(|| format!("read {}", path.display()))?;
    let mut open = open.take(file.bytes);
    tar.append(header, &mut open)
        .with_context(|| format!("pack {}", path.display()))?;
    if open.limit() > 0 {
        bail!("pack {}: it was cut while it was read", path.display());
    }
    Ok(())
}
