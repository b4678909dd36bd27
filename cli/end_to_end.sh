# shellcheck shell=bash disable=SC2154  # root, selkie, logs: of ./test
# Tests of the command as people type it: exit codes, help, bad input, Ctrl-C.
# Sourced by ./test, with `root`, `selkie` (the program that was built) and `check`.

commands=(run check prove bisect conform merge export review semantics kernels calls "semantics list" "semantics show" replay
  "semantics check" "kernels list" "kernels fetch" "kernels probe" "kernels matrix" "kernels build")
max_seconds=60  # what one call may take here; a loop that never ends fails

# The page of what is not modelled is what the command says now.
not_modelled_is_current() { diff "$root/docs/not-modelled.md" <("$selkie" calls --markdown); }

# exits_with CODE COMMAND...
exits_with() {
  local want=$1 got=0
  shift
  timeout "$max_seconds" "$@" || got=$?
  [[ $got == "$want" ]] || { printf 'exit %s, expected %s: %s\n' "$got" "$want" "$*"; return 1; }
}

# says TEXT COMMAND...: the command's output, stdout or stderr, has the text.
says() {
  local text=$1 output
  shift
  output=$(timeout "$max_seconds" "$@" 2>&1)
  grep -qF -- "$text" <<<"$output" || { printf 'does not say "%s": %s\n%s\n' "$text" "$*" "$output"; return 1; }
}

help_is_whole() {
  exits_with 0 "$selkie" "$@" --help && says "Exit codes:" "$selkie" "$@" --help &&
    says "Example" "$selkie" "$@" --help
}

bad_usage_is_2() {
  local command bad=0
  exits_with 2 "$selkie" || bad=1
  exits_with 2 "$selkie" no-such-command || bad=1
  for command in "${commands[@]}"; do
    # shellcheck disable=SC2086
    exits_with 2 "$selkie" $command --no-such-option || bad=1
  done
  return "$bad"
}

missing_input_is_2() {
  local bad=0
  exits_with 2 "$selkie" run no/such.scn || bad=1
  says no/such.scn "$selkie" run no/such.scn || bad=1
  exits_with 2 "$selkie" run scenarios --semantics no-such-semantics || bad=1
  exits_with 2 "$selkie" check --semantics no-such-semantics --property no-writable-reopen || bad=1
  exits_with 2 "$selkie" check --semantics fw-v3 --property no-such-property || bad=1
  exits_with 2 "$selkie" check --semantics fw-v3 --property no-writable-reopen \
    --bounds processes=99 || bad=1
  exits_with 2 "$selkie" check --semantics fw-v3 --property no-writable-reopen \
    --bounds trolls=1 || bad=1
  exits_with 2 "$selkie" export no/such.json --as c || bad=1
  exits_with 2 "$selkie" export no/such.json --as gif || bad=1
  exits_with 2 "$selkie" replay no/such.strace || bad=1
  exits_with 2 "$selkie" replay README.md || bad=1
  exits_with 2 "$selkie" replay scenarios/recorded/python.strace --release 2.6 || bad=1
  exits_with 2 "$selkie" semantics show no-such-semantics || bad=1
  exits_with 2 "$selkie" conform --kernel no/such/bzImage || bad=1
  exits_with 2 "$selkie" merge no/such.json || bad=1
  exits_with 2 "$selkie" merge README.md || bad=1
  exits_with 2 "$selkie" bisect no-such-property || bad=1
  exits_with 2 "$selkie" bisect no-write-call --over linux-0.1..newest || bad=1
  return "$bad"
}

lost_output_is_3() {
  "$selkie" semantics list >/dev/full
  [[ $? == 3 ]]
}

works_from_elsewhere() {
  local folder="$logs/a folder with spaces"
  mkdir -p "$folder" && cd "$folder" && ln -sfn "$root/selkie" linked &&
    exits_with 0 ./linked semantics list && exits_with 0 ./linked check --semantics linux-5.1 \
    --property no-writable-reopen
}

# The examples in the help of quick commands, as they stand there.
examples_run() {
  local folder=$logs/examples bad=0 line code
  rm -rf "$folder" && mkdir -p "$folder" && cd "$folder" || return
  ln -s "$root/scenarios" "$root/model" .
  while IFS= read -r line; do
    code=0
    eval "\"$selkie\" ${line#selkie }" >/dev/null || code=$?
    # 1: what the example shows is that something is broken
    [[ $code == [01] ]] || { printf 'exit %s: %s\n' "$code" "$line"; bad=1; }
  done < <(for command in run check prove export replay semantics; do
    "$selkie" "$command" --help | sed -e ':a;/\\$/{N;s/\\\n *//;ba}' | sed -n 's/^  \(selkie .*\)/\1/p'
  done)
  return "$bad"
}

# A result that was edited is found in its line.
replay_finds_what_differs() {
  local log=$logs/edited.strace code=0 output
  sed '/F_SEAL_WRITE/s/= -1 EBUSY.*/= 0/' scenarios/recorded/python.strace >"$log"
  exits_with 0 "$selkie" replay scenarios/recorded/python.strace --release 6.18 || return
  output=$("$selkie" replay "$log" --release 6.18) || code=$?
  printf '%s\n' "$output"
  [[ $code == 1 ]] && grep -q "edited.strace:$(grep -n 'F_SEAL_WRITE) *= 0' "$log" | head -n 1 | cut -d: -f1): differs" <<<"$output"
}

# least_ms COMMAND...: the quickest of nine calls, wall time; a busy machine makes
# some slow, and none quick.
least_ms() {
  local _ began
  for _ in 1 2 3 4 5 6 7 8 9; do
    began=$(date +%s%N)
    "$@" >/dev/null
    printf '%s\n' $((($(date +%s%N) - began) / 1000000))
  done | sort -n | head -n 1
}

# When nothing is to be built, ./selkie may cost 0.1 s on top of the program.
second_call_is_quick() {
  "$root/selkie" --version >/dev/null || return
  local script program
  script=$(least_ms "$root/selkie" --version)
  program=$(least_ms "$selkie" --version)
  printf './selkie %s ms, the program alone %s ms\n' "$script" "$program"
  [[ $((script - program)) -le 100 ]]
}

# The command that reads a file of each language.
read_by() {
  case $1 in
    semantics) printf '%s\n' semantics check ;;
    scenarios) printf '%s\n' run ;;
    properties) printf '%s\n' check --semantics linux-5.1 --property ;;
    traces) printf '%s\n' export --as strace ;;
  esac
}

# refused LANGUAGE FILE: exit 2, and a message with the place, file:line:column.
refused() {
  local reader code=0 output
  mapfile -t reader < <(read_by "$1")
  output=$(timeout "$max_seconds" "$selkie" "${reader[@]}" "$2" 2>&1 | tr -d '\0'
    exit "${PIPESTATUS[0]}") || code=$?
  printf '%s\n' "${output:0:2000}"
  [[ ${#output} -le 2000 ]] || { printf '%s: a message of %s bytes\n' "$2" "${#output}"; return 1; }
  [[ $code == 2 ]] || { printf '%s: exit %s, expected 2\n' "$2" "$code"; return 1; }
  grep -qE "$(basename "$2"):[0-9]+:[0-9]+" <<<"$output" ||
    { printf '%s: no file:line:column in the message\n' "$2"; return 1; }
}

# What stands before a place where a parenthesis may.
deep_start() {
  case $1 in
    sem) printf 'semantics deep extends linux-4.20\nrule deep write: refuse EPERM if ' ;;
    scn) printf 'scenario deep\nA: fd = memfd_create("m", ' ;;
    prop) printf 'property deep\nrole any uid 1000 may seal\ncalls\n  dup(fd)\nnever change: ' ;;
    json) printf '{"format": ' ;;
  esac
}

# What no text file in the tree can hold well: bytes, depth and length.
make_hostile() {
  local folder=$1 extension=$2
  mkdir -p "$folder"
  head -c 4096 /dev/urandom >"$folder/random.$extension"
  printf 'scenario \0\n' >"$folder/nul.$extension"
  printf '\xff\xfe\xc3\x28\n' >"$folder/not-utf8.$extension"
  { deep_start "$extension"; printf '%0100000d' 0 | tr 0 '('; } >"$folder/deep.$extension"
  printf '%0100000d' 0 | tr 0 '[' >"$folder/deep-brackets.$extension"
  printf '%01000000d\n' 0 | tr 0 x >"$folder/long.$extension"
}

malformed_is_refused() {
  local language=$1 extension=$2 file bad=0 count=0
  make_hostile "$logs/hostile" "$extension"
  for file in cli/malformed/"$language"/*."$extension" "$logs"/hostile/*."$extension"; do
    refused "$language" "$file" || bad=1
    count=$((count + 1))
  done
  printf '%s files\n' "$count"
  [[ $bad == 0 && $count -ge 15 ]]
}

# survives LANGUAGE FILE: whatever the answer, it is one of the four exit codes.
survives() {
  local reader code=0
  mapfile -t reader < <(read_by "$1")
  timeout "$max_seconds" "$selkie" "${reader[@]}" "$2" >/dev/null 2>&1 || code=$?
  [[ $code -le 3 ]] || { printf '%s: exit %s\n' "$2" "$code"; return 1; }
}

# Every file cut short at many places: half of a file is what a full disk leaves.
cut_files_are_survived() {
  local language=$1 source=$2 size at cut bad=0
  cut=$logs/cut.${source##*.}
  size=$(wc -c <"$source")
  for ((at = 1; at < size; at += size / 40 + 1)); do
    head -c "$at" "$source" >"$cut"
    survives "$language" "$cut" || { printf 'cut at byte %s of %s\n' "$at" "$source"; bad=1; }
  done
  return "$bad"
}

# interrupted SECONDS COMMAND...: SIGINT after that time ends the command within
# ten seconds with a code of its own, it says that it was interrupted, and no
# process of it is left.
interrupted() {
  local after=$1 log=$logs/interrupted.out mark=SELKIE_TEST_MARK=$BASHPID code=0 pid killer
  shift
  # A background job of a script ignores SIGINT unless it asks otherwise.
  env --default-signal=INT "$mark" "$@" >"$log" 2>&1 &
  pid=$!
  sleep "$after"
  kill -INT "$pid" || { printf 'it had ended before:\n'; cat "$log"; return 1; }
  (sleep 10 && kill -KILL "$pid") >/dev/null 2>&1 &
  killer=$!
  wait "$pid" || code=$?
  kill "$killer" 2>/dev/null
  cat "$log"
  [[ $code -le 3 ]] || { printf 'exit %s\n' "$code"; return 1; }
  grep -qi interrupt "$log" || { printf 'does not say that it was interrupted\n'; return 1; }
  nothing_is_left "$mark"
}

# No process has this variable in its environment, as guests and children would.
nothing_is_left() {
  local left
  left=$(grep -lsF -- "$1" /proc/[0-9]*/environ)
  [[ -z $left ]] || { printf 'still running: %s\n' "$left"; return 1; }
}

end_to_end_checks() {
  check "./selkie builds and runs" "$root/selkie" --version
  check "./selkie is quick if there is nothing to build" second_call_is_quick
  check "help of selkie" help_is_whole
  local command language
  for command in "${commands[@]}"; do
    # shellcheck disable=SC2086
    check "help of selkie $command" help_is_whole $command
  done
  check "docs/not-modelled.md is what selkie calls says" not_modelled_is_current
  check "examples in the help run" examples_run
  check "bad usage exits with 2" bad_usage_is_2
  check "missing input exits with 2" missing_input_is_2
  check "output that cannot be written exits with 3" lost_output_is_3
  check "works from another folder, through a link" works_from_elsewhere
  check "replay finds a result that was edited" replay_finds_what_differs
  check "prove: unknown is 3" exits_with 3 "$selkie" prove --semantics ashmem --property fixed-size
  check "prove: a certificate is of one proof" exits_with 2 "$selkie" prove --semantics linux-5.1 \
    --certificate "$logs/certificate.json"
  check "check --coverage names a rule that decided nothing" says "rule decided nothing: write-faults-first" \
    "$selkie" check --semantics linux-5.1 --property no-writable-reopen --coverage
  check "certificates are accepted, corrupted ones refused" tools/test_certificates "$selkie"
  malformed_checks
  interrupt_checks
}

malformed_checks() {
  check "malformed semantics" malformed_is_refused semantics sem
  check "malformed scenarios" malformed_is_refused scenarios scn
  check "malformed properties" malformed_is_refused properties prop
  check "malformed traces" malformed_is_refused traces json
  check "semantics cut short" cut_files_are_survived semantics model/semantics/linux-4.20.sem
  check "properties cut short" cut_files_are_survived properties \
    checker/properties/no-writable-reopen.prop
  check "scenarios cut short" cut_files_are_survived scenarios \
    "$(find scenarios -name '*.scn' | sort | head -n 1)"
}

interrupt_checks() {
  check "SIGINT during check" interrupted 2 "$selkie" check --semantics linux-4.20 \
    --property no-late-upgrade --bounds processes=4,fds=4,files=4,maps=4
  check "SIGINT during conform" interrupted 2 "$selkie" conform --kernel native \
    --random 100000000 --length 20 --seed 1
  check "SIGINT during conform in QEMU" interrupted 8 "$selkie" conform --kernel 6.1 \
    --random 100000000 --length 20 --seed 1
  check "check is killed, and goes on" "$root/cli/kill_and_resume" "$selkie" 6 6
  check "SIGINT during review" interrupted 3 "$selkie" review -o "$logs/review-interrupted"
}
