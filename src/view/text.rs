//! A trace as text for a person: one line a record. Filters and orders nothing.

use std::io;
use std::io::Write;

use crate::base::Names;
use crate::base::Record;

/// One record as a line without its end: sequence number, time, place, name, fields, cause.
#[must_use]
pub fn record_line(record: &Record, names: &Names) -> String {
    let mut place = record.node.map_or_else(|| "-".to_owned(), |node| names.node(node));
    if let Some(cpu) = record.cpu {
        place.push_str(&format!("/{cpu}"));
    }
    let time = record.at.to_string();
    let mut line = format!("{:>8} {time:>14} {place:<8} {}", record.seq, record.kind.name);
    for (name, value) in record.fields(names) {
        line.push_str(&format!(" {name}={value}"));
    }
    if record.cause != 0 {
        line.push_str(&format!(" <- {}", record.cause));
    }
    line
}

/// Writes one line for each record.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_text(out: &mut dyn Write, trace: &[Record], names: &Names) -> io::Result<()> {
    trace.iter().try_for_each(|record| writeln!(out, "{}", record_line(record, names)))
}

#[cfg(test)]
mod tests {
    use crate::base::{CpuId, DiskId, Names, Nanos, NodeId, Record, Recorded, VolumeId};

    use super::{record_line, write_text};

    crate::record! {
        /// A record of the kinds that a line must show.
        pub struct Sample = "sample.shown", Trace {
            disk: DiskId, volume: VolumeId, after: Nanos, last: bool, count: u64
        }
    }

    fn sample() -> (Record, Names) {
        let fields = Sample {
            disk: DiskId::new(0),
            volume: VolumeId::new(0),
            after: Nanos::from_micros(3),
            last: true,
            count: 7,
        };
        let record = Record {
            at: Nanos::new(1_500),
            seq: 12,
            cause: 11,
            node: Some(NodeId::new(1)),
            cpu: Some(CpuId::new(2)),
            kind: Sample::TYPE,
            words: fields.words(),
        };
        let names = Names {
            nodes: vec!["c0".into(), "t0".into()],
            disks: vec!["t0/d0".into()],
            volumes: vec!["vol0".into()],
            ..Names::default()
        };
        (record, names)
    }

    #[test]
    fn a_line_has_time_place_fields_and_cause() {
        let (record, names) = sample();
        let expected = "      12          1.5us t0/cpu2  sample.shown \
                        disk=t0/d0 volume=vol0 after=3us last=true count=7 <- 11";
        assert_eq!(record_line(&record, &names), expected);
    }

    #[test]
    fn what_happened_nowhere_and_of_itself_shows_so() {
        let (record, names) = sample();
        let record = Record { node: None, cpu: None, cause: 0, ..record };
        let mut out = Vec::new();
        write_text(&mut out, &[record, record], &names).expect("a vector takes all");
        let text = String::from_utf8(out).expect("lines are text");
        assert_eq!(text.lines().count(), 2);
        assert!(text.contains(" -        sample.shown"), "{text}");
        assert!(!text.contains("<-"), "{text}");
    }
}
