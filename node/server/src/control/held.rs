//! Writes that are held in memory until they are synced.
//!
//! Kept by sector, which is what a disk writes whole or not at all. When the power is cut any of them may have reached
//! the platter, in any order: a disk promises nothing of what was not synced.

use std::{collections::BTreeMap, io};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use redb::StorageBackend;

use super::order::Cut;

const SECTOR_BYTES: usize = 512;
const SECTOR: u64 = SECTOR_BYTES as u64;

type Sector = [u8; SECTOR_BYTES];

/// What was written since the last sync.
#[derive(Debug, Default)]
pub(super) struct HeldWrites {
    sectors: BTreeMap<u64, Box<Sector>>,
    /// The file's length, if it was changed.
    len: Option<u64>,
}

impl HeldWrites {
    pub(super) fn bytes(&self) -> u64 {
        self.sectors.len() as u64 * SECTOR
    }

    /// How long the file is, as far as whoever writes it knows.
    pub(super) fn len(&self, file: &impl StorageBackend) -> io::Result<u64> {
        match self.len {
            Some(len) => Ok(len),
            None => file.len(),
        }
    }

    /// What a file loses and then gains before a flush may read as what it was: redb writes before it reads.
    pub(super) fn set_len(&mut self, len: u64) {
        self.len = Some(len);
        self.sectors.split_off(&len.div_ceil(SECTOR));
        // What the file gains later reads as zeros, whatever was there before.
        let cut = (len % SECTOR) as usize;
        if let Some(last) = self.sectors.get_mut(&(len / SECTOR)) {
            last[cut..].fill(0);
        }
    }

    pub(super) fn read(&self, file: &impl StorageBackend, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let end = offset + out.len() as u64;
        if end > self.len(file)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let in_file = file.len()?.clamp(offset, end) - offset;
        let (there, beyond) = out.split_at_mut(in_file as usize);
        if !there.is_empty() {
            file.read(offset, there)?;
        }
        beyond.fill(0);
        for (at, sector) in self.sectors.range(offset / SECTOR..end.div_ceil(SECTOR)) {
            let start = at * SECTOR;
            let (from, to) = (start.max(offset), (start + SECTOR).min(end));
            let part = &sector[(from - start) as usize..(to - start) as usize];
            out[(from - offset) as usize..(to - offset) as usize].copy_from_slice(part);
        }
        Ok(())
    }

    pub(super) fn write(&mut self, file: &impl StorageBackend, offset: u64, data: &[u8]) -> io::Result<()> {
        let end = offset + data.len() as u64;
        if end > self.len(file)? {
            self.len = Some(end);
        }
        for at in offset / SECTOR..end.div_ceil(SECTOR) {
            let start = at * SECTOR;
            let (from, to) = (start.max(offset), (start + SECTOR).min(end));
            let mut sector = match self.sectors.remove(&at) {
                Some(sector) => sector,
                None => self.look_up(file, start)?,
            };
            let part = &data[(from - offset) as usize..(to - offset) as usize];
            sector[(from - start) as usize..(to - start) as usize].copy_from_slice(part);
            self.sectors.insert(at, sector);
        }
        Ok(())
    }

    /// A sector as it is in the file, zeros beyond its end.
    fn look_up(&self, file: &impl StorageBackend, start: u64) -> io::Result<Box<Sector>> {
        let mut sector = Box::new([0; SECTOR_BYTES]);
        let there = file.len()?.saturating_sub(start).min(SECTOR) as usize;
        if there > 0 {
            file.read(start, &mut sector[..there])?;
        }
        Ok(sector)
    }

    /// Hands everything to the file, in as few pieces as can be.
    pub(super) fn flush(&mut self, file: &impl StorageBackend) -> io::Result<()> {
        if let Some(len) = self.len {
            file.set_len(len)?;
        }
        let len = self.len(file)?;
        let mut piece: Vec<u8> = Vec::new();
        let mut piece_start = 0;
        for (at, sector) in &self.sectors {
            let start = at * SECTOR;
            if start != piece_start + piece.len() as u64 {
                write_piece(file, piece_start, &piece, len)?;
                piece.clear();
            }
            if piece.is_empty() {
                piece_start = start;
            }
            piece.extend_from_slice(&sector[..]);
        }
        write_piece(file, piece_start, &piece, len)?;
        *self = HeldWrites::default();
        Ok(())
    }

    /// The power is cut: chance decides which sectors reach the file, and whether it has grown.
    pub(super) fn tear(&mut self, file: &impl StorageBackend, seed: u64) -> io::Result<Cut> {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        // Of some cuts all of it gets there, of others nothing.
        let percent = rng.random_range(0..=100);
        if let Some(len) = self.len.filter(|_| rng.random()) {
            file.set_len(len)?;
        }
        let (len, before) = (file.len()?, self.bytes());
        self.sectors
            .retain(|at, _| at * SECTOR < len && rng.random_ratio(percent, 100));
        self.len = None;
        let bytes_kept = self.bytes();
        self.flush(file)?;
        Ok(Cut {
            bytes_lost: before - bytes_kept,
            bytes_kept,
        })
    }
}

/// Writes a piece, as far as the file goes.
fn write_piece(file: &impl StorageBackend, start: u64, piece: &[u8], len: u64) -> io::Result<()> {
    let there = len.saturating_sub(start).min(piece.len() as u64) as usize;
    if there == 0 {
        return Ok(());
    }
    file.write(start, &piece[..there])
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::*;

    fn file(bytes: &[u8]) -> InMemoryBackend {
        let file = InMemoryBackend::new();
        file.set_len(bytes.len() as u64).unwrap();
        file.write(0, bytes).unwrap();
        file
    }

    fn content(file: &InMemoryBackend) -> Vec<u8> {
        let mut content = vec![0; file.len().unwrap() as usize];
        file.read(0, &mut content).unwrap();
        content
    }

    /// Against a plain vector: random writes, reads, lengths and syncs.
    #[test]
    fn it_reads_as_what_it_holds_for_and_a_flush_makes_it_so() {
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        let mut model = vec![7; 1000];
        let (file, mut held) = (file(&model), HeldWrites::default());
        for _ in 0..2000 {
            let offset = rng.random_range(0..=model.len());
            let size = rng.random_range(0..=1500);
            match rng.random_range(0..10) {
                0..4 => {
                    let data = vec![rng.random(); size];
                    model.resize(model.len().max(offset + size), 0);
                    model[offset..offset + size].copy_from_slice(&data);
                    held.write(&file, offset as u64, &data).unwrap();
                }
                4..8 => {
                    let mut out = vec![0; size.min(model.len() - offset)];
                    held.read(&file, offset as u64, &mut out).unwrap();
                    assert_eq!(out, model[offset..offset + out.len()]);
                }
                8 if offset < model.len() => {} // redb shortens a file only between syncs.
                8 => {
                    model.resize(offset + size, 0);
                    held.set_len(model.len() as u64);
                }
                _ => {
                    held.flush(&file).unwrap();
                    assert_eq!((content(&file), held.bytes()), (model.clone(), 0));
                }
            }
            assert_eq!(held.len(&file).unwrap(), model.len() as u64);
        }
        assert!(held.read(&file, model.len() as u64, &mut [0]).is_err());
    }

    #[test]
    fn of_some_cuts_all_is_lost_of_others_nothing_and_of_most_some_sectors_each_whole() {
        let (mut all, mut none, mut torn) = (0, 0, 0);
        for seed in 0..300 {
            let (file, mut held) = (file(&[1; 4096]), HeldWrites::default());
            held.write(&file, 0, &[2; 4096]).unwrap();
            let cut = held.tear(&file, seed).unwrap();
            assert_eq!(cut.bytes_lost + cut.bytes_kept, 4096);
            let content = content(&file);
            let kept = content.iter().filter(|byte| **byte == 2).count();
            assert_eq!(kept as u64, cut.bytes_kept);
            assert!(
                content
                    .chunks(SECTOR_BYTES)
                    .all(|sector| sector.iter().all(|byte| *byte == sector[0]))
            );
            match kept {
                0 => none += 1,
                4096 => all += 1,
                _ => torn += 1,
            }
        }
        assert!(all > 5 && none > 5 && torn > 100, "{all} {none} {torn}");
    }
}
