// Dmabufs made of a memfd's pages.
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "kernel/executor.h"
#include "kernel/executor_raw.h"

namespace selkie {

Result RealUdmabufCreate(const Call& c, const Env&) {
  const udmabuf_create request = {.memfd = static_cast<uint32_t>(c.arg[0]),
                                  .flags = UDMABUF_FLAGS_CLOEXEC,
                                  .offset = static_cast<uint64_t>(c.arg[1]),
                                  .size = static_cast<uint64_t>(c.arg[2])};
  return FromRaw(RawSyscall(SYS_ioctl, kUdmabufFd, UDMABUF_CREATE, Raw(&request)));
}

Result RealDmabufStore(const Call& c, const Env&) {
  const int64_t page = c.arg[1] & ~int64_t{kPageSize - 1};
  const int64_t at =
      RawSyscall(SYS_mmap, 0, kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED, c.arg[0], page);
  if (IsRawError(at)) return FromRaw(at);
  *reinterpret_cast<volatile uint8_t*>(at + c.arg[1] - page) = static_cast<uint8_t>(c.arg[2]);
  return FromRaw(RawSyscall(SYS_munmap, at, kPageSize));
}

}  // namespace selkie
