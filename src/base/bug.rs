//! Bugs that can be planted into the cluster on purpose, to see whether the checks still bite. A default
//! build has none: [`is_planted`] is `false` there for the compiler, too.

macro_rules! bugs {
    ($($(#[$doc:meta])* $variant:ident = $name:literal : $about:literal),* $(,)?) => {
        /// A bug that a build with the feature `planted-bugs` can plant: one line where somebody once made it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Bug {
            $(#[doc = $about] $variant),*
        }

        impl Bug {
            /// Every bug, in the order of the data's path.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name that a scenario uses.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// What whoever has it does wrong, in one sentence.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about),* }
            }
        }
    };
}

bugs! {
    SkipIntentBeforeData = "skip_intent_before_data": "a write goes to the disk though its region is not marked there",
    IntentNotAwaited = "intent_not_awaited": "a write goes to the disk while the mark of its region is still on its way",
    SetDirtyAfterAck = "set_dirty_after_ack": "a region is marked only when the write into it is over",
    AckBeforeSecondMirror = "ack_before_second_mirror": "a write is acknowledged as soon as one leg has it",
    AckWithoutRebuiltLeg = "ack_without_rebuilt_leg": "a write is acknowledged before the leg that is being rebuilt has it",
    TimeoutMeansDone = "timeout_means_done": "a leg that did not answer in time counts as written",
    RefusalMeansDone = "refusal_means_done": "a target that has no memory for a write answers as if it had done it",
    AckFailedLegBeforeManager = "ack_failed_leg_before_manager": "a write is acknowledged without a leg that failed, before the manager has it on record as dead",
    NoWriteLock = "no_write_lock": "overlapping writes do not take turns",
    ClearDirtyUnderWrite = "clear_dirty_under_write": "a region's mark is cleared while a write into it is under way",
    ClearDirtyBetweenInconsistentPeers = "clear_dirty_between_inconsistent_peers": "marks are cleared while a leg is away",
    ClearDirtyBeforeFlush = "clear_dirty_before_flush": "marks are cleared while what they stand for is in volatile caches",
    FlushOnlyOneMirror = "flush_only_one_mirror": "a flush is done as soon as one leg has flushed",
    FlushIgnoresLoss = "flush_ignores_loss": "a flush succeeds though all caches were lost since the write before it",
    LossToldOnce = "loss_told_once": "of several applications on a volume only the one that flushes first is told that all caches were lost",
    ColdLegTrusted = "cold_leg_trusted": "a leg that lost its volatile cache is taken for up to date",
    StaleLease = "stale_lease": "a client answers reads though its lease has run out",
    LeaseFromAnswer = "lease_from_answer": "a lease runs from when a heartbeat was answered, not from when it was sent",
    TimerMeansLease = "timer_means_lease": "a client that has waited for its lease does not look whether it has it",
    LeaseByDate = "lease_by_date": "a client measures its lease by the wall clock",
    LeaseWithoutMargin = "lease_without_margin": "the manager gives a volume away when the lease is over by its own clock",
    OldSessionGoesOn = "old_session_goes_on": "a client whose volume was taken waits its turn and goes on with what it knew",
    NoEpochCheckOnWrite = "no_epoch_check_on_write": "a target writes whatever epoch the request is of",
    ServeBeforeRegistration = "serve_before_registration": "a target that rebooted serves the epoch that its disk names, before it is registered",
    NoDrainAtRegistration = "no_drain_at_registration": "a target acknowledges an epoch while its disk still has commands of an older one",
    WordOfEarlierSessionTaken = "word_of_earlier_session_taken": "a client acts on what the manager says of an attachment that it has given back",
    EarlierSessionLivesOn = "earlier_session_lives_on": "a client's earlier connection is served on beside its new one",
    LatestByArrival = "latest_by_arrival": "of a node's connections that which is listened to last counts as its latest",
    MessageTwiceDoneTwice = "message_twice_done_twice": "what comes twice over a connection is done twice",
    MissingMessageUnnoticed = "missing_message_unnoticed": "a connection goes on though one of its messages is missing",
    EarlierCompletionTaken = "earlier_completion_taken": "a completion that comes again counts for the command that has its place now",
    NoCloseOnTimeout = "no_close_on_timeout": "what had no answer in time is sent again while its first copy is still on its way",
    AbandonedRequestForgotten = "abandoned_request_forgotten": "a request that nobody waits for any more needs no answer",
    MarksLostAtBoot = "marks_lost_at_boot": "a target forgets the marks on its disk when it boots",
    ActBeforePersist = "act_before_persist": "the manager has an epoch registered and granted before it is on its disk",
    GrantBeforeAllRegistered = "grant_before_all_registered": "the owner is granted an epoch as soon as one leg has registered it",
    DropLastLeg = "drop_last_leg": "the last leg in sync is given up",
    PromoteRebuiltLeg = "promote_rebuilt_leg": "a leg that is being rebuilt is promoted when no other is left",
    RejoinWithoutRebuild = "rejoin_as_RW_without_rebuild": "a leg that comes back is in sync at once",
    EqualGenerationMeansEqualData = "equal_generation_means_equal_data": "a leg that comes back is in sync at once if its generation is the one on record",
    NewerLegTrusted = "newer_leg_trusted": "a manager whose database went back takes legs of later epochs for its own",
    DecidesUnheard = "decides_unheard": "a manager that boots decides before its disks have shown what they know",
    ForeignDiskTaken = "foreign_disk_taken": "a disk that shows the superblock of another leg is overwritten as if it were blank",
    RebuiltDiskNotHeldTo = "rebuilt_disk_not_held_to": "a leg that is rebuilt in whole may be on any disk, or image of it, when its epoch is registered again",
    UnreadDiskTaken = "unread_disk_taken": "a disk that nobody has read yet is taken for the one that its leg was on",
    OldDiskTrusted = "old_disk_trusted": "a disk that went back to an older image of itself is taken for the one that was away",
    SpareInSyncAtOnce = "spare_in_sync_at_once": "a leg that is given a spare is in sync before anything is copied",
    ResyncIgnoresOwnMarks = "resync_ignores_own_marks": "a returning leg is brought up to date only where the others are marked",
    RebuildIgnoresAppWrite = "rebuild_ignores_app_write": "a region is copied while applications write it",
    RebuildPlanSurvivesDeath = "rebuild_plan_survives_death": "a leg that dies again goes on with the plan of its earlier rebuild",
    ResumePastDurable = "resume_past_durable": "a rebuild is noted as done where its copies are still in a volatile cache",
    DropBadSectorOnRebuild = "drop_bad_sector_on_rebuild": "a block that cannot be read is left out of the rebuild",
    ReadFromRebuiltLeg = "read_from_W_segment": "a leg that is being rebuilt is read",
    ReadDuringWrite = "read_during_write": "a read does not wait for the writes under way on its blocks",
    ReadBeforeRecovery = "read_before_recovery": "a volume is read before what its last owner left different is made equal",
    NoRecoveryAfterOwnerDeath = "no_recovery_after_owner_death": "what a dead owner left different stays so",
    CaretakerLeavesNothing = "caretaker_leaves_nothing": "a volume that is taken from a target which sees to it counts as recovered",
    RecoveryCopiesNothing = "recovery_copies_nothing": "regions count as made equal without having been copied",
    LeftDivergentForgotten = "left_divergent_forgotten": "a write that not all legs have leaves nothing to be made equal",
    RepairWithoutLock = "repair_without_lock": "a bad copy is rewritten while applications write it",
    PoisonInsteadOfRepair = "poison_instead_of_repair": "a block that one leg has lost is given up on all",
    ReferenceTagIgnored = "reference_tag_ignored": "a block that was read counts as the right one though its reference tag is another's",
    SlowLegTakenBack = "slow_leg_taken_back": "a leg that was given up for being slow comes back as slow as it was",
    AnswerBeforeVerifying = "answer_before_verifying": "a write is answered before the disk has shown that it holds it",
    RewriteNotVerified = "rewrite_not_verified": "a write that was missing is done again, and nobody looks whether it is there now",
    MetadataNotVerified = "metadata_not_verified": "a leg's metadata counts as written though the disk has not shown it",
    SkipRowJournal = "skip_row_journal": "a row is written in place without having been entered in the stripe journal",
    RowJournalOnOneLeg = "row_journal_on_one_leg": "a row is entered in the stripe journal of one leg only",
    NoRowReplay = "no_row_replay": "a new owner does not finish the rows that the one before had begun",
    TornEntryTrusted = "torn_entry_trusted": "an entry of the stripe journal that was cut short is taken for whole",
    TornEntryUncoversOlder = "torn_entry_uncovers_older": "where the newest entry of a slot was cut short, an older one is finished again",
    SlotsNotCleared = "slots_not_cleared": "a leg comes back into sync with what it had in its slots of the stripe journal",
    RowsShareSlot = "rows_share_slot": "two rows are written by way of one slot of the stripe journal at a time",
    ParityFromUnreadBlock = "parity_from_unread_block": "parity is brought up to date from an old block that could not be read, as if it were zeroes",
    ParityForgetsMissingLeg = "parity_forgets_missing_leg": "parity leaves out what is written to a leg that is away",
    ComputeFromRebuiltLeg = "compute_from_W_segment": "what a leg does not give is computed from one that is being rebuilt",
    SwallowSplitError = "swallow_split_error": "a write that goes to the disk in parts succeeds if the last of them does",
    RetryDnrForever = "retry_dnr_forever": "a command is tried again for ever though its status forbids it",
    LeakLockOnFailure = "leak_lock_on_failure": "the lock of a write that fails is never released",
    MemoryBeforeCommit = "memory_before_commit": "the controller takes a change for made before the database has committed it",
    AnswerBeforeCommit = "answer_before_commit": "a call is answered before the database has committed what it changes",
    DoubtMeansUndone = "doubt_means_undone": "a commit of which nobody knows whether it was done counts as not done",
    CallsForgottenWhileAway = "calls_forgotten_while_away": "calls that come while the database is away are never answered",
    DeletedStaysDeployed = "deleted_stays_deployed": "a target is not told of resources that it is to have no longer",
    CommitWithoutFlush = "commit_without_flush": "the database acknowledges a commit that is in its disk's volatile cache only",
    CommitKeptInMemory = "commit_kept_in_memory": "the database acknowledges a commit that it writes together with the next one",
    ConnectorDiesOnFailedRebind = "connector_dies_on_failed_rebind": "a connector that cannot listen again at once never tries again",
    StopOutlivesStart = "stop_outlives_start": "a connector that was stopped does not notice that it is started again",
    OneAddressKnown = "one_address_known": "a node knows one address of one manager",
    PromoteWithoutQuorum = "promote_without_quorum": "a leader takes for agreed on what only it has in its log",
    VotesBeforeStored = "votes_before_stored": "a manager answers in an election before what it has promised is on its disk",
    UnfencedController = "unfenced_controller": "the database does what a controller asks that another one has taken over from",
    VotesAfterAmnesia = "votes_after_amnesia": "a manager whose disk is blank takes part in elections as if it had never promised anything",
    LineBeforeReport = "line_before_report": "the log names the report of an error before the report is on the disk",
    OneHungResourceBlocksAll = "one_hung_resource_blocks_all": "a satellite brings its resources about one after the other",
    NoOutputCap = "no_output_cap": "a satellite keeps all that an external program writes",
    NoKillLadder = "no_kill_ladder": "a satellite waits for an external program for as long as it takes",
    OpenWaitedForAlways = "open_waited_for_always": "a satellite waits for a device file to open for as long as it takes",
    OverdueMeansDone = "overdue_means_done": "an external program that had to be ended counts as having done what it was to do",
    RetriesShared = "retries_shared": "a resource that fails puts off all others of its satellite",
    StreamNotRestarted = "stream_not_restarted": "an event stream that is over is not started again",
    FailureNotReported = "failure_not_reported": "a satellite tries again what failed, and reports nothing",
}

impl Bug {
    /// The bug of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|bug| bug.name() == name)
    }

    #[cfg(feature = "planted-bugs")]
    const fn bit(self) -> u128 {
        1 << self as u32
    }
}

/// Whether this build can plant bugs.
pub const CAN_PLANT: bool = cfg!(feature = "planted-bugs");

#[cfg(feature = "planted-bugs")]
thread_local! {
    /// The bugs of the simulation that runs on this thread. A simulation has a thread of its own.
    static PLANTED: std::cell::Cell<u128> = const { std::cell::Cell::new(0) };
    /// Those of them that it came upon, planted or not.
    static MET: std::cell::Cell<u128> = const { std::cell::Cell::new(0) };
}

/// Plants these bugs, and no others, into the simulation that runs on this thread.
#[cfg(feature = "planted-bugs")]
pub fn plant(bugs: impl IntoIterator<Item = Bug>) {
    PLANTED.set(bugs.into_iter().fold(0, |planted, bug| planted | bug.bit()));
    MET.set(0);
}

/// Plants nothing: this build cannot.
#[cfg(not(feature = "planted-bugs"))]
pub fn plant(bugs: impl IntoIterator<Item = Bug>) {
    let none = bugs.into_iter().next().is_none();
    assert!(none, "a scenario that plants bugs is refused by a build that cannot");
}

/// Whether this bug is planted in the simulation that runs on this thread.
#[cfg(feature = "planted-bugs")]
#[must_use]
pub fn is_planted(bug: Bug) -> bool {
    MET.set(MET.get() | bug.bit());
    PLANTED.get() & bug.bit() != 0
}

/// The bugs whose places the simulation on this thread came to since bugs were planted. One that never came to a
/// bug's place goes the same way whether that is planted or not.
#[cfg(feature = "planted-bugs")]
#[must_use]
pub fn met() -> Vec<Bug> {
    let met = MET.get();
    Bug::ALL.iter().copied().filter(|bug| met & bug.bit() != 0).collect()
}

/// The bugs whose places the simulation on this thread came to: none, in this build.
#[cfg(not(feature = "planted-bugs"))]
#[must_use]
pub fn met() -> Vec<Bug> {
    Vec::new()
}

/// Whether this bug is planted: never, in this build.
#[cfg(not(feature = "planted-bugs"))]
#[must_use]
#[inline(always)]
pub const fn is_planted(bug: Bug) -> bool {
    let _ = bug;
    false
}

/// Whether a bug is planted in this simulation, as `planted!(NoWriteLock)`.
#[macro_export]
macro_rules! planted {
    ($bug:ident) => {
        $crate::base::is_planted($crate::base::Bug::$bug)
    };
}
pub use planted;

#[cfg(test)]
mod tests {
    use super::{Bug, is_planted, plant};

    #[test]
    fn names_are_told_apart_and_fit_a_word() {
        for (at, bug) in Bug::ALL.iter().enumerate() {
            assert_eq!(Bug::of_name(bug.name()), Some(*bug));
            assert_eq!(*bug as usize, at);
        }
        assert!(Bug::ALL.len() <= 128);
        assert_eq!(Bug::of_name("no_such_bug"), None);
    }

    #[test]
    fn nothing_is_planted_unasked() {
        plant([]);
        assert!(Bug::ALL.iter().all(|bug| !is_planted(*bug)));
    }

    #[cfg(feature = "planted-bugs")]
    #[test]
    fn what_is_planted_stays_until_something_else_is() {
        plant([Bug::NoWriteLock, Bug::DropLastLeg]);
        let planted: Vec<Bug> = Bug::ALL.iter().copied().filter(|bug| is_planted(*bug)).collect();
        assert_eq!(planted, [Bug::NoWriteLock, Bug::DropLastLeg]);
        plant([]);
        assert!(!is_planted(Bug::NoWriteLock));
    }

    #[cfg(feature = "planted-bugs")]
    #[test]
    fn what_was_asked_after_is_known_until_something_else_is_planted() {
        plant([Bug::DropLastLeg]);
        assert!(!is_planted(Bug::NoWriteLock));
        assert!(is_planted(Bug::DropLastLeg));
        assert_eq!(super::met(), [Bug::NoWriteLock, Bug::DropLastLeg]);
        plant([]);
        assert_eq!(super::met(), []);
    }
}
