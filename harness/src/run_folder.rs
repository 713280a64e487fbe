//! The folder that a run leaves, and how it is read again.
//!
//! `<out>/<scenario>/<utc>-<seed>/`, with `latest` beside it. Files carry a format version; one that this build does not
//! know is refused.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::{
    archive, attendance, ci,
    exit::ExitError,
    fault_log::{self, Entry, Faults},
    input::bad_input,
    report::html,
    scenario::Scenario,
    tape, told, utc, whole_file,
};

/// The version of `run.json`'s form.
const FORMAT: u32 = 1;

/// The files that a run leaves in its folder.
const FILES: [&str; 13] = [
    "run.json",
    "scenario.toml",
    "history.jsonl",
    "faults.jsonl",
    tape::FILE,
    tape::TRACE_FILE,
    "verdict.json",
    "coverage.json",
    ci::JUNIT_FILE,
    ci::SUMMARY_FILE,
    html::FILE,
    told::FILE,
    attendance::FILE,
];

/// The folders that it leaves there.
const FOLDERS: [&str; 2] = ["anomalies", "nodes"];

/// A run's folder.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
    unpacked: Option<Unpacked>,
}

/// Where the folder comes from, of a run that was opened from its archive.
#[derive(Clone, Debug)]
struct Unpacked {
    archive: PathBuf,
    /// What it was unpacked into: goes away with the last that holds it.
    _into: Arc<TempDir>,
}

/// What a run was: enough to make it again, and to know on what it was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the file's form.
    pub format: u32,
    /// The command, as it was typed.
    pub command: Vec<String>,
    /// Real processes, or the simulator.
    pub backend: Backend,
    /// The seed.
    pub seed: u64,
    /// When it began, in UTC.
    pub started: String,
    /// The commit that the harness was built from.
    pub commit: String,
    /// Whether there were changes on top of it.
    pub dirty: bool,
    /// The compiler that built the harness.
    pub toolchain: String,
    /// The harness's version.
    pub version: String,
    /// The machine.
    pub host: Host,
    /// Of real processes: when times in its record are counted from, in nanoseconds since 1970, as the nodes' logs tell time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zero_unix_ns: Option<u64>,
    /// How it ended; `None` while it goes on, or if it was cut short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
}

/// What a run was made on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// Real processes.
    Processes,
    /// Virtual time.
    Simulated,
}

impl Backend {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Backend::Processes => "processes",
            Backend::Simulated => "simulated",
        }
    }
}

/// The machine of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Host {
    /// As the compiler names it.
    pub os: String,
    /// As the compiler names it.
    pub arch: String,
    /// Processors that the harness may use.
    pub cpus: usize,
}

/// How a run ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ended {
    /// The exit code.
    pub exit: u8,
    /// From the first process to the last file.
    pub seconds: f64,
    /// Of a simulated run: the hash of all that happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_hash: Option<String>,
}

impl Manifest {
    /// What is known at the beginning of a run.
    pub fn new(backend: Backend, seed: u64) -> Manifest {
        Manifest {
            format: FORMAT,
            command: std::env::args().collect(),
            backend,
            seed,
            started: utc::now(),
            commit: env!("QUORATE_COMMIT").to_owned(),
            dirty: env!("QUORATE_DIRTY") == "true",
            toolchain: env!("QUORATE_TOOLCHAIN").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: Host {
                os: std::env::consts::OS.to_owned(),
                arch: std::env::consts::ARCH.to_owned(),
                cpus: std::thread::available_parallelism().map_or(1, usize::from),
            },
            zero_unix_ns: None,
            ended: None,
        }
    }
}

impl RunFolder {
    /// Makes the folder of a new run below `out`, with its scenario and its manifest.
    ///
    /// # Errors
    /// If it can't be made or written, with its path.
    pub fn create(out: &Path, scenario: &Scenario, manifest: &Manifest) -> anyhow::Result<RunFolder> {
        let parent = out.join(&scenario.name);
        fs::create_dir_all(&parent).with_context(|| format!("create folder {}", parent.display()))?;
        let stem = format!("{}-{}", manifest.started, manifest.seed);
        let path = create_unused(&parent, &stem)?;
        let folder = RunFolder { path, unpacked: None };
        folder.write("scenario.toml", &scenario.to_toml())?;
        folder.write_manifest(manifest)?;
        folder.link_latest(&parent)?;
        Ok(folder)
    }

    /// Makes `path` the folder of a new run, in the place of a run that was there. What else is there stays.
    ///
    /// # Errors
    /// If it can't be made or written, with its path.
    pub fn create_at(path: &Path, scenario: &Scenario, manifest: &Manifest) -> anyhow::Result<RunFolder> {
        fs::create_dir_all(path).with_context(|| format!("create folder {}", path.display()))?;
        let folder = RunFolder {
            path: path.to_owned(),
            unpacked: None,
        };
        for name in FILES {
            remove(&folder.file(name), |path| fs::remove_file(path))?;
        }
        for name in FOLDERS {
            remove(&folder.file(name), |path| fs::remove_dir_all(path))?;
        }
        folder.write("scenario.toml", &scenario.to_toml())?;
        folder.write_manifest(manifest)?;
        Ok(folder)
    }

    /// The run that the user has named: by its folder, or by its archive, which is unpacked for as long as the folder is
    /// needed.
    ///
    /// # Errors
    /// If `path` is neither.
    pub fn open(path: &Path) -> anyhow::Result<RunFolder> {
        if archive::is_archive(path) {
            return RunFolder::unpack(path);
        }
        RunFolder::at(path.to_owned(), None)
    }

    fn unpack(archive: &Path) -> anyhow::Result<RunFolder> {
        let into = tempfile::Builder::new().prefix("quorate-").tempdir();
        let into = into.context("make a folder for what is in it")?;
        let path = archive::unpack(archive, into.path())?;
        let unpacked = Unpacked {
            archive: archive.to_owned(),
            _into: Arc::new(into),
        };
        RunFolder::at(path, Some(unpacked)).with_context(|| format!("open {}", archive.display()))
    }

    fn at(path: PathBuf, unpacked: Option<Unpacked>) -> anyhow::Result<RunFolder> {
        let folder = RunFolder { path, unpacked };
        let manifest = folder.manifest()?;
        if manifest.format == FORMAT {
            return Ok(folder);
        }
        let message = format!(
            "read {}: format {} is not known: this build reads format {FORMAT}",
            folder.file("run.json").display(),
            manifest.format
        );
        Err(ExitError::input(message).into())
    }

    /// Whether `path` is to be opened as a run, and as nothing else: a folder or an archive.
    pub fn is_one(path: &Path) -> bool {
        path.is_dir() || archive::is_archive(path)
    }

    /// The run whose folder a file lies in, if it lies in one.
    ///
    /// # Errors
    /// If there is one, and it can't be read.
    pub fn around(path: &Path) -> anyhow::Result<Option<RunFolder>> {
        let mut folders = path.ancestors().skip(1);
        let folder = folders.find(|folder| folder.join("run.json").is_file());
        folder.map(RunFolder::open).transpose()
    }

    /// Its folder's name, by whatever link it was opened.
    ///
    /// # Errors
    /// If the folder has gone, or is the root of all others.
    pub fn name(&self) -> anyhow::Result<String> {
        let folder = self.path.canonicalize();
        let folder = folder.with_context(|| format!("read {}", self.path.display()))?;
        let name = folder.file_name().context("name the root of all folders")?;
        Ok(name.to_string_lossy().into_owned())
    }

    /// What the user calls it: its folder, or its archive.
    pub fn origin(&self) -> &Path {
        self.unpacked.as_ref().map_or(&self.path, |unpacked| &unpacked.archive)
    }

    /// Where something goes that is found out about the run later: into its folder, or beside its archive, under the
    /// archive's name.
    pub fn later_file(&self, name: &str) -> PathBuf {
        match &self.unpacked {
            Some(unpacked) => archive::beside(&unpacked.archive, name),
            None => self.file(name),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file, or replaces it, whole.
    ///
    /// # Errors
    /// If it can't be written, with its path. What was there before stays.
    pub fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.file(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("create folder {}", parent.display()))?;
        }
        whole_file::replace(&path, text).with_context(|| format!("write {}", path.display()))
    }

    /// Writes `run.json`.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write_manifest(&self, manifest: &Manifest) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(manifest)?;
        self.write("run.json", &(text + "\n"))
    }

    /// Reads `run.json`.
    ///
    /// # Errors
    /// If it is not there, or is none.
    pub fn manifest(&self) -> anyhow::Result<Manifest> {
        let path = self.file("run.json");
        serde_json::from_str(&read_input(&path)?).map_err(|error| bad_input(&path, &error))
    }

    /// Reads `scenario.toml`.
    ///
    /// # Errors
    /// If it is not there, or is none.
    pub fn scenario(&self) -> anyhow::Result<Scenario> {
        let path = self.file("scenario.toml");
        Scenario::from_toml(&read_input(&path)?).map_err(|error| bad_input(&path, &error))
    }

    /// Reads `faults.jsonl`. A torn last line, which a harness that died leaves, is passed over.
    ///
    /// # Errors
    /// If it is not there, or another line is none of it.
    pub fn faults(&self) -> anyhow::Result<Faults> {
        let path = self.file("faults.jsonl");
        let text = read_input(&path)?;
        let mut entries = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let is_torn = !text.ends_with('\n') && text.ends_with(line);
            match serde_json::from_str::<Entry>(line) {
                Ok(entry) if entry.format == fault_log::FORMAT => entries.push(entry),
                Ok(entry) => {
                    let why = format!("format {} is not known", entry.format);
                    return Err(bad_input(&path, &format!("line {}: {why}", number + 1)));
                }
                Err(_) if is_torn => {}
                Err(error) => return Err(bad_input(&path, &format!("line {}: {error}", number + 1))),
            }
        }
        Ok(Faults::from_entries(entries))
    }

    /// Removes a run that was made just now, and the link that says that it is the latest.
    ///
    /// # Errors
    /// If it can't be removed, with its path.
    pub fn remove(self) -> anyhow::Result<()> {
        let link = self.path.with_file_name("latest");
        if fs::read_link(&link).is_ok_and(|to| Some(to.as_os_str()) == self.path.file_name()) {
            remove(&link, |link| fs::remove_file(link))?;
        }
        remove(&self.path, |path| fs::remove_dir_all(path))
    }

    fn link_latest(&self, parent: &Path) -> anyhow::Result<()> {
        let link = parent.join("latest");
        let name = self.path.file_name().expect("a run's folder has a name");
        remove(&link, |link| fs::remove_file(link))?;
        std::os::unix::fs::symlink(name, &link).with_context(|| format!("link {}", link.display()))
    }
}

fn remove(path: &Path, remove: impl FnOnce(&Path) -> io::Result<()>) -> anyhow::Result<()> {
    match remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Two runs may begin in the same second with the same seed.
fn create_unused(parent: &Path, stem: &str) -> anyhow::Result<PathBuf> {
    for attempt in 1.. {
        let name = if attempt == 1 {
            stem.to_owned()
        } else {
            format!("{stem}-{attempt}")
        };
        let path = parent.join(name);
        match fs::create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => {
                result.with_context(|| format!("create folder {}", path.display()))?;
                return Ok(path);
            }
        }
    }
    unreachable!("some name is free")
}

/// Reads a file that the user named.
///
/// # Errors
/// If it can't be read: exit code 65.
pub fn read_input(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).map_err(|error| bad_input(path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_reads_a_file_finds_it_whole_while_it_is_written_again() {
        let folder = TempDir::new().expect("a folder");
        let run = RunFolder {
            path: folder.path().to_owned(),
            unpacked: None,
        };
        run.write("run.json", "before").expect("written");
        let reader = fs::File::open(run.file("run.json")).expect("it is there");
        run.write("run.json", "afterwards").expect("written");
        assert_eq!(io::read_to_string(reader).expect("it can be read"), "before");
        assert_eq!(
            fs::read_to_string(run.file("run.json")).expect("it is there"),
            "afterwards"
        );
    }
}
