// Files that are executed: execve and execveat of what is no program, and the one program that
// there is, which a child of the task runs.
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>

#include "kernel/executor.h"
#include "kernel/executor_raw.h"

namespace selkie {
namespace {

// Should one execute something all the same, the arguments are those of no program here.
constexpr const char* kNoProgram[] = {"selkie-no-program", nullptr};

// kill(getpid(), SIGSTOP), again and again.
constexpr uint8_t kCode[] = {0xb8, 39,   0, 0, 0, 0x0f, 0x05,  // mov $SYS_getpid, %eax; syscall
                             0x89, 0xc7,                       // mov %eax, %edi
                             0xbe, 19,   0, 0, 0,              // mov $SIGSTOP, %esi
                             0xb8, 62,   0, 0, 0, 0x0f, 0x05,  // mov $SYS_kill, %eax; syscall
                             0xeb, 0xe9};                      // jmp to the beginning
constexpr uint64_t kLoadAddress = 0x400000;

struct Image {
  Elf64_Ehdr header;
  Elf64_Phdr segment;
  uint8_t code[sizeof(kCode)];
};

// The whole file is one segment, at one page of memory.
Image MakeImage() {
  Image image{};
  std::memcpy(image.header.e_ident, ELFMAG, SELFMAG);
  image.header.e_ident[EI_CLASS] = ELFCLASS64;
  image.header.e_ident[EI_DATA] = ELFDATA2LSB;
  image.header.e_ident[EI_VERSION] = EV_CURRENT;
  image.header.e_type = ET_EXEC;
  image.header.e_machine = EM_X86_64;
  image.header.e_version = EV_CURRENT;
  image.header.e_entry = kLoadAddress + offsetof(Image, code);
  image.header.e_phoff = offsetof(Image, segment);
  image.header.e_ehsize = sizeof(image.header);
  image.header.e_phentsize = sizeof(image.segment);
  image.header.e_phnum = 1;
  image.segment.p_type = PT_LOAD;
  image.segment.p_flags = PF_R | PF_X;
  image.segment.p_vaddr = image.segment.p_paddr = kLoadAddress;
  image.segment.p_filesz = image.segment.p_memsz = kProgramBytes;
  image.segment.p_align = kPageSize;
  std::copy(std::begin(kCode), std::end(kCode), image.code);
  return image;
}

// Descriptors are copies: those of the task stay as they are.  Before 5.11 close_range cannot.
void CloseAllOnExec() {
  constexpr int kCloseRangeCloexec = 4, kLast = kPidfdBase + 32;
  if (RawSyscall(SYS_close_range, kFirstFd, ~0u, kCloseRangeCloexec) == 0) return;
  for (int fd = kFirstFd; fd <= kLast; ++fd) RawSyscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
}

// The child, on a stack of its own in the memory of the task, which waits as in vfork.
void ExecuteProgram(int64_t fd) {
  RawSyscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  const rlimit one_second = {1, 1};  // should it not stop itself
  RawSyscall(SYS_setrlimit, RLIMIT_CPU, Raw(&one_second));
  CloseAllOnExec();
  TheControl().program_error =
      RawSyscall(SYS_execveat, fd, Raw(""), Raw(kNoProgram), Raw(kNoProgram + 1), AT_EMPTY_PATH);
  for (;;) RawSyscall(SYS_exit, 0);
}

}  // namespace

Result RealExecveat(const Call& c, const Env&) {
  return FromRaw(
      RawSyscall(SYS_execveat, c.arg[0], Raw(""), Raw(kNoProgram), Raw(kNoProgram + 1), c.arg[1]));
}

Result RealExecve(const Call& c, const Env& env) {
  const ProcPath path = FdPath(env.control, c.arg[0], c.arg[1]);
  return FromRaw(RawSyscall(SYS_execve, path.raw(), Raw(kNoProgram), Raw(kNoProgram + 1)));
}

Result RealWriteProgram(const Call& c, const Env& env) {
  const Image image = MakeImage();
  uint8_t* const buffer = env.control.buffer.data();
  std::fill_n(buffer, kProgramBytes, uint8_t{0});
  std::memcpy(buffer, &image, sizeof(image));
  return FromRaw(RawSyscall(SYS_pwrite64, c.arg[0], Raw(buffer), kProgramBytes, 0));
}

// It has stopped when the call is over: what is later done to its page does not run.
Result RealRunProgram(const Call& c, const Env& env) {
  env.control.program_error = 0;
  const int64_t pid =
      SelkieCloneOntoStack(CLONE_VM | CLONE_VFORK | SIGCHLD, kStackBase + kStacks * kStackBytes,
                           ExecuteProgram, c.arg[0]);
  if (IsRawError(pid)) return FromRaw(pid);
  int status = 0;
  RawSyscall(SYS_wait4, pid, Raw(&status), WUNTRACED | __WALL, 0);
  if (env.control.program_error != 0) return FromRaw(env.control.program_error);
  if (!WIFSTOPPED(status)) {  // it was no program that stops itself
    Result killed;
    killed.kind = Result::Kind::kSignal;
    killed.value = WTERMSIG(status);
    return killed;
  }
  KillProgram(env.control, env.task);  // a second one is not asked for: see RunProgram in model/
  env.control.programs[static_cast<size_t>(env.task)] = static_cast<int32_t>(pid);
  return FromRaw(0);
}

bool KillProgram(Control& control, int task) {
  int32_t& program = control.programs[static_cast<size_t>(task)];
  if (program == 0) return false;
  RawSyscall(SYS_kill, program, SIGKILL);
  RawSyscall(SYS_wait4, program, 0, __WALL, 0);
  program = 0;
  return true;
}

Result RealEndProgram(const Call&, const Env& env) {
  return KillProgram(env.control, env.task) ? FromRaw(0) : NotRun(NotRunReason::kNoSuchTask);
}

Result RealOpenExe(const Call& c, const Env& env) {
  const int64_t program =
      HasPid(env, c.arg[0]) ? env.control.programs[static_cast<size_t>(c.arg[0])] : 0;
  if (program == 0) return NotRun(NotRunReason::kNoSuchTask);
  ProcPath path(program);
  path.Append("/exe");
  return FromRaw(RawSyscall(SYS_open, path.raw(), c.arg[1], 0));
}

}  // namespace selkie
