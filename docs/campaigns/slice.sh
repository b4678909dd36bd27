#!/bin/bash
# slice.sh I N - slice I of N of a campaign: random sequences, transitions of a graph, and combinations of
# errors, each a report in $OUT.  What parallel.sh, slurm.sbatch and kubernetes.yaml run.
#
# A report that is whole is not made again, so that a campaign goes on where it was stopped.  Exit code:
# 0 all is there (a divergence is no failure of the slice: merge.sh tells it), else conform's own,
# or 3 if it was stopped.
set -u

index=${1:?slice.sh I N: the number of the slice, from 0 to N - 1}
count=${2:?slice.sh I N: how many slices there are}
OUT=$(realpath -m -- "${OUT:-campaign}") || exit 3  # a folder that every node sees
cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../.." || exit 3

SELKIE=${SELKIE:-./selkie}      # the program, and its tree in SELKIE_ROOT if it was built elsewhere
KERNEL=${KERNEL:-native}        # or the path of a bzImage, the same on all nodes
WORKERS=${WORKERS:-1}           # processes, or guests, of this slice
SEQUENCES=${SEQUENCES:-1000000} LENGTH=${LENGTH:-60} SEED=${SEED:-1}
GRAPH=${GRAPH:-sealing} BOUNDS=${BOUNDS:-processes=1,fds=3,files=2,maps=2}
ERRORS=${ERRORS:-2}

stopped=0 child=
# Some schedulers signal only this script, some every process.  A second signal of one kind would end conform
# without its report, so it is told once, by the other kind.
# shellcheck disable=SC2317  # by the traps
tell() {
  [[ $stopped == 1 || -z $child ]] || kill "-$1" "$child" 2>/dev/null
  stopped=1
}
trap 'tell INT' TERM
trap 'tell TERM' INT

whole() { grep -qs '"complete":true' "$1"; }

# part NAME OPTION...: one report.  On SIGTERM conform still writes what it knows.
part() {
  local file=$OUT/$1-$index-of-$count.json code=0
  shift
  ! whole "$file" || return 0
  [[ $stopped == 0 ]] || return 3
  "$SELKIE" conform --kernel "$KERNEL" --workers "$WORKERS" --slice "$index/$count" --json \
    --save "$OUT/divergences" "$@" >"$file.part" &
  child=$!
  wait "$child" || code=$?
  while kill -0 "$child" 2>/dev/null; do code=0; wait "$child" || code=$?; done
  child=
  mv -- "$file.part" "$file" || return 3
  whole "$file" && return 0
  [[ $code -gt 1 ]] && return "$code"
  return 3
}

mkdir -p -- "$OUT" || exit 3
worst=0
part random --random "$SEQUENCES" --length "$LENGTH" --seed "$SEED" || worst=$?
part transitions --transitions --graph "$GRAPH" --bounds "$BOUNDS" || worst=$?
part errno --errno "$ERRORS" || worst=$?
exit "$worst"
