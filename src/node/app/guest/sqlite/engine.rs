//! The SQLite library, of which a process has one: uses the guests' file system, and draws random numbers from the guest
//! that is on. Knows no database.
//!
//! The library keeps one generator of random numbers for the whole process, which it seeds from the first file system that it
//! is given. So whoever lets a guest go on has the library to himself until it stops, and first has it seed itself anew.
//! Registering a file system and that are two calls of C that nobody has a safe name for.

#![expect(unsafe_code, reason = "the library is made of C")]

use std::ptr;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use super::vfs::{Calls, FileSystem, NAME};

static LIBRARY: Mutex<()> = Mutex::new(());

/// Has the library for this thread's guest alone, until what it gives is dropped.
pub(in crate::node::app::guest) fn enter() -> MutexGuard<'static, ()> {
    static REGISTERED: Once = Once::new();
    let entered = LIBRARY.lock().unwrap_or_else(PoisonError::into_inner);
    REGISTERED.call_once(|| {
        // SAFETY: the file system is what the crate makes of the types by itself, nothing of it is overridden, and it is
        // there for as long as the process. Nobody else registers any: this is done once, under the lock.
        let registered = unsafe { rsqlite_vfs::register_vfs::<Calls, FileSystem>(NAME, (), true) };
        registered.expect("the library takes a file system").into_raw();
    });
    // SAFETY: it may be called at any time; with no bytes to draw it forgets its state, and takes no notice of where to.
    unsafe { rusqlite::ffi::sqlite3_randomness(0, ptr::null_mut()) };
    entered
}
