//! The kernel simulator: tasks, virtual CPUs, time, clocks, random streams, trace. Knows no disk, net or node.
