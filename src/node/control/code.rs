//! Return codes: what became of a call, in one number whose bits say how bad, which operation, on which kind of
//! object, and what exactly. Words no message.

use std::fmt;

crate::word_enum! {
    /// How bad it is.
    pub enum Severity {
        /// It was done.
        Success = "success",
        /// Something worth knowing.
        Info = "info",
        /// It was done, but.
        Warning = "warning",
        /// It was not done.
        Error = "error",
    }
}

impl Severity {
    const fn bits(self) -> u64 {
        match self {
            Self::Success => 0,
            Self::Info => 0x4000_0000_0000_0000,
            Self::Warning => 0x8000_0000_0000_0000,
            Self::Error => 0xC000_0000_0000_0000,
        }
    }
}

crate::word_enum! {
    /// What was asked for.
    pub enum Operation {
        /// To look.
        Query = "query",
        /// To make something.
        Create = "create",
        /// To change something.
        Modify = "modify",
        /// To do away with something.
        Delete = "delete",
    }
}

crate::word_enum! {
    /// What kind of object it is about.
    pub enum ObjectKind {
        /// None in particular.
        None = "none",
        /// A snapshot.
        Snapshot = "snapshot",
        /// The controller's own configuration.
        ControllerConfig = "controller configuration",
        /// A storage pool.
        StoragePool = "storage pool",
        /// The definition of a storage pool.
        StoragePoolDefinition = "storage pool definition",
        /// A network interface.
        NetInterface = "network interface",
        /// A volume of a resource.
        Volume = "volume",
        /// The definition of a volume.
        VolumeDefinition = "volume definition",
        /// A resource on a node.
        Resource = "resource",
        /// The definition of a resource.
        ResourceDefinition = "resource definition",
        /// A node.
        Node = "node",
    }
}

impl ObjectKind {
    const fn bits(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Snapshot => 0x0C_0000,
            Self::ControllerConfig => 0x10_0000,
            Self::StoragePool => 0x14_0000,
            Self::StoragePoolDefinition => 0x18_0000,
            Self::NetInterface => 0x1C_0000,
            Self::Volume => 0x2C_0000,
            Self::VolumeDefinition => 0x30_0000,
            Self::Resource => 0x34_0000,
            Self::ResourceDefinition => 0x38_0000,
            Self::Node => 0x3C_0000,
        }
    }
}

macro_rules! details {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal;)*) => {
        /// What became of it, exactly. Each has a number of its own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Detail { $($(#[$doc])* $variant = $code),* }

        impl Detail {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name that a scenario uses.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

details! {
    /// It is there now.
    Created = 1, "created";
    /// It is gone.
    Deleted = 2, "deleted";
    /// It is another now.
    Modified = 3, "modified";
    /// The database did not do it, or cannot be reached.
    Database = 100, "database";
    /// Whether the database did it is not known yet.
    DatabaseInDoubt = 101, "database-in-doubt";
    /// No valid name of a node.
    InvalidNodeName = 200, "invalid-node-name";
    /// No type of node.
    InvalidNodeType = 201, "invalid-node-type";
    /// No valid name of a resource.
    InvalidResourceName = 202, "invalid-resource-name";
    /// No valid port.
    InvalidPort = 203, "invalid-port";
    /// No valid number of a volume.
    InvalidVolumeNumber = 205, "invalid-volume-number";
    /// No valid size of a volume.
    InvalidVolumeSize = 206, "invalid-volume-size";
    /// No valid name of a storage pool.
    InvalidStoragePoolName = 208, "invalid-storage-pool-name";
    /// There is no such node.
    NoNode = 300, "no-node";
    /// There is no such resource definition.
    NoResourceDefinition = 301, "no-resource-definition";
    /// There is no such resource.
    NoResource = 302, "no-resource";
    /// There is no such volume definition.
    NoVolumeDefinition = 303, "no-volume-definition";
    /// There is no such storage pool.
    NoStoragePool = 310, "no-storage-pool";
    /// There is such a node already.
    NodeExists = 500, "node-exists";
    /// There is such a resource definition already.
    ResourceDefinitionExists = 501, "resource-definition-exists";
    /// There is such a resource already.
    ResourceExists = 502, "resource-exists";
    /// There is such a volume definition already.
    VolumeDefinitionExists = 503, "volume-definition-exists";
    /// There is such a storage pool already.
    StoragePoolExists = 510, "storage-pool-exists";
    /// A parameter is missing, or two say different things.
    MissingParameter = 600, "missing-parameter";
    /// All volume numbers of the definition are taken.
    NoVolumeNumberLeft = 800, "no-volume-number-left";
    /// All minor numbers are taken.
    NoMinorLeft = 801, "no-minor-left";
    /// All ports that are given out are taken.
    NoPortLeft = 802, "no-port-left";
    /// All node ids of the resource are taken.
    NoReplicaIdLeft = 803, "no-node-id-left";
    /// There is not enough room.
    NoSpace = 980, "no-space";
    /// An external program failed.
    ProgramFailed = 981, "program-failed";
    /// An external program did not end in time, and was ended.
    ProgramOverdue = 982, "program-overdue";
    /// Not even SIGKILL ends an external program.
    KernelMalfunction = 983, "kernel-malfunction";
    /// An external program wrote more than is read.
    OutputTooLarge = 984, "output-too-large";
    /// What an external program wrote is not to be understood.
    OutputUnreadable = 985, "output-unreadable";
    /// A device file does not appear, or is not what it is to be.
    NoDevice = 986, "no-device";
    /// A device file does not open.
    OpenBlocked = 987, "open-blocked";
    /// The event stream is over.
    StreamLost = 988, "event-stream-lost";
    /// There is not enough memory.
    NoMemory = 989, "no-memory";
    /// No such number of replicas.
    ReplicaCount = 991, "replica-count";
    /// There are not enough nodes with room.
    NotEnoughNodes = 996, "not-enough-nodes";
    /// Something needs it.
    InUse = 997, "in-use";
    /// The controller is in a state that it must not be in.
    Implementation = 999, "implementation";
    /// What is told may be out of date.
    Outdated = 1001, "outdated";
    /// Of these there are none.
    Nothing = 10_001, "nothing";
    /// One that there is.
    Listed = 10_002, "listed";
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReturnCode {
    /// How bad it is.
    pub severity: Severity,
    /// What was asked for.
    pub operation: Operation,
    /// What kind of object it is about.
    pub object: ObjectKind,
    /// What exactly.
    pub detail: Detail,
}

const OPERATION_SHIFT: u32 = 24;
const DETAIL_MASK: u64 = 0x7FFF;
const OBJECT_MASK: u64 = 0x7C_0000;
const SEVERITY_MASK: u64 = 0xC000_0000_0000_0000;

impl ReturnCode {
    /// As one number, which is negative for warnings and errors.
    #[must_use]
    pub const fn number(self) -> i64 {
        let operation = (self.operation as u64) << OPERATION_SHIFT;
        let detail = self.detail as u64;
        (self.severity.bits() | operation | self.object.bits() | detail) as i64
    }

    /// What a number says; none if it is no code of ours.
    #[must_use]
    pub fn of_number(number: i64) -> Option<Self> {
        let bits = number as u64;
        let operation = Operation::ALL[(bits >> OPERATION_SHIFT & 3) as usize];
        let severity = *Severity::ALL.iter().find(|it| it.bits() == bits & SEVERITY_MASK)?;
        let object = *ObjectKind::ALL.iter().find(|it| it.bits() == bits & OBJECT_MASK)?;
        let detail = *Detail::ALL.iter().find(|it| **it as u64 == bits & DETAIL_MASK)?;
        let code = Self { severity, operation, object, detail };
        (code.number() == number).then_some(code)
    }

    /// Whether it was not done.
    #[must_use]
    pub const fn is_error(self) -> bool {
        matches!(self.severity, Severity::Error)
    }

    /// How HTTP says it.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match (self.severity, self.detail as u16, self.operation) {
            (Severity::Error, 300..=399, _) => 404,
            (Severity::Error, 400..=499, _) => 403,
            (Severity::Error, _, _) => 500,
            (_, _, Operation::Create) => 201,
            _ => 200,
        }
    }
}

impl fmt::Display for ReturnCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, operation, object, detail } = self;
        write!(f, "{severity}: {operation} {object}: {}", detail.name())
    }
}

#[cfg(test)]
mod tests {
    use super::{Detail, ObjectKind, Operation, ReturnCode, Severity};

    #[test]
    fn the_bits_are_where_they_are_to_be() {
        let code = |severity, operation, object, detail| {
            ReturnCode { severity, operation, object, detail }.number() as u64
        };
        let created = code(Severity::Success, Operation::Create, ObjectKind::Node, Detail::Created);
        assert_eq!(created, 0x013C_0001);
        let exists = Detail::ResourceDefinitionExists;
        let code = code(Severity::Error, Operation::Create, ObjectKind::ResourceDefinition, exists);
        assert_eq!(code, 0xC000_0000_0138_01F5);
    }

    #[test]
    fn every_code_reads_back_and_no_two_are_the_same() {
        let mut seen = std::collections::BTreeSet::new();
        for severity in Severity::ALL {
            for operation in Operation::ALL {
                for object in ObjectKind::ALL {
                    for detail in Detail::ALL {
                        let (severity, operation) = (*severity, *operation);
                        let (object, detail) = (*object, *detail);
                        let code = ReturnCode { severity, operation, object, detail };
                        assert_eq!(ReturnCode::of_number(code.number()), Some(code));
                        assert!(seen.insert(code.number()), "{code} is another one, too");
                    }
                }
            }
        }
        assert_eq!(ReturnCode::of_number(0), None);
        assert_eq!(ReturnCode::of_number(0x8000), None);
    }

    #[test]
    fn http_is_told_as_much_as_it_understands() {
        let (operation, object) = (Operation::Delete, ObjectKind::Node);
        let of =
            |severity, detail| ReturnCode { severity, operation, object, detail }.http_status();
        assert_eq!(of(Severity::Error, Detail::NoNode), 404);
        assert_eq!(of(Severity::Error, Detail::InUse), 500);
        assert_eq!(of(Severity::Success, Detail::Deleted), 200);
    }
}
