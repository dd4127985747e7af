//! Commands in flight in a slab, and the queue pairs they came through. Decides no outcome.

use std::collections::VecDeque;

use crate::base::Nanos;
use crate::base::NodeId;
use crate::base::Payload;
use crate::base::Seq;
use crate::sim::WakeRef;

use super::command::Completion;
use super::command::Op;
use super::command::OpCode;
use super::fault::FaultKind;
use super::status::Status;

/// What a command asks of the device.
#[derive(Debug)]
pub(super) enum Work {
    Io(Op),
    Identify,
    /// Aborts the command of this cookie from the same queue pair.
    Abort(u64),
}

impl Work {
    pub(super) const fn code(&self) -> OpCode {
        match self {
            Self::Io(op) => op.code(),
            Self::Identify => OpCode::Identify,
            Self::Abort(_) => OpCode::Abort,
        }
    }

    pub(super) fn range(&self) -> (u64, u32) {
        match self {
            Self::Io(op) => op.range(),
            Self::Identify | Self::Abort(_) => (0, 0),
        }
    }
}

/// A command that was submitted and has not ended.
#[derive(Debug)]
pub(super) struct InFlight {
    /// Index of its queue pair.
    pub(super) pair: u32,
    pub(super) host: NodeId,
    pub(super) cookie: u64,
    pub(super) tag: u64,
    pub(super) work: Work,
    /// What kind of command `work` is, and the blocks that it names.
    pub(super) code: OpCode,
    pub(super) range: (u64, u32),
    /// Set when it will not reach the device.
    pub(super) refused: Option<(FaultKind, Status)>,
    /// It was due, and hangs.
    pub(super) parked: bool,
    /// It was executed, and this is what its host would be told, had the completion not been lost.
    pub(super) held: Option<Box<(Status, Payload)>>,
    /// Of a flush: the cached changes below this number.
    pub(super) covers: u64,
    pub(super) submitted_at: Nanos,
    /// The record of its submission.
    pub(super) submitted: Seq,
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    command: Option<InFlight>,
}

/// The commands in flight on one disk. A token names a slot and which of its commands.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

impl Slots {
    pub(super) fn insert(&mut self, command: InFlight) -> u64 {
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[at as usize];
        slot.command = Some(command);
        u64::from(slot.generation) << 32 | u64::from(at)
    }

    pub(super) fn get(&mut self, token: u64) -> Option<&mut InFlight> {
        let slot = self.slots.get_mut(token as u32 as usize)?;
        if u64::from(slot.generation) == token >> 32 { slot.command.as_mut() } else { None }
    }

    pub(super) fn remove(&mut self, token: u64) -> Option<InFlight> {
        let slot = self.slots.get_mut(token as u32 as usize)?;
        if u64::from(slot.generation) != token >> 32 {
            return None;
        }
        let command = slot.command.take()?;
        self.free(token);
        Some(command)
    }

    /// Forgets a command that is over.
    pub(super) fn free(&mut self, token: u64) {
        let slot = &mut self.slots[token as u32 as usize];
        slot.command = None;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(token as u32);
    }

    /// Whether a command was executed of which its host has not heard.
    pub(super) fn holds_answers(&self) -> bool {
        let mut commands = self.slots.iter().filter_map(|slot| slot.command.as_ref());
        commands.any(|command| command.held.is_some())
    }

    /// The commands for which `wanted` holds, in the order of their submission.
    pub(super) fn tokens(&self, wanted: impl Fn(&InFlight) -> bool) -> Vec<u64> {
        let mut found: Vec<(Seq, u64)> = Vec::new();
        for (at, slot) in self.slots.iter().enumerate() {
            if let Some(command) = slot.command.as_ref().filter(|command| wanted(command)) {
                found.push((command.submitted, u64::from(slot.generation) << 32 | at as u64));
            }
        }
        found.sort_unstable();
        found.into_iter().map(|(_, token)| token).collect()
    }
}

/// One host's queue pair.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) host: NodeId,
    /// How often the device had lost its power when the pair was made: it ends with the next time.
    pub(super) life: u32,
    /// Submitted, and its completion not yet taken.
    pub(super) outstanding: u16,
    pub(super) completions: VecDeque<Completion>,
    /// One that is posted again, with the next.
    pub(super) again: Option<Completion>,
    pub(super) consumer: Option<WakeRef>,
}

impl Pair {
    /// Posts what is to come again: its host may have given the place of that command to another by now.
    pub(super) fn post_again(&mut self) {
        if let Some(completion) = self.again.take() {
            self.outstanding += 1;
            self.completions.push_back(completion);
        }
    }
}

/// The queue pairs of one disk.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    pairs: Vec<Pair>,
    free: Vec<u32>,
}

impl Pairs {
    pub(super) fn open(&mut self, host: NodeId, life: u32) -> u32 {
        if let Some(at) = self.free.pop() {
            let pair = &mut self.pairs[at as usize];
            (pair.host, pair.life) = (host, life);
            return at;
        }
        let completions = VecDeque::new();
        self.pairs.push(Pair {
            host,
            life,
            outstanding: 0,
            completions,
            again: None,
            consumer: None,
        });
        (self.pairs.len() - 1) as u32
    }

    /// Closes a pair that has nothing in flight any more; its memory is kept for the next.
    pub(super) fn close(&mut self, at: u32) {
        let pair = &mut self.pairs[at as usize];
        pair.outstanding = 0;
        pair.completions.clear();
        pair.again = None;
        pair.consumer = None;
        self.free.push(at);
    }

    pub(super) fn get(&mut self, at: u32) -> &mut Pair {
        &mut self.pairs[at as usize]
    }

    /// Those who wait for a completion; they wait no more.
    pub(super) fn consumers(&mut self) -> impl Iterator<Item = WakeRef> + '_ {
        self.pairs.iter_mut().filter_map(|pair| pair.consumer.take())
    }

    pub(super) fn outstanding(&self, at: u32) -> u16 {
        self.pairs[at as usize].outstanding
    }
}
