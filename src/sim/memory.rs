//! Each node's memory account: what its code allocates, from where, and up to which limit. Holds no bytes
//! itself: an allocation is a guard that says how many its holder stands for.
//!
//! Two kinds of use are told apart. What is *reserved* stays for as long as its holder serves (a session, a
//! bitmap, the buffer of a background task); what is *allocated* goes with one piece of work. A node at rest
//! holds what it reserved and nothing else.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, ready};
use std::panic::Location;
use std::rc::Rc;

use futures::future::Either;

use crate::base::{Nanos, NodeId, SiteId};

use super::kernel::Kernel;
use super::ledger::{LeakedCount, Sites};
use super::port::NodeHandle;
use super::records::AllocationRefused;
use super::sync::Signal;

/// After this time an allocation that waits tries again, freed or not.
const RETRY: Nanos = Nanos::from_micros(200);

/// The use of one place in the code.
#[derive(Clone, Copy, Debug)]
struct Site {
    place: &'static Location<'static>,
    id: SiteId,
    reserves: bool,
    live: u64,
    bytes: u64,
    taken: u64,
    refused: u64,
}

/// One node's account.
pub(super) struct Account {
    node: NodeId,
    limit: Cell<u64>,
    used: Cell<u64>,
    /// Of `used`, what is reserved.
    reserved: Cell<u64>,
    peak: Cell<u64>,
    /// How many requests are refused whatever is free, once so many others have been judged by what is.
    fail_next: Cell<u64>,
    fail_after: Cell<u64>,
    refused: Cell<u64>,
    sites: RefCell<Vec<Site>>,
    /// The place among them that asked last.
    last: Cell<usize>,
    numbers: Sites,
    freed: Signal,
}

impl Account {
    pub(super) fn new(kernel: &Kernel, node: NodeId, limit: Option<u64>) -> Rc<Self> {
        Rc::new(Self {
            node,
            limit: Cell::new(limit.unwrap_or(u64::MAX)),
            used: Cell::new(0),
            reserved: Cell::new(0),
            peak: Cell::new(0),
            fail_next: Cell::new(0),
            fail_after: Cell::new(0),
            refused: Cell::new(0),
            sites: RefCell::default(),
            last: Cell::new(0),
            numbers: kernel.inner.ledger.sites.clone(),
            freed: Signal::new(kernel),
        })
    }

    /// Lets the node hold no more than `limit` bytes from now on; `None`: as much as it likes.
    pub(super) fn set_limit(&self, limit: Option<u64>) {
        let more = limit.unwrap_or(u64::MAX) > self.limit.get();
        self.limit.set(limit.unwrap_or(u64::MAX));
        if more {
            self.freed.notify();
        }
    }

    pub(super) fn set_fail_next(&self, count: u64, after: u64) {
        self.fail_next.set(count);
        self.fail_after.set(after);
    }

    /// Whether the request that comes now is one of those that are made to fail.
    fn is_made_to_fail(&self) -> bool {
        let left = self.fail_next.get();
        if left == 0 {
            return false;
        }
        match self.fail_after.get().checked_sub(1) {
            Some(before) => self.fail_after.set(before),
            None => {
                self.fail_next.set(left - 1);
                return true;
            }
        }
        false
    }

    /// Whether requests are made to fail, or the limit is below `made_with`.
    pub(super) fn is_short(&self, made_with: Option<u64>) -> bool {
        self.fail_next.get() > 0 || self.limit.get() < made_with.unwrap_or(u64::MAX)
    }

    /// What is held, by place.
    pub(super) fn open(&self) -> Vec<LeakedCount> {
        let sites = self.sites.borrow();
        let live = sites.iter().filter(|site| site.live > 0);
        live.map(|site| LeakedCount {
            node: self.node,
            what: "memory",
            count: site.live,
            bytes: site.bytes,
            site: site.id,
            place: self.numbers.name(site.id),
        })
        .collect()
    }

    /// The account as it stands.
    pub(super) fn usage(&self) -> MemoryUse {
        let sites = self.sites.borrow();
        let limit = self.limit.get();
        MemoryUse {
            limit: (limit != u64::MAX).then_some(limit),
            used: self.used.get(),
            reserved: self.reserved.get(),
            peak: self.peak.get(),
            refused: self.refused.get(),
            fail_next: self.fail_next.get(),
            fail_after: self.fail_after.get(),
            sites: sites
                .iter()
                .map(|site| MemorySite {
                    place: self.numbers.name(site.id),
                    reserves: site.reserves,
                    live: site.live,
                    bytes: site.bytes,
                    taken: site.taken,
                    refused: site.refused,
                })
                .collect(),
        }
    }

    /// The line in the account of a place that is not known by its address.
    #[cold]
    fn new_site(
        &self,
        sites: &mut Vec<Site>,
        place: &'static Location<'static>,
        reserves: bool,
    ) -> usize {
        // One place may have several addresses: once per copy that the compiler makes of its function.
        let id = self.numbers.id(place);
        let same = |site: &Site| site.id == id && site.reserves == reserves;
        sites.iter().position(same).unwrap_or_else(|| {
            sites.push(Site { place, id, reserves, live: 0, bytes: 0, taken: 0, refused: 0 });
            sites.len() - 1
        })
    }

    fn take(
        self: &Rc<Self>,
        bytes: u64,
        reserves: bool,
        place: &'static Location<'static>,
    ) -> Result<Allocation, (OutOfMemory, SiteId)> {
        let mut sites = self.sites.borrow_mut();
        let same = |site: &Site| std::ptr::eq(site.place, place) && site.reserves == reserves;
        // Mostly the place that asked last asks again.
        let last = self.last.get();
        let at = match sites.get(last) {
            Some(site) if same(site) => last,
            _ => {
                let known = sites.iter().position(same);
                known.unwrap_or_else(|| self.new_site(&mut sites, place, reserves))
            }
        };
        self.last.set(at);
        let site = &mut sites[at];
        let used = self.used.get().saturating_add(bytes);
        if self.is_made_to_fail() || used > self.limit.get() {
            self.refused.set(self.refused.get() + 1);
            site.refused += 1;
            return Err((OutOfMemory { bytes, used: self.used.get() }, site.id));
        }
        site.live += 1;
        site.taken += 1;
        site.bytes += bytes;
        self.used.set(used);
        self.peak.set(self.peak.get().max(used));
        if reserves {
            self.reserved.set(self.reserved.get() + bytes);
        }
        Ok(Allocation { account: self.clone(), site: at as u32, bytes })
    }
}

/// A node's memory, as its code takes from it. Clones are cheap and share it.
#[derive(Clone)]
pub struct Memory {
    handle: NodeHandle,
    account: Rc<Account>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({}, {} bytes)", self.account.node, self.account.used.get())
    }
}

/// The node has not that much memory left, or was made to say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("out of memory: {bytes} bytes asked for, {used} in use")]
pub struct OutOfMemory {
    /// Bytes asked for.
    pub bytes: u64,
    /// Bytes in use.
    pub used: u64,
}

impl Memory {
    pub(super) fn new(handle: NodeHandle, account: Rc<Account>) -> Self {
        Self { handle, account }
    }

    /// Takes `bytes` for one piece of work, or fails at once.
    ///
    /// # Errors
    /// [`OutOfMemory`] when that is more than the node may hold, or the request was made to fail.
    #[track_caller]
    pub fn alloc(&self, bytes: u64) -> Result<Allocation, OutOfMemory> {
        self.take(bytes, false, Location::caller())
    }

    /// Takes `bytes` for as long as their holder serves, or fails at once.
    ///
    /// # Errors
    /// As [`Memory::alloc`].
    #[track_caller]
    pub fn reserve(&self, bytes: u64) -> Result<Allocation, OutOfMemory> {
        self.take(bytes, true, Location::caller())
    }

    /// Takes `bytes` for one piece of work; waits until the node has them. What it is asked for while
    /// something else is held must not be more than is sure to come free without it.
    #[track_caller]
    pub fn alloc_waiting(&self, bytes: u64) -> impl Future<Output = Allocation> + use<> {
        self.take_waiting(bytes, false, Location::caller())
    }

    /// Takes `bytes` for as long as their holder serves; waits until the node has them.
    #[track_caller]
    pub fn reserve_waiting(&self, bytes: u64) -> impl Future<Output = Allocation> + use<> {
        self.take_waiting(bytes, true, Location::caller())
    }

    /// Told whenever memory of the node comes free.
    #[must_use]
    pub fn freed(&self) -> &Signal {
        &self.account.freed
    }

    fn take(
        &self,
        bytes: u64,
        reserves: bool,
        place: &'static Location<'static>,
    ) -> Result<Allocation, OutOfMemory> {
        self.account.take(bytes, reserves, place).map_err(|(error, site)| {
            let OutOfMemory { bytes, used } = error;
            let node = self.account.node;
            self.handle.emit(&AllocationRefused { node, bytes, used, site });
            error
        })
    }

    /// What is granted at once takes no waiting future.
    fn take_waiting(
        &self,
        bytes: u64,
        reserves: bool,
        place: &'static Location<'static>,
    ) -> impl Future<Output = Allocation> + use<> {
        match self.take(bytes, reserves, place) {
            Ok(allocation) => Either::Left(ready(allocation)),
            Err(_) => Either::Right(Box::pin(self.clone().wait(bytes, reserves, place))),
        }
    }

    async fn wait(
        self,
        bytes: u64,
        reserves: bool,
        place: &'static Location<'static>,
    ) -> Allocation {
        loop {
            let mut asked = false;
            // Registers once; whoever is told then tries again.
            let freed =
                self.account.freed.wait_for(|| std::mem::replace(&mut asked, true).then_some(()));
            let _retry = self.handle.timeout(RETRY, freed).await;
            if let Ok(allocation) = self.take(bytes, reserves, place) {
                return allocation;
            }
        }
    }
}

/// Memory that is held, given back when dropped.
pub struct Allocation {
    account: Rc<Account>,
    site: u32,
    bytes: u64,
}

impl fmt::Debug for Allocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Allocation({} bytes)", self.bytes)
    }
}

impl Allocation {
    /// How many bytes it stands for.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        let account = &self.account;
        {
            let site = &mut account.sites.borrow_mut()[self.site as usize];
            site.live -= 1;
            site.bytes -= self.bytes;
            if site.reserves {
                account.reserved.set(account.reserved.get() - self.bytes);
            }
        }
        account.used.set(account.used.get() - self.bytes);
        account.freed.notify();
    }
}

/// A node's memory account, as tests and the world see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryUse {
    /// Bytes that it may hold, if there is a limit. One that was set below its use then is kept to as that
    /// comes free.
    pub limit: Option<u64>,
    /// Bytes in use.
    pub used: u64,
    /// Of these, bytes that are reserved: what the node holds at rest.
    pub reserved: u64,
    /// The most bytes that were ever in use.
    pub peak: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// How many requests will be refused whatever is free.
    pub fail_next: u64,
    /// How many others come before these.
    pub fail_after: u64,
    /// The use by place in the code, in the order of first use.
    pub sites: Vec<MemorySite>,
}

/// What one place in the code takes of a node's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemorySite {
    /// The place, as `file:line`.
    pub place: String,
    /// Whether it reserves, rather than allocates for a piece of work.
    pub reserves: bool,
    /// Allocations that it holds.
    pub live: u64,
    /// Bytes that these stand for.
    pub bytes: u64,
    /// Requests that were granted.
    pub taken: u64,
    /// Requests that were refused.
    pub refused: u64,
}
