//! An application that does what a job file says. Issues nothing and reads no file.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::base::{BlockSize, Job, Nanos, Replay};
use crate::scenario::ids::NodeRef;
use crate::scenario::trace::{FieldText, LineError, Recording, TraceFormat};
use crate::scenario::units::CountRange;

use super::ini::{OptionText, Section, sections};
use super::options::Options;
use super::place::{Placing, longest};

/// An application that does what a job file says: each job of it, as often as `numjobs` says, is one of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct FioApp {
    /// The client that it runs on.
    pub client: NodeRef,
    /// The name of the volume that it uses.
    pub volume: String,
    /// What it does.
    pub jobs: JobFile,
    /// The first and the last block that it uses; `None` for the whole volume.
    pub region: Option<CountRange>,
    /// When it starts.
    pub start: Nanos,
    /// When it issues no more, even if operations are left.
    pub stop: Option<Nanos>,
    /// How many times the whole file runs, side by side, 1 to 1000.
    pub count: u32,
}

/// One job on the blocks of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FioJob {
    /// Its name.
    pub name: String,
    /// Operations that it keeps in flight at most.
    pub depth: u32,
    /// How long it waits before its first operation.
    pub delay: Nanos,
    /// It begins when all jobs of lower groups are over.
    pub group: u32,
    /// What it does.
    pub work: FioWork,
}

/// What a job does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FioWork {
    /// What its options say.
    Job(Rc<Job>),
    /// What was logged.
    Replay(Rc<Replay>),
}

impl FioApp {
    /// How many jobs run at once or one behind the other, each counted as often as `numjobs` says.
    #[must_use]
    pub fn instances(&self) -> u64 {
        let each = self.jobs.jobs.iter().map(|job| u64::from(job.options.numjobs));
        each.sum::<u64>() * u64::from(self.count)
    }

    /// The jobs on the blocks from `region.0` to `region.1`, each as often as it runs, and what was fitted to them.
    ///
    /// # Errors
    /// The name of the job that does not fit there, and why not.
    pub fn placed(
        &self,
        block_size: BlockSize,
        region: (u64, u64),
    ) -> Result<(Vec<FioJob>, Vec<String>), String> {
        let (mut jobs, mut notes) = (Vec::new(), Vec::new());
        for job in self.jobs.jobs.iter() {
            let mut placing = Placing::new(block_size, region);
            let work = placing.place(&job.options, job.log.as_ref());
            let work = work.map_err(|what| format!("job `{}`: {what}", job.name))?;
            let said = placing.notes.into_iter();
            notes.extend(said.map(|note| format!("job `{}`: {note}", job.name)));
            let options = &job.options;
            let placed = FioJob {
                name: job.name.clone(),
                depth: options.iodepth,
                delay: options.startdelay,
                group: job.group,
                work,
            };
            jobs.extend(std::iter::repeat_n(placed, options.numjobs as usize));
        }
        Ok((jobs, notes))
    }

    /// The most blocks that one of its operations has, however large the region is.
    #[must_use]
    pub fn longest(&self, block_size: BlockSize) -> u64 {
        let jobs = self.jobs.jobs.iter();
        jobs.map(|job| longest(&job.options, job.log.as_ref(), block_size)).max().unwrap_or(1)
    }
}

/// A job file: its text, those of the logs that it replays, and what they say.
#[derive(Clone, Debug)]
pub struct JobFile {
    text: Arc<str>,
    iologs: BTreeMap<String, String>,
    jobs: Arc<Vec<ReadJob>>,
    notes: Arc<Vec<String>>,
}

/// A job as the file has it.
#[derive(Clone, Debug, PartialEq)]
struct ReadJob {
    name: String,
    options: Options,
    log: Option<Recording>,
    group: u32,
}

impl PartialEq for JobFile {
    /// What the text says follows from it.
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.iologs == other.iologs
    }
}

impl JobFile {
    /// Reads a job file. `iologs` has the texts of the logs that it replays, by the names that it gives them.
    ///
    /// # Errors
    /// What is wrong with its lines. Never empty.
    pub fn of(text: &str, iologs: BTreeMap<String, String>) -> Result<Self, Vec<LineError>> {
        let mut reading = Reading::new(&iologs);
        for section in sections(text)? {
            reading.take(&section);
        }
        if reading.errors.is_empty() && reading.jobs.is_empty() {
            let (line, column) = (text.lines().count().max(1), 1);
            let (found, expected) = ("no job".to_owned(), "a section such as `[job0]`".to_owned());
            reading.errors.push(LineError { line, column, found, expected });
        }
        if !reading.errors.is_empty() {
            return Err(reading.errors);
        }
        let (jobs, notes) = (reading.jobs.into(), reading.notes.into());
        Ok(Self { text: text.into(), jobs, notes, iologs })
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The texts of the logs that it replays, by the names that it gives them.
    #[must_use]
    pub const fn iologs(&self) -> &BTreeMap<String, String> {
        &self.iologs
    }

    /// What is passed over, and why.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The names of the logs that a job file replays, as far as it can be read.
    pub(in crate::scenario) fn logs_named(text: &str) -> Vec<String> {
        let sections = sections(text).unwrap_or_default();
        let options = sections.iter().flat_map(|section| &section.options);
        let logs = options.filter(|option| option.key.text == "read_iolog");
        logs.filter_map(|option| Some(option.value?.text.to_owned())).collect()
    }
}

/// The sections read so far.
struct Reading<'a> {
    iologs: &'a BTreeMap<String, String>,
    global: Options,
    jobs: Vec<ReadJob>,
    notes: Vec<String>,
    /// The options of which it was said that they make no difference.
    noted: Vec<String>,
    errors: Vec<LineError>,
    group: u32,
}

impl<'a> Reading<'a> {
    fn new(iologs: &'a BTreeMap<String, String>) -> Self {
        Self {
            iologs,
            global: Options::default(),
            jobs: Vec::new(),
            notes: Vec::new(),
            noted: Vec::new(),
            errors: Vec::new(),
            group: 0,
        }
    }

    fn take(&mut self, section: &Section<'_>) {
        let mut options = self.global.clone();
        let mut log = None;
        for option in &section.options {
            match options.take(*option) {
                Ok(None) => {}
                Ok(Some(why)) => self.note(option.key, why),
                Err(error) => self.errors.push(error),
            }
            if option.key.text == "read_iolog" {
                log = option.value.map(|value| self.log(*option, value));
            }
        }
        if section.name.text == "global" {
            self.global = options;
            return;
        }
        if options.time_based && options.runtime.is_none() {
            let expected = "a job with a `runtime`, as it is `time_based`";
            self.errors.push(section.name.is_not(expected));
        }
        self.group += u32::from(options.stonewall && !self.jobs.is_empty());
        let (name, group) = (section.name.text.to_owned(), self.group);
        self.jobs.push(ReadJob { name, options, log: log.flatten(), group });
    }

    fn note(&mut self, key: FieldText<'_>, why: &str) {
        if !self.noted.iter().any(|noted| noted == key.text) {
            self.noted.push(key.text.to_owned());
            self.notes.push(format!("line {}: `{}` is passed over: {why}", key.line(), key.text));
        }
    }

    fn log(&mut self, option: OptionText<'_>, value: FieldText<'_>) -> Option<Recording> {
        let Some(text) = self.iologs.get(value.text) else {
            let expected = "the name of a log whose text stands in `iologs` by that name";
            self.errors.push(value.is_not(expected));
            return None;
        };
        match Recording::of(TraceFormat::FioIolog, None, text) {
            Ok(recording) => Some(recording),
            Err(errors) => {
                let of_log =
                    |error: &LineError| option.key.is_not(&format!("a log: in it, {error}"));
                self.errors.extend(errors.iter().map(of_log));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{FioApp, FioWork, JobFile};
    use crate::base::{BlockSize, Job, JobKind, Nanos, Spread};
    use crate::scenario::ids::NodeRef;

    fn app(text: &str) -> FioApp {
        let jobs = JobFile::of(text, BTreeMap::new()).unwrap_or_else(|errors| panic!("{errors:?}"));
        FioApp {
            client: NodeRef::Client(0),
            volume: "vol0".to_owned(),
            jobs,
            region: None,
            start: Nanos::ZERO,
            stop: None,
            count: 1,
        }
    }

    fn job(text: &str) -> (Job, Vec<String>) {
        let (jobs, notes) = app(text).placed(BlockSize::B4096, (0, 1023)).unwrap();
        let FioWork::Job(job) = &jobs[0].work else { panic!("a job") };
        (Job::clone(job), notes)
    }

    fn error(text: &str) -> String {
        JobFile::of(text, BTreeMap::new()).unwrap_err()[0].to_string()
    }

    #[test]
    fn global_options_hold_for_the_jobs_that_follow() {
        let text = "[global]\nbs=8k\nrw=randrw\nrwmixread=70\niodepth=8\nioengine=libaio\n\
            [a]\nnumjobs=2\n[global]\nbs=4k\n[b]\nstonewall\nrw=write\n";
        let app = app(text);
        assert_eq!(app.instances(), 3);
        let (jobs, _) = app.placed(BlockSize::B4096, (0, 1023)).unwrap();
        let names: Vec<_> = jobs.iter().map(|job| (job.name.as_str(), job.group)).collect();
        assert_eq!(names, [("a", 0), ("a", 0), ("b", 1)]);
        let FioWork::Job(first) = &jobs[0].work else { panic!("a job") };
        assert_eq!((first.kind, first.sizes[1][0].min), (JobKind::Mixed(70), 2));
        assert_eq!((first.random_percent, jobs[0].depth), (100, 8));
        let FioWork::Job(last) = &jobs[2].work else { panic!("a job") };
        assert_eq!((last.kind, last.sizes[1][0].min), (JobKind::Write, 1));
        assert_eq!(
            app.jobs.notes(),
            ["line 6: `ioengine` is passed over: there is one way to issue operations"]
        );
    }

    #[test]
    fn what_does_not_fit_is_cut_and_said() {
        let (job, notes) = job("[a]\nsize=10g\noffset=25%\nbs=6k\n");
        assert_eq!((job.first, job.blocks, job.pass), (256, 768, 768));
        assert_eq!(job.sizes[0][0].min, 2);
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(notes.iter().any(|note| note.contains("size")), "{notes:?}");
        assert!(app("[a]\noffset=10g\n").placed(BlockSize::B4096, (0, 1023)).is_err());
    }

    #[test]
    fn every_part_of_a_job_is_followed() {
        let (it, _) = job("[a]\nrw=randwrite:4\nsize=1m\nio_size=2m\nnumber_ios=9\nloops=3\n\
            fsync=4\nfdatasync=2\nend_fsync=1\nthinktime=50\nthinktime_blocks=3\nrate_iops=500\n\
            sync=1\nverify=crc32c\nverify_backlog=8\nrandseed=7\nnorandommap\n");
        assert_eq!((it.blocks, it.pass, it.ops, it.passes), (256, 512, Some(9), Some(3)));
        assert_eq!((it.run, it.flush_every, it.flush_at_end, it.fua), (4, 2, true, true));
        assert_eq!((it.think, it.think_every), (Nanos::from_micros(50), 3));
        assert_eq!((it.rate, it.seed, it.reads_back, it.backlog), (Some(500), Some(7), true, 8));
        assert_eq!(it.spread, Spread::Anywhere);
        let (it, _) = job(
            "[a]\nrw=randread\nruntime=20ms\nramp_time=5ms\ntime_based\nrandom_distribution=zipf:1.1\n",
        );
        assert_eq!((it.passes, it.runtime), (None, Some(Nanos::from_millis(25))));
        assert!(matches!(it.spread, Spread::Weighted { is_scattered: true, .. }));
        let (it, _) = job("[a]\nrw=write:8k\nverify=md5\ndo_verify=0\n");
        assert_eq!((it.hole, it.reads_back), (2, false));
    }

    #[test]
    fn errors_name_the_line_and_what_was_meant() {
        let unknown = error("[a]\nrw=read\niodepht=4\n");
        assert!(unknown.starts_with("line 3, column 1: found `iodepht`"), "{unknown}");
        assert!(unknown.contains("did you mean `iodepth`?"), "{unknown}");
        assert!(error("[a]\nrw=raed\n").contains("did you mean `read`?"));
        assert!(error("[a]\nbs=4q\n").starts_with("line 2, column 4: found `4q`"));
        assert!(error("[a]\ntime_based\n").contains("`runtime`"));
        assert!(error("[global]\nrw=read\n").contains("no job"));
        assert!(error("[a]\nverify=crc33c\n").contains("did you mean `crc32c`?"));
        assert!(error("[a]\nrandom_distribution=zipf:0\n").contains("a theta above 0"));
        assert!(error("[a]\nrandom_distribution=zoned:60/10:30/20\n").contains("make 100 each"));
        assert!(error("[a]\nread_iolog=x.log\n").contains("`iologs`"));
        let both = JobFile::of("[a]\nfoo=1\nbar=2\n", BTreeMap::new()).unwrap_err();
        assert_eq!(both.len(), 2, "all errors at once");
    }

    #[test]
    fn a_log_is_replayed() {
        let log = "fio version 2 iolog\nf add\nf write 0 4096\nf wait 100\nf read 0 4096\n";
        let text = "[a]\nread_iolog=x.log\niodepth=4\nstartdelay=1ms\n";
        assert_eq!(JobFile::logs_named(text), ["x.log"]);
        let logs = BTreeMap::from([("x.log".to_owned(), log.to_owned())]);
        let jobs = JobFile::of(text, logs).unwrap();
        let (jobs, _) = FioApp { jobs, ..app("[a]") }.placed(BlockSize::B4096, (0, 9)).unwrap();
        let FioWork::Replay(replay) = &jobs[0].work else { panic!("a replay") };
        assert_eq!((replay.steps.len(), jobs[0].delay), (2, Nanos::from_millis(1)));
        let bad = BTreeMap::from([("x.log".to_owned(), "no log".to_owned())]);
        let errors = JobFile::of(text, bad).unwrap_err();
        assert!(errors[0].to_string().contains("in it, line 1"), "{}", errors[0]);
    }

    /// Lines that get far into the parser.
    fn texts() -> impl Strategy<Value = String> {
        let key = prop::sample::select(crate::scenario::fio::table::names().collect::<Vec<_>>());
        let value = prop_oneof![
            "[0-9]{1,20}[kmgt%]?",
            "[0-9]{1,3}/[0-9]{0,3}:[0-9]{1,3}k/[0-9]{0,3}",
            "(zipf|pareto|normal|zoned):[0-9./:]{0,12}",
            "(rand)?(read|write|rw|trim|trimwrite)(:[0-9]{1,4}k?)?",
            "\\PC{0,8}",
        ];
        let line = prop_oneof![
            8 => (key, value).prop_map(|(key, value)| format!("{key}={value}")),
            1 => Just("[job]".to_owned()),
            1 => "\\PC{0,12}",
        ];
        prop::collection::vec(line, 0..10).prop_map(|lines| format!("[a]\n{}", lines.join("\n")))
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in prop_oneof![texts(), "(?s).{0,200}"]) {
            if let Ok(jobs) = JobFile::of(&text, BTreeMap::new()) {
                let app = FioApp { jobs, ..app("[a]") };
                // Jobs without number make as many applications.
                if app.instances() < 10_000 {
                    for region in [(0, 0), (7, 1_000), (0, 1 << 34)] {
                        let _ = app.placed(BlockSize::B512, region);
                    }
                }
            }
        }
    }
}
