//! A stack of its own for code that waits: it is left where the code asks for something, and taken up with the answer.
//! Knows neither IO nor guests.
//!
//! The one `unsafe` here hands the code its way out of the stack: guests call back through traits whose types outlive any
//! borrow, so that a borrow of the way out, which lies on the stack, can't be given to them. A pointer to it is there only
//! while the stack is on, in [`RUNNING`], and so is never used when the stack is gone or is another one's.

#![expect(unsafe_code, reason = "a borrow of the yielder can't be handed to code of type 'static")]

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::Rc;
use std::sync::MutexGuard;

use corosensei::{Coroutine, CoroutineResult, Yielder};

use super::ask::{Ask, Reply};
use crate::base::{Nanos, Rng};

type WayOut = Yielder<Reply, Ask>;

/// What a fiber knows of itself.
struct Own {
    way_out: Cell<*const WayOut>,
    /// Nobody is there to answer any more.
    is_dead: Cell<bool>,
    now: Cell<Nanos>,
    rng: RefCell<Rng>,
}

thread_local! {
    /// The fiber that is on, on this thread.
    static RUNNING: RefCell<Option<Rc<Own>>> = const { RefCell::new(None) };
}

/// Code on a stack of its own. When it is dropped, all that the code asks for is answered with [`Reply::Dead`] until it
/// returns; it is to let go of everything then.
pub(super) struct Fiber {
    stack: Coroutine<Reply, Ask, ()>,
    own: Rc<Own>,
    enter: Option<Enter>,
}

/// What is to be done before code goes on, and is over when it stops.
pub(super) type Enter = fn() -> MutexGuard<'static, ()>;

impl Fiber {
    /// A fiber that will run this code, which draws from `rng`.
    pub(super) fn new(rng: Rng, enter: Option<Enter>, code: impl FnOnce() + 'static) -> Self {
        let own = Rc::new(Own {
            way_out: Cell::new(ptr::null()),
            is_dead: Cell::new(false),
            now: Cell::default(),
            rng: RefCell::new(rng),
        });
        let inner = own.clone();
        let stack = Coroutine::new(move |way_out, _begin: Reply| {
            inner.way_out.set(way_out);
            drop(inner);
            code();
        });
        Self { stack, own, enter }
    }

    /// Lets the code go on, with the answer to what it asked for last; the first answer begins it. Gives what it asks for
    /// next, or nothing when it has returned. Its panics come out here.
    pub(super) fn resume(&mut self, now: Nanos, reply: Reply) -> Option<Ask> {
        let _entered = self.enter.map(|enter| enter());
        self.own.now.set(now);
        let outer = RUNNING.replace(Some(self.own.clone()));
        let _restore = Restore(outer);
        match self.stack.resume(reply) {
            CoroutineResult::Yield(ask) => Some(ask),
            CoroutineResult::Return(()) => None,
        }
    }
}

/// The fiber that was on before is on again.
struct Restore(Option<Rc<Own>>);

impl Drop for Restore {
    fn drop(&mut self) {
        RUNNING.set(self.0.take());
    }
}

impl Drop for Fiber {
    fn drop(&mut self) {
        if !self.stack.started() || self.stack.done() {
            return;
        }
        self.own.is_dead.set(true);
        // It is dead: what it does now never happened, a panic neither.
        let now = self.own.now.get();
        let _never_happened = catch_unwind(AssertUnwindSafe(|| self.resume(now, Reply::Dead)));
    }
}

fn running() -> Rc<Own> {
    RUNNING.with_borrow(Clone::clone).expect("only code on a fiber asks for anything")
}

/// Asks for something, and comes back with the answer. To be called on a fiber. Code that panics is answered as if it were
/// dead while it lets go of what it has: what else runs on this thread must not be taken for panicking.
pub(super) fn ask(what: Ask) -> Reply {
    let own = running();
    if own.is_dead.get() || std::thread::panicking() {
        return Reply::Dead;
    }
    let way_out = own.way_out.get();
    drop(own);
    // SAFETY: it was set when the stack was begun, by the code of this fiber, which is on; it lies at the bottom of the
    // stack that this very call is on, and so is there for as long as the call.
    unsafe { &*way_out }.suspend(what)
}

/// The virtual time, when the fiber was taken up last.
#[cfg(feature = "sqlite")]
pub(super) fn now() -> Nanos {
    running().now.get()
}

/// Random bits, of the fiber's own; asks nobody.
pub(super) fn bits() -> u64 {
    running().rng.borrow_mut().bits()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::rc::Rc;

    use super::{Fiber, ask, bits};
    use crate::base::Nanos;
    use crate::node::app::guest::ask::{Ask, Reply};
    use crate::sim::Seed;

    fn fiber(code: impl FnOnce() + 'static) -> Fiber {
        Fiber::new(Seed::new(1).stream("fiber"), None, code)
    }

    /// Says when it is dropped.
    struct Held(Rc<RefCell<Vec<String>>>, &'static str);

    impl Drop for Held {
        fn drop(&mut self) {
            self.0.borrow_mut().push(format!("{} let go", self.1));
        }
    }

    fn resume(fiber: &mut Fiber, reply: Reply) -> Option<Ask> {
        fiber.resume(Nanos::ZERO, reply)
    }

    #[test]
    fn two_fibers_take_turns_and_each_is_answered_by_its_own() {
        let said = Rc::new(RefCell::new(Vec::new()));
        let code = |name: &'static str| {
            let said = said.clone();
            move || {
                for _ in 0..2 {
                    let Reply::Data(data) = ask(Ask::Flush) else { panic!("no data") };
                    said.borrow_mut().push(format!("{name}{}", data[0]));
                }
            }
        };
        let (mut a, mut b) = (fiber(code("a")), fiber(code("b")));
        assert!(resume(&mut a, Reply::Done).is_some() && resume(&mut b, Reply::Done).is_some());
        assert!(resume(&mut a, Reply::Data(vec![1])).is_some());
        assert!(resume(&mut b, Reply::Data(vec![2])).is_some());
        assert!(resume(&mut a, Reply::Data(vec![3])).is_none());
        assert!(resume(&mut b, Reply::Data(vec![4])).is_none());
        assert_eq!(*said.borrow(), ["a1", "b2", "a3", "b4"]);
    }

    #[test]
    fn one_that_dies_waiting_lets_go_of_everything_and_asks_for_nothing_more() {
        let said = Rc::new(RefCell::new(Vec::new()));
        let inner = said.clone();
        let mut dying = fiber(move || {
            let _held = Held(inner.clone(), "it");
            while !matches!(ask(Ask::Flush), Reply::Dead) {}
            // What it does on its way out is answered at once.
            assert!(matches!(ask(Ask::Turn), Reply::Dead));
            inner.borrow_mut().push("over".to_owned());
        });
        assert!(resume(&mut dying, Reply::Done).is_some());
        assert!(resume(&mut dying, Reply::Done).is_some());
        drop(dying);
        assert_eq!(*said.borrow(), ["over", "it let go"]);
        // One that was never begun has nothing to give up but what it was given.
        let inner = said.clone();
        let held = Held(inner, "the unbegun");
        drop(fiber(move || drop(held)));
        assert_eq!(said.borrow().len(), 3);
    }

    /// Asks for something when it is dropped.
    struct Asking(Rc<RefCell<Option<Reply>>>);

    impl Drop for Asking {
        fn drop(&mut self) {
            self.0.replace(Some(ask(Ask::Flush)));
        }
    }

    #[test]
    fn one_that_panics_is_not_left_while_it_lets_go_of_what_it_has() {
        let answered = Rc::new(RefCell::new(None));
        let inner = answered.clone();
        let mut one = fiber(move || {
            let panics = || {
                let _asking = Asking(inner);
                panic!("it is broken");
            };
            assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
            assert_eq!(ask(Ask::Turn), Reply::Over);
        });
        assert!(matches!(resume(&mut one, Reply::Done), Some(Ask::Turn)));
        assert_eq!(answered.take(), Some(Reply::Dead));
        assert!(resume(&mut one, Reply::Over).is_none());
    }

    #[test]
    fn a_panic_comes_out_of_the_fiber_and_one_of_the_dead_does_not() {
        let mut one = fiber(|| panic!("it is broken"));
        let caught = catch_unwind(AssertUnwindSafe(|| resume(&mut one, Reply::Done)));
        assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"it is broken"));
        let mut dead = fiber(|| {
            ask(Ask::Flush);
            panic!("it never happened");
        });
        assert!(resume(&mut dead, Reply::Done).is_some());
        drop(dead);
        // The thread is as if nothing had been.
        let mut after = fiber(|| assert_ne!(bits(), 0));
        assert!(resume(&mut after, Reply::Done).is_none());
    }
}
