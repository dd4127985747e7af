//! The bugs that a scenario plants into the cluster, by their names. Plants none.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{EnumAccess, Error, VariantAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::{Bug, CAN_PLANT};

use super::complaint::Complaints;

const COUNT: usize = Bug::ALL.len();

const NAMES: [&str; COUNT] = {
    let mut names = [""; COUNT];
    let mut at = 0;
    while at < COUNT {
        names[at] = Bug::ALL[at].name();
        at += 1;
    }
    names
};

/// How a program is made that can plant bugs.
const HOW: &str = "build with `--features planted-bugs`";

impl Serialize for Bug {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Bug {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_enum("Bug", &NAMES, NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Bug;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a bug (`stormglass list bugs`)")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Bug, A::Error> {
        let (name, variant): (Cow<'de, str>, _) = data.variant()?;
        variant.unit_variant()?;
        let bug = Bug::of_name(&name).ok_or_else(|| Error::unknown_variant(&name, &NAMES))?;
        if_possible(bug, CAN_PLANT)
    }
}

/// The bug, of a program that can plant it.
fn if_possible<E: Error>(bug: Bug, can_plant: bool) -> Result<Bug, E> {
    match can_plant {
        true => Ok(bug),
        false => Err(E::custom(Complaints::one("no bug: this program can plant none", HOW))),
    }
}

impl JsonSchema for Bug {
    fn schema_name() -> Cow<'static, str> {
        "Bug".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "enum": NAMES.as_slice(),
            "description": "A bug that a program built with the feature `planted-bugs` can plant."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{NAMES, if_possible};
    use crate::base::{Bug, CAN_PLANT};

    #[test]
    fn a_program_that_can_plant_none_says_how_to_build_one() {
        type Refused = Result<Bug, serde_json::Error>;
        let refused: Refused = if_possible(Bug::NoWriteLock, false);
        assert!(refused.unwrap_err().to_string().contains("--features planted-bugs"));
        let planted: Refused = if_possible(Bug::NoWriteLock, true);
        assert_eq!(planted.unwrap(), Bug::NoWriteLock);
    }

    #[test]
    fn every_bug_reads_back_where_it_can_be_planted_and_no_other_name_does() {
        for name in NAMES {
            let text = format!("\"{name}\"");
            match serde_json::from_str::<Bug>(&text) {
                Ok(bug) => {
                    assert_eq!((serde_json::to_string(&bug).unwrap(), CAN_PLANT), (text, true))
                }
                Err(error) => assert!(!CAN_PLANT && error.to_string().contains("planted-bugs")),
            }
        }
        let unknown = serde_json::from_str::<Bug>("\"no_such_bug\"").unwrap_err();
        assert!(unknown.to_string().contains("unknown variant `no_such_bug`"));
    }
}
