//! One load side by side on stormglass and on its peers, taking turns in one process.
//!
//! 1 client with 16 writes of 4 KiB in flight, 6 targets; each write goes to two of them and is done
//! when both have replied. Rates are per second of CPU time, so that what else the machine does matters
//! little; the median of the repetitions counts.

mod fabric;
#[path = "../host.rs"]
mod host;
mod madsim_net;
mod measured;
mod stormglass;
mod table;
mod turmoil_net;

use host::peak_memory;
use measured::{Measured, median};
use table::{Row, ratio};

const REPETITIONS: u64 = 5;

fn main() {
    let runs: [fn(u64) -> Measured; 7] = [
        stormglass::stormglass,
        stormglass::io_in_the_air,
        fabric::fabric,
        madsim_net::madsim,
        turmoil_net::turmoil,
        madsim_net::bare,
        turmoil_net::bare,
    ];
    let mut measured: [Vec<Measured>; 7] = Default::default();
    // Ours run first: what the process has needed until the first peer starts is theirs.
    let mut memory = 0;
    for seed in 1..=REPETITIONS {
        for (at, run) in runs.iter().enumerate() {
            measured[at].push(run(seed));
            if seed == 1 && at < 3 {
                memory = peak_memory();
            }
        }
    }
    let [ours, in_the_air, fabric, madsim, turmoil, bare_madsim, bare_turmoil] =
        measured.map(median);
    table::print(&[
        Row { name: "stormglass, RAID 1 and all checks", measured: ours },
        Row { name: "stormglass, kernel and network", measured: fabric },
        Row { name: "madsim, Endpoint and disk time", measured: madsim },
        Row { name: "turmoil, UDP and disk time", measured: turmoil },
        Row { name: "madsim, bare Endpoint", measured: bare_madsim },
        Row { name: "turmoil, bare UDP", measured: bare_turmoil },
        Row { name: "stormglass, io-in-the-air", measured: in_the_air },
    ]);
    println!("peak memory of stormglass: {memory} KiB");
    let line = serde_json::json!({
        "stormglass": ours.iops(),
        "madsim": madsim.iops(),
        "turmoil": turmoil.iops(),
        "ratio_madsim": ratio(ours.iops(), madsim.iops()),
        "ratio_turmoil": ratio(ours.iops(), turmoil.iops()),
        "io_in_the_air_iops": in_the_air.iops(),
        "io_in_the_air_reboots": in_the_air.reboots_per_second(),
    });
    println!("{line}");
}
