//! A disk's blocks in a file, or on a block device. Knows no command.
//!
//! Beside it, `<file>.meta` keeps what a namespace has and a file has not: a serial number, and the blocks that are lost.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::libc::O_DSYNC;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::base::BlockSize;
use crate::disk::backing::Backing;

/// Why a file cannot be a disk.
#[derive(Debug, Error)]
#[error("{}: {cause}", path.display())]
pub struct DiskError {
    path: PathBuf,
    cause: io::Error,
}

/// What is kept beside the blocks.
#[derive(Debug, Serialize, Deserialize)]
struct Meta {
    serial: u64,
    lost: BTreeSet<u64>,
}

/// The blocks of a disk in a file, each durable as soon as it is written.
#[derive(Debug)]
pub struct FileDisk {
    file: File,
    path: PathBuf,
    meta: Meta,
    size: BlockSize,
}

impl FileDisk {
    /// Opens the file, or makes it, for so many blocks; it is sparse until it is written. `serial` is that of a disk which
    /// is made now.
    ///
    /// # Errors
    /// When it cannot be opened, another process has it open, or it is shorter than a disk that has been used.
    pub fn open(path: &Path, blocks: u64, size: BlockSize, serial: u64) -> Result<Self, DiskError> {
        let of_path = |cause| DiskError { path: path.to_owned(), cause };
        let bytes = blocks * size.bytes() as u64;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .custom_flags(O_DSYNC)
            .open(path)
            .map_err(of_path)?;
        // Two who write it would undo each other's work.
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => of_path(io::Error::other("another process has it open")),
            TryLockError::Error(cause) => of_path(cause),
        })?;
        let known = meta_of(path).map_err(of_path)?;
        let is_file = file.metadata().map_err(of_path)?.is_file();
        if is_file && known.is_none() {
            file.set_len(bytes).map_err(of_path)?;
            file.sync_all().map_err(of_path)?;
        }
        let is_new = known.is_none();
        let meta = known.unwrap_or_else(|| Meta { serial, lost: BTreeSet::new() });
        let disk = Self { file, path: path.to_owned(), meta, size };
        disk.check_length(is_file.then_some(bytes)).map_err(of_path)?;
        if is_new {
            disk.write_meta().map_err(of_path)?;
        }
        Ok(disk)
    }

    fn check_length(&self, wanted: Option<u64>) -> io::Result<()> {
        let (Some(wanted), there) = (wanted, self.file.metadata()?.len()) else { return Ok(()) };
        if there < wanted {
            let what = format!("it has {there} bytes, the disk {wanted}");
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
        }
        Ok(())
    }

    /// Under another name first: the file is the old one or the new one, whole.
    fn write_meta(&self) -> io::Result<()> {
        let path = beside(&self.path, "meta");
        let new = beside(&self.path, "meta.new");
        let mut file = File::create(&new)?;
        file.write_all(serde_json::to_string(&self.meta)?.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, &path)?;
        let directory = path.parent().filter(|it| !it.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }

    /// There is nothing to say to the cluster but that this disk is no more.
    fn end(&self, what: &str, cause: &io::Error) -> ! {
        panic!("{}: {what}: {cause}", self.path.display())
    }

    fn offset(&self, lba: u64) -> u64 {
        lba * self.size.bytes() as u64
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

fn meta_of(path: &Path) -> io::Result<Option<Meta>> {
    match std::fs::read_to_string(beside(path, "meta")) {
        Ok(text) => Ok(Some(serde_json::from_str(&text)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Backing for FileDisk {
    fn read(&mut self, lba: u64, bytes: &mut [u8]) {
        if let Err(error) = self.file.read_exact_at(bytes, self.offset(lba)) {
            self.end("it cannot be read", &error);
        }
    }

    fn write(&mut self, lba: u64, bytes: &[u8]) {
        if let Err(error) = self.file.write_all_at(bytes, self.offset(lba)) {
            self.end("it cannot be written", &error);
        }
    }

    fn set_lost(&mut self, lba: u64, count: u32, lost: bool) {
        for lba in lba..lba + u64::from(count) {
            match lost {
                true => self.meta.lost.insert(lba),
                false => self.meta.lost.remove(&lba),
            };
        }
        if let Err(error) = self.write_meta() {
            self.end("what is lost cannot be noted", &error);
        }
    }

    fn lost(&self) -> Vec<u64> {
        self.meta.lost.iter().copied().collect()
    }

    fn serial(&self) -> u64 {
        self.meta.serial
    }
}

#[cfg(test)]
mod tests {
    use super::FileDisk;
    use crate::base::BlockSize;
    use crate::disk::backing::Backing;

    #[test]
    fn what_was_written_and_lost_is_there_when_it_is_opened_again() {
        let folder = tempfile::tempdir().expect("a directory for a test");
        let path = folder.path().join("disk.img");
        let open = |serial| FileDisk::open(&path, 100, BlockSize::B512, serial);
        let mut disk = open(7).expect("a new disk");
        disk.write(98, &[5; 1024]);
        disk.set_lost(3, 2, true);
        disk.set_lost(4, 1, false);
        drop(disk);
        let mut disk = open(8).expect("the same disk");
        let mut bytes = [1; 1536];
        disk.read(97, &mut bytes);
        assert!(
            bytes[..512].iter().all(|byte| *byte == 0) && bytes[512..].iter().all(|it| *it == 5)
        );
        assert_eq!((disk.serial(), disk.lost()), (7, vec![3]));
    }

    #[test]
    fn a_disk_that_is_in_use_is_refused() {
        let folder = tempfile::tempdir().expect("a directory for a test");
        let path = folder.path().join("disk.img");
        let held = FileDisk::open(&path, 100, BlockSize::B512, 7).expect("a new disk");
        let error = FileDisk::open(&path, 100, BlockSize::B512, 8).expect_err("in use");
        assert!(error.to_string().contains("another process has it open"), "{error}");
        drop(held);
        FileDisk::open(&path, 100, BlockSize::B512, 8).expect("free again");
    }

    #[test]
    fn a_disk_that_was_cut_off_is_refused() {
        let folder = tempfile::tempdir().expect("a directory for a test");
        let path = folder.path().join("disk.img");
        drop(FileDisk::open(&path, 100, BlockSize::B512, 7).expect("a new disk"));
        std::fs::write(&path, [0; 100]).expect("a shorter file");
        let error = FileDisk::open(&path, 100, BlockSize::B512, 7).expect_err("too short");
        assert!(error.to_string().contains("it has 100 bytes, the disk 51200"), "{error}");
    }
}
