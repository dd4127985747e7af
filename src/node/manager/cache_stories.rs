//! Short stories of the decision machine about legs that lost a volatile cache. Runs no manager.

use super::input::{Effect, Input};
use super::record::VolumeRecord;
use super::rig::{A, B, C0, C1, NEVER, ONCE, Rig, place, registration, report};
use crate::base::{Epoch, LegIndex, Nanos};
use crate::layout::Raid1;
use crate::node::{LegMode, LegReport, Superblock, Timing};

impl Rig {
    /// The leg's target came up again, and its disk had lost a volatile cache.
    fn hello_cold(&mut self, leg: LegIndex, generation: u64) {
        self.losses += 1;
        let report = self.cold(leg, generation);
        self.settle(Input::Place(place(leg), Some(report)));
    }

    fn cold(&self, leg: LegIndex, generation: u64) -> LegReport {
        LegReport { life: self.losses, cold: true, ..report(leg, generation, 0) }
    }
}

#[test]
fn a_leg_that_lost_its_cache_is_brought_up_to_date_from_one_that_did_not() {
    let mut rig = Rig::attached();
    rig.hello_cold(B, 2);
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
    assert_eq!(rig.machine.record().cold, Epoch::new(0));
    let epoch = rig.epoch();
    rig.settle(Input::LegBack { leg: B, epoch });
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::WriteOnly]);
    assert!(!rig.machine.record().rebuilds_all(B), "where it is marked is enough");
}

#[test]
fn a_leg_that_lost_its_cache_does_not_serve_while_the_other_is_away() {
    let mut rig = Rig::attached();
    rig.apply(Input::Place(place(A), None));
    rig.out.clear();
    rig.hello_cold(B, 2);
    assert_eq!(rig.modes(), [LegMode::ReadWrite; 2]);
    assert!(rig.registrations().iter().all(|(leg, _)| *leg != B), "{:?}", rig.out);
    rig.hello(A, 2, 0);
    rig.settle(Input::Tick);
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
}

#[test]
fn when_all_legs_lost_their_caches_they_go_on_and_the_owner_is_told() {
    let mut rig = Rig::attached();
    rig.apply(Input::Place(place(A), None));
    rig.apply(Input::Place(place(B), None));
    rig.hello_cold(A, 2);
    rig.out.clear();
    rig.hello_cold(B, 2);
    assert_eq!(rig.modes(), [LegMode::ReadWrite; 2]);
    let cold: Vec<Epoch> = rig
        .out
        .iter()
        .filter_map(|effect| match effect {
            Effect::Grant(_, _, topology) => Some(topology.cold),
            _ => None,
        })
        .collect();
    assert_eq!(cold, [rig.epoch()], "granted once, as of this epoch: {:?}", rig.out);
    assert_eq!(rig.machine.record().cold, rig.epoch());
}

#[test]
fn a_leg_that_lost_its_cache_while_it_was_rebuilt_starts_over() {
    let mut rig = Rig::attached();
    rig.hello_cold(B, 2);
    let epoch = rig.epoch();
    rig.settle(Input::LegBack { leg: B, epoch });
    let rebuilding = rig.epoch();
    rig.hello_cold(B, rebuilding.get());
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
    rig.settle(Input::Rebuilt { leg: B, epoch: rebuilding });
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead], "that was before");
}

#[test]
fn a_leg_that_loses_its_cache_after_all_did_is_brought_up_to_date() {
    let mut rig = Rig::attached();
    rig.apply(Input::Place(place(A), None));
    rig.apply(Input::Place(place(B), None));
    rig.hello_cold(A, 2);
    rig.hello_cold(B, 2);
    let all_lost = rig.epoch();
    rig.hello_cold(B, all_lost.get());
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
    assert_eq!(rig.machine.record().cold, all_lost, "the owner has heard of that one");
}

#[test]
fn a_registration_in_an_earlier_life_of_the_disk_does_not_make_a_cold_leg_warm() {
    let mut rig = Rig::attached();
    rig.apply(Input::Place(place(A), None));
    let reborn = rig.apply(Input::Attach { client: C0, session: 2, held: NEVER }).to_vec();
    let [Effect::Persist(VolumeRecord { epoch, .. })] = reborn[..] else { panic!("{reborn:?}") };
    let asked = rig.apply(Input::Persisted(epoch)).to_vec();
    assert_eq!(asked, [registration(B, epoch, false)]);
    // B loses its cache before it hears of that; its answer is about the life that is over.
    rig.hello_cold(B, 2);
    rig.apply(Input::Registered { leg: B, epoch, life: 0, again: false, ok: true });
    rig.hello(A, 2, 0);
    rig.settle(Input::Tick);
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
}

#[test]
fn a_leg_is_asked_to_register_in_the_life_that_it_was_last_found_in() {
    let mut rig = Rig::attached();
    rig.apply(Input::Place(place(A), None));
    rig.apply(Input::Place(place(B), None));
    rig.hello_cold(A, 2);
    rig.hello_cold(B, 2);
    let asked = rig.out.iter().filter_map(|effect| match effect {
        Effect::Register { leg, epoch, life, .. } if *epoch == rig.epoch() => Some((*leg, *life)),
        _ => None,
    });
    assert_eq!(asked.collect::<Vec<_>>(), [(A, 1), (B, 2)]);
}

#[test]
fn a_cold_leg_whose_rebuild_is_decided_on_may_say_again_that_it_is_cold() {
    let mut rig = Rig::attached();
    rig.hello_cold(B, 2);
    let epoch = rig.epoch();
    rig.apply(Input::LegBack { leg: B, epoch });
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::WriteOnly]);
    // Another leg of its target changed: all are told of again.
    rig.apply(Input::Place(place(B), Some(rig.cold(B, 2))));
    let epoch = rig.epoch();
    rig.apply(Input::Persisted(epoch));
    rig.apply(Input::Place(place(B), Some(rig.cold(B, 2))));
    assert_eq!((rig.modes(), rig.epoch()), ([LegMode::ReadWrite, LegMode::WriteOnly], epoch));
    // Cold in another life, it may lack what was to be rebuilt.
    rig.hello_cold(B, 2);
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
}

impl Rig {
    /// `B` is given up, but the epoch without it has not been registered yet.
    fn giving_up() -> Self {
        let mut rig = Self::attached();
        rig.apply(Input::Place(place(B), None));
        let decided = rig.apply(Input::LegFailed { leg: B, epoch: Epoch::new(2) }).to_vec();
        let [.., Effect::Persist(record)] = decided[..] else { panic!("{decided:?}") };
        rig.stored = Some(record);
        rig.apply(Input::Persisted(record.epoch));
        assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
        rig.out.clear();
        rig
    }
}

#[test]
fn a_leg_given_up_in_an_epoch_that_nobody_was_told_of_is_taken_back_when_the_others_lost_their_caches()
 {
    let mut rig = Rig::giving_up();
    rig.hello_cold(A, 2);
    assert_eq!(rig.grants(), [], "what A has may be the older");
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
    rig.settle(Input::Place(place(B), Some(report(B, 2, 0))));
    assert_eq!(rig.modes(), [LegMode::Dead, LegMode::ReadWrite]);
    assert_eq!(rig.grants(), [(C0, 4, [LegMode::Dead, LegMode::ReadWrite])]);
    assert_eq!(rig.machine.record().cold, Epoch::new(0), "nothing is lost");
    assert!(rig.machine.record().modes.legs().all(|leg| !rig.machine.record().rebuilds_all(leg)));
    // Warm again, A takes part.
    let epoch = rig.epoch();
    rig.settle(Input::LegBack { leg: A, epoch });
    assert_eq!(rig.modes(), [LegMode::WriteOnly, LegMode::ReadWrite]);
}

#[test]
fn of_a_new_volume_nothing_is_lost_with_a_cache_and_nobody_is_waited_for() {
    let mut rig = Rig::boot(None, Nanos::ZERO);
    rig.hello(A, 0, 0);
    rig.hello(B, 0, 0);
    rig.apply(Input::Attach { client: C0, session: 1, held: NEVER });
    let epoch = rig.epoch();
    rig.apply(Input::Persisted(epoch));
    rig.apply(Input::Registered { leg: A, epoch, life: 0, again: false, ok: true });
    rig.after(Timing::default().register_timeout);
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
    rig.stored = Some(*rig.machine.record());
    let epoch = rig.epoch();
    rig.apply(Input::Place(place(A), None));
    rig.apply(Input::Persisted(epoch));
    rig.hello_cold(A, 2);
    rig.wait(Nanos::from_millis(10));
    assert_eq!(rig.grants(), [(C0, 3, [LegMode::ReadWrite, LegMode::Dead])], "though B is away");
    assert_eq!(rig.machine.record().cold, Epoch::new(0), "nobody has written");
    // From now on there is something to lose.
    rig.hello_cold(A, 3);
    rig.wait(Nanos::from_millis(10));
    assert_eq!(rig.machine.record().cold, rig.epoch());
}

#[test]
fn a_leg_that_is_given_up_is_not_let_go_before_the_others_have_said_once_more_that_they_lost_nothing()
 {
    let mut rig = Rig::giving_up();
    let epoch = rig.epoch();
    rig.hello(B, 2, 0);
    let registered = |again| Input::Registered { leg: A, epoch, life: 0, again, ok: true };
    rig.apply(registered(false));
    let asked = rig.apply(Input::Persisted(epoch)).to_vec();
    assert_eq!(asked, [registration(A, epoch, true)]);
    // Said before it was on record, in whatever way, it counts for nothing.
    rig.apply(registered(false));
    rig.hello(A, 3, 3);
    assert_eq!(rig.grants(), []);
    // Nor would it if A lost its cache on the way: B has everything.
    rig.hello_cold(A, 3);
    assert_eq!(rig.modes(), [LegMode::Dead, LegMode::ReadWrite]);
    assert_eq!(rig.grants(), [(C0, 4, [LegMode::Dead, LegMode::ReadWrite])]);
    // Otherwise the owner is told now.
    let mut rig = Rig::giving_up();
    rig.apply(registered(false));
    rig.apply(Input::Persisted(epoch));
    rig.settle(registered(true));
    assert_eq!(rig.grants(), [(C0, 3, [LegMode::ReadWrite, LegMode::Dead])]);
}

#[test]
fn it_is_waited_for_over_a_reboot_too() {
    let mut rig = Rig::giving_up();
    rig.reboot();
    rig.hello_cold(A, 2);
    rig.after(Nanos::from_millis(50));
    assert_eq!((rig.grants(), rig.epoch()), (Vec::new(), Epoch::new(3)));
    rig.settle(Input::Place(place(B), Some(report(B, 2, 0))));
    assert_eq!(rig.modes(), [LegMode::Dead, LegMode::ReadWrite]);
}

#[test]
fn when_it_lost_its_cache_as_well_what_is_left_is_what_there_is() {
    let mut rig = Rig::giving_up();
    rig.hello_cold(A, 2);
    rig.hello_cold(B, 2);
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
    assert_eq!(rig.machine.record().cold, rig.epoch());
    assert_eq!(rig.grants(), [(C0, 4, [LegMode::ReadWrite, LegMode::Dead])]);
}

#[test]
fn an_older_image_or_another_disk_is_not_taken_back() {
    for stranger in [report(B, 1, 0), LegReport { serial: 999, ..report(B, 2, 0) }] {
        let mut rig = Rig::giving_up();
        rig.hello_cold(A, 2);
        rig.settle(Input::Place(place(B), Some(stranger)));
        assert_eq!((rig.modes(), rig.grants()), ([LegMode::ReadWrite, LegMode::Dead], vec![]));
        // It is the disk that was there that is waited for.
        rig.settle(Input::Place(place(B), Some(report(B, 2, 0))));
        assert_eq!(rig.modes(), [LegMode::Dead, LegMode::ReadWrite]);
    }
}

#[test]
fn a_leg_given_up_in_an_epoch_that_was_granted_is_not_taken_back() {
    let mut rig = Rig::degraded();
    rig.hello(B, 2, 0);
    rig.hello_cold(A, 3);
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead], "it lacks what was written since");
    assert_eq!(rig.machine.record().cold, rig.epoch());
}

#[test]
fn an_owner_that_leaves_has_flushed_and_nobody_given_up_is_waited_for() {
    let mut rig = Rig::attached();
    rig.apply(Input::Detach { client: C0, session: 1, held: ONCE });
    let leaving = *rig.machine.record();
    rig.apply(Input::LegFailed { leg: B, epoch: Epoch::new(3) });
    rig.settle(Input::Persisted(leaving.epoch));
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
    rig.settle(Input::Attach { client: C1, session: 7, held: NEVER });
    assert_eq!(rig.machine.record().given_up(), 0, "A has all that there was");
}

impl Rig {
    /// That the epoch which gives up `B` may be granted is on record, `A` was not asked again yet, and
    /// the manager boots.
    fn rebooted_before_it_asked_again() -> Self {
        let mut rig = Self::giving_up();
        let epoch = rig.epoch();
        let registered = Input::Registered { leg: A, epoch, life: 0, again: false, ok: true };
        let granting = rig.apply(registered).to_vec();
        let [Effect::Persist(record)] = granting[..] else { panic!("{granting:?}") };
        assert!(record.granted && !record.told);
        rig.stored = Some(record);
        rig.reboot();
        rig
    }

    /// A cold leg that was asked again for this epoch.
    fn cold_confirmed(&mut self, leg: LegIndex, generation: u64, confirmed: u64) -> LegReport {
        self.losses += 1;
        LegReport { confirmed: Epoch::new(confirmed), ..self.cold(leg, generation) }
    }
}

#[test]
fn a_manager_that_reboots_before_it_asked_again_knows_that_nobody_was_told() {
    let mut rig = Rig::rebooted_before_it_asked_again();
    rig.hello_cold(A, 3);
    rig.after(Nanos::from_millis(50));
    assert_eq!((rig.grants(), rig.epoch()), (Vec::new(), Epoch::new(3)), "B has what A may lack");
    rig.settle(Input::Place(place(B), Some(report(B, 2, 0))));
    assert_eq!(rig.modes(), [LegMode::Dead, LegMode::ReadWrite]);
    assert_eq!(rig.machine.record().cold, Epoch::new(0), "nothing is lost");
    // When B has lost its cache as well, what is left is what there is.
    let mut rig = Rig::rebooted_before_it_asked_again();
    rig.hello_cold(A, 3);
    rig.hello_cold(B, 2);
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
    assert_eq!(rig.machine.record().cold, rig.epoch());
}

#[test]
fn a_leg_that_was_asked_again_may_have_served_an_owner_alone() {
    let mut rig = Rig::rebooted_before_it_asked_again();
    rig.hello(B, 2, 0);
    let report = rig.cold_confirmed(A, 3, 3);
    rig.settle(Input::Place(place(A), Some(report)));
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead], "B may lack what came after");
    assert_eq!(rig.machine.record().cold, rig.epoch());
}

#[test]
fn a_leg_that_was_not_asked_again_before_the_reboot_is_asked_after_it() {
    let mut rig = Rig::rebooted_before_it_asked_again();
    rig.hello(A, 3, 3);
    let again = registration(A, Epoch::new(3), true);
    assert!(rig.out.contains(&again), "{:?}", rig.out);
    assert_eq!(rig.grants(), []);
    rig.settle(Input::Registered { leg: A, epoch: Epoch::new(3), life: 0, again: true, ok: true });
    assert_eq!(rig.grants(), [(C0, 3, [LegMode::ReadWrite, LegMode::Dead])]);
    // One that was, is not.
    let mut rig = Rig::rebooted_before_it_asked_again();
    let confirmed = LegReport { confirmed: Epoch::new(3), ..report(A, 3, 3) };
    rig.settle(Input::Place(place(A), Some(confirmed)));
    assert_eq!(rig.registrations(), []);
    assert_eq!(rig.grants(), [(C0, 3, [LegMode::ReadWrite, LegMode::Dead])]);
}

#[test]
fn that_the_owner_was_told_is_on_record_soon_and_nobody_is_asked_after_that() {
    let mut rig = Rig::degraded();
    assert!(rig.stored.expect("a record").told);
    rig.reboot();
    rig.hello(B, 2, 0);
    rig.hello_cold(A, 3);
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
    assert_eq!(rig.machine.record().cold, rig.epoch());
}

#[test]
fn what_was_said_while_that_is_noted_is_decided_on_afterwards() {
    let mut rig = Rig::giving_up();
    let epoch = rig.epoch();
    let registered = |again| Input::Registered { leg: A, epoch, life: 0, again, ok: true };
    rig.apply(registered(false));
    rig.apply(Input::Persisted(epoch));
    let told = rig.apply(registered(true)).to_vec();
    let [Effect::Grant(..), Effect::Persist(record), ..] = told[..] else { panic!("{told:?}") };
    assert!(record.told && record.granted && record.age() > rig.stored.expect("one").age());
    rig.hello(B, 2, 0);
    assert_eq!(rig.apply(Input::LegBack { leg: B, epoch }), [], "one record is under way");
    let attached = rig.apply(Input::Attach { client: C0, session: 1, held: NEVER }).to_vec();
    assert!(matches!(attached[..], [Effect::Grant(..)]), "but the volume is served: {attached:?}");
    let noted = rig.apply(Input::Persisted(epoch)).to_vec();
    let [Effect::Persist(next)] = noted[..] else { panic!("{noted:?}") };
    assert_eq!((next.epoch, next.told), (Epoch::new(4), false));
    assert_eq!(next.modes.of(B), LegMode::WriteOnly);
}

#[test]
fn nothing_is_decided_before_a_leg_in_sync_says_whether_anybody_was_told() {
    let mut rig = Rig::rebooted_before_it_asked_again();
    // The owner has died, too, and can say nothing of it.
    rig.apply(Input::Attach { client: C0, session: 2, held: NEVER });
    rig.after(Nanos::from_millis(50));
    assert_eq!((rig.grants(), rig.epoch()), (Vec::new(), Epoch::new(3)));
    rig.hello_cold(A, 3);
    assert_eq!((rig.grants(), rig.epoch()), (Vec::new(), Epoch::new(4)));
    assert_eq!(rig.machine.record().owner, Some((C0, 2)));
    rig.settle(Input::Place(place(B), Some(report(B, 2, 0))));
    assert_eq!(rig.modes(), [LegMode::Dead, LegMode::ReadWrite]);
}

#[test]
fn of_several_legs_in_sync_one_that_was_not_asked_again_is_enough() {
    const C: LegIndex = LegIndex::new(2);
    let mut rig = Rig::attached_as(Raid1 { copies: 3 });
    rig.apply(Input::LegFailed { leg: C, epoch: Epoch::new(2) });
    rig.apply(Input::Persisted(Epoch::new(3)));
    let registered =
        |leg| Input::Registered { leg, epoch: Epoch::new(3), life: 0, again: false, ok: true };
    rig.apply(registered(A));
    let granting = rig.apply(registered(B)).to_vec();
    let [Effect::Persist(record)] = granting[..] else { panic!("{granting:?}") };
    let mut rig = Rig::boot_for(rig.machine.spec(), Some(record), rig.now);
    // A was asked, lost its cache and reports late what it was asked for first.
    let confirmed = LegReport { confirmed: Epoch::new(3), ..report(A, 3, 0) };
    rig.apply(Input::Place(place(A), Some(confirmed)));
    rig.hello(B, 3, 3);
    let asked: Vec<_> = rig.out.iter().filter(|it| matches!(it, Effect::Register { .. })).collect();
    let register = |leg, again| registration(leg, Epoch::new(3), again);
    assert_eq!(asked, [&register(A, false), &register(A, true), &register(B, true)]);
    // Both lose their caches: C has everything.
    let (a, b) = (rig.cold_confirmed(A, 3, 3), rig.cold_confirmed(B, 3, 0));
    rig.apply(Input::Place(place(C), Some(report(C, 2, 0))));
    rig.apply(Input::Place(place(A), Some(a)));
    let epoch = rig.epoch();
    rig.apply(Input::Persisted(epoch));
    rig.settle(Input::Place(place(B), Some(b)));
    assert_eq!(rig.all_modes()[2], LegMode::ReadWrite, "{:?}", rig.all_modes());
}

#[test]
fn superblocks_tell_whether_a_leg_that_was_given_up_has_everything() {
    let record = *Rig::rebooted_before_it_asked_again().machine.record();
    let found = |leg: LegIndex, generation, confirmed| {
        let (volume, generation) = (report(leg, 0, 0).volume, Epoch::new(generation));
        Some(Superblock {
            volume,
            leg,
            place: place(leg),
            generation,
            life: 0,
            confirmed: Epoch::new(confirmed),
            rebuild: Epoch::new(0),
        })
    };
    let b = 1 << B.get();
    assert_eq!(record.given_up_untold(|leg| found(leg, 3, 0)), b);
    assert_eq!(record.given_up_untold(|leg| found(leg, 3, 3)), 0, "the owner may have been told");
    assert_eq!(record.given_up_untold(|_| None), 0, "nobody knows");
    let told = VolumeRecord { told: true, ..record };
    assert_eq!(told.given_up_untold(|leg| found(leg, 3, 0)), 0);
    let decided = VolumeRecord { granted: false, ..record };
    assert_eq!(decided.given_up_untold(|leg| found(leg, 2, 0)), b, "it could not be granted yet");
}
