//! Which part of a sweep this process is to do when an engine has started many: Slurm, Kubernetes, GitHub or
//! GitLab say so in the environment. Runs nothing.

use crate::run::Shard;

/// How an engine tells a process which one it is.
struct Engine {
    name: &'static str,
    /// The variable with this process's number.
    index: &'static str,
    /// The variable with how many there are.
    count: &'static str,
    /// What the first one's number is.
    first: First,
}

enum First {
    Number(u64),
    /// What these variables say: the first one's number, and the distance from one to the next.
    Told {
        number: &'static str,
        step: &'static str,
    },
}

const ENGINES: [Engine; 4] = [
    Engine {
        name: "a Slurm job array",
        index: "SLURM_ARRAY_TASK_ID",
        count: "SLURM_ARRAY_TASK_COUNT",
        first: First::Told { number: "SLURM_ARRAY_TASK_MIN", step: "SLURM_ARRAY_TASK_STEP" },
    },
    // Kubernetes says only which; the Job's own file says how many.
    Engine {
        name: "a Kubernetes indexed Job",
        index: "JOB_COMPLETION_INDEX",
        count: "JOB_COMPLETIONS",
        first: First::Number(0),
    },
    // GitHub has both in expressions alone (`strategy.job-index`, `strategy.job-total`): the workflow hands them on.
    Engine {
        name: "a GitHub matrix",
        index: "STRATEGY_JOB_INDEX",
        count: "STRATEGY_JOB_TOTAL",
        first: First::Number(0),
    },
    Engine {
        name: "a parallel job of GitLab",
        index: "CI_NODE_INDEX",
        count: "CI_NODE_TOTAL",
        first: First::Number(1),
    },
];

/// A part of the work, and who says that it is this process's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) shard: Shard,
    /// In a few words; `None` when the command line said so, or nobody did.
    pub(super) engine: Option<&'static str>,
}

/// The part that the command line names, else the one that the engine gives, else all.
///
/// # Errors
/// When an engine says something that makes no part.
pub(super) fn part(
    asked: Option<Shard>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Part, String> {
    if let Some(shard) = asked {
        return Ok(Part { shard, engine: None });
    }
    let started = ENGINES.iter().find(|engine| variable(engine.index).is_some());
    let Some(engine) = started else { return Ok(Part { shard: Shard::WHOLE, engine: None }) };
    let shard = engine.shard(&variable)?;
    Ok(Part { shard, engine: Some(engine.name) })
}

impl Engine {
    fn shard(&self, variable: &impl Fn(&str) -> Option<String>) -> Result<Shard, String> {
        let number = |name: &str| {
            let text = variable(name).ok_or_else(|| self.lacks(name))?;
            let not_a_number = || format!("{name} is `{text}`, and should be a whole number");
            text.trim().parse::<u64>().map_err(|_| not_a_number())
        };
        let (index, count) = (number(self.index)?, number(self.count)?);
        let (first, step) = match self.first {
            First::Number(first) => (first, 1),
            First::Told { number: first, step } => (number(first)?, number(step)?),
        };
        let steps = index.checked_sub(first).and_then(|past| past.checked_div(step));
        let shard = steps.and_then(|steps| Shard::new(steps.checked_add(1)?, count));
        shard.ok_or_else(|| {
            let Self { index: name, count: total, .. } = self;
            format!("{name} is {index} and {total} is {count}: there is no such part; --shard I/N says which")
        })
    }

    fn lacks(&self, name: &str) -> String {
        let Self { name: engine, index, .. } = self;
        format!(
            "{index} is set, as by {engine}, and {name} is not: set it, or say --shard I/N (1/1 for all of the work)"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::part;

    fn told(variables: &str) -> Result<String, String> {
        let variable = |name: &str| {
            let mut pairs = variables.split_whitespace().filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
        };
        part(None, variable).map(|part| part.shard.to_string())
    }

    fn slurm(id: u64, min: u64, step: u64, count: u64) -> Result<String, String> {
        told(&format!(
            "SLURM_ARRAY_TASK_ID={id} SLURM_ARRAY_TASK_MIN={min} SLURM_ARRAY_TASK_STEP={step} \
             SLURM_ARRAY_TASK_COUNT={count}"
        ))
    }

    #[test]
    fn each_engine_is_understood() {
        assert_eq!(told("HOME=/").as_deref(), Ok("1/1"));
        assert_eq!(slurm(1, 1, 1, 8).as_deref(), Ok("1/8"));
        assert_eq!(slurm(7, 0, 1, 8).as_deref(), Ok("8/8"));
        assert_eq!(slurm(14, 10, 2, 3).as_deref(), Ok("3/3"));
        assert_eq!(told("JOB_COMPLETION_INDEX=0 JOB_COMPLETIONS=4").as_deref(), Ok("1/4"));
        assert_eq!(told("STRATEGY_JOB_INDEX=3 STRATEGY_JOB_TOTAL=4").as_deref(), Ok("4/4"));
        assert_eq!(told("CI_NODE_INDEX=2 CI_NODE_TOTAL=2").as_deref(), Ok("2/2"));
    }

    #[test]
    fn what_makes_no_part_is_told_with_what_to_do() {
        let lacking = told("JOB_COMPLETION_INDEX=0").unwrap_err();
        assert!(lacking.contains("JOB_COMPLETIONS is not: set it, or say --shard"), "{lacking}");
        let beyond = told("CI_NODE_INDEX=3 CI_NODE_TOTAL=2").unwrap_err();
        assert!(beyond.contains("there is no such part"), "{beyond}");
        let word = told("CI_NODE_INDEX=two CI_NODE_TOTAL=2").unwrap_err();
        assert!(word.contains("CI_NODE_INDEX is `two`, and should be a whole number"), "{word}");
        assert!(slurm(1, 1, 0, 1).is_err() && slurm(0, 1, 1, 1).is_err());
    }

    #[test]
    fn the_command_line_comes_first() {
        let all = "1/1".parse().unwrap();
        let found = part(Some(all), |_| Some("broken".to_owned())).unwrap();
        assert_eq!((found.shard, found.engine), (all, None));
    }
}
