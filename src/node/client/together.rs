//! Several pieces of one work at a time. Spawns nothing.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Done when all of them are: their results, in their order. Each is asked again whenever one of them may go
/// on, so they are to be few.
pub(super) struct Together<F: Future>(Vec<Part<F>>);

enum Part<F: Future> {
    Open(F),
    Done(Option<F::Output>),
}

impl<F: Future> Together<F> {
    pub(super) fn new(parts: Vec<F>) -> Self {
        Self(parts.into_iter().map(Part::Open).collect())
    }
}

impl<F: Future + Unpin> Future for Together<F>
where
    F::Output: Unpin,
{
    type Output = Vec<F::Output>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut open = false;
        for part in &mut self.0 {
            let Part::Open(future) = part else { continue };
            match Pin::new(future).poll(cx) {
                Poll::Ready(output) => *part = Part::Done(Some(output)),
                Poll::Pending => open = true,
            }
        }
        if open {
            return Poll::Pending;
        }
        let outputs = self.0.iter_mut().filter_map(|part| match part {
            Part::Done(output) => output.take(),
            Part::Open(_) => None,
        });
        Poll::Ready(outputs.collect())
    }
}
