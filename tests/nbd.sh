#!/bin/bash
# Tries `serve` and `attach` with QEMU's NBD client: an image is copied onto a mirrored volume while a target is killed, and
# back, and held against what it was; then a client is killed and another one takes over. For Debian, as root where
# qemu-utils is still to be installed. Not part of `cargo test`.
#
#   tests/nbd.sh target/release/stormglass
set -euo pipefail
cd "$(dirname "$0")/.."
STORMGLASS=$(realpath "${1:-target/release/stormglass}")
if ! command -v qemu-img > /dev/null; then
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends qemu-utils
fi

work=$(mktemp -d)
cd "$work"
declare -A pid
finish() {
  for node in "${!pid[@]}"; do
    kill -9 "${pid[$node]}" 2> /dev/null || true
    wait "${pid[$node]}" 2> /dev/null || true
  done
  rm -rf "$work"
}
trap finish EXIT

cat > cluster.json <<'CLUSTER'
{
  "cluster": { "clients": 2, "targets": 3, "disk": { "blocks": 32768 } },
  "volumes": [
    { "name": "vol0", "layout": "raid1", "blocks": 16384, "legs": ["t0/d0", "t1/d0"] },
    { "name": "vol1", "layout": "ec", "data": 2, "parity": 1, "blocks": 8192, "legs": ["t0/d0", "t1/d0", "t2/d0"] }
  ],
  "addresses": {
    "m0": "127.0.0.1:7410", "t0": "127.0.0.1:7411", "t1": "127.0.0.1:7412", "t2": "127.0.0.1:7413"
  },
  "disks": { "m0/d0": "m0.img", "t0/d0": "t0.img", "t1/d0": "t1.img", "t2/d0": "t2.img" }
}
CLUSTER

# Starts a node, and waits until it says that it serves.
start() {
  local node=$1
  shift
  "$STORMGLASS" "$@" --cluster cluster.json > "$node.out" 2> "$node.err" &
  pid[$node]=$!
  for _ in $(seq 100); do
    grep -q serves "$node.out" && return
    sleep 0.1
  done
  echo "$node does not serve:"
  cat "$node.out" "$node.err"
  exit 1
}

# As by a loss of power.
end() {
  kill -9 "${pid[$1]}"
  wait "${pid[$1]}" 2> /dev/null || true
  unset "pid[$1]"
}

start m0 serve manager m0
for target in t0 t1 t2; do start "$target" serve target "$target"; done

for volume in vol0:64 vol1:32; do
  name=${volume%:*}
  mebibytes=${volume#*:}
  start c0 attach "$name" --client c0 --nbd 127.0.0.1:7420
  head -c "$((mebibytes << 20))" /dev/urandom > image
  qemu-img convert -n -f raw -O raw image nbd://127.0.0.1:7420 &
  copying=$!
  sleep 0.3
  end t1
  wait "$copying"
  qemu-img compare -f raw -F raw image nbd://127.0.0.1:7420
  start t1 serve target t1
  end c0
  start c1 attach "$name" --client c1 --nbd 127.0.0.1:7421
  qemu-img compare -f raw -F raw image nbd://127.0.0.1:7421
  qemu-io -f raw -c 'write -P 5 1M 1M' -c 'flush' -c 'discard 2M 1M' -c 'read -P 0 2M 1M' \
    -c 'read -P 5 1M 1M' nbd://127.0.0.1:7421
  kill "${pid[c1]}"
  wait "${pid[c1]}"
  unset "pid[c1]"
  echo "$name: an image of $mebibytes MiB outlived a target and a client"
done
