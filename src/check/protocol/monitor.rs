//! Holds a data service to its own protocol, record by record: a rule that is broken is reported where it is
//! broken, not where data is lost by it.
//!
//! It judges the rules of `docs/protocol.md` that show in records, which [`Rule`] lists. Others are left to other
//! checks, which see what comes of them: older epochs behind a fence (2) to `fencing`; overlapping writes (4) and
//! recovery (10) to `mirrors` and `linear`; what a rebuild copies (8, 9), repairs (13) and flushes (14) to
//! `mirrors`, `parity` and `durable`; how long a lease may run (11) to `linear`, as far as it is not a read that is
//! answered when the volume is another's; integrity (15) to `linear` and `durable`.
//!
//! What happens with every IO is judged by the records that are there anyway: `disk.media-written` and
//! `app.returned`. Of reads there is none that names a leg but `disk.submitted`, which nobody is shown: whoever
//! runs the monitor shows it what is read while a leg is being rebuilt ([`Protocol::wants_reads`]).
//!
//! Each rule is reported once for a volume. Of a data service that puts no decisions on record, registrations and
//! what follows from them are not judged.

use std::collections::BTreeMap;

use crate::base::history::{FenceRaised, MediaWritten, NodeDown, OpKind, OpResult, OpReturned};
use crate::base::protocol::{
    Agreed, LegLoaded, LegMode, LegMoved, LegReported, MarkChanged, OwnerGranted,
    RegistrationStarted, TopologyDecided, TopologyFound, TopologyGrantable, TopologyPersisted,
};
use crate::base::{Audience, DiskId, Epoch, LegIndex, NodeId, OpId, Record, VolumeId};

use super::leg::Leg;
use super::places::Places;
use super::rule::Rule;
use super::volume::{Decision, Grant, Volume};
use crate::check::history::History;
use crate::check::name::Check;
use crate::check::operations::Operation;
use crate::check::violation::Violation;

/// The tag of writes that belong to no epoch: a target's own metadata.
const NO_EPOCH: u64 = u64::MAX;

/// The monitor.
#[derive(Default)]
pub struct Protocol {
    volumes: Vec<Volume>,
    legs: Vec<Leg>,
    /// The legs on each disk.
    disks: Vec<Vec<u32>>,
    wants_reads: bool,
    reported: Vec<(Rule, VolumeId)>,
    violations: Vec<Violation>,
    /// What managers have agreed on, by its place in their log.
    agreed: BTreeMap<u64, u64>,
}

/// What was found to break a rule.
struct Finding {
    rule: Rule,
    volume: VolumeId,
    disk: Option<(DiskId, u64)>,
    ops: Vec<OpId>,
    found: String,
    detail: Vec<String>,
}

impl Finding {
    fn new(rule: Rule, volume: VolumeId, found: String) -> Self {
        Self { rule, volume, disk: None, ops: Vec::new(), found, detail: Vec::new() }
    }
}

impl Protocol {
    /// Says where a volume's blocks are. Without that, it is not judged what its legs must have of a write, nor
    /// how many legs must stay.
    pub fn expect_places(&mut self, volume: VolumeId, places: Box<dyn Places>) {
        self.volume(volume).places = Some(places);
    }

    /// Whether it is to be shown what is read from legs, as some leg is being rebuilt.
    #[must_use]
    pub fn wants_reads(&self) -> bool {
        self.wants_reads
    }

    /// Takes in a record, before the history does; it is of none of the kinds that every IO writes.
    pub(in crate::check) fn observe(&mut self, record: &Record, history: &History) {
        if let Some(changed) = record.get() {
            self.mark_changed(record, changed, history);
        } else if record.kind.audience == Audience::Notable {
            self.notable(record, history);
        }
    }

    fn notable(&mut self, record: &Record, history: &History) {
        if let Some(decided) = record.get::<TopologyDecided>() {
            self.decided(record, decided, history);
        } else if let Some(TopologyPersisted { volume, epoch }) = record.get() {
            self.volume(volume).persist(epoch);
        } else if let Some(TopologyGrantable { volume, epoch }) = record.get() {
            self.volume(volume).set_grantable(epoch);
        } else if let Some(agreed) = record.get::<Agreed>() {
            self.agreed(record, agreed, history);
        } else if let Some(found) = record.get::<TopologyFound>() {
            self.found(record, found);
        } else if let Some(RegistrationStarted { volume, leg, epoch, disk }) = record.get() {
            self.acted(record, (volume, epoch), "registered", history);
            if let Some(slot) = self.slot_on(volume, leg, disk) {
                self.legs[slot].is_serving = false;
            }
        } else if let Some(LegMoved { volume, leg, disk }) = record.get() {
            self.moved((volume, leg), disk);
        } else if let Some(raised) = record.get::<FenceRaised>() {
            self.registered(record, raised, history);
        } else if let Some(granted) = record.get::<OwnerGranted>() {
            self.granted(record, granted, history);
        } else if let Some(LegReported { volume, leg, epoch, mode: LegMode::ReadWrite }) =
            record.get()
        {
            if let Some(slot) = self.volume(volume).slot(leg) {
                self.legs[slot].rebuilt = epoch;
            }
        } else if let Some(loaded) = record.get::<LegLoaded>() {
            let LegLoaded { disk, volume, leg, first, blocks, depth } = loaded;
            if let Some(slot) = self.leg((volume, leg), disk, first) {
                self.legs[slot].node = record.node;
                self.legs[slot].loaded((first, blocks), depth);
            }
        } else if let Some(NodeDown { node, .. }) = record.get() {
            let held = self.legs.iter_mut().filter(|leg| leg.node == Some(node));
            held.for_each(|leg| leg.target_died(record.at));
        }
    }

    fn volume(&mut self, volume: VolumeId) -> &mut Volume {
        if volume.index() >= self.volumes.len() {
            self.volumes.resize_with(volume.index() + 1, Volume::default);
        }
        &mut self.volumes[volume.index()]
    }

    /// The leg's place in the table, made if it is new; none, if the leg is on another disk: what is told of this
    /// one is of the past.
    fn leg(
        &mut self,
        (volume, leg): (VolumeId, LegIndex),
        disk: DiskId,
        first: u64,
    ) -> Option<usize> {
        if self.volume(volume).slot(leg).is_some() {
            return self.slot_on(volume, leg, disk);
        }
        let slot = self.legs.len();
        self.legs.push(Leg::new((volume, leg), disk, first));
        self.volume(volume).set_slot(leg, slot);
        self.put_on(disk, slot);
        Some(slot)
    }

    /// The leg's place in the table, if it is known and on this disk.
    fn slot_on(&mut self, volume: VolumeId, leg: LegIndex, disk: DiskId) -> Option<usize> {
        let slot = self.volume(volume).slot(leg);
        slot.filter(|slot| self.legs[*slot].disk == disk)
    }

    fn put_on(&mut self, disk: DiskId, slot: usize) {
        if disk.index() >= self.disks.len() {
            self.disks.resize_with(disk.index() + 1, Vec::new);
        }
        if !self.disks[disk.index()].contains(&(slot as u32)) {
            self.disks[disk.index()].push(slot as u32);
        }
    }

    /// A leg is on another disk, of which nothing is known yet but that it lacks everything.
    fn moved(&mut self, (volume, leg): (VolumeId, LegIndex), disk: DiskId) {
        let Some(slot) = self.leg((volume, leg), disk, 0).or(self.volume(volume).slot(leg)) else {
            return;
        };
        let before = self.legs[slot].disk;
        if before == disk {
            return;
        }
        // It stays in the list of its old disk: what an owner that knows of no move has written there may land late.
        let decided = self.volume(volume).decided().map_or(Epoch::new(0), |it| it.epoch);
        self.legs[slot] = self.legs[slot].moved(disk, decided);
        self.put_on(disk, slot);
    }

    fn decided(&mut self, record: &Record, decided: TopologyDecided, history: &History) {
        let TopologyDecided { volume: id, epoch, modes, owner } = decided;
        let volume = self.volume(id);
        let decision = Decision { epoch, modes, owner, is_grantable: false, found_by: None };
        if record.node.is_some_and(|manager| volume.is_told_late(&decision, manager)) {
            return;
        }
        let persisted = volume.persisted;
        let before = volume.decided().copied();
        volume.decide(decision);
        if epoch <= persisted {
            let found = format!("{epoch} was decided on when {persisted} was in the database");
            self.report(record, Finding::new(Rule::EpochGrows, id, found), history);
        }
        let volume = &self.volumes[id.index()];
        let mode = |leg| LegMode::of(modes, leg);
        let in_sync = |(leg, _): &(LegIndex, usize)| mode(*leg) == LegMode::ReadWrite;
        let serving = volume
            .slots()
            .filter(in_sync)
            .fold(0_u16, |legs, (leg, _)| legs | 1_u16.checked_shl(leg.get().into()).unwrap_or(0));
        let known = volume.slots().count();
        let groups = volume.places.as_ref().map_or_else(Vec::new, |places| places.groups());
        let whole: u32 = groups.iter().map(|(legs, _)| legs.count_ones()).sum();
        // Legs of which nothing was ever heard are in no table.
        let short = groups.iter().find(|(legs, needed)| {
            known == whole as usize && (legs & serving).count_ones() < *needed
        });
        if let Some((legs, needed)) = short {
            let left = (legs & serving).count_ones();
            let found =
                format!("{epoch} leaves {left} legs in sync of a group that takes {needed}");
            self.report(record, Finding::new(Rule::LastLegStays, id, found), history);
        }
        let Some(before) = before else { return };
        let unrebuilt = self.volumes[id.index()].slots().find(|(leg, slot)| {
            let held = &self.legs[*slot];
            mode(*leg) == LegMode::ReadWrite
                && LegMode::of(before.modes, *leg) != LegMode::ReadWrite
                && held.has_missed
                && held.rebuilt != before.epoch
        });
        if let Some((leg, _)) = unrebuilt {
            let was = LegMode::of(before.modes, leg);
            let found = format!("{leg}, {was} under {}, is in sync under {epoch}", before.epoch);
            self.report(record, Finding::new(Rule::RebuiltFirst, id, found), history);
        }
    }

    /// A manager knows what was agreed on.
    fn agreed(&mut self, record: &Record, agreed: Agreed, history: &History) {
        let Agreed { index, hash } = agreed;
        let known = *self.agreed.entry(index).or_insert(hash);
        if known != hash {
            let found =
                format!("at {index} of their log one has {known:#x}, another one {hash:#x}");
            let finding = Finding::new(Rule::OneLog, VolumeId::new(0), found);
            self.report(record, finding, history);
        }
    }

    /// The manager's records went back. Of epochs that no disk has registered nobody knows any more, and they may be decided
    /// on once more; of what a disk knows the manager will hear.
    pub(in crate::check) fn records_went_back(&mut self) {
        for volume in &mut self.volumes {
            let registered = volume.slots().map(|(_, slot)| self.legs[slot].fenced);
            let registered = registered.max().unwrap_or(Epoch::new(0));
            volume.go_back(registered);
        }
    }

    fn found(&mut self, record: &Record, found: TopologyFound) {
        let TopologyFound { volume, epoch, modes, owner, grantable } = found;
        let volume = self.volume(volume);
        let is_news = epoch > volume.persisted;
        volume.persist(epoch);
        let found_by = record.node.filter(|_| is_news);
        volume.decide(Decision { epoch, modes, owner, is_grantable: grantable, found_by });
    }

    /// Somebody acts on an epoch.
    fn acted(
        &mut self,
        record: &Record,
        (id, epoch): (VolumeId, Epoch),
        how: &str,
        history: &History,
    ) {
        let volume = self.volume(id);
        // What was asked for before the records went back is done rightly.
        let ever = volume.ever_persisted;
        if epoch > ever && volume.is_decided_on() {
            let found = format!("{epoch} was {how} when the database had {ever}");
            self.report(record, Finding::new(Rule::PersistedFirst, id, found), history);
        }
    }

    fn registered(&mut self, record: &Record, raised: FenceRaised, history: &History) {
        let FenceRaised { disk, volume, leg, first, blocks, epoch } = raised;
        self.acted(record, (volume, epoch), "registered", history);
        let Some(slot) = self.leg((volume, leg), disk, first) else { return };
        let before = self.legs[slot].fenced;
        if epoch < before && self.volumes[volume.index()].is_decided_on() {
            let found = format!("{leg} registered {epoch} after {before}");
            self.report(record, Finding::new(Rule::RegistrationsGrow, volume, found), history);
        }
        self.legs[slot].node = record.node;
        self.legs[slot].register((first, blocks), epoch);
        self.legs[slot].allowed = epoch.min(self.volumes[volume.index()].granted_max());
    }

    fn granted(&mut self, record: &Record, granted: OwnerGranted, history: &History) {
        let OwnerGranted { volume: id, epoch, modes } = granted;
        let Some(node) = record.node else { return };
        self.acted(record, (id, epoch), "granted", history);
        let before = self.volume(id).set_grant(Grant { epoch, modes, node, seq: record.seq });
        if epoch < before {
            let found = format!("{epoch} was granted after {before}");
            self.report(record, Finding::new(Rule::GrantsGrow, id, found), history);
        }
        if let Some(decision) = self.volumes[id.index()].decision(epoch).copied() {
            self.granted_as_decided(record, (id, node, modes), &decision, history);
        }
        let volume = &self.volumes[id.index()];
        let unregistered = volume.slots().find(|(leg, slot)| {
            LegMode::of(modes, *leg) != LegMode::Dead && self.legs[*slot].fenced_for(epoch) < epoch
        });
        if let Some((leg, slot)) = unregistered {
            let fenced = self.legs[slot].fenced_for(epoch);
            let found = format!("{epoch} was granted when {leg} had registered {fenced}");
            self.report(record, Finding::new(Rule::RegisteredFirst, id, found), history);
        }
        let volume = &self.volumes[id.index()];
        let granted = volume.granted_max();
        if epoch < granted {
            return;
        }
        for (leg, slot) in volume.slots() {
            let held = &mut self.legs[slot];
            held.has_missed = LegMode::of(modes, leg) != LegMode::ReadWrite;
            held.allowed = held.registered.map_or(held.allowed, |epoch| epoch.min(granted));
        }
        self.wants_reads = self.volumes.iter().any(Volume::is_rebuilding);
    }

    fn granted_as_decided(
        &mut self,
        record: &Record,
        (id, node, modes): (VolumeId, NodeId, u64),
        decision: &Decision,
        history: &History,
    ) {
        let Decision { epoch, owner, is_grantable, .. } = *decision;
        if node != owner {
            let found = format!("{epoch}, decided on for {owner}, was granted to {node}");
            self.report(record, Finding::new(Rule::OneOwner, id, found), history);
        }
        if modes != decision.modes {
            let found = format!(
                "{epoch}, decided on with modes {:#b}, was granted with {modes:#b}",
                decision.modes
            );
            self.report(record, Finding::new(Rule::OneConfiguration, id, found), history);
        }
        if !is_grantable {
            let found =
                format!("{epoch} was granted, and the database does not say that it may be");
            self.report(record, Finding::new(Rule::RecordedFirst, id, found), history);
        }
    }

    fn mark_changed(&mut self, record: &Record, changed: MarkChanged, history: &History) {
        let MarkChanged { disk, volume: id, leg, region, marked } = changed;
        let Some(slot) = self.slot_on(id, leg, disk) else { return };
        self.legs[slot].set_mark(region, marked);
        let held = &self.legs[slot];
        if marked {
            return;
        }
        let epoch = held.registered.filter(|_| held.is_serving);
        let decision = epoch.and_then(|epoch| self.volumes[id.index()].decision(epoch));
        let Some(decision) = decision else { return };
        // It has been rebuilt there. Whether that is so shows in what it holds.
        if LegMode::of(decision.modes, leg) == LegMode::WriteOnly {
            return;
        }
        let away = self.volumes[id.index()]
            .slots()
            .find(|(leg, _)| LegMode::of(decision.modes, *leg) != LegMode::ReadWrite);
        if let Some((away, _)) = away {
            let mode = LegMode::of(decision.modes, away);
            let found = format!(
                "the mark of region{region} on {leg} was cleared under {}, with {away} {mode}",
                decision.epoch
            );
            self.report(record, Finding::new(Rule::ClearedInSync, id, found), history);
        }
    }

    /// A medium was written: as [`Protocol::observe`].
    pub(in crate::check) fn written(
        &mut self,
        record: &Record,
        written: &MediaWritten,
        history: &History,
    ) {
        if written.tag == NO_EPOCH {
            return;
        }
        let Some(legs) = self.disks.get(written.disk.index()) else { return };
        let is_here = |slot: &&u32| self.legs[**slot as usize].disk == written.disk;
        let part = legs.iter().filter(is_here).find_map(|slot| {
            let part = self.legs[*slot as usize].part(written.lba, written.blocks)?;
            Some((*slot as usize, part))
        });
        let Some((slot, (at, blocks))) = part else { return self.written_late(record, written) };
        let leg = &mut self.legs[slot];
        leg.note_landed(at, blocks, record.seq);
        let is_early = Epoch::new(written.tag) > leg.allowed;
        let unmarked = leg.unmarked(at, blocks);
        if is_early || unmarked.is_some() {
            self.badly_written(record, written, (slot, unmarked), history);
        }
    }

    /// What was written belongs to no leg that is there; it may to one that was.
    #[cold]
    fn written_late(&mut self, record: &Record, written: &MediaWritten) {
        for slot in &self.disks[written.disk.index()] {
            let landed = (written.disk, written.lba, written.blocks);
            self.legs[*slot as usize].note_landed_before(landed, record.seq);
        }
    }

    #[cold]
    fn badly_written(
        &mut self,
        record: &Record,
        written: &MediaWritten,
        (slot, unmarked): (usize, Option<u64>),
        history: &History,
    ) {
        let leg = &self.legs[slot];
        if leg.is_dying(record.at) {
            return;
        }
        let (id, tag) = (leg.volume, Epoch::new(written.tag));
        let (registered, index) = (leg.registered, leg.leg);
        let early = match registered {
            _ if !self.volumes[id.index()].is_decided_on() => None,
            None => Some((Rule::RegisteredWrite, "having registered nothing".to_owned())),
            Some(epoch) if tag > epoch => {
                Some((Rule::RegisteredWrite, format!("having registered {epoch}")))
            }
            Some(_) if tag > self.volumes[id.index()].granted_max() => {
                Some((Rule::GrantedWrite, "which nobody was granted".to_owned()))
            }
            Some(_) => None,
        };
        let early =
            early.map(|(rule, why)| (rule, format!("{index} was written under {tag}, {why}")));
        let unmarked = unmarked.map(|at| {
            (Rule::MarkedWrite, format!("place {at} of {index} was written, and is not marked"))
        });
        for (rule, found) in early.into_iter().chain(unmarked) {
            let mut finding = Finding::new(rule, id, found);
            finding.disk = Some((written.disk, written.lba));
            self.report(record, finding, history);
        }
    }

    /// An operation has returned: as [`Protocol::observe`].
    pub(in crate::check) fn returned(
        &mut self,
        record: &Record,
        returned: &OpReturned,
        history: &History,
    ) {
        if returned.result != OpResult::Ok {
            return;
        }
        let Some(volume) = self.volumes.get(returned.volume.index()) else { return };
        let Some(grant) = volume.grant else { return };
        if Some(grant.node) != record.node {
            if returned.kind == OpKind::Read {
                let found = format!(
                    "{} was answered when {} had the volume, by {}",
                    returned.op, grant.node, grant.epoch
                );
                let mut finding = Finding::new(Rule::ReadByOwner, returned.volume, found);
                finding.ops.push(returned.op);
                self.report(record, finding, history);
            }
            return;
        }
        if !returned.kind.is_write() && returned.kind != OpKind::Trim {
            return;
        }
        if volume.is_forgotten(grant.epoch) {
            return;
        }
        let Some(operation) = history.operation(returned.op) else { return };
        if let Some((block, leg)) = self.lacking(volume, operation, &grant) {
            let found = format!(
                "{} was acknowledged, and {leg}, {} under {}, did not have its block {block}",
                operation.text(),
                LegMode::of(grant.modes, leg),
                grant.epoch
            );
            let mut finding = Finding::new(Rule::WrittenEverywhere, returned.volume, found);
            finding.ops.push(returned.op);
            self.report(record, finding, history);
        }
    }

    /// A block of a write and a leg that ought to have it and surely doesn't.
    fn lacking(
        &self,
        volume: &Volume,
        operation: &Operation,
        grant: &Grant,
    ) -> Option<(u64, LegIndex)> {
        let places = volume.places.as_ref()?;
        let since = operation.invoked.seq;
        for block in operation.block..operation.block + u64::from(operation.blocks) {
            let (mut legs, at) = places.place(block);
            while legs != 0 {
                let leg = LegIndex::new(legs.trailing_zeros() as u8);
                legs &= legs - 1;
                // A write over several groups may be done on one of them when a leg of it comes back; what that
                // one lacks is copied when the write is over.
                let is_due = match LegMode::of(grant.modes, leg) {
                    LegMode::ReadWrite => true,
                    LegMode::WriteOnly => grant.seq < since,
                    LegMode::Dead => false,
                };
                let slot = volume.slot(leg).filter(|_| is_due);
                if slot.is_some_and(|slot| self.legs[slot].surely_lacks(at, since, grant.epoch)) {
                    return Some((block, leg));
                }
            }
        }
        None
    }

    /// A client has a block of a disk read.
    pub(in crate::check) fn leg_read(
        &mut self,
        record: &Record,
        (disk, lba): (DiskId, u64),
        client: NodeId,
        history: &History,
    ) {
        let Some(legs) = self.disks.get(disk.index()) else { return };
        let slots = legs.iter().map(|slot| &self.legs[*slot as usize]);
        let slots = slots.filter(|leg| leg.disk == disk);
        let mut held = slots.filter_map(|leg| leg.place(lba).map(|at| (leg, at)));
        let Some((leg, at)) = held.next() else { return };
        let epoch = leg.registered.filter(|_| leg.is_serving && leg.node != Some(client));
        let decision = epoch.and_then(|epoch| self.volumes[leg.volume.index()].decision(epoch));
        let Some(decision) = decision.filter(|_| leg.is_data(at)) else { return };
        if LegMode::of(decision.modes, leg.leg) == LegMode::WriteOnly {
            let (volume, index) = (leg.volume, leg.leg);
            let found = format!("{client} reads {index}, which is W under {}", decision.epoch);
            let mut finding = Finding::new(Rule::ReadInSync, volume, found);
            finding.disk = Some((disk, lba));
            self.report(record, finding, history);
        }
    }

    fn report(&mut self, record: &Record, finding: Finding, history: &History) {
        let Finding { rule, volume, disk, ops, found, detail } = finding;
        if self.reported.contains(&(rule, volume)) {
            return;
        }
        self.reported.push((rule, volume));
        let recent = match disk {
            Some((disk, lba)) => history.records().of_disk(disk, lba, 1),
            None => history.recent(volume, None, &ops),
        };
        self.violations.push(Violation {
            check: Check::Protocol,
            kind: rule.name(),
            component: volume.to_string(),
            volume: Some(volume),
            disk: disk.map(|(disk, _)| disk),
            block: disk.map(|(_, lba)| lba),
            ops,
            at: record.at,
            found,
            expected: rule.text().to_owned(),
            detail,
            recent,
        });
    }

    /// Hands over the violations found since the last call.
    pub(in crate::check) fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.violations)
    }

    /// Whether there are any.
    pub(in crate::check) fn has_violations(&self) -> bool {
        !self.violations.is_empty()
    }
}
