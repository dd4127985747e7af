//! Parity fits the data that it was computed from. Looks at media only, and does not ask which of them is wrong.

use crate::base::{LegIndex, VolumeId};

use super::checker::{Checker, Freeze};
use super::name::Check;
use super::snapshot::VolumeView;
use super::violation::Violation;

/// How many further lines a violation names.
const LINES_NAMED_MAX: usize = 8;

/// The checker of parity.
///
/// At rest, what the in-sync legs hold of each line must fit together as it stands. While faults go on, that
/// is asked of the surviving legs where none of them is marked; where one is, of what will be there once
/// whatever was begun has been finished: a line that could not be brought to fit would give a block that
/// nobody ever wrote as soon as another leg is lost. It reports one violation for a volume.
#[derive(Clone, Debug, Default)]
pub struct Parity {
    violations: Vec<Violation>,
    reported: Vec<VolumeId>,
}

impl Checker for Parity {
    fn at_freeze(&mut self, freeze: &Freeze<'_>) {
        for volume in freeze.volumes {
            if volume.media.lines() > 0 && !self.reported.contains(&volume.id) {
                self.judge(freeze, volume);
            }
        }
    }

    fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.violations)
    }
}

impl Parity {
    fn judge(&mut self, freeze: &Freeze<'_>, volume: &VolumeView<'_>) {
        let legs: Vec<LegIndex> = volume.in_sync(!freeze.at_rest).collect();
        let surviving: Vec<LegIndex> = volume.in_sync(true).collect();
        let is_marked = |line: u64| {
            let region = volume.media.region_of_line(line);
            surviving.iter().any(|leg| volume.media.marked(*leg, region))
        };
        let is_unfit = |line: &u64| {
            let may_be_unfinished = !freeze.at_rest && is_marked(*line);
            !volume.media.line_fits(*line, &legs, may_be_unfinished)
        };
        let unfit: Vec<u64> = (0..volume.media.lines()).filter(is_unfit).collect();
        let Some((first, further)) = unfit.split_first() else { return };
        self.reported.push(volume.id);
        let region = volume.media.region_of_line(*first);
        let mut detail = vec![match (is_marked(*first), freeze.at_rest) {
            (false, _) => format!("{region} is marked on no surviving leg in sync"),
            (true, true) => format!("at rest, though {region} is still marked"),
            (true, false) => {
                format!("{region} is marked, and nothing on record would make the line fit")
            }
        }];
        if !further.is_empty() {
            let named = &further[..further.len().min(LINES_NAMED_MAX)];
            detail.push(format!("{} lines don't fit, among them {named:?}", unfit.len()));
        }
        self.violations.push(Violation {
            check: Check::Parity,
            kind: "parity-unfit",
            component: volume.id.to_string(),
            volume: Some(volume.id),
            disk: None,
            block: None,
            ops: Vec::new(),
            at: freeze.at,
            found: format!("at block {first} of the legs: blocks of more than one time"),
            expected: "parity of the data beside it".to_owned(),
            detail,
            recent: freeze.history.recent(volume.id, None, &[]),
        });
    }
}
