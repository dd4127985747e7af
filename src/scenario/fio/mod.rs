//! Job files of `fio`: their text into jobs, and those onto the blocks of a volume. Reads no file.

mod app;
mod fixed;
mod ini;
mod options;
mod place;
mod sizes;
mod table;
mod values;
mod weights;

pub use app::{FioApp, FioJob, FioWork, JobFile};
