//! The log in memory, as `OmniPaxos` keeps it there. Every change is to be put on the disk by somebody else.

use omnipaxos::ballot_leader_election::Ballot;
use omnipaxos::storage::{StopSign, Storage, StorageOp, StorageResult};

use super::entry::{Entry, Summary};

/// All that a manager must not forget, but for what is beyond agreements.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    /// The round that it follows: it accepts nothing of an earlier one.
    pub(super) promise: Option<Ballot>,
    /// The round in which it accepted its newest entries.
    pub(super) accepted: Option<Ballot>,
    /// So many entries of the whole log are agreed on, as far as it knows.
    pub(super) decided: usize,
    /// So many entries of the whole log are not kept but as `summary`.
    pub(super) compacted: usize,
    pub(super) summary: Option<Vec<Entry>>,
    /// The others.
    pub(super) entries: Vec<Entry>,
}

impl Log {
    /// How many entries there are, with those that are not kept.
    pub(super) fn length(&self) -> usize {
        self.compacted + self.entries.len()
    }
}

/// The log, and whether it has changed.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) log: Log,
    /// Grows with every change.
    pub(super) version: u64,
    /// The index of the first entry that is kept.
    first: usize,
}

impl Kept {
    pub(super) fn new(log: Log) -> Self {
        Self { first: log.compacted, log, version: 0 }
    }

    fn change(&mut self) -> &mut Log {
        self.version += 1;
        &mut self.log
    }
}

/// The log as somebody holds it who shows it to `OmniPaxos`.
#[derive(Clone, Default)]
pub(super) struct Shared(pub(super) std::rc::Rc<std::cell::RefCell<Kept>>);

impl Storage<Entry> for Shared {
    fn write_atomically(&mut self, ops: Vec<StorageOp<Entry>>) -> StorageResult<()> {
        for op in ops {
            match op {
                StorageOp::AppendEntry(entry) => self.append_entry(entry)?,
                StorageOp::AppendEntries(entries) => self.append_entries(entries)?,
                StorageOp::AppendOnPrefix(from, entries) => self.append_on_prefix(from, entries)?,
                StorageOp::SetPromise(ballot) => self.set_promise(ballot)?,
                StorageOp::SetDecidedIndex(index) => self.set_decided_idx(index)?,
                StorageOp::SetAcceptedRound(ballot) => self.set_accepted_round(ballot)?,
                StorageOp::SetCompactedIdx(index) => self.set_compacted_idx(index)?,
                StorageOp::Trim(index) => self.trim(index)?,
                StorageOp::SetStopsign(sign) => self.set_stopsign(sign)?,
                StorageOp::SetSnapshot(summary) => self.set_snapshot(summary)?,
            }
        }
        Ok(())
    }

    fn append_entry(&mut self, entry: Entry) -> StorageResult<()> {
        self.0.borrow_mut().change().entries.push(entry);
        Ok(())
    }

    fn append_entries(&mut self, entries: Vec<Entry>) -> StorageResult<()> {
        self.0.borrow_mut().change().entries.extend(entries);
        Ok(())
    }

    fn append_on_prefix(&mut self, from: usize, entries: Vec<Entry>) -> StorageResult<()> {
        let kept = &mut *self.0.borrow_mut();
        let keep = from - kept.first;
        let log = kept.change();
        log.entries.truncate(keep);
        log.entries.extend(entries);
        Ok(())
    }

    fn set_promise(&mut self, ballot: Ballot) -> StorageResult<()> {
        self.0.borrow_mut().change().promise = Some(ballot);
        Ok(())
    }

    fn set_decided_idx(&mut self, index: usize) -> StorageResult<()> {
        self.0.borrow_mut().change().decided = index;
        Ok(())
    }

    fn get_decided_idx(&self) -> StorageResult<usize> {
        Ok(self.0.borrow().log.decided)
    }

    fn set_accepted_round(&mut self, ballot: Ballot) -> StorageResult<()> {
        self.0.borrow_mut().change().accepted = Some(ballot);
        Ok(())
    }

    fn get_accepted_round(&self) -> StorageResult<Option<Ballot>> {
        Ok(self.0.borrow().log.accepted)
    }

    /// It is asked for entries that are agreed on only, and gives no others: when it is behind and takes in a summary
    /// of what it misses, `OmniPaxos` (0.2.4) has its own part summed up first, and asks for that up to where the
    /// summary ends, of which nothing is here yet.
    fn get_entries(&self, from: usize, to: usize) -> StorageResult<Vec<Entry>> {
        let kept = self.0.borrow();
        let to = to.min(kept.log.decided);
        let range = from.checked_sub(kept.first).zip(to.checked_sub(kept.first));
        let found = range.and_then(|(from, to)| kept.log.entries.get(from..to));
        Ok(found.map(<[Entry]>::to_vec).unwrap_or_default())
    }

    fn get_log_len(&self) -> StorageResult<usize> {
        Ok(self.0.borrow().log.entries.len())
    }

    fn get_suffix(&self, from: usize) -> StorageResult<Vec<Entry>> {
        let kept = self.0.borrow();
        let found = from.checked_sub(kept.first).and_then(|from| kept.log.entries.get(from..));
        Ok(found.map(<[Entry]>::to_vec).unwrap_or_default())
    }

    fn get_promise(&self) -> StorageResult<Option<Ballot>> {
        Ok(self.0.borrow().log.promise)
    }

    fn set_stopsign(&mut self, sign: Option<StopSign>) -> StorageResult<()> {
        assert!(sign.is_none(), "nobody proposes another set of managers");
        Ok(())
    }

    fn get_stopsign(&self) -> StorageResult<Option<StopSign>> {
        Ok(None)
    }

    fn trim(&mut self, index: usize) -> StorageResult<()> {
        let kept = &mut *self.0.borrow_mut();
        let gone = index.saturating_sub(kept.first).min(kept.log.entries.len());
        kept.first = index.max(kept.first);
        kept.change().entries.drain(..gone);
        Ok(())
    }

    fn set_compacted_idx(&mut self, index: usize) -> StorageResult<()> {
        self.0.borrow_mut().change().compacted = index;
        Ok(())
    }

    fn get_compacted_idx(&self) -> StorageResult<usize> {
        Ok(self.0.borrow().log.compacted)
    }

    fn set_snapshot(&mut self, summary: Option<Summary>) -> StorageResult<()> {
        self.0.borrow_mut().change().summary = summary.map(|summary| summary.0);
        Ok(())
    }

    fn get_snapshot(&self) -> StorageResult<Option<Summary>> {
        Ok(self.0.borrow().log.summary.clone().map(Summary))
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use omnipaxos::messages::Message;
    use omnipaxos::util::LogEntry;
    use omnipaxos::{ClusterConfig, OmniPaxos, ServerConfig};

    use super::{Kept, Log, Shared};
    use crate::base::{Epoch, VolumeId};
    use crate::node::manager::record::VolumeRecord;
    use crate::node::manager::replica::entry::{Entry, Outcome, Term};

    const TERM: Term = Term { round: 1, leader: 3, nth: 1 };

    type Member = (OmniPaxos<Entry, Shared>, Shared);

    fn member(pid: u64, log: Log) -> Member {
        let kept = Shared(Rc::new(std::cell::RefCell::new(Kept::new(log))));
        let cluster =
            ClusterConfig { configuration_id: 1, nodes: vec![1, 2, 3], flexible_quorum: None };
        let server = ServerConfig { pid, election_tick_timeout: 5, ..ServerConfig::default() };
        (cluster.build_for_server(server, kept.clone()).unwrap(), kept)
    }

    /// Lets time pass, in which all but one of the members hear each other.
    fn run(members: &mut [Member], ticks: u32, apart: Option<u64>) {
        for _ in 0..ticks {
            members.iter_mut().for_each(|(omni, _)| omni.tick());
            for _ in 0..4 {
                let mut messages: Vec<Message<Entry>> = Vec::new();
                members.iter_mut().for_each(|(omni, _)| omni.take_outgoing_messages(&mut messages));
                for message in messages {
                    let (from, to) = (message.get_sender(), message.get_receiver());
                    if apart.is_none_or(|apart| from != apart && to != apart) {
                        members[to as usize - 1].0.handle_incoming(message);
                    }
                }
            }
        }
    }

    fn record(volume: u16, epoch: u64) -> Entry {
        let record = VolumeRecord { epoch: Epoch::new(epoch), ..VolumeRecord::new(2) };
        Entry::Record(TERM, VolumeId::new(volume), Box::new(record))
    }

    /// The epochs of the first three volumes, as a member knows them that has just been started.
    fn epochs((_, kept): &Member) -> Vec<u64> {
        let (omni, _) = member(1, kept.0.borrow().log.clone());
        let mut outcome = Outcome::default();
        for entry in omni.read_decided_suffix(0).unwrap_or_default() {
            match entry {
                LogEntry::Decided(entry) => {
                    outcome.take(&entry);
                }
                LogEntry::Snapshotted(summary) => summary.snapshot.0.iter().for_each(|entry| {
                    outcome.take(entry);
                }),
                other => panic!("{other:?}"),
            }
        }
        let epoch = |volume| outcome.records.get(&VolumeId::new(volume)).map(|it| it.epoch.get());
        (0..3).map(|volume| epoch(volume).unwrap_or(0)).collect()
    }

    #[test]
    fn who_was_behind_knows_what_it_knew_before_too() {
        let mut members: Vec<Member> = (1..=3).map(|pid| member(pid, Log::default())).collect();
        run(&mut members, 12, None);
        assert_eq!(members[2].0.get_current_leader(), Some((3, true)));
        for entry in [Entry::Begin(TERM), record(0, 1), record(1, 1)] {
            members[2].0.append(entry).unwrap();
            run(&mut members, 1, None);
        }
        assert_eq!(epochs(&members[0]), [1, 1, 0]);
        for epoch in 2..6 {
            members[2].0.append(record(1, epoch)).unwrap();
            members[2].0.append(record(2, epoch)).unwrap();
            run(&mut members, 1, Some(1));
        }
        assert_eq!(epochs(&members[0]), [1, 1, 0]);
        let decided = members[2].0.get_decided_idx();
        members[2].0.snapshot(Some(decided), true).unwrap();
        members[0].0.reconnected(3);
        run(&mut members, 30, None);
        assert_eq!(epochs(&members[0]), [1, 5, 5]);
        assert_eq!(epochs(&members[2]), [1, 5, 5]);
    }
}
