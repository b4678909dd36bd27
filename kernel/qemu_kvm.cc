// Whether KVM works: by using it.
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "kernel/qemu.h"

namespace selkie {
namespace {

constexpr size_t kPage = 4096;
constexpr uint8_t kHlt = 0xF4;

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

// Real mode at address 0, where the page with the HLT is.
bool StartAtZero(int cpu) {
  kvm_sregs special;
  if (ioctl(cpu, KVM_GET_SREGS, &special) != 0) return false;
  special.cs.base = 0;
  special.cs.selector = 0;
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
  bool halted = StartAtZero(cpu) && ioctl(cpu, KVM_RUN, 0) == 0 &&
                static_cast<kvm_run*>(shared)->exit_reason == KVM_EXIT_HLT;
  munmap(shared, size);
  return halted;
}

bool RunsOneInstruction(int kvm, void* page) {
  Descriptor machine(ioctl(kvm, KVM_CREATE_VM, 0));
  if (!machine.ok()) return false;
  kvm_userspace_memory_region memory = {};
  memory.memory_size = kPage;
  memory.userspace_addr = reinterpret_cast<uintptr_t>(page);
  if (ioctl(machine.get(), KVM_SET_USER_MEMORY_REGION, &memory) != 0) return false;
  Descriptor cpu(ioctl(machine.get(), KVM_CREATE_VCPU, 0));
  return cpu.ok() && RunsToHalt(kvm, cpu.get());
}

}  // namespace

bool KvmWorks() {
  Descriptor kvm(open("/dev/kvm", O_RDWR | O_CLOEXEC));
  if (!kvm.ok() || ioctl(kvm.get(), KVM_GET_API_VERSION, 0) != KVM_API_VERSION) return false;
  void* page =
      mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return false;
  *static_cast<uint8_t*>(page) = kHlt;
  bool works = RunsOneInstruction(kvm.get(), page);
  munmap(page, kPage);
  return works;
}

}  // namespace selkie
