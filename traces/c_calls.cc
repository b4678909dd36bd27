#include "traces/c_calls.h"

#include <algorithm>
#include <iterator>

#include "fmt/format.h"
#include "model/call_text.h"
#include "model/call_text_scan.h"
#include "traces/c_constants.h"

namespace selkie {
namespace {

constexpr int kBufferBytes = 1 << 16;  // `buffer` of the program

// The arguments and the environment of a program that is none.
constexpr std::string_view kNoProgram =
    "(char *[]){ \"selkie-no-program\", NULL }, (char *[]){ NULL }";

class CallPrinter {
 public:
  CallPrinter(const CContext& context, size_t index, const std::string& child, CNeeds* needs)
      : context_(context),
        index_(index),
        call_(context.trace.sequence.calls[index]),
        result_(context.trace.results[index]),
        child_(child),
        needs_(needs) {}

  std::vector<std::string> Test();

 private:
  std::string Use(CHelper helper) {
    needs_->helpers.insert(helper);
    return "";
  }
  void Include(const std::string& header) { needs_->includes.insert(header); }
  std::string Shared() const { return context_.program.tasks ? "shared->" : ""; }

  std::string FdOf(int64_t task, int64_t fd) const;
  std::string Address(int64_t value);
  std::string Arena(int64_t offset);
  std::string Path(const int64_t* words);
  std::string Pid(int64_t task) const;
  std::string Argument(const ArgSpec& arg, const int64_t* words);
  // From argument `first` on.
  std::string Arguments(int first = 0);
  std::string RemoteByte();
  std::string PipeFlags();
  std::string Other();
  std::string Helper(CHelper helper, std::string_view name, std::string_view arguments);
  std::string Helper(CHelper helper, std::string_view name) {
    return Helper(helper, name, Arguments());
  }
  std::string Attributes(fmt::format_string<std::string> pointer);
  std::string Count(int64_t count, bool of_buffer = true);
  std::string Reading();
  std::string Writing();
  std::string Mapping();
  std::string Remapping();
  std::string Closing();
  std::string Forking();
  std::string Expression();
  std::string Extended();
  std::string Wrapped();
  std::string Expected();
  std::string Text() const { return CTestText(context_, index_); }
  std::vector<std::string> Assigning(const std::vector<Variable>& results);
  std::vector<std::string> CheckingRead();
  std::string Declared(const Variable& variable) const;

  const CContext& context_;
  size_t index_;
  const Call& call_;
  const Result& result_;
  const std::string& child_;
  CNeeds* needs_;
};

std::string CallPrinter::FdOf(int64_t task, int64_t fd) const {
  const std::string name =
      context_.variables.Before(index_).FdName(context_.states[index_], task, fd);
  return name.empty() ? CInt(fd) : Shared() + name;
}

std::string CallPrinter::Arena(int64_t offset) {
  needs_->arena = true;
  if (offset == 0) return "arena";
  return offset > 0 ? fmt::format("arena + {}", CNumber(offset))
                    : fmt::format("arena - {}", CNumber(-(offset + 1)) + " - 1");
}

std::string CallPrinter::Address(int64_t value) {
  if (value == kNull) return "NULL";
  const std::string name =
      context_.variables.Before(index_).AddressName(context_.states[index_], call_.task, value);
  return name.empty() ? Arena(value) : Shared() + name;
}

std::string CallPrinter::Pid(int64_t task) const {
  return context_.program.tasks ? fmt::format("shared->pid[{}]", CTask(task)) : "getpid()";
}

std::string CallPrinter::Path(const int64_t* words) {
  if (words[0] == kDevFd) return Helper(CHelper::kDevFd, "dev_fd", FdOf(call_.task, words[1]));
  const bool self = words[0] == kSelf;
  Use(self ? CHelper::kProcSelfFd : CHelper::kProcFd);
  if (self) return fmt::format("proc_self_fd({})", FdOf(call_.task, words[1]));
  return fmt::format("proc_fd({}, {})", Pid(words[0]), FdOf(words[0], words[1]));
}

std::string CallPrinter::Argument(const ArgSpec& arg, const int64_t* words) {
  switch (arg.kind) {
    case ArgKind::kLiteral: return std::string(arg.name);
    case ArgKind::kName:
      return words[0] == kNull ? "NULL" : fmt::format("\"{}\"", NameOfLength(words[0]));
    case ArgKind::kFd: return FdOf(call_.task, words[0]);
    case ArgKind::kPath: return Path(words);
    case ArgKind::kFlags:
      if (arg.one) return COneFlag(words[0], arg.names);
      return CFlags(words[0], arg.names, true);
    case ArgKind::kSeals: return CFlags(words[0], SealNames(&context_.semantics), false);
    case ArgKind::kInt: return CInt(words[0]);
    case ArgKind::kSize: return CNumber(words[0]);
    case ArgKind::kOffset:
      return words[0] == kNoOffset ? "NULL" : fmt::format("&(off_t){{ {} }}", CNumber(words[0]));
    case ArgKind::kAddress: return Address(words[0]);
    case ArgKind::kByte: return fmt::format("'{}'", CByte(words[0]));
    case ArgKind::kMode:
      return words[0] == static_cast<int32_t>(words[0]) && words[0] >= 0
                 ? fmt::format("0{:o}", words[0])
                 : fmt::format("(mode_t){}", CNumber(words[0]));
    case ArgKind::kTask: return CTask(words[0]);
    case ArgKind::kExtension:
    case ArgKind::kExtensionArg: break;  // Extended
  }
  return "0";
}

std::string CallPrinter::Arguments(int first) {
  std::string out;
  int word = 0;
  for (const ArgSpec& arg : ArgsOf(SpecOf(call_.op))) {
    if (first-- <= 0)
      out += fmt::format("{}{}", out.empty() ? "" : ", ", Argument(arg, &call_.arg[word]));
    word += WordsOf(arg.kind);
  }
  return out;
}

// Of bytes of the program's buffer, or of none.
std::string CallPrinter::Count(int64_t count, bool of_buffer) {
  if (of_buffer) needs_->buffer = true;
  if (count >= 0 && count <= kBufferBytes) return CNumber(count);
  Use(CHelper::kMany);
  return fmt::format("many({})", CNumber(count));
}

std::string CallPrinter::Reading() {
  const std::string count = Count(call_.arg[1]);
  const std::string fd = FdOf(call_.task, call_.arg[0]);
  if (call_.op == Op::kRead) return fmt::format("read({}, buffer, {})", fd, count);
  if (call_.op == Op::kPread)
    return fmt::format("pread({}, buffer, {}, {})", fd, count, CNumber(call_.arg[2]));
  const std::string parts = Use(CHelper::kTwoParts) + fmt::format("{}({}, two_parts(buffer, {}), 2",
                                                                  SpecOf(call_.op).name, fd, count);
  if (call_.op == Op::kReadv) return parts + ")";
  if (call_.op == Op::kPreadv) return fmt::format("{}, {})", parts, CNumber(call_.arg[2]));
  return fmt::format("{}, {}, {})", parts, CNumber(call_.arg[2]),
                     CFlags(call_.arg[3], ArgsOf(SpecOf(call_.op))[4].names, true));
}

std::string CallPrinter::Writing() {
  const bool null = call_.arg[1] == kNull;
  const bool few = !null && (call_.arg[2] == 0 || call_.arg[2] == 1);
  if (!few && !null) Use(CHelper::kRepeat);
  if (null) Use(CHelper::kNoBuffer);
  const std::string bytes = null  ? "no_buffer()"
                            : few ? fmt::format("\"{}\"", CByte(call_.arg[1]))
                                  : fmt::format("repeat('{}')", CByte(call_.arg[1]));
  const std::string count = few ? CNumber(call_.arg[2]) : Count(call_.arg[2], !null);
  const std::string fd = FdOf(call_.task, call_.arg[0]);
  if (call_.op == Op::kWrite) return fmt::format("write({}, {}, {})", fd, bytes, count);
  if (call_.op == Op::kAioPwrite)
    return Use(CHelper::kAioPwrite) +
           fmt::format("aio_write_at({}, {}, {}, {})", fd, bytes, count, CNumber(call_.arg[3]));
  if (call_.op == Op::kUringPwrite)
    return Use(CHelper::kUringWrite) +
           fmt::format("uring_write_at({}, {}, {}, {})", fd, bytes, count, CNumber(call_.arg[3]));
  if (call_.op == Op::kPwrite)
    return fmt::format("pwrite({}, {}, {}, {})", fd, bytes, count, CNumber(call_.arg[3]));
  const std::string parts =
      Use(CHelper::kHalves) +
      fmt::format("{}({}, halves({}, {}), 2", SpecOf(call_.op).name, fd, bytes, count);
  if (call_.op == Op::kWritev) return parts + ")";
  if (call_.op == Op::kPwritev) return fmt::format("{}, {})", parts, CNumber(call_.arg[3]));
  return fmt::format("{}, {}, {})", parts, CNumber(call_.arg[3]),
                     CFlags(call_.arg[4], ArgsOf(SpecOf(call_.op))[4].names, true));
}

std::string CallPrinter::PipeFlags() {
  Include("fcntl.h");
  return CFlags(call_.arg[0], ArgsOf(SpecOf(Op::kPipe2))[1].names, true);
}

// Pid, address and byte.
std::string CallPrinter::RemoteByte() {
  return fmt::format("{}, {}, '{}'", Pid(call_.arg[0]), Address(call_.arg[1]), CByte(call_.arg[2]));
}

// Where no address is forced, that of the trace is the hint.
std::string CallPrinter::Mapping() {
  const auto& arg = call_.arg;
  const bool fixed = (arg[3] & (abi::kMapFixed | abi::kMapFixedNoreplace)) != 0;
  const auto specs = ArgsOf(SpecOf(call_.op));
  return fmt::format("mmap({}, {}, {}, {}, {}, {})",
                     result_.ok() && !fixed ? Arena(result_.value) : Address(arg[0]),
                     CNumber(arg[1]), CFlags(arg[2], specs[2].names, true),
                     CFlags(arg[3], specs[3].names, true), FdOf(call_.task, arg[4]),
                     CNumber(arg[5]));
}

std::string CallPrinter::Remapping() {
  const auto& arg = call_.arg;
  const bool fixed = (arg[3] & abi::kMremapFixed) != 0;
  const bool moves = result_.ok() && !fixed && result_.value != arg[0];
  if (moves) Use(CHelper::kRemap);
  const bool unused = !moves && !fixed && arg[4] != kNull;  // the C library would not pass it on
  if (unused) {
    Include("sys/syscall.h");
    Include("unistd.h");
  }
  std::string out = fmt::format("{}{}, {}, {}, {}",
                                moves    ? "remap("
                                : unused ? "(char *)syscall(SYS_mremap, "
                                         : "mremap(",
                                Address(arg[0]), CNumber(arg[1]), CNumber(arg[2]),
                                CFlags(arg[3], ArgsOf(SpecOf(call_.op))[3].names, true));
  if (fixed || unused) out += fmt::format(", {}", Address(arg[4]));
  if (moves) out += fmt::format(", {}", Arena(result_.value));
  return out + ")";
}

// A program of several tasks has descriptors of its own behind those of the test.
std::string CallPrinter::Closing() {
  const bool empty = static_cast<uint32_t>(call_.arg[0]) > static_cast<uint32_t>(call_.arg[1]);
  const bool low = context_.program.tasks && !empty;
  if (low) Use(CHelper::kCloseLow);
  return fmt::format("{}({})", low ? "close_low_range" : "close_range", Arguments());
}

std::string CallPrinter::Forking() {
  if (!result_.ok())
    return Helper(CHelper::kCloneRefused, "clone_refused",
                  call_.op == Op::kFork ? "0" : Arguments());
  const std::string slot = CTask(result_.value);
  if (call_.op == Op::kFork) {
    Use(CHelper::kForkTask);
    return fmt::format("fork_task({}, {})", slot, child_);
  }
  Use(IsVfork(call_) ? CHelper::kVforkTask : CHelper::kCloneTask);
  if (!IsVfork(call_)) return fmt::format("clone_task({}, {}, {})", slot, child_, Arguments());
  return fmt::format("vfork_task({}, {}, {},\n\t\t   {})", slot, child_, Arguments(),
                     CString(Text()));
}

// A call that the semantics declares.
std::string CallPrinter::Extended() {
  const Extension* extension = ExtensionOf(call_, context_.semantics);
  Include(extension->function == "ioctl" ? "sys/ioctl.h" : "fcntl.h");
  std::string out = fmt::format("{}({}, {}", extension->function, FdOf(call_.task, call_.arg[0]),
                                extension->name);
  if (extension->arg == ArgKind::kSeals)
    out += ", " + CFlags(call_.arg[2], SealNames(&context_.semantics), false);
  if (extension->arg == ArgKind::kFlags) {
    Include("sys/mman.h");
    out += ", " + CFlags(call_.arg[2], ProtectionNames(), true);
  }
  return out + ")";
}

std::string CallPrinter::Helper(CHelper helper, std::string_view name, std::string_view arguments) {
  return Use(helper) + fmt::format("{}({})", name, arguments);
}

// An ioctl that sets flags of an inode; `pointer` is to them.
std::string CallPrinter::Attributes(fmt::format_string<std::string> pointer) {
  Include("sys/ioctl.h");
  Include("linux/fs.h");
  const auto args = ArgsOf(SpecOf(call_.op));
  return fmt::format("ioctl({}, {}, {})", FdOf(call_.task, call_.arg[0]), args[1].name,
                     fmt::format(pointer, CFlags(call_.arg[1], args[2].names, true)));
}

std::string CallPrinter::Other() {
  struct Form {
    const char *header, *text;
  };
  constexpr Form kForms[] = {{"sys/eventfd.h", "eventfd(0, 0)"},
                             {"sys/epoll.h", "epoll_create1(0)"},
                             {"sys/timerfd.h", "timerfd_create(CLOCK_MONOTONIC, 0)"},
                             {"sys/inotify.h", "inotify_init1(0)"},
                             {"fcntl.h", "open(\"/dev/zero\", O_RDWR)"},
                             {"fcntl.h", "open(\"/\", O_RDONLY)"},
                             {"fcntl.h", "open(\"/proc/version\", O_RDONLY)"},
                             {"sys/syscall.h", "(int)syscall(SYS_memfd_secret, 0)"},
                             {"fcntl.h", "open(\"/var/tmp\", O_TMPFILE | O_RDWR, 0600)"}};
  const Form& form = kForms[call_.arg[0]];
  Include(form.header);
  return form.text;
}

// A function of the program that is called as the call is written.
std::optional<CHelper> HelperOfItsName(Op op) {
  switch (op) {
    case Op::kLoad: return CHelper::kLoad;
    case Op::kStore: return CHelper::kStore;
    case Op::kOpenTmpfile: return CHelper::kOpenTmpfile;
    case Op::kUdmabufCreate: return CHelper::kUdmabufCreate;
    case Op::kDmabufStore: return CHelper::kDmabufStore;
    case Op::kWriteProgram: return CHelper::kWriteProgram;
    default: return std::nullopt;
  }
}

// The call, and whether it gives minus errno by itself.
std::string CallPrinter::Expression() {
  switch (call_.op) {
    case Op::kRead:
    case Op::kPread:
    case Op::kReadv:
    case Op::kPreadv:
    case Op::kPreadv2: return Reading();
    case Op::kWrite:
    case Op::kPwrite:
    case Op::kWritev:
    case Op::kAioPwrite:
    case Op::kUringPwrite:
    case Op::kPwritev:
    case Op::kPwritev2: return Writing();
    case Op::kFadvise: return fmt::format("-posix_fadvise({})", Arguments());
    case Op::kMseal: return Helper(CHelper::kMseal, "mseal_range");
    case Op::kProcessVmWritev: return Helper(CHelper::kVmWrite, "vm_write", RemoteByte());
    case Op::kProcessMadvise:
      return Use(CHelper::kAdvise) + fmt::format("advise({}, {})",
                                                 call_.arg[0] < 0 ? "-1" : Pid(call_.arg[0]),
                                                 Arguments(1));
    case Op::kMemWrite: return Helper(CHelper::kMemWrite, "mem_write", RemoteByte());
    case Op::kUffdCopy:
      return Use(CHelper::kUffdCopy) +
             fmt::format("uffd_copy({}, '{}')", Address(call_.arg[0]), CByte(call_.arg[1]));
    case Op::kPtracePoke: return Helper(CHelper::kPtracePoke, "ptrace_poke", RemoteByte());
    case Op::kSetLease:
    case Op::kSetDeleg:
      return Use(call_.op == Op::kSetLease ? CHelper::kSetLease : CHelper::kSetDeleg) +
             fmt::format("set_{}({}, {})", call_.op == Op::kSetLease ? "lease" : "deleg",
                         FdOf(call_.task, call_.arg[0]),
                         CFlags(call_.arg[1], ArgsOf(SpecOf(call_.op))[2].names, true));
    case Op::kGetDeleg:
      return Helper(CHelper::kGetDeleg, "get_deleg", FdOf(call_.task, call_.arg[0]));
    case Op::kOpenOther: return Other();
    case Op::kFsetAcl:
      return Use(CHelper::kSetAcl) +
             fmt::format("fset_acl({}, 0{:o})", FdOf(call_.task, call_.arg[0]), call_.arg[1]);
    case Op::kSetAcl:
      return Use(CHelper::kSetAcl) +
             fmt::format("set_acl({}, 0{:o})", Path(call_.arg.data()), call_.arg[2]);
    case Op::kFuseMmap:
      return Use(CHelper::kFuseMmap) + fmt::format("fuse_mmap({}, {})",
                                                   result_.ok() ? Arena(result_.value) : "NULL",
                                                   Arguments());
    case Op::kExecve: return fmt::format("execve({}, {})", Path(call_.arg.data()), kNoProgram);
    case Op::kExecveat:
      return fmt::format("execveat({}, \"\", {}, {})", FdOf(call_.task, call_.arg[0]), kNoProgram,
                         CFlags(call_.arg[1], ArgsOf(SpecOf(call_.op))[4].names, true));
    case Op::kLinkat:
      return fmt::format("linkat({}, \"\", AT_FDCWD, \"/selkie-no-such-name\", {})",
                         FdOf(call_.task, call_.arg[0]),
                         CFlags(call_.arg[1], ArgsOf(SpecOf(call_.op))[4].names, true));
    case Op::kOpenMapFile:
      return Use(CHelper::kOpenMapFile) +
             fmt::format("open_map_file({}, {}, {})", Pid(call_.arg[0]), Address(call_.arg[1]),
                         CFlags(call_.arg[2], ArgsOf(SpecOf(call_.op))[2].names, true));
    case Op::kOpenat2: return Helper(CHelper::kOpenHow, "open_how");
    case Op::kUringRegister: return Helper(CHelper::kUringRegister, "uring_register");
    case Op::kUringUnregister: return Use(CHelper::kUringUnregister) + "uring_unregister()";
    case Op::kUringReadFixed: return Helper(CHelper::kUringReadFixed, "uring_read_fixed");
    case Op::kSetFsize: return Helper(CHelper::kLimitSize, "limit_size", CNumber(call_.arg[0]));
    case Op::kSetNoexec: return Helper(CHelper::kSetNoexec, "set_noexec", CNumber(call_.arg[0]));
    case Op::kOpenByHandle: return Helper(CHelper::kOpenHandle, "open_handle");
    case Op::kMmap: return Mapping();
    case Op::kMremap: return Remapping();
    case Op::kFstat:
      return fmt::format("fstat({}, &(struct stat){{ 0 }})", FdOf(call_.task, call_.arg[0]));
    case Op::kCloseRange: return Closing();
    case Op::kFork:
    case Op::kClone: return Forking();
    case Op::kWait:
      return Use(CHelper::kWaitTask) + fmt::format("wait_task(shared->pid[{}])", Arguments());
    case Op::kSocketpair: return Use(CHelper::kOpenPair) + "open_pair(&(int){ 0 }, &(int){ 0 })";
    case Op::kPipe2:
      return Use(CHelper::kOpenPipe) +
             fmt::format("open_pipe(&(int){{ 0 }}, &(int){{ 0 }}, {})", PipeFlags());
    case Op::kVmsplice: return Helper(CHelper::kVmsplice, "vmsplice_range");
    case Op::kSendmsg: return Helper(CHelper::kSendRights, "send_rights");
    case Op::kRecvmsg: return Helper(CHelper::kReceiveRights, "receive_rights");
    case Op::kSendFd:
      return Use(CHelper::kSendRights) + fmt::format("send_rights(shared->channel[{}][0], {})",
                                                     CTask(call_.arg[0]),
                                                     FdOf(call_.task, call_.arg[1]));
    case Op::kRecvFd:
      return Use(CHelper::kReceiveRights) +
             fmt::format("receive_rights(shared->channel[{}][1])", CTask(call_.task));
    case Op::kPidfdGetfd:
      return Use(CHelper::kGetTaskFd) + fmt::format("get_task_fd({}, {})", Pid(call_.arg[0]),
                                                    FdOf(call_.arg[0], call_.arg[1]));
    case Op::kSetAttr: return Attributes("&(int){{ {} }}");
    case Op::kSetXattr: return Attributes("&(struct fsxattr){{ .fsx_xflags = {} }}");
    case Op::kFileSetattr:
    case Op::kFileSetattrAt: return Helper(CHelper::kFileSetattr, "set_file_attr");
    case Op::kFchmodat2: return Helper(CHelper::kFchmodat2, "change_mode_at");
    case Op::kExtension: return Extended();
    case Op::kRunProgram:
      return Use(CHelper::kRunProgram) +
             fmt::format("run_program(&{}, {})", CProgramOf(context_, call_.task), Arguments());
    case Op::kEndProgram:
      return Use(CHelper::kRunProgram) +
             fmt::format("end_program(&{})", CProgramOf(context_, call_.task));
    case Op::kOpenExe:
      return Use(CHelper::kOpenExe) +
             fmt::format("open_exe({}, {})", CProgramOf(context_, call_.arg[0]),
                         CFlags(call_.arg[1], ArgsOf(SpecOf(call_.op))[1].names, true));
    default:
      if (const auto helper = HelperOfItsName(call_.op)) Use(*helper);
      return fmt::format("{}({})", SpecOf(call_.op).name, Arguments());
  }
}

// Its expression gives minus errno by itself.
bool GivesErrno(Op op) {
  constexpr Op kOps[] = {
      Op::kLoad,           Op::kStore,       Op::kFork,          Op::kClone,
      Op::kWait,           Op::kSocketpair,  Op::kSendmsg,       Op::kRecvmsg,
      Op::kSendFd,         Op::kRecvFd,      Op::kPidfdGetfd,    Op::kProcessMadvise,
      Op::kMemWrite,       Op::kPtracePoke,  Op::kUffdCopy,      Op::kUdmabufCreate,
      Op::kDmabufStore,    Op::kPipe2,       Op::kUringRegister, Op::kUringUnregister,
      Op::kUringReadFixed, Op::kOpenMapFile, Op::kSetNoexec,     Op::kUringPwrite,
      Op::kAioPwrite,      Op::kFadvise};
  return std::find(std::begin(kOps), std::end(kOps), op) != std::end(kOps);
}

// The call as a value, or minus errno, or a fault.
std::string CallPrinter::Wrapped() {
  const std::string expression = Expression();
  if (GivesErrno(call_.op)) return expression;
  const bool address = SpecOf(call_.op).returns == ReturnKind::kAddress;
  if (address) needs_->arena = true;
  Use(address ? CHelper::kInArena : CHelper::kResult);
  return fmt::format("{}({})", address ? "in_arena" : "result", expression);
}

std::string CallPrinter::Expected() {
  if (result_.kind == Result::Kind::kErrno) {
    Include("errno.h");
    const std::string name = ErrnoName(result_.value);
    return name.find('#') == name.npos ? "-" + name : CNumber(-result_.value);
  }
  if (result_.kind == Result::Kind::kSignal)
    return fmt::format("FAULT({})", SignalName(result_.value));
  const ReturnKind returns = ReturnsOf(call_, context_.semantics);
  switch (returns) {
    case ReturnKind::kSeals: return CFlags(result_.value, SealNames(&context_.semantics), false);
    case ReturnKind::kOpenFlags:
    case ReturnKind::kLease:
    case ReturnKind::kFdFlags: return CFlags(result_.value, ResultFlagNames(returns), false);
    case ReturnKind::kByte: return fmt::format("'{}'", CByte(result_.value));
    case ReturnKind::kTask: return CTask(result_.value);
    case ReturnKind::kOk: return "0";
    default: return CNumber(result_.value);
  }
}

std::string CallPrinter::Declared(const Variable& variable) const {
  if (context_.program.tasks) return Shared() + variable.name;
  return fmt::format("{}{}", variable.is_address ? "char *" : "int ", variable.name);
}

std::vector<std::string> CallPrinter::Assigning(const std::vector<Variable>& results) {
  const std::string name = Shared() + results[0].name;
  if (results.size() == 2) {
    const bool pipe = call_.op == Op::kPipe2;
    Use(pipe ? CHelper::kOpenPipe : CHelper::kOpenPair);
    Use(CHelper::kCheckPair);
    const std::string other = Shared() + results[1].name;
    std::vector<std::string> out;
    if (!context_.program.tasks)
      out.push_back(fmt::format("int {}, {};", results[0].name, results[1].name));
    out.push_back(pipe ? fmt::format("open_pipe(&{}, &{}, {});", name, other, PipeFlags())
                       : fmt::format("open_pair(&{}, &{});", name, other));
    out.push_back(fmt::format("check_pair({}, {}, {}, {}, {});", name, other, result_.value,
                              result_.extra, CString(Text())));
    return out;
  }
  if (!results[0].is_address)
    return {fmt::format("{} = {};", Declared(results[0]), Wrapped()),
            CCheck(name, Expected(), Text())};
  Use(CHelper::kInArena);
  return {fmt::format("{} = {};", Declared(results[0]), Expression()),
          CCheck(fmt::format("in_arena({})", name), Expected(), Text())};
}

// The first byte of the file that is looked at is the first sampled one at or
// after the position.
std::vector<std::string> CallPrinter::CheckingRead() {
  const int file = FileOf(context_.states[index_], call_.task, call_.arg[0]);
  const bool here = call_.op == Op::kRead || call_.op == Op::kReadv || call_.arg[2] == -1;
  const int64_t pos = here ? int64_t{context_.states[index_].files[file].pos} : call_.arg[2];
  const int64_t first = (kSampleStride - pos % kSampleStride) % kSampleStride;
  std::string bytes;
  for (int i = 0; i < result_.num_data; ++i) bytes += CByte(result_.data[i]);
  Use(CHelper::kCheckRead);
  return {fmt::format("check_read({}, {}, {}, \"{}\", {},\n\t\t   {});", Wrapped(), Expected(),
                      first, bytes, int{result_.num_data}, CString(Text()))};
}

std::vector<std::string> CallPrinter::Test() {
  const std::vector<Variable>& results = context_.variables.ResultsOf(index_);
  if (result_.ok() && IsVfork(call_)) return {Forking() + ";"};  // the child checks
  if (result_.ok() && !results.empty()) return Assigning(results);
  if (result_.ok() && result_.num_data > 0) return CheckingRead();
  if (result_.ok() && call_.op == Op::kFstat) {
    Use(CHelper::kCheckStat);
    return {fmt::format("check_stat({}, {}, 0{:o}, {});", FdOf(call_.task, call_.arg[0]),
                        CNumber(result_.value), result_.extra, CString(Text()))};
  }
  return {CCheck(Wrapped(), Expected(), Text())};
}

std::string InArena(int64_t offset) {
  return offset == 0 ? "arena" : fmt::format("arena + {}", offset);
}

}  // namespace

std::vector<std::string> CTest(const CContext& context, size_t index, const std::string& child,
                               CNeeds* needs) {
  for (const std::string& header : HeadersOf(context.trace.sequence.calls[index].op))
    needs->includes.insert(header);
  needs->helpers.insert(CHelper::kCheck);
  return CallPrinter(context, index, child, needs).Test();
}

std::string CProgramOf(const CContext& context, int64_t task) {
  return context.program.tasks ? fmt::format("shared->program[{}]", CTask(task)) : "program";
}

std::string CTestText(const CContext& context, size_t index) {
  const Call& call = context.trace.sequence.calls[index];
  const Namer names = context.variables.NamerFor(index);
  const Namer in_call = [&](NameKind kind, int64_t value, int task) {
    std::string name = names(kind, value, task);
    const bool plain = name.empty() && kind == NameKind::kAddress && value >= 0;
    return plain ? InArena(value) : name;
  };
  const Namer in_result = [&](NameKind kind, int64_t value, int task) {
    if (kind == NameKind::kAddress) return InArena(value);
    return kind == NameKind::kTask ? names(kind, value, task) : std::string();
  };
  std::string assigned;
  const std::vector<Variable>& results = context.variables.ResultsOf(index);
  if (results.size() == 1) assigned = results[0].name + " = ";
  if (results.size() == 2) assigned = fmt::format("[{}, {}] = ", results[0].name, results[1].name);
  return fmt::format(
      "{}{}{} = {}", context.program.tasks ? fmt::format("{}: ", TaskLetterOf(call.task)) : "",
      assigned, PrintCall(call, &context.semantics, in_call),
      PrintResult(call, context.trace.results[index], &context.semantics, in_result));
}

}  // namespace selkie
