//! A connection of the simulated network as the stream of bytes that hyper reads and writes. Knows no gRPC.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::rt::{Read, ReadBufCursor, Write};
use stormglass::net::{Connection, Message};

/// The most bytes of one message, as of a large Ethernet frame.
const CHUNK_MAX: usize = 8960;

/// Bytes on their way.
#[derive(Clone)]
pub struct Chunk(Bytes);

impl Message for Chunk {
    fn kind(&self) -> u64 {
        0
    }
    fn kind_name(_kind: u64) -> &'static str {
        "bytes"
    }
    fn bytes(&self) -> u64 {
        66 + self.0.len() as u64
    }
}

/// A connection as a stream of bytes.
pub struct Stream {
    connection: Connection<Chunk>,
    unread: Bytes,
}

impl Stream {
    /// The stream of a connection that carries nothing else.
    pub fn new(connection: Connection<Chunk>) -> Self {
        Self { connection, unread: Bytes::new() }
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            match ready!(self.connection.poll_recv(cx)) {
                Ok(Chunk(bytes)) => self.unread = bytes,
                // Nothing more comes: the end of the stream.
                Err(_) => return Poll::Ready(Ok(())),
            }
        }
        let count = self.unread.len().min(into.remaining());
        into.put_slice(&self.unread.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl Write for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = bytes.len().min(CHUNK_MAX);
        let sent = self.connection.send(Chunk(Bytes::copy_from_slice(&bytes[..count])));
        Poll::Ready(sent.map(|()| count).map_err(|_| io::ErrorKind::BrokenPipe.into()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.close();
        Poll::Ready(Ok(()))
    }
}
