//! The network's knobs. Draws nothing.

use crate::base::Nanos;

use super::rule::transmission;

/// What holds for a whole network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetConfig {
    /// A message's time on the wire: least and most, drawn per message.
    pub latency: (Nanos, Nanos),
    /// What a directed link transmits; above 0.
    pub bandwidth_bits_per_second: u64,
    /// How long after a loss the sender transmits again.
    pub retransmit: Nanos,
    /// Consecutive losses after which a connection breaks; above 0. Also, an end whose peer has not
    /// been heard of for `retransmit` times this breaks, however idle.
    pub retries: u32,
    /// How long a connection attempt waits for an answer.
    pub connect_timeout: Nanos,
    /// Interfaces of each node, each with an address of its own; above 0.
    pub interfaces: u8,
    /// Whether messages carry a checksum, so that one altered on the wire is noticed.
    pub checksum: bool,
}

impl Default for NetConfig {
    fn default() -> Self {
        Self {
            latency: (Nanos::from_micros(5), Nanos::from_micros(20)),
            bandwidth_bits_per_second: 100_000_000_000,
            retransmit: Nanos::from_micros(500),
            retries: 7,
            connect_timeout: Nanos::from_millis(2),
            interfaces: 1,
            checksum: true,
        }
    }
}

impl NetConfig {
    /// How long an end goes without a sign of its peer before it breaks.
    #[must_use]
    pub fn patience(&self) -> Nanos {
        self.retransmit.saturating_mul(u64::from(self.retries))
    }

    pub(super) fn check(&self) {
        assert!(self.latency.0 <= self.latency.1, "a network's least latency is above its most");
        assert!(self.bandwidth_bits_per_second > 0, "a network that transmits nothing");
        assert!(self.interfaces > 0, "a network of nodes without an interface");
        assert!(self.retries > 0, "a network whose connections break before they are tried");
    }

    /// How long a message of `bytes` keeps its link busy.
    pub(super) fn transmission(&self, bytes: u64) -> Nanos {
        transmission(bytes, self.bandwidth_bits_per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::NetConfig;
    use crate::base::Nanos;

    #[test]
    fn a_block_takes_its_time_on_the_link() {
        let config = NetConfig { bandwidth_bits_per_second: 1_000_000_000, ..NetConfig::default() };
        assert_eq!(config.transmission(4096), Nanos::new(32_768));
        assert_eq!(
            config.transmission(1 << 40),
            Nanos::from_millis(8_796_093) + Nanos::new(22_208)
        );
        assert_eq!(config.patience(), Nanos::from_micros(3_500));
    }
}
