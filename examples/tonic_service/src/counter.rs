//! The service as its definition would have it made: messages, the server's side and the client's, by tonic's own parts. Counts
//! nothing itself.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::channel::{mpsc, oneshot};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

#[derive(Clone, PartialEq, prost::Message)]
struct Increase {
    #[prost(uint64, tag = "1")]
    request: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Counted {
    #[prost(uint64, tag = "1")]
    value: u64,
}

type Later<T, E> = Pin<Box<dyn Future<Output = Result<T, E>>>>;
/// A request, and where the count is wanted.
pub type Ask = (u64, oneshot::Sender<u64>);

/// The service: whoever counts gets the requests.
#[derive(Clone)]
pub struct Counter(pub mpsc::UnboundedSender<Ask>);

impl Service<Request<Increase>> for Counter {
    type Response = Response<Counted>;
    type Error = Status;
    type Future = Later<Response<Counted>, Status>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, request: Request<Increase>) -> Self::Future {
        let (answer, answered) = oneshot::channel();
        let asked = self.0.unbounded_send((request.get_ref().request, answer));
        Box::pin(async move {
            asked.map_err(|_| Status::unavailable("nobody counts"))?;
            let value = answered.await.map_err(|_| Status::aborted("nobody counts any more"))?;
            Ok(Response::new(Counted { value }))
        })
    }
}

impl Counter {
    /// Answers one request of a connection.
    pub async fn respond(
        self,
        request: http::Request<Incoming>,
    ) -> Result<http::Response<Body>, Infallible> {
        let mut grpc = tonic::server::Grpc::new(ProstCodec::<Counted, Increase>::default());
        Ok(grpc.unary(self, request).await)
    }
}

/// A connection as tonic's client wants it.
pub struct Channel(pub SendRequest<Body>);

impl Service<http::Request<Body>> for Channel {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Later<Self::Response, hyper::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(cx)
    }
    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

/// Has a request counted by whoever is at the other end.
pub async fn increase(channel: Channel, request: u64) -> Result<u64, Status> {
    let origin = http::Uri::from_static("http://counter");
    let mut grpc = tonic::client::Grpc::with_origin(channel, origin);
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = http::uri::PathAndQuery::from_static("/counter.Counter/Increase");
    let codec = ProstCodec::<Increase, Counted>::default();
    let answer = grpc.unary(Request::new(Increase { request }), path, codec).await?;
    Ok(answer.into_inner().value)
}
