//! How long a satellite and its controller wait for what. Waits for nothing.

use crate::base::Nanos;

/// How long a satellite and its controller wait. All spans are of the node's own monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SatelliteTiming {
    /// Between two heartbeats of the controller.
    pub ping: Nanos,
    /// Without a word for so long, the peer is taken for gone.
    pub dead_after: Nanos,
    /// Between two attempts of the controller to reach a satellite.
    pub reconnect: Nanos,
    /// An external program that has not ended after so long is told to end.
    pub wait: Nanos,
    /// One that was told to end and has not after so long is killed.
    pub terminate: Nanos,
    /// One that was killed and has not ended after so long is given up.
    pub kill: Nanos,
    /// A device file that has not appeared after so long is an error.
    pub device: Nanos,
    /// So is one that has not opened after so long.
    pub open: Nanos,
    /// From the end of an event stream to its next start.
    pub restart: Nanos,
    /// Between two signs of life of an event stream; one that says nothing for five times as long is over.
    pub alive: Nanos,
    /// From a resource's first, second, … failure in a row to its next attempt; the last stands for all after it.
    pub retries: [Nanos; 10],
}

impl SatelliteTiming {
    /// As on real machines.
    pub const REAL: Self = Self {
        ping: Nanos::from_secs(1),
        dead_after: Nanos::from_secs(5),
        reconnect: Nanos::from_secs(10),
        wait: Nanos::from_secs(45),
        terminate: Nanos::from_secs(15),
        kill: Nanos::from_secs(5),
        device: Nanos::from_secs(10),
        open: Nanos::from_secs(10),
        restart: Nanos::from_secs(5),
        alive: Nanos::from_secs(1),
        retries: [
            Nanos::from_secs(15),
            Nanos::from_secs(30),
            Nanos::from_secs(60),
            Nanos::from_secs(2 * 60),
            Nanos::from_secs(5 * 60),
            Nanos::from_secs(10 * 60),
            Nanos::from_secs(30 * 60),
            Nanos::from_secs(60 * 60),
            Nanos::from_secs(4 * 60 * 60),
            Nanos::from_secs(24 * 60 * 60),
        ],
    };

    /// The same, so many times as fast.
    #[must_use]
    pub fn scaled(self, speed: u64) -> Self {
        let scale = |span: Nanos| Nanos::new(span.get() / speed.max(1));
        Self {
            ping: scale(self.ping),
            dead_after: scale(self.dead_after),
            reconnect: scale(self.reconnect),
            wait: scale(self.wait),
            terminate: scale(self.terminate),
            kill: scale(self.kill),
            device: scale(self.device),
            open: scale(self.open),
            restart: scale(self.restart),
            alive: scale(self.alive),
            retries: self.retries.map(scale),
        }
    }

    /// How long an external program is waited for at most.
    #[must_use]
    pub fn box_of_time(&self) -> Nanos {
        self.wait + self.terminate + self.kill
    }
}

impl Default for SatelliteTiming {
    fn default() -> Self {
        Self::REAL
    }
}

#[cfg(test)]
mod tests {
    use super::{Nanos, SatelliteTiming};

    #[test]
    fn spans_are_those_of_real_machines_or_as_many_times_as_fast() {
        let real = SatelliteTiming::default();
        assert_eq!(real.box_of_time(), Nanos::from_secs(65));
        let fast = real.scaled(100);
        assert_eq!(fast.box_of_time(), Nanos::from_millis(650));
        assert_eq!(fast.retries[9], Nanos::from_secs(864));
        assert!(real.retries.is_sorted());
    }
}
