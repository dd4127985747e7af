//! The records of programs and device files. A volume is numbered in the order in which its machine first heard of it.

use crate::base::{FieldKind, NodeId, Word};

crate::word_enum! {
    /// A program that a machine has.
    pub enum Program {
        /// Makes logical volumes, activates them, does away with them, and lists them.
        VolumeManager = "volume-manager",
        /// Exports devices over NVMe, and takes them back.
        NvmeTarget = "nvme-target",
        /// Says what happens to the machine's device files, a line each, for as long as it runs.
        EventStream = "event-stream",
    }
}

/// Any program, where none is named.
const ANY: u64 = u64::MAX;

impl Word for Option<Program> {
    const KIND: FieldKind = FieldKind::Name(|word| {
        Program::ALL.get(word as usize).map_or("any", |program| program.name())
    });
    fn to_word(self) -> u64 {
        self.map_or(ANY, Word::to_word)
    }
    fn from_word(word: u64) -> Self {
        (word != ANY).then(|| Program::from_word(word))
    }
}

crate::word_enum! {
    /// How a program is told to end.
    pub enum Signal {
        /// SIGTERM: please.
        Term = "term",
        /// SIGKILL: at once.
        Kill = "kill",
    }
}

crate::word_enum! {
    /// What is wrong with programs and device files.
    pub enum TroubleKind {
        /// A program stands still until it is ended.
        Hang = "hang",
        /// A program stands still, and SIGTERM does not end it.
        IgnoreTerm = "ignore-term",
        /// A program stands still in the kernel, and nothing ends it.
        Unkillable = "unkillable",
        /// A program writes far more than it has to say.
        Flood = "flood",
        /// What a program writes is garbage.
        Garble = "garble",
        /// A program fails.
        Exit = "exit",
        /// A program takes longer.
        Slow = "slow",
        /// A device file does not appear.
        DeviceNeverAppears = "device-never-appears",
        /// A device file is gone, and does not come back.
        DeviceDisappears = "device-disappears",
        /// Whoever opens a device file waits.
        OpenBlocks = "open-blocks",
    }
}

crate::record! {
    /// A program starts.
    pub struct ProcessStarted = "process.started", Notable { pid: u32, program: Program, volume: u32 }
}
crate::record! {
    /// A program is over. `code`: as a shell has it, 128 and the signal's number if one ended it.
    pub struct ProcessEnded = "process.ended", Notable { pid: u32, program: Program, code: u8 }
}
crate::record! {
    /// A program is told to end.
    pub struct ProcessSignalled = "process.signalled", Notable { pid: u32, program: Program, signal: Signal }
}
crate::record! {
    /// A program, or whoever waits for a device file, has met what is wrong.
    pub struct ProcessFaulted = "process.faulted", Notable { pid: u32, kind: TroubleKind, fault: u32 }
}
crate::record! {
    /// A device file is there.
    pub struct DeviceSeen = "device.seen", Notable { volume: u32 }
}
crate::record! {
    /// A device file is no longer there.
    pub struct DeviceGone = "device.gone", Notable { volume: u32 }
}
crate::record! {
    /// What was wrong is right again.
    pub struct TroubleLifted = "external.lifted", Notable { node: NodeId, kind: TroubleKind, fault: u32 }
}

/// Defines the records of what the control door does, which all say the same: where, with which programs, with which
/// volume's (0: any), how much, and as which fault.
macro_rules! troubles {
    ($($(#[$doc:meta])* pub struct $type:ident = $name:literal;)*) => {$(
        crate::record! {
            $(#[$doc])*
            pub struct $type = $name, Notable {
                node: NodeId, fault: u32, program: Option<Program>, volume: u32, amount: u64
            }
        }
    )*};
}

troubles! {
    /// Programs stand still until they are ended.
    pub struct ProgramsHang = "external.hang";
    /// Programs stand still, and ignore SIGTERM.
    pub struct ProgramsIgnoreTerm = "external.ignore_term";
    /// Programs stand still, and nothing ends them.
    pub struct ProgramsUnkillable = "external.unkillable";
    /// Programs write so many bytes more.
    pub struct OutputFloods = "external.flood";
    /// Programs write garbage.
    pub struct OutputGarbled = "external.garble";
    /// Programs fail with this code.
    pub struct ProgramsExit = "external.exit";
    /// Programs take so many times as long.
    pub struct ProgramsSlow = "external.slow";
    /// Device files do not appear.
    pub struct DeviceNeverAppears = "external.device_never_appears";
    /// Device files are gone, and do not come back.
    pub struct DeviceFilesVanish = "external.device_disappears";
    /// Whoever opens a device file waits.
    pub struct OpensBlock = "external.open_blocks";
}
