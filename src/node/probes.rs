//! The rare paths of the reference cluster that are worth knowing to have been taken, and those that
//! it may be made to take. Takes none.

crate::probes! {
    /// All probes of the reference cluster.
    pub static PROBES = {
        READ_REPAIRED = "client.read-repaired": "a read met a block that a leg had lost, and repaired it from another";
        REPAIR_LEFT = "client.repair-left": "a repair was left to later reads, as its region had changed meanwhile";
        READ_WITHOUT_GRANT = "client.read-without-grant": "a read met a volume that it had no configuration of";
        READ_LOST = "client.read-lost": "a block could not be read from any leg";
        READ_STALE_DISCARDED = "client.read-stale-discarded": "a read's answer came from a leg that had been given up meanwhile";
        READ_ON_OTHER_LEG = "client.read-on-other-leg": "a read failed on one leg and was answered by another";
        LEASE_AWAITED = "client.lease-awaited": "a read had its data and waited for the lease";
        SLOW_LEG_READ_AROUND = "client.slow-leg-read-around": "what a slow leg holds of a coded row was computed from fast ones";
        TOO_FEW_FAST_LEGS = "client.too-few-fast-legs": "a slow leg could not be read around, for others were slow or gone as well";
        SLOW_LEG_REPORTED = "client.slow-leg-reported": "a leg was far slower than its peers for so long that it was to be given up";
        SLOW_LEG_KEPT_OUT = "client.slow-leg-kept-out": "a dead leg could be reached, and was too slow to be asked for";
        WRITE_UNDER_NEW_GRANT = "client.write-under-new-grant": "a write was under way when a new grant came";
        WRITE_ON_DYING_LEG = "client.write-on-dying-leg": "a write had been done by a leg that was then given up";
        WRITE_RETRIED = "client.write-retried": "a write asked a leg again that had failed and was not given up";
        WRITE_GIVEN_UP = "client.write-given-up": "a write was given up, and its connections with it";
        WRITE_LEFT_DIVERGENT = "client.write-left-divergent": "a write ended that not all legs have";
        REQUEST_TIMED_OUT = "client.request-timed-out": "a request had no answer in time";
        ANSWERS_UNREAD = "client.answers-unread": "answers lay unread, because the CPU that was to read them stood still";
        GRANT_OF_OLDER_SESSION = "client.grant-of-older-session": "a client was told what was meant for an earlier session of it";
        GRANT_OF_OLDER_EPOCH = "client.grant-of-older-epoch": "a client was told of a configuration that was over";
        ATTACHED_AGAIN = "client.attached-again": "the manager was asked for a volume once more, for it had not answered";
        CLIENT_STOOD_STILL = "client.stood-still": "the client noticed that it had stood still";
        RECOVERY_FOUND_MARKS = "client.recovery-found-marks": "the owner before left marked regions behind";
        RECOVERY_RACED_IO = "client.recovery-raced-io": "an operation waited for its region to be made equal";
        CARE_ENDED = "client.care-ended": "a target had nothing left to do for a volume that nobody had";
        CARE_TAKEN_AWAY = "client.care-taken-away": "a volume was taken from a target that was seeing to it";
        REBUILD_BY_MARKS = "client.rebuild-by-marks": "a leg was to be rebuilt where it was marked";
        REBUILD_RESUMED = "client.rebuild-resumed": "a rebuild went on under a later grant";
        REBUILD_NOTED = "client.rebuild-noted": "a leg's marks were cleared where it had been rebuilt";
        REBUILD_CUT_SHORT = "client.rebuild-cut-short": "a rebuild could not go on";
        REPLAY_FAILED = "client.replay-failed": "what an owner before had begun could not be finished now";
        PLAN_OVERTAKEN = "client.plan-overtaken": "a leg was no longer to be rebuilt when it came to that";
        REBUILD_OVERTAKEN = "client.rebuild-overtaken": "what a region was to be rebuilt from changed meanwhile";
        REBUILD_NOT_NOTED = "client.rebuild-not-noted": "what had been rebuilt could not be flushed, and its marks stayed";
        REBUILD_LOST_BLOCK = "client.rebuild-lost-block": "a rebuild's source had lost a block for good";
        CACHES_LOST = "client.caches-lost": "an owner was told that all legs in sync had lost their caches";
        SCRUBBED_ALL = "client.scrubbed-all": "all of a volume was read from all legs";
        SCRUB_FOUND_LOST = "client.scrub-found-lost": "scrubbing met a block that no leg could read";
        SCRUB_FOUND_PARITY = "client.scrub-found-parity": "scrubbing met parity that does not fit";
        SCRUB_REPAIRED = "client.scrub-repaired": "a block that a leg had lost was found by scrubbing, and repaired";
        DETACH_NOT_FLUSHED = "client.detach-not-flushed": "a volume that was to be given back could not be flushed, or was in use again";
        FLUSH_BROKE_PROMISE = "client.flush-broke-promise": "a flush failed because what it was to cover may be gone";
        INTENT_CLEARED = "client.intent-cleared": "marks of idle regions were cleared";
        GATHERED_AGAIN = "client.gathered-again": "the legs that could be read changed while a row was being gathered";
        BLOCK_COMPUTED = "client.block-computed": "a read was answered with a block that was computed from other legs";
        LINE_LOST = "client.line-lost": "a row was written some block of which cannot be had any more";
        ROW_WHOLE = "client.row-whole": "lines of a row were written whose parity took no read";
        ROW_RECONSTRUCTED = "client.row-reconstructed": "lines of a row were written whose parity was computed from all data";
        ROW_MODIFIED = "client.row-modified": "lines of a row were written whose parity followed from what it was";
        ROW_SOLVED = "client.row-solved": "lines of a row were written of which all had to be computed first";
        ROW_WRITTEN_AGAIN = "client.row-written-again": "a row was written in place again, as the legs changed meanwhile";
        PARITY_CAME_BACK = "client.parity-came-back": "a leg of parity came back that a row had been written without";
        ROW_REPLAYED = "client.row-replayed": "what an owner before had begun of a row was finished";
        MARKED_FOR_REBUILD = "target.marked-for-rebuild": "a leg that is to be rebuilt in whole marked all of its regions";
        REBUILD_TAKEN_UP = "target.rebuild-taken-up": "a leg that had been rebuilt in part was registered again for the same rebuild in whole";
        TOLD_AGAIN = "target.told-again": "the manager was told of legs once more that it could use and did not";
        ASKED_AGAIN = "target.asked-again": "a registration was asked for again while it was under way";
        REQUEST_AWAITED_MARK = "target.request-awaited-mark": "a write waited until its region was marked on the disk";
        REQUEST_AWAITED_QUEUE = "target.request-awaited-queue": "a request waited for room in its queue";
        EPOCH_REFUSED = "target.epoch-refused": "a request of another epoch was refused";
        MARKS_OF_NOTHING = "target.marks-of-nothing": "marks were asked for of a leg that is not here";
        OUT_OF_RANGE = "target.out-of-range": "a request went beyond its leg";
        CLIENT_RECONNECTED = "target.client-reconnected": "a client came anew while its earlier connection was being served";
        FENCED_IN_FLIGHT = "target.fenced-in-flight": "a leg was fenced while commands of an older epoch were in flight";
        DRAIN_ABORTED = "target.drain-aborted": "commands of an older epoch did not end and were aborted with their sessions";
        REGISTRATION_SUPERSEDED = "target.registration-superseded": "a registration was overtaken by a later one";
        REGISTERED_IN_ANOTHER_LIFE = "target.registered-in-another-life": "a registration came too late: the device had lost its power, or was another";
        METADATA_LOST = "target.metadata-lost": "a leg's bitmap could not be read, and every region counts as marked";
        FOREIGN_DISK_REFUSED = "target.foreign-disk-refused": "a target found a disk that belongs elsewhere, and left it alone";
        METADATA_UNWRITABLE = "target.metadata-unwritable": "a leg's metadata could not be written";
        UNMARK_REFUSED = "target.unmark-refused": "a mark was to be cleared while its region was being written";
        WORD_REFUSED = "node.word-refused": "somebody said what is not theirs to say, and lost the connection";
        MESSAGE_TWICE = "node.message-twice": "a message came that had been there already";
        MESSAGE_MISSING = "node.message-missing": "a message came before its turn, and cost the connection";
        RECORDS_UNWRITABLE = "manager.records-unwritable": "the disk with the manager's records failed";
        COLD_LEG_GIVEN_UP = "manager.cold-leg-given-up": "a leg that had lost its cache was given up, to be brought up to date";
        ALL_LEGS_COLD = "manager.all-legs-cold": "every copy had lost its cache, and what was left had to do";
        COLD_LEG_WAITS = "manager.cold-leg-waits": "legs that had lost their caches waited for one that was given up in vain";
        LEG_TAKEN_BACK = "manager.leg-taken-back": "a leg that was given up in vain was taken back";
        NOBODY_WAS_TOLD = "manager.nobody-was-told": "after a boot, a leg bore witness that the owner was not told that another had been given up";
        SPLIT_BRAIN = "manager.split-brain": "a disk showed a later epoch than the manager's record";
        LEG_COMES_AND_GOES = "manager.leg-comes-and-goes": "a leg was to be given a spare though it is not away for long this time";
        SPARE_GIVEN = "manager.spare-given": "a leg that had been dead for long was given a spare";
        OLD_PLACE_REUSED = "manager.old-place-reused": "a place where a leg had been before served as a spare";
        LAST_LEG_KEPT = "manager.last-leg-kept": "a failed leg was kept because no other could serve";
        MANAGER_STOOD_STILL = "manager.stood-still": "the manager noticed that it had stood still";
        REGISTRATION_UNREAD = "manager.registration-unread": "a registration may have lain unread when its time was over";
        HEARTBEATS_UNREAD = "manager.heartbeats-unread": "heartbeats lay unread, because the CPU that was to read them stood still";
        REGISTRATION_LATE = "manager.registration-late": "a leg did not register in time";
        DECIDED_ANEW = "manager.decided-anew": "a decision was overtaken by another before it was granted";
        CARETAKER_ASKED = "manager.caretaker-asked": "a target was asked to see to a volume that nobody had";
        OWNER_CAME_BACK_LATE = "manager.owner-came-back-late": "a client asked for a volume that others may have had since it was its owner";
        OWNER_TAKEN_OVER = "manager.owner-taken-over": "a client got a volume whose owner had not been heard of";
        ATTACHED_OUT_OF_ORDER = "manager.attached-out-of-order": "an earlier session of the owner was heard after the one on record";
        OWNER_REBORN = "manager.owner-reborn": "an owner came back as another session of itself";
        REBUILD_ALL_ORDERED = "manager.rebuild-all-ordered": "a leg came back that is not, or not as new as, the one on record";
        REGISTERED_ANEW = "manager.registered-anew": "a target had forgotten the epoch, and all were given a new one";
        SAID_TOO_LATE = "manager.said-too-late": "an owner reported a leg under an epoch that was over";
    }
}

crate::buggify_sites! {
    /// All buggify sites of the reference cluster.
    pub static BUGGIFY_SITES = {
        SLOW_REBUILD = "client.slow-rebuild", 1 / 4: "rests for a heartbeat between two regions of a rebuild";
        SKIP_CLEAN = "client.skip-clean", 1 / 4: "leaves marks uncleared for a round";
        SLOW_CONNECT = "client.slow-connect", 1 / 4: "waits for a heartbeat longer before it connects to a target again";
        SLOW_METADATA = "target.slow-metadata", 1 / 10: "waits up to a heartbeat before it writes a leg's metadata";
        SLOW_ACCEPT = "target.slow-accept", 1 / 4: "takes a connection a heartbeat late";
        FAILED_STORE = "manager.failed-store", 1 / 10: "takes a record that it stored for one that it could not, and stores it again";
        SLOW_STORE = "manager.slow-store", 1 / 4: "waits up to a heartbeat before it stores a record";
    }
}
