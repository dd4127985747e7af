//! A volume for the host: the Network Block Device protocol, fixed newstyle, as Linux and QEMU speak it
//! (<https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md>). Executes no request: it hands them on.
//!
//! There is one export, whatever name is asked for is it. Requests are whole blocks: the least length is told as the
//! export's block size, and what is none is refused with `EINVAL`.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Builder;

use super::link::each_of;

const MAGIC: u64 = 0x4e42_444d_4147_4943;
const OPTION_MAGIC: u64 = 0x4948_4156_454f_5054;
const OPTION_REPLY: u64 = 0x0003_e889_0455_65a9;
const REQUEST: u32 = 0x2560_9513;
const REPLY: u32 = 0x6744_6698;

/// `NBD_FLAG_FIXED_NEWSTYLE`, `NBD_FLAG_NO_ZEROES`.
const HANDSHAKE: u16 = 0b11;
const NO_ZEROES: u32 = 0b10;
/// `HAS_FLAGS`, `SEND_FLUSH`, `SEND_FUA`, `SEND_TRIM`, `SEND_WRITE_ZEROES`.
const TRANSMISSION: u16 = 1 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 6;

const EXPORT_NAME: u32 = 1;
const ABORT: u32 = 2;
const LIST: u32 = 3;
const INFO: u32 = 6;
const GO: u32 = 7;
const ACK: u32 = 1;
const SERVER: u32 = 2;
const INFORMATION: u32 = 3;
const UNSUPPORTED: u32 = 1 << 31 | 1;
const INFO_EXPORT: u16 = 0;
const INFO_BLOCK_SIZE: u16 = 3;

const OPTION_MAX: u32 = 64 << 10;
/// The longest read or write that is taken, as QEMU has it.
const LENGTH_MAX: u32 = 32 << 20;
const FUA: u16 = 1;

/// Input/output error.
pub(super) const EIO: u32 = 5;
/// Invalid argument.
pub(super) const EINVAL: u32 = 22;
/// No space left on device: beyond the end.
pub(super) const ENOSPC: u32 = 28;

/// What the host is told of the volume, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Export {
    pub(super) bytes: u64,
    pub(super) block: u32,
}

/// What the host asks for.
#[derive(Debug)]
pub(super) enum Order {
    Read {
        at: u64,
        length: u32,
    },
    Write {
        at: u64,
        data: Vec<u8>,
        fua: bool,
    },
    /// Whether a range is to be zero, or need not be kept.
    Zero {
        at: u64,
        length: u32,
        fua: bool,
    },
    Flush,
}

/// A request of the host, to be answered once.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) order: Order,
    cookie: u64,
    answers: Sender<Vec<u8>>,
}

impl Request {
    /// It was done; of a read, this was read.
    pub(super) fn done(&self, data: &[u8]) {
        self.answer(0, data);
    }

    /// It was not done, by the number of an error.
    pub(super) fn failed(&self, error: u32) {
        self.answer(error, &[]);
    }

    fn answer(&self, error: u32, data: &[u8]) {
        let mut bytes = Vec::with_capacity(16 + data.len());
        bytes.extend(REPLY.to_be_bytes());
        bytes.extend(error.to_be_bytes());
        bytes.extend(self.cookie.to_be_bytes());
        bytes.extend(data);
        // A host that is gone needs no answer.
        let _gone = self.answers.send(bytes);
    }
}

/// Takes hosts for the life of the process; gives the address, whose port may have been left to the system.
pub(super) fn listen(
    address: SocketAddr,
    export: Export,
    tell: impl Fn(Request) + Clone + Send + 'static,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address)?;
    let bound = listener.local_addr()?;
    each_of(listener, "host", move |stream| {
        if let Err(error) = serve(stream, export, &tell) {
            tracing::debug!(%error, "a host is gone");
        }
    })?;
    Ok(bound)
}

fn serve(mut stream: TcpStream, export: Export, tell: &impl Fn(Request)) -> io::Result<()> {
    stream.set_nodelay(true)?;
    if !negotiate(&mut stream, export)? {
        return Ok(());
    }
    let (answers, to_write) = channel();
    let mut writer = stream.try_clone()?;
    let writes = move || write_answers(&mut writer, &to_write);
    Builder::new().name("nbd write".to_owned()).spawn(writes)?;
    while let Some((order, cookie)) = read_request(&mut stream, export, &answers)? {
        tell(Request { order, cookie, answers: answers.clone() });
    }
    Ok(())
}

fn write_answers(stream: &mut TcpStream, answers: &Receiver<Vec<u8>>) {
    while let Ok(answer) = answers.recv() {
        if stream.write_all(&answer).is_err() {
            return;
        }
    }
}

/// What host and server say before the first request. `false` if the host thinks better of it.
fn negotiate(stream: &mut (impl Read + Write), export: Export) -> io::Result<bool> {
    let mut greeting = Vec::new();
    greeting.extend(MAGIC.to_be_bytes());
    greeting.extend(OPTION_MAGIC.to_be_bytes());
    greeting.extend(HANDSHAKE.to_be_bytes());
    stream.write_all(&greeting)?;
    let flags = read_u32(stream)?;
    loop {
        if read_u64(stream)? != OPTION_MAGIC {
            return Err(bad("no option"));
        }
        let (option, length) = (read_u32(stream)?, read_u32(stream)?);
        if length > OPTION_MAX {
            return Err(bad("an option that long is none"));
        }
        let mut data = vec![0; length as usize];
        stream.read_exact(&mut data)?;
        match option {
            EXPORT_NAME => {
                stream.write_all(&of_export(export))?;
                if flags & NO_ZEROES == 0 {
                    stream.write_all(&[0; 124])?;
                }
                return Ok(true);
            }
            GO | INFO => {
                inform(stream, option, export)?;
                if option == GO {
                    return Ok(true);
                }
            }
            LIST => {
                // One export, whose name is empty.
                reply(stream, option, SERVER, &0_u32.to_be_bytes())?;
                reply(stream, option, ACK, &[])?;
            }
            ABORT => {
                reply(stream, option, ACK, &[])?;
                return Ok(false);
            }
            _ => reply(stream, option, UNSUPPORTED, &[])?,
        }
    }
}

fn of_export(export: Export) -> Vec<u8> {
    let mut bytes = export.bytes.to_be_bytes().to_vec();
    bytes.extend(TRANSMISSION.to_be_bytes());
    bytes
}

fn inform(stream: &mut impl Write, option: u32, export: Export) -> io::Result<()> {
    let mut size = INFO_EXPORT.to_be_bytes().to_vec();
    size.extend(of_export(export));
    reply(stream, option, INFORMATION, &size)?;
    let mut blocks = INFO_BLOCK_SIZE.to_be_bytes().to_vec();
    for bytes in [export.block, export.block.max(4096), LENGTH_MAX] {
        blocks.extend(bytes.to_be_bytes());
    }
    reply(stream, option, INFORMATION, &blocks)?;
    reply(stream, option, ACK, &[])
}

fn reply(stream: &mut impl Write, option: u32, kind: u32, data: &[u8]) -> io::Result<()> {
    let mut bytes = OPTION_REPLY.to_be_bytes().to_vec();
    for word in [option, kind, data.len() as u32] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend(data);
    stream.write_all(&bytes)
}

/// The next request that is to be done; what is none is answered here. `None` when the host is done.
fn read_request(
    stream: &mut impl Read,
    export: Export,
    answers: &Sender<Vec<u8>>,
) -> io::Result<Option<(Order, u64)>> {
    loop {
        if read_u32(stream)? != REQUEST {
            return Err(bad("no request"));
        }
        let (flags, kind) = (read_u16(stream)?, read_u16(stream)?);
        let (cookie, at, length) = (read_u64(stream)?, read_u64(stream)?, read_u32(stream)?);
        let fua = flags & FUA != 0;
        let order = match kind {
            0 => Order::Read { at, length },
            1 => {
                if length > LENGTH_MAX {
                    return Err(bad("a write that long is none"));
                }
                let mut data = vec![0; length as usize];
                stream.read_exact(&mut data)?;
                Order::Write { at, data, fua }
            }
            2 => return Ok(None),
            3 => return Ok(Some((Order::Flush, cookie))),
            4 | 6 => Order::Zero { at, length, fua },
            _ => {
                refuse(answers, cookie, EINVAL);
                continue;
            }
        };
        match error_of(&order, (at, length), export) {
            Some(error) => refuse(answers, cookie, error),
            None => return Ok(Some((order, cookie))),
        }
    }
}

fn refuse(answers: &Sender<Vec<u8>>, cookie: u64, error: u32) {
    Request { order: Order::Flush, cookie, answers: answers.clone() }.failed(error);
}

fn error_of(order: &Order, (at, length): (u64, u32), export: Export) -> Option<u32> {
    let block = u64::from(export.block);
    if length == 0 || !at.is_multiple_of(block) || !u64::from(length).is_multiple_of(block) {
        return Some(EINVAL);
    }
    let is_read = matches!(order, Order::Read { .. });
    if is_read && length > LENGTH_MAX {
        return Some(EINVAL);
    }
    let is_inside = at.checked_add(u64::from(length)).is_some_and(|end| end <= export.bytes);
    match is_inside {
        true => None,
        false if is_read => Some(EINVAL),
        false => Some(ENOSPC),
    }
}

fn bad(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

fn read_u16(stream: &mut impl Read) -> io::Result<u16> {
    let mut bytes = [0; 2];
    stream.read_exact(&mut bytes)?;
    Ok(u16::from_be_bytes(bytes))
}

fn read_u32(stream: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    stream.read_exact(&mut bytes)?;
    Ok(u32::from_be_bytes(bytes))
}

fn read_u64(stream: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    stream.read_exact(&mut bytes)?;
    Ok(u64::from_be_bytes(bytes))
}
