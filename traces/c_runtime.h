// The fixed parts of an exported C program.  Internal to traces/c_*.
#ifndef SELKIE_TRACES_C_RUNTIME_H_
#define SELKIE_TRACES_C_RUNTIME_H_

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/call.h"

namespace selkie {

// Helper functions of the program, in the order in which they must stand.
enum class CHelper {
  kAwaitTurn,  // tasks: wait for the token
  kHandOver,   // tasks: give the token away and wait for it
  kReport,     // one line of KTAP
  kCheck,      // a value against the expected one
  kResult,     // a value, or minus errno
  kInArena,    // an address as an offset
  kMany,       // counts at which compilers wonder
  kNoBuffer,   // a buffer that cannot be read
  kRepeat,     // a buffer full of one byte
  kCheckRead,  // bytes that were read
  kCheckStat,  // fstat
  kFaults,     // catching SIGSEGV and SIGBUS
  kLoad,
  kStore,
  kRemap,       // mremap to a chosen place
  kProcFd,      // "/proc/PID/fd/N"
  kProcSelfFd,  // "/proc/self/fd/N"
  kDevFd,       // "/dev/fd/N"
  kOpenPair,    // socketpair
  kOpenPipe,    // pipe2
  kVmsplice,
  kAioPwrite,  // io_submit
  kRaiseLimit,
  kOutOfTheWay,
  kUring,  // an io_uring
  kUringRegister,
  kUringUnregister,
  kUringReadFixed,
  kUringWrite,  // IORING_OP_WRITE
  kCheckPair,   // the two descriptors of a pair
  kSendRights,  // SCM_RIGHTS
  kReceiveRights,
  kGetTaskFd,  // pidfd_getfd
  kHalves,     // writev, pwritev, pwritev2
  kTwoParts,   // readv, preadv, preadv2
  kAdvise,     // process_madvise
  kMseal,
  kOpenHow,  // openat2
  kFileSetattr,
  kFchmodat2,
  kVmWrite,     // process_vm_writev
  kMemWrite,    // /proc/PID/mem
  kPtracePoke,  // PTRACE_POKEDATA
  kUffdCopy,    // userfaultfd
  kSetAcl,      // a POSIX ACL that is a mode
  kNeedUring,
  kNeedSecret,
  kNeedUdmabuf,  // and opens it
  kUdmabufCreate,
  kDmabufStore,
  kNeedFuse,  // and starts its server
  kFuseMmap,
  kSetLease,  // F_SETLEASE without SIGIO's consequence
  kSetDeleg,
  kGetDeleg,
  kNeedTmpfs,
  kOpenTmpfile,  // O_TMPFILE in /dev/shm
  kOpenHandle,   // open_by_handle_at
  kOpenMapFile,
  kNeedX86,
  kWriteProgram,   // one that stops itself
  kRunProgram,     // in a child, and end it
  kOpenExe,        // /proc/PID/exe of that child
  kCloseLow,       // close_range
  kDrain,          // empty a channel
  kBecome,         // another user
  kLimitFds,       // RLIMIT_NOFILE
  kLimitSize,      // RLIMIT_FSIZE
  kNeedHugePages,  // or skip all
  kOwnNamespace,   // of process ids, whose vm.memfd_noexec can be set
  kSetNoexec,      // vm.memfd_noexec
  kSkipRest,       // a call that only a proposal has
  kOwn,            // descriptors out of the way
  kShare,          // memory that outlives exec
  kAwaitExit,      // until the kernel is done with a task
  kRunTasks,       // main's part while tasks run
  kForkTask,
  kCloneTask,
  kCloneRefused,
  kVforkTask,  // CLONE_VFORK
  kWaitTask,
  kExitTask,
  kExecInto,
};

// What the whole program is.
struct CProgram {
  bool tasks = false;        // several processes; else all is in main
  bool faults = false;       // loads and stores
  bool resumes = false;      // a task executes the program anew
  bool channels = false;     // SCM_RIGHTS over the program's own sockets
  int nofile = 0;            // RLIMIT_NOFILE, or 0: as it is
  bool sets_noexec = false;  // in a pid namespace of its own
  bool runs_programs = false;
  std::set<CHelper> asks;  // what has to be there, else all is skipped: see CAsks
};

// The kNeed helper that the call takes.
std::optional<CHelper> CAskOf(const Call& call);

// The lines of main that call these of the kNeed helpers.
std::string CAsks(const std::set<CHelper>& asks);

// What main begins with where only root can go on.
inline constexpr std::string_view kRootCheckText = R"(	if (geteuid() != 0) {
		dprintf(1, "KTAP version 1\n1..0 # SKIP only root can become another user\n");
		return 4;
	}
)";

// And what follows its plan.
inline constexpr std::string_view kCloseInherited =
    "\tfor (int i = 3; i < 100; i++) /* the calls start with an empty table */\n"
    "\t\tclose(i);\n";

// The helper's text, ending in a newline.
std::string CHelperText(CHelper helper, const CProgram& program);

// Helpers that the helper's text calls.
std::vector<CHelper> CHelpersOf(CHelper helper, const CProgram& program);

// The header files that a helper needs, without <>.
std::vector<std::string> CIncludesOf(CHelper helper);

}  // namespace selkie

#endif  // SELKIE_TRACES_C_RUNTIME_H_
