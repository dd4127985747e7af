//! What applications tell of themselves, beside their operations.

crate::record! {
    /// An application begins to replay a recording: how many operations it will issue, how many lines of the recording it
    /// skips, and how many operations were moved into the blocks that it uses, shortened to them, or rounded to whole
    /// blocks. `writer` is the application's number in the stamps of its blocks.
    pub struct Replaying = "app.replaying", Notable {
        writer: u32, operations: u64, skipped: u64, moved: u64, clamped: u64, rounded: u64
    }
}
