//! The tables in the engine's file: what they hold, and a change of one version into the next. Knows no disk and no time.

use redb::{Builder, Database, ReadableDatabase, ReadableTable, TableDefinition, TableError};

use super::image::Image;
use crate::base::planted;
use crate::node::control::{Change, Refusal, Rows, Table};

/// The engine's own memory for pages: a configuration is small.
const CACHE_BYTES: usize = 1 << 20;

/// Which version of the configuration the tables hold, and the last term whose controller has claimed them, by these keys.
const META: TableDefinition<'static, &str, u64> = TableDefinition::new("meta");
const VERSION: &str = "version";
const TERM: &str = "term";

fn table(table: Table) -> TableDefinition<'static, &'static str, &'static str> {
    TableDefinition::new(table.name())
}

/// What the engine says is wrong with its file. No crash may bring it about.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// The engine's own words.
    #[error("the engine says: {0}")]
    Engine(#[from] redb::Error),
    /// There is something that the engine cannot have written.
    #[error("block {0}, where the file's length is, is no such block")]
    Length(u64),
}

/// What the tables hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The version: how many changes were made.
    pub version: u64,
    /// The last term whose controller has claimed them.
    pub term: u64,
    /// The rows.
    pub rows: Rows,
}

/// An engine at work on a file.
pub(super) struct Store(Database);

impl Store {
    /// Starts the engine on a file, an empty one or one that some engine left in whatever state.
    pub(super) fn open(image: Image) -> Result<Self, Damage> {
        let database = Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(image);
        Ok(Self(database.map_err(redb::Error::from)?))
    }

    /// What the tables hold.
    pub(super) fn contents(&self) -> Result<Contents, Damage> {
        let read = self.0.begin_read().map_err(redb::Error::from)?;
        let mut contents = Contents::default();
        match read.open_table(META) {
            Ok(meta) => {
                let version = meta.get(VERSION).map_err(redb::Error::from)?;
                contents.version = version.map_or(0, |version| version.value());
                let term = meta.get(TERM).map_err(redb::Error::from)?;
                contents.term = term.map_or(0, |term| term.value());
            }
            Err(TableError::TableDoesNotExist(_)) => return Ok(contents),
            Err(error) => return Err(redb::Error::from(error).into()),
        }
        for name in Table::ALL {
            let rows = match read.open_table(table(*name)) {
                Ok(rows) => rows,
                Err(TableError::TableDoesNotExist(_)) => continue,
                Err(error) => return Err(redb::Error::from(error).into()),
            };
            for row in rows.iter().map_err(redb::Error::from)? {
                let (key, value) = row.map_err(redb::Error::from)?;
                let at = (*name, key.value().to_owned());
                contents.rows.insert(at, value.value().to_owned());
            }
        }
        Ok(contents)
    }

    /// Lets the controller of this term have the tables, and those of earlier terms no longer. Whether they were not its
    /// own before; `Err` within: the later term whose they are.
    pub(super) fn claim(&self, term: u64) -> Result<Result<bool, u64>, Damage> {
        let found = self.term()?;
        if term < found && !planted!(UnfencedController) {
            return Ok(Err(found));
        }
        if term <= found {
            return Ok(Ok(false));
        }
        let write = self.0.begin_write().map_err(redb::Error::from)?;
        {
            let mut meta = write.open_table(META).map_err(redb::Error::from)?;
            meta.insert(TERM, term).map_err(redb::Error::from)?;
        }
        write.commit().map_err(redb::Error::from)?;
        Ok(Ok(true))
    }

    fn term(&self) -> Result<u64, Damage> {
        let read = self.0.begin_read().map_err(redb::Error::from)?;
        match read.open_table(META) {
            Ok(meta) => {
                let term = meta.get(TERM).map_err(redb::Error::from)?;
                Ok(term.map_or(0, |term| term.value()))
            }
            Err(TableError::TableDoesNotExist(_)) => Ok(0),
            Err(error) => Err(redb::Error::from(error).into()),
        }
    }

    /// Makes the next version of the one that is expected, for the controller of this term: all of it, or nothing. `Err`
    /// within: why not.
    pub(super) fn change(
        &self,
        (term, expected): (u64, u64),
        changes: &[Change],
    ) -> Result<Result<u64, Refusal>, Damage> {
        let write = self.0.begin_write().map_err(redb::Error::from)?;
        {
            let mut meta = write.open_table(META).map_err(redb::Error::from)?;
            let number = |key| -> Result<u64, Damage> {
                let found = meta.get(key).map_err(redb::Error::from)?;
                Ok(found.map_or(0, |number| number.value()))
            };
            let refusal = match (number(TERM)?, number(VERSION)?) {
                (later, _) if later > term && !planted!(UnfencedController) => {
                    Some(Refusal::Deposed(later))
                }
                (_, found) if found != expected => Some(Refusal::Stale(found)),
                _ => None,
            };
            if let Some(refusal) = refusal {
                drop(meta);
                write.abort().map_err(redb::Error::from)?;
                return Ok(Err(refusal));
            }
            meta.insert(VERSION, expected + 1).map_err(redb::Error::from)?;
        }
        for Change { table: name, key, value } in changes {
            let mut rows = write.open_table(table(*name)).map_err(redb::Error::from)?;
            match value {
                Some(value) => rows.insert(key.as_str(), value.as_str()),
                None => rows.remove(key.as_str()),
            }
            .map_err(redb::Error::from)?;
        }
        write.commit().map_err(redb::Error::from)?;
        Ok(Ok(expected + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::{Contents, Image, Refusal, Store};
    use crate::node::control::{Change, Table};

    fn change(key: &str, value: Option<&str>) -> Change {
        let value = value.map(str::to_owned);
        Change { table: Table::Nodes, key: key.to_owned(), value }
    }

    #[test]
    fn a_version_is_made_of_the_one_before_or_not_at_all() {
        let image = Image::default();
        let store = Store::open(image.clone()).expect("an empty file");
        assert_eq!(store.contents().expect("readable"), Contents::default());
        assert_eq!(store.change((0, 0), &[change("A", Some("a"))]).expect("it works"), Ok(1));
        let stale = store.change((0, 0), &[change("B", Some("b"))]).expect("it works");
        assert_eq!(stale, Err(Refusal::Stale(1)));
        let both = [change("A", None), change("C", Some("c"))];
        assert_eq!(store.change((0, 1), &both).expect("it works"), Ok(2));
        let contents = store.contents().expect("readable");
        assert_eq!(contents.version, 2);
        let rows: Vec<_> = contents.rows.keys().map(|(_, key)| key.as_str()).collect();
        assert_eq!(rows, ["C"]);
    }

    #[test]
    fn whoever_claims_the_tables_keeps_those_of_earlier_terms_out() {
        let store = Store::open(Image::default()).expect("an empty file");
        assert_eq!(store.claim(0).expect("it works"), Ok(false), "there is one manager");
        assert_eq!(store.claim(3).expect("it works"), Ok(true));
        assert_eq!(store.claim(3).expect("it works"), Ok(false), "it is its own");
        assert_eq!(store.change((3, 0), &[change("A", Some("a"))]).expect("it works"), Ok(1));
        assert_eq!(store.claim(7).expect("it works"), Ok(true));
        assert_eq!(store.claim(3).expect("it works"), Err(7));
        let late = store.change((3, 1), &[change("B", Some("b"))]).expect("it works");
        assert_eq!(late, Err(Refusal::Deposed(7)), "whatever it knows of what is stored");
        let contents = store.contents().expect("readable");
        assert_eq!((contents.version, contents.term, contents.rows.len()), (1, 7, 1));
    }

    #[test]
    fn the_engine_asks_the_same_of_its_file_each_time() {
        let steps = || {
            let image = Image::default();
            let store = Store::open(image.clone()).expect("an empty file");
            for version in 0..20 {
                let key = format!("N{version}");
                let done =
                    store.change((0, version), &[change(&key, Some("x"))]).expect("it works");
                assert_eq!(done, Ok(version + 1));
            }
            image.take_steps()
        };
        assert_eq!(steps(), steps());
    }
}
