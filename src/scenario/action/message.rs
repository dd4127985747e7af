//! The kinds of messages, as a script names them: those that the cluster's nodes send, from one list.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{EnumAccess, Error, VariantAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::MessageKind;

/// A kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageName(pub MessageKind);

const COUNT: usize = MessageKind::ALL.len();

const NAMES: [&str; COUNT] = {
    let mut names = [""; COUNT];
    let mut at = 0;
    while at < COUNT {
        names[at] = MessageKind::ALL[at].name();
        at += 1;
    }
    names
};

impl Serialize for MessageName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

impl<'de> Deserialize<'de> for MessageName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_enum("MessageName", &NAMES, NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = MessageName;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a kind of message")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<MessageName, A::Error> {
        let (name, variant): (Cow<'de, str>, _) = data.variant()?;
        variant.unit_variant()?;
        let kind = MessageKind::ALL.iter().find(|kind| kind.name() == name);
        kind.map(|kind| MessageName(*kind)).ok_or_else(|| Error::unknown_variant(&name, &NAMES))
    }
}

impl JsonSchema for MessageName {
    fn schema_name() -> Cow<'static, str> {
        "MessageName".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "enum": &NAMES[..], "description": "A kind of message of the cluster's nodes."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{MessageName, NAMES};

    #[test]
    fn every_kind_reads_back_as_it_is_shown_and_no_other_does() {
        for name in NAMES {
            let text = format!("\"{name}\"");
            let read: MessageName = serde_json::from_str(&text).expect("it is a kind");
            assert_eq!(serde_json::to_string(&read).expect("it is text"), text);
        }
        let unknown = serde_json::from_str::<MessageName>("\"wirte\"");
        assert!(unknown.expect_err("no kind").to_string().contains("unknown variant `wirte`"));
    }
}
