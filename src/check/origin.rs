//! Says in words where a content came from and how a value fared. Judges nothing.

use crate::base::{Block, OpId, Stamp, VolumeId};

use super::history::{History, Unfit};
use super::register::Wrong;
use super::value::{Fate, Moment, Value};

/// How many of several possible values are named.
const NAMED_MAX: usize = 4;

/// Stands for an operation that there never was, or that is no longer known.
const UNKNOWN: OpId = Moment::START.op;

/// The value's short name: `zeroes` or `w1#3`.
pub(super) fn label(author: u64) -> String {
    let stamp = Stamp::from_words([0, author]);
    if stamp.writer() == 0 {
        return "zeroes".to_owned();
    }
    format!("w{}#{}", stamp.writer(), stamp.sequence())
}

/// The value with its write: who wrote it, when invoked, how and when ended.
pub(super) fn describe(value: &Value) -> String {
    let verb = if value.author == 0 { "trimmed" } else { "written" };
    let fate = match value.fate {
        Fate::Initial => return "zeroes, the initial content".to_owned(),
        Fate::Pending => "not returned".to_owned(),
        Fate::Acknowledged => format!("acknowledged {}", value.ended_at),
        Fate::Durable => format!("acknowledged and durable {}", value.ended_at),
        Fate::InDoubt => format!("in doubt since {}", value.ended_at),
        Fate::Abandoned => format!("abandoned {}", value.ended_at),
        Fate::Unflushed => {
            format!(
                "acknowledged {}, and lost with every copy's power if it is gone",
                value.ended_at
            )
        }
        Fate::Kept => format!("not lost with every copy's power: seen {}", value.ended_at),
        Fate::Refused => format!("refused {}", value.ended_at),
    };
    let label = label(value.author);
    if value.op == UNKNOWN {
        return format!("{label}, {verb} long ago ({fate})");
    }
    format!("{label}, {verb} by {} (invoked {}, {fate})", value.op, value.invoked_at)
}

/// Any of these values; `is_untouched` says whether nothing was ever written there.
pub(super) fn any_of(values: &[Value], is_untouched: bool) -> String {
    if values.is_empty() {
        return match is_untouched {
            true => "zeroes, the initial content: nothing was ever written here".to_owned(),
            false => "nothing that can be: what is promised and what was shown exclude each other"
                .to_owned(),
        };
    }
    // What a read has shown or an acknowledgement promised says most, then the newest.
    let is_known = |value: &&Value| value.first_return != Moment::NEVER;
    let (known, open): (Vec<&Value>, Vec<&Value>) = values.iter().rev().partition(is_known);
    let named = known.into_iter().chain(open).take(NAMED_MAX).map(describe);
    let named: Vec<String> = named.collect();
    let mut text = named.join("; or ");
    if values.len() > NAMED_MAX {
        text.push_str(&format!("; or one of {} more", values.len() - NAMED_MAX));
    }
    text
}

/// Where the content of a block came from.
pub(super) fn of_content(
    history: &History,
    volume: VolumeId,
    block: u64,
    content: Stamp,
) -> String {
    match history.explain_now(volume, block, content) {
        Err(unfit) => of_unfit(history, content, &unfit),
        Ok(()) => of_known(history, volume, block, content),
    }
}

/// Where a content came from that must not be where it is.
pub(super) fn of_unfit(history: &History, content: Stamp, unfit: &Unfit) -> String {
    let label = label(content.words()[1]);
    match unfit {
        Unfit::Garbled => {
            let hash = content.words()[0];
            format!("bytes that no write made (hash {hash:016x}): torn or corrupted in the block")
        }
        Unfit::Misplaced => {
            let (home, block) = (VolumeId::new(content.volume()), content.block());
            let origin = of_known(history, home, block, content);
            format!("content of {home} block {block}: {origin}")
        }
        Unfit::Unshown => {
            "a read that returned well, and no `app.block-read` of this block before that"
                .to_owned()
        }
        Unfit::Wrong(Wrong::Refused(value)) => describe(value),
        Unfit::Wrong(Wrong::Superseded { value, .. }) => describe(value),
        Unfit::Wrong(Wrong::Forgotten) => {
            format!("{label}, superseded so long ago that its write is no longer on record")
        }
        Unfit::Wrong(Wrong::Absent) => format!("{label}, which was never written here"),
    }
}

/// The content of a medium's block, with its origin.
pub(super) fn of_block(history: &History, volume: VolumeId, block: u64, held: &Block) -> String {
    of_content(history, volume, block, held.fingerprint())
}

fn of_known(history: &History, volume: VolumeId, block: u64, content: Stamp) -> String {
    let author = content.words()[1];
    let values = history.values(volume, block);
    let mut sources = values.iter().filter(|value| value.author == author);
    match (sources.next_back(), sources.next()) {
        (Some(value), None) => describe(value),
        (Some(value), Some(_)) => format!("{} or earlier", describe(value)),
        (None, _) if author == 0 => "zeroes, the initial content".to_owned(),
        (None, _) => format!("{}, whose write is not on record", label(author)),
    }
}

/// Why the content must not be where it is, line by line.
pub(super) fn reasons(unfit: &Unfit) -> Vec<String> {
    match unfit {
        Unfit::Unshown => vec![
            "what a read gives is judged by `BlockRead` records, one for each block, which are to be written before its `OpReturned`".to_owned(),
        ],
        Unfit::Garbled | Unfit::Misplaced | Unfit::Wrong(Wrong::Absent) => Vec::new(),
        Unfit::Wrong(Wrong::Refused(value)) => {
            vec![format!("{} was refused, which says that nothing was changed", value.op)]
        }
        Unfit::Wrong(Wrong::Forgotten) => Vec::new(),
        Unfit::Wrong(Wrong::Superseded { value, by }) => {
            let (old, new) = (label(value.author), label(by.author));
            vec![
                format!("{new} was there before: {}", first_shown(by)),
                format!(
                    "{old} came before {new}: {}, and only then {}",
                    first_shown(value),
                    last_needed(by)
                ),
            ]
        }
    }
}

/// Why a flush of the application with this author word must not have been done.
pub(super) fn broken_promise(author: u64, unfit: &Unfit) -> Vec<String> {
    let Unfit::Wrong(Wrong::Superseded { value, by }) = unfit else { return Vec::new() };
    let (old, new) = (label(value.author), label(by.author));
    let writer = Stamp::from_words([0, author]).writer();
    vec![
        format!(
            "it is of application {writer}, was done, and so says that {new} is there: {}",
            first_shown(by)
        ),
        format!(
            "but {old} is, which was before: {}, and after that {}",
            first_shown(value),
            last_needed(value)
        ),
    ]
}

/// The operations that the content's wrongness shows in.
pub(super) fn ops(unfit: &Unfit) -> Vec<OpId> {
    let of_value = |value: &Value| {
        [value.op, value.first_return.op, value.last_invoke.op]
            .into_iter()
            .filter(|op| *op != UNKNOWN)
            .collect::<Vec<OpId>>()
    };
    match unfit {
        Unfit::Garbled | Unfit::Misplaced | Unfit::Unshown => Vec::new(),
        Unfit::Wrong(Wrong::Forgotten | Wrong::Absent) => Vec::new(),
        Unfit::Wrong(Wrong::Refused(value)) => of_value(value),
        Unfit::Wrong(Wrong::Superseded { value, by }) => {
            let mut ops = of_value(by);
            ops.extend(of_value(value));
            ops
        }
    }
}

/// Each operation once, in the given order.
pub(super) fn distinct(ops: impl IntoIterator<Item = OpId>) -> Vec<OpId> {
    let mut distinct = Vec::new();
    for op in ops {
        if !distinct.contains(&op) {
            distinct.push(op);
        }
    }
    distinct
}

/// How the value's *f* came about.
fn first_shown(value: &Value) -> String {
    let first = value.first_return;
    if value.fate == Fate::Initial && first.seq == 0 {
        return "it is the initial content".to_owned();
    }
    if first.op == UNKNOWN {
        return format!("it was acknowledged {} at the latest", first.at);
    }
    if first.op == value.op {
        return format!("{} was acknowledged {}", first.op, first.at);
    }
    format!("{} read it and returned {}", first.op, first.at)
}

/// How the value's *s* came about.
fn last_needed(value: &Value) -> String {
    let last = value.last_invoke;
    if last.op == value.op {
        return format!("{} was invoked {}", last.op, last.at);
    }
    format!("{}, which read {}, was invoked {}", last.op, label(value.author), last.at)
}
