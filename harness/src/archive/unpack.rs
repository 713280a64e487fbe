//! Unpacking a run that somebody has packed.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Write as _},
    path::{Component, Path, PathBuf},
};

use anyhow::Context as _;
use flate2::read::GzDecoder;
use tar::{Archive, Entry, EntryType};

use super::is_archive;
use crate::{exit::ExitError, input::bad_input};

/// How much is unpacked at most.
#[derive(Clone, Copy, Debug)]
struct Limits {
    bytes: u64,
    entries: usize,
}

/// Hours of load on real processes leave a gigabyte; the events of a simulation as long leave several. Of files there are
/// some dozens, and four for each broken claim.
const LIMITS: Limits = Limits {
    bytes: 16 << 30,
    entries: 10_000,
};

/// How many bytes are copied at a time.
const BLOCK_BYTES: usize = 1 << 16;

/// Unpacks an archive of one run into the folder `into`, and returns the run's folder in it.
///
/// # Errors
/// If it is no such archive, or holds what has no business in one: exit code 65. If it can't be written.
pub fn unpack(archive: &Path, into: &Path) -> anyhow::Result<PathBuf> {
    unpack_within(archive, into, LIMITS)
}

fn unpack_within(archive: &Path, into: &Path, limits: Limits) -> anyhow::Result<PathBuf> {
    let bad = |why: &dyn std::fmt::Display| bad_input(archive, why);
    let file = File::open(archive).map_err(|error| bad(&error))?;
    if !is_archive(archive) {
        return Err(bad(&"it is no archive of a run: it does not begin as a .tar.gz does"));
    }
    let mut tar = Archive::new(GzDecoder::new(BufReader::new(file)));
    let mut unpacking = Unpacking {
        archive,
        into,
        limits,
        left: limits,
        top: None,
    };
    let broken = |error: io::Error| bad(&format!("it is no whole archive of a run: {error}"));
    // Raw: what extends an entry may be of any size, and is read into memory otherwise.
    for entry in tar.entries().map_err(broken)?.raw(true) {
        unpacking.take(&mut entry.map_err(broken)?)?;
    }
    // The checksum comes last.
    let mut rest = tar.into_inner().take(limits.bytes);
    io::copy(&mut rest, &mut io::sink()).map_err(broken)?;
    let top = unpacking.top.ok_or_else(|| bad(&"it is empty"))?;
    let folder = into.join(&top);
    if folder.join("run.json").is_file() {
        return Ok(folder);
    }
    Err(bad(&format!(
        "it holds no run: there is no {}/run.json in it",
        top.display()
    )))
}

/// An archive that is being unpacked.
struct Unpacking<'a> {
    archive: &'a Path,
    into: &'a Path,
    limits: Limits,
    left: Limits,
    /// The run's folder in the archive.
    top: Option<PathBuf>,
}

impl Unpacking<'_> {
    fn bad(&self, why: impl std::fmt::Display) -> anyhow::Error {
        bad_input(self.archive, &why)
    }

    fn take<R: Read>(&mut self, entry: &mut Entry<'_, R>) -> anyhow::Result<()> {
        let path = entry.path().map_err(|error| self.bad(error))?.into_owned();
        let is_folder = entry.header().entry_type() == EntryType::Directory;
        if !is_folder && entry.header().entry_type() != EntryType::Regular {
            return Err(self.bad(format!("{} is neither a file nor a folder", path.display())));
        }
        let inner = self.inner(&path)?;
        if !self.count(entry.size()) {
            let Limits { bytes, entries } = self.limits;
            let why = format!("it holds more than {bytes} bytes or {entries} files, which no run does");
            return Err(self.bad(why));
        }
        let parts = inner.components().count();
        match (is_folder, parts) {
            (true, 0) => return Ok(()),
            (false, 0 | 1) => return Err(self.bad(format!("{} lies outside of a run's folder", path.display()))),
            _ => self.enter(&inner)?,
        }
        let target = self.into.join(&inner);
        if is_folder {
            return self.made(fs::create_dir_all(&target), &inner);
        }
        self.made(fs::create_dir_all(target.parent().expect("it has two parts")), &inner)?;
        let file = File::create_new(&target);
        let size = entry.size();
        match file {
            Ok(file) => self.copy(entry, file, size, &inner),
            Err(error) => self.made(Err(error), &inner),
        }
    }

    /// The path that an entry has below the folder that it is unpacked into.
    fn inner(&self, path: &Path) -> anyhow::Result<PathBuf> {
        let mut inner = PathBuf::new();
        for part in path.components() {
            match part {
                Component::Normal(part) => inner.push(part),
                Component::CurDir => {}
                _ => return Err(self.bad(format!("{} leads out of it", path.display()))),
            }
        }
        Ok(inner)
    }

    /// Everything lies in one folder.
    fn enter(&mut self, inner: &Path) -> anyhow::Result<()> {
        let top = PathBuf::from(inner.iter().next().expect("it has a part"));
        match &self.top {
            Some(first) if *first != top => Err(self.bad(format!(
                "it holds two folders, {} and {}: an archive is of one run",
                first.display(),
                top.display()
            ))),
            _ => {
                self.top = Some(top);
                Ok(())
            }
        }
    }

    /// Counts an entry, unless it is one too many.
    fn count(&mut self, bytes: u64) -> bool {
        let left = (self.left.bytes.checked_sub(bytes), self.left.entries.checked_sub(1));
        let (Some(bytes), Some(entries)) = left else {
            return false;
        };
        self.left = Limits { bytes, entries };
        true
    }

    /// What is in the way of an entry came from the archive too.
    fn made(&self, result: io::Result<()>, inner: &Path) -> anyhow::Result<()> {
        match result {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory
                ) =>
            {
                Err(self.bad(format!("{} is in it twice", inner.display())))
            }
            result => result.with_context(|| format!("write {}", self.into.join(inner).display())),
        }
    }

    fn copy(&self, entry: &mut impl Read, mut file: File, size: u64, inner: &Path) -> anyhow::Result<()> {
        let mut block = vec![0; BLOCK_BYTES];
        let mut left = size;
        loop {
            let read = entry.read(&mut block);
            let read =
                read.map_err(|error| self.bad(format!("it ends in {}, or is broken there: {error}", inner.display())))?;
            if read == 0 {
                break;
            }
            left -= read as u64;
            self.made(file.write_all(&block[..read]), inner)?;
        }
        if left > 0 {
            return Err(ExitError::input(format!(
                "read {}: it ends in the middle of {}",
                self.archive.display(),
                inner.display()
            ))
            .into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compression, write::GzEncoder};
    use tar::{Builder, Header};
    use tempfile::TempDir;

    use super::*;

    /// An archive of such entries: path, kind, text.
    fn archive(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
        let mut tar = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, kind, text) in entries {
            let mut header = Header::new_ustar();
            header.set_entry_type(*kind);
            header.set_size(text.len() as u64);
            // Past `set_path`, which refuses what is to be refused here.
            header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            if matches!(kind, EntryType::Symlink | EntryType::Link) {
                header.set_link_name("/etc/passwd").expect("a short name");
            }
            header.set_cksum();
            tar.append(&header, text.as_bytes()).expect("into memory");
        }
        tar.into_inner().and_then(GzEncoder::finish).expect("into memory")
    }

    /// Unpacks these bytes; what is wrong with them, or the files that came of them.
    fn unpacked(bytes: &[u8], limits: Limits) -> Result<Vec<String>, String> {
        let folder = TempDir::new().expect("a folder");
        let (file, into) = (folder.path().join("x.tar.gz"), folder.path().join("into"));
        fs::write(&file, bytes).expect("written");
        fs::create_dir(&into).expect("made");
        let run = unpack_within(&file, &into, limits).map_err(|error| {
            assert_eq!(crate::exit::exit_of(&error), crate::exit::Exit::InputData, "{error:#}");
            format!("{error:#}")
        })?;
        let files = crate::runs::files_of(&run).expect("just written");
        Ok(files.iter().map(|file| file.path.display().to_string()).collect())
    }

    const FILE: EntryType = EntryType::Regular;
    const FOLDER: EntryType = EntryType::Directory;

    #[test]
    fn a_run_is_unpacked_as_any_tar_packs_it() {
        let entries = [
            ("./", FOLDER, ""),
            ("./run/", FOLDER, ""),
            ("./run/run.json", FILE, "{}"),
            ("run/nodes/n0.log", FILE, ""),
        ];
        let expected = vec!["nodes/n0.log".to_owned(), "run.json".to_owned()];
        assert_eq!(unpacked(&archive(&entries), LIMITS), Ok(expected));
    }

    #[test]
    fn what_has_no_business_in_a_run_is_refused() {
        let run = ("run/run.json", FILE, "{}");
        let cases = [
            (vec![], "empty"),
            (vec![("run/tape.jsonl", FILE, "")], "no run/run.json"),
            (vec![run, ("../x", FILE, "")], "../x leads out of it"),
            (vec![run, ("run/../../x", FILE, "")], "leads out of it"),
            (vec![run, ("/x", FILE, "")], "/x leads out of it"),
            (vec![run, ("x", FILE, "")], "x lies outside"),
            (vec![run, ("other/run.json", FILE, "{}")], "two folders, run and other"),
            (
                vec![run, ("run/x", EntryType::Symlink, "")],
                "neither a file nor a folder",
            ),
            (vec![run, ("run/x", EntryType::Link, "")], "neither a file nor a folder"),
            (vec![run, ("run/x", EntryType::Fifo, "")], "neither a file nor a folder"),
            (
                vec![run, ("run/x", EntryType::XHeader, "11 path=/x\n")],
                "neither a file",
            ),
            (vec![run, run], "run/run.json is in it twice"),
            (vec![run, ("run/run.json/x", FILE, "")], "is in it twice"),
        ];
        for (entries, expected) in cases {
            let why = unpacked(&archive(&entries), LIMITS).expect_err(expected);
            assert!(why.contains(expected), "{why:?} does not say {expected:?}");
        }
    }

    #[test]
    fn no_more_is_unpacked_than_a_run_can_be() {
        let entries = [("run/run.json", FILE, "{}"), ("run/x", FILE, "0123456789")];
        let limits = |bytes, entries| Limits { bytes, entries };
        assert!(unpacked(&archive(&entries), limits(12, 2)).is_ok());
        for limits in [limits(11, 2), limits(12, 1)] {
            let why = unpacked(&archive(&entries), limits).expect_err("too much");
            assert!(why.contains("more than"), "{why}");
        }
    }

    #[test]
    fn what_is_torn_or_altered_is_refused_wherever_it_is() {
        let text: String = (0..2000).map(|number| number.to_string()).collect();
        let whole = archive(&[("run/run.json", FILE, "{}"), ("run/x", FILE, &text)]);
        assert!(unpacked(&whole, LIMITS).is_ok());
        for length in (0..whole.len()).step_by(97).chain([whole.len() - 1]) {
            assert!(unpacked(&whole[..length], LIMITS).is_err(), "torn after {length} bytes");
        }
        let mut altered = whole;
        let last = altered.len() - 8;
        altered[last] ^= 1;
        assert!(unpacked(&altered, LIMITS).is_err(), "its checksum is another");
    }
}
