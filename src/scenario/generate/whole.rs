//! A random scenario as a whole. Its parts are drawn beside it.

use crate::base::Nanos;
use crate::layout::Layout as _;
use crate::scenario::cluster::Cluster;
use crate::scenario::model::{Budget, CheckName, Expect, Inert, Limits, Scenario};
use crate::scenario::own::Words;
use crate::scenario::volume::Volume;

use super::cluster::cluster;
use super::plots::plotted;
use super::profile::Profile;
use super::script::{Scene, script};
use super::swarm::Swarm;
use super::volumes::volumes;
use super::workload::load;

/// The random scenario of a seed. The same seed and profile give the same scenario, and it ends as it expects unless
/// something is wrong with the cluster or with a check. Its faults keep within what the volumes promise to survive, or else
/// take nothing but power, or are those of a plot, which says what may come of them: to pass, but for one.
#[must_use]
pub fn generate(seed: u64, profile: Profile) -> Scenario {
    let swarm = Swarm::new(seed, profile);
    if let Some(scenario) = plotted(&swarm, seed) {
        return scenario;
    }
    let mut cluster = cluster(&swarm);
    let volumes = volumes(&swarm, &cluster);
    // A client that can never hold all of its volumes serves one of them never.
    let taken = memory_of(&volumes, &cluster);
    cluster.memory = cluster.memory.filter(|memory| memory.get() / 2 >= taken);
    let load = load(&swarm, &cluster, &volumes);
    let scene = Scene { swarm: &swarm, cluster: &cluster, volumes: &volumes, load: &load };
    let script = script(&scene);
    Scenario {
        version: 1,
        name: format!("random-{profile}-{seed}"),
        about: format!("Drawn from seed {seed} with profile {profile}."),
        workload: load.apps,
        cluster,
        volumes,
        script,
        checks: vec![CheckName::All],
        budget: if swarm.power_cuts { Budget::None } else { Budget::Survivable },
        inert: Inert::Allowed,
        limits: Limits { virtual_time: Nanos::from_secs(10), settle: Nanos::from_secs(3) },
        expect: Expect::Pass,
        plant: Vec::new(),
        words: Words::default(),
    }
}

/// What the coded volumes take of a client's memory while they are attached; others take next to nothing.
fn memory_of(volumes: &[Volume], cluster: &Cluster) -> u64 {
    let shape = |volume: &Volume| volume.shape(cluster.targets, &Words::default());
    let codes = volumes.iter().filter_map(|volume| shape(volume).code());
    let blocks = codes.map(|code| (u64::from(code.slots()) + 1) * code.slot_blocks());
    blocks.sum::<u64>() * cluster.block_size.bytes() as u64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::generate;
    use crate::scenario::action::Action;
    use crate::scenario::layout::Layout;
    use crate::scenario::model::Budget;
    use crate::scenario::script::{Effect, Trigger};
    use crate::scenario::volume::Integrity;
    use crate::scenario::workload::{Distribution, Workload};
    use crate::scenario::{Profile, Scenario, Schedule, parse};

    fn text(scenario: &Scenario) -> String {
        serde_json::to_string_pretty(scenario).expect("a scenario is plain JSON")
    }

    fn actions(scenario: &Scenario) -> impl Iterator<Item = &Action> {
        scenario.script.iter().filter_map(|entry| match &entry.effect {
            Effect::Do(action) => Some(action),
            _ => None,
        })
    }

    #[test]
    fn ten_thousand_scenarios_are_valid_and_read_back_as_they_were_drawn() {
        for seed in 0..10_000 {
            let profile = Profile::ALL[seed as usize % Profile::ALL.len()];
            let scenario = generate(seed, profile);
            let drawn = text(&scenario);
            let read = parse("drawn.json", &drawn)
                .unwrap_or_else(|error| panic!("{profile} {seed}: {error}\n{drawn}"));
            assert_eq!(read, scenario, "{profile} {seed}");
            assert_eq!(text(&read), drawn, "{profile} {seed}");
        }
    }

    #[test]
    fn the_same_seed_and_profile_give_the_same_bytes_and_others_give_others() {
        let drawn = |seed, profile| text(&generate(seed, profile));
        assert_eq!(drawn(42, Profile::Everything), drawn(42, Profile::Everything));
        assert_ne!(drawn(42, Profile::Everything), drawn(43, Profile::Everything));
        assert_ne!(drawn(42, Profile::Disks), drawn(42, Profile::Network));
    }

    #[test]
    fn everything_that_there_is_comes_up() {
        let mut seen = BTreeSet::new();
        for seed in 0..4_000 {
            let scenario = generate(seed, Profile::Everything);
            seen.extend(actions(&scenario).map(|action| action.name().to_owned()));
            seen.extend(scenario.volumes.iter().map(|volume| volume.layout.to_string()));
            seen.extend(scenario.volumes.iter().map(|volume| volume.integrity.to_string()));
            seen.insert(schedule(&scenario.cluster.schedule).to_owned());
            seen.extend(scenario.script.iter().map(|entry| trigger(&entry.trigger).to_owned()));
            if scenario.volumes.iter().any(|volume| !volume.spares.is_empty()) {
                seen.insert("spares".to_owned());
            }
            seen.insert(format!("{} budget", scenario.budget));
            seen.insert(format!("{} managers", scenario.cluster.managers));
            for app in &scenario.workload {
                match app {
                    Workload::Random(app) => seen.insert(app.distribution.to_string()),
                    Workload::Verify(_) => seen.insert("verify".to_owned()),
                    Workload::MixedSize(_) => seen.insert("mixed-size".to_owned()),
                    Workload::Guest(app) => seen.insert(app.program.to_string()),
                    Workload::Trace(_) | Workload::Fio(_) => {
                        panic!("random scenarios replay nothing")
                    }
                };
            }
        }
        let actions = Action::NAMES.iter().copied();
        let layouts = Layout::ALL.iter().map(|layout| layout.name());
        let integrities = Integrity::ALL.iter().map(|integrity| integrity.name());
        let spreads = Distribution::ALL.iter().map(|distribution| distribution.name());
        let others = [
            "random",
            "fifo",
            "lifo",
            "pct",
            "starve",
            "at",
            "every",
            "after",
            "when",
            "verify",
            "mixed-size",
            "redb",
            "fatfs",
            "spares",
            "none budget",
            "survivable budget",
            "1 managers",
            "3 managers",
        ];
        let wanted = actions.chain(layouts).chain(integrities).chain(spreads).chain(others);
        let missing: Vec<&str> = wanted.filter(|name| !seen.contains(*name)).collect();
        assert!(missing.is_empty(), "never drawn: {missing:?}");
    }

    fn schedule(schedule: &Schedule) -> &'static str {
        match schedule {
            Schedule::Random => "random",
            Schedule::Fifo => "fifo",
            Schedule::Lifo => "lifo",
            Schedule::Pct(_) => "pct",
            Schedule::Starve(_) => "starve",
        }
    }

    fn trigger(trigger: &Trigger) -> &'static str {
        match trigger {
            Trigger::At(_) => "at",
            Trigger::Every { .. } => "every",
            Trigger::After(_) => "after",
            Trigger::When { .. } => "when",
        }
    }

    #[test]
    fn profiles_keep_to_their_families_and_a_scenario_rarely_has_all_of_them() {
        for profile in Profile::ALL {
            let mut calm = 0;
            for seed in 0..500 {
                let scenario = generate(seed, *profile);
                let families: BTreeSet<&str> =
                    actions(&scenario).map(|action| action.family().name()).collect();
                let allowed: Vec<&str> =
                    profile.families().iter().map(|family| family.name()).collect();
                // Who puts an old image into a disk takes the power from its node for that.
                let with_power = actions(&scenario)
                    .any(|action| action.name() == "disk.restore_old_image")
                    .then_some("node");
                let is_allowed =
                    |family: &&str| allowed.contains(family) || with_power == Some(*family);
                assert!(families.iter().all(is_allowed), "{profile} {seed}: {families:?}");
                calm += u32::from(families.is_empty());
            }
            assert!(calm < 60, "{profile}: {calm} of 500 without any fault");
        }
        let several = (0..500).filter(|seed| {
            let scenario = generate(*seed, Profile::Everything);
            actions(&scenario).map(|action| action.family().name()).collect::<BTreeSet<_>>().len()
                < 5
        });
        assert!(several.count() > 350, "most scenarios leave families out");
    }

    #[test]
    fn where_nothing_is_promised_only_power_is_taken() {
        let cuts = (0..2_000).map(|seed| generate(seed, Profile::Crash));
        for scenario in cuts.filter(|scenario| scenario.budget == Budget::None) {
            let taken = actions(&scenario)
                .all(|action| action.name().starts_with("node.") || action.name() == "app.kill");
            assert!(taken, "{}", text(&scenario));
        }
    }
}
