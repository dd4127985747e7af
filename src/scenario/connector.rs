//! The ids and selectors of managers' connectors. Knows no cluster: whether one exists is for the validation to say.

use std::fmt;
use std::str::FromStr;

use super::ids::{NodeRef, number};
use super::name::text_format;

/// A connector of a manager: `m0/conn1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectorRef {
    /// The manager's number.
    pub manager: u16,
    /// The connector's number within the manager, from 0.
    pub number: u8,
}

impl ConnectorRef {
    /// The manager that it belongs to, as a node.
    #[must_use]
    pub const fn node(self) -> NodeRef {
        NodeRef::Manager(self.manager)
    }
}

impl fmt::Display for ConnectorRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m{}/conn{}", self.manager, self.number)
    }
}

impl FromStr for ConnectorRef {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (manager, connector) = text.split_once('/').ok_or(())?;
        let connector = number(connector.strip_prefix("conn").ok_or(())?)?;
        let manager = number(manager.strip_prefix('m').ok_or(())?)?;
        Ok(Self { manager, number: u8::try_from(connector).map_err(|_| ())? })
    }
}

/// Which connector or connectors an action is for: `m0/conn1`, `any:connector`, `all:connector`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConnectorSelector {
    /// This one.
    Fixed(ConnectorRef),
    /// Any of the cluster, drawn at each firing.
    Any,
    /// Every one of the cluster.
    All,
}

impl fmt::Display for ConnectorSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(connector) => connector.fmt(f),
            Self::Any => f.write_str("any:connector"),
            Self::All => f.write_str("all:connector"),
        }
    }
}

impl FromStr for ConnectorSelector {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "any:connector" => Ok(Self::Any),
            "all:connector" => Ok(Self::All),
            _ => text.parse().map(Self::Fixed),
        }
    }
}

text_format!(
    ConnectorRef,
    "ConnectorRef",
    "a connector such as `m0/conn0`",
    "^m(0|[1-9][0-9]*)/conn(0|[1-9][0-9]*)$"
);
text_format!(
    ConnectorSelector,
    "ConnectorSelector",
    "a connector such as `m0/conn0`, or `any:connector` or `all:connector`",
    "^(m(0|[1-9][0-9]*)/conn(0|[1-9][0-9]*)|(any|all):connector)$"
);

#[cfg(test)]
mod tests {
    use super::{ConnectorRef, ConnectorSelector};

    #[test]
    fn connectors_read_back_as_they_are_shown() {
        for text in ["m0/conn0", "m12/conn7", "any:connector", "all:connector"] {
            assert_eq!(text.parse::<ConnectorSelector>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn near_misses_are_no_connectors() {
        for text in ["m0", "m0/conn", "m0/conn01", "t0/conn0", "m0/if0", "m0/conn256", "any:conn"] {
            assert!(text.parse::<ConnectorRef>().is_err(), "{text}");
            assert!(text.parse::<ConnectorSelector>().is_err(), "{text}");
        }
    }
}
