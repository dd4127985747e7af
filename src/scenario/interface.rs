//! The ids and selectors of network interfaces. Knows no cluster: whether one exists is for the validation to
//! say.

use std::fmt;
use std::str::FromStr;

use super::ids::{NodeRef, number};
use super::name::text_format;

/// An interface of a node: `t0/if0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InterfaceRef {
    /// The node.
    pub node: NodeRef,
    /// Its number within the node, from 0.
    pub number: u8,
}

impl fmt::Display for InterfaceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/if{}", self.node, self.number)
    }
}

impl FromStr for InterfaceRef {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (node, interface) = text.split_once('/').ok_or(())?;
        let number = number(interface.strip_prefix("if").ok_or(())?)?;
        Ok(Self { node: node.parse()?, number: u8::try_from(number).map_err(|_| ())? })
    }
}

/// Which interface or interfaces an action is for: `t0/if0`, `any:interface`, `all:interface`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InterfaceSelector {
    /// This one.
    Fixed(InterfaceRef),
    /// Any of the cluster, drawn at each firing.
    Any,
    /// Every one of the cluster.
    All,
}

impl fmt::Display for InterfaceSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(interface) => interface.fmt(f),
            Self::Any => f.write_str("any:interface"),
            Self::All => f.write_str("all:interface"),
        }
    }
}

impl FromStr for InterfaceSelector {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "any:interface" => Ok(Self::Any),
            "all:interface" => Ok(Self::All),
            _ => text.parse().map(Self::Fixed),
        }
    }
}

text_format!(
    InterfaceSelector,
    "InterfaceSelector",
    "an interface such as `t0/if0`, or `any:interface` or `all:interface`",
    "^(([ctm]|db)(0|[1-9][0-9]*)/if(0|[1-9][0-9]*)|(any|all):interface)$"
);

#[cfg(test)]
mod tests {
    use super::{InterfaceRef, InterfaceSelector};

    #[test]
    fn interfaces_read_back_as_they_are_shown() {
        for text in ["t0/if0", "c12/if7", "m0/if1", "any:interface", "all:interface"] {
            assert_eq!(text.parse::<InterfaceSelector>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn near_misses_are_no_interfaces() {
        for text in ["t0", "t0/if", "t0/if01", "if0", "t0/if0/if1", "t0/if256", "t0/d0", "any:if"] {
            assert!(text.parse::<InterfaceRef>().is_err(), "{text}");
            assert!(text.parse::<InterfaceSelector>().is_err(), "{text}");
        }
    }
}
