//! What is wrong with a machine's programs and device files: overlays, each aimed at some of them. Changes nothing by itself.

use super::records::{Program, TroubleKind};

/// Names a fault that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FaultId(pub(super) u32);

/// What a fault is aimed at: what is left out may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aim {
    /// Runs of this program.
    pub program: Option<Program>,
    /// What is about this resource: its volumes are named after it, with `_` and a number.
    pub resource: Option<String>,
}

impl Aim {
    /// Everything.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// All runs of a program.
    #[must_use]
    pub fn program(program: Program) -> Self {
        Self { program: Some(program), resource: None }
    }

    /// All that is about a resource.
    #[must_use]
    pub fn resource(name: &str) -> Self {
        Self { program: None, resource: Some(name.to_owned()) }
    }

    /// Whether a run of a program about this is meant.
    pub(super) fn hits_run(&self, program: Program, about: Option<&str>) -> bool {
        self.program.is_none_or(|meant| meant == program) && self.is_about(about)
    }

    /// Whether what is about this is meant.
    pub(super) fn is_about(&self, about: Option<&str>) -> bool {
        let Some(resource) = &self.resource else { return true };
        about.is_some_and(|about| resource_of(about).eq_ignore_ascii_case(resource))
    }
}

/// The resource that a volume is of; or that a program is about, where that is no volume.
pub(super) fn resource_of(volume: &str) -> &str {
    match volume.rsplit_once('_') {
        Some((resource, number)) if number.len() == 5 && number.parse::<u16>().is_ok() => resource,
        _ => volume,
    }
}

/// A fault that is in force.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) id: FaultId,
    pub(super) kind: TroubleKind,
    pub(super) aim: Aim,
    /// Bytes of a flood, the code of an exit, how many times as long.
    pub(super) amount: u64,
}

#[cfg(test)]
mod tests {
    use super::{Aim, Program, resource_of};

    #[test]
    fn a_fault_hits_what_it_is_aimed_at() {
        let (data, manager) = (Some("DATA_00000"), Program::VolumeManager);
        assert!(Aim::any().hits_run(manager, data) && Aim::any().hits_run(manager, None));
        assert!(Aim::resource("data").hits_run(manager, data));
        assert!(Aim::resource("data").hits_run(manager, Some("DATA")));
        assert!(!Aim::resource("data").hits_run(manager, Some("DATA2_00000")));
        assert!(!Aim::resource("data").hits_run(manager, None), "it is about all resources");
        assert!(!Aim::program(Program::NvmeTarget).hits_run(manager, data));
    }

    #[test]
    fn a_volume_is_named_after_its_resource() {
        assert_eq!(resource_of("A_B_00001"), "A_B");
        assert_eq!(resource_of("A_00001x"), "A_00001x");
        assert_eq!(resource_of("A_1"), "A_1");
    }
}
