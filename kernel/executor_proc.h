// What /proc shows of a task: the mappings of the arena (/proc/self/maps, and with VmFlags
// /proc/self/smaps) and its descriptors (/proc/self/fdinfo).
#ifndef SELKIE_KERNEL_EXECUTOR_PROC_H_
#define SELKIE_KERNEL_EXECUTOR_PROC_H_

#include <array>
#include <cstdint>

#include "kernel/executor_control.h"

namespace selkie {

// One VMA.
struct RealVma {
  int64_t start = 0, end = 0;  // bytes in the arena
  uint8_t prot = 0;            // kProt* bits
  bool shared = false;         // "s": VM_MAYSHARE
  int64_t offset = 0;          // bytes in the file
  int64_t inode = 0;           // number
  // Of smaps only:
  uint8_t may = 0;         // "mr mw me" as kProt* bits
  bool vm_shared = false;  // "sh": VM_SHARED
  bool dontcopy = false;   // "dc": VM_DONTCOPY
  uint8_t locked = 0;      // "lo lf" as kMapLocked and kMapLockOnFault
  bool guarded = false;    // "gu": VM_MAYBE_GUARD
};

struct RealVmas {
  std::array<RealVma, 2 * kArenaPages> vma;
  int count = 0;
};

enum class VmaSource : uint8_t {
  kMaps,       // opened for this
  kOwnMaps,    // of the harness's own process, which keeps them open
  kWithFlags,  // smaps
};

// Reads what starts in the arena or behind it within its size, in the order of
// addresses.  False if the file cannot be read.  Raw system calls alone; a
// descriptor is open for a moment only, out of the way of those under test.
bool ReadVmas(Control& control, VmaSource source, RealVmas* out);

// The same of /proc/`pid`/maps.
bool ReadVmasOf(Control& control, int64_t pid, RealVmas* out);

// Kilobytes of VmLck in /proc/self/status; -1 if it cannot be read.
int64_t ReadVmLck(Control& control);

// Which of the `pages` pages, 1 .. kMaxPages, from `address` on, of the process, are a guard
// region, one bit each: bit 58 of their words in /proc/self/pagemap (fs/proc/task_mmu.c
// PM_GUARD_REGION).  None if it cannot be read.
uint8_t GuardMarkers(const Control& control, int64_t address, int pages);

// One descriptor.
struct RealFdinfo {
  int64_t position = 0;  // f_pos, bytes
  int64_t flags = 0;     // f_flags, with O_CLOEXEC for FD_CLOEXEC
};

// Reads /proc/self/fdinfo/`fd` in the same way.
bool ReadFdinfo(Control& control, int fd, RealFdinfo* out);

}  // namespace selkie

#endif  // SELKIE_KERNEL_EXECUTOR_PROC_H_
