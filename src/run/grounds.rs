//! Where each planted bug is hunted. Hunts none.

use crate::base::Bug;

use super::subject::{Subject, Tested};

/// The scenarios in which a bug is hunted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grounds {
    /// By their indices.
    pub(super) scenarios: Vec<usize>,
    /// Whether there is one that is named for it. If not, these are all but those that expect a failure anyway.
    pub(super) are_its_own: bool,
}

impl Grounds {
    pub(super) fn of(bug: Bug, scenarios: &[Tested]) -> Self {
        let that = |is: &dyn Fn(&Tested) -> bool| -> Vec<usize> {
            (0..scenarios.len()).filter(|at| is(&scenarios[*at])).collect()
        };
        let named = that(&|scenario| scenario.name() == name_of(bug));
        match named.is_empty() {
            true => Self { scenarios: that(&Tested::is_to_pass), are_its_own: false },
            false => Self { scenarios: named, are_its_own: true },
        }
    }
}

/// The name of the scenario that is known to find a bug soon.
const fn name_of(bug: Bug) -> &'static str {
    match bug {
        Bug::SkipIntentBeforeData | Bug::NoEpochCheckOnWrite => "cpu-stop",
        Bug::StaleLease | Bug::TimerMeansLease => "two-clients-cut-off",
        Bug::OldSessionGoesOn => "clients-cut-off-in-turn",
        Bug::IntentNotAwaited | Bug::SetDirtyAfterAck => "power-cut-in-cold-regions",
        Bug::AckBeforeSecondMirror => "app-detach",
        Bug::AckWithoutRebuiltLeg
        | Bug::NoWriteLock
        | Bug::NoDrainAtRegistration
        | Bug::RejoinWithoutRebuild
        | Bug::EqualGenerationMeansEqualData
        | Bug::RebuildIgnoresAppWrite
        | Bug::ReadFromRebuiltLeg => "disk-break-with",
        Bug::TimeoutMeansDone | Bug::NoCloseOnTimeout => "late-writes-without-manager",
        Bug::AckFailedLegBeforeManager => "disk-read-only",
        Bug::ClearDirtyUnderWrite | Bug::ClearDirtyBeforeFlush | Bug::ColdLegTrusted => {
            "volatile-caches-cold-regions"
        }
        Bug::ClearDirtyBetweenInconsistentPeers => "cold-regions-degraded",
        Bug::FlushOnlyOneMirror => "volatile-caches-targets-in-turn",
        Bug::FlushIgnoresLoss | Bug::ServeBeforeRegistration => "volatile-caches-power-cut",
        Bug::LossToldOnce => "volatile-caches-of-two-applications",
        Bug::EarlierSessionLivesOn => "half-open-on-slow-disks",
        Bug::MarksLostAtBoot | Bug::PromoteRebuiltLeg => "last-good-copy-away",
        Bug::ActBeforePersist => "reboots-during-rebuild",
        Bug::GrantBeforeAllRegistered => "app-attach",
        Bug::DropLastLeg | Bug::LeakLockOnFailure => "all-writes-fail",
        Bug::NewerLegTrusted => "database-restore-old-snapshot",
        Bug::ForeignDiskTaken => "disk-swap",
        Bug::OldDiskTrusted => "old-image-in-cold-regions",
        Bug::SpareInSyncAtOnce => "raid1-spare",
        Bug::ResyncIgnoresOwnMarks => "one-leg-alone-has-it",
        Bug::RebuildPlanSurvivesDeath => "disk-disconnect-from-client",
        Bug::ResumePastDurable => "rebuild-cut-short-with-caches",
        Bug::DropBadSectorOnRebuild => "rebuild-source-bad-sector",
        Bug::ReadDuringWrite => "memory-limit",
        Bug::ReadBeforeRecovery | Bug::RecoveryCopiesNothing => "client-reboot-mid-write",
        Bug::CaretakerLeavesNothing => "taken-from-a-caretaker",
        Bug::NoRecoveryAfterOwnerDeath => "bad-sectors-and-reboots",
        Bug::LeftDivergentForgotten => "given-up-writes-without-manager",
        Bug::RepairWithoutLock => "disk-heal",
        Bug::PoisonInsteadOfRepair => "disk-flip-bits",
        Bug::AnswerBeforeVerifying | Bug::RewriteNotVerified => "full-lost-writes",
        Bug::MetadataNotVerified => "full-lost-marks",
        Bug::SlowLegTakenBack => "slow-disk-for-long",
        Bug::SkipRowJournal => "ec-write-hole",
        Bug::RowJournalOnOneLeg | Bug::NoRowReplay | Bug::RowsShareSlot => {
            "ec-power-cuts-many-rows"
        }
        Bug::TornEntryTrusted | Bug::TornEntryUncoversOlder => "ec-torn-journal",
        Bug::SlotsNotCleared => "ec-all-disks-renewed",
        Bug::ParityFromUnreadBlock => "ec-bad-sectors",
        Bug::ParityForgetsMissingLeg => "ec-two-legs-away",
        Bug::ComputeFromRebuiltLeg => "ec-rebuild-under-fire",
        Bug::RetryDnrForever => "disk-refuses-for-good",
        Bug::SwallowSplitError => "short-transfers",
        Bug::MemoryBeforeCommit | Bug::AnswerBeforeCommit | Bug::CommitKeptInMemory => {
            "database-reboots-at-every-write"
        }
        Bug::DoubtMeansUndone | Bug::CallsForgottenWhileAway => "database-away-under-io",
        Bug::DeletedStaysDeployed | Bug::LineBeforeReport => "volumes-made-by-script",
        Bug::PromoteWithoutQuorum => "leader-cut-off",
        Bug::VotesBeforeStored => "power-goes-as-managers-agree",
        Bug::VotesAfterAmnesia => "manager-loses-its-disk",
        Bug::UnfencedController => "deposed-controller-is-fenced",
        Bug::ConnectorDiesOnFailedRebind => "connector-port-stolen",
        Bug::CommitWithoutFlush => "database-volatile-cache",
        Bug::OneHungResourceBlocksAll => "satellite-one-resource-hangs",
        Bug::NoOutputCap => "satellite-output-floods",
        Bug::NoKillLadder | Bug::OverdueMeansDone => "satellite-programs-time-boxed",
        Bug::RetriesShared => "satellite-retries-apart",
        Bug::StreamNotRestarted => "satellite-event-stream",
        Bug::FailureNotReported => "satellite-device-files",
        Bug::WordOfEarlierSessionTaken => "manager-inject-false-message",
        Bug::RefusalMeansDone => "memory-fail-next",
        Bug::LeaseFromAnswer => "lease-answered-late",
        Bug::LeaseByDate => "lease-and-dates",
        Bug::LeaseWithoutMargin => "lease-and-slow-clocks",
        Bug::LatestByArrival => "earlier-lives-heard-late",
        Bug::MessageTwiceDoneTwice => "messages-twice",
        Bug::MissingMessageUnnoticed => "net-drop-next",
        Bug::EarlierCompletionTaken => "disk-duplicate-next-completion",
        Bug::AbandonedRequestForgotten => "raid1-spare-before-the-answer",
        Bug::RebuiltDiskNotHeldTo => "old-image-of-a-rebuild",
        Bug::UnreadDiskTaken => "replaced-while-others-decide",
        Bug::DecidesUnheard => "database-goes-back-unheard",
        Bug::ReferenceTagIgnored => "disk-misdirect-next-read",
        Bug::OpenWaitedForAlways => "external-open-blocks",
        Bug::StopOutlivesStart => "connector-start",
        Bug::OneAddressKnown => "one-connector-is-left",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Grounds, name_of};
    use crate::base::Bug;
    use crate::run::fake::scenario;
    use crate::run::subject::{Subject, Tested};
    use crate::scenario::{Expect, Profile, discover, load};

    #[test]
    fn each_bug_has_hunting_grounds_in_the_library() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let files = discover(&[root]).unwrap();
        let scenarios: Vec<_> =
            files.iter().map(|file| Tested::Scenario(Box::new(load(file).unwrap()))).collect();
        for bug in Bug::ALL {
            let found = Grounds::of(*bug, &scenarios).scenarios;
            let names: Vec<_> = found.iter().map(|at| scenarios[*at].name()).collect();
            assert_eq!(names, [name_of(*bug)], "{}", bug.name());
        }
    }

    #[test]
    fn elsewhere_a_bug_is_hunted_in_every_scenario_that_is_to_pass() {
        let mut fails = scenario("fails");
        fails.expect = Expect::Liveness;
        let scenarios =
            [scenario("one"), fails, scenario("two")].map(|it| Tested::Scenario(Box::new(it)));
        assert_eq!(Grounds::of(Bug::NoWriteLock, &scenarios).scenarios, [0, 2]);
        let random = [Tested::Random(Profile::Everything)];
        assert_eq!(Grounds::of(Bug::NoWriteLock, &random).scenarios, [0]);
    }
}
