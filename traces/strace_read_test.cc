#include "traces/strace_read.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace selkie {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A call points into its log.
StraceCall OnlyCall(const std::string& text, int64_t pid, StraceLog& log) {
  log = ReadStrace("log", text);
  EXPECT_THAT(log.problems, IsEmpty()) << text;
  EXPECT_EQ(log.calls.size(), 1u) << text;
  if (log.calls.size() != 1) return {};
  EXPECT_EQ(log.calls[0].pid, pid) << text;
  EXPECT_EQ(log.calls[0].name, "close") << text;
  EXPECT_EQ(log.calls[0].args.size(), 1u) << text;
  return log.calls[0];
}

TEST(StraceReadTest, EveryPrefixIsReadOver) {
  for (const std::string prefix :
       {"", "15:49:07 ", "15:49:07.213920 ", "1795621747.213920 ", "     0.000123 ",
        "15:49:07.213920 (+     0.000123) ", "[00007f14e1797000] ", "[ 319] [00007f14e1797000] ",
        "[????????????????] "}) {
    StraceLog log;
    EXPECT_EQ(OnlyCall(prefix + "close(3) = 0\n", 0, log).value, 0);
    EXPECT_EQ(OnlyCall("[pid  1965] " + prefix + "close(3) = 0\n", 1965, log).value, 0);
    EXPECT_EQ(OnlyCall("1965  " + prefix + "close(3) = 0 <0.000012>\n", 1965, log).value, 0);
    EXPECT_EQ(OnlyCall("1965<python3> " + prefix + "close(3) = 0\r\n", 1965, log).value, 0);
  }
}

TEST(StraceReadTest, EveryResultIsRead) {
  struct Row {
    std::string text;
    StraceReturn returned;
    int64_t value;
    std::string error;
  };
  for (const Row& row :
       std::vector<Row>{{"= 3</memfd:a b (deleted)>", StraceReturn::kValue, 3, ""},
                        {"= 3</memfd:reg>(deleted) <0.000022>", StraceReturn::kValue, 3, ""},
                        {"= 0x7f14e1797000", StraceReturn::kValue, 0x7f14e1797000, ""},
                        {"= 0xf (seals F_SEAL_SEAL|F_SEAL_WRITE)", StraceReturn::kValue, 15, ""},
                        {"= -1 EPERM (Operation not permitted)", StraceReturn::kErrno, -1, "EPERM"},
                        {"= -1 EPERM (Operation not permitted) (INJECTED) <0.1>",
                         StraceReturn::kErrno, -1, "EPERM"},
                        {"= -1 (errno 22)", StraceReturn::kErrno, -1, "22"},
                        {"= -22", StraceReturn::kValue, -22, ""},
                        {"= ?", StraceReturn::kUnknown, 0, ""},
                        {"= ? ERESTARTSYS (To be restarted if SA_RESTART is set)",
                         StraceReturn::kUnknown, 0, "ERESTARTSYS"},
                        {"= 1 ([{fd=3, revents=POLLIN}])", StraceReturn::kValue, 1, ""},
                        {"= 022", StraceReturn::kValue, 18, ""}}) {
    StraceLog log;
    const StraceCall call = OnlyCall("12 close(3)   " + row.text + "\n", 12, log);
    EXPECT_EQ(call.returned, row.returned) << row.text;
    EXPECT_EQ(call.value, row.value) << row.text;
    EXPECT_EQ(call.error, row.error) << row.text;
    EXPECT_EQ(call.injected, row.text.find("INJECTED") != row.text.npos);
  }
}

TEST(StraceReadTest, ArgumentsAreCutAtTheirOwnCommas) {
  const StraceLog log = ReadStrace(
      "log",
      "sendmsg(7<UNIX-STREAM:[12->34,\"/a,b\"]>, {msg_iov=[{iov_base=\"a\\\"), b\", iov_len=5}], "
      "msg_controllen=24}, MSG_DONTWAIT /* a, b */) = 5\n"
      "memfd_create(\"a)(\", MFD_HUGETLB|21<<MFD_HUGE_SHIFT) = 3\n"
      "wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 9\n");
  EXPECT_THAT(log.problems, IsEmpty());
  ASSERT_EQ(log.calls.size(), 3u);
  ASSERT_EQ(log.calls[0].args.size(), 3u);
  EXPECT_EQ(log.calls[0].args[0], "7<UNIX-STREAM:[12->34,\"/a,b\"]>");
  EXPECT_EQ(log.calls[0].args[2], "MSG_DONTWAIT /* a, b */");
  EXPECT_THAT(log.calls[1].args, ElementsAre("\"a)(\"", "MFD_HUGETLB|21<<MFD_HUGE_SHIFT"));
  EXPECT_EQ(log.calls[2].args.size(), 4u);
}

TEST(StraceReadTest, AnUnfinishedCallIsPutTogetherAgain) {
  const StraceLog log = ReadStrace("log",
                                   "10 fcntl(3, F_ADD_SEALS <unfinished ...>\n"
                                   "11 close(4) = 0\n"
                                   "10 <... fcntl resumed>, F_SEAL_WRITE) = -1 EBUSY (busy)\n"
                                   "10 read(3,  <unfinished ...>\n"
                                   "10 +++ exited with 0 +++\n");
  EXPECT_THAT(log.problems, IsEmpty());
  ASSERT_EQ(log.calls.size(), 3u);
  EXPECT_THAT(log.calls[0].args, ElementsAre("3", "F_ADD_SEALS", "F_SEAL_WRITE"));
  EXPECT_EQ(log.calls[0].error, "EBUSY");
  EXPECT_EQ(log.calls[0].line, 1);
  EXPECT_EQ(log.calls[0].last_line, 3);
  EXPECT_EQ(log.calls[2].returned, StraceReturn::kNever);
  std::vector<StraceEvent::Kind> kinds;
  for (const StraceEvent& event : log.events) kinds.push_back(event.kind);
  using K = StraceEvent::Kind;
  EXPECT_THAT(kinds, ElementsAre(K::kEnter, K::kCall, K::kCall, K::kEnter, K::kExited));
}

TEST(StraceReadTest, WhatTheProgramPrintsInBetweenTearsNoCall) {
  const StraceLog log =
      ReadStrace("log",
                 "write(1, \"hello\\nyou\\n\", 10hello\nyou\n) = 10\n"
                 "clone(child_stack=NULL, flags=SIGCHLDstrace: Process 77 attached\n"
                 ", child_tidptr=0x7f) = 77\n"
                 "[pid    77] close(3) = 0\n"
                 "[pid    70] close(4) = 0\n");
  EXPECT_THAT(log.problems, IsEmpty());
  ASSERT_EQ(log.calls.size(), 4u);
  EXPECT_EQ(log.calls[0].value, 10);
  EXPECT_EQ(log.calls[1].name, "clone");
  EXPECT_EQ(log.calls[1].value, 77);
  // Lines without a process are of the one that nobody made.
  EXPECT_EQ(log.calls[0].pid, 70);
  EXPECT_EQ(log.calls[1].pid, 70);
}

TEST(StraceReadTest, SignalsAndEndsAreEvents) {
  const StraceLog log = ReadStrace("log",
                                   "5 --- SIGBUS {si_signo=SIGBUS, si_code=BUS_ADRERR, "
                                   "si_addr=0x7f00} ---\n"
                                   "5 +++ killed by SIGBUS (core dumped) +++\n"
                                   "6 close(3 <detached ...>\n"
                                   "strace: Process 5 detached\n");
  EXPECT_THAT(log.problems, IsEmpty());
  ASSERT_EQ(log.events.size(), 3u);
  EXPECT_EQ(log.events[0].kind, StraceEvent::Kind::kSignal);
  EXPECT_THAT(log.events[0].text, HasSubstr("si_addr=0x7f00"));
  EXPECT_EQ(log.events[1].kind, StraceEvent::Kind::kExited);
  EXPECT_EQ(log.calls[0].returned, StraceReturn::kNever);
}

TEST(StraceReadTest, AThreadThatCallsExecveTakesTheNumberOfItsProcess) {
  const StraceLog log = ReadStrace("log",
                                   "11 execve(\"/a\", [\"a\"], 0x7f /* 1 var */ <pid changed to 10 "
                                   "...>\n"
                                   "10 +++ superseded by execve in pid 11 +++\n"
                                   "10 <... execve resumed>) = 0\n");
  EXPECT_THAT(log.problems, IsEmpty());
  ASSERT_EQ(log.calls.size(), 1u);
  EXPECT_EQ(log.calls[0].returned, StraceReturn::kValue);
  EXPECT_EQ(log.calls[0].pid, 10);
}

TEST(StraceReadTest, LinesOfNobodyAreReportedWithTheirPlace) {
  const StraceLog log = ReadStrace("some.log",
                                   "close(3) = 0\n"
                                   "what is this\n"
                                   "12  15:00:00 close(3) == 0\n"
                                   "12 <... read resumed>) = 0\n"
                                   "close(4) = 0\n");
  EXPECT_EQ(log.calls.size(), 2u);
  ASSERT_EQ(log.problems.size(), 3u);
  EXPECT_THAT(log.problems[0], HasSubstr("some.log:2:5: "));
  EXPECT_THAT(log.problems[1], HasSubstr("some.log:3:"));
  EXPECT_THAT(log.problems[2], HasSubstr("no call of this process is unfinished"));
}

}  // namespace
}  // namespace selkie
