#!/bin/bash
# parallel.sh [OPTION...] - a campaign by GNU parallel, with its options: as many slices at a time as there
# are processors, or on other machines: --sshloginfile nodes, where this tree is at the same place.
set -u

OUT=$(realpath -m -- "${OUT:-campaign}") || exit 3  # other machines begin elsewhere
export OUT
cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../.." || exit 3
SLICES=${SLICES:-$(nproc)}

# A slice that ends with 3 is tried once more: it goes on where it was.  If parallel is
# stopped it tells each once, and there is time for a report.
seq 0 "$((SLICES - 1))" | parallel --retries 2 --termseq TERM,20000,KILL \
  --env SELKIE --env SELKIE_ROOT --env OUT --env KERNEL --env WORKERS --env SEQUENCES --env LENGTH \
  --env SEED --env GRAPH --env BOUNDS --env ERRORS "$@" "$PWD/docs/campaigns/slice.sh" {} "$SLICES"
docs/campaigns/merge.sh
