// The machine's pages of 2 MiB, which memfds of huge pages are made of.
#ifndef SELKIE_KERNEL_HUGE_PAGES_H_
#define SELKIE_KERNEL_HUGE_PAGES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "model/limits.h"

namespace selkie {

// The most of them that a sequence may need at once: of each inode those that it has or
// that are reserved for mappings of it, of each address space those of private mappings, and what
// pipes and rings keep after the inode has lost it.
inline constexpr int kHugePagesOfWorker =
    kMaxInodes * (2 * kMaxHuge - 1) + kMaxTasks * kMaxHuge + kMaxBuffers;

struct HugePages {
  int64_t free = 0;      // the reserved ones among them
  int64_t reserved = 0;  // for mappings that have not touched them yet
};

// What there is now (/sys/kernel/mm/hugepages); zeroes if the kernel has no such pages.
HugePages ReadHugePages();

// What a kernel has lost for whom all processes that used huge pages have ended, and nobody
// else uses any; nothing if it has lost none.
std::optional<std::string> LostHugePages(const HugePages& before, const HugePages& after);

}  // namespace selkie

#endif  // SELKIE_KERNEL_HUGE_PAGES_H_
