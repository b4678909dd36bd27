// Mappings, and loads and stores through them.
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "kernel/executor.h"
#include "kernel/executor_raw.h"

// A load and a store whose faults the handler below turns into their result: it
// goes on at SelkieFaulted with -signal in rax.
asm(R"(
.text
.p2align 4
SelkieFaultingLoad:
  movzbl (%rdi), %eax
  ret
SelkieFaultingStore:
  movb %sil, (%rdi)
  xorl %eax, %eax
  ret
SelkieFaulted:
  ret
)");

extern "C" {
int64_t SelkieFaultingLoad(int64_t address);
int64_t SelkieFaultingStore(int64_t address, uint8_t byte);
void SelkieFaulted();
}

namespace selkie {
namespace {

template <typename Function>
greg_t CodeAt(Function* function) {
  return static_cast<greg_t>(reinterpret_cast<uintptr_t>(function));
}

// The task whose process this is.
int TaskOfThisProcess(const Control& control) {
  const int64_t pid = RawSyscall(SYS_getpid);
  for (int task = 0; task < kMaxTasks; ++task)
    if (control.tasks[task].pid == pid) return task;
  return kHarness;
}

// The harness itself is broken: say so, wake it, and end.
[[noreturn]] void Crash(int signal) {
  Control& control = TheControl();
  control.crash_task = TaskOfThisProcess(control);
  control.crash_signal = signal;
  std::atomic<uint32_t>& go = control.go[kHarness];
  go = 1;
  RawSyscall(SYS_futex, Raw(&go), 1 /* FUTEX_WAKE */, 1);
  for (;;) RawSyscall(SYS_exit_group, 128 + signal);
}

void OnFault(int signal, siginfo_t*, void* context) {
  greg_t* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const greg_t at = registers[REG_RIP];
  if (at != CodeAt(SelkieFaultingLoad) && at != CodeAt(SelkieFaultingStore)) Crash(signal);
  registers[REG_RIP] = CodeAt(SelkieFaulted);
  registers[REG_RAX] = -signal;
}

bool IsNear(int64_t address) { return address > -kRoom && address < kRoom; }

// Longer than the address space: refused by the kernel whatever the address.
bool IsAbsurd(int64_t length) { return length < 0 || length > (int64_t{1} << 47); }

// Room at NULL: below where programs are loaded.
constexpr int64_t kRoomAtNull = 1 << 20;

NotRunReason WhyNotRange(int64_t address, int64_t length) {
  if (address == kNull)
    return length <= kRoomAtNull || IsAbsurd(length) ? NotRunReason::kNone : NotRunReason::kOutside;
  if (!IsNear(address)) return NotRunReason::kOutside;
  return length < kRoom || IsAbsurd(length) ? NotRunReason::kNone : NotRunReason::kOutside;
}

NotRunReason WhyNotMmap(const Call& c) {
  const bool fixed = (c.arg[3] & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0;
  // MAP_FIXED at NULL is refused, or beyond the model.
  if (!fixed || c.arg[0] == kNull) return NotRunReason::kNone;
  return WhyNotRange(c.arg[0], c.arg[1]);
}

NotRunReason WhyNotMremap(const Call& c) {
  const NotRunReason reason = WhyNotRange(c.arg[0], c.arg[1]);
  if (reason != NotRunReason::kNone || (c.arg[3] & MREMAP_FIXED) == 0) return reason;
  if (c.arg[4] == kNull) return NotRunReason::kFixedAtNull;
  return WhyNotRange(c.arg[4], c.arg[2]);
}

// Descriptors are ints to the kernel, which looks at the low half only.
NotRunReason WhyNotDescriptors(const Call& call) {
  int word = 0;
  for (const ArgSpec& spec : ArgsOf(SpecOf(call.op))) {
    const int words = WordsOf(spec.kind);
    if (spec.kind == ArgKind::kFd && call.arg[word] != static_cast<int32_t>(call.arg[word]))
      return NotRunReason::kDescriptorNoInt;
    word += words;
  }
  return NotRunReason::kNone;
}

}  // namespace

Result FromAddress(int64_t raw, int64_t length, const Env& env) {
  Control& control = env.control;
  Result r = FromRaw(raw);
  if (!r.ok()) return r;
  r.value = raw - kArenaBase;
  if (PageOfAddress(r.value) < 0 &&
      control.num_strays < static_cast<int32_t>(control.strays.size()))
    control.strays[control.num_strays++] = Stray{env.task, raw, length};
  return r;
}

int64_t HintFor(const Call& c, const Env& env) {
  if ((c.arg[3] & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0) return AddressOf(c.arg[0]);
  if (env.expected.ok()) return kArenaBase + env.expected.value;
  if (c.arg[0] != kNull || c.arg[1] <= 0 || c.arg[1] > kArenaBytes) return AddressOf(c.arg[0]);
  const int page = LowestRealGap(static_cast<int>(PagesOf(c.arg[1], kPageSize)));
  return page < 0 ? 0 : kArenaBase + int64_t{page} * kPageSize;
}

int64_t AddressOf(int64_t offset) { return offset == kNull ? 0 : kArenaBase + offset; }

NotRunReason WhyNotRun(const Call& call) {
  switch (SpecOf(call.op).family) {
    case Family::kMap:
      if (call.op == Op::kMmap) return WhyNotMmap(call);
      if (call.op == Op::kMremap) return WhyNotMremap(call);
      return WhyNotRange(call.arg[0], call.arg[1]);
    case Family::kMemory:
    case Family::kIoUring:
      return call.arg[0] == kNull || IsNear(call.arg[0]) ? NotRunReason::kNone
                                                         : NotRunReason::kOutside;
    default: return WhyNotDescriptors(call);
  }
}

void CatchFaults() {
  struct sigaction action = {};
  action.sa_sigaction = OnFault;
  action.sa_flags = SA_SIGINFO;
  for (int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) sigaction(signal, &action, nullptr);
}

int LoadByte(int64_t address) { return static_cast<int>(SelkieFaultingLoad(address)); }

int StoreByte(int64_t address, uint8_t byte) {
  return static_cast<int>(SelkieFaultingStore(address, byte));
}

bool IsMapped(int64_t address, int64_t length) {
  return RawSyscall(SYS_msync, address, length, MS_ASYNC) != -ENOMEM;
}

// The kernel reads the byte for a write to the control block's own file.
bool CanBeRead(int64_t address) {
  constexpr int64_t kSink = offsetof(Control, buffer);
  int64_t written = RawSyscall(SYS_pwrite64, kControlFd, address, 1, kSink);
  if (written == -EFBIG) {  // RLIMIT_FSIZE of the calls holds here, too
    rlimit limit;
    RawSyscall(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, Raw(&limit));
    SetFsizeLimit(-1);
    written = RawSyscall(SYS_pwrite64, kControlFd, address, 1, kSink);
    RawSyscall(SYS_prlimit64, 0, RLIMIT_FSIZE, Raw(&limit), 0);
  }
  return written == 1;
}

int LowestRealGap(int pages) {
  int free = 0;
  for (int page = 0; page < kArenaPages; ++page) {
    free = IsMapped(kArenaBase + int64_t{page} * kPageSize, kPageSize) ? 0 : free + 1;
    if (free == pages) return page - pages + 1;
  }
  return -1;
}

Result RealMmap(const Call& c, const Env& env) {
  const int64_t raw =
      RawSyscall(SYS_mmap, HintFor(c, env), c.arg[1], c.arg[2], c.arg[3], c.arg[4], c.arg[5]);
  return FromAddress(raw, c.arg[1], env);
}

// Where a mapping goes that has to move is the kernel's choice; it is moved on
// to the place where the model has it.
Result RealMremap(const Call& c, const Env& env) {
  const int64_t old = AddressOf(c.arg[0]);
  int64_t raw = RawSyscall(SYS_mremap, old, c.arg[1], c.arg[2], c.arg[3], AddressOf(c.arg[4]));
  const bool chosen = !IsRawError(raw) && (c.arg[3] & MREMAP_FIXED) == 0 && raw != old;
  const bool elsewhere = chosen && env.expected.ok() && raw != kArenaBase + env.expected.value;
  if (elsewhere && env.expected.value != c.arg[0])
    raw = RawSyscall(SYS_mremap, raw, c.arg[2], c.arg[2], MREMAP_MAYMOVE | MREMAP_FIXED,
                     kArenaBase + env.expected.value);
  return FromAddress(raw, c.arg[2], env);
}

Result RealRemapFilePages(const Call& c, const Env&) {
  return FromRaw(RawSyscall(SYS_remap_file_pages, AddressOf(c.arg[0]), c.arg[1], c.arg[2], c.arg[3],
                            c.arg[4]));
}

Result RealLoad(const Call& c, const Env&) {
  Result r;
  r.value = LoadByte(AddressOf(c.arg[0]));
  if (r.value >= 0) return r;
  r.kind = Result::Kind::kSignal;
  r.value = -r.value;
  return r;
}

Result RealStore(const Call& c, const Env&) {
  Result r;
  r.value = -StoreByte(AddressOf(c.arg[0]), static_cast<uint8_t>(c.arg[1]));
  if (r.value != 0) r.kind = Result::Kind::kSignal;
  return r;
}

}  // namespace selkie
