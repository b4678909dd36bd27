# shellcheck shell=bash disable=SC2154  # root: of ./test
# Checks and their count, for ./test and the scripts that it sources.

passed=0
failed=0
logs=$root/build/test

# check NAME COMMAND...: one check and one line.  Passes if the command exits
# with 0; its output is kept, and the end of it shown if the check fails.
check() {
  local name=$1 log began=$SECONDS code=0
  shift
  log=$logs/${name//[^A-Za-z0-9._-]/-}.log
  mkdir -p "$logs"
  ("$@") >"$log" 2>&1 </dev/null || code=$?
  report "$name" "$code" "$log" "$((SECONDS - began))"
}

report() {
  local name=$1 code=$2 log=$3 seconds=$4
  if [[ $code == 0 ]]; then
    passed=$((passed + 1))
    printf 'ok    %s%s\n' "$name" "$([[ $seconds -lt 2 ]] || printf ' (%s s)' "$seconds")"
    return
  fi
  failed=$((failed + 1))
  printf 'FAIL  %s (exit %s, all of it in %s)\n' "$name" "$code" "${log#"$root/"}"
  tail -n 15 "$log" | sed 's/^/      /'
}

# The one line that ends a run; fails if a check did, or if none was made.
finish() {
  printf '%s passed, %s failed\n' "$passed" "$failed"
  [[ $failed == 0 && $passed -gt 0 ]]
}
