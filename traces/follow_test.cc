#include "traces/follow.h"

#include <algorithm>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "traces/follow_testing.h"

namespace selkie {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(FollowTest, SealsDecideAsTheModelSays) {
  const std::string map =
      "1 mmap(NULL, 1000000, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_POPULATE, 3, 0) = "
      "0x7f0000000000\n";
  const std::string write = "1 fcntl(3, F_ADD_SEALS, F_SEAL_WRITE) = 0\n";
  ExpectDecides(map, "fcntl(3, F_ADD_SEALS, F_SEAL_WRITE)", "-1 EBUSY (busy)", "0");
  ExpectDecides(map + "1 munmap(0x7f0000000000, 1000000) = 0\n",
                "fcntl(3, F_ADD_SEALS, F_SEAL_WRITE)", "0", "-1 EBUSY (busy)");
  // Part of it is left.
  ExpectDecides(map + "1 munmap(0x7f0000001000, 8192) = 0\n", "fcntl(3, F_ADD_SEALS, F_SEAL_WRITE)",
                "-1 EBUSY (busy)", "0");
  ExpectDecides(map +
                    "1 mmap(0x7f0000000000, 1003520, PROT_NONE, MAP_PRIVATE|MAP_FIXED|"
                    "MAP_ANONYMOUS, -1, 0) = 0x7f0000000000\n",
                "fcntl(3, F_ADD_SEALS, F_SEAL_WRITE)", "0", "-1 EBUSY (busy)");
  ExpectDecides(write, "write(3, \"x\"..., 4096)", kNo, "4096");
  ExpectDecides(write, "writev(3, [{iov_base=\"x\", iov_len=1}], 1)", kNo, "1");
  ExpectDecides(write, "sendfile(3, 9, NULL, 4096)", kNo, "4096");
  ExpectDecides(write, "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0)", kNo,
                "0x7f0000000000");
  ExpectDecides(write, "mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0)", "0x7f0000000000", kNo);
  ExpectDecides(write, "fcntl(3, F_GET_SEALS)", "0x8 (seals F_SEAL_WRITE)", "0");
  ExpectDecides("1 fcntl(3, 0x409 /* F_ADD_SEALS */, 0x2) = 0\n", "ftruncate(3, 999999)", kNo, "0");
  ExpectDecides("1 fcntl64(3, F_ADD_SEALS, F_SEAL_GROW) = 0\n", "ftruncate64(3, 1000001)", kNo,
                "0");
  ExpectDecides("1 fcntl(3, F_ADD_SEALS, F_SEAL_GROW) = 0\n", "ftruncate(3, 1000000)", "0", kNo);
  ExpectDecides("", "fcntl(3, F_ADD_SEALS, F_SEAL_SEAL|0x8000)", "-1 EINVAL (invalid)", "0");
}

TEST(FollowTest, SizesAndPositionsAreThoseOfTheLog) {
  ExpectDecides("", "lseek(3, 0, SEEK_END)", "1000000", "1000001");
  ExpectDecides("1 lseek(3, -5, SEEK_END) = 999995\n", "read(3, \"\", 4096)", "5", "4096");
  ExpectDecides("", "pread64(3, \"\"..., 300000, 900000)", "100000", "300000");
  ExpectDecides("",
                "newfstatat(3, \"\", {st_mode=S_IFREG|0777, st_size=1000000, ...}, "
                "AT_EMPTY_PATH)",
                "0", "-1 EBADF (bad)");
  ExpectDecides("1 pwrite64(3, \"x\"..., 5000000, 123456789) = 5000000\n", "lseek(3, 0, SEEK_END)",
                "128456789", "1000000");
  // GROW lets a write up to the last whole chunk within the size.
  ExpectDecides("1 fcntl(3, F_ADD_SEALS, F_SEAL_GROW) = 0\n", "write(3, \"x\"..., 2000000)",
                "999424", "2000000");
  ExpectDecides("", "fallocate(3, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 4096, 8192)", "0", kNo);
}

TEST(FollowTest, DescriptorsAreFollowedThroughCopiesAndPaths) {
  const std::string sealed = "1 fcntl(3, F_ADD_SEALS, F_SEAL_WRITE) = 0\n";
  ExpectDecides(sealed + "1 dup2(3, 900) = 900\n1 close(3) = 0\n", "write(900, \"x\", 1)", kNo,
                "1");
  ExpectDecides(sealed + "1 fcntl(3, F_DUPFD_CLOEXEC, 100) = 100\n", "write(100, \"x\", 1)", kNo,
                "1");
  ExpectDecides(sealed + "1 openat(AT_FDCWD, \"/proc/self/fd/3\", O_RDWR|O_CLOEXEC) = 4\n",
                "write(4, \"x\", 1)", kNo, "1");
  ExpectDecides(sealed + "1 openat(AT_FDCWD, \"/dev/fd/3\", O_RDONLY) = 4\n", "write(4, \"x\", 1)",
                "-1 EBADF (bad)", "1");
  ExpectDecides(sealed +
                    "1 openat(AT_FDCWD, \"/proc/1/fd\", O_RDONLY|O_DIRECTORY) = 5\n"
                    "1 openat(5, \"3\", O_RDWR) = 6\n",
                "write(6, \"x\", 1)", kNo, "1");
  // Another file has the number now.
  EXPECT_THAT(FollowMade(sealed + "1 dup2(9, 3) = 3\n1 write(3, \"x\", 1) = 1\n").differences,
              IsEmpty());
  EXPECT_THAT(FollowMade(sealed + "1 close_range(3, 4294967295, 0) = 0\n1 write(3, \"x\", 1) = 1\n")
                  .differences,
              IsEmpty());
  EXPECT_THAT(FollowMade(sealed + "1 write(3</tmp/x>, \"x\", 1) = 1\n").differences, IsEmpty());
}

TEST(FollowTest, ProcessesShareAsTheyWereMade) {
  const std::string map =
      "1 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0) = 0x7f0000000000\n";
  const std::string fork =
      "1 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD <unfinished ...>\n"
      "2 getpid() = 2\n1 <... clone resumed>) = 2\n";
  const std::string unmap = "1 munmap(0x7f0000000000, 4096) = 0\n";
  const std::string_view seal = "fcntl(3, F_ADD_SEALS, F_SEAL_WRITE)";
  ExpectDecides(map + fork + unmap, seal, "-1 EBUSY (busy)", "0");
  ExpectDecides(map + fork + unmap + "2 execve(\"/bin/true\", [\"true\"], 0x7f) = 0\n", seal, "0",
                "-1 EBUSY (busy)");
  ExpectDecides(map + fork + unmap + "2 exit_group(0) = ?\n2 +++ exited with 0 +++\n", seal, "0",
                "-1 EBUSY (busy)");
  ExpectDecides(map +
                    "1 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_FILES|CLONE_THREAD) = 2\n"
                    "2 munmap(0x7f0000000000, 4096) = 0\n",
                seal, "0", "-1 EBUSY (busy)");
  // While it ends, both may be seen.
  for (const std::string_view result : {"0", "-1 EBUSY (busy)"})
    EXPECT_THAT(FollowMade(fmt::format("{}{}{}2 exit_group(0) = ?\n1 {} = {}\n", map, fork, unmap,
                                       seal, result))
                    .differences,
                IsEmpty());
}

TEST(FollowTest, DescriptorsInMessagesArriveWhereTheyAreReceived) {
  constexpr std::string_view kMessage =
      "{{msg_name=NULL, msg_namelen=0, msg_iov=[{{iov_base=\"m\", iov_len=1}}], msg_iovlen=1, "
      "msg_control=[{{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, "
      "cmsg_data=[{}]}}], msg_controllen=24, msg_flags=0}}";
  const std::string sent = fmt::format(fmt::runtime(kMessage), 3);
  const std::string received = fmt::format(fmt::runtime(kMessage), 8);
  const std::string log = "1 fcntl(3, F_ADD_SEALS, F_SEAL_WRITE) = 0\n1 sendmsg(7, " + sent +
                          ", 0) = 1\n2 recvmsg(6, " + received + ", MSG_CMSG_CLOEXEC) = 1\n";
  EXPECT_THAT(FollowMade(log + "2 write(8, \"x\", 1) = -1 EPERM (no)\n").differences, IsEmpty());
  const FollowReport bad = FollowMade(log + "2 write(8, \"x\", 1) = 1\n");
  ASSERT_EQ(bad.differences.size(), 1u);
  EXPECT_THAT(bad.differences[0].about, HasSubstr("memfd 'm', made in line 3"));
  EXPECT_EQ(bad.from_outside, 0);
}

TEST(FollowTest, WhatSomebodyElseMayHaveDoneIsNotCalledDifferent) {
  const std::string fd = "5</memfd:other>(deleted)";
  const FollowReport report = FollowMade("1 fcntl(" + fd +
                                         ", F_GET_SEALS) = 0xc (seals F_SEAL_GROW|F_SEAL_WRITE)\n"
                                         "1 write(" +
                                         fd +
                                         ", \"x\", 1) = -1 EPERM (no)\n"
                                         "1 fstat(" +
                                         fd +
                                         ", {st_mode=S_IFREG|0777, "
                                         "st_size=77, ...}) = 0\n"
                                         "1 lseek(" +
                                         fd + ", 0, SEEK_END) = 77\n");
  EXPECT_THAT(report.differences, IsEmpty());
  EXPECT_EQ(report.from_outside, 1);
  EXPECT_EQ(CountUnasked(report, Unasked::kOrigin), 1);
  // Nobody can take a seal away.
  EXPECT_EQ(FollowMade("1 fcntl(" + fd + ", F_ADD_SEALS, F_SEAL_WRITE) = 0\n1 write(" + fd +
                       ", \"x\", 1) = 1\n")
                .differences.size(),
            1u);
}

TEST(FollowTest, AfterADifferenceTheLogIsRight) {
  const FollowReport report = FollowMade(
      "1 fcntl(3, F_ADD_SEALS, F_SEAL_GROW) = 0\n"
      "1 ftruncate(3, 2000000) = 0\n"  // no
      "1 lseek(3, 0, SEEK_END) = 2000000\n"
      "1 ftruncate(3, 2000001) = -1 EPERM (no)\n");
  ASSERT_EQ(report.differences.size(), 1u);
  EXPECT_THAT(report.differences[0].decided, HasSubstr("rule "));
}

TEST(FollowTest, CallsThatRunAtTheSameTimeAreNotBlamed) {
  const FollowReport report = FollowMade(
      "1 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0) = 0x7f0000000000\n"
      "1 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_FILES|CLONE_THREAD) = 2\n"
      "2 munmap(0x7f0000000000, 4096 <unfinished ...>\n"
      "1 fcntl(3, F_ADD_SEALS, F_SEAL_WRITE) = 0\n"
      "2 <... munmap resumed>) = 0\n");
  EXPECT_THAT(report.differences, IsEmpty());
  EXPECT_EQ(CountUnasked(report, Unasked::kOrder), 1);
}

TEST(FollowTest, AFilteredLogIsNotTrustedWhereItIsSilent) {
  const std::string text =
      "memfd_create(\"m\", MFD_ALLOW_SEALING) = 3\n"
      "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0) = 0x7f0000000000\n"
      "fcntl(3, F_ADD_SEALS, F_SEAL_WRITE) = 0\n";
  const FollowReport report = FollowText(text);
  EXPECT_THAT(report.differences, IsEmpty());
  EXPECT_TRUE(report.filtered);
  EXPECT_EQ(CountUnasked(report, Unasked::kUnseen), 1);
  FollowOptions complete;
  complete.complete = true;
  const StraceLog log = ReadStrace("log", text);
  EXPECT_EQ(Follow(log, LoadSemanticsForTest("linux-6.18"), complete).differences.size(), 1u);
}

// vm.memfd_noexec is of the pid namespace in which it is written; those within are no laxer.
TEST(FollowTest, NoexecIsOfThePidNamespaceAndOfThoseWithin) {
  const std::string write = " openat(AT_FDCWD, \"/proc/sys/vm/memfd_noexec\", O_WRONLY) = 3\n";
  const std::string text =
      "1 getrandom(0) = 1\n1 prlimit64(0) = 0\n"
      "1 clone(child_stack=NULL, flags=CLONE_NEWPID|SIGCHLD) = 2\n"
      "2" +
      write +
      "2 write(3, \"1\", 1) = 1\n2 close(3) = 0\n"
      "2 memfd_create(\"in\", 0) = 3\n"
      "2 fcntl(3, F_GET_SEALS) = 0x20\n"
      "2 clone(child_stack=NULL, flags=CLONE_NEWPID|SIGCHLD) = 4\n"
      "4 memfd_create(\"within\", 0) = 5\n"
      "4 fcntl(5, F_GET_SEALS) = 0x20\n"
      "1 memfd_create(\"outside\", MFD_ALLOW_SEALING) = 3\n"
      "1 fcntl(3, F_GET_SEALS) = 0\n";
  const StraceLog log = ReadStrace("log", text);
  EXPECT_THAT(Follow(log, LoadSemanticsForTest("linux-6.18")).differences, IsEmpty());
  // What is not so: the level is that of the namespace around it.
  std::string wrong = text;
  wrong.replace(wrong.rfind("= 0\n"), 4, "= 0x20\n");
  const StraceLog other = ReadStrace("log", wrong);
  EXPECT_EQ(Follow(other, LoadSemanticsForTest("linux-6.18")).differences.size(), 1u);
}

TEST(FollowTest, WhatIsNotModelledIsCountedAndFollowed) {
  const FollowReport report = FollowMade(
      "1 memfd_create(\"h\", MFD_HUGETLB) = 4\n"
      "1 ftruncate(4, 2097152) = 0\n"
      "1 syscall_0x1c9(0x3, 0x1) = 0\n"
      "1 ioctl(3, TCGETS, 0x7ffc) = -1 ENOTTY (no)\n"
      "1 mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0) = -1 ENOMEM (no memory)\n"
      "1 fcntl(3, F_ADD_SEALS, F_SEAL_WRITE <unfinished ...>\n");
  EXPECT_THAT(report.differences, IsEmpty());
  EXPECT_EQ(CountUnasked(report, Unasked::kBound), 1);
  EXPECT_EQ(CountUnasked(report, Unasked::kNoRow), 1);
  EXPECT_EQ(CountUnasked(report, Unasked::kSystem), 1);
  EXPECT_EQ(CountUnasked(report, Unasked::kUnreturned), 1);
  int64_t all = report.modelled;
  for (int why = 0; why < kNumUnasked; ++why)
    all += CountUnasked(report, static_cast<Unasked>(why));
  EXPECT_EQ(all, report.calls);
}

TEST(FollowTest, FaultsAreLoadsAndStores) {
  const std::string map =
      "1 mmap(NULL, 8192, PROT_READ, MAP_SHARED, 3, 0) = 0x7f0000000000\n"
      "1 ftruncate(3, 100) = 0\n";
  const auto fault = [&](std::string_view signal, std::string_view code, std::string_view at) {
    return FollowMade(fmt::format("{}1 --- {} {{si_signo={}, si_code={}, si_addr={}}} ---\n", map,
                                  signal, signal, code, at))
        .differences.size();
  };
  EXPECT_EQ(fault("SIGBUS", "BUS_ADRERR", "0x7f0000001234"), 0u);
  EXPECT_EQ(fault("SIGBUS", "BUS_ADRERR", "0x7f0000000010"), 1u);
  EXPECT_EQ(fault("SIGSEGV", "SEGV_ACCERR", "0x7f0000000010"), 0u);
}

TEST(FollowTest, FaultsOfUserfaultfdAndOfGuardsAreNotTheFiles) {
  const std::string map =
      "1 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0) = 0x7f0000000000\n"
      "1 ftruncate(3, 8192) = 0\n";
  constexpr char kBus[] =
      "1 --- SIGBUS {si_signo=SIGBUS, si_code=BUS_ADRERR, si_addr=0x7f0000000010} ---\n";
  constexpr char kSegv[] =
      "1 --- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_ACCERR, si_addr=0x7f0000000010} ---\n";
  EXPECT_THAT(FollowMade(map + kBus).differences, SizeIs(1));
  EXPECT_THAT(FollowMade(map + "1 userfaultfd(O_CLOEXEC) = 5\n" + kBus).differences, IsEmpty());
  EXPECT_THAT(FollowMade(map + "1 userfaultfd(O_CLOEXEC) = 5\n" + kSegv).differences, SizeIs(1));
  const std::string guarded = map + "1 madvise(0x7f0000000000, 4096, 0x66 /* MADV_??? */) = 0\n";
  EXPECT_THAT(FollowMade(guarded + kSegv).differences, IsEmpty());
  const auto by_pidfd = [&](std::string_view advice) {
    return map + fmt::format(
                     "1 process_madvise(5, [{{iov_base=0x7f0000000000, iov_len=4096}}], 1, {}, 0) "
                     "= 4096\n",
                     advice);
  };
  EXPECT_THAT(FollowMade(by_pidfd("MADV_GUARD_INSTALL") + kSegv).differences, IsEmpty());
  EXPECT_THAT(FollowMade(by_pidfd("MADV_COLD") + kSegv).differences, SizeIs(1));
}

TEST(FollowTest, TheReleaseIsTheLogsOwn) {
  EXPECT_EQ(ReleaseInLog(ReadStrace("log",
                                    "uname({sysname=\"Linux\", nodename=\"n\", "
                                    "release=\"6.1.0-9-amd64\", ...}) = 0\n")),
            "6.1.0-9-amd64");
  EXPECT_EQ(ReleaseInLog(ReadStrace("log", "close(3) = 0\n")), "");
}

}  // namespace
}  // namespace selkie
