#include "checker/reserved_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>

namespace selkie {

ReservedMemory::ReservedMemory(uint64_t bytes, uint64_t least, Pages pages)
    : bytes_(std::max(bytes, least)), data_(MAP_FAILED) {
  while (true) {
    data_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data_ != MAP_FAILED) break;
    if (bytes_ <= least) std::abort();
    bytes_ = std::max(bytes_ / 2, least);
  }
  if (pages == Pages::kHuge) madvise(data_, bytes_, MADV_HUGEPAGE);
}

ReservedMemory::~ReservedMemory() { munmap(data_, bytes_); }

}  // namespace selkie
