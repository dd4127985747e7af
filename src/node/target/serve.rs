//! Answers one client's connection: admits by epoch, marks intent before data, issues disk commands.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::base::{DiskId, Epoch, LegIndex, Nanos, NodeId, Payload, Region, VolumeId};
use crate::disk::port::{Command, Completion, Op, Splitter, Standing, Status};
use crate::net::port::Closed;

use super::boot::Target;
use super::leg::{InFlight, Leg};
use crate::base::planted;
use crate::layout::Layout;
use crate::node::channel::Channel;
use crate::node::probes;
use crate::node::protocol::{LegStatus, Took, Wire};
use crate::node::records::WriteMissing;
use crate::sim::{Allocation, Sleep};

/// Serves the connection until it closes. What is in flight then is aborted with the queue pairs.
pub(super) async fn run(target: Rc<Target>, connection: Channel, _session: Allocation) {
    let mut server = Server {
        queues: Vec::new(),
        pending: Vec::new(),
        free: Vec::new(),
        issued: 0,
        parked: VecDeque::new(),
        short: None,
        target,
        client: connection.peer(),
        connection,
    };
    let _closed = poll_fn(|cx| server.poll(cx)).await;
}

/// Bytes of memory that a request takes besides its blocks.
const HEADER_BYTES: u64 = 256;

/// A request for disk commands on a leg.
struct Request {
    cookie: u64,
    leg: Rc<Leg>,
    epoch: Epoch,
    work: Work,
}

enum Work {
    Read {
        block: u64,
        blocks: u32,
    },
    Write(Written),
    /// Does the disk hold what it says it has written?
    Compare(Written),
    Poison {
        block: u64,
        blocks: u32,
    },
    Flush,
    Probe,
}

/// A write of blocks.
#[derive(Clone)]
struct Written {
    block: u64,
    data: Payload,
    fua: bool,
    /// How often it was found missing.
    missed: u32,
}

/// A write that is acknowledged and missing so often is a write fault.
pub(super) const MISSED_MAX: u32 = 3;

/// A command that is not all there is to its request: what is to follow.
struct Unproven {
    leg: Rc<Leg>,
    epoch: Epoch,
    written: Written,
    /// Whether the command was the write itself, and not the look at what it left.
    was_write: bool,
}

struct Pending {
    cookie: u64,
    /// Tells the command from others that have its slot before or after it.
    serial: u32,
    _in_flight: InFlight,
    _buffer: Allocation,
    unproven: Option<Box<Unproven>>,
    submitted_at: Nanos,
    took: fn(Nanos) -> Took,
}

struct Server {
    // First, so that queue pairs are dropped (and their commands over) before `pending` says so.
    queues: Vec<(DiskId, Splitter)>,
    pending: Vec<Option<Pending>>,
    free: Vec<u32>,
    /// Commands issued so far.
    issued: u32,
    /// Requests that wait for their regions' marks or for a place in a queue.
    parked: VecDeque<Request>,
    /// A request found no memory: when to try again, should none come free.
    short: Option<Pin<Box<Sleep>>>,
    target: Rc<Target>,
    connection: Channel,
    client: NodeId,
}

impl Server {
    /// Does all that can be done now.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Closed> {
        loop {
            while let Poll::Ready(message) = self.connection.poll_recv(cx) {
                match message {
                    Ok(message) => self.take(message),
                    Err(closed) => return Poll::Ready(closed),
                }
            }
            while let Some(completion) = self.poll_completion(cx) {
                self.complete(completion);
            }
            if self.parked.is_empty() && self.short.is_none() {
                return Poll::Pending;
            }
            // A request that goes on may open a queue pair, whose completions nobody has asked to be
            // woken for yet: so look again after each that does.
            if !self.retry_parked() && !self.waits_for_memory(cx) {
                break;
            }
        }
        for request in &self.parked {
            request.leg.changed.register(cx);
        }
        Poll::Pending
    }

    /// Has itself woken when there may be memory for what is parked. Says whether it is time to look now.
    fn waits_for_memory(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(retry) = &mut self.short else { return false };
        self.target.memory.freed().register(cx);
        let is_due = retry.as_mut().poll(cx).is_ready();
        if is_due {
            self.short = None;
        }
        is_due
    }

    fn poll_completion(&self, cx: &Context<'_>) -> Option<Completion> {
        self.queues.iter().find_map(|(_, queue)| match queue.poll_completion(cx) {
            Poll::Ready(completion) => Some(completion),
            Poll::Pending => None,
        })
    }

    fn complete(&mut self, completion: Completion) {
        let slot = completion.cookie as u32 as usize;
        let serial = (completion.cookie >> 32) as u32;
        // A device may complete a command twice.
        let Some(pending) = self.pending[slot]
            .take_if(|it| it.serial == serial || planted!(EarlierCompletionTaken))
        else {
            return;
        };
        self.free.push(slot as u32);
        let Pending { cookie, unproven, submitted_at, took, .. } = pending;
        let took = took(self.target.handle.monotonic().saturating_sub(submitted_at));
        if let Some(unproven) = unproven {
            return self.prove(cookie, *unproven, (completion.status, took));
        }
        match completion.status {
            Status::Success => self.answer_with(cookie, LegStatus::Ok, (completion.data, took)),
            status => self.answer(cookie, LegStatus::Disk(status), completion.data),
        }
    }

    /// A write, or the look at what it left, is over: goes on until the disk has shown that it holds what it
    /// acknowledged.
    fn prove(&mut self, cookie: u64, unproven: Unproven, (status, took): (Status, Took)) {
        let Unproven { leg, epoch, mut written, was_write } = unproven;
        let is_missing = status == Status::CompareFailure || status.is_unreadable();
        let work = match status {
            Status::Success if was_write => {
                if planted!(AnswerBeforeVerifying) {
                    self.answer(cookie, LegStatus::Ok, Payload::empty());
                }
                Work::Compare(written)
            }
            Status::Success => {
                return self.answer_with(cookie, LegStatus::Ok, (Payload::empty(), took));
            }
            _ if !was_write && is_missing => {
                written.missed += 1;
                let (disk, lba) = (leg.drive.id(), leg.extent.data + written.block);
                let blocks = written.data.len();
                self.target.handle.emit(&WriteMissing { disk, lba, blocks });
                if written.missed == MISSED_MAX {
                    let fault = LegStatus::Disk(Status::WriteFault);
                    return self.answer(cookie, fault, Payload::empty());
                }
                Work::Write(written)
            }
            status => return self.answer(cookie, LegStatus::Disk(status), Payload::empty()),
        };
        self.start(Request { cookie, leg, epoch, work });
    }

    fn answer(&self, cookie: u64, status: LegStatus, data: Payload) {
        self.answer_with(cookie, status, (data, Took::Unknown));
    }

    fn answer_with(&self, cookie: u64, status: LegStatus, (data, took): (Payload, Took)) {
        // A client that is gone needs no answer: the next poll finds the connection closed.
        let size = self.target.map.block_size;
        let _closed = self.connection.send(Wire::Done { cookie, status, data, size, took });
    }

    fn leg(&self, volume: VolumeId, leg: LegIndex) -> Option<Rc<Leg>> {
        self.target.legs.iter().find(|held| held.is(volume, leg)).cloned()
    }

    /// A place of the volume that knows of no leg.
    fn blank(&self, volume: VolumeId) -> Option<Rc<Leg>> {
        let mut places = self.target.legs.iter().filter(|held| held.volume.id == volume);
        places.find(|held| held.index().is_none()).cloned()
    }

    fn take(&mut self, message: Wire) {
        match message {
            Wire::Write { cookie, volume, leg, epoch, block, data, fua, .. } => {
                self.request(cookie, (volume, leg), epoch, written(block, data, fua));
            }
            Wire::Read { cookie, volume, leg, epoch, block, blocks } => {
                self.request(cookie, (volume, leg), epoch, Work::Read { block, blocks });
            }
            Wire::Poison { cookie, volume, leg, epoch, block, blocks } => {
                self.request(cookie, (volume, leg), epoch, Work::Poison { block, blocks });
            }
            Wire::Flush { cookie, volume, leg, epoch } => {
                self.request(cookie, (volume, leg), epoch, Work::Flush);
            }
            Wire::Probe { cookie, volume, leg } => {
                self.request(cookie, (volume, leg), Epoch::new(0), Work::Probe);
            }
            Wire::ReadIntent { cookie, volume, leg, epoch } => {
                self.send_marks(cookie, (volume, leg), epoch);
            }
            Wire::ClearIntent { volume, leg, epoch, region } => {
                if let Some(leg) = self.leg(volume, leg)
                    && leg.admits(epoch).is_ok()
                {
                    leg.unmark(region);
                }
            }
            // Nothing else is a client's to say to a target.
            _ => {
                crate::sometimes!(self.target.handle, true, probes::WORD_REFUSED);
                self.connection.close();
            }
        }
    }

    fn send_marks(&self, cookie: u64, (volume, leg): (VolumeId, LegIndex), epoch: Epoch) {
        let admitted = self.leg(volume, leg).map(|leg| leg.admits(epoch).map(|()| leg.marks()));
        match admitted {
            Some(Ok(marks)) => {
                let regions = Rc::new(marks);
                let _closed = self.connection.send(Wire::Intent { cookie, regions });
            }
            Some(Err(status)) => self.answer(cookie, status, Payload::empty()),
            None => {
                crate::sometimes!(self.target.handle, true, probes::MARKS_OF_NOTHING);
                self.answer(cookie, LegStatus::Unusable, Payload::empty());
            }
        }
    }

    fn request(
        &mut self,
        cookie: u64,
        (volume, leg): (VolumeId, LegIndex),
        epoch: Epoch,
        work: Work,
    ) {
        let held = self.leg(volume, leg);
        // Whether a disk can be reached does not depend on what it knows of the leg that is to be there.
        let is_probe = matches!(work, Work::Probe);
        let Some(leg) = held.or_else(|| self.blank(volume).filter(|_| is_probe)) else {
            return self.answer(cookie, LegStatus::Unusable, Payload::empty());
        };
        self.start(Request { cookie, leg, epoch, work });
    }

    /// Tries again what waits; says whether any of it went on.
    fn retry_parked(&mut self) -> bool {
        let before = self.parked.len();
        for _ in 0..before {
            let request = self.parked.pop_front().expect("as many as counted");
            self.start(request);
        }
        self.parked.len() < before
    }

    /// Submits a request or answers it, or parks it, last of all, until there are its marks, or room.
    fn start(&mut self, request: Request) {
        let leg = &*request.leg;
        let admitted = match request.work {
            Work::Probe if leg.is_foreign() => Err(LegStatus::Unusable),
            Work::Probe => Ok(()),
            _ => leg.admits(request.epoch),
        };
        if let Err(status) = admitted {
            return self.refuse(request.cookie, status);
        }
        if !request.work.is_within(leg.extent.blocks + leg.extent.journal_blocks) {
            crate::sometimes!(self.target.handle, true, probes::OUT_OF_RANGE);
            return self.refuse(request.cookie, LegStatus::Disk(Status::LbaRange));
        }
        // What stands in the journal is no data yet.
        let written = request.work.written().filter(|(block, _)| *block < leg.extent.blocks);
        let writes = written.map(|(block, blocks)| leg.volume.leg_region_span(block, blocks));
        if let Some((first, last)) = writes {
            let regions = || (first.get()..=last.get()).map(Region::new);
            let unmarked = planted!(SkipIntentBeforeData) || planted!(SetDirtyAfterAck);
            if !leg.are_marked(regions()) && !unmarked {
                crate::sometimes!(self.target.handle, true, probes::REQUEST_AWAITED_MARK);
                leg.mark(regions());
                if planted!(IntentNotAwaited) {
                    return self.submit(request, writes);
                }
                return self.parked.push_back(request);
            }
        }
        self.submit(request, writes);
    }

    /// Nothing is done about a request.
    #[cold]
    fn refuse(&self, cookie: u64, status: LegStatus) {
        let other_epoch = status == LegStatus::WrongEpoch;
        crate::sometimes!(self.target.handle, other_epoch, probes::EPOCH_REFUSED);
        self.answer(cookie, status, Payload::empty());
    }

    fn submit(&mut self, request: Request, writes: Option<(Region, Region)>) {
        let queue = self.queue_of(&request.leg);
        let pair = &mut self.queues[queue].1;
        match pair.standing() {
            Standing::Open => {}
            // The leg was read again in the device's new life, or it wouldn't admit anything.
            Standing::Dead if pair.outstanding() == 0 => {
                *pair = Splitter::open(&request.leg.drive, self.client);
            }
            Standing::Full | Standing::Dead => {
                crate::sometimes!(self.target.handle, true, probes::REQUEST_AWAITED_QUEUE);
                return self.parked.push_back(request);
            }
        }
        let bytes = HEADER_BYTES + request.work.blocks() * self.block_bytes();
        let Ok(buffer) = self.target.memory.alloc(bytes) else {
            if planted!(RefusalMeansDone) && writes.is_some() {
                return self.answer(request.cookie, LegStatus::Ok, Payload::empty());
            }
            let pause = self.target.map.timing.reconnect;
            self.short.get_or_insert_with(|| Box::pin(self.target.handle.sleep(pause)));
            return self.parked.push_back(request);
        };
        let slot = self.free.pop().unwrap_or_else(|| {
            self.pending.push(None);
            (self.pending.len() - 1) as u32
        });
        let Request { cookie, leg, epoch, work } = request;
        let (unproven, took) = (work.unproven(&leg, epoch), work.took());
        let submitted_at = self.target.handle.monotonic();
        let op = work.into_op(&leg);
        let serial = self.issued;
        // The highest bit of a cookie is not the host's.
        self.issued = serial.wrapping_add(1) & (u32::MAX >> 1);
        let command_id = u64::from(serial) << 32 | u64::from(slot);
        let command = Command { cookie: command_id, tag: epoch.get(), op };
        let longest = leg.transfer_blocks();
        self.queues[queue].1.submit(command, longest).expect("the queue has room");
        let in_flight = leg.begin(self.client, writes);
        self.pending[slot as usize] = Some(Pending {
            cookie,
            serial,
            _in_flight: in_flight,
            _buffer: buffer,
            unproven,
            submitted_at,
            took,
        });
    }

    fn block_bytes(&self) -> u64 {
        self.target.map.block_size.bytes() as u64
    }

    /// The client's queue pair on the leg's disk, opened at first use.
    fn queue_of(&mut self, leg: &Leg) -> usize {
        let disk = leg.drive.id();
        if let Some(at) = self.queues.iter().position(|(id, _)| *id == disk) {
            return at;
        }
        self.queues.push((disk, Splitter::open(&leg.drive, self.client)));
        self.queues.len() - 1
    }
}

fn written(block: u64, data: Payload, fua: bool) -> Work {
    Work::Write(Written { block, data, fua, missed: 0 })
}

impl Work {
    /// Whether it stays inside a leg of this many blocks.
    fn is_within(&self, size: u64) -> bool {
        let (first, count) = match self {
            Self::Read { block, blocks } | Self::Poison { block, blocks } => (*block, *blocks),
            Self::Write(written) | Self::Compare(written) => (written.block, written.data.len()),
            Self::Flush | Self::Probe => return true,
        };
        count > 0 && first.checked_add(u64::from(count)).is_some_and(|end| end <= size)
    }

    /// How many blocks it carries.
    fn blocks(&self) -> u64 {
        match self {
            Self::Read { blocks, .. } => u64::from(*blocks),
            Self::Write(written) | Self::Compare(written) => u64::from(written.data.len()),
            Self::Poison { .. } | Self::Flush => 0,
            Self::Probe => 1,
        }
    }

    /// The blocks of the leg that it changes.
    fn written(&self) -> Option<(u64, u32)> {
        match self {
            Self::Write(written) | Self::Compare(written) => {
                Some((written.block, written.data.len()))
            }
            Self::Poison { block, blocks } => Some((*block, *blocks)),
            Self::Read { .. } | Self::Flush | Self::Probe => None,
        }
    }

    /// How its time counts.
    fn took(&self) -> fn(Nanos) -> Took {
        match self {
            Self::Read { .. } | Self::Probe => Took::Read,
            Self::Write(_) | Self::Compare(_) => Took::Write,
            Self::Poison { .. } | Self::Flush => |_| Took::Unknown,
        }
    }

    /// What is to follow it, where the disk has to prove its writes.
    fn unproven(&self, leg: &Rc<Leg>, epoch: Epoch) -> Option<Box<Unproven>> {
        let (written, was_write) = match self {
            Self::Write(written) => (written, true),
            Self::Compare(written) => (written, false),
            _ => return None,
        };
        let is_trusted = !leg.volume.verified || planted!(RewriteNotVerified) && written.missed > 0;
        (!is_trusted).then(|| {
            let (leg, written) = (leg.clone(), written.clone());
            Box::new(Unproven { leg, epoch, written, was_write })
        })
    }

    fn into_op(self, leg: &Leg) -> Op {
        let data_start = leg.extent.data;
        match self {
            Self::Read { block, blocks } => Op::Read { lba: data_start + block, blocks },
            Self::Write(Written { block, data, fua, .. }) => {
                let fua = fua || leg.volume.layout.writes_through();
                Op::Write { lba: data_start + block, data, fua }
            }
            Self::Compare(Written { block, data, .. }) => {
                Op::Compare { lba: data_start + block, data }
            }
            Self::Poison { block, blocks } => {
                Op::WriteUncorrectable { lba: data_start + block, blocks }
            }
            Self::Flush => Op::Flush,
            Self::Probe => Op::Read { lba: leg.extent.superblock, blocks: 1 },
        }
    }
}
