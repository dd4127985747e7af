//! `fatfs`, a FAT file system, as a guest: on a part of a volume as it is, files in its root directory.
//!
//! A FAT has no journal: what an operation touches may be in any state after a crash, and clusters may be nobody's. What it
//! doesn't touch must be as it was.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::rc::Rc;

use fatfs::{FileSystem, FormatVolumeOptions, FsOptions, format_volume};

use super::drive::Drive;
use super::plan::{Edit, Rows, Style};
use super::work::{Told, Work};

/// How many blocks are kept: as many as a file system goes back and forth between.
const HELD_MAX: usize = 8;

/// A part of a volume whose blocks used last are kept, and written when others are used or all is flushed: the file system
/// reads and writes a few bytes at a time, and its disk takes whole blocks, as any does.
struct Held {
    drive: Drive,
    /// The one used last is the last.
    blocks: Vec<HeldBlock>,
}

struct HeldBlock {
    first: u64,
    bytes: Vec<u8>,
    is_dirty: bool,
}

impl HeldBlock {
    fn write_back(&mut self, drive: &Drive) -> io::Result<()> {
        if self.is_dirty {
            drive.write(self.first, &self.bytes)?;
            self.is_dirty = false;
        }
        Ok(())
    }
}

impl Held {
    fn new(drive: &Drive) -> Self {
        Self { drive: drive.clone(), blocks: Vec::new() }
    }

    /// Writes the blocks that have changed.
    fn write_back(&mut self) -> io::Result<()> {
        self.blocks.iter_mut().try_for_each(|block| block.write_back(&self.drive))
    }

    /// The block in which a byte is, and its place in it.
    fn block_of(&mut self, at: u64) -> io::Result<(&mut HeldBlock, usize)> {
        let size = self.drive.block_bytes();
        let first = at / size * size;
        let block = match self.blocks.iter().position(|block| block.first == first) {
            Some(place) => self.blocks.remove(place),
            None => {
                let mut bytes = vec![0; size as usize];
                self.drive.read(first, &mut bytes)?;
                HeldBlock { first, bytes, is_dirty: false }
            }
        };
        if self.blocks.len() == HELD_MAX {
            self.blocks[0].write_back(&self.drive)?;
            self.blocks.remove(0);
        }
        self.blocks.push(block);
        Ok((self.blocks.last_mut().expect("it is the last"), (at - first) as usize))
    }

    fn read(&mut self, at: u64, out: &mut [u8]) -> io::Result<()> {
        if out.len() as u64 > self.drive.block_bytes() {
            self.write_back()?;
            return self.drive.read(at, out);
        }
        let (block, within) = self.block_of(at)?;
        let here = out.len().min(block.bytes.len() - within);
        out[..here].copy_from_slice(&block.bytes[within..within + here]);
        if here < out.len() { self.read(at + here as u64, &mut out[here..]) } else { Ok(()) }
    }

    fn write(&mut self, at: u64, data: &[u8]) -> io::Result<()> {
        if data.len() as u64 > self.drive.block_bytes() {
            self.write_back()?;
            self.blocks.clear();
            return self.drive.write(at, data);
        }
        let (block, within) = self.block_of(at)?;
        let here = data.len().min(block.bytes.len() - within);
        block.bytes[within..within + here].copy_from_slice(&data[..here]);
        block.is_dirty = true;
        if here < data.len() { self.write(at + here as u64, &data[here..]) } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_back()?;
        self.drive.flush()
    }
}

/// The same as the file system has it: bytes, one behind the other.
struct Tape {
    held: Rc<RefCell<Held>>,
    bytes: u64,
    at: u64,
}

impl Tape {
    fn new(held: &Rc<RefCell<Held>>) -> Self {
        Self { held: held.clone(), bytes: held.borrow().drive.bytes(), at: 0 }
    }

    fn on(&self, length: usize) -> usize {
        self.bytes.saturating_sub(self.at).min(length as u64) as usize
    }
}

impl Read for Tape {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.on(out.len());
        self.held.borrow_mut().read(self.at, &mut out[..length])?;
        self.at += length as u64;
        Ok(length)
    }
}

impl Write for Tape {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let length = self.on(data.len());
        self.held.borrow_mut().write(self.at, &data[..length])?;
        self.at += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.held.borrow_mut().flush()
    }
}

impl Seek for Tape {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::Current(by) => (self.at, by),
            SeekFrom::End(by) => (self.bytes, by),
        };
        self.at = from.checked_add_signed(by).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// It at work.
pub(super) struct Fat {
    files: FileSystem<Tape>,
    held: Rc<RefCell<Held>>,
}

fn name(number: u64) -> String {
    format!("file number {number}.data")
}

/// The number of the file of that name; nothing if nobody made such a one.
fn number(name: &str) -> Option<u64> {
    name.strip_prefix("file number ")?.strip_suffix(".data")?.parse().ok()
}

/// Whether nothing is known of the file of that name. As long as there are such files, those are of them that nobody made:
/// an entry without its long name, or a part of one that was being removed.
fn is_doubtful(called: &str, but: &BTreeSet<u64>) -> bool {
    number(called).map_or(!but.is_empty(), |number| but.contains(&number))
}

impl Work for Fat {
    const STYLE: Style = Style { is_atomic: false, edits: 1, keys: 24, bytes: 24_000 };

    fn make(drive: &Drive) -> Told<()> {
        // Nothing of what was there before is taken for a part of it.
        drive.clear(0, drive.bytes())?;
        let options = FormatVolumeOptions::new().bytes_per_sector(drive.block_bytes() as u16);
        let held = Rc::new(RefCell::new(Held::new(drive)));
        format_volume(Tape::new(&held), options)?;
        let done = held.borrow_mut().flush();
        Ok(done?)
    }

    fn open(drive: &Drive) -> Told<Self> {
        let held = Rc::new(RefCell::new(Held::new(drive)));
        Ok(Self { files: FileSystem::new(Tape::new(&held), FsOptions::new())?, held })
    }

    /// No more clusters are free than its files leave.
    fn check(&mut self, but: &BTreeSet<u64>) -> Told<()> {
        // Counted anew: what it knows itself is wrong as soon as it has removed a file whose clusters were free already.
        let stats = FileSystem::new(Tape::new(&self.held), FsOptions::new())?.stats()?;
        let mut used = 0;
        for entry in self.files.root_dir().iter() {
            let entry = entry?;
            if !is_doubtful(&entry.file_name(), but) {
                used += entry.len().div_ceil(u64::from(stats.cluster_size()));
            }
        }
        let taken = stats.total_clusters().checked_sub(stats.free_clusters());
        match taken {
            Some(taken) if u64::from(taken) >= used => Ok(()),
            _ => Err("files have clusters that are free".into()),
        }
    }

    fn rows(&mut self, but: &BTreeSet<u64>) -> Told<Rows> {
        let mut rows = Rows::new();
        for entry in self.files.root_dir().iter() {
            let entry = entry?;
            let called = entry.file_name();
            if is_doubtful(&called, but) {
                continue;
            }
            let number = number(&called).ok_or("there is a file that nobody made")?;
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
        let done = self.held.borrow_mut().flush();
        Ok(done?)
    }

    fn clean(&mut self, doubtful: &BTreeSet<u64>) -> Told<bool> {
        let root = self.files.root_dir();
        for number in doubtful {
            match root.remove(&name(*number)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // A chain that leads nowhere, unless the volume has failed.
                Err(_) => {
                    let done = self.held.borrow_mut().flush();
                    return Ok(done.map(|()| false)?);
                }
                Ok(()) => {}
            }
        }
        let mut is_clean = true;
        for entry in root.iter() {
            is_clean &= number(&entry?.file_name()).is_some();
        }
        let done = self.held.borrow_mut().flush();
        Ok(done.map(|()| is_clean)?)
    }
}
