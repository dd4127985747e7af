//! A trace as JSON lines for programs: one object a record. Filters and orders nothing.
//!
//! ```text
//! {"time":1500,"seq":12,"node":"t0","cpu":2,"record":"disk.completed","fields":{"disk":"t0/d0"},"cause":11}
//! ```
//! Times are nanoseconds of virtual time. `node`, `cpu` and `cause` are `null` where there is none.

use std::io;
use std::io::Write;

use serde::Serialize;
use serde::Serializer;
use serde::ser::SerializeMap;

use crate::base::CpuId;
use crate::base::DiskId;
use crate::base::FieldKind;
use crate::base::Names;
use crate::base::NodeId;
use crate::base::OWN_WORDS;
use crate::base::Record;
use crate::base::Seq;
use crate::base::SiteId;
use crate::base::VolumeId;
use crate::base::Word;

#[derive(Serialize)]
struct Line<'a> {
    time: u64,
    seq: Seq,
    node: Option<String>,
    cpu: Option<u16>,
    record: &'static str,
    fields: Fields<'a>,
    cause: Option<Seq>,
}

struct Fields<'a> {
    record: &'a Record,
    names: &'a Names,
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.record.kind.fields;
        let mut map = serializer.serialize_map(Some(fields.len()))?;
        for (field, word) in fields.iter().zip(self.record.words) {
            match field.kind {
                FieldKind::Number | FieldKind::Nanos => map.serialize_entry(field.name, &word)?,
                FieldKind::Signed => map.serialize_entry(field.name, &(word as i64))?,
                FieldKind::Site => {
                    map.serialize_entry(field.name, &self.names.site(SiteId::from_word(word)))?;
                }
                FieldKind::Flag => map.serialize_entry(field.name, &(word != 0))?,
                FieldKind::OpenName(_) if word >= OWN_WORDS => {
                    map.serialize_entry(field.name, &self.names.own(word))?;
                }
                FieldKind::Name(name) | FieldKind::OpenName(name) => {
                    map.serialize_entry(field.name, name(word))?;
                }
                FieldKind::Cpu => map.serialize_entry(field.name, &CpuId::from_word(word).get())?,
                FieldKind::Node => {
                    map.serialize_entry(field.name, &self.names.node(NodeId::from_word(word)))?;
                }
                FieldKind::Disk => {
                    map.serialize_entry(field.name, &self.names.disk(DiskId::from_word(word)))?;
                }
                FieldKind::Volume => {
                    map.serialize_entry(field.name, &self.names.volume(VolumeId::from_word(word)))?;
                }
            }
        }
        map.end()
    }
}

impl<'a> Line<'a> {
    fn of(record: &'a Record, names: &'a Names) -> Self {
        Self {
            time: record.at.get(),
            seq: record.seq,
            node: record.node.map(|node| names.node(node)),
            cpu: record.cpu.map(CpuId::get),
            record: record.kind.name,
            fields: Fields { record, names },
            cause: (record.cause != 0).then_some(record.cause),
        }
    }
}

/// A record as the object that its line is.
#[must_use]
pub fn record_value(record: &Record, names: &Names) -> serde_json::Value {
    serde_json::to_value(Line::of(record, names)).expect("a record is plain JSON")
}

/// Writes one JSON object and a line end for each record.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_jsonl(out: &mut dyn Write, trace: &[Record], names: &Names) -> io::Result<()> {
    for record in trace {
        serde_json::to_writer(&mut *out, &Line::of(record, names))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::base::{CpuId, DiskId, Names, Nanos, NodeId, Record, Recorded};

    use super::write_jsonl;

    crate::word_enum! {
        /// A word that is shown by name.
        pub enum Colour { Red = "red" }
    }
    crate::record! {
        /// A record of the kinds that JSON must tell apart.
        pub struct Sample = "sample.written", Trace {
            disk: DiskId, after: Nanos, last: bool, colour: Colour, cpu: CpuId, peer: NodeId
        }
    }

    #[test]
    fn each_kind_of_field_has_its_json_type() {
        let fields = Sample {
            disk: DiskId::new(0),
            after: Nanos::new(u64::MAX),
            last: false,
            colour: Colour::Red,
            cpu: CpuId::new(3),
            peer: NodeId::new(9),
        };
        let record = Record {
            at: Nanos::new(5),
            seq: 2,
            cause: 1,
            node: Some(NodeId::new(0)),
            cpu: None,
            kind: Sample::TYPE,
            words: fields.words(),
        };
        let first = Record { node: None, cause: 0, seq: 1, cpu: Some(CpuId::new(4)), ..record };
        let names =
            Names { nodes: vec!["c\"0".into()], disks: vec!["t0/d0".into()], ..Names::default() };
        let mut out = Vec::new();
        write_jsonl(&mut out, &[first, record], &names).expect("a vector takes all");
        let fields = r#"{"disk":"t0/d0","after":18446744073709551615,"last":false,"colour":"red","cpu":3,"peer":"n9"}"#;
        let expected = format!(
            "{{\"time\":5,\"seq\":1,\"node\":null,\"cpu\":4,\"record\":\"sample.written\",\"fields\":{fields},\"cause\":null}}\n\
             {{\"time\":5,\"seq\":2,\"node\":\"c\\\"0\",\"cpu\":null,\"record\":\"sample.written\",\"fields\":{fields},\"cause\":1}}\n"
        );
        assert_eq!(String::from_utf8(out).expect("JSON is text"), expected);
    }
}
