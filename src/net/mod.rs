//! The network simulator: a device door for node code, a control door for tests. Knows no disk and no node.
