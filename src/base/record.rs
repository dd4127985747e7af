//! Trace records: small, typed, `Copy`. Keeps none and hashes none (that is `sim::trace`).
//!
//! A record type is a struct made by [`record!`](crate::record); its fields travel as 64-bit words, so
//! that writing one allocates and formats nothing. Names come back when somebody looks.

use std::fmt;

use super::{CpuId, Names, Nanos, NodeId};

/// The most fields that a record may have.
pub const WORDS: usize = 6;

/// From this word on a field of [`FieldKind::OpenName`] holds what a program added.
pub const OWN_WORDS: u64 = 1 << 8;

/// A record's place in the trace: 1, 2, 3, …; 0 stands for none.
pub type Seq = u64;

/// What the words of a field stand for.
#[derive(Clone, Copy)]
pub enum FieldKind {
    /// A plain number.
    Number,
    /// A [`NodeId`].
    Node,
    /// A [`CpuId`].
    Cpu,
    /// A [`DiskId`](super::DiskId).
    Disk,
    /// A [`VolumeId`](super::VolumeId).
    Volume,
    /// A span or point of virtual time.
    Nanos,
    /// A place in the code, a [`SiteId`](super::SiteId).
    Site,
    /// A plain number that may be negative.
    Signed,
    /// Yes or no.
    Flag,
    /// One of a set of names.
    Name(fn(u64) -> &'static str),
    /// One of a set of names that a program may add to: words from [`OWN_WORDS`] on are in [`Names::own`].
    OpenName(fn(u64) -> &'static str),
}

impl fmt::Debug for FieldKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number => "Number",
            Self::Node => "Node",
            Self::Cpu => "Cpu",
            Self::Disk => "Disk",
            Self::Volume => "Volume",
            Self::Nanos => "Nanos",
            Self::Site => "Site",
            Self::Signed => "Signed",
            Self::Flag => "Flag",
            Self::Name(_) | Self::OpenName(_) => "Name",
        })
    }
}

/// A value that fits a record's word.
pub trait Word: Copy {
    /// How the word is shown.
    const KIND: FieldKind;
    /// The value as a word.
    fn to_word(self) -> u64;
    /// The value that [`Word::to_word`] made the word of.
    fn from_word(word: u64) -> Self;
}

macro_rules! plain_word {
    ($($int:ty),*) => {$(
        impl Word for $int {
            const KIND: FieldKind = FieldKind::Number;
            fn to_word(self) -> u64 {
                u64::from(self)
            }
            fn from_word(word: u64) -> Self {
                word as $int
            }
        }
    )*};
}
plain_word!(u8, u16, u32, u64);

macro_rules! signed_word {
    ($($int:ty),*) => {$(
        impl Word for $int {
            const KIND: FieldKind = FieldKind::Signed;
            fn to_word(self) -> u64 {
                i64::from(self) as u64
            }
            fn from_word(word: u64) -> Self {
                word as i64 as $int
            }
        }
    )*};
}
signed_word!(i32, i64);

impl Word for bool {
    const KIND: FieldKind = FieldKind::Flag;
    fn to_word(self) -> u64 {
        u64::from(self)
    }
    fn from_word(word: u64) -> Self {
        word != 0
    }
}

/// One field of a record type.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name in a trace.
    pub name: &'static str,
    /// What its word stands for.
    pub kind: FieldKind,
}

/// Who is shown a record while the simulation runs. All records enter the digest and a kept trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Nobody: too many, too small (messages, polls).
    Trace,
    /// The checkers: what applications, media and fences did.
    History,
    /// The checkers and the fault script: state changes and faults.
    Notable,
}

/// Describes all records of one name.
#[derive(Debug)]
pub struct RecordType {
    /// The name that a trace shows and a scenario waits for, such as `volume.state`.
    pub name: &'static str,
    /// Names the type in the digest: a hash of `name`.
    pub code: u32,
    /// Its fields, at most [`WORDS`].
    pub fields: &'static [Field],
    /// Who watches it.
    pub audience: Audience,
}

/// A struct that can be written into the trace.
pub trait Recorded: Copy {
    /// Its type.
    const TYPE: &'static RecordType;
    /// Its fields as words, in the order of the type's fields, the rest zero.
    fn words(&self) -> [u64; WORDS];
    /// The struct that these words were made of.
    fn from_words(words: &[u64; WORDS]) -> Self;
}

/// One thing that happened.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// When.
    pub at: Nanos,
    /// Its place in the trace.
    pub seq: Seq,
    /// The record that led to it, or 0.
    pub cause: Seq,
    /// Where, if on a node.
    pub node: Option<NodeId>,
    /// On which CPU, if in a task.
    pub cpu: Option<CpuId>,
    /// What.
    pub kind: &'static RecordType,
    /// The fields.
    pub words: [u64; WORDS],
}

impl Record {
    /// The typed record, if it is one of type `T`.
    #[must_use]
    pub fn get<T: Recorded>(&self) -> Option<T> {
        (self.kind.code == T::TYPE.code).then(|| T::from_words(&self.words))
    }

    /// Each field with its value as text.
    pub fn fields<'a>(
        &'a self,
        names: &'a Names,
    ) -> impl Iterator<Item = (&'static str, String)> + 'a {
        let pairs = self.kind.fields.iter().zip(self.words);
        pairs.map(|(field, word)| (field.name, show_word(field.kind, word, names)))
    }

    /// One line: time, node, name, fields.
    #[must_use]
    pub fn line(&self, names: &Names) -> String {
        let node = self.node.map_or_else(|| "-".to_owned(), |node| names.node(node));
        let mut line = format!("{:>14} {node:<4} {}", self.at.to_string(), self.kind.name);
        for (name, value) in self.fields(names) {
            line.push_str(&format!(" {name}={value}"));
        }
        line
    }
}

fn show_word(kind: FieldKind, word: u64, names: &Names) -> String {
    match kind {
        FieldKind::Number => word.to_string(),
        FieldKind::Node => names.node(NodeId::from_word(word)),
        FieldKind::Cpu => CpuId::from_word(word).to_string(),
        FieldKind::Disk => names.disk(super::DiskId::from_word(word)),
        FieldKind::Volume => names.volume(super::VolumeId::from_word(word)),
        FieldKind::Nanos => Nanos::new(word).to_string(),
        FieldKind::Site => names.site(super::SiteId::from_word(word)),
        FieldKind::Signed => (word as i64).to_string(),
        FieldKind::Flag => (word != 0).to_string(),
        FieldKind::OpenName(_) if word >= OWN_WORDS => names.own(word),
        FieldKind::Name(name) | FieldKind::OpenName(name) => name(word).to_owned(),
    }
}

/// The code of a record name: its 32-bit FNV-1a hash.
#[must_use]
pub const fn record_code(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let mut hash = 0x811c_9dc5_u32;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    hash
}

/// Defines a record type.
///
/// ```
/// use stormglass::base::{Audience, Nanos, NodeId, Recorded};
/// stormglass::record! {
///     /// The lamp went on or off.
///     pub struct LampSwitched = "lamp.switched", Notable { on: bool, after: Nanos }
/// }
/// let record = LampSwitched { on: true, after: Nanos::from_micros(3) };
/// assert_eq!(LampSwitched::TYPE.name, "lamp.switched");
/// assert_eq!(LampSwitched::from_words(&record.words()).after, record.after);
/// ```
#[macro_export]
macro_rules! record {
    ($(#[$doc:meta])* pub struct $type:ident = $name:literal, $audience:ident
     { $($(#[$fdoc:meta])* $field:ident: $ftype:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $type {
            $($(#[$fdoc])*
            #[doc = concat!("The record's `", stringify!($field), "`.")]
            pub $field: $ftype,)*
        }

        impl $crate::base::Recorded for $type {
            const TYPE: &'static $crate::base::RecordType = &$crate::base::RecordType {
                name: $name,
                code: $crate::base::record_code($name),
                fields: &[$($crate::base::Field {
                    name: stringify!($field),
                    kind: <$ftype as $crate::base::Word>::KIND,
                }),*],
                audience: $crate::base::Audience::$audience,
            };
            fn words(&self) -> [u64; $crate::base::WORDS] {
                const FIELDS: usize = [$(stringify!($field)),*].len();
                const { assert!(FIELDS <= $crate::base::WORDS, "a record has six fields at most") };
                let given = [$($crate::base::Word::to_word(self.$field)),*];
                let mut words = [0; $crate::base::WORDS];
                words[..given.len()].copy_from_slice(&given);
                words
            }
            fn from_words(words: &[u64; $crate::base::WORDS]) -> Self {
                let mut next = words.iter().copied();
                Self { $($field: $crate::base::Word::from_word(
                    next.next().expect("a record type has at most WORDS fields"))),* }
            }
        }
    };
}

/// Defines an enum whose variants can stand in a record's field, each with the name it is shown by.
#[macro_export]
macro_rules! word_enum {
    ($(#[$doc:meta])* pub enum $type:ident {
        $($(#[$vdoc:meta])* $variant:ident = $name:literal),* $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type { $($(#[$vdoc])* $variant),* }

        impl $type {
            /// Every variant, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// The name that a trace, a report or a scenario uses.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl $crate::base::Word for $type {
            const KIND: $crate::base::FieldKind = $crate::base::FieldKind::Name(|word| {
                Self::ALL.get(word as usize).map_or("?", |variant| variant.name())
            });
            fn to_word(self) -> u64 {
                self as u64
            }
            fn from_word(word: u64) -> Self {
                Self::ALL[word as usize]
            }
        }
    };
}
