//! Sizes of operations: `bs`, `bsrange` and `bssplit`, each for reads, writes and trims. In bytes; knows no block.

use crate::scenario::trace::{FieldText, LineError};

use super::values::{bytes, within};

/// Sizes of operations of one kind, in bytes, and how often they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ByteSizes {
    pub min: u64,
    pub max: u64,
    pub weight: u32,
}

/// Of reads, of writes, of trims.
pub(super) type SizesByKind = [Vec<ByteSizes>; 3];

/// What fio takes where nothing is said.
pub(super) fn usual() -> SizesByKind {
    let four = vec![ByteSizes { min: 4096, max: 4096, weight: 1 }];
    [four.clone(), four.clone(), four]
}

/// Values for reads, writes and trims, between commas: the last stands for those that follow, an empty one for what was.
fn by_kind(
    value: FieldText<'_>,
    sizes: &mut SizesByKind,
    read: impl Fn(FieldText<'_>) -> Result<Vec<ByteSizes>, LineError>,
) -> Result<(), LineError> {
    let parts = value.split(',');
    if let Some(beyond) = parts.get(3) {
        return Err(beyond.is_not("sizes of reads, writes and trims only"));
    }
    let mut last = None;
    for (at, of_kind) in sizes.iter_mut().enumerate() {
        if let Some(part) = parts.get(at).filter(|part| !part.text.is_empty() || parts.len() == 1) {
            last = Some(read(*part)?);
        }
        let is_left_out = parts.get(at).is_some_and(|part| part.text.is_empty());
        if let Some(last) = last.as_ref().filter(|_| !is_left_out) {
            of_kind.clone_from(last);
        }
    }
    Ok(())
}

fn size(field: FieldText<'_>) -> Result<u64, LineError> {
    let size = bytes(field)?;
    if size == 0 { Err(field.is_not("a size above 0")) } else { Ok(size) }
}

/// `4k`, or `4k,8k`.
pub(super) fn fixed(value: FieldText<'_>, sizes: &mut SizesByKind) -> Result<(), LineError> {
    by_kind(value, sizes, |field| {
        let size = size(field)?;
        Ok(vec![ByteSizes { min: size, max: size, weight: 1 }])
    })
}

/// `1k-4k`, or `1k:4k`, or `1k-4k,8k-16k`.
pub(super) fn range(value: FieldText<'_>, sizes: &mut SizesByKind) -> Result<(), LineError> {
    by_kind(value, sizes, |field| {
        let ends = field.split(if field.text.contains(':') { ':' } else { '-' });
        let [min, max] = ends[..] else {
            return Err(field.is_not("a range such as `1k-4k`"));
        };
        let (min, max) = (size(min)?, size(max)?);
        if min > max {
            return Err(field.is_not("a range from the lower to the higher"));
        }
        Ok(vec![ByteSizes { min, max, weight: 1 }])
    })
}

/// `4k/10:64k/50:32k/40`; what has no percentage shares the rest.
pub(super) fn split(value: FieldText<'_>, sizes: &mut SizesByKind) -> Result<(), LineError> {
    by_kind(value, sizes, |field| {
        let mut given = Vec::new();
        for entry in field.split(':') {
            let parts = entry.split('/');
            let percent = match parts[..] {
                [_] => None,
                [_, percent] if percent.text.is_empty() => None,
                [_, percent] => Some(within(percent, 0, 100, "a percentage from 0 to 100")?),
                _ => return Err(entry.is_not("a size and a percentage such as `4k/50`")),
            };
            given.push((size(parts[0])?, percent));
        }
        let said: u64 = given.iter().filter_map(|(_, percent)| *percent).sum();
        let open = given.iter().filter(|(_, percent)| percent.is_none()).count() as u64;
        if said > 100 || (open == 0 && said != 100) {
            return Err(field.is_not("percentages that make 100"));
        }
        // In parts of a percent, so that what is left can be shared evenly.
        let shares = open.max(1);
        let weight = |percent: Option<u64>| match percent {
            Some(percent) => percent * shares,
            None => 100 - said,
        };
        let classes = given.iter().map(|(size, percent)| {
            let weight = weight(*percent) as u32;
            ByteSizes { min: *size, max: *size, weight }
        });
        let classes: Vec<ByteSizes> = classes.filter(|class| class.weight > 0).collect();
        if classes.is_empty() {
            Err(field.is_not("percentages that make 100"))
        } else {
            Ok(classes)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{SizesByKind, fixed, range, split, usual};
    use crate::scenario::trace::lines;

    type Read = fn(
        crate::scenario::trace::FieldText<'_>,
        &mut SizesByKind,
    ) -> Result<(), crate::scenario::trace::LineError>;

    /// Of reads, of writes, of trims: the smallest, the largest, the weight.
    type Shown = Vec<Vec<(u64, u64, u32)>>;

    fn read(read: Read, text: &str) -> Result<Shown, String> {
        let mut sizes = usual();
        let field = lines(text).next().unwrap().whole();
        read(field, &mut sizes).map_err(|error| error.to_string())?;
        let shown =
            sizes.iter().map(|of| of.iter().map(|it| (it.min, it.max, it.weight)).collect());
        Ok(shown.collect())
    }

    #[test]
    fn sizes_are_for_reads_writes_and_trims() {
        let one = |size| vec![(size, size, 1)];
        assert_eq!(read(fixed, "8k").unwrap(), [one(8192), one(8192), one(8192)]);
        assert_eq!(read(fixed, "8k,16k").unwrap(), [one(8192), one(16384), one(16384)]);
        assert_eq!(read(fixed, ",16k,").unwrap(), [one(4096), one(16384), one(4096)]);
        assert_eq!(read(range, "1k:4k").unwrap()[0], [(1024, 4096, 1)]);
        assert_eq!(read(range, "1k-4k,8k-16k").unwrap()[2], [(8192, 16384, 1)]);
        let split_up = read(split, "4k/50:8k/:16k").unwrap();
        assert_eq!(split_up[0], [(4096, 4096, 100), (8192, 8192, 50), (16384, 16384, 50)]);
        assert_eq!(read(split, "4k/100,8k/100").unwrap()[1], [(8192, 8192, 100)]);
    }

    #[test]
    fn what_makes_no_size_is_an_error() {
        for (way, text) in [
            (fixed as Read, "0"),
            (fixed, "4k,4k,4k,4k"),
            (range, "4k"),
            (range, "8k-4k"),
            (split, "4k/50"),
            (split, "4k/60:8k/60"),
            (split, "4k/x"),
            (split, "4k/1/2"),
            (split, ""),
        ] {
            let text = if text.is_empty() { "/" } else { text };
            assert!(read(way, text).is_err(), "{text}");
        }
    }
}
