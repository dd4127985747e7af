#!/bin/bash
# Tries docs/ci/slurm.sh for real: a cluster of one node on loopback, an array of four tasks, and the merged report
# held against that of one sweep, byte for byte. For Debian, as root; installs what it needs. Not part of `cargo test`.
#
#   tests/slurm.sh target/release/stormglass
set -euo pipefail
cd "$(dirname "$0")/.."
STORMGLASS=$(realpath "${1:-target/release/stormglass}")
export STORMGLASS

for program in slurmctld slurmd sbatch munged; do
  command -v "$program" > /dev/null || missing=yes
done
if [ -n "${missing:-}" ]; then
  apt-get update -q
  # What they start by themselves would be in the way.
  printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
  DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends slurm-wlm munge
  rm /usr/sbin/policy-rc.d
fi

work=$(mktemp -d)
started=()
finish() {
  # The last that was started ends first.
  for ((i = ${#started[@]} - 1; i >= 0; i--)); do
    kill "${started[i]}" 2> /dev/null || true
    wait "${started[i]}" 2> /dev/null || true
  done
  rm -rf "$work"
}
trap finish EXIT

mkdir "$work/state" "$work/spool"
(umask 077 && head -c 1024 /dev/urandom > "$work/munge.key")
chmod 755 "$work"
munged --foreground --force --key-file="$work/munge.key" --socket="$work/munge.sock" \
  --pid-file="$work/munge.pid" --log-file="$work/munge.log" --seed-file="$work/munge.seed" &
started+=($!)

node=$(hostname -s)
cat > "$work/slurm.conf" <<CONF
ClusterName=glass
SlurmctldHost=$node(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge.sock
SlurmctldPort=46817
SlurmdPort=46818
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
NodeName=$node NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$work/slurm.conf
slurmctld -D > /dev/null 2>&1 &
started+=($!)
slurmd -D -N "$node" > /dev/null 2>&1 &
started+=($!)
for _ in $(seq 60); do
  sinfo -h -o %t 2> /dev/null | grep -q idle && break
  sleep 1
done
sinfo || { tail -20 "$work"/*.log; exit 1; }

parts=4
work_of_all=("$PWD/scenarios/smoke" "$PWD/scenarios/raid1/client-reboot-mid-write.json" --seeds 25)
cd "$work"
script=$OLDPWD/docs/ci/slurm.sh
job=$(sbatch --parsable --array=1-$parts --cpus-per-task=1 --mem=0 "$script" "${work_of_all[@]}")
while squeue -h -j "$job" 2> /dev/null | grep -q .; do sleep 1; done
[ "$(ls "sweep-$job"/*.state | wc -l)" = "$parts" ] || { cat sweep-"$job"-*.log; exit 1; }
"$script" merge "$job"
env -u SLURM_ARRAY_TASK_ID "$STORMGLASS" sweep "${work_of_all[@]}" --json whole.json > /dev/null
cmp "sweep-$job.json" whole.json
echo "the report of $parts tasks is that of one sweep, byte for byte ($(wc -c < whole.json) bytes)"
