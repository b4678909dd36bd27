# shellcheck shell=bash disable=SC2154  # root: see below
# What ./selkie and ./test share: Debian packages, and builds by preset.
# Sourced, with `root` set to the tree.

# Says why on stderr and exits with 3, "could not be run".
give_up() {
  printf 'selkie: %s\n' "$1" >&2
  exit 3
}

# packages_for program|mpi|test: the names in .ci/packages; mpi needs those of program, too, and
# test needs all.
packages_for() {
  awk -v who="$1" '!/^#/ && NF && (who == "test" || $2 == "program" || $2 == who) { print $1 }' \
    "$root/.ci/packages"
}

# Those of the given packages that are not installed.
missing_packages() {
  local package
  for package; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
      printf '%s\n' "$package"
  done
}

# run_logged LOG COMMAND...: the command's output goes to stderr on a terminal;
# elsewhere to LOG, and to stderr only if the command fails.
run_logged() {
  local log=$1
  shift
  if [[ -t 2 ]]; then
    "$@" >&2 9>&-
    return
  fi
  "$@" >"$log" 2>&1 9>&- && return
  cat "$log" >&2
  return 1
}

# The command, as root or through sudo without a password; fails where neither is there.
as_root() {
  if [[ $(id -u) == 0 ]]; then
    DEBIAN_FRONTEND=noninteractive "$@"
  else
    sudo -n env DEBIAN_FRONTEND=noninteractive "$@"
  fi
}

may_install() {
  command -v apt-get >/dev/null && { [[ $(id -u) == 0 ]] || sudo -n true 2>/dev/null; }
}

install_packages() {
  local log=$root/build/packages.log install=(apt-get install -y --no-install-recommends "$@")
  as_root "${install[@]}" >"$log" 2>&1 9>&- && return
  # The lists may be missing or old: fetch them once.
  run_logged "$log" as_root apt-get update && run_logged "$log" as_root "${install[@]}"
}

# need_packages program|mpi|test: installs what is missing, naming it first; exits
# with 3 and the one line to type where it may not or cannot.  Elsewhere than
# on Debian, CMake says what it does not find.
need_packages() {
  command -v dpkg-query >/dev/null || return 0
  local wanted missing
  mapfile -t wanted < <(packages_for "$1")
  mapfile -t missing < <(missing_packages "${wanted[@]}")
  [[ ${#missing[@]} == 0 ]] && return
  local line="apt-get install -y --no-install-recommends ${missing[*]}"
  may_install || give_up "needs these Debian packages; as root, type:
$line"
  printf 'selkie: installing Debian packages: %s\n' "${missing[*]}" >&2
  install_packages "${missing[@]}" || give_up "could not install them; as root, type:
apt-get update && $line"
}

# A build folder remembers the tree it was made for; one that was moved or
# copied here with its tree is made anew.
drop_foreign_build() {
  local cache=$1/CMakeCache.txt
  [[ -f $cache ]] || return 0
  grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$cache" || rm -rf "$1"
}

# build_preset PRESET TARGET LOG [CMAKE_OPTION...]: configures build/PRESET if it
# is not yet, and builds.  The options are for the first configuration alone.
# Exits with 3 if it fails.
build_preset() {
  local preset=$1 target=$2 log=$3 folder=$root/build/$1
  shift 3
  drop_foreign_build "$folder"
  if [[ ! -f $folder/build.ninja ]]; then
    run_logged "$log" env -C "$root" cmake --preset "$preset" "$@" ||
      give_up "cmake --preset $preset failed in $root"
  fi
  run_logged "$log" cmake --build "$folder" --target "$target" ||
    give_up "the build of $target failed in $folder"
}
