//! SQLite's database at work: transactions, its own check, all its rows. Runs on the fiber.

use std::collections::BTreeSet;

use rusqlite::{Connection, OpenFlags, Transaction, params};

use super::vfs::{self, NAME};
use crate::node::app::guest::drive::Drive;
use crate::node::app::guest::fiber::bits;
use crate::node::app::guest::file::File;
use crate::node::app::guest::plan::{Edit, Rows, Style};
use crate::node::app::guest::work::{Told, Work};

/// Its ways to make a transaction whole.
const JOURNALS: [&str; 4] = ["delete", "truncate", "persist", "wal"];

/// Pages of the log from which on they are put into the database. By itself it would do so after a thousand, for which the
/// log's part of a volume has no room.
const LOG_PAGES: &str = "64";

/// An index beside the table: its check holds one against the other.
const TABLES: &str = "
    create table if not exists rows (key integer primary key, value blob not null, size integer not null);
    create index if not exists by_size on rows (size);
";

/// It at work.
pub(in crate::node::app::guest) struct Sqlite(Connection);

impl Work for Sqlite {
    const STYLE: Style = Style { is_atomic: true, edits: 6, keys: 48, bytes: 4096 };

    fn make(drive: &Drive) -> Told<()> {
        for part in vfs::parts(drive) {
            File::open(&part)?.delete()?;
        }
        drive.flush()?;
        Ok(Self::open(drive)?.0.execute_batch(TABLES)?)
    }

    /// With another kind of journal each time, as it comes. A log needs no memory that is shared if nobody else may look.
    fn open(drive: &Drive) -> Told<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let connection = Connection::open_with_flags_and_vfs(vfs::path(drive), flags, NAME)?;
        let set = |name: &str, value: &str| connection.pragma_update(None, name, value);
        set("locking_mode", "exclusive")?;
        set("temp_store", "memory")?;
        set("cache_size", "8")?;
        set("wal_autocheckpoint", LOG_PAGES)?;
        // Otherwise a journal that was deleted may be back after a loss of power, and undo what was committed.
        set("synchronous", "extra")?;
        let journal = JOURNALS[(bits() % JOURNALS.len() as u64) as usize];
        set("journal_mode", journal)?;
        if journal != "wal" {
            set("locking_mode", "normal")?;
        }
        Ok(Self(connection))
    }

    fn check(&mut self, _but: &BTreeSet<u64>) -> Told<()> {
        let said: String = self.0.query_row("pragma integrity_check", [], |row| row.get(0))?;
        if said == "ok" { Ok(()) } else { Err(said.into()) }
    }

    fn rows(&mut self, _but: &BTreeSet<u64>) -> Told<Rows> {
        let mut select = self.0.prepare("select key, value from rows")?;
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?));
        Ok(select.query_map([], row)?.collect::<Result<_, _>>()?)
    }

    fn step(&mut self, edits: &[Edit]) -> Told<()> {
        let transaction = self.0.transaction()?;
        edits.iter().try_for_each(|edit| change(&transaction, edit))?;
        Ok(transaction.commit()?)
    }
}

fn change(transaction: &Transaction<'_>, edit: &Edit) -> Told<()> {
    let changed = match edit {
        Edit::Put(key, bytes) => transaction.execute(
            "replace into rows values (?1, ?2, ?3)",
            params![*key as i64, bytes, bytes.len() as i64],
        ),
        Edit::Append(key, bytes) => transaction.execute(
            "update rows set value = cast(value || ?2 as blob), size = size + ?3 where key = ?1",
            params![*key as i64, bytes, bytes.len() as i64],
        ),
        Edit::Remove(key) => transaction.execute("delete from rows where key = ?1", [*key as i64]),
        Edit::Rename(from, to) => transaction
            .execute("update rows set key = ?2 where key = ?1", [*from as i64, *to as i64]),
    };
    if changed? == 1 { Ok(()) } else { Err("a row that was there is gone".into()) }
}
