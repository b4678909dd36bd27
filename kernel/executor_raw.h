// System calls with nothing between: no errno, no cancellation, no atfork
// handlers, no libc that remembers a pid.  Tasks that share an address space
// share libc's thread-local data too, so tasks use only what is here.
#ifndef SELKIE_KERNEL_EXECUTOR_RAW_H_
#define SELKIE_KERNEL_EXECUTOR_RAW_H_

#include <cstdint>

// clone(2) without CLONE_* of its own, onto a stack that ends at `stack_top`: the child calls
// entry(argument), which must not return.  The child's number, or minus errno.
extern "C" int64_t SelkieCloneOntoStack(int64_t flags, int64_t stack_top, void (*entry)(int64_t),
                                        int64_t argument);

namespace selkie {

// The kernel's own return value: 0 or more, an address, or -errno.
inline int64_t RawSyscall(int64_t number, int64_t a = 0, int64_t b = 0, int64_t c = 0,
                          int64_t d = 0, int64_t e = 0, int64_t f = 0) {
  register int64_t r10 asm("r10") = d;
  register int64_t r8 asm("r8") = e;
  register int64_t r9 asm("r9") = f;
  int64_t result;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

inline bool IsRawError(int64_t result) { return result < 0 && result >= -4095; }

// A pointer as an argument of a system call.
inline int64_t Raw(const void* pointer) {
  return static_cast<int64_t>(reinterpret_cast<uintptr_t>(pointer));
}

}  // namespace selkie

#endif  // SELKIE_KERNEL_EXECUTOR_RAW_H_
