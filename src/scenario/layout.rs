//! What a volume's layout is called: a name of the format, or one that a program adds. Lays nothing out.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{Deserialize, Deserializer, EnumAccess, Error, VariantAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::own::is_own_name;

/// How the blocks of a volume are laid out over its legs.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
pub enum Layout {
    /// Stripes over all legs, each block on one of them.
    #[schemars(rename = "raid0")]
    Raid0,
    /// Every leg holds every block.
    #[schemars(rename = "raid1")]
    Raid1,
    /// Stripes over groups of neighbouring legs, each of which holds a copy.
    #[schemars(rename = "raid10")]
    Raid10,
    /// Stripes over `data` legs, with parity on `parity` more.
    #[schemars(rename = "ec")]
    Ec,
    /// One that the program adds.
    #[schemars(skip)]
    Own(String),
}

impl Layout {
    /// Those of the format, in order.
    pub const ALL: &'static [Self] = &[Self::Raid0, Self::Raid1, Self::Raid10, Self::Ec];
    /// Their names.
    pub const NAMES: &'static [&'static str] = &["raid0", "raid1", "raid10", "ec"];

    /// The name that a scenario file uses.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Raid0 => "raid0",
            Self::Raid1 => "raid1",
            Self::Raid10 => "raid10",
            Self::Ec => "ec",
            Self::Own(name) => name,
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Layout {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Layout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Named;
        impl<'de> Visitor<'de> for Named {
            type Value = Layout;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a layout")
            }
            fn visit_enum<A: EnumAccess<'de>>(self, choice: A) -> Result<Layout, A::Error> {
                let (name, rest) = choice.variant::<String>()?;
                rest.unit_variant()?;
                match Layout::ALL.iter().find(|known| known.name() == name) {
                    Some(known) => Ok(known.clone()),
                    None if is_own_name(&name) => Ok(Layout::Own(name)),
                    None => Err(A::Error::unknown_variant(&name, Layout::NAMES)),
                }
            }
        }
        deserializer.deserialize_enum("Layout", Self::NAMES, Named)
    }
}

#[cfg(test)]
mod tests {
    use super::Layout;

    #[test]
    fn each_is_written_as_it_is_read() {
        for (layout, name) in Layout::ALL.iter().zip(Layout::NAMES) {
            assert_eq!((layout.name(), layout.to_string().as_str()), (*name, *name));
        }
        let own = Layout::Own("mine.spread".to_owned());
        for layout in Layout::ALL.iter().chain([&own]) {
            let written = serde_json::to_string(layout).expect("a text");
            assert_eq!(written, format!("\"{layout}\""));
            assert_eq!(serde_json::from_str::<Layout>(&written).expect("a layout"), *layout);
        }
        assert!(serde_json::from_str::<Layout>("\"raid9\"").is_err());
    }
}
