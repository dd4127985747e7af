//! What the strict seal refused, in words. Seals nothing.

/// Code in a simulation called for something of the host that could make its runs differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trespass {
    /// The system call's name, such as `getrandom`, or the instruction's.
    pub call: String,
    /// The functions that were under way, the innermost first.
    pub stack: Vec<String>,
}

impl Trespass {
    /// It in one line.
    #[must_use]
    pub fn headline(&self) -> String {
        let from = self.stack.first().map_or("unknown code", String::as_str);
        format!("{} was called inside the simulation, by {from}", self.call)
    }
}
