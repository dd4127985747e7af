//! Which plots there are, and which scenarios follow one. Tells none.

use serde_json::{Value, json};

use crate::scenario::Scenario;
use crate::scenario::cluster::Cluster;
use crate::scenario::name::name_enum;

use super::{codes, control, disks, owners, power};
use crate::scenario::generate::cluster::cluster;
use crate::scenario::generate::dice::Dice;
use crate::scenario::generate::profile::Profile;
use crate::scenario::generate::swarm::Swarm;

name_enum! {
    /// What a scenario tells.
    pub(super) enum Plot {
        /// All targets lose their caches while several applications flush.
        CachesLost = "caches-lost",
        /// Targets lose their caches, one after the other.
        CachesInTurn = "caches-in-turn",
        /// What a leg does not take in time, or refuses, while no manager gives it up, for it is away or overlooks the word.
        WithoutManager = "without-manager",
        /// A disk that comes back as it was before it had been away once already.
        OldImage = "old-image",
        /// A target that dies while its leg is rebuilt, and again.
        RebuildCutShort = "rebuild-cut-short",
        /// A disk that is replaced again and again while it is rebuilt, and another leg that has the manager decide.
        ReplacedMeanwhile = "replaced-meanwhile",
        /// A disk that comes back as an older image of itself while it is rebuilt, and its manager boots.
        ImageMeanwhile = "image-meanwhile",
        /// A rebuild whose source can't be read for a while.
        BadSource = "bad-source",
        /// A volume that somebody takes while a target makes its legs equal.
        FromCaretaker = "from-caretaker",
        /// Clients that stand still or are cut off, one after the other, and a volume that goes from one to the next.
        ClientsCutOff = "clients-cut-off",
        /// Leases that run out beside what the next owner writes: by slow clocks, by dates, unheard.
        LeasesEnd = "leases-end",
        /// What earlier lives of a client have said is heard when a CPU of the manager goes on.
        EarlierLives = "earlier-lives",
        /// Writes that fail on all legs, or are refused for good.
        WritesRefused = "writes-refused",
        /// Sectors that go bad under a load, and are rewritten.
        BadSectors = "bad-sectors",
        /// Disks that change places.
        DisksSwapped = "disks-swapped",
        /// Writes that a disk loses, again and again.
        LostWrites = "lost-writes",
        /// Marks that a disk loses, and then the node that had them written.
        LostMarks = "lost-marks",
        /// All power goes again and again while an erasure code's journal is written, between absences of legs.
        TornJournal = "torn-journal",
        /// All power goes again and again while many rows are written, with a leg away now and then.
        ManyRows = "many-rows",
        /// One disk after the other of an erasure code is replaced, and its clients die.
        DisksRenewed = "disks-renewed",
        /// Parts of writes that fail.
        ShortTransfers = "short-transfers",
        /// Programs that nobody here wrote, on a volume that they must find as they left it.
        Programs = "programs",
        /// A disk that is slow for long.
        SlowForLong = "slow-for-long",
        /// Connections that one end forgets, with writes under way on a disk that is slow just then.
        HalfOpen = "half-open",
        /// Messages that come twice, or not at all, with few blocks on slow disks.
        TwiceOrNever = "twice-or-never",
        /// The manager's database goes back to before it gave up a leg.
        DatabaseBack = "database-back",
        /// Managers that are cut off, and one that loses its disk.
        ManagerForgets = "manager-forgets",
        /// A controller that is deposed while its words are on their way to the database.
        Deposed = "deposed",
        /// Commits of which nobody knows whether they were done.
        InDoubt = "in-doubt",
        /// Volumes that are made, and done away with.
        Unmade = "unmade",
        /// Programs that write without end, and an event stream that ends.
        LoudPrograms = "loud-programs",
        /// A resource that can't be brought about, beside others that can.
        ApartFromOthers = "apart-from-others",
    }
}

impl Plot {
    /// Those that are of nothing but a profile's faults.
    const fn of(profile: Profile) -> &'static [Self] {
        match profile {
            Profile::Everything => Self::ALL,
            Profile::Crash => &[
                Self::CachesLost,
                Self::CachesInTurn,
                Self::OldImage,
                Self::RebuildCutShort,
                Self::ReplacedMeanwhile,
                Self::ImageMeanwhile,
                Self::FromCaretaker,
                Self::DisksRenewed,
                Self::Programs,
            ],
            Profile::Manager => &[
                Self::ManagerForgets,
                Self::Deposed,
                Self::InDoubt,
                Self::Unmade,
                Self::LoudPrograms,
                Self::ApartFromOthers,
            ],
            Profile::Disks => &[
                Self::BadSource,
                Self::BadSectors,
                Self::DisksSwapped,
                Self::LostWrites,
                Self::ShortTransfers,
                Self::SlowForLong,
            ],
            // No plot of links alone, and none that is over as quickly.
            Profile::Quick | Profile::Network => &[],
        }
    }

    /// Volumes, workload, script and whatever else is not as usual, and what the cluster has to be for it.
    fn tell(self, dice: &mut Dice, cluster: &mut Cluster) -> Value {
        match self {
            Self::CachesLost => power::caches_lost(dice, cluster),
            Self::CachesInTurn => power::caches_in_turn(dice, cluster),
            Self::WithoutManager => disks::without_manager(dice, cluster),
            Self::OldImage => disks::old_image(dice, cluster),
            Self::RebuildCutShort => power::rebuild_cut_short(dice, cluster),
            Self::ReplacedMeanwhile => power::replaced_meanwhile(dice, cluster),
            Self::ImageMeanwhile => power::image_meanwhile(dice, cluster),
            Self::LeasesEnd => owners::leases_end(dice, cluster),
            Self::EarlierLives => owners::earlier_lives(dice, cluster),
            Self::TwiceOrNever => disks::twice_or_never(dice, cluster),
            Self::BadSource => disks::bad_source(dice, cluster),
            Self::FromCaretaker => power::from_caretaker(dice, cluster),
            Self::ClientsCutOff => power::clients_cut_off(dice, cluster),
            Self::WritesRefused => disks::writes_refused(dice, cluster),
            Self::BadSectors => disks::bad_sectors(dice, cluster),
            Self::DisksSwapped => disks::disks_swapped(dice, cluster),
            Self::LostWrites => disks::lost_writes(dice, cluster),
            Self::LostMarks => disks::lost_marks(dice, cluster),
            Self::TornJournal => codes::torn_journal(dice, cluster),
            Self::ManyRows => codes::many_rows(dice, cluster),
            Self::DisksRenewed => codes::disks_renewed(dice, cluster),
            Self::ShortTransfers => disks::short_transfers(dice, cluster),
            Self::Programs => power::programs(dice, cluster),
            Self::SlowForLong => disks::slow_for_long(dice, cluster),
            Self::HalfOpen => disks::half_open(dice, cluster),
            Self::DatabaseBack => control::database_back(dice, cluster),
            Self::ManagerForgets => control::manager_forgets(dice, cluster),
            Self::Deposed => control::deposed(dice, cluster),
            Self::InDoubt => control::in_doubt(dice, cluster),
            Self::Unmade => control::unmade(dice, cluster),
            Self::LoudPrograms => control::loud_programs(dice, cluster),
            Self::ApartFromOthers => control::apart_from_others(dice, cluster),
        }
    }
}

/// A scenario that follows a plot, one in three where the profile has some.
pub(in crate::scenario::generate) fn plotted(swarm: &Swarm, seed: u64) -> Option<Scenario> {
    let mut dice = swarm.dice("plot");
    let plots = Plot::of(swarm.profile);
    if plots.is_empty() || !dice.one_in(3) {
        return None;
    }
    let plot = dice.pick(plots);
    let mut cluster = cluster(swarm);
    cluster.memory = None;
    cluster.satellites = None;
    let mut scenario = plot.tell(&mut dice, &mut cluster);
    let about = format!("Drawn from seed {seed} with profile {}, plot {plot}.", swarm.profile);
    scenario["version"] = json!(1);
    scenario["name"] = json!(format!("random-{}-{seed}", swarm.profile));
    scenario["about"] = json!(about);
    scenario["inert"] = json!("allowed");
    scenario["cluster"] = serde_json::to_value(cluster).expect("a cluster is plain JSON");
    if scenario.get("limits").is_none() {
        scenario["limits"] = json!({ "virtual_time": "20s", "settle": "5s" });
    }
    Some(serde_json::from_value(scenario).expect("a plot is told as scenarios are"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Plot;
    use crate::scenario::{Profile, generate};

    /// The plot of a scenario, by what it says of itself.
    fn plot(seed: u64, profile: Profile) -> Option<String> {
        let about = generate(seed, profile).about;
        about.split_once(", plot ").map(|(_, plot)| plot.trim_end_matches('.').to_owned())
    }

    #[test]
    fn each_plot_of_a_profile_comes_up_and_no_other_in_a_third_of_its_scenarios() {
        for profile in Profile::ALL {
            let drawn: Vec<String> = (0..900).filter_map(|seed| plot(seed, *profile)).collect();
            let seen: BTreeSet<&str> = drawn.iter().map(String::as_str).collect();
            let wanted: BTreeSet<&str> = Plot::of(*profile).iter().map(|it| it.name()).collect();
            assert_eq!(seen, wanted, "{profile}");
            assert!(wanted.is_empty() || (220..400).contains(&drawn.len()), "{}", drawn.len());
        }
    }
}
