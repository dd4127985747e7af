#!/bin/bash
# A sweep as a Slurm job array: a part of the seeds for each task, and one report of all when the last has ended.
#
#   sbatch --array=1-16 docs/ci/slurm.sh scenarios --seeds 1000
#   sbatch --dependency=afterany:JOBID docs/ci/slurm.sh merge JOBID
#
# The array's task says to `sweep` which part is its own. What a task found is kept seed by seed in sweep-JOBID/: one
# that is killed and requeued goes on where it was.
#SBATCH --job-name=stormglass
#SBATCH --cpus-per-task=2
#SBATCH --mem=1G
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --output=sweep-%A-%a.log
set -euo pipefail

glass=${STORMGLASS:-target/release/stormglass}
if [ "${1:-}" = merge ]; then
  exec "$glass" merge "sweep-$2"/*.state --json="sweep-$2.json" --junit "sweep-$2.xml" --html "sweep-$2.html"
fi
parts=sweep-$SLURM_ARRAY_JOB_ID
mkdir -p "$parts"
# A failing seed is found, kept and told in the merged report; a task that has run its part has done its work.
"$glass" sweep "$@" --jobs "${SLURM_CPUS_PER_TASK:-1}" --save "$parts/seeds" \
  --state "$parts/$SLURM_ARRAY_TASK_ID.state" || code=$?
case ${code:-0} in
  0 | 10 | 11 | 12 | 13 | 14) ;;
  *) exit "$code" ;;
esac
