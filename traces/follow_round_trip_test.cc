// What the model does, written as strace would write it, is followed without a
// difference: the translation of numbers loses nothing, for every row of the table.
#include <algorithm>
#include <deque>
#include <map>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/call_text.h"
#include "traces/follow.h"
#include "traces/trace_testing.h"

namespace selkie {
namespace {

using ::testing::IsEmpty;

constexpr int64_t kArena = 0x7f0000000000;
constexpr int kFirstPid = 1000;

// A message with a number, so that sender and receiver find one another.
std::string Numbered(int number, int64_t fd) {
  return fmt::format(
      "{{msg_name=NULL, msg_namelen=0, msg_iov=[{{iov_base=\"number {}.\", iov_len=9}}], "
      "msg_iovlen=1, "
      "msg_control=[{{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[{}]}}], "
      "msg_controllen=24, msg_flags=0}}",
      number, fd);
}

class Writer {
 public:
  Writer(const Sequence& sequence, const Semantics& semantics) : semantics_(semantics) {
    trace_ = Replay(sequence, semantics, &states_);
    for (size_t task = 0; task < sequence.uids.size(); ++task)
      text_ += fmt::format("{0} getpid() = {0}\n{0} geteuid() = {1}\n{0} getrandom(0) = 1\n",
                           kFirstPid + task, sequence.uids[task]);
    for (size_t i = 0; i < trace_.results.size(); ++i) {
      const Op op = sequence.calls[i].op;
      // strace does not say which file a handle or the name of a mapping is of, and writes
      // O_TMPFILE, io_uring and what writes a program otherwise than the table of calls.
      const bool unseen = op == Op::kOpenByHandle || op == Op::kOpenMapFile ||
                          op == Op::kOpenTmpfile || SpecOf(op).family == Family::kIoUring ||
                          op == Op::kUdmabufCreate || op == Op::kUringPwrite ||
                          op == Op::kFuseMmap || op == Op::kOpenOther || op == Op::kWriteProgram;
      if (unseen && (trace_.results[i].ok() || op == Op::kUringPwrite)) return;
      if (op == Op::kSetNoexec)
        WriteNoexec(sequence.calls[i], trace_.results[i].ok());
      else
        Write(i);
      CountMessages(i);
    }
  }

  const std::string& text() const { return text_; }

 private:
  void WriteNoexec(const Call& c, bool ok) {
    const int pid = kFirstPid + c.task;
    text_ += fmt::format(
        "{0} openat(AT_FDCWD, \"/proc/sys/vm/memfd_noexec\", O_WRONLY) = 300\n"
        "{0} write(300, \"{1}\\n\", 2) = {2}\n{0} close(300) = 0\n",
        pid, c.arg[0], ok ? "2" : "-1 EINVAL (no)");
  }

  std::string Result_(const Call& c, const Result& r) const {
    if (r.kind == Result::Kind::kErrno) return fmt::format("-1 {} (no)", ErrnoName(r.value));
    switch (SpecOf(c.op).returns) {
      case ReturnKind::kAddress: return fmt::format("{:#x}", kArena + r.value);
      case ReturnKind::kTask: return fmt::format("{}", kFirstPid + r.value);
      case ReturnKind::kSeals:
      case ReturnKind::kOpenFlags: return fmt::format("{:#x}", r.value);
      case ReturnKind::kStat:
      case ReturnKind::kFdPair: return "0";
      default: return fmt::format("{}", r.value);
    }
  }

  // As PrintCall, with addresses of a kernel's and numbers of processes.
  std::string Plain(const Call& c, const Result& r) const {
    const Namer namer = [](NameKind kind, int64_t value, int) {
      if (kind == NameKind::kAddress && value >= 0) return fmt::format("{:#x}", kArena + value);
      return std::string();
    };
    std::string text = PrintCall(c, &semantics_, namer);
    for (int task = 0; task < kMaxTasks; ++task) {
      const std::string from = fmt::format("/proc/{}/", task);
      if (const size_t at = text.find(from); at != text.npos)
        text.replace(at, from.size(), fmt::format("/proc/{}/", kFirstPid + task));
    }
    if (c.op == Op::kFstat && r.ok())
      text = fmt::format("fstat({}, {{st_mode=S_IFREG|{:#o}, st_size={}, ...}})", c.arg[0], r.extra,
                         r.value);
    if (c.op == Op::kOpenat2) {
      const size_t path_end = text.find('"', text.find('"') + 1);
      text = fmt::format("{}, {{flags={:#o}, mode={:#o}, resolve={:#x}}}, 24)",
                         text.substr(0, path_end + 1), c.arg[2], c.arg[3], c.arg[4]);
    }
    if (c.op == Op::kSetFsize)
      text =
          fmt::format("prlimit64(0, RLIMIT_FSIZE, {{rlim_cur={}, rlim_max=RLIM64_INFINITY}}, NULL)",
                      c.arg[0] < 0 ? "RLIM64_INFINITY" : fmt::format("{}", c.arg[0]));
    return text;
  }

  // The numbers of messages that have not arrived, by where they will: the socket
  // pair (0: the harness) and its end.
  using Channel = std::pair<int, int>;

  static Channel ChannelOf(const State& s, const Call& c) {
    const int file = FileOf(s, c.task, c.arg[0]);
    return file < 0 ? Channel(-1, 0) : Channel(s.files[file].inode, s.files[file].end);
  }
  int Arriving(Channel channel) {
    const auto& waiting = waiting_[channel];
    return waiting.empty() ? 0 : waiting.front();
  }
  // As the state has them after call `i`: some are lost with whom they were for.
  void CountMessages(size_t i) {
    std::map<Channel, size_t> left;
    for (const Message& m : states_[i + 1].messages)
      if (m.file != 0) ++left[{m.inode, m.end}];
    for (auto& [channel, waiting] : waiting_)
      while (waiting.size() > left[channel]) waiting.pop_front();
    for (const auto& [channel, count] : left)
      while (waiting_[channel].size() < count) waiting_[channel].push_back(next_++);
  }

  void Fault(const Call& c, const Result& r) {
    const bool bus = SignalName(r.value) == "SIGBUS";
    if (bus)
      text_ +=
          fmt::format("{} --- SIGBUS {{si_signo=SIGBUS, si_code=BUS_ADRERR, si_addr={:#x}}} ---\n",
                      kFirstPid + c.task, kArena + c.arg[0]);
  }

  static std::string Buffer(const Call& c) {
    return fmt::format("[{{iov_base={}, iov_len={}}}]", c.arg[1] == kNull ? "NULL" : "\"x\"",
                       static_cast<uint64_t>(c.arg[2]));
  }

  static std::string ReadingVector(const Call& c) {
    std::string call = fmt::format("{}({}, [{{iov_base=\"\", iov_len={}}}], 1", SpecOf(c.op).name,
                                   c.arg[0], static_cast<uint64_t>(c.arg[1]));
    if (c.op != Op::kReadv) call += fmt::format(", {}", c.arg[2]);
    if (c.op == Op::kPreadv2) call += fmt::format(", {:#x}", c.arg[3]);
    return call + ")";
  }

  static std::string Range(int64_t address, int64_t length) {
    return fmt::format("{{iov_base={}, iov_len={}}}",
                       address == kNull ? "NULL" : fmt::format("{:#x}", kArena + address),
                       static_cast<uint64_t>(length));
  }

  static std::string Advising(const Call& c) {
    const bool two = c.arg[3] != kNull || c.arg[4] != 0;
    return fmt::format("process_madvise({}, [{}{}], {}, {:#x}, {:#x})", c.arg[0] < 0 ? -1 : 192,
                       Range(c.arg[1], c.arg[2]),
                       two ? ", " + Range(c.arg[3], c.arg[4]) : std::string(), two ? 2 : 1,
                       static_cast<uint32_t>(c.arg[5]), static_cast<uint32_t>(c.arg[6]));
  }

  static std::string Acl(int64_t mode) {
    const auto entry = [](int tag, int64_t bits) {
      return fmt::format("\\{}\\0\\{}\\0\\377\\377\\377\\377", tag, bits & 7);
    };
    return fmt::format("\"system.posix_acl_access\", \"\\2\\0\\0\\0{}{}{}\", 28, 0)",
                       entry(1, mode >> 6), entry(4, mode >> 3), entry(40, mode));
  }

  void Write(size_t i) {
    const Call& c = trace_.sequence.calls[i];
    const Result& r = trace_.results[i];
    const int pid = kFirstPid + c.task;
    if (r.kind == Result::Kind::kBound) return;  // it is not made
    std::string call = Plain(c, r), result = Result_(c, r);
    switch (c.op) {
      case Op::kLoad:
      case Op::kStore:
        if (r.kind == Result::Kind::kSignal) Fault(c, r);
        return;
      case Op::kProcessVmWritev:
      case Op::kPtracePoke:
      case Op::kUffdCopy:
      case Op::kDmabufStore:
      case Op::kMemWrite: return;  // contents
      case Op::kUdmabufCreate:
      case Op::kFuseMmap: return;  // of a device of which the model knows nothing
      case Op::kFsetAcl: call = fmt::format("fsetxattr({}, {}", c.arg[0], Acl(c.arg[1])); break;
      case Op::kSetAcl: call = call.substr(0, call.find("\"system")) + Acl(c.arg[2]); break;
      case Op::kWritev: call = fmt::format("writev({}, {}, 1)", c.arg[0], Buffer(c)); break;
      case Op::kPwritev:
        call = fmt::format("pwritev({}, {}, 1, {})", c.arg[0], Buffer(c), c.arg[3]);
        break;
      case Op::kFutimens: call = fmt::format("utimensat({}, NULL, NULL, 0)", c.arg[0]); break;
      case Op::kFadvise: call.replace(0, call.find('('), "fadvise64"); break;
      case Op::kPwritev2:
        call =
            fmt::format("pwritev2({}, {}, 1, {}, {:#x})", c.arg[0], Buffer(c), c.arg[3], c.arg[4]);
        break;
      case Op::kReadv:
      case Op::kPreadv:
      case Op::kPreadv2: call = ReadingVector(c); break;
      case Op::kProcessMadvise:
        text_ += fmt::format("{} pidfd_open({}, 0) = 192\n", pid, kFirstPid + c.arg[0]);
        call = Advising(c);
        break;
      case Op::kFork: call = "clone(child_stack=NULL, flags=SIGCHLD)"; break;
      case Op::kClone: call = fmt::format("clone(child_stack=NULL, flags={:#x})", c.arg[0]); break;
      case Op::kExec: call = "execve(\"/bin/x\", [\"x\"], 0x7ffc /* 1 var */)"; break;
      case Op::kWait: call = "wait4(-1, NULL, 0, NULL)"; break;
      case Op::kExit:
        text_ += fmt::format("{0} exit_group(0) = ?\n{0} +++ exited with 0 +++\n", pid);
        return;
      case Op::kSocketpair:
        call = fmt::format("socketpair(AF_UNIX, SOCK_SEQPACKET, 0, [{}, {}])", r.value, r.extra);
        break;
      case Op::kSendmsg:
        call = fmt::format("sendmsg({}, {}, 0)", c.arg[0], Numbered(next_, c.arg[1]));
        break;
      case Op::kRecvmsg:
        call = fmt::format("recvmsg({}, {}, 0)", c.arg[0],
                           Numbered(Arriving(ChannelOf(states_[i], c)), r.value));
        break;
      case Op::kSendFd: call = fmt::format("sendmsg(190, {}, 0)", Numbered(next_, c.arg[1])); break;
      case Op::kRecvFd:
        call = fmt::format("recvmsg(191, {}, 0)", Numbered(Arriving({0, c.task}), r.value));
        break;
      case Op::kPidfdGetfd:
        text_ += fmt::format("{} pidfd_open({}, 0) = 192\n", pid, kFirstPid + c.arg[0]);
        call = fmt::format("pidfd_getfd(192, {}, 0)", c.arg[1]);
        break;
      default: break;
    }
    text_ += fmt::format("{} {} = {}\n", pid, call, result);
    if (r.ok() && SpecOf(c.op).returns == ReturnKind::kTask)  // strace follows it
      text_ += fmt::format("{0} getpid() = {0}\n", result);
  }

  const Semantics& semantics_;
  Trace trace_;
  std::vector<State> states_;
  std::string text_;
  std::map<Channel, std::deque<int>> waiting_;
  int next_ = 1;
};

class FollowRoundTripTest : public ::testing::TestWithParam<std::string> {};

TEST_P(FollowRoundTripTest, WhatTheModelDoesIsFollowedWithoutADifference) {
  constexpr int kSequences = 250, kLength = 40;
  const Semantics semantics = LoadSemanticsForTest(GetParam());
  int64_t modelled = 0;
  for (int i = 0; i < kSequences; ++i) {
    const Writer writer(RandomSequenceForTest(i, kLength, semantics), semantics);
    const StraceLog log = ReadStrace("log", writer.text());
    ASSERT_THAT(log.problems, IsEmpty());
    const FollowReport report = Follow(log, semantics);
    modelled += report.modelled;
    for (const FollowedDifference& d : report.differences)
      ADD_FAILURE() << "sequence " << i << ", line " << d.line << ": " << d.call << " = "
                    << d.logged << ", model " << d.modelled << " by " << d.decided << "; "
                    << d.about << "\n"
                    << writer.text();
    if (!report.differences.empty()) return;
  }
  EXPECT_GT(modelled, kSequences * kLength / 5);
}

INSTANTIATE_TEST_SUITE_P(Kernels, FollowRoundTripTest,
                         ::testing::Values("linux-4.20", "linux-6.1", "linux-6.12", "linux-6.18",
                                           "linux-7.2"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace_if(
                               name.begin(), name.end(), [](char c) { return !std::isalnum(c); },
                               '_');
                           return name;
                         });

}  // namespace
}  // namespace selkie
