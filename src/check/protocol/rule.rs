//! The rules that the monitor judges, by name. Judges nothing.

crate::word_enum! {
    /// A rule of the mirror protocol that shows in records. The number is that of the rule in
    /// `docs/protocol.md`.
    pub enum Rule {
        /// 1: a decision's epoch is above every one that is in the database.
        EpochGrows = "epoch-not-grown",
        /// 1: nobody registers, acknowledges or is granted an epoch that is not in the database.
        PersistedFirst = "acted-before-persisted",
        /// 1: an epoch is granted only when it is in the database that it may be.
        RecordedFirst = "granted-before-recorded",
        /// 1: an epoch has one owner.
        OneOwner = "two-owners",
        /// 1: an epoch has one configuration.
        OneConfiguration = "two-configurations",
        /// 1: whoever was granted an epoch is granted no older one.
        GrantsGrow = "grant-went-back",
        /// 2: an epoch is granted when every leg that is not dead has registered it.
        RegisteredFirst = "granted-before-registered",
        /// 2: a leg registers no epoch below one that it registered.
        RegistrationsGrow = "registration-went-back",
        /// 3: nothing is written under an epoch that the leg has not registered in this life of its target.
        RegisteredWrite = "unregistered-write",
        /// 1: nothing is written under an epoch that no owner was granted.
        GrantedWrite = "ungranted-write",
        /// 5: nothing is written where the leg's disk is not marked.
        MarkedWrite = "unmarked-write",
        /// 6: a write is acknowledged when every leg that is not dead has it.
        WrittenEverywhere = "acknowledged-early",
        /// 7, 9: a mark of a leg in sync is cleared only while all legs are in sync.
        ClearedInSync = "mark-cleared-early",
        /// 8, 9: a leg that missed something is in sync again when its owner says that it is rebuilt.
        RebuiltFirst = "promoted-unrebuilt",
        /// 9, 13: a leg that is being rebuilt is not read.
        ReadInSync = "read-out-of-sync",
        /// 11: whoever has handed a volume over answers no read of it.
        ReadByOwner = "read-after-handover",
        /// 12: of every group of legs as many are in sync as it takes.
        LastLegStays = "last-leg-dropped",
        /// Managers agree: what one knows to be at a place of the log, no other takes for something else.
        OneLog = "managers-disagree",
    }
}

impl Rule {
    /// The rule, for a report.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::EpochGrows => "a decision's epoch is above every one in the database",
            Self::PersistedFirst => "an epoch is acted on only when it is in the database",
            Self::RecordedFirst => {
                "an epoch is granted only when it is in the database that all legs have registered it"
            }
            Self::OneOwner => "an epoch is granted to the owner that it was decided for",
            Self::OneConfiguration => "an epoch is granted with the modes that were decided on",
            Self::GrantsGrow => "whoever was granted an epoch is granted no older one",
            Self::RegisteredFirst => {
                "an epoch is granted only when every leg that is not dead has registered it"
            }
            Self::RegistrationsGrow => "a leg registers no epoch below one that it registered",
            Self::RegisteredWrite => {
                "a leg is written only under an epoch that it registered in this life of its target"
            }
            Self::GrantedWrite => "a leg is written only under an epoch that an owner was granted",
            Self::MarkedWrite => "a leg is written only where its disk is marked",
            Self::WrittenEverywhere => {
                "a write is acknowledged only when every leg that is not dead has it"
            }
            Self::ClearedInSync => {
                "a mark of a leg in sync is cleared only while all legs are in sync"
            }
            Self::RebuiltFirst => {
                "a leg that missed something is in sync only when its owner said that it is rebuilt"
            }
            Self::ReadInSync => "a leg that is being rebuilt is not read",
            Self::ReadByOwner => "a read is answered only by the volume's owner",
            Self::LastLegStays => "of every group of legs as many stay in sync as it takes",
            Self::OneLog => {
                "what one manager knows to be agreed on, no other takes for something else"
            }
        }
    }
}
