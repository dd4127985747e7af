//! The reference cluster: clients, targets, a manager, applications. Sees only the simulators' ports.
