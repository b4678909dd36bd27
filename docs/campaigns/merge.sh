#!/bin/bash
# merge.sh - adds up what the slices of a campaign found.  Exit code: that of selkie merge, the first of
# the three that is not 0.
set -u

OUT=$(realpath -m -- "${OUT:-campaign}") || exit 3  # where one stands, not in the tree
cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../.." || exit 3
SELKIE=${SELKIE:-./selkie}

code=0
for part in random transitions errno; do
  printf '\n%s\n' "$part"
  one=0
  "$SELKIE" merge --save "$OUT/divergences/$part" "$OUT/$part"-*.json || one=$?
  [[ $code != 0 ]] || code=$one
done
exit "$code"
