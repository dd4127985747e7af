//! What hyper runs on: tasks on the CPUs of a node, timers in virtual time. Knows no gRPC.

#![expect(
    clippy::disallowed_types,
    reason = "hyper tells by it when; under the seal it is virtual time"
)]

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::channel::{mpsc, oneshot};
use hyper::rt::{Executor, Sleep, Timer};
use stormglass::base::Nanos;
use stormglass::sim::NodeHandle;

/// Runs hyper's tasks on a node.
#[derive(Clone)]
pub struct Tasks(pub NodeHandle);

impl<F: Future + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.0.spawn("hyper", async move {
            task.await;
        });
    }
}

type Alarm = (Duration, oneshot::Sender<()>);

/// Timers of a node. hyper wants them to be fit for other threads, which nothing of a node is: a task of the node has the timers,
/// and tells when they are due.
#[derive(Clone)]
pub struct Timers(mpsc::UnboundedSender<Alarm>);

impl Timers {
    /// Those of this node.
    pub fn new(node: &NodeHandle) -> Self {
        let (ask, mut asked) = mpsc::unbounded::<Alarm>();
        let host = node.clone();
        node.spawn("timers", async move {
            while let Some((after, mut due)) = asked.next().await {
                let sleeper = host.clone();
                host.spawn("timer", async move {
                    let sleep = sleeper.sleep(Nanos::new(after.as_nanos() as u64));
                    // Whoever no longer waits has dropped the other end.
                    futures::future::select(std::pin::pin!(sleep), due.cancellation()).await;
                    due.send(()).ok();
                });
            }
        });
        Self(ask)
    }
}

impl Timer for Timers {
    fn sleep(&self, after: Duration) -> Pin<Box<dyn Sleep>> {
        let (due, waits) = oneshot::channel();
        // Without the node's task the node is down, and nobody waits.
        self.0.unbounded_send((after, due)).ok();
        Box::pin(Waits(waits))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.sleep(deadline.saturating_duration_since(self.now()))
    }
}

struct Waits(oneshot::Receiver<()>);

impl Future for Waits {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx).map(|_| ())
    }
}

impl Sleep for Waits {}
