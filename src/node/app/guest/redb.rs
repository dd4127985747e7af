//! `redb`, an embedded database, as a guest: its file on a part of a volume, by its `StorageBackend`.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, MutexGuard};

use redb::{
    Builder, Database, ReadableDatabase, ReadableTable, StorageBackend, Table, TableDefinition,
    TableError,
};

use super::drive::Drive;
use super::fiber::bits;
use super::file::File;
use super::plan::{Edit, Rows, Style};
use super::work::{Told, Work};

/// Its own memory for pages: less than it has rows, so that it reads.
const CACHE_BYTES: usize = 64 << 10;

const ROWS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("rows");

/// The file that it has.
#[derive(Debug)]
struct Backend(Mutex<File>);

impl Backend {
    fn file(&self) -> MutexGuard<'_, File> {
        self.0.lock().expect("one thread uses it, and would be gone with it")
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file().length())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let read = self.file().read(offset, out)?;
        if read == out.len() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file().set_length(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file().sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file().write(offset, data)
    }
}

/// It at work.
pub(super) struct Redb(Database);

impl Work for Redb {
    const STYLE: Style = Style { is_atomic: true, edits: 6, keys: 48, bytes: 4096 };

    fn make(drive: &Drive) -> Told<()> {
        let mut file = File::open(drive)?;
        file.create()?;
        file.sync()?;
        Self::open(drive).map(drop)
    }

    fn open(drive: &Drive) -> Told<Self> {
        let backend = Backend(Mutex::new(File::open(drive)?));
        Ok(Self(Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(backend)?))
    }

    fn check(&mut self, _but: &BTreeSet<u64>) -> Told<()> {
        if self.0.check_integrity()? { Ok(()) } else { Err("it had to mend itself".into()) }
    }

    fn rows(&mut self, _but: &BTreeSet<u64>) -> Told<Rows> {
        let table = match self.0.begin_read()?.open_table(ROWS) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(Rows::new()),
            Err(error) => return Err(error.into()),
        };
        let row = |row: Result<_, redb::StorageError>| -> Told<(u64, Vec<u8>)> {
            let (key, value): (redb::AccessGuard<'_, u64>, redb::AccessGuard<'_, &[u8]>) = row?;
            Ok((key.value(), value.value().to_vec()))
        };
        table.iter()?.map(row).collect()
    }

    fn step(&mut self, edits: &[Edit]) -> Told<()> {
        let mut write = self.0.begin_write()?;
        // Its ways to commit: with one sync or two, and with what a quick repair takes.
        write.set_two_phase_commit(bits().is_multiple_of(4));
        write.set_quick_repair(bits().is_multiple_of(4));
        {
            let mut table = write.open_table(ROWS)?;
            edits.iter().try_for_each(|edit| change(&mut table, edit))?;
        }
        Ok(write.commit()?)
    }
}

fn change(table: &mut Table<'_, u64, &'static [u8]>, edit: &Edit) -> Told<()> {
    let taken = |table: &mut Table<'_, u64, &'static [u8]>, key: u64| -> Told<Vec<u8>> {
        let value = table.remove(key)?.ok_or("a row that was there is gone")?;
        Ok(value.value().to_vec())
    };
    match edit {
        Edit::Put(key, bytes) => drop(table.insert(key, bytes.as_slice())?),
        Edit::Append(key, bytes) => {
            let mut value = taken(table, *key)?;
            value.extend(bytes);
            table.insert(key, value.as_slice())?;
        }
        Edit::Remove(key) => drop(taken(table, *key)?),
        Edit::Rename(from, to) => {
            let value = taken(table, *from)?;
            table.insert(to, value.as_slice())?;
        }
    }
    Ok(())
}
