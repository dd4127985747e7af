//! Small random histories of a few blocks: operations of several threads on true atomic registers, so
//! that they are legal, and what can be made of them by falsifying reads. Judges nothing.

use stormglass::base::Stamp;
use stormglass::base::history::{OpKind, OpResult};

use crate::story::{Story, ZEROES, by};

/// The most operations in a history.
const OPS_MAX: usize = 8;
/// The most blocks that a history is about.
pub const BLOCKS_MAX: u64 = 3;

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It returned.
    Returned(OpResult),
    /// Its application died.
    Abandoned,
    /// It is still in flight.
    Pending,
}

/// An operation of a history; its number is its place among them.
#[derive(Clone, Debug)]
pub struct Op {
    pub thread: usize,
    pub kind: OpKind,
    pub first: u64,
    pub blocks: u64,
    pub end: End,
    /// What a read was shown, block by block.
    pub shown: Vec<Stamp>,
}

impl Op {
    pub fn covers(&self, block: u64) -> bool {
        (self.first..self.first + self.blocks).contains(&block)
    }

    /// Whether it is a read that returned well: one that says something.
    pub fn is_telling(&self) -> bool {
        self.kind == OpKind::Read && self.end == End::Returned(OpResult::Ok)
    }
}

/// What happens to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Invoked(usize),
    Ended(usize),
}

/// A history.
#[derive(Clone, Debug, Default)]
pub struct Tale {
    pub ops: Vec<Op>,
    pub events: Vec<Event>,
}

/// What drives a history from step to step: who moves, and what it does if it begins something.
pub type Step = (u8, u8, u8);
/// What falsifies a read: how, which read, and with what.
pub type Lie = (u8, u8, u8);

/// The registers, and who is at work on them.
struct Stage {
    tale: Tale,
    threads: Vec<Option<Turn>>,
    /// Writes that ended in doubt, with a block on which they have not come true.
    late: Vec<(usize, u64)>,
    contents: [Stamp; BLOCKS_MAX as usize],
}

/// An operation in flight, with the blocks of it that have had their turn.
struct Turn {
    op: usize,
    done: u64,
    end: End,
}

impl Tale {
    /// The history that these draws make. All reads are true.
    pub fn of(threads: u8, steps: &[Step], trims: bool) -> Self {
        let threads = (0..2 + threads % 3).map(|_| None).collect();
        let contents = [ZEROES; BLOCKS_MAX as usize];
        let mut stage = Stage { tale: Self::default(), threads, late: Vec::new(), contents };
        for step in steps {
            stage.step(*step, trims);
        }
        stage.tale
    }

    /// Falsifies reads. Whether that makes the history illegal is for a judge to say.
    pub fn falsify(&mut self, lies: &[Lie]) {
        let telling = |(index, op): (usize, &Op)| op.is_telling().then_some(index);
        let reads: Vec<usize> = self.ops.iter().enumerate().filter_map(telling).collect();
        for (how, which, with) in lies {
            if reads.is_empty() {
                return;
            }
            let read = reads[usize::from(*which) % reads.len()];
            let at = usize::from(*with) % self.ops[read].shown.len();
            let block = self.ops[read].first + at as u64;
            let content = match how % 8 {
                // What some write of the history put there: perhaps older, perhaps not yet written.
                0..=3 => {
                    let write = usize::from(*with) % self.ops.len();
                    if self.ops[write].kind.is_write() { by(write as u64, block) } else { ZEROES }
                }
                // What another read was shown there, which is shown this one's in turn.
                4 | 5 => {
                    let other = reads[usize::from(with >> 4) % reads.len()];
                    if !self.ops[other].covers(block) {
                        continue;
                    }
                    let place = (block - self.ops[other].first) as usize;
                    let own = self.ops[read].shown[at];
                    std::mem::replace(&mut self.ops[other].shown[place], own)
                }
                // What nobody wrote.
                6 => by(100 + u64::from(*with), block),
                // What belongs to another block.
                _ => by(u64::from(*with) % self.ops.len() as u64, block + 1),
            };
            self.ops[read].shown[at] = content;
        }
    }

    /// The history as the checkers are told it.
    pub fn tell(&self) -> Story {
        let mut story = Story::new();
        for event in &self.events {
            match *event {
                Event::Invoked(index) => {
                    let (id, op) = (index as u64, &self.ops[index]);
                    let blocks = op.blocks as u32;
                    match op.kind {
                        OpKind::Read => story.invoke_read(id, op.first, blocks),
                        OpKind::Trim => story.invoke_trim(id, op.first, blocks),
                        _ => story.invoke_write(id, op.first, blocks),
                    }
                }
                Event::Ended(index) => {
                    let (id, op) = (index as u64, &self.ops[index]);
                    if op.is_telling() {
                        for (block, content) in (op.first..).zip(&op.shown) {
                            story.shown(id, block, *content);
                        }
                    }
                    match op.end {
                        End::Returned(result) => story.returned(id, result),
                        End::Abandoned => story.abandoned(id),
                        End::Pending => {}
                    }
                }
            }
        }
        story
    }
}

impl Stage {
    fn step(&mut self, (who, what, how): Step, trims: bool) {
        let who = usize::from(who) % (self.threads.len() + self.late.len());
        let Some(turn) = self.threads.get_mut(who) else {
            let (op, block) = self.late.swap_remove(who - self.threads.len());
            self.apply(op, block);
            return;
        };
        match turn {
            None => self.begin(who, what, how, trims),
            Some(turn) => {
                let (index, op) = (turn.op, &self.tale.ops[turn.op]);
                let idle = turn.end == End::Returned(OpResult::Refused);
                // A write that will be in doubt may end with blocks to come.
                let early = op.kind != OpKind::Read
                    && turn.end != End::Returned(OpResult::Ok)
                    && what.is_multiple_of(3);
                if turn.done < op.blocks && !idle && !early {
                    let block = op.first + turn.done;
                    turn.done += 1;
                    self.apply(index, block);
                } else {
                    self.end(who, how);
                }
            }
        }
    }

    fn begin(&mut self, thread: usize, what: u8, how: u8, trims: bool) {
        if self.tale.ops.len() == OPS_MAX {
            return;
        }
        let kind = match what % 8 {
            0..=3 => OpKind::Read,
            4 if trims => OpKind::Trim,
            _ => OpKind::Write,
        };
        let first = u64::from(what >> 3) % BLOCKS_MAX;
        let blocks = 1 + u64::from(what >> 6) % (BLOCKS_MAX - first);
        let end = match how % 8 {
            0 => End::Returned(OpResult::InDoubt),
            1 => End::Abandoned,
            2 => End::Returned(OpResult::Refused),
            _ => End::Returned(OpResult::Ok),
        };
        let op = self.tale.ops.len();
        self.tale.events.push(Event::Invoked(op));
        let end_now = End::Pending;
        let shown = Vec::new();
        self.tale.ops.push(Op { thread, kind, first, blocks, end: end_now, shown });
        self.threads[thread] = Some(Turn { op, done: 0, end });
    }

    /// The operation has its effect on a block, or sees it.
    fn apply(&mut self, index: usize, block: u64) {
        let (op, content) = (&mut self.tale.ops[index], &mut self.contents[block as usize]);
        match op.kind {
            OpKind::Read => op.shown.push(*content),
            OpKind::Trim => *content = ZEROES,
            _ => *content = by(index as u64, block),
        }
    }

    fn end(&mut self, thread: usize, how: u8) {
        let Turn { op: index, done, end } = self.threads[thread].take().expect("it has its turn");
        let op = &mut self.tale.ops[index];
        op.end = end;
        self.tale.events.push(Event::Ended(index));
        if op.kind == OpKind::Read || end == End::Returned(OpResult::Refused) {
            return;
        }
        // What has not come true by now may come true at any time later, or never.
        let left = (op.first + done..op.first + op.blocks).filter(|block| how >> block & 1 == 0);
        self.late.extend(left.map(|block| (index, block)));
    }
}
