// What logs of programs that try the edges of calls have shown to be called different, where the
// kernel is right: each test has such lines, and what is still called different beside them.
#include <string>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "traces/follow_testing.h"

namespace selkie {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(FollowEdgeTest, SendfileOfAFileToItselfMovesItsPositionOnce) {
  const std::string send = "1 sendfile(3, 3, NULL, 7417) = 7417\n";
  ExpectDecides(send, "fstat(3, {st_mode=S_IFREG|0777, st_size=1000000, ...})", "0",
                "-1 EBADF (bad)");
  ExpectDecides(send, "lseek(3, 0, SEEK_CUR)", "7417", "14834");
  ExpectDecides(
      "1 fcntl(3, F_ADD_SEALS, F_SEAL_WRITE) = 0\n1 sendfile(3, 3, NULL, 7) = -1 EPERM (no)\n",
      "lseek(3, 0, SEEK_CUR)", "0", "7");
}

TEST(FollowEdgeTest, APeekLeavesTheMessage) {
  constexpr std::string_view kMessage =
      "{{msg_name=NULL, msg_namelen=0, msg_iov=[{{iov_base=\"{}\", iov_len=1}}], msg_iovlen=1, "
      "msg_control=[{{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, "
      "cmsg_data=[{}]}}], msg_controllen=24, msg_flags=0}}";
  const auto message = [&](std::string_view bytes, int fd) {
    return fmt::format(fmt::runtime(kMessage), bytes, fd);
  };
  const std::string log = fmt::format(
      "1 memfd_create(\"b\", 0) = 4\n1 sendmsg(7, {}, 0) = 1\n2 recvmsg(6, {}, MSG_PEEK) = 1\n"
      "1 sendmsg(7, {}, 0) = 1\n2 recvmsg(6, {}, 0) = 1\n2 recvmsg(6, {}, 0) = 1\n"
      "2 fcntl(9, F_ADD_SEALS, F_SEAL_GROW) = -1 EPERM (no)\n",
      message("x", 3), message("x", 7), message("y", 4), message("x", 8), message("y", 9));
  for (const int fd : {7, 8}) {
    const std::string seek = fmt::format("{}2 lseek({}, 0, SEEK_END) = ", log, fd);
    const FollowReport good = FollowMade(seek + "1000000\n");
    EXPECT_THAT(good.differences, IsEmpty());
    EXPECT_EQ(good.from_outside, 0);
    EXPECT_THAT(FollowMade(seek + "0\n").differences, SizeIs(1));
  }
}

// What the kernel refuses for the path is none of the memfd's; a success there is.
TEST(FollowEdgeTest, PathsAreWalkedAsTheKernelDoes) {
  for (const std::string_view path :
       {"/proc/self/fd/3/", "/proc/self/fd/3/.", "/proc/self/fd/3/../3", "/proc/self/fd/3/x",
        "/proc/self/exe/../fd/3", "/dev/fd/3/"}) {
    ExpectAgrees(fmt::format("1 openat(AT_FDCWD, \"{}\", O_RDWR) = -1 ENOTDIR (no)\n", path));
    ExpectAgrees(
        fmt::format("1 truncate(\"{}\", 0) = -1 ENOTDIR (no)\n1 chmod(\"{}\", 0) = "
                    "-1 ENOTDIR (no)\n1 lseek(3, 0, SEEK_END) = 1000000\n",
                    path, path));
  }
  const std::string_view created = "1 open(\"/proc/self/fd/3/\", O_RDWR|O_CREAT, 0600) = -1 ";
  ExpectAgrees(fmt::format("{}EISDIR (is)\n", created));
  ExpectDiffers(fmt::format("{}EPERM (no)\n", created));
  ExpectDiffers("1 open(\"/proc/self/fd/3/\", O_RDWR) = -1 EISDIR (is)\n");
  ExpectAgrees("1 openat(AT_FDCWD, \"/proc/self/fd/03\", O_RDWR) = -1 ENOENT (no)\n");
  ExpectAgrees("1 openat(AT_FDCWD, \"/proc/self/fd/0x3\", O_RDWR) = -1 ENOENT (no)\n");
  for (const std::string_view path :
       {"/proc/self/root/proc/self/fd/3", "//proc///self//fd/3", "/proc/self/fd/../fd/3",
        "/proc/1/task/1/fd/3", "/proc/thread-self/fd/3", "/proc/./1/../self/fd/3"})
    ExpectDecides(fmt::format("1 truncate(\"{}\", 7) = 0\n", path), "lseek(3, 0, SEEK_END)", "7",
                  "1000000");
}

TEST(FollowEdgeTest, PathsThroughWhatIsNotKnownAreNotSure) {
  for (const std::string_view path :
       {"/proc/self/cwd/../proc/self/fd/3", "proc/self/fd/3", "/tmp/../proc/self/fd/3"}) {
    ExpectAgrees(fmt::format("1 openat(AT_FDCWD, \"{}\", O_RDWR) = -1 ENOENT (no)\n", path));
    ExpectAgrees(fmt::format("1 truncate(\"{}\", 7) = 0\n1 lseek(3, 0, SEEK_END) = 7\n", path));
  }
  ExpectDecides("1 chdir(\"/\") = 0\n1 truncate(\"proc/self/fd/3\", 7) = 0\n",
                "lseek(3, 0, SEEK_END)", "7", "1000000");
}

TEST(FollowEdgeTest, ASystemNeedNotHaveDevFd) {
  const FollowReport report =
      FollowMade("1 openat(AT_FDCWD, \"/dev/fd/3\", O_RDWR) = -1 ENOENT (no)\n");
  EXPECT_THAT(report.differences, IsEmpty());
  EXPECT_EQ(CountUnasked(report, Unasked::kSystem), 1);
  ExpectDiffers("1 openat(AT_FDCWD, \"/dev/fd/3\", O_RDWR) = -1 EACCES (no)\n");
  ExpectDiffers("1 openat(AT_FDCWD, \"/proc/self/fd/3\", O_RDWR) = -1 ENOENT (no)\n");
}

// TASK_SIZE is the machine's: what begins or ends there is not compared, and what is beyond that of
// any machine is.
TEST(FollowEdgeTest, RangesThatEndBeyondMemory) {
  const std::string map =
      "1 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0) = 0x7f0000000000\n";
  for (const std::string_view call :
       {"mremap(0x7f0000000000, 4096, 4096, MREMAP_MAYMOVE|MREMAP_FIXED, 0x7ffffffff000)",
        "mremap(0x7f0000000000, 4096, 4096, MREMAP_MAYMOVE|MREMAP_FIXED, 0xfffffffffffff000)",
        "mremap(0x7f0000000000, 4096, 140737488355328, MREMAP_MAYMOVE)",
        "munmap(0x7f0000000000, 140737488355328)", "munmap(0x7f0000000000, 0x100000000000)"}) {
    const FollowReport report = FollowMade(fmt::format("{}1 {} = -1 EINVAL (no)\n", map, call));
    EXPECT_THAT(report.differences, IsEmpty()) << call;
    EXPECT_EQ(CountUnasked(report, Unasked::kBound), 1) << call;
  }
  ExpectDecides(map, "munmap(0x7f0000000000, 0x7fffffffffffffff)", "-1 EINVAL (no)", "0");
  ExpectDecides("", "mmap(0x7fffffffffff0000, 4096, PROT_READ, MAP_SHARED|MAP_FIXED, 3, 0)",
                "-1 ENOMEM (no)", "0x7fffffffffff0000");
  // The place is asked for before the flags; the descriptor before all.
  ExpectAgrees("1 mmap(NULL, 0x7fffffff0000, PROT_READ, 0x4, 3, 0) = -1 ENOMEM (no)\n");
  ExpectDiffers("1 mmap(NULL, 4096, PROT_READ, 0x4, 3, 0) = -1 EACCES (no)\n");
}

TEST(FollowEdgeTest, AnAddressThatStraceDoesNotPrint) {
  const std::string map =
      "1 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0) = 0x7f0000000000\n";
  ExpectAgrees(map +
               "1 mremap(0x7f0000000000, 4096, 4096, MREMAP_MAYMOVE|MREMAP_DONTUNMAP) = -1 EINVAL "
               "(no)\n");
  ExpectDiffers(map + "1 mremap(0x7f0000000000, 4096, 4096, MREMAP_MAYMOVE) = -1 EINVAL (no)\n");
}

TEST(FollowEdgeTest, OtherMemoryInTheRangeMayRefuse) {
  const std::string map =
      "1 mmap(0x7f0000000000, 4096, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, 3, 0) = "
      "0x7f0000000000\n";
  const auto refused = [&](std::string_view call) {
    return FollowMade(fmt::format("{}1 {} = -1 EPERM (no)\n", map, call)).differences.size();
  };
  EXPECT_EQ(refused("munmap(0x7f0000000000, 8192)"), 0u);
  EXPECT_EQ(refused("munmap(0x7f0000000000, 4096)"), 1u);
  constexpr std::string_view kMmap = "mmap({}, {}, PROT_READ, MAP_SHARED|MAP_FIXED, 3, 0)";
  EXPECT_EQ(refused(fmt::format(fmt::runtime(kMmap), "0x7f0000000000", 8192)), 0u);
  EXPECT_EQ(refused(fmt::format(fmt::runtime(kMmap), "0x7f0000000000", 4096)), 1u);
  constexpr std::string_view kMremap =
      "mremap(0x7f0000000000, 4096, 4096, MREMAP_MAYMOVE|MREMAP_FIXED, {})";
  EXPECT_EQ(refused(fmt::format(fmt::runtime(kMremap), "0x7f0000001000")), 0u);
  EXPECT_EQ(FollowMade(map +
                       "1 mmap(0x7f0000001000, 4096, PROT_READ, MAP_SHARED|MAP_FIXED, 3, 0) = "
                       "0x7f0000001000\n1 " +
                       fmt::format(fmt::runtime(kMremap), "0x7f0000001000") + " = -1 EPERM (no)\n")
                .differences.size(),
            1u);
}

TEST(FollowEdgeTest, OtherMemoryIsRemappedWithTheMemfdsInIt) {
  const std::string map =
      "1 mmap(0x7f0000004000, 4096, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, 3, 0) = "
      "0x7f0000004000\n";
  const std::string_view seal = "fcntl(3, F_ADD_SEALS, F_SEAL_WRITE)";
  ExpectDecides(map + "1 mremap(0x7f0000000000, 20480, 4096, 0) = 0x7f0000000000\n", seal, "0",
                "-1 EBUSY (busy)");
  ExpectDecides(map + "1 mremap(0x7f0000000000, 20480, 16384, 0) = 0x7f0000000000\n", seal, "0",
                "-1 EBUSY (busy)");
  ExpectDecides(map + "1 mremap(0x7f0000000000, 16384, 4096, 0) = 0x7f0000000000\n", seal,
                "-1 EBUSY (busy)", "0");
  // Several move together.
  const std::string moved = map +
                            "1 mremap(0x7f0000000000, 20480, 20480, MREMAP_MAYMOVE|MREMAP_FIXED, "
                            "0x7f1000000000) = 0x7f1000000000\n";
  ExpectDecides(moved + "1 munmap(0x7f1000004000, 4096) = 0\n", seal, "0", "-1 EBUSY (busy)");
  ExpectDecides(moved + "1 munmap(0x7f0000004000, 4096) = 0\n", seal, "-1 EBUSY (busy)", "0");
  ExpectAgrees(map +
               "1 mremap(0x7f0000004000, 8192, 8192, MREMAP_MAYMOVE|MREMAP_FIXED, 0x7f1000000000) "
               "= 0x7f1000000000\n1 munmap(0x7f1000000000, 4096) = 0\n1 fcntl(3, F_ADD_SEALS, "
               "F_SEAL_WRITE) = 0\n");
}

TEST(FollowEdgeTest, AShortTransferIsTheBuffers) {
  const FollowReport report = FollowMade(
      "1 read(3, \"\"..., 5000) = 96\n1 pread64(3, \"\"..., 5000, 0) = 4096\n"
      "1 preadv2(3, [{iov_base=\"\"..., iov_len=50}, {iov_base=\"\", iov_len=50}], 2, -1, 0) = 50\n"
      "1 write(3, \"x\"..., 5000) = 100\n1 lseek(3, 0, SEEK_CUR) = 246\n"
      "1 lseek(3, 0, SEEK_END) = 1000000\n1 write(3, \"x\"..., 5000) = 100\n"
      "1 fstat(3, {st_mode=S_IFREG|0777, st_size=1000100, ...}) = 0\n");
  EXPECT_THAT(report.differences, IsEmpty());
  EXPECT_EQ(CountUnasked(report, Unasked::kSystem), 5);
  EXPECT_EQ(report.modelled, 5);
  // Not of nothing, of more, or where a seal may be what cuts it.
  ExpectDiffers("1 read(3, \"\"..., 5000) = 0\n");
  ExpectDiffers("1 read(3, \"\"..., 50) = 60\n");
  ExpectDiffers("1 read(3, \"\"..., 2000000) = 60\n");
  ExpectDiffers("1 fcntl(3, F_ADD_SEALS, F_SEAL_GROW) = 0\n1 write(3, \"x\"..., 5000) = 100\n");
}

// Where the file ends in the second buffer, the count is that of the first.
TEST(FollowEdgeTest, AShortTransferMayEndBetweenBuffers) {
  const std::string at_end = "1 lseek(3, -100, SEEK_END) = 999900\n";
  const auto read = [](int bytes) {
    return fmt::format(
        "1 readv(3, [{{iov_base=\"\"..., iov_len=60}}, {{iov_base=\"\", iov_len=90}}], 2) = {}\n",
        bytes);
  };
  ExpectAgrees(at_end + read(60) + "1 lseek(3, 0, SEEK_CUR) = 999960\n");
  ExpectAgrees(at_end + read(100));
  ExpectDiffers(at_end + read(61));
}

TEST(FollowEdgeTest, SharedMemoryMayTakeThePlaceOfAMapping) {
  const std::string map =
      "1 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0) = 0x7f0000000000\n";
  const std::string_view seal = "fcntl(3, F_ADD_SEALS, F_SEAL_WRITE)";
  const std::string attach = "1 shmat(1, 0x7f0000000000, SHM_REMAP) = 0x7f0000000000\n";
  ExpectDecides(map + "1 shmget(IPC_PRIVATE, 8000, 0600) = 1\n" + attach, seal, "0",
                "-1 EBUSY (busy)");
  ExpectDecides(map + "1 shmget(IPC_PRIVATE, 4096, 0600) = 1\n" + attach, seal, "-1 EBUSY (busy)",
                "0");
}

TEST(FollowEdgeTest, AttributesThatTheLogDoesNotSay) {
  const std::string_view refused = "1 ftruncate(3, 0) = -1 EPERM (no)\n";
  ExpectDiffers(refused);
  ExpectAgrees(fmt::format("1 syscall_0x1d5(0x3, 0x7f, 0x7f, 0x18, 0x1000, 0) = 0\n{}", refused));
  ExpectAgrees(fmt::format("1 file_setattr(-100, 0x7f, 0x7f, 0x18, 0) = 0\n{}", refused));
  ExpectAgrees(fmt::format("1 ioctl(3, FS_IOC_FSSETXATTR, {{fsx_xflags=FS_XFLAG_APPEND}}) = 0\n{}",
                           refused));
  ExpectDiffers(
      fmt::format("1 file_setattr(-100, 0x7f, 0x7f, 0x18, 0) = -1 EPERM (no)\n{}", refused));
  // Nor of a file that was made elsewhere, which may be one that is known.
  const std::string fd = "9</memfd:other>(deleted)";
  ExpectAgrees("1 fcntl(" + fd +
               ", F_GET_SEALS) = 0\n1 openat(AT_FDCWD, \"/proc/self/fd/9\", "
               "O_RDWR) = -1 EPERM (no)\n");
}

TEST(FollowEdgeTest, AFilterOfSeccompGivesAnyError) {
  const std::string_view refused = "1 ftruncate(3, 2000000) = -1 EPERM (no)\n";
  const std::string_view strict = "1 ftruncate(3, 2000000) = -1 EXDEV (no)\n";
  for (const std::string_view sets :
       {"prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, {len=8, filter=0x7f}) = 0",
        "seccomp(SECCOMP_SET_MODE_FILTER, 0, {len=8, filter=0x7f}) = 0",
        "prctl(0x16, 0x2, 0x7f) = 0"}) {
    ExpectAgrees(fmt::format("1 {}\n{}{}", sets, refused, strict));
    // What succeeds all the same is compared.
    ExpectDiffers(fmt::format(
        "1 {}\n1 fcntl(3, F_ADD_SEALS, F_SEAL_GROW) = 0\n1 ftruncate(3, 2000000) = 0\n", sets));
    // Children have it, and who made it not.
    const std::string child = fmt::format(
        "1 clone(child_stack=NULL, flags=SIGCHLD) = 2\n2 {}\n"
        "2 clone(child_stack=NULL, flags=SIGCHLD) = 4\n",
        sets);
    ExpectAgrees(fmt::format("{}4 ftruncate(3, 2000000) = -1 EPERM (no)\n", child));
    ExpectDiffers(fmt::format("{}4 getpid() = 4\n{}", child, refused));
  }
  ExpectDiffers(fmt::format("1 prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) = 0\n{}", refused));
  ExpectDiffers(
      fmt::format("1 prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER) = -1 EACCES (no)\n{}", refused));
}

TEST(FollowEdgeTest, FlagsAreLearntWhereTheModelHasNotAll) {
  const std::string written =
      "1 fcntl(3, F_SETFL, O_RDONLY|O_APPEND) = 0\n1 fcntl(3, F_SETFL, O_RDONLY|O_NOATIME) = 0\n"
      "1 write(3, \"abc\", 3) = 3\n1 lseek(3, 0, SEEK_CUR) = ";
  ExpectAgrees(written + "3\n");
  ExpectDiffers(written + "1000003\n");
  const std::string set =
      "1 fcntl(3, F_SETFL, O_RDONLY|O_NOATIME|O_NONBLOCK) = 0\n1 fcntl(3, F_GETFL) = ";
  ExpectAgrees(set + "0x48802 (flags O_RDWR|O_NONBLOCK|O_LARGEFILE|O_NOATIME)\n");
  ExpectDiffers(set + "0x8002 (flags O_RDWR|O_LARGEFILE)\n");
}

TEST(FollowEdgeTest, AFileOpenedWithFlagsBeyondTheModelsHasTheLogsMode) {
  const auto opened = [](std::string_view flags) {
    return fmt::format("1 openat(AT_FDCWD, \"/proc/self/fd/3\", {}) = 4\n", flags);
  };
  const auto differ = [](const std::string& log, std::string_view call) {
    const FollowReport report = FollowMade(fmt::format("{}1 {}\n", log, call));
    EXPECT_EQ(CountUnasked(report, Unasked::kOrigin), 0) << call;
    return report.differences.size();
  };
  const std::string reads = opened("O_RDONLY|O_NOATIME"), writes = opened("O_WRONLY|O_NOATIME");
  EXPECT_EQ(differ(reads, "write(4, \"x\", 1) = -1 EBADF (bad)"), 0u);
  EXPECT_EQ(differ(reads, "write(4, \"x\", 1) = 1"), 1u);
  EXPECT_EQ(differ(writes, "read(4, \"\", 1) = -1 EBADF (bad)"), 0u);
  EXPECT_EQ(differ(writes, "fcntl(4, F_GETFL) = 0x48001"), 0u);
  EXPECT_EQ(differ(writes, "fcntl(4, F_GETFL) = 0x48002"), 1u);
  // Of the source, O_APPEND is not taken, and nothing else becomes unknown.
  EXPECT_EQ(differ("1 fcntl(3, F_SETFL, O_APPEND) = 0\n" + opened("O_WRONLY|O_NOATIME") +
                       "1 write(4, \"abc\", 3) = 3\n",
                   "lseek(4, 0, SEEK_CUR) = 3"),
            0u);
  EXPECT_EQ(differ(reads, "lseek(3, 0, SEEK_END) = 1000001"), 1u);
  EXPECT_EQ(differ(opened("O_RDWR|O_TRUNC|O_NOATIME"), "lseek(3, 0, SEEK_END) = 0"), 0u);
}

TEST(FollowEdgeTest, AModeIsForAFileThatIsMade) {
  const auto open = [](std::string_view how) {
    return FollowMade(fmt::format("1 openat2(AT_FDCWD, \"/proc/self/fd/3\", {{{}, resolve=0}}, 24) "
                                  "= -1 EINVAL (no)\n",
                                  how))
        .differences.size();
  };
  EXPECT_EQ(open("flags=O_RDWR, mode=0600"), 0u);
  EXPECT_EQ(open("flags=O_RDWR"), 1u);
  EXPECT_EQ(open("flags=O_RDWR, mode=0"), 1u);
  EXPECT_EQ(open("flags=O_RDWR|O_CREAT, mode=0600"), 1u);
}

TEST(FollowEdgeTest, ResolveFlagsStopAtTheLink) {
  const auto refused = [](std::string_view resolve, std::string_view error) {
    return FollowMade(fmt::format("1 openat2(AT_FDCWD, \"/proc/self/fd/3\", {{flags=O_RDWR, "
                                  "resolve={}}}, 24) = -1 {} (no)\n",
                                  resolve, error))
        .differences.size();
  };
  EXPECT_EQ(refused("RESOLVE_NO_MAGICLINKS", "ELOOP"), 0u);
  EXPECT_EQ(refused("RESOLVE_NO_XDEV", "EXDEV"), 0u);
  EXPECT_EQ(refused("RESOLVE_NO_MAGICLINKS", "EXDEV"), 1u);
  EXPECT_EQ(refused("0", "ELOOP"), 1u);
}

TEST(FollowEdgeTest, EachCallThatIsNotComparedHasARemark) {
  const FollowReport report = FollowMade(
      "1 ioctl(3, TCGETS, 0x7ffc) = -1 ENOTTY (no)\n"
      "1 mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0) = -1 ENOMEM (no memory)\n"
      "1 memfd_create(\"h\", MFD_HUGETLB) = 4\n1 ftruncate(4, 2097152) = 0\n"
      "1 fcntl(3, F_ADD_SEALS, F_SEAL_WRITE <unfinished ...>\n");
  int64_t skipped = 0;
  for (int why = 0; why < kNumUnasked; ++why)
    if (const auto reason = static_cast<Unasked>(why);
        reason != Unasked::kElsewhere && reason != Unasked::kFollowed)
      skipped += CountUnasked(report, reason);
  EXPECT_EQ(skipped, 4);
  EXPECT_THAT(report.remarks, SizeIs(4));
}

TEST(FollowEdgeTest, LocksAreAskedWhereAllOfTheRangeIsAMemfds) {
  const std::string map =
      "1 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0) = 0x7f0000000000\n";
  ExpectDecides(map, "mlock(0x7f0000000001, 1)", "0", "-1 EINVAL (no)");
  ExpectDecides(map, "mlock(0x7f0000000001, 8191)", "0", "-1 EINVAL (no)");
  ExpectDecides(map, "mlock2(0x7f0000000000, 4096, 0x7)", "-1 EINVAL (no)", "0");
  ExpectDecides(map, "munlock(0x7f0000000000, 8192)", "0", "-1 ENOENT (no)");
  ExpectDecides(map + "1 ftruncate(3, 4096) = 0\n", "mlock(0x7f0000000000, 8192)", "-1 ENOMEM (no)",
                "0");
  ExpectAgrees(map +
               "1 ftruncate(3, 4096) = 0\n1 mlock2(0x7f0000000000, 8192, MLOCK_ONFAULT) = 0\n");
  // RLIMIT_MEMLOCK, and other memory.
  ExpectAgrees(map +
               "1 mlock(0x7f0000000000, 4096) = -1 ENOMEM (no)\n"
               "1 mlock(0x7f0000000000, 4096) = -1 EPERM (no)\n"
               "1 mlock(0x7f0000000000, 12288) = -1 EAGAIN (no)\n");
}

TEST(FollowEdgeTest, AnIntOf32BitsIsNegative) {
  const std::string map =
      "1 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0) = 0x7f0000000000\n";
  ExpectDecides(map, "madvise(0x7f0000000000, 4096, 0xffffffff /* MADV_??? */)", "-1 EINVAL (no)",
                "0");
}

}  // namespace
}  // namespace selkie
