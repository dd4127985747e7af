//! `fatfs`, a FAT file system, as a guest: on a part of a volume as it is, files in its root directory.
//!
//! A FAT has no journal: what an operation touches may be in any state after a crash, and clusters may be nobody's. What it
//! doesn't touch must be as it was.

use std::collections::BTreeSet;
use std::io::{self, Read, Seek, SeekFrom, Write};

use fatfs::{FileSystem, FormatVolumeOptions, FsOptions, format_volume};

use super::drive::Drive;
use super::plan::{Edit, Rows, Style};
use super::work::{Told, Work};

/// The volume as the file system has it: bytes, one behind the other. It reads a few at a time: the block that they were in
/// is kept.
struct Tape {
    drive: Drive,
    at: u64,
    block: Option<(u64, Vec<u8>)>,
}

impl Tape {
    fn new(drive: &Drive) -> Self {
        Self { drive: drive.clone(), at: 0, block: None }
    }

    /// Reads what is within one block.
    fn read_within(&mut self, out: &mut [u8]) -> io::Result<()> {
        let size = self.drive.block_bytes();
        let first = self.at / size * size;
        let kept = self.block.take().filter(|(at, _)| *at == first);
        let bytes = kept.map_or_else(
            || {
                let mut bytes = vec![0; size as usize];
                self.drive.read(first, &mut bytes).map(|()| bytes)
            },
            |(_, bytes)| Ok(bytes),
        )?;
        let within = (self.at - first) as usize;
        out.copy_from_slice(&bytes[within..within + out.len()]);
        self.block = Some((first, bytes));
        Ok(())
    }

    fn on(&mut self, length: usize) -> usize {
        (self.drive.bytes().saturating_sub(self.at)).min(length as u64) as usize
    }
}

impl Read for Tape {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.on(out.len());
        let size = self.drive.block_bytes();
        if self.at % size + length as u64 <= size {
            self.read_within(&mut out[..length])?;
        } else {
            self.drive.read(self.at, &mut out[..length])?;
        }
        self.at += length as u64;
        Ok(length)
    }
}

impl Write for Tape {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let length = self.on(data.len());
        self.block = None;
        self.drive.write(self.at, &data[..length])?;
        self.at += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.drive.flush()
    }
}

impl Seek for Tape {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::Current(by) => (self.at, by),
            SeekFrom::End(by) => (self.drive.bytes(), by),
        };
        self.at = from.checked_add_signed(by).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// It at work.
pub(super) struct Fat {
    files: FileSystem<Tape>,
    drive: Drive,
}

fn name(number: u64) -> String {
    format!("file number {number}.data")
}

impl Work for Fat {
    const STYLE: Style = Style { is_atomic: false, edits: 1, keys: 24, bytes: 24_000 };

    fn make(drive: &Drive) -> Told<()> {
        // Nothing of what was there before is taken for a part of it.
        drive.clear(0, drive.bytes())?;
        let options = FormatVolumeOptions::new().bytes_per_sector(drive.block_bytes() as u16);
        format_volume(Tape::new(drive), options)?;
        Ok(drive.flush()?)
    }

    fn open(drive: &Drive) -> Told<Self> {
        Ok(Self {
            files: FileSystem::new(Tape::new(drive), FsOptions::new())?,
            drive: drive.clone(),
        })
    }

    /// No more clusters are free than its files leave.
    fn check(&mut self) -> Told<()> {
        let stats = self.files.stats()?;
        let mut used = 0;
        for entry in self.files.root_dir().iter() {
            used += entry?.len().div_ceil(u64::from(stats.cluster_size()));
        }
        let taken = stats.total_clusters().checked_sub(stats.free_clusters());
        match taken {
            Some(taken) if u64::from(taken) >= used => Ok(()),
            _ => Err("files have clusters that are free".into()),
        }
    }

    fn rows(&mut self, but: &BTreeSet<u64>) -> Told<Rows> {
        let but: Vec<String> = but.iter().map(|number| name(*number)).collect();
        let mut rows = Rows::new();
        for entry in self.files.root_dir().iter() {
            let entry = entry?;
            let called = entry.file_name();
            if but.contains(&called) {
                continue;
            }
            let number =
                called.strip_prefix("file number ").and_then(|it| it.strip_suffix(".data"));
            let number = number.and_then(|number| number.parse().ok());
            let number: u64 = number.ok_or("there is a file that nobody made")?;
            let mut bytes = Vec::new();
            entry.to_file().read_to_end(&mut bytes)?;
            if bytes.len() as u64 != entry.len() || rows.insert(number, bytes).is_some() {
                return Err("a file is shorter than it says, or there twice".into());
            }
        }
        Ok(rows)
    }

    fn step(&mut self, edits: &[Edit]) -> Told<()> {
        let root = self.files.root_dir();
        for edit in edits {
            match edit {
                Edit::Put(number, bytes) => {
                    let mut file = root.create_file(&name(*number))?;
                    file.truncate()?;
                    file.write_all(bytes)?;
                    file.flush()?;
                }
                Edit::Append(number, bytes) => {
                    let mut file = root.open_file(&name(*number))?;
                    file.seek(SeekFrom::End(0))?;
                    file.write_all(bytes)?;
                    file.flush()?;
                }
                Edit::Remove(number) => root.remove(&name(*number))?,
                Edit::Rename(from, to) => root.rename(&name(*from), &root, &name(*to))?,
            }
        }
        Ok(self.drive.flush()?)
    }

    fn clean(&mut self, doubtful: &BTreeSet<u64>) -> Told<bool> {
        let root = self.files.root_dir();
        for number in doubtful {
            match root.remove(&name(*number)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // A chain that leads nowhere, unless the volume has failed.
                Err(_) => return Ok(self.drive.flush().map(|()| false)?),
                Ok(()) => {}
            }
        }
        self.drive.flush()?;
        Ok(true)
    }
}
