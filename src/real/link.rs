//! TCP between two nodes' processes: who calls says who it is, then messages go both ways, each behind its length.
//! Knows no message and no kernel; each direction of a connection has a thread of its own, so that nobody waits for a peer.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Builder};
use std::time::Duration;

/// The first bytes of a connection, with the version of what follows.
const MAGIC: [u8; 8] = *b"SGLASS\0\x01";
const HELLO_BYTES: usize = 8 + 8 + 4 + 2;
const MESSAGE_MAX: u32 = 64 << 20;
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);
const CALL_AGAIN: Duration = Duration::from_millis(200);
const HELLO_PATIENCE: Duration = Duration::from_secs(10);

/// Who calls, and which service of the one that is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hello {
    pub(super) cluster: u64,
    pub(super) from: u32,
    pub(super) service: u16,
}

impl Hello {
    fn bytes(self) -> [u8; HELLO_BYTES] {
        let mut bytes = [0; HELLO_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&self.cluster.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.from.to_le_bytes());
        bytes[20..].copy_from_slice(&self.service.to_le_bytes());
        bytes
    }

    fn read(stream: &mut impl Read) -> io::Result<Self> {
        let mut bytes = [0; HELLO_BYTES];
        stream.read_exact(&mut bytes)?;
        if bytes[..8] != MAGIC {
            return Err(io::Error::new(ErrorKind::InvalidData, "it speaks another language"));
        }
        let (word, rest) = bytes[8..].split_at(8);
        let (from, service) = rest.split_at(4);
        Ok(Self {
            cluster: u64::from_le_bytes(word.try_into().expect("eight bytes")),
            from: u32::from_le_bytes(from.try_into().expect("four bytes")),
            service: u16::from_le_bytes(service.try_into().expect("two bytes")),
        })
    }
}

/// One end of a connection. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Line {
    /// Tells it from all others of this process.
    pub(super) number: u64,
    out: Sender<Vec<u8>>,
}

impl Line {
    /// Sends a message, in the background. Of a connection that is gone nothing is said here: see [`News::Over`].
    pub(super) fn send(&self, message: Vec<u8>) {
        let _gone = self.out.send(message);
    }
}

/// What happens on the connections of a process.
#[derive(Debug)]
pub(super) enum News {
    /// A peer answers, and waits for the first message.
    Ready(Line),
    /// A peer that called has opened its connection.
    Called(Hello, Line),
    /// A message came.
    Message(u64, Vec<u8>),
    /// A connection is over.
    Over(u64),
}

static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// Calls a peer until it answers, and again each time that `again` is told.
pub(super) fn call(
    address: SocketAddr,
    hello: Hello,
    tell: impl Fn(News) + Clone + Send + 'static,
    again: Receiver<()>,
) -> io::Result<()> {
    let calls = move || loop {
        match TcpStream::connect_timeout(&address, CONNECT_PATIENCE).and_then(|mut stream| {
            stream.write_all(&hello.bytes())?;
            open(stream, News::Ready, tell.clone())
        }) {
            Ok(()) => {
                if again.recv().is_err() {
                    return;
                }
            }
            Err(_) => thread::sleep(CALL_AGAIN),
        }
    };
    Builder::new().name(format!("call {address}")).spawn(calls).map(drop)
}

/// Takes calls for the life of the process; of another cluster none.
pub(super) fn listen(
    address: SocketAddr,
    cluster: u64,
    tell: impl Fn(News) + Clone + Send + 'static,
) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    each_of(listener, "call", move |stream| {
        let peer = stream.peer_addr();
        if let Err(error) = greet(stream, cluster, &tell) {
            tracing::debug!(?peer, %error, "a call came to nothing");
        }
    })
}

/// Takes whoever connects, each on a thread of its own, for the life of the process.
pub(super) fn each_of(
    listener: TcpListener,
    name: &'static str,
    take: impl Fn(TcpStream) + Clone + Send + 'static,
) -> io::Result<()> {
    let takes = move || {
        for stream in listener.incoming() {
            let take = take.clone();
            let taken = stream.and_then(|stream| {
                Builder::new().name(name.to_owned()).spawn(move || take(stream))
            });
            if let Err(error) = taken {
                // Out of files or of threads, most likely: at once it would be no better.
                tracing::warn!(%error, "a {name} was not taken");
                thread::sleep(CALL_AGAIN);
            }
        }
    };
    Builder::new().name(format!("listen {name}")).spawn(takes).map(drop)
}

/// Whoever calls keeps a connection ready; it counts from its first, empty message on.
fn greet(
    mut stream: TcpStream,
    cluster: u64,
    tell: &(impl Fn(News) + Clone + Send + 'static),
) -> io::Result<()> {
    stream.set_read_timeout(Some(HELLO_PATIENCE))?;
    let hello = Hello::read(&mut stream)?;
    if hello.cluster != cluster {
        let what = "it has another cluster file";
        tracing::warn!(peer = ?stream.peer_addr(), "a node was refused: {what}");
        return Err(io::Error::new(ErrorKind::InvalidData, what));
    }
    stream.set_read_timeout(None)?;
    let first = read_message(&mut stream)?;
    if !first.is_empty() {
        return Err(io::Error::new(ErrorKind::InvalidData, "it spoke before it opened"));
    }
    open(stream, |line| News::Called(hello, line), tell.clone())
}

/// Begins to write, tells of the connection, and then begins to read: what comes over it is told after it.
fn open(
    stream: TcpStream,
    news: impl FnOnce(Line) -> News,
    tell: impl Fn(News) + Send + 'static,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
    let (out, messages) = channel::<Vec<u8>>();
    let (mut reader, writer) = (stream.try_clone()?, stream);
    let writes = move || {
        let _ended = write_messages(&writer, &messages);
        // Whoever reads is woken by it, and says that it is over.
        let _gone = writer.shutdown(Shutdown::Both);
    };
    Builder::new().name(format!("write {number}")).spawn(writes)?;
    tell(news(Line { number, out }));
    let reads = move || {
        while let Ok(message) = read_message(&mut reader) {
            tell(News::Message(number, message));
        }
        tell(News::Over(number));
    };
    Builder::new().name(format!("read {number}")).spawn(reads).map(drop)
}

fn write_messages(mut stream: &TcpStream, messages: &Receiver<Vec<u8>>) -> io::Result<()> {
    while let Ok(message) = messages.recv() {
        let mut bytes = Vec::with_capacity(message.len() + 4);
        bytes.extend((message.len() as u32).to_le_bytes());
        bytes.extend(message);
        stream.write_all(&bytes)?;
    }
    Ok(())
}

fn read_message(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > MESSAGE_MAX {
        return Err(io::Error::new(ErrorKind::InvalidData, "a message that long is none"));
    }
    let mut message = vec![0; length as usize];
    stream.read_exact(&mut message)?;
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::Hello;

    #[test]
    fn who_calls_is_read_as_it_was_written() {
        let hello = Hello { cluster: 0x0123_4567_89ab_cdef, from: 7, service: 2 };
        assert_eq!(Hello::read(&mut &hello.bytes()[..]).expect("a whole hello"), hello);
        assert!(Hello::read(&mut &[0; 22][..]).is_err(), "another language");
        assert!(Hello::read(&mut &hello.bytes()[..9]).is_err(), "cut short");
    }
}
