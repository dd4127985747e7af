//! Probes and buggify sites: what is counted, when a site fires, and that both are idle when not asked for.

use stormglass::base::Nanos;
use stormglass::sim::{KernelConfig, NodeConfig, NodeHandle};
use stormglass::{buggify, sometimes};

use crate::rig::{Rig, free_node};

stormglass::probes! {
    /// The probes of these tests.
    static PROBES = {
        DIVIDED = "test.divided": "a number was divisible by three";
        NEVER = "test.never": "what never happens happened";
    }
}

stormglass::buggify_sites! {
    /// The sites of these tests.
    static SITES = {
        NAP = "test.nap", 1 / 2: "naps";
        OTHER = "test.other", 1 / 2: "does nothing";
    }
}

fn buggified(seed: u64, is_on: bool) -> (Rig, NodeHandle) {
    let rig = Rig::with(seed, &KernelConfig { buggify: is_on, ..KernelConfig::default() });
    let handle = rig.kernel.handle(rig.node(&NodeConfig { ..free_node() }));
    (rig, handle)
}

#[test]
fn a_probe_counts_how_often_it_was_reached() {
    let (rig, handle) = buggified(1, false);
    for number in 1..=10 {
        sometimes!(handle, number % 3 == 0, DIVIDED);
        sometimes!(rig.kernel, number > 10, NEVER);
    }
    assert_eq!(rig.kernel.reached(), [("test.divided".to_owned(), 3)]);
    assert_eq!((rig.kernel.probes().count(&DIVIDED), rig.kernel.probes().count(&NEVER)), (3, 0));
    let names: Vec<&str> = PROBES.iter().map(|probe| probe.name).collect();
    assert_eq!(names, ["test.divided", "test.never"], "what was never reached is known as well");
}

/// How often the site fires in a hundred calls.
fn fired(seed: u64, is_on: bool) -> usize {
    let (_rig, handle) = buggified(seed, is_on);
    (0..100).filter(|_| buggify!(handle, NAP)).count()
}

#[test]
fn a_site_is_on_for_a_quarter_of_the_seeds_and_then_fires_with_its_odds() {
    let counts: Vec<usize> = (0..400).map(|seed| fired(seed, true)).collect();
    let enabled: Vec<usize> = counts.into_iter().filter(|count| *count > 0).collect();
    assert!((70..130).contains(&enabled.len()), "{} of 400", enabled.len());
    assert!(enabled.iter().all(|count| (25..75).contains(count)), "{enabled:?}");
    assert_eq!(fired(3, true), fired(3, true), "same seed, same firings");
}

#[test]
fn sites_are_drawn_apart_from_each_other() {
    let seed = (0..).find(|seed| fired(*seed, true) > 0).expect("some seed has it on");
    let (rig, handle) = buggified(seed, true);
    let firings: Vec<bool> = (0..50)
        .map(|_| {
            let _other = buggify!(handle, OTHER);
            buggify!(handle, NAP)
        })
        .collect();
    let (_rig, alone) = buggified(seed, true);
    let without: Vec<bool> = (0..50).map(|_| buggify!(alone, NAP)).collect();
    assert_eq!(firings, without);
    assert!(rig.kernel.reached().iter().any(|(name, _)| name == "buggify.test.nap"));
    assert_eq!(SITES.len(), 2);
}

#[test]
fn off_they_never_fire_and_change_no_digest() {
    let digest = |with_site: bool| {
        let (rig, handle) = buggified(7, false);
        let node = handle.node();
        rig.run(node, async move {
            for _ in 0..20 {
                if with_site && buggify!(handle, NAP) {
                    handle.sleep(Nanos::new(1)).await;
                }
                sometimes!(handle, with_site, DIVIDED);
                let nap = handle.rng("naps").below(50);
                handle.sleep(Nanos::new(nap)).await;
            }
        });
        rig.kernel.digest()
    };
    assert_eq!(digest(true), digest(false));
    assert!((0..100).all(|seed| fired(seed, false) == 0));
}
