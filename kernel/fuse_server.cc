#include "kernel/fuse_server.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "kernel/detached_mount.h"
#include "kernel/executor.h"
#include "kernel/executor_raw.h"

namespace selkie {
namespace {

// Of linux/fuse.h since 6.9.
struct BackingMap {
  int32_t fd;
  uint32_t flags;
  uint64_t padding;
};
constexpr auto kBackingOpen = _IOW(229, 1, BackingMap);
constexpr auto kBackingClose = _IOW(229, 2, uint32_t);
struct InitOut {
  uint32_t major, minor, max_readahead, flags;
  uint16_t max_background, congestion_threshold;
  uint32_t max_write, time_gran;
  uint16_t max_pages, map_alignment;
  uint32_t flags2, max_stack_depth, unused[6];
};
struct OpenOut {
  uint64_t fh;
  uint32_t open_flags;
  int32_t backing_id;
};
constexpr uint32_t kInitExt = 1u << 30;              // FUSE_INIT_EXT
constexpr uint32_t kPassthroughOfFlags2 = 1u << 5;   // FUSE_PASSTHROUGH
constexpr uint32_t kOpenedForPassthrough = 1u << 7;  // FOPEN_PASSTHROUGH

class Server {
 public:
  explicit Server(int device) : device_(device) {}

  // Until the filesystem is gone.
  void Serve() {
    for (;;) {
      const ssize_t length = read(device_, request_.data(), request_.size());
      // Who asked was interrupted.
      if (length < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN)) continue;
      if (length <= 0) return;
      fuse_in_header in;
      std::memcpy(&in, request_.data(), sizeof in);
      switch (in.opcode) {
        case FUSE_INIT: Init(in); break;
        case FUSE_GETATTR: GetAttr(in); break;
        case FUSE_OPEN: Open(in); break;
        case FUSE_RELEASE:
          GiveBack();
          Answer(in, 0);
          break;
        case FUSE_FORGET:
        case FUSE_BATCH_FORGET:
        case FUSE_INTERRUPT: break;  // not to be answered
        default: Answer(in, -ENOSYS);
      }
    }
  }

 private:
  // False if nobody waits for the answer: who asked was interrupted.
  bool Answer(const fuse_in_header& in, int error, const void* body = nullptr, size_t size = 0) {
    std::array<char, 256> message;
    const fuse_out_header out{static_cast<uint32_t>(sizeof out + size), error, in.unique};
    std::memcpy(message.data(), &out, sizeof out);
    if (size > 0) std::memcpy(message.data() + sizeof out, body, size);
    if (write(device_, message.data(), out.len) >= 0) return true;
    if (errno != ENOENT) _exit(3);
    return false;
  }

  void Init(const fuse_in_header& in) {
    InitOut out{};
    out.major = FUSE_KERNEL_VERSION;
    out.minor = 40;
    out.flags = kInitExt;
    out.max_write = kPageSize;
    out.time_gran = 1;
    out.flags2 = kPassthroughOfFlags2;
    out.max_stack_depth = 1;
    Answer(in, 0, &out, sizeof out);
  }

  void GetAttr(const fuse_in_header& in) {
    fuse_attr_out out{};
    out.attr.ino = in.nodeid;
    out.attr.size = kPageSize;
    out.attr.mode = S_IFREG | 0666;
    out.attr.nlink = 1;
    Answer(in, 0, &out, sizeof out);
  }

  void Open(const fuse_in_header& in) {
    ++TheControl().fuse.opened;
    int64_t id = Take(static_cast<int>(in.pid));
    if (id >= 0) {
      BackingMap map{taken_, 0, 0};
      id = RawSyscall(SYS_ioctl, device_, kBackingOpen, Raw(&map));
    }
    if (id <= 0) {
      GiveBack();
      Answer(in, static_cast<int>(id));
      return;
    }
    backing_ = static_cast<uint32_t>(id);
    const OpenOut out{0, kOpenedForPassthrough, static_cast<int32_t>(id)};
    if (!Answer(in, 0, &out, sizeof out)) GiveBack();  // no release will follow
  }

  // The descriptor of who opens; 0 or minus errno.
  int64_t Take(int pid) {
    const int64_t pidfd = RawSyscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0) return pidfd;
    const int64_t fd = RawSyscall(SYS_pidfd_getfd, pidfd, TheControl().fuse.fd, 0);
    RawSyscall(SYS_close, pidfd);
    if (fd < 0) return fd;
    taken_ = static_cast<int>(fd);
    return 0;
  }

  void GiveBack() {
    if (backing_ != 0) RawSyscall(SYS_ioctl, device_, kBackingClose, Raw(&backing_));
    if (taken_ >= 0) RawSyscall(SYS_close, taken_);
    backing_ = 0;
    taken_ = -1;
    ++TheControl().fuse.given_back;
  }

  int device_;
  int taken_ = -1;
  uint32_t backing_ = 0;
  std::array<char, 1 << 16> request_;
};

// As a descriptor of the root of a mount; minus errno.
int64_t MountFuse(int device) {
  const std::string fd = std::to_string(device);
  return DetachedMount("fuse", {{{"fd", fd.c_str()},
                                 {"rootmode", "100666"},
                                 {"user_id", "0"},
                                 {"group_id", "0"},
                                 {"allow_other", nullptr}}});
}

[[noreturn]] void RunServer(int device) {
  constexpr int kDevice = 3;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Nothing else of the process stays open, not the filesystem either: it ends with that.
  if (dup2(device, kDevice) != kDevice) _exit(3);
  RawSyscall(SYS_close_range, kDevice + 1, ~0u, 0);
  Server(kDevice).Serve();
  _exit(0);
}

// Of a memfd of this process.
bool PassesThrough() {
  const int memfd = static_cast<int>(RawSyscall(SYS_memfd_create, Raw("selkie-fuse"), 0));
  const int64_t file = OpenFuseFile(TheControl(), memfd);
  CloseFuseFile(TheControl(), file);
  close(memfd);
  return file >= 0;
}

}  // namespace

bool StartFuseServer() {
  const int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (device < 0) return false;
  const int64_t root = MountFuse(device);
  const bool placed = root >= 0 && dup2(static_cast<int>(root), kFuseFd) == kFuseFd;
  if (root >= 0) close(static_cast<int>(root));
  const pid_t server = placed ? fork() : -1;
  if (server == 0) RunServer(device);
  close(device);
  if (server > 0) setpgid(server, server);  // Lockstep::KillTasks does not wait for it
  if (server > 0 && PassesThrough()) return true;
  if (placed) close(kFuseFd);
  if (server > 0) kill(server, SIGKILL);
  if (server > 0) waitpid(server, nullptr, 0);
  return false;
}

}  // namespace selkie
