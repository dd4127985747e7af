//! What is in a random scenario at all: families of faults wholly on or off, single actions on or off, amounts
//! spiked to extremes or not (swarm testing: Groce et al., ISSTA 2012). Draws no scenario.

use crate::base::{Odds, Seed};
use crate::scenario::action::{Action, ActionInfo, Family};
use crate::scenario::volume::Integrity;

use super::dice::Dice;
use super::profile::Profile;

/// The choices that all parts of a scenario share.
pub(super) struct Swarm {
    seed: Seed,
    pub(super) profile: Profile,
    /// The names of the actions that its script may have.
    pub(super) actions: Vec<&'static str>,
    /// Everything may lose its power at once: the script has what a node survives anyway, and no budget.
    pub(super) power_cuts: bool,
    /// How likely an amount is an extreme one.
    spike: Odds,
}

/// The least integrity of a volume on whose disks budget `survivable` lets an action through, by its name.
pub(super) fn least_integrity(action: &str) -> Integrity {
    match action {
        "disk.flip_bits" | "disk.tear_next_write" | "disk.misdirect_next_read" => Integrity::Inline,
        "disk.lose_next_write" | "disk.misdirect_next_write" => Integrity::Full,
        _ => Integrity::None,
    }
}

/// What leaves the contents of disks alone, but for volatile caches.
const POWER: [&str; 6] =
    ["node.reboot", "node.crash", "node.power_off", "node.power_on", "node.pause", "app.kill"];

/// What undoes something else, or makes no sense alone: it comes with what it belongs to.
const COMPANIONS: [&str; 11] = [
    "disk.heal",
    "disk.plug",
    "disk.reconnect_to_client",
    "disk.restore_old_image",
    "node.power_on",
    "node.resume",
    "cpu.resume",
    "app.resume",
    "app.attach",
    "database.up",
    "connector.start",
];

impl Swarm {
    pub(super) fn new(seed: u64, profile: Profile) -> Self {
        let seed = Seed::new(seed);
        let mut dice = Dice::new(seed, "generate.swarm", Odds::NEVER);
        let spike = dice.pick(&[Odds::NEVER, Odds::new(1, 8).expect("odds"), odds_of_half()]);
        let may_cut = matches!(profile, Profile::Crash | Profile::Everything | Profile::Quick);
        let power_cuts = may_cut && dice.one_in(6);
        let is_calm = profile == Profile::Everything && dice.one_in(24);
        let actions = match (is_calm, power_cuts) {
            (true, _) => Vec::new(),
            (_, true) => dice.some(&POWER),
            _ => actions(&mut dice, profile),
        };
        Self { seed, profile, actions, power_cuts, spike }
    }

    /// The stream of draws for one part of the scenario.
    pub(super) fn dice(&self, part: &str) -> Dice {
        Dice::new(self.seed, &format!("generate.{part}"), self.spike)
    }

    /// Whether an action may be in the script.
    pub(super) fn has(&self, action: &str) -> bool {
        self.actions.contains(&action)
    }

    /// Whether the script has to do with a controller.
    pub(super) fn has_controller(&self) -> bool {
        let families = ["api.", "database.", "external."];
        let concerns_it = |name: &&str| families.iter().any(|family| name.starts_with(family));
        self.actions.iter().any(concerns_it)
    }

    /// The least integrity that some volume has to have for every action to be let through.
    pub(super) fn least_integrity(&self) -> Integrity {
        let wanted = self.actions.iter().map(|action| least_integrity(action));
        wanted.max().unwrap_or(Integrity::None)
    }

    /// The actions that an entry may have by itself.
    pub(super) fn starters(&self) -> Vec<&'static str> {
        let starters = self.actions.iter().filter(|name| !COMPANIONS.contains(name));
        starters.copied().collect()
    }
}

fn odds_of_half() -> Odds {
    Odds::new(1, 2).expect("odds")
}

fn actions(dice: &mut Dice, profile: Profile) -> Vec<&'static str> {
    let families = dice.some(profile.families());
    let of = |family: Family| {
        // A database that goes back leaves nothing to go on with.
        let goes_on = |info: &&ActionInfo| info.name != "database.restore_old_snapshot";
        let infos = Action::ALL.iter().filter(goes_on).filter(move |info| info.family == family);
        infos.map(|info: &ActionInfo| info.name).collect::<Vec<_>>()
    };
    let mut actions = Vec::new();
    for family in families {
        let mut drawn = dice.some(&of(family));
        if drawn.iter().all(|name| COMPANIONS.contains(name)) {
            drawn = of(family);
        }
        actions.extend(drawn);
    }
    actions
}
