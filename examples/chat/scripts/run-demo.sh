#!/usr/bin/env bash
# run-demo.sh seed | node N: one node of the chat in this terminal. The seed first; each node makes its own certificate and
# identity in data/<name> on its first start, and finds the others through data/discovery.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  echo "usage: run-demo.sh seed | run-demo.sh node N" >&2
  exit 2
}

case "${1:-}" in
  seed) [ $# -eq 1 ] || usage; name=seed; contact=() ;;
  node) [[ $# -eq 2 && "$2" =~ ^[0-9]+$ ]] || usage; name=node$2; contact=(--contact-nodes=seed@127.0.0.1) ;;
  *) usage ;;
esac

root=$(cd ../.. && pwd)
chat=$root/build/release/examples/chat/chat
# One build for three terminals started at once.
mkdir -p "$root/build" data
(
  flock 9
  "$root/scripts/setup"
  { cmake -S "$root" --preset release && cmake --build "$root/build/release" --target chat --parallel "$(nproc)"; } \
    >data/build.log 2>&1 || { cat data/build.log; exit 1; }
) 9>"$root/build/.run-demo.lock"

mkdir -p "data/$name"
echo "log: $PWD/data/$name/chat.log"
exec "$chat" --name="$name@127.0.0.1" --data-dir="data/$name" --discovery-dir=data/discovery \
  --log-file="data/$name/chat.log" "${contact[@]}"
