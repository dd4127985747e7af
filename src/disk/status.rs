//! NVMe status codes, as the base specification and the NVM command set number them. Decides no retry.

/// Command Retry Delay, in the status field.
pub const CRD: u16 = 0x1800;
/// More: the error log has an entry about this command.
pub const MORE: u16 = 0x2000;
/// Do Not Retry.
pub const DNR: u16 = 0x4000;

crate::word_enum! {
    /// How a command ended.
    ///
    /// An error says nothing of whether a write was executed: a device may fail after it has
    /// written. Whoever gets one must take the blocks to hold either content.
    pub enum Status {
        /// Done.
        Success = "success",
        /// 0.04: the data did not get through.
        DataTransferError = "data-transfer-error",
        /// 0.05: aborted because power was lost.
        PowerLoss = "power-loss",
        /// 0.06: the device failed within.
        Internal = "internal",
        /// 0.07: aborted on request.
        AbortRequested = "abort-requested",
        /// 0.08: aborted because its queue was deleted.
        AbortQueue = "abort-queue",
        /// 0.0B: there is no such namespace (any more).
        InvalidNamespace = "invalid-namespace",
        /// 0.20: the namespace is write protected.
        NamespaceWriteProtected = "namespace-write-protected",
        /// 0.21: interrupted; to be tried again.
        CommandInterrupted = "command-interrupted",
        /// 0.22: the transport failed for a moment.
        TransientTransport = "transient-transport",
        /// 0.80: blocks beyond the end of the namespace, or none at all.
        LbaRange = "lba-range",
        /// 0.81: no space left on a thin namespace.
        CapacityExceeded = "capacity-exceeded",
        /// 0.82: the namespace isn't ready yet.
        NamespaceNotReady = "namespace-not-ready",
        /// 0.83: another host holds a reservation.
        ReservationConflict = "reservation-conflict",
        /// 0.84: the namespace is being formatted.
        FormatInProgress = "format-in-progress",
        /// 2.80: the medium did not take the write.
        WriteFault = "write-fault",
        /// 2.81: the medium could not be read.
        UnrecoveredRead = "unrecovered-read",
        /// 2.82: the end-to-end guard does not match.
        GuardCheck = "guard-check",
        /// 2.83: the end-to-end application tag does not match.
        AppTagCheck = "app-tag-check",
        /// 2.84: the end-to-end reference tag does not match.
        RefTagCheck = "ref-tag-check",
        /// 2.85: a compare found other data.
        CompareFailure = "compare-failure",
        /// 2.86: access denied.
        AccessDenied = "access-denied",
        /// 2.87: a block was never written, or was deallocated.
        UnwrittenBlock = "unwritten-block",
        /// 3.02: the namespace cannot be reached through this controller.
        AnaInaccessible = "ana-inaccessible",
        /// 3.60: the path failed in the controller.
        CtrlPath = "ctrl-path",
        /// 3.70: the path failed on the host's side.
        HostPath = "host-path",
        /// 3.71: the host gave the command up.
        AbortedByHost = "aborted-by-host",
        /// 0.02: a field of the command is not supported, such as a transfer that is too long.
        InvalidField = "invalid-field",
        /// 1.80: attributes of the command contradict each other, such as its protection information.
        ConflictingAttributes = "conflicting-attributes",
        /// 1.82: the blocks, or all of them, are read-only.
        ReadOnlyRange = "read-only-range",
    }
}

impl Status {
    /// Status code type and status code, as in the completion queue entry.
    #[must_use]
    pub const fn code(self) -> (u8, u8) {
        match self {
            Self::Success => (0, 0x00),
            Self::InvalidField => (0, 0x02),
            Self::DataTransferError => (0, 0x04),
            Self::PowerLoss => (0, 0x05),
            Self::Internal => (0, 0x06),
            Self::AbortRequested => (0, 0x07),
            Self::AbortQueue => (0, 0x08),
            Self::InvalidNamespace => (0, 0x0b),
            Self::NamespaceWriteProtected => (0, 0x20),
            Self::CommandInterrupted => (0, 0x21),
            Self::TransientTransport => (0, 0x22),
            Self::LbaRange => (0, 0x80),
            Self::CapacityExceeded => (0, 0x81),
            Self::NamespaceNotReady => (0, 0x82),
            Self::ReservationConflict => (0, 0x83),
            Self::FormatInProgress => (0, 0x84),
            Self::ConflictingAttributes => (1, 0x80),
            Self::ReadOnlyRange => (1, 0x82),
            Self::WriteFault => (2, 0x80),
            Self::UnrecoveredRead => (2, 0x81),
            Self::GuardCheck => (2, 0x82),
            Self::AppTagCheck => (2, 0x83),
            Self::RefTagCheck => (2, 0x84),
            Self::CompareFailure => (2, 0x85),
            Self::AccessDenied => (2, 0x86),
            Self::UnwrittenBlock => (2, 0x87),
            Self::AnaInaccessible => (3, 0x02),
            Self::CtrlPath => (3, 0x60),
            Self::HostPath => (3, 0x70),
            Self::AbortedByHost => (3, 0x71),
        }
    }

    /// Whether the device sets Do Not Retry: the same command would end the same way again.
    #[must_use]
    pub const fn dnr(self) -> bool {
        match self {
            Self::InvalidField
            | Self::InvalidNamespace
            | Self::NamespaceWriteProtected
            | Self::LbaRange
            | Self::ReservationConflict
            | Self::ConflictingAttributes
            | Self::ReadOnlyRange
            | Self::UnrecoveredRead
            | Self::GuardCheck
            | Self::AppTagCheck
            | Self::RefTagCheck
            | Self::CompareFailure
            | Self::AccessDenied
            | Self::UnwrittenBlock => true,
            Self::Success
            | Self::DataTransferError
            | Self::PowerLoss
            | Self::Internal
            | Self::AbortRequested
            | Self::AbortQueue
            | Self::CommandInterrupted
            | Self::TransientTransport
            | Self::CapacityExceeded
            | Self::NamespaceNotReady
            | Self::FormatInProgress
            | Self::WriteFault
            | Self::AnaInaccessible
            | Self::CtrlPath
            | Self::HostPath
            | Self::AbortedByHost => false,
        }
    }

    /// Which of the controller's retry delays a host should wait out before it tries again (CRD); 0 for
    /// none.
    #[must_use]
    pub const fn crd(self) -> u8 {
        match self {
            Self::CommandInterrupted => 1,
            Self::NamespaceNotReady | Self::FormatInProgress => 2,
            _ => 0,
        }
    }

    /// The status field of a completion queue entry: status code, code type, retry delay, More (the
    /// error log has more) and Do Not Retry.
    #[must_use]
    pub const fn word(self) -> u16 {
        let (code_type, code) = self.code();
        let more = if self.is_media() { MORE } else { 0 };
        let dnr = if self.dnr() { DNR } else { 0 };
        (code_type as u16) << 8
            | code as u16
            | (self.crd() as u16) << CRD.trailing_zeros()
            | more
            | dnr
    }

    /// Whether the device found that a block is not the one that was written there: its protection
    /// information does not fit.
    #[must_use]
    pub const fn is_protection(self) -> bool {
        matches!(self, Self::GuardCheck | Self::AppTagCheck | Self::RefTagCheck)
    }

    /// Whether a read failed because this copy of a block is lost: another copy should be read and
    /// this one rewritten.
    #[must_use]
    pub const fn is_unreadable(self) -> bool {
        matches!(self, Self::UnrecoveredRead) || self.is_protection()
    }

    /// Whether the medium itself is at fault: another copy should be read, or this one rewritten.
    #[must_use]
    pub const fn is_media(self) -> bool {
        matches!(self.code(), (2, _))
    }

    /// Whether the way to the device is at fault, not the device.
    #[must_use]
    pub const fn is_path(self) -> bool {
        matches!(self.code(), (3, _))
    }

    /// Whether nobody knows if a command that ended so was executed: something outside ended it, or its answer got
    /// lost on the way.
    #[must_use]
    pub const fn is_in_doubt(self) -> bool {
        matches!(self, Self::PowerLoss | Self::AbortRequested | Self::AbortQueue) || self.is_path()
    }

    /// Whether the command succeeded.
    #[must_use]
    pub const fn is_ok(self) -> bool {
        matches!(self, Self::Success)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Status;

    #[test]
    fn no_two_statuses_share_a_code_or_a_name() {
        let codes: BTreeSet<(u8, u8)> = Status::ALL.iter().map(|status| status.code()).collect();
        let names: BTreeSet<&str> = Status::ALL.iter().map(|status| status.name()).collect();
        assert_eq!(codes.len(), Status::ALL.len());
        assert_eq!(names.len(), Status::ALL.len());
    }

    #[test]
    fn the_code_type_says_what_is_at_fault() {
        assert!(Status::UnrecoveredRead.is_media() && Status::UnrecoveredRead.dnr());
        assert!(Status::HostPath.is_path() && !Status::HostPath.dnr());
        assert!(!Status::Internal.is_media() && !Status::Internal.is_path());
        assert!(Status::HostPath.is_in_doubt() && Status::AbortQueue.is_in_doubt());
        assert!(!Status::WriteFault.is_in_doubt() && !Status::Success.is_in_doubt());
        assert!(Status::Success.is_ok() && !Status::Success.dnr());
    }

    #[test]
    fn the_status_field_is_laid_out_as_specified() {
        assert_eq!(Status::Success.word(), 0);
        assert_eq!(Status::UnrecoveredRead.word(), 0x4000 | 0x2000 | 0x0281);
        assert_eq!(Status::CommandInterrupted.word(), 0x0800 | 0x21);
        assert_eq!(Status::NamespaceNotReady.word(), 0x1000 | 0x82);
        assert_eq!(Status::HostPath.word(), 0x0370);
        assert_eq!(Status::ReadOnlyRange.word(), 0x4000 | 0x0182);
    }

    #[test]
    fn a_copy_is_unreadable_when_its_medium_or_its_protection_says_so() {
        let unreadable: Vec<&str> = Status::ALL
            .iter()
            .filter(|status| status.is_unreadable())
            .map(|status| status.name())
            .collect();
        let names = ["unrecovered-read", "guard-check", "app-tag-check", "ref-tag-check"];
        assert_eq!(unreadable, names);
    }
}
