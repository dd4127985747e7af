//! The file system that SQLite uses: three files to a database, on parts of a volume that their names say. Runs on the fiber.

use std::io;
use std::time::Duration;

use rsqlite_vfs::{
    AccessMode, LockLevel, OpenAccess, OpenOptions, OpenRequest, OpenedFile, OsCallback,
    SQLiteIoMethods, SQLiteVfs, SectorSize, SyncOptions, VfsError, VfsErrorCode, VfsFile,
    VfsResult, VfsStore,
};

use crate::base::{BlockSize, Nanos};
use crate::node::app::guest::ask::Ask;
use crate::node::app::guest::drive::Drive;
use crate::node::app::guest::fiber::{ask, bits, now};
use crate::node::app::guest::file::File;

/// Its name in the library.
pub(super) const NAME: &str = "stormglass";

/// The name of the database on this part of a volume.
pub(super) fn path(drive: &Drive) -> String {
    format!("{}+{}x{}", drive.first(), drive.blocks(), drive.block_bytes())
}

/// The parts of a database's files: its own, its journal's, and that of its log.
pub(super) fn parts(drive: &Drive) -> [Drive; 3] {
    let quarter = drive.blocks() / 4;
    [drive.part(0, 2 * quarter), drive.part(2 * quarter, quarter), drive.part(3 * quarter, quarter)]
}

/// The part of a volume that a name says.
fn place(name: &str) -> Option<Drive> {
    let (path, which) = match name.split_once('-') {
        None => (name, 0),
        Some((path, "journal")) => (path, 1),
        Some((path, "wal")) => (path, 2),
        Some(_) => return None,
    };
    let (first, rest) = path.split_once('+')?;
    let (blocks, size) = rest.split_once('x')?;
    let size = BlockSize::from_bytes(size.parse().ok()?)?;
    let [database, journal, log] =
        parts(&Drive::new(first.parse().ok()?, blocks.parse().ok()?, size));
    Some([database, journal, log].into_iter().nth(which).expect("one of three"))
}

fn failed(code: VfsErrorCode) -> impl Fn(io::Error) -> VfsError {
    move |error| {
        let code =
            if error.kind() == io::ErrorKind::StorageFull { VfsErrorCode::Full } else { code };
        VfsError::new(code, error.to_string().into())
    }
}

fn file(name: &str) -> VfsResult<File> {
    let place = place(name);
    let place =
        place.ok_or_else(|| VfsError::new(VfsErrorCode::CantOpen, "no such place".into()))?;
    File::open(&place).map_err(failed(VfsErrorCode::CantOpen))
}

/// A file that is open.
pub(super) struct Open {
    file: File,
    sector: SectorSize,
}

impl VfsFile for Open {
    fn sector_size(&self) -> SectorSize {
        self.sector
    }

    fn read(&mut self, buf: &mut [u8], offset: u64) -> VfsResult<usize> {
        self.file.read(offset, buf).map_err(failed(VfsErrorCode::IoRead))
    }

    fn write(&mut self, buf: &[u8], offset: u64) -> VfsResult<()> {
        self.file.write(offset, buf).map_err(failed(VfsErrorCode::IoWrite))
    }

    fn truncate(&mut self, size: u64) -> VfsResult<()> {
        self.file.set_length(size).map_err(failed(VfsErrorCode::IoTruncate))
    }

    fn sync(&mut self, _options: SyncOptions) -> VfsResult<()> {
        self.file.sync().map_err(failed(VfsErrorCode::IoSync))
    }

    fn size(&self) -> VfsResult<u64> {
        Ok(self.file.length())
    }

    // A part of a volume has one database, and that one connection.
    fn lock(&mut self, _level: LockLevel) -> VfsResult<()> {
        Ok(())
    }

    fn unlock(&mut self, _level: LockLevel) -> VfsResult<()> {
        Ok(())
    }

    fn check_reserved_lock(&self) -> VfsResult<bool> {
        Ok(false)
    }
}

/// Where files are opened.
pub(super) struct Store;

impl VfsStore for Store {
    type File = Open;
    type AppData = ();

    fn open_file((): &(), request: OpenRequest<'_>) -> VfsResult<OpenedFile<Open>> {
        let cannot = |why: &'static str| VfsError::new(VfsErrorCode::CantOpen, why.into());
        let name =
            request.filename.ok_or_else(|| cannot("there is no place for what has no name"))?;
        let mut file = file(name.path())?;
        if !file.is_there() {
            if !request.options.create() {
                return Err(cannot("there is no such file"));
            }
            file.create().map_err(failed(VfsErrorCode::CantOpen))?;
        }
        let sector = SectorSize::new(file.block_bytes() as u32).expect("blocks have bytes");
        Ok(OpenedFile { file: Open { file, sector }, access: OpenAccess::ReadWrite })
    }

    /// What it has not synced of its length is written nevertheless, as by any file system: not durably.
    fn close_file(
        (): &(),
        _name: Option<&str>,
        mut open: Open,
        _options: OpenOptions,
    ) -> VfsResult<()> {
        open.file.write_length().map_err(failed(VfsErrorCode::IoClose))
    }

    fn access((): &(), name: &str, _mode: AccessMode) -> VfsResult<bool> {
        Ok(file(name)?.is_there())
    }

    fn full_pathname((): &(), name: &str) -> VfsResult<String> {
        Ok(name.to_owned())
    }

    fn delete_file((): &(), name: &str, sync_dir: bool) -> VfsResult<()> {
        let mut file = file(name)?;
        file.delete().map_err(failed(VfsErrorCode::IoDelete))?;
        if sync_dir { file.sync().map_err(failed(VfsErrorCode::IoDelete)) } else { Ok(()) }
    }
}

/// What SQLite asks of a system: time, sleep and random numbers, of the guest that is on.
pub(super) struct Os;

impl OsCallback for Os {
    fn sleep(&self, span: Duration) {
        ask(Ask::Sleep(Nanos::from_micros(span.as_micros() as u64)));
    }

    /// It asks nobody: the library has locked itself meanwhile.
    fn random(&self, buf: &mut [u8]) -> usize {
        for bytes in buf.chunks_mut(8) {
            bytes.copy_from_slice(&bits().to_le_bytes()[..bytes.len()]);
        }
        buf.len()
    }

    fn epoch_timestamp_in_ms(&self) -> VfsResult<i64> {
        Ok((now().get() / 1_000_000) as i64)
    }
}

/// The library's calls on files.
pub(super) struct Calls;

impl SQLiteIoMethods for Calls {
    type Store = Store;
}

/// Its calls on the file system.
pub(super) struct FileSystem;

impl SQLiteVfs<Calls> for FileSystem {
    type Os = Os;

    fn os((): &()) -> &Os {
        &Os
    }
}
