//! A file on a part of a volume: its first block says how long it is, the others are its bytes. Knows no names.
//!
//! It keeps the promises of a journaling file system with ordered data, and no more. What is written into a file as it is
//! may be there after a crash or not, block by block. How long a file is, and whether it is there, reaches the volume
//! behind what was written: no file ever shows what was in its place before. And a place that was given up is not used
//! again before that is durable: a file that is back after a crash is back as it was.

use std::io;

use super::drive::Drive;

/// How the first block begins of a file that is there.
const MAGIC: &[u8; 8] = b"file on\n";

/// A file.
#[derive(Debug)]
pub(super) struct File {
    head: Drive,
    body: Drive,
    is_there: bool,
    length: u64,
    /// Its first block is not up to date.
    is_dirty: bool,
    /// It was longer, and may be again after a crash.
    has_given_up: bool,
}

impl File {
    /// The file on this part, whether or not it is there.
    pub(super) fn open(drive: &Drive) -> io::Result<Self> {
        let (head, body) = (drive.part(0, 1), drive.part(1, drive.blocks() - 1));
        let mut words = [0; 16];
        head.read(0, &mut words)?;
        let [magic, length] = [0, 8].map(|at| <[u8; 8]>::try_from(&words[at..at + 8]));
        let is_there = magic.is_ok_and(|magic| magic == *MAGIC);
        let length = length.map_or(0, u64::from_le_bytes);
        Ok(Self { head, body, is_there, length, is_dirty: false, has_given_up: false })
    }

    /// Whether it is there.
    #[cfg(feature = "sqlite")]
    pub(super) const fn is_there(&self) -> bool {
        self.is_there
    }

    /// How long it is.
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// Makes it, empty; it may be gone after a crash until it is synced. That it was removed before is durable then.
    pub(super) fn create(&mut self) -> io::Result<()> {
        self.body.flush()?;
        (self.is_there, self.length) = (true, 0);
        self.write_head()
    }

    /// Bytes of a block.
    #[cfg(feature = "sqlite")]
    pub(super) const fn block_bytes(&self) -> u64 {
        self.head.block_bytes()
    }

    /// Removes it; it may be back after a crash until it is synced.
    #[cfg(any(test, feature = "sqlite"))]
    pub(super) fn delete(&mut self) -> io::Result<()> {
        (self.is_there, self.length) = (false, 0);
        self.write_head()
    }

    /// Reads as many bytes as there are from there on.
    pub(super) fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(offset).min(out.len() as u64) as usize;
        if left > 0 {
            self.body.read(offset, &mut out[..left])?;
        }
        Ok(left)
    }

    /// Writes bytes; the file grows if they reach beyond its end.
    pub(super) fn write(&mut self, offset: u64, data: &[u8]) -> io::Result<()> {
        if offset > self.length {
            self.set_length(offset)?;
        }
        let end = offset + data.len() as u64;
        if end > self.body.bytes() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if end > self.length {
            self.before_it_grows()?;
        }
        self.body.write(offset, data)?;
        if end > self.length {
            (self.length, self.is_dirty) = (end, true);
        }
        Ok(())
    }

    /// Makes it longer, by zeroes, or shorter.
    pub(super) fn set_length(&mut self, length: u64) -> io::Result<()> {
        if length > self.body.bytes() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        // What it held there before it was shorter must not come back.
        if length > self.length {
            self.before_it_grows()?;
            self.body.clear(self.length, length - self.length)?;
        }
        self.has_given_up |= length < self.length;
        (self.length, self.is_dirty) = (length, true);
        Ok(())
    }

    /// Makes it durable, with all that was written.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.write_length()?;
        self.body.flush()?;
        self.has_given_up = false;
        Ok(())
    }

    /// Writes down how long it is, if that is not up to date, behind what was written; not durably.
    pub(super) fn write_length(&mut self) -> io::Result<()> {
        if self.is_dirty {
            self.body.flush()?;
            self.write_head()?;
        }
        Ok(())
    }

    fn before_it_grows(&mut self) -> io::Result<()> {
        if self.has_given_up { self.sync() } else { Ok(()) }
    }

    fn write_head(&mut self) -> io::Result<()> {
        let mut words = [0; 16];
        if self.is_there {
            words[..8].copy_from_slice(MAGIC);
        }
        words[8..].copy_from_slice(&self.length.to_le_bytes());
        self.head.write(0, &words)?;
        self.is_dirty = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::io;
    use std::rc::Rc;

    use super::File;
    use crate::base::{BlockSize, Nanos};
    use crate::node::app::guest::ask::{Ask, Reply};
    use crate::node::app::guest::drive::Drive;
    use crate::node::app::guest::fiber::Fiber;
    use crate::sim::{Rng, Seed};

    const SIZE: BlockSize = BlockSize::B512;
    const BLOCK: usize = SIZE.bytes();

    /// A disk with a volatile cache: of each block what is durable, and behind it what was written since.
    #[derive(Default)]
    struct Disk(BTreeMap<u64, Vec<Vec<u8>>>);

    impl Disk {
        fn answer(&mut self, ask: Ask) -> Reply {
            let zero = vec![0; BLOCK];
            match ask {
                Ask::Read { block, blocks } => {
                    let blocks = block..block + u64::from(blocks);
                    let last = |block: u64| self.0.get(&block).and_then(|it| it.last().cloned());
                    Reply::Data(blocks.flat_map(|it| last(it).unwrap_or(zero.clone())).collect())
                }
                Ask::Write { block, bytes } => {
                    for (block, bytes) in (block..).zip(bytes.chunks(BLOCK)) {
                        self.0.entry(block).or_insert(vec![zero.clone()]).push(bytes.to_vec());
                    }
                    Reply::Done
                }
                Ask::Trim { block, blocks } => {
                    for block in block..block + u64::from(blocks) {
                        self.0.entry(block).or_insert(vec![zero.clone()]).push(zero.clone());
                    }
                    Reply::Done
                }
                Ask::Flush => {
                    for versions in self.0.values_mut() {
                        versions.drain(..versions.len() - 1);
                    }
                    Reply::Done
                }
                Ask::Sleep(_) | Ask::Turn | Ask::Tell(_) => panic!("no file asks for that"),
            }
        }

        /// Of each block any version may be there that wasn't flushed over.
        fn loses_power(&mut self, rng: &mut Rng) {
            for versions in self.0.values_mut() {
                let kept = rng.below(versions.len() as u64) as usize;
                *versions = vec![versions.swap_remove(kept)];
            }
        }

        /// Has code work on it, until it is over or has asked so often.
        fn serves(&mut self, most: u64, code: impl FnOnce(&Drive) -> io::Result<()> + 'static) {
            let drive = Drive::new(0, 16, SIZE);
            let rng = Seed::new(1).stream("file");
            let mut fiber = Fiber::new(rng, None, move || {
                if let Err(error) = code(&drive) {
                    assert_eq!(error.kind(), io::ErrorKind::Other, "it was stopped where it was");
                }
            });
            let mut reply = Reply::Done;
            for _ in 0..=most {
                let Some(ask) = fiber.resume(Nanos::ZERO, reply) else { return };
                reply = self.answer(ask);
            }
        }

        /// The bytes of the file, if it is there.
        fn file(&mut self) -> Option<Vec<u8>> {
            let found = Rc::new(RefCell::new(None));
            let inner = found.clone();
            self.serves(u64::MAX - 1, move |drive| {
                let file = File::open(drive)?;
                let mut bytes = vec![0; file.length() as usize];
                file.read(0, &mut bytes)?;
                *inner.borrow_mut() = file.is_there.then_some(bytes);
                Ok(())
            });
            found.take()
        }
    }

    fn made(drive: &Drive, byte: u8, length: usize) -> io::Result<File> {
        let mut file = File::open(drive)?;
        file.create()?;
        file.write(0, &vec![byte; length])?;
        file.sync()?;
        Ok(file)
    }

    /// What becomes of a file of ones, at whatever time the power is lost.
    fn becomes(change: fn(&Drive) -> io::Result<()>) -> Vec<Option<Vec<u8>>> {
        let mut rng = Seed::new(7).stream("power");
        let mut all = Vec::new();
        for stop in 0..200 {
            let mut disk = Disk::default();
            disk.serves(u64::MAX - 1, |drive| made(drive, 1, 5 * BLOCK).map(drop));
            disk.serves(stop / 10, change);
            disk.loses_power(&mut rng);
            all.push(disk.file());
        }
        all
    }

    #[test]
    fn one_that_is_made_where_another_was_never_shows_what_that_held() {
        let found = becomes(|drive| {
            File::open(drive)?.delete()?;
            made(drive, 2, 3 * BLOCK + 9).map(drop)
        });
        let (old, new) = (vec![1; 5 * BLOCK], vec![2; 3 * BLOCK + 9]);
        for bytes in found.iter().flatten() {
            assert!(*bytes == old || *bytes == new || bytes.is_empty(), "{bytes:?}");
        }
        for expected in [None, Some(Vec::new()), Some(old), Some(new)] {
            assert!(found.contains(&expected), "{expected:?} never comes");
        }
    }

    #[test]
    fn one_that_was_cut_off_and_grows_again_is_as_it_was_or_shows_nothing_of_it() {
        let found = becomes(|drive| {
            let mut file = File::open(drive)?;
            file.set_length(BLOCK as u64)?;
            file.write(BLOCK as u64, &vec![2; 2 * BLOCK])?;
            file.set_length(4 * BLOCK as u64)?;
            file.sync()
        });
        let old = vec![1; 5 * BLOCK];
        let new = [vec![1; BLOCK], vec![2; 2 * BLOCK], vec![0; BLOCK]].concat();
        for bytes in &found {
            let bytes = bytes.as_ref().expect("it is there all the time");
            assert!(*bytes == old || new.starts_with(bytes), "{bytes:?}");
        }
        assert!(found.contains(&Some(old)) && found.contains(&Some(new)));
    }
}
