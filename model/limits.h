// Fixed capacities of a State and the runtime limits within them.
//
// A State has no pointers: every table has a compile-time capacity, and a
// `Limits` value says how much of it a run may use.  RLIMIT_NOFILE is a limit
// of the kernel's own (a call that runs into it fails with EMFILE); every other
// limit is a bound of the exploration: a call that would need more is not
// executed at all and says `Result::Kind::kBound`.
#ifndef SELKIE_MODEL_LIMITS_H_
#define SELKIE_MODEL_LIMITS_H_

#include <cstdint>

namespace selkie {

inline constexpr int kPageSize = 4096;
inline constexpr int kMaxTasks = 4;
inline constexpr int kMaxFds = 8;     // descriptors in one table
inline constexpr int kMaxFiles = 12;  // open file descriptions
inline constexpr int kMaxInodes = 4;
inline constexpr int kMaxMaps = 6;      // mappings in one address space
inline constexpr int kMaxPages = 4;     // pages of one inode, and of one mapping
inline constexpr int kArenaPages = 12;  // addresses 0 .. kArenaPages * kPageSize
inline constexpr int kMaxMessages = 4;  // SCM_RIGHTS messages in flight
inline constexpr int kMaxBuffers = 4;   // pages of files in pipes

// Huge pages, of 2 MiB.  They have an arena of their own, which begins at kHugeArena and has as
// many as a memfd of huge pages (MFD_HUGETLB) may have; in tables its pages follow those of the
// small arena.
inline constexpr int kHugePageSize = 2 * 1024 * 1024;
inline constexpr int kMaxHuge = 3;
inline constexpr int64_t kHugeArena = int64_t{1} << 30;
inline constexpr int kAllArenaPages = kArenaPages + kMaxHuge;

constexpr bool IsHugePage(int page) { return page >= kArenaPages; }
constexpr int64_t AddressOfPage(int page) {
  return IsHugePage(page) ? kHugeArena + int64_t{page - kArenaPages} * kHugePageSize
                          : int64_t{page} * kPageSize;
}
constexpr int64_t SizeOfPage(int page) { return IsHugePage(page) ? kHugePageSize : kPageSize; }

// Pages of `page` bytes that have room for `bytes`, which is no more than any arena has.
constexpr int64_t PagesOf(int64_t bytes, int64_t page) { return (bytes + page - 1) / page; }

// Up to whole huge pages; wraps around as the kernel's ALIGN does.
constexpr int64_t HugeAlign(int64_t bytes) {
  constexpr uint64_t kMask = kHugePageSize - 1;
  return static_cast<int64_t>((static_cast<uint64_t>(bytes) + kMask) & ~kMask);
}

// The page of the arenas in which a byte address is, or -1.
constexpr int PageOfAddress(int64_t address) {
  if (address < 0) return -1;
  if (address < int64_t{kArenaPages} * kPageSize) return static_cast<int>(address / kPageSize);
  const int64_t huge = (address - kHugeArena) / kHugePageSize;
  return address < kHugeArena || huge >= kMaxHuge ? -1 : kArenaPages + static_cast<int>(huge);
}

// The first descriptor of a task.  0, 1 and 2 belong to the program that runs
// the calls; the model answers EBADF for them and the scenario language
// refuses them.
inline constexpr int kFirstFd = 3;

// Contents are observed at two bytes of each page: offsets 0 and 2048, of a huge one, too.
// Writes and sizes are exact to the byte; the samples are a projection of the
// true contents, so that a comparison with a kernel is exact at any offset.
inline constexpr int kSamplesPerPage = 2;
inline constexpr int kSampleStride = kPageSize / kSamplesPerPage;

// What write_program writes, in bytes: a program for x86-64 that stops itself (SIGSTOP), and zeroes
// behind it.  It is the first half of a page, so that all of it stands at one sampled offset.
inline constexpr int64_t kProgramBytes = kSampleStride;

// The highest level of vm.memfd_noexec (MEMFD_NOEXEC_SCOPE_NOEXEC_ENFORCED).
inline constexpr int kMaxNoexec = 2;

// The largest file position, and (exclusive) the end of a mapping's pages in
// its file: beyond what any inode can hold, so that the end can be passed.
inline constexpr int kMaxPos = 2 * kMaxPages * kPageSize;
inline constexpr int kMaxMappedPages = 2 * kMaxPages;

// How much of each table a run may use.  Each field is 1 .. its capacity; buffers and huge
// may be 0.
struct Limits {
  uint8_t tasks = kMaxTasks;
  uint8_t fds = kMaxFds;  // RLIMIT_NOFILE is kFirstFd + fds
  uint8_t files = kMaxFiles;
  uint8_t inodes = kMaxInodes;
  uint8_t maps = kMaxMaps;
  uint8_t pages = kMaxPages;  // largest size of an inode, in pages
  uint8_t arena = kArenaPages;
  uint8_t messages = kMaxMessages;
  uint8_t buffers = kMaxBuffers;
  uint8_t huge = kMaxHuge;  // pages of a memfd of huge pages, and of their arena; 0: no such memfd

  friend bool operator==(const Limits&, const Limits&) = default;
};

// The end of the run's small arena, or of that of huge pages, in pages.
constexpr int ArenaEnd(const Limits& limits, bool huge) {
  return huge ? kArenaPages + limits.huge : limits.arena;
}

}  // namespace selkie

#endif  // SELKIE_MODEL_LIMITS_H_
