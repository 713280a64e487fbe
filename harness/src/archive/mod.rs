//! A run as one file, to be moved between machines: its folder as `.tar.gz`, which is accepted wherever a run is.
//!
//! One run is packed into the same bytes every time: files sorted, nobody's, as old as the run. What is unpacked was
//! packed by somebody else: only files and folders below one folder, none of them twice, and no more than so much.

mod pack;
mod unpack;

pub use self::{pack::pack, unpack::unpack};

use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};

/// How the file's name ends.
pub const SUFFIX: &str = ".tar.gz";

/// What gzip begins with (RFC 1952, 2.3.1).
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Whether this is a file that begins as an archive does. What is no plain file is not read: it might be read only once.
pub fn is_archive(path: &Path) -> bool {
    let mut first = [0; MAGIC.len()];
    let is_file = fs::metadata(path).is_ok_and(|it| it.is_file());
    is_file && File::open(path).is_ok_and(|mut file| file.read_exact(&mut first).is_ok()) && first == MAGIC
}

/// The path of a file of this name that lies beside an archive: `bug.replays.jsonl` beside `bug.tar.gz`.
pub fn beside(archive: &Path, name: &str) -> PathBuf {
    let whole = archive.file_name().unwrap_or_default().to_string_lossy();
    let stem = whole.strip_suffix(SUFFIX).or(whole.strip_suffix(".tgz"));
    let stem = stem.map_or_else(
        || archive.file_stem().unwrap_or_default().to_string_lossy(),
        |stem| stem.into(),
    );
    archive.with_file_name(format!("{stem}.{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beside_an_archive_has_its_name() {
        for (archive, expected) in [
            ("a/bug.tar.gz", "a/bug.replays.jsonl"),
            ("bug.v2.tgz", "bug.v2.replays.jsonl"),
            ("a/bug.of.mine", "a/bug.of.replays.jsonl"),
            ("bug", "bug.replays.jsonl"),
        ] {
            assert_eq!(beside(Path::new(archive), "replays.jsonl"), Path::new(expected));
        }
    }
}
