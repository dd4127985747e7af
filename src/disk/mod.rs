//! The NVMe simulator: a device door for node code, a control door for tests. Knows no net and no node.
