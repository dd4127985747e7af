//! Composes one simulation out of a scenario, applies its script, freezes and judges it.
