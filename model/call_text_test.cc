#include "model/call_text.h"

#include <map>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace selkie {
namespace {

using ::testing::HasSubstr;

std::optional<int64_t> Resolve(NameKind kind, std::string_view name) {
  if (kind == NameKind::kFd && name == "fd") return 3;
  if (kind == NameKind::kFd && name == "fd2") return 4;
  if (kind == NameKind::kAddress && name == "map") return 8192;
  if (kind == NameKind::kTask && name == "A") return 0;
  if (kind == NameKind::kTask && name == "B") return 1;
  return std::nullopt;
}

std::string NameOf(NameKind kind, int64_t value, int) {
  if (kind == NameKind::kFd && value == 3) return "fd";
  if (kind == NameKind::kAddress && value == 8192) return "map";
  if (kind == NameKind::kTask && value == 1) return "B";
  return "";
}

Semantics WithExtensions() {
  Semantics s;
  s.seals = {{"F_SEAL_WRITE", 8}, {"F_SEAL_MINE", 0x40}};
  s.extensions = {{"F_DUP_READONLY", "fcntl", ArgKind::kLiteral, ReturnKind::kFd},
                  {"SET_PROT_MASK", "ioctl", ArgKind::kFlags, ReturnKind::kZero}};
  return s;
}

// The text that the call is printed as after it was read.
std::string Again(std::string_view text, const Semantics* semantics = nullptr) {
  ParsedCall parsed = ParseCall(text, semantics, Resolve);
  if (parsed.error) return fmt::format("{}: {}", parsed.error->column, parsed.error->message);
  return PrintCall(parsed.call, semantics, NameOf);
}

TEST(CallText, AWrittenCallIsPrintedAsItWasWritten) {
  for (std::string_view text :
       {R"(memfd_create("region", MFD_CLOEXEC|MFD_ALLOW_SEALING))",
        R"(memfd_create("region", 0))",
        R"(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_FUTURE_WRITE))",
        R"(fcntl(fd, F_GET_SEALS))",
        R"(fcntl(fd, F_DUPFD, 5))",
        R"(fcntl(-1, F_SETFD, FD_CLOEXEC))",
        R"(open("/proc/self/fd/{fd}", O_RDWR|O_TRUNC))",
        R"(open("/proc/{B}/fd/7", O_RDONLY|O_PATH))",
        R"(openat(AT_FDCWD, "/proc/2/fd/{fd}", O_WRONLY))",
        R"(dup2(fd, 9))",
        R"(pread(fd, buf, 4096, 2048))",
        R"(pwrite(fd, "\0", 1, 8191))",
        R"(lseek(fd, -1, SEEK_END))",
        R"(truncate("/proc/self/fd/{fd}", 4096))",
        R"(truncate("/dev/fd/{fd}", 4096))",
        R"(mmap(NULL, 4096, PROT_READ, MAP_SHARED_VALIDATE|MAP_SYNC, fd, 0))",
        R"(fallocate(fd, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 0, 4096))",
        R"(mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0))",
        R"(mmap(0x3000, 4096, PROT_NONE, MAP_PRIVATE|MAP_FIXED, fd, 4096))",
        R"(mremap(map, 4096, 8192, MREMAP_MAYMOVE, NULL))",
        R"(store(map, "y"))",
        R"(fchmod(fd, 0400))",
        R"(fork())",
        R"(clone(CLONE_VM|CLONE_FILES))",
        R"(wait(B))",
        R"(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv))",
        R"(send_fd(B, fd))",
        R"(recv_fd())"})
    EXPECT_EQ(Again(text), text);
}

TEST(CallText, WhatStraceAddsIsPassedOver) {
  EXPECT_EQ(Again("pwrite(4</memfd:r (deleted)>, \"\\377\", 1, 0)"), "pwrite(4, \"\\xff\", 1, 0)");
  EXPECT_EQ(Again("sendfile(4<UNIX-STREAM:[1->2]>, 5<a>, NULL, 1)"), "sendfile(4, 5, NULL, 1)");
  EXPECT_EQ(Again("mremap(map, 4096, 8192, MREMAP_MAYMOVE)"),
            "mremap(map, 4096, 8192, MREMAP_MAYMOVE, NULL)");
  EXPECT_EQ(Again("pread(4, buf, 18446744073709551615, 0)"), "pread(4, buf, -1, 0)");
  for (const auto& [text, op] : {std::pair("-1 EINVAL (Invalid argument)", Op::kClose),
                                 std::pair("5</memfd:r (deleted)>", Op::kDup),
                                 std::pair("0x8002 (flags O_RDWR|O_LARGEFILE)", Op::kGetFl)}) {
    const ParsedResult parsed = ParseResult(text, op, nullptr, nullptr);
    EXPECT_FALSE(parsed.error) << text << ": " << parsed.error->message;
  }
}

TEST(CallText, NumbersAreExpressionsInCsNotation) {
  ParsedCall parsed = ParseCall("pwrite(fd, \"x\", 4096*2 + (8-1), 0x10 - 010)", nullptr, Resolve);
  ASSERT_FALSE(parsed.error);
  EXPECT_EQ(parsed.call.arg[2], 4096 * 2 + 7);
  EXPECT_EQ(parsed.call.arg[3], 8);
  parsed = ParseCall("load(map+4096*2)", nullptr, Resolve);
  ASSERT_FALSE(parsed.error);
  EXPECT_EQ(parsed.call.arg[0], 8192 + 4096 * 2);
}

TEST(CallText, ACallThatASemanticsDeclaresIsReadAndPrintedByItsFunction) {
  const Semantics s = WithExtensions();
  for (std::string_view text : {"fcntl(fd, F_DUP_READONLY)", "ioctl(fd, SET_PROT_MASK, PROT_READ)",
                                "fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE|F_SEAL_MINE|F_SEAL_SHRINK)"})
    EXPECT_EQ(
        Again(text, &s),
        text == "fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE|F_SEAL_MINE|F_SEAL_SHRINK)" ? text : text);
  ParsedCall parsed = ParseCall("fcntl(fd, F_DUP_READONLY)", nullptr, Resolve);
  EXPECT_TRUE(parsed.error);
  EXPECT_TRUE(parsed.unknown_request);
  EXPECT_FALSE(ParseCall("fcntl(fd, F_ADD_SEALS)", nullptr, Resolve).unknown_request);
}

TEST(CallText, EveryRowOfTheTableReadsBackWhatItPrints) {
  const Semantics s = WithExtensions();
  uint64_t seed = 1;
  auto next = [&seed] { return seed = seed * 6364136223846793005u + 1442695040888963407u; };
  for (const CallSpec& spec : CallTable()) {
    for (int round = 0; round < 200; ++round) {
      Call call{.op = spec.op};
      for (int word = 0, i = 0; i < spec.num_args; word += WordsOf(spec.args[i].kind), ++i) {
        for (int w = 0; w < WordsOf(spec.args[i].kind); ++w) {
          const int64_t any = static_cast<int64_t>(next()) >> (next() % 63);
          const ArgKind kind = spec.args[i].kind;
          const bool low = IntWordsOf(spec.op)[word + w] != 0 && any >> 32 == 0;
          call.arg[word + w] = kind == ArgKind::kByte        ? any & 0xff
                               : kind == ArgKind::kExtension ? any & 1
                               : kind == ArgKind::kPath      ? any & 7
                               : kind == ArgKind::kName      ? NameWord(any & 0x1ff)
                               : low                         ? static_cast<int32_t>(any)
                                                             : any;
        }
      }
      if (spec.op == Op::kExtension && call.arg[1] == 0) call.arg[2] = 0;
      const std::string text = PrintCall(call, &s, nullptr);
      ParsedCall parsed = ParseCall(text, &s, nullptr);
      ASSERT_FALSE(parsed.error) << text << ": " << parsed.error->message;
      ASSERT_EQ(parsed.call, call) << text;
    }
  }
}

TEST(CallText, OfAnIntTheLowHalfIsTaken) {
  EXPECT_EQ(ParseCall("madvise(0, 4096, 0xffffffff)", nullptr, nullptr).call.arg[2], -1);
  EXPECT_EQ(ParseCall("memfd_create(\"m\", 0x80000000)", nullptr, nullptr).call.arg[1],
            std::numeric_limits<int32_t>::min());
  EXPECT_EQ(ParseCall("madvise(0, 0xffffffff, 1)", nullptr, nullptr).call.arg[1], 0xffffffff);
}

struct BadCall {
  std::string_view text;
  int column;
  std::string_view message;
};

TEST(CallText, AnErrorSaysWhereWhatAndWhatWasExpected) {
  const BadCall bad[] = {
      {"", 0, "the text ends here, expected a call such as write(fd, \"x\", 1)"},
      {"42", 0, "'42' is unexpected, expected a call"},
      {"write", 5, "the text ends here, expected '(' after 'write'"},
      {"write(fd, \"x\", 1", 16, "expected ')' at the end of the call"},
      {"wirte(fd, \"x\", 1)", 0, "'wirte' is no call, expected one of the table of calls"},
      {"write(fd, \"x\")", 0,
       "'write' has 2 arguments here, expected 3 as in write(fd, buf, count)"},
      {"write(gd, \"x\", 1)", 6, "'gd' is no known descriptor, expected a number or the name"},
      {"write(fd, \"xy\", 1)", 10, "expected a string of one byte"},
      {"write(fd, \"x, 1)", 10, "this string has no closing quote"},
      {"write(fd, \"\\q\", 1)", 11, "begins no escape"},
      {"write(fd, \"x\", 1+)", 17, "the text ends here, expected a number"},
      {"write(fd, \"x\", 1 2)", 17, "'2' is unexpected, expected the end of argument 'count'"},
      {"write(fd, \"x\", 08)", 15, "'08' is not a number, expected digits of base 8"},
      {"write(fd, \"x\", 99999999999999999999)", 15, "'99999999999999999999' does not fit in 64"},
      {"write(fd, \"x\", 4611686018427387904*2)", 36, "does not fit in 64 bits"},
      {"store(nap, \"x\")", 6, "'nap' is not known here, expected a number or the name"},
      {"open(\"/tmp/x\", O_RDWR)", 5,
       "is no path of a descriptor, expected \"/proc/self/fd/{fd}\""},
      {"open(\"/proc/self/fd/{fd\", O_RDWR)", 23, "'\"' is unexpected, expected '}'"},
      {"open(\"/proc/self/fd/3\", O_RDRW)", 24,
       "'O_RDRW' is no flag here, expected a number or O_W"},
      {"fchmod(fd, 777)", 11, "'777' is no mode, expected octal digits with a leading 0"},
      {"fcntl(fd, F_ADD_SEAL, 0)", 0, "expected fcntl(fd, F_ADD_SEALS, seals) or fcntl(fd, F_GET"},
      {"fcntl(fd, F_ADD_SEALS, F_SEAL_WIRTE)", 23, "'F_SEAL_WIRTE' is no flag here, expected"},
      {"ioctl(fd, SET_PROT_MASK, PROT_READ)", 0, "expected ioctl(fd, FS_IOC_SETFLAGS, flags)"},
  };
  for (const BadCall& b : bad) {
    ParsedCall parsed = ParseCall(b.text, nullptr, Resolve);
    ASSERT_TRUE(parsed.error) << b.text;
    EXPECT_EQ(parsed.error->column, b.column) << b.text << ": " << parsed.error->message;
    EXPECT_THAT(parsed.error->message, HasSubstr(std::string(b.message))) << b.text;
  }
}

TEST(CallText, NoTextCrashesTheReader) {
  constexpr std::string_view kAlphabet = "fcntl(),\"\\{}[]|-+*0x 3F_ADD_SEALSopen/proc/self/fd=\n";
  uint64_t seed = 7;
  for (int round = 0; round < 20000; ++round) {
    std::string text = round % 2 == 0 ? "write(" : "";
    for (int i = 0; i < 30; ++i) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      text += kAlphabet[(seed >> 33) % kAlphabet.size()];
    }
    ParsedCall parsed = ParseCall(text, nullptr, Resolve);
    if (parsed.error) {
      EXPECT_GE(parsed.error->column, 0) << text;
      EXPECT_LE(parsed.error->column, static_cast<int>(text.size())) << text;
    }
    ParseResult(text, CallTable()[round % CallTable().size()].op, nullptr, Resolve);
  }
  ParseCall("load(" + std::string(100000, '(') + ")", nullptr, Resolve);
}

std::string ResultAgain(std::string_view text, Op op) {
  ParsedResult parsed = ParseResult(text, op, nullptr, Resolve);
  if (parsed.error) return fmt::format("{}: {}", parsed.error->column, parsed.error->message);
  return PrintResult(Call{.op = op}, parsed.result, nullptr, NameOf);
}

TEST(ResultText, AWrittenResultIsPrintedAsItWasWritten) {
  const std::pair<Op, std::string_view> results[] = {
      {Op::kFtruncate, "0"},
      {Op::kWrite, "-1 EPERM"},
      {Op::kWrite, "-1 E#41"},
      {Op::kOpen, "fd"},
      {Op::kOpen, "7"},
      {Op::kLoad, "\"x\""},
      {Op::kLoad, "SIGBUS"},
      {Op::kStore, "SIGSEGV"},
      {Op::kStore, "ok"},
      {Op::kGetSeals, "F_SEAL_SEAL|F_SEAL_FUTURE_WRITE"},
      {Op::kGetSeals, "0"},
      {Op::kGetFl, "O_RDWR|O_APPEND|O_LARGEFILE"},
      {Op::kGetFl, "O_RDONLY|O_LARGEFILE"},
      {Op::kGetFd, "FD_CLOEXEC"},
      {Op::kGetFd, "0"},
      {Op::kRead, "4096 \"x\\0\""},
      {Op::kRead, "0"},
      {Op::kMmap, "map"},
      {Op::kFork, "B"},
      {Op::kSocketpair, "[fd, 4]"},
      {Op::kFstat, "0 {st_size=4096, st_mode=0777}"},
  };
  for (const auto& [op, text] : results) EXPECT_EQ(ResultAgain(text, op), text);
}

TEST(ResultText, WhatTheTextLeavesOutIsNotGiven) {
  EXPECT_FALSE(ParseResult("4096", Op::kRead, nullptr, nullptr).data_given);
  EXPECT_TRUE(ParseResult("4096 \"xy\"", Op::kRead, nullptr, nullptr).data_given);
  EXPECT_FALSE(ParseResult("0 {st_size=1}", Op::kFstat, nullptr, nullptr).extra_given);
}

TEST(ResultText, AnErrorSaysWhereWhatAndWhatWasExpected) {
  EXPECT_EQ(ResultAgain("", Op::kWrite),
            "0: the text ends here, expected a result, such as 0 or -1 EPERM");
  EXPECT_EQ(ResultAgain("-1 EWRONG", Op::kWrite),
            "3: 'EWRONG' is no errno, expected one such as EPERM");
  EXPECT_EQ(ResultAgain("-1 ", Op::kWrite),
            "3: the text ends here, expected an errno after -1, such as EPERM");
  EXPECT_EQ(ResultAgain("1 EPERM", Op::kWrite),
            "2: 'EPERM' is unexpected, expected the end of the result");
  EXPECT_EQ(ResultAgain("fine", Op::kStore),
            "0: expected 'ok', a signal such as SIGBUS, or -1 and an errno");
  EXPECT_THAT(ResultAgain("F_SEAL", Op::kGetSeals), HasSubstr("'F_SEAL' is no flag here"));
  EXPECT_THAT(ResultAgain("1 \"xxxxxxxxxxxxxxxxx\"", Op::kRead),
              HasSubstr("17 bytes are too many"));
  EXPECT_THAT(ResultAgain("[3 4]", Op::kSocketpair), HasSubstr("',' and the second descriptor"));
}

TEST(Flags, BitsWithoutANameComeLastInHexadecimal) {
  constexpr FlagName kNames[] = {{"0", 0}, {"ONE", 1}, {"FOUR", 4}};
  EXPECT_EQ(PrintFlags(0, kNames), "0");
  EXPECT_EQ(PrintFlags(0x15, kNames), "ONE|FOUR|0x10");
}

TEST(Flags, AnAccessModeOfZeroIsNamedBesideOtherFlags) {
  constexpr FlagName kNames[] = {{"O_WRONLY", 1}, {"O_RDWR", 2}, {"O_RDONLY", 0}, {"O_TRUNC", 512}};
  EXPECT_EQ(PrintFlags(512, kNames), "O_RDONLY|O_TRUNC");
  EXPECT_EQ(PrintFlags(514, kNames), "O_RDWR|O_TRUNC");
}

}  // namespace
}  // namespace selkie
