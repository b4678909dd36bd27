// Makes a process ready to run sequences of calls for real.
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <utility>

#include "fmt/format.h"
#include "kernel/detached_mount.h"
#include "kernel/executor.h"
#include "kernel/executor_raw.h"
#include "kernel/executor_task.h"
#include "kernel/fuse_server.h"
#include "kernel/lockstep.h"
#include "kernel/worker_namespace.h"

namespace selkie {
namespace {

absl::Status Failed(const char* what) {
  return absl::UnavailableError(
      fmt::format("cannot run calls for real: {}: {}", what, std::strerror(errno)));
}

bool WriteFile(const char* path, const std::string& text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return written;
}

// The user becomes root of a namespace in which there is nobody else, so that
// the model's user 0 is really one with root's rights over its own files.
absl::Status BecomeRootOfNamespace() {
  const auto uid = geteuid();
  const auto gid = getegid();
  constexpr const char* kUnshare =
      "this is not root with all capabilities, and unshare(CLONE_NEWUSER)";
  constexpr const char* kMap = "this is not root with all capabilities, and /proc/self/uid_map";
  if (unshare(CLONE_NEWUSER) != 0) return Failed(kUnshare);
  const bool mapped = WriteFile("/proc/self/setgroups", "deny") &&
                      WriteFile("/proc/self/uid_map", fmt::format("0 {} 1", uid)) &&
                      WriteFile("/proc/self/gid_map", fmt::format("0 {} 1", gid));
  return mapped ? absl::OkStatus() : Failed(kMap);
}

// Puts `fd` at `number`, which is kept over exec.
absl::Status Place(int fd, int number, const char* what) {
  if (fd < 0) return Failed(what);
  const bool placed = dup2(fd, number) == number;
  close(fd);
  return placed ? absl::OkStatus() : Failed(what);
}

absl::Status OpenPair(int number, int other) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0) return Failed("socketpair");
  absl::Status status = Place(ends[0], number, "socketpair");
  if (status.ok()) status = Place(ends[1], other, "socketpair");
  return status;
}

absl::Status OpenDescriptors(bool control_given) {
  absl::Status status;
  if (!control_given) status = Place(NewControl(), kControlFd, "the control block");
  if (status.ok())
    status = Place(open("/proc/self/exe", O_RDONLY), kProgramFd, "open of /proc/self/exe");
  if (status.ok())
    status = Place(open("/proc/self/maps", O_RDONLY), kMapsFd, "open of /proc/self/maps");
  if (status.ok()) status = OpenPair(kSourceFd, kSourceEndFd);
  for (int task = 0; task < kMaxTasks && status.ok(); ++task)
    status = OpenPair(kSendFdBase + task, kReceiveFdBase + task);
  return status;
}

// The root of a tmpfs of its own, for O_TMPFILE.  What others have mounted may be noexec, or
// have a size.  False where mounting is not allowed.
bool OpenTmpfs() {
  const int64_t root =
      DetachedMount("tmpfs", {{{"mode", "1777"}, {"size", "0"}, {"nr_inodes", "0"}}});
  return root >= 0 && Place(static_cast<int>(root), kTmpfsFd, "fsmount").ok();
}

// A regular file without a name that is of a disk, or else, as in a guest, of a ramfs.
bool OpenRegular() {
  constexpr long kTmpfsMagic = 0x01021994;
  for (const char* folder : {".", "/var/tmp", "/tmp"}) {
    const int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    struct statfs system;
    if (fd >= 0 && fstatfs(fd, &system) == 0 && system.f_type != kTmpfsMagic)
      return Place(fd, kRegularFd, "O_TMPFILE").ok();
    if (fd >= 0) close(fd);
  }
  const auto root = static_cast<int>(DetachedMount("ramfs", {}));
  if (root < 0) return false;
  const int fd = openat(root, "regular", O_CREAT | O_RDWR | O_CLOEXEC, 0666);
  close(root);
  return fd >= 0 && Place(fd, kRegularFd, "open in a ramfs").ok();
}

bool UserfaultfdAllowed() {
  const auto fd = static_cast<int>(OpenUserfaultfd(TheControl()));
  if (fd >= 0) close(fd);
  return fd >= 0;
}

// Without a limit if it may be, else as far as it goes.
bool LiftMemlock() {
  rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
  if (setrlimit(RLIMIT_MEMLOCK, &limit) == 0) return true;
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return false;
  limit.rlim_cur = limit.rlim_max;
  return limit.rlim_max >= (rlim_t{1} << 20) && setrlimit(RLIMIT_MEMLOCK, &limit) == 0;
}

bool IsNullKept() {
  FILE* const file = std::fopen("/proc/sys/vm/mmap_min_addr", "re");
  unsigned long least = 0;
  if (file == nullptr) return false;
  const bool known = std::fscanf(file, "%lu", &least) == 1;
  std::fclose(file);
  return known && least > 0;
}

bool SecretAllowed() {
  const auto fd = static_cast<int>(RawSyscall(SYS_memfd_secret, 0));
  if (fd >= 0) close(fd);
  return fd >= 0;
}

bool OpenUdmabuf() {
  const int fd = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
  return fd >= 0 && Place(fd, kUdmabufFd, "open of /dev/udmabuf").ok();
}

// A kernel before 6.9 says so without FUSE, too.
bool IsOlderThanPassthrough() {
  struct utsname name;
  int major = 0, minor = 0;
  if (uname(&name) != 0 || std::sscanf(name.release, "%d.%d", &major, &minor) != 2) return false;
  return major < 6 || (major == 6 && minor < 9);
}

absl::Status MapControl() {
  void* at = mmap(reinterpret_cast<void*>(kControlBase), sizeof(Control), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_FIXED_NOREPLACE, kControlFd, 0);
  if (at == MAP_FAILED) return Failed("mmap of the control block");
  new (at) Control();
  return absl::OkStatus();
}

}  // namespace

int NewControl() {
  const int fd = memfd_create("selkie-control", 0);
  if (fd < 0 || ftruncate(fd, sizeof(Control)) == 0) return fd;
  close(fd);
  return -1;
}

absl::StatusOr<Lockstep> Lockstep::Start(const WorkerNamespaces& namespaces, bool huge_pages,
                                         bool control_given) {
  if (namespaces.own && !MountOwnProc()) return Failed("a /proc of its own");
  const bool root = IsRootOfAll();
  if (!root) {
    if (absl::Status status = BecomeRootOfNamespace(); !status.ok()) return status;
  }
  SetNofile(0);
  RawSyscall(SYS_close_range, kFirstFd, kControlFd - 1, 0);
  if (absl::Status status = OpenDescriptors(control_given); !status.ok()) return status;
  if (absl::Status status = MapControl(); !status.ok()) return status;
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return Failed("PR_SET_CHILD_SUBREAPER");
  TheControl().harness_pid = getpid();
  TheControl().nofile = kFirstFd + kMaxFds;
  umask(0);
  TheControl().may_set_noexec = namespaces.why_no_set.empty();
  const bool no_passthrough_yet = IsOlderThanPassthrough();
  TheControl().fuse.served = root && !no_passthrough_yet && StartFuseServer();
  // Before RLIMIT_NOFILE is lowered: these make descriptors of the harness.
  Lockstep::Means means{.root = root,
                        .rings = RingsAllowed(),
                        .huge_pages = huge_pages,
                        .memlock = LiftMemlock(),
                        .tmpfs = root && OpenTmpfs(),
                        .udmabuf = OpenUdmabuf(),
                        .fuse = TheControl().fuse.served || no_passthrough_yet,
                        .secret = SecretAllowed(),
                        .regular = OpenRegular(),
                        .userfaultfd = UserfaultfdAllowed(),  // lowers it
                        .dev_fd = access("/dev/fd", X_OK) == 0,
                        .null_kept = IsNullKept(),
                        .why_no_set = namespaces.why_no_set};
  PrepareTask(TheControl());
  return Lockstep(std::move(means));
}

}  // namespace selkie
