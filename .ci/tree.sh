# shellcheck shell=bash disable=SC2154  # root: of ./test
# Checks of the tree itself: each prints what is wrong and fails, or is silent.

tracked() { git ls-files -z --cached --others --exclude-standard -- "$@"; }

format_is_right() {
  tracked '*.cc' '*.h' | xargs -0 -r clang-format --dry-run -Werror
}

# The hosts of the machine's package sources, and where this tree and the home
# folder are: nothing committed may name them.
machine_words() {
  { cat /etc/apt/sources.list /etc/apt/sources.list.d/*; } 2>/dev/null |
    grep -oE 'https?://[^/ ]+' | sed -E 's,https?://,,' | sort -u
  printf '%s\n' "$root"
  [[ ${HOME:-/} == / || $HOME == /root ]] || printf '%s/\n' "$HOME"
}

nothing_machine_specific() {
  local found
  found=$(tracked | xargs -0 -r grep -nIF -f <(machine_words | grep -E '[a-z]'))
  [[ -z $found ]] || { printf '%s\n' "$found"; return 1; }
}

files_are_small() {
  local found
  found=$(tracked '*.cc' '*.h' | xargs -0 -r wc -l | awk '$1 > 600 && $2 != "total"')
  [[ -z $found ]] || { printf '%s\n' "$found"; return 1; }
}

# Every relative link of the Markdown files leads to a file of the tree.
links_lead_somewhere() {
  local file link bad=0
  while IFS= read -r -d '' file; do
    while IFS= read -r link; do
      [[ -e $(dirname -- "$file")/${link%%#*} ]] && continue
      printf '%s: no such file: %s\n' "$file" "$link"
      bad=1
    done < <(grep -oE '\]\([^)#:]+(#[^)]*)?\)' "$file" | sed -E 's/^\]\(//; s/\)$//')
  done < <(tracked '*.md')
  return "$bad"
}
