//! Waiting for a task's end: its result, or that it was ended before it had one.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::kernel::Kernel;
use super::sync::Signal;
use super::task::TaskId;

/// The task was aborted, or its node went down, before it had a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aborted {
    /// The name it was spawned with.
    pub task: &'static str,
}

impl fmt::Display for Aborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task `{}` was ended before it had a result", self.task)
    }
}

impl std::error::Error for Aborted {}

enum State<T> {
    Running,
    Done(T),
    /// Aborted, or its result was taken.
    Gone,
}

/// What a task and its handle share.
pub(super) struct TaskEnd<T> {
    state: Rc<RefCell<State<T>>>,
    changed: Signal,
}

impl<T> Clone for TaskEnd<T> {
    fn clone(&self) -> Self {
        Self { state: self.state.clone(), changed: self.changed.clone() }
    }
}

impl<T> TaskEnd<T> {
    pub(super) fn new(kernel: &Kernel) -> Self {
        Self { state: Rc::new(RefCell::new(State::Running)), changed: Signal::new(kernel) }
    }
}

/// The task's side: dropped with the task, it says that there will be no result.
pub(super) struct EndGuard<T>(pub(super) TaskEnd<T>);

impl<T> EndGuard<T> {
    pub(super) fn finish(self, output: T) {
        *self.0.state.borrow_mut() = State::Done(output);
        self.0.changed.notify();
    }
}

impl<T> Drop for EndGuard<T> {
    fn drop(&mut self) {
        if matches!(*self.0.state.borrow(), State::Running) {
            *self.0.state.borrow_mut() = State::Gone;
            self.0.changed.notify();
        }
    }
}

/// A spawned task. Dropping the handle leaves the task running.
pub struct JoinHandle<T> {
    pub(super) kernel: Kernel,
    pub(super) task: TaskId,
    pub(super) name: &'static str,
    pub(super) end: TaskEnd<T>,
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinHandle(`{}`)", self.name)
    }
}

impl<T> JoinHandle<T> {
    /// Whether the task has ended, one way or the other.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !matches!(*self.end.state.borrow(), State::Running)
    }

    /// Ends the task where it stands. Whoever waits for it is told [`Aborted`], unless it has its
    /// result already.
    pub fn abort(&self) {
        let task = self.kernel.inner.scheduler.borrow_mut().tasks.remove(self.task);
        drop(task);
    }
}

impl<T> Future for JoinHandle<T> {
    /// The result is given once; asked again, the handle says [`Aborted`].
    type Output = Result<T, Aborted>;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.end.state.borrow_mut();
        match std::mem::replace(&mut *state, State::Gone) {
            State::Done(output) => Poll::Ready(Ok(output)),
            State::Gone => Poll::Ready(Err(Aborted { task: self.name })),
            State::Running => {
                *state = State::Running;
                drop(state);
                self.end.changed.register(cx);
                Poll::Pending
            }
        }
    }
}
