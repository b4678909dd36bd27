#include "model/step.h"

#include "model/families.h"

namespace selkie {
namespace {

using CallFunction = Result (*)(State&, const Call&, const Semantics&);

// In the order of Op.
constexpr CallFunction kFunctions[] = {
    MemfdCreate, AddSeals, GetSeals,   GetFl,    SetFl,  DupFd,     DupFd,
    GetFd,       SetFd,    Open,       Open,     Close,  Dup,       Dup2,
    Dup3,        Read,     Pread,      Write,    Pwrite, Lseek,     Ftruncate,
    Truncate,    Fallocate, Mmap,      Munmap,   Mprotect, Mremap,  Load,
    Store,       Fstat,    Fchmod,     Fork,     Clone,  Exec,      Exit,   Wait,
    Socketpair,  Sendmsg,  Recvmsg,    SendFd,   RecvFd, Extend};
static_assert(std::size(kFunctions) == static_cast<size_t>(Op::kExtension) + 1);

}  // namespace

Result Step(State& state, const Call& call, const Semantics& semantics) {
  if (call.task >= state.limits.tasks || state.tasks[call.task].state != TaskState::kRunning)
    return Bound("the task that makes the call does not run");
  return kFunctions[static_cast<int>(call.op)](state, call, semantics);
}

bool SameOutcome(const Result& a, const Result& b) {
  return a.kind == b.kind && a.value == b.value &&
         (a.kind != Result::Kind::kValue ||
          (a.extra == b.extra && a.num_data == b.num_data && a.data == b.data));
}

}  // namespace selkie
