#include "model/step.h"

#include <cstdio>
#include <cstdlib>

#include "model/families.h"

namespace selkie {
namespace {

using CallFunction = Result (*)(State&, const Call&, const Semantics&);

// In the order of Op.
constexpr CallFunction kFunctions[] = {MemfdCreate,
                                       AddSeals,
                                       GetSeals,
                                       GetFl,
                                       SetFl,
                                       DupFd,
                                       DupFd,
                                       GetFd,
                                       SetFd,
                                       Open,
                                       Open,
                                       Close,
                                       Dup,
                                       Dup2,
                                       Dup3,
                                       Read,
                                       Pread,
                                       Write,
                                       Pwrite,
                                       Lseek,
                                       Ftruncate,
                                       Truncate,
                                       Fallocate,
                                       Writev,
                                       Pwritev2,
                                       Sendfile,
                                       CopyFileRange,
                                       Mmap,
                                       Munmap,
                                       Mprotect,
                                       Mremap,
                                       Madvise,
                                       Msync,
                                       Mseal,
                                       RemapFilePages,
                                       Load,
                                       Store,
                                       ProcessVmWritev,
                                       MemWrite,
                                       Fstat,
                                       Fchmod,
                                       Chmod,
                                       Fchown,
                                       Fork,
                                       Clone,
                                       Exec,
                                       Exit,
                                       Wait,
                                       Socketpair,
                                       Sendmsg,
                                       Recvmsg,
                                       SendFd,
                                       RecvFd,
                                       PidfdGetfd,
                                       CloseRange,
                                       Unshare,
                                       OpenByHandle,
                                       SetAttr,
                                       SetXattr,
                                       FileSetattr,
                                       FileSetattrAt,
                                       Fchmodat2,
                                       Pipe2,
                                       Splice,
                                       Tee,
                                       Vmsplice,
                                       AioPwrite,
                                       OpenEmptyPath,
                                       SetFsize,
                                       UringRegister,
                                       UringUnregister,
                                       UringReadFixed,
                                       OpenMapFile,
                                       SetNoexec,
                                       Execveat,
                                       Execve,
                                       PtracePoke,
                                       Linkat,
                                       OpenTmpfile,
                                       SetLease,
                                       GetLease,
                                       SetDeleg,
                                       GetDeleg,
                                       UffdCopy,
                                       FsetAcl,
                                       SetAcl,
                                       UdmabufCreate,
                                       DmabufStore,
                                       FuseMmap,
                                       OpenOther,
                                       UringPwrite,
                                       GetPipeSize,
                                       SetPipeSize,
                                       Mlock,
                                       Mlock2,
                                       Munlock,
                                       WriteProgram,
                                       RunProgram,
                                       EndProgram,
                                       OpenExe,
                                       Openat2,
                                       ProcessMadvise,
                                       Readv,
                                       Preadv,
                                       Preadv2,
                                       SetDumpable,
                                       Pwritev,
                                       Fchownat,
                                       Chown,
                                       DupFdQuery,
                                       CreatedQuery,
                                       Fsync,
                                       Fsync,
                                       SyncFileRange,
                                       Fadvise,
                                       Readahead,
                                       Futimens,
                                       Utimensat,
                                       Extend};
static_assert(std::size(kFunctions) == static_cast<size_t>(Op::kExtension) + 1);

// IntWordsOf each Op, here where Step reads it.
const auto kIntWords = [] {
  std::array<std::array<uint64_t, kMaxWords>, std::size(kFunctions)> words;
  for (size_t op = 0; op < words.size(); ++op) words[op] = IntWordsOf(static_cast<Op>(op));
  return words;
}();

// Every argument that the kernel takes as an int is one.
bool IntsAreInts(const Call& call) {
  const std::array<uint64_t, kMaxWords>& is_int = kIntWords[static_cast<size_t>(call.op)];
  uint64_t beyond = 0;
  for (int i = 0; i < kMaxWords; ++i)
    beyond |= (static_cast<uint64_t>(call.arg[i]) + 0x80000000u) >> 32 & is_int[i];
  return beyond == 0;
}

// Makes a process, or names one by its number.
bool IsOfProcesses(Op op) {
  switch (op) {
    case Op::kFork:
    case Op::kClone:
    case Op::kRunProgram:
    case Op::kPidfdGetfd:
    case Op::kProcessVmWritev:
    case Op::kPtracePoke:
    case Op::kProcessMadvise: return true;
    default: return false;
  }
}

#ifndef NDEBUG
void AbortIfInvalid(const State& before, const Call& call, const State& after) {
  const absl::Status status = Validate(after);
  if (status.ok()) return;
  std::fprintf(
      stderr,
      "%s after %s by task %d with %lld %lld %lld %lld %lld %lld %lld\nbefore:\n%safter:\n%s",
      std::string(status.message()).c_str(), std::string(ShortName(call.op)).c_str(), call.task,
      static_cast<long long>(call.arg[0]), static_cast<long long>(call.arg[1]),
      static_cast<long long>(call.arg[2]), static_cast<long long>(call.arg[3]),
      static_cast<long long>(call.arg[4]), static_cast<long long>(call.arg[5]),
      static_cast<long long>(call.arg[6]), ToString(before).c_str(), ToString(after).c_str());
  std::abort();
}
#endif

}  // namespace

Result Step(State& state, const Call& call, const Semantics& semantics) {
  if (call.task >= state.limits.tasks || state.tasks[call.task].state != TaskState::kRunning)
    return Bound("the task that makes the call does not run");
  if (WaitsInVfork(state, call.task)) return Bound("the task waits in vfork");
  if (state.tasks[call.task].own_noexec != 0 && IsOfProcesses(call.op))
    return Bound("from a pid namespace below, processes have other numbers");
  const auto op = static_cast<size_t>(call.op);
  if (op >= std::size(kFunctions)) return Bound("there is no such call");
  if (!IntsAreInts(call)) return Bound("an argument of type int has more than 32 bits");
  if (state.limits.huge > 0 && IsUnknownOfHugetlb(call.op) && ReachesHugetlb(state, call))
    return Bound("this call of a memfd of huge pages is not modelled");
  if (Result answer; AnswersDmabuf(state, call, &answer)) return answer;
  if (IsUnknownOfOther(call.op) && ReachesOther(state, call))
    return Bound("this call of another file than a memfd is not modelled");
#ifdef NDEBUG
  return kFunctions[op](state, call, semantics);
#else
  const State before = state;
  const Result result = kFunctions[op](state, call, semantics);
  AbortIfInvalid(before, call, state);
  return result;
#endif
}

bool SameOutcome(const Result& a, const Result& b) {
  return a.kind == b.kind && a.value == b.value &&
         (a.kind != Result::Kind::kValue ||
          (a.extra == b.extra && a.num_data == b.num_data && a.data == b.data));
}

}  // namespace selkie
