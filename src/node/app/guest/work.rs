//! Has a program do its steps: opens it, looks at all that is there, goes on from there, and looks again. Runs on the fiber.

use std::collections::BTreeSet;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};

use panic_message::panic_message;

use crate::base::guest::Damage;

use super::ask::{Ask, Reply, Tale};
use super::drive::Drive;
use super::fiber::ask;
use super::plan::{Edit, Rows, Shared, Step, Style, contents_of};

/// After so many steps it looks at everything again, without being started anew.
const LOOK_EVERY: u64 = 16;

/// What a program says went wrong: its own error, or what its check has found.
pub(super) type Told<T> = Result<T, Box<dyn Error>>;

/// A program as a guest.
pub(super) trait Work: Sized {
    /// How its steps are.
    const STYLE: Style;

    /// Makes what it keeps its rows in.
    fn make(drive: &Drive) -> Told<()>;

    /// Starts it on what is there, in whatever state a crash has left it.
    fn open(drive: &Drive) -> Told<Self>;

    /// Its own check of everything but those rows.
    fn check(&mut self, but: &BTreeSet<u64>) -> Told<()>;

    /// All its rows, but those.
    fn rows(&mut self, but: &BTreeSet<u64>) -> Told<Rows>;

    /// Does a step. When it returns, that is durable.
    fn step(&mut self, edits: &[Edit]) -> Told<()>;

    /// Removes those rows, of which nothing is known, durably; `false` if that takes making everything anew.
    fn clean(&mut self, _doubtful: &BTreeSet<u64>) -> Told<bool> {
        Ok(true)
    }
}

/// Why a program comes to its end before it is over.
enum Stop {
    /// Something is wrong, by these words of its own.
    Damaged(Damage, String),
    /// It is dead, or the volume has failed it: it gets no further, and nobody hears what it has to say.
    Unheard,
}

/// What it says of itself when it fails in some respect. If the volume has failed it, that says nothing.
fn or<T>(told: Told<T>, damage: Damage) -> Result<T, Stop> {
    told.map_err(|error| {
        tracing::debug!(%error, "a program on a volume gives up");
        Stop::Damaged(damage, error.to_string())
    })
}

/// Tells the history. What was heard counts from now on, and nothing else does: so first it is told, and then it is so.
fn tell(tale: Tale) -> Result<(), Stop> {
    if ask(Ask::Tell(tale)) == Reply::Done { Ok(()) } else { Err(Stop::Unheard) }
}

/// Tells what it has found, good or bad, if a flush says that nothing which it wrote was lost meanwhile.
///
/// A volume whose caches are lost behind a client that lives on says so at the next flush, or by a read that fails because
/// it would show less. A program that had some of it in its own memory knows nothing of that. As on real systems an
/// `fsync` that fails leaves everything since the last one in doubt, what was read too: nothing of it counts, and the
/// program is started anew on what is there.
fn tell_found(drive: &Drive, found: Tale) -> Result<(), Stop> {
    drive.flush().map_err(|_| Stop::Unheard)?;
    tell(found)
}

/// Runs a program, until it is over or cannot go on.
pub(super) fn work<W: Work>(drive: &Drive, plan: &Shared) {
    let ended = catch_unwind(AssertUnwindSafe(|| all_steps::<W>(drive, plan)));
    // A program that takes nonsense for its own data panics sooner than it fails.
    let ended = ended.unwrap_or_else(|panic| {
        Err(Stop::Damaged(Damage::Panicked, panic_message(&panic).to_owned()))
    });
    if let Err(Stop::Damaged(damage, words)) = ended {
        // Unheard, it is started anew.
        let _heard = tell_found(drive, Tale::Found { contents: 0, damage, words });
    }
}

fn all_steps<W: Work>(drive: &Drive, plan: &Shared) -> Result<(), Stop> {
    let mut program = start::<W>(drive, plan)?;
    while ask(Ask::Turn) == Reply::Done {
        let step = plan.borrow_mut().draw(W::STYLE);
        begin(&step)?;
        plan.borrow_mut().begin(&step);
        or(program.step(&step.edits), Damage::NotChanged)?;
        let number = step.number;
        tell(Tale::Committed { step: number, contents: contents_of(&step.rows) })?;
        plan.borrow_mut().commit(step);
        if number.is_multiple_of(LOOK_EVERY) {
            look(&mut program, drive, plan)?;
        }
    }
    // What it leaves is what somebody else finds.
    drop(program);
    start::<W>(drive, plan).map(drop)
}

fn begin(step: &Step) -> Result<(), Stop> {
    let &Step { number: step, before, after, .. } = step;
    tell(Tale::Began { step, before, after })
}

/// Opens a program and looks at what is there.
///
/// First all of it is made durable, as by a system that mounts what it finds: what was acknowledged to an earlier life and
/// never flushed is there to be read, and would be taken back by the next loss of power, together with all that the program
/// has concluded from it.
fn start<W: Work>(drive: &Drive, plan: &Shared) -> Result<W, Stop> {
    or(drive.flush().map_err(Into::into), Damage::NotOpened)?;
    if !plan.borrow().is_made {
        or(W::make(drive), Damage::NotOpened)?;
        plan.borrow_mut().is_made = true;
    }
    let mut program = or(W::open(drive), Damage::NotOpened)?;
    look(&mut program, drive, plan)?;
    let doubtful = plan.borrow().doubtful();
    if !doubtful.is_empty() {
        if or(program.clean(&doubtful), Damage::NotChanged)? {
            plan.borrow_mut().cleaned();
        } else {
            drop(program);
            let step = plan.borrow_mut().draw_anew();
            begin(&step)?;
            plan.borrow_mut().start_over();
            return start(drive, plan);
        }
    }
    Ok(program)
}

fn look<W: Work>(program: &mut W, drive: &Drive, plan: &Shared) -> Result<(), Stop> {
    let doubtful = plan.borrow().doubtful();
    or(program.check(&doubtful), Damage::CheckFailed)?;
    let rows = or(program.rows(&doubtful), Damage::NotReadable)?;
    let (contents, damage, words) = (contents_of(&rows), Damage::None, String::new());
    tell_found(drive, Tale::Found { contents, damage, words })?;
    plan.borrow_mut().found(rows);
    Ok(())
}
