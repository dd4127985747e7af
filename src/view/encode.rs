//! A trace as columns of numbers in a page: small, and quick to read back. Shows nothing.
//!
//! Each column is a row of unsigned LEB128 numbers in Base64, one for each record unless said otherwise:
//! `at` and `seq` since the record before, the index of its type, its node and CPU plus one (0 where there is
//! none), the distance back to its cause, that on to its end, that to the operation and to the source that it has (0 where
//! there is none), and its fields, as many as its type has.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::base::{FieldKind, Names, OWN_WORDS, RecordType};

use super::links::Links;
use super::scene::Scene;

/// The columns.
#[derive(Serialize)]
pub(super) struct Columns {
    at: String,
    kind: String,
    node: String,
    cpu: String,
    cause: String,
    end: String,
    operation: String,
    source: String,
    words: String,
}

/// A type of records.
#[derive(Serialize)]
pub(super) struct Kind {
    name: &'static str,
    fields: Vec<FieldOfKind>,
}

#[derive(Serialize)]
struct FieldOfKind {
    name: &'static str,
    kind: String,
    /// What the words that occur are called.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    names: BTreeMap<u64, Cow<'static, str>>,
}

#[derive(Default)]
struct Column(Vec<u8>);

impl Column {
    fn push(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn text(&self) -> String {
        STANDARD.encode(&self.0)
    }
}

/// The trace as columns, and the types of its records in the order of their first.
pub(super) fn encode(scene: &Scene<'_>, links: &Links) -> (Columns, Vec<Kind>) {
    let mut kinds = Kinds::default();
    let mut columns: [Column; 9] = Default::default();
    let [at, kind, node, cpu, cause, end, operation, source, words] = &mut columns;
    let mut before = 0;
    for (index, record) in scene.trace.iter().enumerate() {
        at.push(record.at.get() - before);
        before = record.at.get();
        kind.push(kinds.index(record.kind) as u64);
        node.push(record.node.map_or(0, |node| u64::from(node.get()) + 1));
        cpu.push(record.cpu.map_or(0, |cpu| u64::from(cpu.get()) + 1));
        cause.push(scene.cause(index).map_or(0, |cause| (index - cause) as u64));
        end.push(links.end[index].map_or(0, |end| (end - index) as u64));
        // An operation may be its own: then it is 1 away.
        operation
            .push(links.operation[index].map_or(0, |operation| (index - operation) as u64 + 1));
        source.push(links.source[index].map_or(0, |source| (index - source) as u64));
        let of_kind = record.words.iter().take(record.kind.fields.len());
        of_kind.for_each(|word| words.push(*word));
        kinds.note(record.kind, &record.words, scene.names);
    }
    let [at, kind, node, cpu, cause, end, operation, source, words] =
        columns.map(|column| column.text());
    (Columns { at, kind, node, cpu, cause, end, operation, source, words }, kinds.list)
}

#[derive(Default)]
struct Kinds {
    by_code: BTreeMap<u32, usize>,
    list: Vec<Kind>,
}

impl Kinds {
    fn index(&mut self, kind: &'static RecordType) -> usize {
        let list = &mut self.list;
        *self.by_code.entry(kind.code).or_insert_with(|| {
            let fields = kind.fields.iter().map(|field| FieldOfKind {
                name: field.name,
                kind: format!("{:?}", field.kind).to_lowercase(),
                names: BTreeMap::new(),
            });
            list.push(Kind { name: kind.name, fields: fields.collect() });
            list.len() - 1
        })
    }

    fn note(&mut self, kind: &'static RecordType, words: &[u64], names: &Names) {
        let index = self.by_code[&kind.code];
        for ((field, word), of) in kind.fields.iter().zip(words).zip(&mut self.list[index].fields) {
            let name = match field.kind {
                FieldKind::OpenName(_) if *word >= OWN_WORDS => Cow::Owned(names.own(*word)),
                FieldKind::Name(name) | FieldKind::OpenName(name) => Cow::Borrowed(name(*word)),
                _ => continue,
            };
            of.names.entry(*word).or_insert(name);
        }
    }
}
