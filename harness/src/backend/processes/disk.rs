//! What is done to the data folders of nodes that are down.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, OpenOptions},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use quorate_node::store::{self, RecordName};
use quorate_sim::split_seed;
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use tokio::io::AsyncBufReadExt;

use super::child;
use crate::{
    cluster::Counted,
    fault::{DiskLoss, Place},
};

/// What is read of a disk at a time, and lost of it as a whole.
const SECTOR_BYTES: usize = 512;

/// How long a node may take to say that it does not start.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(20);

/// Copies of stores, as they were.
#[derive(Debug, Default)]
pub(super) struct Copies(BTreeMap<Place, Vec<u8>>);

impl Copies {
    pub(super) fn save(&mut self, node: Place, folder: &Path) -> anyhow::Result<()> {
        self.0.insert(node, read(&store::file_in(folder))?);
        Ok(())
    }

    pub(super) fn restore(&mut self, node: Place, folder: &Path) -> anyhow::Result<Counted> {
        let Some(copy) = self.0.remove(&node) else {
            return Ok(Counted::new());
        };
        let path = store::file_in(folder);
        let present = read(&path)?;
        let sectors = |bytes: &[u8]| bytes.chunks(SECTOR_BYTES).map(<[u8]>::to_vec).collect::<Vec<_>>();
        let (old, new) = (sectors(&copy), sectors(&present));
        let same = old.iter().zip(&new).filter(|(old, new)| old == new).count();
        fs::write(&path, &copy).with_context(|| format!("write {}", path.display()))?;
        Ok(vec![("sectors_gone_back", (old.len().max(new.len()) - same) as u64)])
    }
}

/// Records that were damaged, of which none is damaged at a second node.
#[derive(Debug)]
pub(super) struct Damage {
    rng: Pcg64Mcg,
    damaged: BTreeMap<Place, BTreeSet<RecordName>>,
}

impl Damage {
    pub(super) fn new(seed: u64) -> Damage {
        Damage {
            rng: Pcg64Mcg::seed_from_u64(split_seed(seed, "flipped bits")),
            damaged: BTreeMap::new(),
        }
    }

    pub(super) fn flip_bits(&mut self, node: Place, folder: &Path, records: usize) -> anyhow::Result<usize> {
        let others = self.damaged.iter().filter(|(other, _)| **other != node);
        let spared: BTreeSet<_> = others.flat_map(|(_, names)| names).cloned().collect();
        let flipped = store::flip_bits(folder, records, &spared, &mut self.rng)
            .with_context(|| format!("flip bits in the store of {node}"))?;
        let count = flipped.len();
        self.damaged.entry(node).or_default().extend(flipped);
        Ok(count)
    }
}

/// Spoils a store for good.
pub(super) fn lose(folder: &Path, how: DiskLoss) -> anyhow::Result<()> {
    let path = store::file_in(folder);
    let spoilt = || format!("spoil {}", path.display());
    match how {
        DiskLoss::Wiped => fs::remove_file(&path).with_context(spoilt),
        DiskLoss::Truncated => {
            let file = OpenOptions::new().write(true).open(&path).with_context(spoilt)?;
            let half = file.metadata().with_context(spoilt)?.len() / 2;
            file.set_len(half).with_context(spoilt)
        }
        DiskLoss::Scrambled => {
            let mut bytes = read(&path)?;
            bytes.chunks_mut(SECTOR_BYTES).for_each(|sector| sector[0] ^= 1);
            fs::write(&path, &bytes).with_context(spoilt)
        }
    }
}

/// Starts a node that must not start, and returns how it ended and its last words.
///
/// # Errors
/// If it does start, or is silent for too long.
pub(super) async fn try_to_start(program: &Path, arguments: &[String], log: &Path) -> anyhow::Result<String> {
    let mut process = child::run_node(program, arguments, log)?;
    let mut lines = tokio::io::BufReader::new(process.stdout.take().expect("asked for")).lines();
    loop {
        let line = tokio::time::timeout(REFUSAL_TIMEOUT, lines.next_line()).await;
        let line = line.with_context(|| format!("no sign of life or death in {REFUSAL_TIMEOUT:?}"))??;
        match line {
            Some(line) if line.contains("\"listening\"") => {
                process.kill().await?;
                bail!("it runs, and denies what it has acknowledged");
            }
            Some(_) => {} // Last words on what was ordered of it, which is nothing.
            None => break,
        }
    }
    let status = process.wait().await?;
    Ok(format!("{status}: {}", last_line(log)))
}

fn last_line(path: &Path) -> String {
    let Ok(file) = fs::File::open(path) else {
        return String::new();
    };
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    lines.last().unwrap_or_default()
}

fn read(path: &PathBuf) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("read {}", path.display()))
}
