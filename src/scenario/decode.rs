//! serde's reader for a [`Tree`]: its errors are data that know the value they are about. Mends
//! nothing and reports nothing (that is `collect`).

use std::fmt::Display;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, Expected, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::own::is_own_name;
use super::tree::{At, Json, Tree};

/// Something wrong, as serde met it.
#[derive(Debug)]
pub(super) struct Trouble {
    /// The value that it is about; `None` only until the first reader that it passes sets it.
    pub at: Option<At>,
    /// The type that the value is to be, if it is an object or a name of an enum.
    pub owner: &'static str,
    pub what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// These keys of the object are none of `names`.
    UnknownKeys { keys: Vec<At>, names: &'static [&'static str] },
    /// The object lacks this key.
    Missing { key: String },
    /// The value (or the key of it, when `key`) is none of `names`.
    NoSuchName { key: bool, names: &'static [&'static str] },
    /// An object is to have only one key, and has this one, too.
    OneTooMany { key: At },
    /// The value is to be something else.
    Wanted(String),
    /// What a conversion said: complaints in text form.
    Said(String),
}

impl Trouble {
    fn new(what: What) -> Self {
        Self { at: None, owner: "", what }
    }
    fn within(mut self, at: At) -> Self {
        self.at.get_or_insert(at);
        self
    }
    fn of(mut self, owner: &'static str) -> Self {
        if self.owner.is_empty() {
            self.owner = owner;
        }
        self
    }
}

impl Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.what)
    }
}

impl std::error::Error for Trouble {}

impl Error for Trouble {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(What::Said(message.to_string()))
    }
    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(What::Wanted(plain(expected.to_string())))
    }
    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(What::Wanted(plain(expected.to_string())))
    }
    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::new(What::Wanted(plain(expected.to_string())))
    }
    fn unknown_variant(_: &str, names: &'static [&'static str]) -> Self {
        Self::new(What::NoSuchName { key: false, names })
    }
    fn missing_field(key: &'static str) -> Self {
        Self::new(What::Missing { key: key.to_owned() })
    }
}

/// serde's words for a type, in the words of a file.
fn plain(expected: String) -> String {
    match expected.as_str() {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0 on".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a sequence" => "an array".to_owned(),
        text if text.starts_with("struct ") || text == "a map" => "an object".to_owned(),
        _ => expected,
    }
}

/// Reads the value at a place of a tree.
#[derive(Clone, Copy)]
pub(super) struct Decoder<'t> {
    pub tree: &'t Tree<'t>,
    pub at: At,
}

impl<'t> Decoder<'t> {
    fn seed<'de, S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Trouble> {
        seed.deserialize(self).map_err(|trouble| trouble.within(self.at))
    }

    fn inner(self, at: At) -> Self {
        Self { at, ..self }
    }

    fn visit<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        match self.tree.json(self.at) {
            Json::Null => visitor.visit_unit(),
            Json::Bool(value) => visitor.visit_bool(*value),
            Json::Text(text) => visitor.visit_str(text),
            Json::Number(text) => visit_number(text, visitor),
            Json::List(_) => visitor.visit_seq(Items(self, self.tree.children(self.at).collect())),
            Json::Object(_) => visitor.visit_map(Keys::of(self)),
        }
    }
}

fn visit_number<'de, V: Visitor<'de>>(text: &str, visitor: V) -> Result<V::Value, Trouble> {
    if let Ok(number) = text.parse() {
        return visitor.visit_u64(number);
    }
    match text.parse() {
        Ok(number) => visitor.visit_i64(number),
        Err(_) => Err(Trouble::invalid_type(Unexpected::Other("a number"), &visitor)),
    }
}

impl<'de> Deserializer<'de> for Decoder<'_> {
    type Error = Trouble;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        self.visit(visitor).map_err(|trouble| trouble.within(self.at))
    }

    /// A key that is there has a value: `null` is none.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        visitor.visit_some(self).map_err(|trouble| trouble.within(self.at))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        visitor.visit_newtype_struct(self).map_err(|trouble| trouble.within(self.at))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        let result = match self.tree.json(self.at) {
            Json::Object(_) => {
                let keys = unknown_keys(self, name, names);
                if keys.is_empty() {
                    visitor.visit_map(Keys::of(self))
                } else {
                    Err(Trouble::new(What::UnknownKeys { keys, names }))
                }
            }
            _ => Err(Trouble::new(What::Wanted("an object".to_owned()))),
        };
        result.map_err(|trouble| match trouble.at {
            Some(_) => trouble,
            None => trouble.within(self.at).of(name),
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        let variant = |text: &str| names.iter().copied().find(|known| *known == text);
        let no_such = |key| Err(Trouble::new(What::NoSuchName { key, names }));
        let result = match self.tree.json(self.at) {
            Json::Text(text) => match variant(text).or(is_open(name, text).then_some(text)) {
                Some(name) => visitor.visit_enum(Variant { name, content: None, whole: self }),
                None => no_such(false),
            },
            Json::Object(_) => {
                let keys: Vec<At> = self.tree.children(self.at).collect();
                match keys[..] {
                    [] => no_such(false),
                    [one] => {
                        let (key, content) = (self.tree.key(one), Some(self.inner(one)));
                        match variant(key) {
                            Some(name) => {
                                visitor.visit_enum(Variant { name, content, whole: self })
                            }
                            None if is_open(name, key) => {
                                visitor.visit_enum(Variant { name: key, content, whole: self })
                            }
                            None => no_such(true),
                        }
                    }
                    [_, key, ..] => Err(Trouble::new(What::OneTooMany { key })),
                }
            }
            _ => no_such(false),
        };
        result.map_err(|trouble| match trouble.at {
            Some(_) => trouble,
            None => trouble.within(self.at).of(name),
        })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

/// Keys that the type does not have. A file may name its schema.
fn unknown_keys(whole: Decoder<'_>, name: &str, names: &[&str]) -> Vec<At> {
    let schema = |key: &str| whole.at == Tree::ROOT && key == "$schema";
    let tree = whole.tree;
    let is_known = |key: &str| names.contains(&key) || schema(key) || is_open(name, key);
    tree.children(whole.at).filter(|at| !is_known(tree.key(*at))).collect()
}

/// Whether a type of this name may have such a key, or be such a name, that the format does not know: the validation asks the
/// program.
fn is_open(name: &str, key: &str) -> bool {
    matches!(name, "Action" | "Condition" | "Layout") && is_own_name(key)
}

struct Items<'t>(Decoder<'t>, std::collections::VecDeque<At>);

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Trouble;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Trouble> {
        match self.1.pop_front() {
            Some(at) => self.0.inner(at).seed(seed).map(Some),
            None => Ok(None),
        }
    }
}

struct Keys<'t> {
    whole: Decoder<'t>,
    rest: std::collections::VecDeque<At>,
    value: Option<At>,
}

impl<'t> Keys<'t> {
    fn of(whole: Decoder<'t>) -> Self {
        let schema = |at: &At| whole.at == Tree::ROOT && whole.tree.key(*at) == "$schema";
        let rest = whole.tree.children(whole.at).filter(|at| !schema(at)).collect();
        Self { whole, rest, value: None }
    }
}

impl<'de> MapAccess<'de> for Keys<'_> {
    type Error = Trouble;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Trouble> {
        self.value = self.rest.pop_front();
        let Some(at) = self.value else { return Ok(None) };
        seed.deserialize(StrDeserializer::<Trouble>::new(self.whole.tree.key(at))).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Trouble> {
        let at = self.value.take().expect("serde asks for a value after its key");
        self.whole.inner(at).seed(seed)
    }
}

/// A name of an enum: alone (`"pass"`), or as the key of its content (`{"violation": …}`).
struct Variant<'t> {
    name: &'t str,
    content: Option<Decoder<'t>>,
    whole: Decoder<'t>,
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Trouble;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Trouble> {
        let value = seed.deserialize(StrDeserializer::<Trouble>::new(self.name))?;
        Ok((value, self))
    }
}

impl Variant<'_> {
    fn content(&self) -> Result<Decoder<'_>, Trouble> {
        let wanted = format!("an object: `{{\"{}\": …}}`", self.name);
        self.content.ok_or_else(|| Trouble::new(What::Wanted(wanted)).within(self.whole.at))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Trouble;

    fn unit_variant(self) -> Result<(), Trouble> {
        match self.content {
            None => Ok(()),
            Some(_) => {
                let wanted = format!("`\"{}\"` alone", self.name);
                Err(Trouble::new(What::Wanted(wanted)).within(self.whole.at))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Trouble> {
        self.content()?.seed(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Trouble> {
        self.content()?.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        self.content()?.deserialize_struct("", names, visitor)
    }
}
