//! What was acknowledged is on every in-sync leg that survives. Looks at media only; what reads
//! show is the business of `linear.rs`.

use crate::base::{Block, LegIndex, VolumeId};

use super::checker::{Checker, Freeze};
use super::history::Unfit;
use super::name::Check;
use super::origin;
use super::register::Wrong;
use super::snapshot::VolumeView;
use super::violation::Violation;

/// How many further blocks a violation names.
const BLOCKS_NAMED_MAX: usize = 8;

/// The checker of acknowledged writes.
///
/// Where media have volatile caches, what a flush covered must be past them on each of these legs; what none
/// covered may be lost, but only when every copy lost its power.
///
/// At any freeze, each surviving in-sync leg must hold of each block what a read done at that moment
/// could show; it may lag only by writes that have not returned and, while it is cold, by those that no
/// flush covered. It reports each kind of violation once for a volume.
#[derive(Clone, Debug, Default)]
pub struct Durable {
    violations: Vec<Violation>,
    reported: Vec<(VolumeId, &'static str)>,
}

impl Checker for Durable {
    fn at_freeze(&mut self, freeze: &Freeze<'_>) {
        for volume in freeze.volumes {
            self.judge(freeze, volume);
        }
    }

    fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.violations)
    }
}

/// The blocks of one leg that hold what they must not, in one way.
struct Finding {
    kind: &'static str,
    leg: LegIndex,
    first: (u64, Block, Unfit),
    further: Vec<u64>,
    count: u64,
}

impl Durable {
    fn judge(&mut self, freeze: &Freeze<'_>, volume: &VolumeView<'_>) {
        let mut findings: Vec<Finding> = Vec::new();
        for leg in volume.in_sync(true) {
            for block in 0..volume.blocks {
                if !volume.media.holds(leg, block) || volume.media.poisoned(leg, block) {
                    continue;
                }
                let held = volume.media.block(leg, block);
                let (id, content) = (volume.id, held.fingerprint());
                let judged = match volume.legs[leg.index()].cold {
                    false => freeze.history.may_hold(id, block, content),
                    true => freeze.history.may_survive(id, block, content),
                };
                if let Err(unfit) = judged {
                    note(&mut findings, (kind(&unfit), leg), (block, held, unfit));
                } else if let Some(left) = volume.media.without_cache(leg, block)
                    && let Err(unfit) = freeze.history.may_survive(id, block, left.fingerprint())
                {
                    note(&mut findings, (NOT_FLUSHED, leg), (block, left, unfit));
                }
            }
        }
        self.judge_computed(freeze, volume, &mut findings);
        for finding in findings {
            let key = (volume.id, finding.kind);
            if !self.reported.contains(&key) {
                self.reported.push(key);
                self.violations.push(violation(freeze, volume, &finding));
            }
        }
    }
}

impl Durable {
    /// Where no leg in sync that survives holds a block itself, the others must give it.
    fn judge_computed(
        &self,
        freeze: &Freeze<'_>,
        volume: &VolumeView<'_>,
        findings: &mut Vec<Finding>,
    ) {
        if volume.media.lines() == 0 {
            return;
        }
        let legs: Vec<LegIndex> = volume.in_sync(true).collect();
        for block in 0..volume.blocks {
            if volume.holders(block, true).next().is_some() {
                continue;
            }
            let Some(held) = volume.media.computed(block, &legs) else { continue };
            let judged = freeze.history.may_hold(volume.id, block, held.fingerprint());
            let mut all = (0..volume.legs.len() as u8).map(LegIndex::new);
            if let (Err(unfit), Some(leg)) =
                (judged, all.find(|leg| volume.media.holds(*leg, block)))
            {
                note(findings, (kind(&unfit), leg), (block, held, unfit));
            }
        }
    }
}

/// What a flush promised to be there for good is only in a volatile cache.
const NOT_FLUSHED: &str = "flushed-write-volatile";

fn note(
    findings: &mut Vec<Finding>,
    (kind, leg): (&'static str, LegIndex),
    first: (u64, Block, Unfit),
) {
    match findings.iter_mut().find(|finding| finding.kind == kind) {
        None => findings.push(Finding { kind, leg, first, further: Vec::new(), count: 1 }),
        Some(finding) => {
            finding.count += 1;
            if finding.leg == leg && finding.further.len() < BLOCKS_NAMED_MAX {
                finding.further.push(first.0);
            }
        }
    }
}

fn violation(freeze: &Freeze<'_>, volume: &VolumeView<'_>, finding: &Finding) -> Violation {
    let history = freeze.history;
    let (leg, id, block) = (finding.leg, volume.id, finding.first.0);
    let content = finding.first.1.fingerprint();
    let explained = match finding.kind {
        NOT_FLUSHED => None,
        _ => history.explain_now(id, block, content).err(),
    };
    let unfit = explained.as_ref().unwrap_or(&finding.first.2);
    let ops = origin::distinct(origin::ops(unfit));
    let found = origin::of_unfit(history, content, unfit);
    let mut detail = origin::reasons(unfit);
    if finding.kind == NOT_FLUSHED {
        detail.push(format!("{leg} holds something else in its volatile cache"));
    }
    for other in volume.holders(block, false).filter(|other| *other != leg) {
        let held = volume.media.block(other, block);
        detail.push(format!("{other} holds {}", origin::of_block(history, id, block, &held)));
    }
    if !finding.further.is_empty() {
        detail.push(format!("{leg} is wrong in blocks {:?} too", finding.further));
    }
    if finding.count > 1 {
        detail.push(format!("{} blocks are wrong over all legs", finding.count));
    }
    Violation {
        check: Check::Durable,
        kind: finding.kind,
        component: id.to_string(),
        volume: Some(id),
        disk: None,
        block: Some(block),
        at: freeze.at,
        found: format!("on {leg}: {found}"),
        expected: match finding.kind {
            NOT_FLUSHED => "what the last flush covered, or newer, past the cache".to_owned(),
            _ => {
                origin::any_of(&history.legal_now(id, block), history.values(id, block).is_empty())
            }
        },
        detail,
        recent: history.recent(id, Some(block), &ops),
        ops,
    }
}

fn kind(unfit: &Unfit) -> &'static str {
    match unfit {
        Unfit::Wrong(Wrong::Superseded { .. } | Wrong::Forgotten) => "lost-write",
        Unfit::Wrong(Wrong::Refused(_)) => "refused-write-visible",
        Unfit::Garbled | Unfit::Misplaced | Unfit::Unshown | Unfit::Wrong(Wrong::Absent) => {
            "foreign-data"
        }
    }
}
