//! The options of one job: their defaults, and what each value says. Knows no volume.

use crate::base::Nanos;
use crate::scenario::collect::{nearest, one_of};
use crate::scenario::trace::{FieldText, LineError};

use super::ini::OptionText;
use super::sizes::{SizesByKind, fixed, range, split, usual};
use super::table::{ignored, names};
use super::values::{Amount, MILLION, amount, bytes, flag, millionths, time, within};
use super::weights::Distribution;

/// What the operations of a job are, as `rw` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Read,
    Write,
    Trim,
    TrimWrite,
    Mixed,
}

/// What a job file says of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub direction: Direction,
    pub is_random: bool,
    /// The number behind `rw`: of operations for a random place, or of bytes passed over.
    pub number: Option<u64>,
    pub sizes: SizesByKind,
    pub size: Option<Amount>,
    pub io_size: Option<Amount>,
    pub offset: Option<Amount>,
    pub number_ios: Option<u64>,
    pub loops: u64,
    pub numjobs: u32,
    pub iodepth: u32,
    /// Reads of a hundred.
    pub rwmixread: u32,
    pub percentage_random: Option<u32>,
    pub distribution: Distribution,
    pub norandommap: bool,
    pub randrepeat: bool,
    pub randseed: Option<u64>,
    pub fsync: u64,
    pub fdatasync: u64,
    pub end_fsync: bool,
    pub sync: bool,
    pub thinktime: Nanos,
    pub thinktime_blocks: u64,
    pub rate_iops: Option<u64>,
    pub runtime: Option<Nanos>,
    pub time_based: bool,
    pub startdelay: Nanos,
    pub ramp_time: Nanos,
    pub stonewall: bool,
    pub verify: bool,
    pub do_verify: bool,
    pub verify_backlog: u64,
    pub read_iolog: Option<String>,
}

impl Default for Options {
    /// What fio takes where nothing is said.
    fn default() -> Self {
        Self {
            direction: Direction::Read,
            is_random: false,
            number: None,
            sizes: usual(),
            size: None,
            io_size: None,
            offset: None,
            number_ios: None,
            loops: 1,
            numjobs: 1,
            iodepth: 1,
            rwmixread: 50,
            percentage_random: None,
            distribution: Distribution::Random,
            norandommap: false,
            randrepeat: false,
            randseed: None,
            fsync: 0,
            fdatasync: 0,
            end_fsync: false,
            sync: false,
            thinktime: Nanos::ZERO,
            thinktime_blocks: 1,
            rate_iops: None,
            runtime: None,
            time_based: false,
            startdelay: Nanos::ZERO,
            ramp_time: Nanos::ZERO,
            stonewall: false,
            verify: false,
            do_verify: true,
            verify_backlog: 0,
            read_iolog: None,
        }
    }
}

const MICROSECOND: u64 = 1_000;
const SECOND: u64 = 1_000_000_000;
const COUNT_MAX: u64 = 1 << 40;

impl Options {
    /// Takes an option; says why it makes no difference, if it does not.
    ///
    /// # Errors
    /// When there is no such option, or its value is none of its.
    pub fn take(&mut self, option: OptionText<'_>) -> Result<Option<&'static str>, LineError> {
        let OptionText { key, value } = option;
        if let Some(why) = ignored(key.text) {
            return Ok(Some(why));
        }
        let given = || value.ok_or_else(|| key.is_not(&format!("`{}=…`, with a value", key.text)));
        let count = |what: &str| within(given()?, 0, COUNT_MAX, what);
        let percent = || within(given()?, 0, 100, "a percentage from 0 to 100").map(|it| it as u32);
        match key.text {
            "rw" | "readwrite" => self.take_direction(given()?)?,
            "bs" | "blocksize" => fixed(given()?, &mut self.sizes)?,
            "bsrange" | "blocksize_range" => range(given()?, &mut self.sizes)?,
            "bssplit" => split(given()?, &mut self.sizes)?,
            "size" => self.size = Some(amount(given()?)?),
            "io_size" | "io_limit" => self.io_size = Some(amount(given()?)?),
            "offset" => self.offset = Some(amount(given()?)?),
            "number_ios" => {
                self.number_ios = Some(within(given()?, 1, COUNT_MAX, "a number above 0")?)
            }
            "loops" => self.loops = within(given()?, 1, COUNT_MAX, "a number above 0")?,
            "numjobs" => {
                self.numjobs = within(given()?, 1, 1_000, "a number from 1 to 1000")? as u32
            }
            "iodepth" => {
                self.iodepth = within(given()?, 1, 4_096, "a number from 1 to 4096")? as u32
            }
            "rwmixread" => self.rwmixread = percent()?,
            "rwmixwrite" => self.rwmixread = 100 - percent()?,
            "percentage_random" => self.percentage_random = Some(percent()?),
            "random_distribution" => self.distribution = distribution(given()?)?,
            "norandommap" => self.norandommap = flag(value)?,
            "randrepeat" => self.randrepeat = flag(value)?,
            "randseed" => self.randseed = Some(given()?.number("a seed")?),
            "fsync" => self.fsync = count("how many writes lie between two flushes")?,
            "fdatasync" => self.fdatasync = count("how many writes lie between two flushes")?,
            "end_fsync" | "fsync_on_close" => self.end_fsync = flag(value)?,
            "sync" => self.sync = synchronous(given()?)?,
            "thinktime" => self.thinktime = time(given()?, MICROSECOND)?,
            "thinktime_blocks" => {
                self.thinktime_blocks = within(given()?, 1, COUNT_MAX, "a number above 0")?;
            }
            "rate_iops" => {
                let what = "operations per second, from 1 to 1000000000";
                self.rate_iops = Some(within(given()?, 1, 1_000_000_000, what)?);
            }
            "runtime" => {
                self.runtime = Some(time(given()?, SECOND)?).filter(|it| *it > Nanos::ZERO)
            }
            "time_based" => self.time_based = flag(value)?,
            "startdelay" => self.startdelay = time(given()?, SECOND)?,
            "ramp_time" => self.ramp_time = time(given()?, SECOND)?,
            "stonewall" | "wait_for_previous" => self.stonewall = flag(value)?,
            "verify" => self.verify = verifies(given()?)?,
            "do_verify" => self.do_verify = flag(value)?,
            "verify_backlog" => {
                self.verify_backlog = count("how many writes are read back at a time")?;
            }
            "read_iolog" => self.read_iolog = Some(given()?.text.to_owned()),
            _ => return Err(unknown(key)),
        }
        Ok(None)
    }

    /// `randrw`, or with a number `randread:8`.
    fn take_direction(&mut self, value: FieldText<'_>) -> Result<(), LineError> {
        const NAMES: [(&str, Direction, bool); 11] = [
            ("read", Direction::Read, false),
            ("write", Direction::Write, false),
            ("randread", Direction::Read, true),
            ("randwrite", Direction::Write, true),
            ("rw", Direction::Mixed, false),
            ("readwrite", Direction::Mixed, false),
            ("randrw", Direction::Mixed, true),
            ("trim", Direction::Trim, false),
            ("randtrim", Direction::Trim, true),
            ("trimwrite", Direction::TrimWrite, false),
            ("randtrimwrite", Direction::TrimWrite, true),
        ];
        let parts = value.split(':');
        let found = NAMES.iter().find(|(name, ..)| *name == parts[0].text);
        let Some((_, direction, is_random)) = found else {
            let all = || NAMES.iter().map(|(name, ..)| *name);
            return Err(parts[0].is_not(&like(parts[0].text, all)));
        };
        let number = match parts[..] {
            [_] => None,
            [_, number] if *is_random => {
                Some(within(number, 1, COUNT_MAX, "how many operations follow each other")?)
            }
            [_, number] => Some(bytes(number)?),
            _ => return Err(value.is_not("one number behind `:`")),
        };
        (self.direction, self.is_random, self.number) = (*direction, *is_random, number);
        Ok(())
    }
}

/// One of the names, and which of them is meant, if one is.
fn like<'a, I: Iterator<Item = &'a str>>(given: &str, all: impl Fn() -> I) -> String {
    let known = one_of(all());
    match nearest(given, all()) {
        Some(near) => format!("{known} (did you mean `{near}`?)"),
        None => known,
    }
}

fn unknown(key: FieldText<'_>) -> LineError {
    let near = nearest(key.text, names());
    let near = near.map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"));
    key.is_not(&format!("an option of a job file that is followed here{near}"))
}

fn synchronous(value: FieldText<'_>) -> Result<bool, LineError> {
    match value.text {
        "0" | "none" => Ok(false),
        "1" | "sync" | "dsync" => Ok(true),
        _ => Err(value.is_not("one of `none`, `sync` and `dsync`")),
    }
}

/// Contents are checked in the framework's own way, whatever the method.
fn verifies(value: FieldText<'_>) -> Result<bool, LineError> {
    const METHODS: [&str; 20] = [
        "md5",
        "crc64",
        "crc32c",
        "crc32c-intel",
        "crc32",
        "crc16",
        "crc7",
        "xxhash",
        "sha512",
        "sha256",
        "sha1",
        "sha3-224",
        "sha3-256",
        "sha3-384",
        "sha3-512",
        "meta",
        "pattern",
        "pattern_hdr",
        "1",
        "null",
    ];
    match value.text {
        "0" | "none" => Ok(false),
        text if METHODS.contains(&text) => Ok(true),
        text => Err(value.is_not(&like(text, || METHODS.iter().copied()))),
    }
}

/// `random`, `zipf:1.2`, `pareto:0.2`, `normal:10`, `zoned:60/10:30/20:10/70`.
fn distribution(value: FieldText<'_>) -> Result<Distribution, LineError> {
    let parts = value.split(':');
    let wanted = "`random`, `zipf:θ`, `pareto:h`, `normal:deviation` or `zoned:operations/size:…`";
    let one = |what: &str| match parts[..] {
        [_, number] => millionths(number, what),
        _ => Err(value.is_not(wanted)),
    };
    let ranged = |what: &str, max: u64| {
        let number = one(what)?;
        if (1..=max).contains(&number) { Ok(number) } else { Err(value.is_not(what)) }
    };
    match parts[0].text {
        "random" if parts.len() == 1 => Ok(Distribution::Random),
        "zipf" => ranged("a theta above 0, at most 5", 5 * MILLION).map(Distribution::Zipf),
        "pareto" => ranged("an h between 0 and 1", MILLION - 1).map(Distribution::Pareto),
        "normal" => {
            let what = "a deviation above 0 and up to 100 of a hundred";
            ranged(what, 100 * MILLION).map(Distribution::Normal)
        }
        "zoned" if parts.len() > 1 => zones(value, &parts[1..]).map(Distribution::Zoned),
        _ => Err(value.is_not(wanted)),
    }
}

fn zones(value: FieldText<'_>, parts: &[FieldText<'_>]) -> Result<Vec<(u64, u64)>, LineError> {
    let mut zones = Vec::new();
    for part in parts {
        let [operations, size] = part.split('/')[..] else {
            return Err(part.is_not("parts of operations and of the area, such as `60/10`"));
        };
        let percent = |field| within(field, 0, 100, "a percentage from 0 to 100");
        zones.push((percent(operations)?, percent(size)?));
    }
    let sums = zones.iter().fold((0, 0), |(a, b), (operations, size)| (a + operations, b + size));
    if sums == (100, 100) {
        Ok(zones)
    } else {
        Err(value.is_not("zones whose parts make 100 each"))
    }
}
