//! The names of the objects that a cluster is configured by: one type a kind, which cannot be made of a name that
//! is not valid for that kind, nor be taken for another. Looks no object up.
//!
//! Names are told apart without regard to case, and shown as they were given. Lengths are in bytes of UTF-8.
//!
//! A name of one kind is never one of another:
//!
//! ```compile_fail,E0308
//! use stormglass::node::control::{ResourceName, StoragePoolName};
//! fn of_pool(_: &StoragePoolName) {}
//! of_pool(&ResourceName::new("data").unwrap());
//! ```
//!
//! ```compile_fail,E0277
//! use stormglass::node::control::{NodeName, ResourceName};
//! let resource = ResourceName::new("data").unwrap();
//! let node: NodeName = resource.into();
//! ```
//!
//! ```compile_fail,E0308
//! use stormglass::node::control::{NodeName, SnapshotName};
//! let same = NodeName::new("data").unwrap() == SnapshotName::new("data").unwrap();
//! ```
//!
//! And none is made past its check:
//!
//! ```compile_fail,E0423
//! use stormglass::node::control::ResourceName;
//! let resource = ResourceName("all".to_owned());
//! ```
//!
//! What differs in case alone is the same:
//!
//! ```
//! use stormglass::node::control::NodeName;
//! let (one, other) = (NodeName::new("Alpha-1").unwrap(), NodeName::new("aLPHA-1").unwrap());
//! assert_eq!(one, other);
//! assert_eq!((one.to_string(), one.key()), ("Alpha-1".to_owned(), "ALPHA-1"));
//! ```

use std::cmp::Ordering;
use std::fmt;

/// A text that is no valid name of its kind: what is wrong with it, and what is expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid name: {fault}; {rule}")]
pub struct InvalidName {
    fault: NameFault,
    rule: &'static str,
}

impl InvalidName {
    /// What is wrong with the name.
    #[must_use]
    pub fn fault(&self) -> &NameFault {
        &self.fault
    }

    /// What is expected of a name of this kind.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

/// What is wrong with a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// It is too short.
    #[error("Name length {0} is less than minimum length {1}")]
    Short(usize, usize),
    /// It is too long.
    #[error("Name length {0} is greater than maximum length {1}")]
    Long(usize, usize),
    /// Its first character may not be the first.
    #[error("Cannot begin with character '{0}'")]
    Begin(char),
    /// Its last character may not be the last.
    #[error("Cannot end with character '{0}'")]
    End(char),
    /// A character that may not be in it.
    #[error("Cannot contain character '{0}'")]
    Character(char),
    /// It has no letter.
    #[error("Name must contain at least one letter")]
    NoLetter,
    /// It means something else.
    #[error("Name '{0}' is reserved")]
    Reserved(String),
    /// A part between two dots is empty.
    #[error("Label {0} of the host name is empty")]
    EmptyLabel(usize),
    /// A part between two dots is too long.
    #[error("Label {0} of the host name has length {1}, which is greater than maximum length 63")]
    LongLabel(usize, usize),
    /// A part between two dots begins or ends with a hyphen.
    #[error("Label {0} of the host name cannot begin or end with character '-'")]
    HyphenLabel(usize),
    /// It would be taken for an address.
    #[error("A host name of digits and dots alone would be taken for an address")]
    Address,
    /// It is no absolute path.
    #[error("Path must begin with character '/'")]
    Relative,
}

/// The names of one kind.
struct Kind {
    min: usize,
    max: usize,
    reserved: &'static [&'static str],
    check: fn(&str) -> Result<(), NameFault>,
    rule: &'static str,
}

impl Kind {
    fn check(&self, text: &str) -> Result<(), InvalidName> {
        self.fault(text).map_err(|fault| InvalidName { fault, rule: self.rule })
    }

    fn fault(&self, text: &str) -> Result<(), NameFault> {
        match text.len() {
            length if length < self.min => return Err(NameFault::Short(length, self.min)),
            length if length > self.max => return Err(NameFault::Long(length, self.max)),
            _ => {}
        }
        if self.reserved.iter().any(|word| word.eq_ignore_ascii_case(text)) {
            return Err(NameFault::Reserved(text.to_owned()));
        }
        (self.check)(text)
    }
}

/// A letter or `_`, then letters, digits, `_` and `-`; at least one letter.
fn plain(text: &str) -> Result<(), NameFault> {
    let first = text.chars().next().unwrap_or('\0');
    if !first.is_ascii_alphabetic() && first != '_' {
        return Err(NameFault::Begin(first));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    needs_letter(text, text.chars().find(|c| !fits(*c)))
}

/// As `plain`, but a digit may be the first, and there may be dots within.
fn shared(text: &str) -> Result<(), NameFault> {
    let first = text.chars().next().unwrap_or('\0');
    if !first.is_ascii_alphanumeric() && first != '_' {
        return Err(NameFault::Begin(first));
    }
    if text.ends_with('.') {
        return Err(NameFault::End('.'));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    needs_letter(text, text.chars().find(|c| !fits(*c)))
}

fn needs_letter(text: &str, misfit: Option<char>) -> Result<(), NameFault> {
    match misfit {
        Some(misfit) => Err(NameFault::Character(misfit)),
        None if text.bytes().any(|byte| byte.is_ascii_alphabetic()) => Ok(()),
        None => Err(NameFault::NoLetter),
    }
}

/// A host name as RFC 1123 has it, which resolvers hold to: labels of 1 to 63 letters, digits and hyphens, no hyphen at
/// either end of a label. Systems that let `a..b`, `a.-b` or a trailing dot pass have nodes that nobody can reach by
/// their name.
fn host(text: &str) -> Result<(), NameFault> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    if let Some(misfit) = text.chars().find(|c| !fits(*c)) {
        return Err(NameFault::Character(misfit));
    }
    for (label, at) in text.split('.').zip(1..) {
        match label.len() {
            0 => return Err(NameFault::EmptyLabel(at)),
            length if length > 63 => return Err(NameFault::LongLabel(at, length)),
            _ => {}
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(NameFault::HyphenLabel(at));
        }
    }
    let is_address = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_address { Err(NameFault::Address) } else { Ok(()) }
}

/// An absolute path of visible ASCII characters.
fn path(text: &str) -> Result<(), NameFault> {
    if !text.starts_with('/') {
        return Err(NameFault::Relative);
    }
    match text.chars().find(|c| !c.is_ascii_graphic()) {
        Some(misfit) => Err(NameFault::Character(misfit)),
        None => Ok(()),
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $type:ident: $min:literal to $max:literal, $check:ident, $rule:literal $(, not $reserved:expr)?;)*) => {$(
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $type {
            shown: String,
            key: String,
        }

        impl $type {
            const KIND: Kind = Kind {
                min: $min,
                max: $max,
                reserved: names!(@ $($reserved)?),
                check: $check,
                rule: $rule,
            };

            /// The name, if it is a valid one.
            ///
            /// # Errors
            /// What is wrong with it, and what is expected.
            pub fn new(text: &str) -> Result<Self, InvalidName> {
                Self::KIND.check(text)?;
                Ok(Self { shown: text.to_owned(), key: text.to_ascii_uppercase() })
            }

            /// What tells it from others of its kind: its upper-case form.
            #[must_use]
            pub fn key(&self) -> &str {
                &self.key
            }

            /// As it was given.
            #[must_use]
            pub fn shown(&self) -> &str {
                &self.shown
            }
        }

        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                self.key == other.key
            }
        }

        impl Eq for $type {}

        impl PartialOrd for $type {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $type {
            fn cmp(&self, other: &Self) -> Ordering {
                self.key.cmp(&other.key)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.shown)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($type), "({})"), self.shown)
            }
        }
    )*};
    (@) => { &[] };
    (@ $reserved:expr) => { &$reserved };
}

names! {
    /// A node of the cluster: its host name.
    NodeName: 2 to 255, host,
        "a node name is a host name of 2 to 255 characters: labels of letters, digits and hyphens, with dots between";
    /// A cluster elsewhere.
    RemoteName: 2 to 255, host,
        "the name of a remote is a host name of 2 to 255 characters: labels of letters, digits and hyphens, with dots between";
    /// A plan of when snapshots are taken.
    ScheduleName: 2 to 255, host,
        "the name of a schedule is a host name of 2 to 255 characters: labels of letters, digits and hyphens, with dots between";
    /// A resource, and its definition.
    ResourceName: 2 to 48, plain,
        "a resource name has 2 to 48 characters: a letter or `_`, then letters, digits, `_` and `-`, with a letter among them, and is neither `all` nor `proxy`",
        not ["all", "proxy"];
    /// What definitions are made after.
    ResourceGroupName: 2 to 48, plain,
        "the name of a resource group has 2 to 48 characters: a letter or `_`, then letters, digits, `_` and `-`, with a letter among them";
    /// A snapshot of a resource.
    SnapshotName: 2 to 48, plain,
        "a snapshot name has 2 to 48 characters: a letter or `_`, then letters, digits, `_` and `-`, with a letter among them";
    /// A set of properties that the cluster keeps for others.
    KeyValueStoreName: 2 to 48, plain,
        "the name of a key-value store has 2 to 48 characters: a letter or `_`, then letters, digits, `_` and `-`, with a letter among them";
    /// A storage pool.
    StoragePoolName: 3 to 48, plain,
        "the name of a storage pool has 3 to 48 characters: a letter or `_`, then letters, digits, `_` and `-`, with a letter among them";
    /// Storage that several nodes reach.
    SharedStoragePoolName: 1 to 48, shared,
        "the name of a shared storage pool has 1 to 48 characters: a letter, a digit or `_`, then letters, digits, `_`, `-` and dots within, with a letter among them";
    /// A network interface of a node.
    NetInterfaceName: 3 to 32, plain,
        "the name of a network interface has 3 to 32 characters: a letter or `_`, then letters, digits, `_` and `-`, with a letter among them";
}

/// A file outside the cluster's own, by its absolute path. Paths differ by case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExternalFileName(String);

impl ExternalFileName {
    const KIND: Kind = Kind {
        min: 2,
        max: 1024,
        reserved: &[],
        check: path,
        rule: "a file name is an absolute path of 2 to 1024 visible ASCII characters",
    };

    /// The path, if it is a valid one.
    ///
    /// # Errors
    /// What is wrong with it, and what is expected.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        Self::KIND.check(text)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ExternalFileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{ExternalFileName, NetInterfaceName, NodeName, ResourceName};
    use super::{SharedStoragePoolName, SnapshotName, StoragePoolName};

    #[track_caller]
    fn says<T: std::fmt::Debug>(name: Result<T, super::InvalidName>, expected: &str) {
        let error = name.expect_err("it is no name").to_string();
        assert!(error.starts_with(&format!("Invalid name: {expected}; ")), "{error}");
        assert!(error.contains(" characters"), "it says what is expected: {error}");
    }

    #[test]
    fn what_is_wrong_with_a_name_is_said() {
        says(ResourceName::new("a"), "Name length 1 is less than minimum length 2");
        says(StoragePoolName::new("d0"), "Name length 2 is less than minimum length 3");
        says(
            ResourceName::new(&"x".repeat(49)),
            "Name length 49 is greater than maximum length 48",
        );
        says(ResourceName::new("0data"), "Cannot begin with character '0'");
        says(ResourceName::new("-data"), "Cannot begin with character '-'");
        says(ResourceName::new("da ta"), "Cannot contain character ' '");
        says(ResourceName::new("dätä"), "Cannot contain character 'ä'");
        says(ResourceName::new("__1"), "Name must contain at least one letter");
        says(ResourceName::new("ALL"), "Name 'ALL' is reserved");
        says(ResourceName::new("Proxy"), "Name 'Proxy' is reserved");
        says(ExternalFileName::new("etc/x"), "Path must begin with character '/'");
        says(SharedStoragePoolName::new("san."), "Cannot end with character '.'");
    }

    #[test]
    fn lengths_are_of_bytes_and_reach_to_their_ends() {
        assert!(ResourceName::new(&"x".repeat(48)).is_ok());
        assert!(NetInterfaceName::new(&"x".repeat(32)).is_ok());
        says(
            NetInterfaceName::new(&"ä".repeat(17)),
            "Name length 34 is greater than maximum length 32",
        );
        assert!(SnapshotName::new("all").is_ok(), "reserved for resources alone");
        assert!(SharedStoragePoolName::new("0.san").is_ok());
        assert!(ExternalFileName::new("/etc/x").is_ok());
    }

    #[test]
    fn a_node_has_a_host_name_that_resolves() {
        for name in ["t0", "alpha.example.org", "4ever", "a-b.c-d", &"x".repeat(63)] {
            assert!(NodeName::new(name).is_ok(), "{name}");
        }
        says(NodeName::new("a..b"), "Label 2 of the host name is empty");
        says(NodeName::new("ab."), "Label 2 of the host name is empty");
        says(NodeName::new(".ab"), "Label 1 of the host name is empty");
        says(
            NodeName::new("a.-b"),
            "Label 2 of the host name cannot begin or end with character '-'",
        );
        says(
            NodeName::new("a-"),
            "Label 1 of the host name cannot begin or end with character '-'",
        );
        says(NodeName::new("under_score"), "Cannot contain character '_'");
        let long =
            "Label 1 of the host name has length 64, which is greater than maximum length 63";
        says(NodeName::new(&"x".repeat(64)), long);
        let address = "A host name of digits and dots alone would be taken for an address";
        says(NodeName::new("10.0.0.1"), address);
    }

    proptest! {
        #[test]
        fn every_name_that_is_taken_keeps_the_rule(text in "[a-zA-Z0-9_.-]{0,52}") {
            if let Ok(name) = ResourceName::new(&text) {
                assert!((2..=48).contains(&text.len()) && !text.contains('.'));
                assert!(!text.starts_with(|c: char| c.is_ascii_digit() || c == '-'));
                assert!(text.contains(|c: char| c.is_ascii_alphabetic()));
                assert_eq!(name.shown(), text);
            }
            if NodeName::new(&text).is_ok() {
                assert!(text.split('.').all(|label| !label.is_empty() && label.len() <= 63));
            }
        }

        #[test]
        fn no_text_is_too_strange_to_be_judged(text in any::<String>()) {
            let _judged = (NodeName::new(&text), ResourceName::new(&text), ExternalFileName::new(&text));
        }

        #[test]
        fn case_tells_no_names_apart(text in "[a-zA-Z_][a-zA-Z0-9_-]{1,47}") {
            let both = [text.to_ascii_lowercase(), text.to_ascii_uppercase()];
            if let [Ok(lower), Ok(upper)] = both.map(|text| StoragePoolName::new(&text)) {
                assert_eq!(lower.cmp(&upper), std::cmp::Ordering::Equal);
                assert_eq!(lower.key(), upper.key());
            }
        }
    }
}
