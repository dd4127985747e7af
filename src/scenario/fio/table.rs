//! The names of the options of a job file: those that are followed, and those that make no difference here. Reads no
//! value.

/// Why an option makes no difference.
const ONE_ENGINE: &str = "there is one way to issue operations";
const THE_VOLUME: &str = "the volume is the file";
const CONTENTS: &str = "contents are always unique, and always checked";
const TRACES: &str = "what is written of a run is the trace";
const HOST: &str = "there is no such host";
const ACCOUNTS: &str = "it only says how results are shown";

/// Options that are passed over, each with the reason.
const IGNORED: &[(&str, &str)] = &[
    ("allow_file_create", THE_VOLUME),
    ("allow_mounted_write", HOST),
    ("buffered", ONE_ENGINE),
    ("buffer_compress_percentage", CONTENTS),
    ("buffer_pattern", CONTENTS),
    ("clat_percentiles", ACCOUNTS),
    ("clocksource", HOST),
    ("cpumask", HOST),
    ("cpus_allowed", HOST),
    ("cpus_allowed_policy", HOST),
    ("create_on_open", THE_VOLUME),
    ("create_serialize", THE_VOLUME),
    ("dedupe_percentage", CONTENTS),
    ("description", ACCOUNTS),
    ("direct", ONE_ENGINE),
    ("directory", THE_VOLUME),
    ("disable_bw_measurement", ACCOUNTS),
    ("disable_clat", ACCOUNTS),
    ("disable_lat", ACCOUNTS),
    ("disable_slat", ACCOUNTS),
    ("fallocate", THE_VOLUME),
    ("filename", THE_VOLUME),
    ("group_reporting", ACCOUNTS),
    ("gtod_reduce", ACCOUNTS),
    ("hipri", ONE_ENGINE),
    ("invalidate", ONE_ENGINE),
    ("ioengine", ONE_ENGINE),
    ("iodepth_batch", ONE_ENGINE),
    ("iodepth_batch_complete", ONE_ENGINE),
    ("iodepth_batch_complete_max", ONE_ENGINE),
    ("iodepth_batch_complete_min", ONE_ENGINE),
    ("iodepth_batch_submit", ONE_ENGINE),
    ("lat_percentiles", ACCOUNTS),
    ("log_avg_msec", ACCOUNTS),
    ("name", ACCOUNTS),
    ("new_group", ACCOUNTS),
    ("nice", HOST),
    ("numa_cpu_nodes", HOST),
    ("numa_mem_policy", HOST),
    ("overwrite", THE_VOLUME),
    ("percentile_list", ACCOUNTS),
    ("prio", HOST),
    ("prioclass", HOST),
    ("refill_buffers", CONTENTS),
    ("scramble_buffers", CONTENTS),
    ("thread", HOST),
    ("unlink", THE_VOLUME),
    ("verify_interval", CONTENTS),
    ("verify_offset", CONTENTS),
    ("verify_pattern", CONTENTS),
    ("verify_dump", CONTENTS),
    ("verify_fatal", "a run always ends with the first content that is wrong"),
    ("write_bw_log", TRACES),
    ("write_iolog", TRACES),
    ("write_iops_log", TRACES),
    ("write_lat_log", TRACES),
    ("zero_buffers", CONTENTS),
];

/// Options that are followed.
const FOLLOWED: &[&str] = &[
    "bs",
    "blocksize",
    "bsrange",
    "blocksize_range",
    "bssplit",
    "do_verify",
    "end_fsync",
    "fdatasync",
    "fsync",
    "fsync_on_close",
    "io_limit",
    "io_size",
    "iodepth",
    "loops",
    "norandommap",
    "number_ios",
    "numjobs",
    "offset",
    "percentage_random",
    "ramp_time",
    "random_distribution",
    "randrepeat",
    "randseed",
    "rate_iops",
    "read_iolog",
    "readwrite",
    "runtime",
    "rw",
    "rwmixread",
    "rwmixwrite",
    "size",
    "startdelay",
    "stonewall",
    "sync",
    "thinktime",
    "thinktime_blocks",
    "time_based",
    "verify",
    "verify_backlog",
    "wait_for_previous",
];

/// Why an option makes no difference, if it is one of those.
pub(super) fn ignored(name: &str) -> Option<&'static str> {
    IGNORED.iter().find(|(known, _)| *known == name).map(|(_, why)| *why)
}

/// All names, for the nearest to one that is none.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FOLLOWED.iter().copied().chain(IGNORED.iter().map(|(name, _)| *name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::names;

    #[test]
    fn each_name_is_there_once() {
        assert_eq!(names().count(), names().collect::<BTreeSet<_>>().len());
    }
}
