//! Device files: waited for until they appear, and opened on a task of their own, for a kernel may never come back from
//! that. Makes none.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

use crate::base::control::OpenOverdue;
use crate::base::{Nanos, planted};
use crate::node::probes;
use crate::process::port::OpenError;
use crate::sim::JoinHandle;

use super::agent::Agent;
use super::problem::Problem;
use super::resource::Resource;

/// Into so many parts the time is cut that a device file has to appear: after each somebody looks.
const LOOKS: u64 = 200;

/// Tasks that open device files, by volume: one each at most, however often it is tried.
pub(super) type Openings = RefCell<BTreeMap<String, JoinHandle<Result<u64, OpenError>>>>;

/// Waits until a device file is there: looks now and then, and when somebody says that it may be.
pub(super) async fn appears(agent: &Agent, resource: &Resource, name: &str) -> Result<(), Problem> {
    let (handle, waited) = (&agent.handle, agent.timing.device);
    let deadline = handle.monotonic() + waited;
    let every = Nanos::new(waited.get() / LOOKS);
    loop {
        if agent.os.has_device(name) {
            return Ok(());
        }
        if handle.monotonic() >= deadline {
            return Err(Problem::NoDevice { name: name.to_owned(), waited });
        }
        crate::sometimes!(handle, true, probes::DEVICE_AWAITED);
        let mut pause = pin!(handle.sleep(every));
        poll_fn(|cx| {
            if agent.os.has_device(name) {
                return Poll::Ready(());
            }
            resource.wake.register(cx);
            pause.as_mut().poll(cx)
        })
        .await;
    }
}

/// Opens a device file, and says how large the device is.
pub(super) async fn size_of(
    agent: &Rc<Agent>,
    resource: &Resource,
    name: &str,
) -> Result<u64, Problem> {
    let earlier = resource.openings.borrow_mut().remove(name);
    let again = earlier.is_some();
    let mut opening = earlier.unwrap_or_else(|| {
        let (os, name) = (agent.os.clone(), name.to_owned());
        let open = async move { os.open(&name).await.map(|device| device.size()) };
        agent.handle.spawn("satellite.open", open)
    });
    let patience = if planted!(OpenWaitedForAlways) { Nanos::MAX } else { agent.timing.open };
    let opened = agent.handle.timeout(patience, Pin::new(&mut opening)).await;
    let Ok(opened) = opened else {
        crate::sometimes!(agent.handle, true, probes::OPEN_OVERDUE);
        let mut openings = resource.openings.borrow_mut();
        openings.insert(name.to_owned(), opening);
        agent.handle.emit(&OpenOverdue { volumes: openings.len() as u32 });
        return Err(Problem::OpenBlocked { name: name.to_owned(), again });
    };
    let opened = opened.expect("nobody aborts a task that opens a device");
    opened.map_err(|_| Problem::NoDevice { name: name.to_owned(), waited: Nanos::ZERO })
}
