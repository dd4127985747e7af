#!/usr/bin/env bash
# Builds a `stormglass` that the compiler has arranged by a profile of its own runs, for machines that sweep day and night:
#
#   benches/guided.sh [SCENARIOS...]      prints where the program is: target/guided/stormglass
#
# Two release builds, and a seed of each of the scenarios (all of this repository, unless others are named; take those that
# you sweep). The profile tool has to be of the compiler's LLVM: `rustup component add llvm-tools`, or the package llvm-N.
set -euo pipefail
scenarios=()
for given in "$@"; do
  [ -e "$given" ] || { echo "$given: there is no such file or directory" >&2; exit 1; }
  scenarios+=("$(realpath -- "$given")")
done
cd "$(dirname "$0")/.."
[ "${#scenarios[@]}" -gt 0 ] || scenarios=("$PWD/scenarios")

host=$(rustc -vV | sed -n 's/^host: //p')
llvm=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
profdata=
for tool in "$(rustc --print sysroot)/lib/rustlib/$host/bin/llvm-profdata" "llvm-profdata-$llvm" "/usr/lib/llvm-$llvm/bin/llvm-profdata"; do
  if command -v "$tool" > /dev/null; then profdata=$tool; break; fi
done
if [ -z "$profdata" ]; then
  echo "no llvm-profdata of LLVM $llvm, which this rustc is built on: rustup component add llvm-tools, or your system's package llvm-$llvm" >&2
  exit 1
fi

out=$PWD/target/guided
rm -rf "$out/profiles" "$out"/{profiled,stormglass,profiled.json,guided.json,stormglass.profdata}
mkdir -p "$out"
unset LLVM_PROFILE_FILE
# Debug information is left out: it takes a minute, and this program is for sweeping.
export CARGO_PROFILE_RELEASE_DEBUG=none CARGO_INCREMENTAL=0 CARGO_TARGET_DIR=$out/build
# Flags are kept apart by a character that no path has.
build() {
  CARGO_ENCODED_RUSTFLAGS=$(printf -- '--cfg\x1fmadsim\x1f-C%s' "$1") cargo build --release --bin stormglass --target "$host"
  cp "$out/build/$host/release/stormglass" "$2"
}
sweep() {
  # A seed that fails is as good for a profile as any.
  "$1" sweep "${scenarios[@]}" --seeds 1 --no-strict --save "$out/seeds" --json "$2" > /dev/null || [ -s "$2" ]
}

build "profile-generate=$out/profiles" "$out/profiled"
sweep "$out/profiled" "$out/profiled.json"
"$profdata" merge -o "$out/stormglass.profdata" "$out/profiles"
build "profile-use=$out/stormglass.profdata" "$out/stormglass"
# However it was built, a seed is the same run.
sweep "$out/stormglass" "$out/guided.json"
cmp "$out/profiled.json" "$out/guided.json"
echo "$out/stormglass"
