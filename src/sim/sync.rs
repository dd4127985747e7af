//! Queues and signals between the tasks of a node. They cross no network and cost no virtual time.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::kernel::Kernel;
use super::task::WakeRef;
use super::wait::Wait;

/// An unbounded queue with one consumer. Clones share it.
pub struct Queue<T> {
    kernel: Kernel,
    shared: Rc<RefCell<QueueState<T>>>,
}

struct QueueState<T> {
    items: VecDeque<T>,
    consumer: Option<WakeRef>,
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self { kernel: self.kernel.clone(), shared: self.shared.clone() }
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Queue({} items)", self.shared.borrow().items.len())
    }
}

impl<T> Queue<T> {
    /// An empty queue.
    #[must_use]
    pub fn new(kernel: &Kernel) -> Self {
        let state = QueueState { items: VecDeque::new(), consumer: None };
        Self { kernel: kernel.clone(), shared: Rc::new(RefCell::new(state)) }
    }

    /// Adds an item at the end and wakes the consumer.
    pub fn push(&self, item: T) {
        let consumer = {
            let mut state = self.shared.borrow_mut();
            state.items.push_back(item);
            state.consumer.take()
        };
        if let Some(consumer) = consumer {
            self.kernel.wake(consumer);
        }
    }

    /// The first item, if there is one now.
    pub fn try_pop(&self) -> Option<T> {
        self.shared.borrow_mut().items.pop_front()
    }

    /// The first item, or `Pending` until there is one.
    pub fn poll_pop(&self, cx: &Context<'_>) -> Poll<T> {
        let mut state = self.shared.borrow_mut();
        if let Some(item) = state.items.pop_front() {
            return Poll::Ready(item);
        }
        state.consumer = Some(self.kernel.wake_ref(cx));
        drop(state);
        self.kernel.waits_for(Wait { what: "an item in a queue", which: 0 });
        Poll::Pending
    }

    /// Waits for the first item.
    pub async fn pop(&self) -> T {
        poll_fn(|cx| self.poll_pop(cx)).await
    }

    /// How many items wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.borrow().items.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Wakes everybody who waits for a condition to be looked at again. Clones share it.
#[derive(Clone)]
pub struct Signal {
    kernel: Kernel,
    waiters: Rc<RefCell<Vec<WakeRef>>>,
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signal({} waiters)", self.waiters.borrow().len())
    }
}

impl Signal {
    /// A signal that nobody waits for.
    #[must_use]
    pub fn new(kernel: &Kernel) -> Self {
        Self { kernel: kernel.clone(), waiters: Rc::default() }
    }

    /// The kernel that it belongs to.
    #[must_use]
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// Wakes all who are registered, once.
    pub fn notify(&self) {
        if self.waiters.borrow().is_empty() {
            return;
        }
        let waiters = std::mem::take(&mut *self.waiters.borrow_mut());
        for waiter in waiters {
            self.kernel.wake(waiter);
        }
    }

    /// Registers the polling task for the next [`Signal::notify`].
    pub fn register(&self, cx: &Context<'_>) {
        let wake = self.kernel.wake_ref(cx);
        let mut waiters = self.waiters.borrow_mut();
        if !waiters.iter().any(|waiter| waiter.is_same(&wake)) {
            waiters.push(wake);
        }
        drop(waiters);
        self.kernel.waits_for(Wait { what: "a signal", which: 0 });
    }

    /// Waits until `condition` gives a value; it is asked now and after each notification.
    pub async fn wait_for<T>(&self, mut condition: impl FnMut() -> Option<T>) -> T {
        poll_fn(|cx| match condition() {
            Some(value) => Poll::Ready(value),
            None => {
                self.register(cx);
                Poll::Pending
            }
        })
        .await
    }
}
