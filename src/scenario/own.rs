//! What a program adds to the words of a scenario: actions, conditions, checks, records and layouts of its own. Gives none of
//! them a meaning.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::action::{Arguments, Family};
use super::tree::Step;
use super::validate::Validator;
use crate::layout::{AnyLayout, Layout, OwnLayout, Wanted};

/// An action or a condition of a program's own, as a scenario writes it: its name and its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnCall {
    /// Its name: `prefix.name`, with a prefix that no action of the format has.
    pub name: String,
    /// Its arguments, which the program's vocabulary judges.
    pub arguments: Value,
}

/// A name that a program adds, and what may stand under it.
#[derive(Clone, Copy)]
pub struct Word {
    /// The name: `prefix.name`.
    pub name: &'static str,
    /// Of an action, whether an entry may undo it after a time with `for`.
    pub can_be_undone: bool,
    /// Reports what is wrong with the arguments under these steps.
    pub(super) check: fn(&mut Validator<'_, '_>, &[Step]),
    /// What the arguments are, for an editor.
    pub(super) schema: fn(&mut SchemaGenerator) -> Schema,
}

impl Word {
    /// A name whose arguments are a `T`. What `T`'s documentation says is what the program says of the name.
    ///
    /// # Panics
    /// When the name is none that a program may add: letters, digits, `-` and `_` before and after a dot, where what is
    /// before it is no family of the format's own actions.
    #[must_use]
    pub fn new<T: Arguments + DeserializeOwned + JsonSchema>(
        name: &'static str,
        can_be_undone: bool,
    ) -> Self {
        assert!(is_own_name(name), "{name:?} is no `prefix.name` that a program may add");
        let check = |validator: &mut Validator<'_, '_>, at: &[Step]| {
            validator.arguments::<T>(at);
        };
        Self { name, can_be_undone, check, schema: |generator| generator.subschema_for::<T>() }
    }

    /// The part of the name before the dot.
    #[must_use]
    pub fn prefix(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(prefix, _)| prefix)
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A layout that a program adds: its name, and how one is made for a volume.
pub struct LayoutWord {
    /// The name: `prefix.name`.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    make: Box<dyn Fn(Wanted) -> OwnLayout + Send + Sync>,
}

impl LayoutWord {
    /// A name whose layouts are made of what scenarios say of volumes.
    ///
    /// # Panics
    /// When the name is none that a program may add.
    #[must_use]
    pub fn new<L: Layout + Send + Sync + 'static>(
        name: &'static str,
        about: &'static str,
        make: impl Fn(&Wanted) -> L + Send + Sync + 'static,
    ) -> Self {
        assert!(is_own_name(name), "{name:?} is no `prefix.name` that a program may add");
        let make = Box::new(move |wanted| OwnLayout::new(name, wanted, make(&wanted)));
        Self { name, about, make }
    }

    /// The layout of a volume.
    #[must_use]
    pub fn made(&self, wanted: Wanted) -> AnyLayout {
        (self.make)(wanted).into()
    }
}

/// All that a program adds.
pub trait Vocabulary: Any + Send + Sync {
    /// Its actions.
    fn actions(&self) -> &[Word];
    /// Its conditions.
    fn conditions(&self) -> &[Word];
    /// Its checks, each with a sentence: they hold where a scenario's `checks` name `own` or `all`.
    fn checks(&self) -> Vec<(&'static str, &'static str)>;
    /// The names of its records, for conditions that wait for one.
    fn events(&self) -> &[&'static str];
    /// Its layouts.
    fn layouts(&self) -> &[LayoutWord];
}

/// The words of one's own that a scenario was read with. They are no part of what it says: two scenarios that differ in
/// nothing else are equal.
#[derive(Clone, Default)]
pub struct Words(Option<Arc<dyn Vocabulary>>);

impl Words {
    /// These words.
    #[must_use]
    pub fn new(vocabulary: impl Vocabulary) -> Self {
        Self(Some(Arc::new(vocabulary)))
    }

    /// Whether there are any.
    #[must_use]
    pub fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// The vocabulary, if it is a `T`.
    #[must_use]
    pub fn get<T: Vocabulary>(&self) -> Option<&T> {
        let vocabulary: &dyn Any = self.0.as_deref()?;
        vocabulary.downcast_ref()
    }

    /// The actions that the program adds.
    #[must_use]
    pub fn actions(&self) -> &[Word] {
        self.0.as_deref().map_or(&[], Vocabulary::actions)
    }

    /// The conditions that the program adds.
    #[must_use]
    pub fn conditions(&self) -> &[Word] {
        self.0.as_deref().map_or(&[], Vocabulary::conditions)
    }

    /// The checks that the program adds, each with a sentence.
    #[must_use]
    pub fn checks(&self) -> Vec<(&'static str, &'static str)> {
        self.0.as_deref().map_or_else(Vec::new, Vocabulary::checks)
    }

    /// The names of the records that the program adds.
    #[must_use]
    pub fn events(&self) -> &[&'static str] {
        self.0.as_deref().map_or(&[], Vocabulary::events)
    }

    /// The layouts that the program adds.
    #[must_use]
    pub fn layouts(&self) -> &[LayoutWord] {
        self.0.as_deref().map_or(&[], Vocabulary::layouts)
    }

    /// The layout of this name that the program adds.
    #[must_use]
    pub fn layout(&self, name: &str) -> Option<&LayoutWord> {
        self.layouts().iter().find(|word| word.name == name)
    }

    /// The place of an action among those that the program adds.
    #[must_use]
    pub fn action_index(&self, name: &str) -> Option<usize> {
        self.actions().iter().position(|word| word.name == name)
    }
}

impl PartialEq for Words {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.actions()).entries(self.conditions()).finish()
    }
}

/// Whether a program may add this name.
pub(super) fn is_own_name(name: &str) -> bool {
    let Some((prefix, rest)) = name.split_once('.') else { return false };
    let is_word = |word: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        !word.is_empty() && word.len() <= 64 && word.chars().all(plain)
    };
    is_word(prefix) && is_word(rest) && Family::ALL.iter().all(|family| family.name() != prefix)
}

impl Serialize for OwnCall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(&self.name, &self.arguments)?;
        map.end()
    }
}

/// Reads what may be a program's own: an object with one key of that kind, or else all that a `T` is made of.
pub(super) struct OwnOr<T>(pub Result<OwnCall, T>);

/// What is to be read where a name of one's own is not.
pub(super) trait Spelt: DeserializeOwned {
    /// The type's name in a file's errors.
    const NAME: &'static str;
    /// Its keys.
    const KEYS: &'static [&'static str];
}

impl<'de, T: Spelt> Deserialize<'de> for OwnOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(std::marker::PhantomData<T>);
        impl<'de, T: Spelt> Visitor<'de> for Either<T> {
            type Value = OwnOr<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let first = map.next_key::<String>()?;
                if let Some(name) = first.clone().filter(|key| is_own_name(key)) {
                    let arguments = map.next_value()?;
                    return match map.next_key::<String>()? {
                        None => Ok(OwnOr(Ok(OwnCall { name, arguments }))),
                        Some(_) => Err(A::Error::custom(format!("`{name}` alone"))),
                    };
                }
                let rest = serde::de::value::MapAccessDeserializer::new(PutBack { first, map });
                T::deserialize(rest).map(|spelt| OwnOr(Err(spelt)))
            }
        }
        deserializer.deserialize_struct(T::NAME, T::KEYS, Either(std::marker::PhantomData))
    }
}

/// A map whose first key was looked at.
struct PutBack<A> {
    first: Option<String>,
    map: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for PutBack<A> {
    type Error = A::Error;

    fn next_key_seed<K: serde::de::DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let key = match self.first.take() {
            Some(first) => Some(first),
            None => self.map.next_key::<String>()?,
        };
        let Some(key) = key else { return Ok(None) };
        if is_own_name(&key) {
            return Err(A::Error::custom(format!("`{key}` alone")));
        }
        seed.deserialize(serde::de::value::StringDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: serde::de::DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::is_own_name;

    #[test]
    fn a_name_of_ones_own_has_a_prefix_of_its_own() {
        for name in ["mine.flip-lamp", "rack.power_cut", "a.b"] {
            assert!(is_own_name(name), "{name}");
        }
        for name in ["disk.melt", "flip", "mine.", ".flip", "mine.a.b", "my rack.cut", "api.x"] {
            assert!(!is_own_name(name), "{name}");
        }
    }
}
