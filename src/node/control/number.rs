//! The numbers that a cluster is configured by: one type a kind, which cannot hold what is out of its range, nor be
//! taken for another. Gives none out.
//!
//! ```compile_fail,E0308
//! use stormglass::node::control::{MinorNumber, VolumeNumber};
//! fn of_volume(_: VolumeNumber) {}
//! of_volume(MinorNumber::new(0).unwrap());
//! ```
//!
//! ```compile_fail,E0423
//! use stormglass::node::control::TcpPort;
//! let port = TcpPort(0);
//! ```
//!
//! ```
//! use stormglass::node::control::VolumeNumber;
//! let wrong = VolumeNumber::new(65_535).unwrap_err();
//! assert_eq!(wrong.to_string(), "Volume number 65535 is out of range [0 - 65534]");
//! ```

use std::fmt;

/// A number that is out of the range of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {found} is out of range [{min} - {max}]")]
pub struct OutOfRange {
    what: &'static str,
    found: u64,
    min: u64,
    max: u64,
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $type:ident($int:ty) = $min:literal to $max:expr, $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $type($int);

        impl $type {
            /// The least.
            pub const MIN: Self = Self($min);
            /// The greatest.
            pub const MAX: Self = Self($max);

            /// The number, if it is in range.
            ///
            /// # Errors
            /// The number with the range that it is out of.
            pub const fn new(number: u64) -> Result<Self, OutOfRange> {
                let (min, max) = ($min as u64, $max as u64);
                if number < min || number > max {
                    return Err(OutOfRange { what: $what, found: number, min, max });
                }
                Ok(Self(number as $int))
            }

            /// The number itself.
            #[must_use]
            pub const fn get(self) -> $int {
                self.0
            }

            /// All of them, from the least on.
            pub fn all() -> impl Iterator<Item = Self> {
                ($min..=$max).map(Self)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    )*};
}

numbers! {
    /// A volume of a resource. 65535 is kept free.
    VolumeNumber(u16) = 0 to 65_534, "Volume number";
    /// Tells the nodes of a resource apart, on the wire and in its metadata.
    ReplicaId(u8) = 0 to 31, "Node id";
    /// The number of a block device.
    MinorNumber(u32) = 0 to 1_048_575, "Minor number";
    /// Where a resource listens.
    TcpPort(u16) = 1 to 65_535, "TCP port";
    /// The size of a volume as its user sees it, in KiB: 4 KiB to 1 PiB.
    VolumeSize(u64) = 4 to 1_u64 << 40, "Volume size (KiB)";
    /// The size of a volume with its metadata, in KiB.
    GrossSize(u64) = 68 to u64::MAX, "Gross volume size (KiB)";
    /// How many peers a replica's metadata has room for.
    PeerCount(u8) = 1 to 31, "Peer count";
}

impl TcpPort {
    /// The ports that are given out where nobody asks for one.
    pub fn automatic() -> impl Iterator<Item = Self> {
        (7000..=7999).map(Self)
    }
}

impl VolumeSize {
    /// With the metadata of a replica: a bit for 4 KiB for each peer, whole pages of it, the activity log of 32 KiB and
    /// a superblock of 4 KiB.
    #[must_use]
    pub fn gross(self, peers: PeerCount) -> GrossSize {
        let bitmap_bytes = self.0.div_ceil(4).div_ceil(8) * u64::from(peers.0);
        let bitmap = bitmap_bytes.div_ceil(4096) * 4;
        GrossSize((self.0 + bitmap + 36).max(GrossSize::MIN.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{GrossSize, MinorNumber, PeerCount, ReplicaId, TcpPort, VolumeNumber, VolumeSize};

    #[test]
    fn ranges_reach_to_their_ends() {
        assert_eq!(VolumeNumber::new(65_534).map(VolumeNumber::get), Ok(65_534));
        assert!(VolumeNumber::new(65_535).is_err());
        assert!(ReplicaId::new(31).is_ok() && ReplicaId::new(32).is_err());
        assert!(MinorNumber::new((1 << 20) - 1).is_ok() && MinorNumber::new(1 << 20).is_err());
        assert!(TcpPort::new(0).is_err() && TcpPort::new(65_535).is_ok());
        assert!(VolumeSize::new(3).is_err() && VolumeSize::new(1 << 40).is_ok());
        assert!(PeerCount::new(0).is_err() && PeerCount::new(31).is_ok());
        let ports: Vec<u16> = TcpPort::automatic().map(TcpPort::get).collect();
        assert_eq!((ports.len(), ports[0], ports[999]), (1000, 7000, 7999));
    }

    #[test]
    fn an_error_says_what_is_out_of_which_range() {
        let error = ReplicaId::new(32).unwrap_err().to_string();
        assert_eq!(error, "Node id 32 is out of range [0 - 31]");
        let error = VolumeSize::new(0).unwrap_err().to_string();
        assert_eq!(error, "Volume size (KiB) 0 is out of range [4 - 1099511627776]");
    }

    #[test]
    fn metadata_grows_with_volume_and_peers() {
        let size = |kib| VolumeSize::new(kib).unwrap();
        let peers = |count| PeerCount::new(count).unwrap();
        assert_eq!(size(4).gross(peers(1)), GrossSize::MIN);
        // 1 GiB: a bitmap of 32 KiB for each peer.
        assert_eq!(size(1 << 20).gross(peers(1)).get(), (1 << 20) + 32 + 36);
        assert_eq!(size(1 << 20).gross(peers(31)).get(), (1 << 20) + 32 * 31 + 36);
    }

    proptest! {
        #[test]
        fn what_is_in_range_is_kept_and_nothing_else_is_taken(number in any::<u64>()) {
            let in_range = number <= 65_534;
            assert_eq!(VolumeNumber::new(number).map(|it| u64::from(it.get())).ok(), in_range.then_some(number));
            let in_range = (4..=1 << 40).contains(&number);
            assert_eq!(VolumeSize::new(number).map(VolumeSize::get).ok(), in_range.then_some(number));
        }
    }
}
