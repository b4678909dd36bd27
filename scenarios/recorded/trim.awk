# Trims an strace log (-f -o) to what concerns memfds, for this folder:
#
#   awk -f trim.awk -v most=3000 LOG > PROGRAM.strace
#
# Kept are calls that make, end or share processes, descriptors and mappings, all that is done
# with a memfd's seals, and a few of every start, which show that the log was made without a filter.
# Reading of libraries and settings goes, and so does all that follows line `most` of what is kept.
BEGIN {
  if (!most) most = 3000
  split("memfd_create clone clone3 fork vfork execve execveat exit exit_group unshare " \
        "dup dup2 dup3 close close_range fcntl mmap munmap mremap madvise " \
        "ftruncate fallocate lseek pwrite64 writev fstat fchmod sendmsg recvmsg " \
        "sendfile splice copy_file_range pidfd_open pidfd_getfd msync " \
        "arch_prctl set_tid_address geteuid setresuid setuid io_uring_setup", names, " ")
  for (i in names) keep[names[i]] = 1
  split("close fcntl mmap munmap lseek sendmsg recvmsg dup dup2 madvise ftruncate writev", early, " ")
  for (i in early) late[early[i]] = 1  # before the first memfd they say nothing
}
function name_of(line) {
  if (match(line, /<\.\.\. [a-z0-9_]+ resumed/))
    return substr(line, RSTART + 5, RLENGTH - 13)
  if (match(line, /[a-z0-9_]+\(/)) return substr(line, RSTART, RLENGTH - 1)
  return ""
}
/memfd_create|F_ADD_SEALS|F_GET_SEALS/ { seen = 1 }
{
  name = name_of($0)
  event = /\+\+\+ (exited|killed|superseded)/ || /--- SIG(BUS|SEGV)/
  memfd = /\/memfd:/ || /SEALS/ || /\/proc\/self\/exe"/ || /\/proc\/.*\/fd\// || /memfd_create/ || /memfd_noexec/
  # On a memfd, as the numbers go: those that memfd_create and its copies gave.
  # vm.memfd_noexec is as good.
  if (match($0, /(memfd_create|memfd_noexec|F_DUPFD.*|dup[23]?)\(?.* = [0-9]+/) &&
      /memfd_create|memfd_noexec|dup|F_DUPFD/) {
    number = $0; sub(/.* = /, "", number); sub(/[^0-9].*/, "", number); mine[number] = 1
  }
  first = $0; sub(/^[^(]*\(/, "", first); sub(/[^0-9].*/, "", first)
  io = name ~ /^(read|write|pread64|newfstatat|statx|openat|mprotect)$/
  if (io && name != "mprotect" && name != "openat" && !(first in mine) && !memfd) io = 0
  if (name == "openat" && !memfd) io = 0
  if (name == "mprotect" && !seen) io = 0
  anonymous = name == "mmap" && /MAP_ANONYMOUS/ && !/MAP_FIXED/
  library = name == "mmap" && /MAP_DENYWRITE/
  message = name ~ /^(sendmsg|recvmsg)$/ && !/SCM_RIGHTS/
  other = name == "fcntl" && !/SEALS|DUPFD|F_GETFL|F_GETFD|F_SETFD/
  wanted = event || memfd || io || (name in keep)
  if (anonymous || library || message || other || (!seen && (name in late))) wanted = 0
  # The two halves of a call stay or go together.
  process = $1
  if (/<unfinished \.\.\.>/) {
    half[process] = kept + 1
    undecided = name == "recvmsg" || (name == "fcntl" && other)
    wanted = wanted || undecided || name ~ /^(fcntl|openat|mmap|read)$/
    if (!wanted) half[process] = 0
    begun[process] = $0
  } else if (/<\.\.\. [a-z0-9_]+ resumed/) {
    whole = begun[process] $0
    drop = name == "recvmsg" && whole !~ /SCM_RIGHTS/
    drop = drop || (name == "fcntl" && whole !~ /SEALS|DUPFD|F_GETFL|F_GETFD|F_SETFD/)
    drop = drop || (name == "openat" && whole !~ /\/memfd:|\/proc\/.*\/(fd\/|exe)/)
    drop = drop || (name == "mmap" && whole ~ /MAP_ANONYMOUS|MAP_DENYWRITE/ && whole !~ /MAP_FIXED/)
    drop = drop || (name == "read" && whole !~ /\/memfd:/)
    wanted = half[process] && !drop
    if (half[process] && drop) delete lines[half[process]]
    half[process] = 0
  }
  if (!($1 in met)) wanted = 1  # a process without a line was not traced
  met[$1] = 1
  if (wanted) lines[++kept] = $0
}
END {
  for (i = 1; i <= kept && printed < most; ++i)
    if (i in lines) {
      print lines[i]
      ++printed
    }
}
