#include "checker/state_set.h"

#include <sys/mman.h>

#include <cstdlib>

namespace selkie {

ReservedMemory::ReservedMemory(uint64_t bytes)
    : data_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)),
      bytes_(bytes) {
  if (data_ == MAP_FAILED) std::abort();
  madvise(data_, bytes, MADV_HUGEPAGE);  // a look-up then misses the TLB less often
}

ReservedMemory::~ReservedMemory() { munmap(data_, bytes_); }

}  // namespace selkie
