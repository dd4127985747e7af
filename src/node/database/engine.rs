//! The database: the engine over its file in memory, and the file on a disk; a commit is done when both have it. Takes no
//! connection.

use std::rc::Rc;

use crate::base::control::{DatabaseClaimed, DatabaseCommitted};
use crate::base::planted;
use crate::base::{Block, BlockSize};
use crate::disk::port::{Drive, DriverConfig};
use crate::node::control::{Change, Refusal};
use crate::sim::{Allocation, NodeHandle};

use super::control::{CommitPhase, DatabaseFaults};
use super::image::Image;
use super::query::Answer;
use super::replay::{FileOnDisk, Killed, extent};
use super::store::{Contents, Damage, Store};

/// Memory that the engine is given on its node: its cache and its file.
const ENGINE_BYTES: u64 = 2 << 20;

/// How a file begins that the engine has made: it writes this last.
const MADE: &[u8] = b"redb";

crate::record! {
    /// The database has read back what its disk holds, and takes queries: this version.
    pub struct DatabaseOpened = "database.opened", Notable { version: u64 }
}

/// The database at work.
pub(super) struct Engine {
    handle: NodeHandle,
    file: FileOnDisk,
    image: Image,
    store: Store,
    faults: DatabaseFaults,
    _memory: Allocation,
}

impl Engine {
    /// Reads back what the disk holds, mends what a crash left, and writes that.
    pub(super) async fn open(
        (handle, drive): (&NodeHandle, &Drive),
        size: BlockSize,
        config: DriverConfig,
        faults: &DatabaseFaults,
    ) -> Result<Self, Killed> {
        let memory = handle.memory().reserve_waiting(ENGINE_BYTES).await;
        let (mut file, bytes) = FileOnDisk::open((handle, drive), size, config, faults).await?;
        // An engine that died before it had made its file begins anew.
        let is_made = bytes.starts_with(MADE);
        let image = if is_made {
            Image::of(bytes)
        } else {
            file.begin_anew();
            Image::default()
        };
        let store =
            Store::open(image.clone()).expect("a crash leaves nothing that cannot be mended");
        file.replay(image.take_steps()).await?;
        let (handle, faults) = (handle.clone(), faults.clone());
        let engine = Self { handle, file, image, store, faults, _memory: memory };
        let Contents { version, term, .. } = engine.contents();
        // Whether or not anybody was told before.
        engine.handle.emit(&DatabaseCommitted { version, term });
        engine.handle.emit(&DatabaseOpened { version });
        Ok(engine)
    }

    /// What it holds.
    pub(super) fn contents(&self) -> Contents {
        self.store.contents().expect("the engine reads what it has written")
    }

    /// Says what it holds to the controller of this term, once it is durable that those of earlier terms change nothing any
    /// more.
    pub(super) async fn load(&mut self, term: u64) -> Result<Answer, Killed> {
        match self.store.claim(term).expect("the engine has room for a number") {
            Err(found) => return Ok(Answer::Refused(Refusal::Deposed(found))),
            Ok(true) => {
                self.file.replay(self.image.take_steps()).await?;
                self.handle.emit(&DatabaseClaimed { term });
            }
            Ok(false) => {}
        }
        let Contents { version, rows, .. } = self.contents();
        Ok(Answer::Loaded { version, rows: Rc::new(rows) })
    }

    /// Makes the next version of the one that is expected, for the controller of this term, and makes it durable.
    pub(super) async fn commit(
        &mut self,
        (term, expected): (u64, u64),
        changes: &[Change],
    ) -> Result<Answer, Killed> {
        if self.faults.fails(CommitPhase::Before) {
            return Ok(Answer::Refused(Refusal::Failed));
        }
        let changed = self.store.change((term, expected), changes);
        let version = match changed.expect("the engine has room for a configuration") {
            Ok(version) => version,
            Err(refusal) => return Ok(Answer::Refused(refusal)),
        };
        if !planted!(CommitKeptInMemory) || version.is_multiple_of(2) {
            self.file.replay(self.image.take_steps()).await?;
        }
        self.handle.emit(&DatabaseCommitted { version, term });
        if self.faults.fails(CommitPhase::After) {
            return Ok(Answer::Vanished);
        }
        Ok(Answer::Committed { version })
    }
}

/// What the database on a disk holds, which is read by `read`, block by block; for those who may look behind everything.
/// Mends a copy, and leaves the disk as it is.
///
/// # Errors
/// What is wrong with it.
pub fn stored(size: BlockSize, read: impl Fn(u64) -> Block) -> Result<Contents, Damage> {
    let (head, blocks) = extent(&[read(0), read(1)], size);
    let mut bytes = Vec::new();
    blocks.for_each(|lba| read(lba).append_to(&mut bytes, size));
    bytes.truncate(head.length() as usize);
    if !bytes.starts_with(MADE) {
        return Ok(Contents::default());
    }
    Store::open(Image::of(bytes))?.contents()
}
