//! What the programs that run on volumes tell of their contents: what they are about to change, what they were told is
//! kept, and what they find. Judges nothing.
//!
//! Contents are told by a number of 64 bits: a hash of all that the program says is there, 0 of nothing.

crate::word_enum! {
    /// What is wrong with the contents of a volume, by the words of the program that wrote them.
    pub enum Damage {
        /// Nothing.
        None = "none",
        /// It doesn't open them.
        NotOpened = "not-opened",
        /// Its own check of all of them fails.
        CheckFailed = "check-failed",
        /// It cannot read what is in them.
        NotReadable = "not-readable",
        /// It cannot change them.
        NotChanged = "not-changed",
        /// A block is not as it was told that it had written it, and a flush says that nothing was lost.
        WentBack = "went-back",
        /// It comes upon something that it takes for impossible, and panics.
        Panicked = "panicked",
    }
}

crate::record! {
    /// A program begins to change its contents. Until it says more, they are what they were, `before`, or `after`; of what
    /// it says nothing it has taken out of both.
    pub struct GuestBegan = "guest.began", Notable { writer: u32, step: u64, before: u64, after: u64 }
}

crate::record! {
    /// What it began is done and durable, as it was told: its contents are these.
    pub struct GuestCommitted = "guest.committed", Notable { writer: u32, step: u64, contents: u64 }
}

crate::record! {
    /// A program has looked at all that its volume holds, and found these contents, unless they are damaged.
    pub struct GuestFound = "guest.found", Notable { writer: u32, contents: u64, damage: Damage }
}
