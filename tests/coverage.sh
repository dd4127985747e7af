#!/usr/bin/env bash
# Which lines of the reference cluster no run reaches: sweeps an instrumented build and prints them, file by file.
# Needs LLVM's tools in the version that rustc has (Debian: llvm-22). Ten minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."
seeds=${1:-3}
major=$(rustc -vV | sed -n 's/LLVM version: \([0-9]*\).*/\1/p')
profdata=$(command -v "llvm-profdata-$major" llvm-profdata | head -1) || true
cov=$(command -v "llvm-cov-$major" llvm-cov | head -1) || true
if [ -z "$profdata" ] || [ -z "$cov" ]; then
  echo "needs llvm-profdata and llvm-cov of LLVM $major: apt-get install llvm-$major" >&2
  exit 2
fi
out=target/coverage
rm -rf "$out/profiles"
# What runs while it is built is instrumented, too.
export LLVM_PROFILE_FILE="$out/building/%p.profraw"
RUSTFLAGS="--cfg madsim -C instrument-coverage" CARGO_INCREMENTAL=0 cargo build --release --quiet --target-dir "$out" \
  --config 'profile.release.lto="off"' --config profile.release.codegen-units=16
glass=$out/release/stormglass
export LLVM_PROFILE_FILE="$out/profiles/%p.profraw"
"$glass" sweep scenarios --seeds "$seeds"
for profile in everything manager disks network crash; do
  "$glass" sweep --random --profile "$profile" --seeds 200
done
"$profdata" merge -sparse "$out"/profiles/*.profraw -o "$out/all.profdata"
"$cov" export "$glass" -instr-profile="$out/all.profdata" -format=lcov src/node src/layout |
  awk -F'[:,]' '/^SF:/ { file = $2; sub(".*/src/", "src/", file) }
    /^DA:/ && $3 == 0 { if (file != last) print "## " file; last = file
      line = $2; cmd = "sed -n " line "p " file; cmd | getline text; close(cmd); print line ": " text }'
