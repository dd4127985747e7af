//! Where a volume's blocks are on its legs, for whoever knows the layout to say. Knows none.

/// Where the blocks of a volume are.
pub trait Places {
    /// The legs that hold a block of the volume, a bit each, and its place on them.
    fn place(&self, block: u64) -> (u16, u64);

    /// The groups of legs that stand in for each other, a bit each, and how many legs of a group it takes.
    fn groups(&self) -> Vec<(u16, u32)>;
}
