//! Per-CPU data: a value for each CPU of a node, for one incarnation. Synchronises nothing.

use std::fmt;
use std::rc::{Rc, Weak};

use crate::base::CpuId;

use super::port::NodeHandle;

/// A value for each CPU of a node. It belongs to the incarnation: when that ends, the values are
/// dropped, whoever still holds the handle.
pub struct PerCpu<T> {
    handle: NodeHandle,
    values: Weak<Vec<T>>,
}

impl<T> Clone for PerCpu<T> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone(), values: self.values.clone() }
    }
}

impl<T> fmt::Debug for PerCpu<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_freed() { "freed" } else { "in use" };
        write!(f, "PerCpu<{}>({state})", std::any::type_name::<T>())
    }
}

impl<T: 'static> PerCpu<T> {
    pub(super) fn new(handle: &NodeHandle, mut make: impl FnMut(CpuId) -> T) -> Self {
        let values = Rc::new((0..handle.cpus()).map(|cpu| make(CpuId::new(cpu))).collect());
        let this = Self { handle: handle.clone(), values: Rc::downgrade(&values) };
        handle.kernel().own_per_cpu(handle, values);
        this
    }
}

impl<T> PerCpu<T> {
    /// Whether the incarnation that it belonged to is over.
    #[must_use]
    pub fn is_freed(&self) -> bool {
        self.values.strong_count() == 0
    }

    /// Shows `look` the value of the CPU that this runs on (`this_cpu_ptr`); outside of a task, of
    /// the first CPU.
    ///
    /// # Panics
    /// When the incarnation is over: on a real machine that is a use after free.
    pub fn with<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        self.with_on(self.handle.cpu(), look)
    }

    /// Shows `look` the value of this CPU, taken modulo the node's (`per_cpu_ptr`).
    ///
    /// # Panics
    /// See [`PerCpu::with`].
    pub fn with_on<R>(&self, cpu: CpuId, look: impl FnOnce(&T) -> R) -> R {
        let values = self.held();
        look(&values[cpu.index() % values.len()])
    }

    /// Adds something up over all CPUs, in order.
    ///
    /// # Panics
    /// See [`PerCpu::with`].
    pub fn fold<A>(&self, start: A, add: impl FnMut(A, &T) -> A) -> A {
        self.held().iter().fold(start, add)
    }

    fn held(&self) -> Rc<Vec<T>> {
        self.values.upgrade().expect("per-CPU data is used within the incarnation that made it")
    }
}
