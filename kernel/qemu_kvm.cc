// Whether KVM works: by using it.
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "kernel/qemu.h"

namespace selkie {
namespace {

// Code at 0, then the three levels of a page table that maps 0 to 2 MiB.
constexpr size_t kPage = 4096;
constexpr size_t kMemory = 4 * kPage;

// pxor xmm0, xmm0; hlt.  KVM's instruction emulator knows HLT, but no SSE
// arithmetic: where the processor has no virtualization of its own to offer
// (nested, and KVM emulates everything) kernels crawl and then stop with an
// internal error, and so does this.
constexpr uint8_t kCode[] = {0x66, 0x0F, 0xEF, 0xC0, 0xF4};

constexpr uint64_t kPresentWritable = 3;
constexpr uint64_t kLargePage = 0x80;
constexpr uint64_t kCr0 = 0x80000033;  // PG NE ET MP PE
constexpr uint64_t kCr4 = 0x220;       // OSFXSR PAE
constexpr uint64_t kEfer = 0x500;      // LMA LME

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

void FillMemory(void* memory) {
  auto* bytes = static_cast<char*>(memory);
  std::memcpy(bytes, kCode, sizeof kCode);
  const uint64_t entries[] = {(2 * kPage) | kPresentWritable, (3 * kPage) | kPresentWritable,
                              kLargePage | kPresentWritable};
  for (size_t level = 0; level < 3; ++level)
    std::memcpy(bytes + (level + 1) * kPage, &entries[level], sizeof entries[level]);
}

// The processor's features as KVM passes them on.
bool SetFeatures(int kvm, int cpu) {
  constexpr uint32_t kEntries = 256;
  size_t size = sizeof(kvm_cpuid2) + kEntries * sizeof(kvm_cpuid_entry2);
  std::unique_ptr<void, decltype(&std::free)> memory(std::calloc(1, size), &std::free);
  auto* features = static_cast<kvm_cpuid2*>(memory.get());
  if (features == nullptr) return false;
  features->nent = kEntries;
  return ioctl(kvm, KVM_GET_SUPPORTED_CPUID, features) == 0 &&
         ioctl(cpu, KVM_SET_CPUID2, features) == 0;
}

kvm_segment FlatSegment(bool is_code) {
  kvm_segment segment = {};
  segment.limit = 0xffffffff;
  segment.selector = is_code ? 8 : 16;
  segment.type = is_code ? 11 : 3;
  segment.present = segment.s = segment.g = 1;
  segment.l = is_code;
  segment.db = !is_code;
  return segment;
}

// 64-bit mode at address 0.
bool StartAtZero(int cpu) {
  kvm_sregs special;
  if (ioctl(cpu, KVM_GET_SREGS, &special) != 0) return false;
  special.cr0 = kCr0;
  special.cr3 = kPage;
  special.cr4 = kCr4;
  special.efer = kEfer;
  special.cs = FlatSegment(true);
  special.ds = special.es = special.ss = special.fs = special.gs = FlatSegment(false);
  if (ioctl(cpu, KVM_SET_SREGS, &special) != 0) return false;
  kvm_regs registers = {};
  registers.rflags = 2;  // the bit that is always 1
  return ioctl(cpu, KVM_SET_REGS, &registers) == 0;
}

bool RunsToHalt(int kvm, int cpu) {
  int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  if (size < static_cast<int>(sizeof(kvm_run))) return false;
  void* shared = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
  if (shared == MAP_FAILED) return false;
  bool halted = SetFeatures(kvm, cpu) && StartAtZero(cpu) && ioctl(cpu, KVM_RUN, 0) == 0 &&
                static_cast<kvm_run*>(shared)->exit_reason == KVM_EXIT_HLT;
  munmap(shared, size);
  return halted;
}

bool RunsCode(int kvm, void* page) {
  Descriptor machine(ioctl(kvm, KVM_CREATE_VM, 0));
  if (!machine.ok()) return false;
  kvm_userspace_memory_region memory = {};
  memory.memory_size = kMemory;
  memory.userspace_addr = reinterpret_cast<uintptr_t>(page);
  if (ioctl(machine.get(), KVM_SET_USER_MEMORY_REGION, &memory) != 0) return false;
  Descriptor cpu(ioctl(machine.get(), KVM_CREATE_VCPU, 0));
  return cpu.ok() && RunsToHalt(kvm, cpu.get());
}

}  // namespace

bool KvmWorks() {
  Descriptor kvm(open("/dev/kvm", O_RDWR | O_CLOEXEC));
  if (!kvm.ok() || ioctl(kvm.get(), KVM_GET_API_VERSION, 0) != KVM_API_VERSION) return false;
  void* memory = mmap(nullptr, kMemory, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  FillMemory(memory);
  bool works = RunsCode(kvm.get(), memory);
  munmap(memory, kMemory);
  return works;
}

}  // namespace selkie
