// What logs of programs written for the purpose have shown to be followed wrongly: each
// test has the lines that were called different, or were not.
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "traces/follow_testing.h"

namespace selkie {
namespace {

using ::testing::IsEmpty;

constexpr std::string_view kMap =
    "1 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0) = 0x7f0000000000\n";

TEST(FollowFoundTest, AFileThatRunsIsNotAskedForWriting) {
  const std::string runs =
      "1 clone(child_stack=NULL, flags=SIGCHLD) = 2\n"
      "2 execveat(3, \"\", [\"sl\"], 0x7f, AT_EMPTY_PATH) = 0\n";
  ExpectAgrees(runs +
               "1 openat(AT_FDCWD, \"/proc/self/fd/3\", O_RDWR) = -1 ETXTBSY (busy)\n"
               "1 openat(AT_FDCWD, \"/proc/self/fd/3\", O_RDONLY) = 4\n"
               "1 truncate(\"/proc/self/fd/3\", 5) = -1 ETXTBSY (busy)\n");
  ExpectDecides(runs + "2 +++ killed by SIGKILL +++\n",
                "openat(AT_FDCWD, \"/proc/self/fd/3\", O_RDWR)", "4", "-1 ETXTBSY (busy)");
}

TEST(FollowFoundTest, TheLimitOfFileSizesIsAskedBeforeSeals) {
  const auto limit = [](std::string_view call, std::string_view bytes) {
    return fmt::format(
        "1 fcntl(3, F_ADD_SEALS, F_SEAL_GROW) = 0\n1 {}{{rlim_cur={}, "
        "rlim_max=RLIM64_INFINITY}}{} = 0\n",
        call, bytes, call.starts_with("pr") ? ", NULL)" : ")");
  };
  const std::string limited = limit("prlimit64(0, RLIMIT_FSIZE, ", "977*1024");
  ExpectDecides(limited, "ftruncate(3, 1000449)", "-1 EFBIG (large)", kNo);
  ExpectDecides(limited, "ftruncate(3, 1000448)", kNo, "-1 EFBIG (large)");
  ExpectDecides(limited, "fallocate(3, 0, 0, 2000000)", "-1 EFBIG (large)", kNo);
  ExpectDecides(limited, "pwrite64(3, \"x\", 1, 1000448)", "-1 EFBIG (large)", kNo);
  ExpectDecides(limit("setrlimit(0x1, ", "1000100"), "pwrite64(3, \"\"..., 10, 1000100)",
                "-1 EFBIG (large)", kNo);
  ExpectDecides(limit("prlimit64(0, 0x1 /* RLIMIT_FSIZE */, ", "RLIM64_INFINITY"),
                "ftruncate(3, 2000000)", kNo, "0");
  // Set before the log begins.
  ExpectAgrees(
      "1 fcntl(3, F_ADD_SEALS, F_SEAL_GROW) = 0\n1 ftruncate(3, 2000000) = -1 EFBIG (l)\n");
}

TEST(FollowFoundTest, LockedMemoryRefusesAdvice) {
  const std::string refused =
      "1 madvise(0x7f0000000000, 4096, MADV_DONTNEED) = -1 EINVAL (invalid)\n"
      "1 madvise(0x7f0000000000, 8192, MADV_REMOVE) = -1 EINVAL (invalid)\n"
      "1 msync(0x7f0000000000, 4096, MS_INVALIDATE) = -1 EBUSY (busy)\n";
  const std::string map(kMap);
  ExpectAgrees(map + "1 mlock(0x7f0000000000, 4096) = 0\n" + refused);
  ExpectAgrees(map + "1 mlockall(MCL_CURRENT) = 0\n" + refused);
  ExpectAgrees("1 mlockall(MCL_FUTURE) = 0\n" + map + refused);
  ExpectAgrees(
      "1 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_LOCKED, 3, 0) = 0x7f0000000000\n" +
      refused);
  const std::string advice = "madvise(0x7f0000000000, 4096, MADV_DONTNEED)";
  ExpectDecides(map + "1 mlock2(0x7f0000000000, 8192, MLOCK_ONFAULT) = 0\n", advice,
                "-1 EINVAL (invalid)", "0");
  // How far it came is not known.
  ExpectAgrees(map + "1 mlock(0x7f0000000000, 8192) = -1 ENOMEM (no)\n1 " + advice + " = 0\n");
  ExpectDecides(map + "1 mlock(0x7f0000000000, 4096) = 0\n1 munlock(0x7f0000000000, 4096) = 0\n",
                advice, "0", "-1 EINVAL (invalid)");
}

TEST(FollowFoundTest, CallsYoungerThanStraceAreKnownByNumber) {
  ExpectDecides(std::string(kMap) + "1 syscall_0x1ce(0x7f0000000000, 0x1000, 0, 0x7f, 0, 0) = 0\n",
                "munmap(0x7f0000000000, 4096)", kNo, "0");
}

TEST(FollowFoundTest, AdviceToOneselfMayMakeAHole) {
  const std::string map = "1 pidfd_open(1, 0) = 9\n" + std::string(kMap);
  const std::string advice =
      "process_madvise(9, [{iov_base=0x7f0000000000, iov_len=4096}], 1, MADV_REMOVE, 0)";
  ExpectDecides(map, advice, "4096", "0");
  ExpectDecides(map + "1 fcntl(3, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) = 0\n", advice, "-1 EPERM (no)",
                "4096");
}

TEST(FollowFoundTest, ReadsWithFlagsMoveThePosition) {
  ExpectDecides("1 preadv2(3, [{iov_base=\"\"..., iov_len=300}], 1, -1, RWF_HIPRI) = 300\n",
                "lseek(3, 0, SEEK_CUR)", "300", "0");
}

TEST(FollowFoundTest, AWriteEndsBeforeABufferThatCannotBeRead) {
  ExpectDecides("", "writev(3, [{iov_base=\"\"..., iov_len=100}, {iov_base=NULL, iov_len=200}], 2)",
                "100", "300");
}

TEST(FollowFoundTest, NumbersBeyondTheModelsAreLearntFromTheLog) {
  ExpectAgrees(
      "1 ftruncate(3, 1152921504606846976) = 0\n"
      "1 lseek(3, 0, SEEK_END) = 1152921504606846976\n"
      "1 write(3, \"abc\", 3) = 3\n"
      "1 lseek(3, 0, SEEK_CUR) = 1152921504606846979\n"
      "1 ftruncate(3, 9223372036854775807) = 0\n"
      "1 lseek(3, 5, SEEK_END) = -1 EINVAL (invalid)\n"
      "1 fstat(3, {st_mode=S_IFREG|0777, st_size=9223372036854775807, ...}) = 0\n");
  // And afterwards all is as before.
  const std::string small = "1 ftruncate(3, 1152921504606846976) = 0\n1 ftruncate(3, 5000) = 0\n";
  ExpectAgrees(small + "1 lseek(3, 0, SEEK_END) = 5000\n");
  ExpectDiffers(small + "1 lseek(3, 0, SEEK_END) = 5001\n");
  ExpectDiffers(
      "1 writev(3, [{iov_base=\"\"..., iov_len=10}, ...], 64) = 640\n"
      "1 lseek(3, 0, SEEK_CUR) = 641\n");
  ExpectAgrees("1 lseek(3, 100, SEEK_DATA) = 100\n1 lseek(3, 0, SEEK_CUR) = 100\n");
  ExpectDiffers("1 lseek(3, 100, SEEK_DATA) = 100\n1 lseek(3, 0, SEEK_CUR) = 0\n");
}

TEST(FollowFoundTest, IoctlsThatActAsFcntl) {
  ExpectDecides("1 ioctl(3, FIOCLEX) = 0\n", "fcntl(3, F_GETFD)", "0x1 (flags FD_CLOEXEC)", "0");
  ExpectDecides("1 ioctl(3, 0x5451) = 0\n1 ioctl(3, 0x5450) = 0\n", "fcntl(3, F_GETFD)", "0",
                "0x1 (flags FD_CLOEXEC)");
  ExpectDecides("1 ioctl(3, FIONBIO, [1]) = 0\n", "fcntl(3, F_GETFL)",
                "0x8802 (flags O_RDWR|O_NONBLOCK|O_LARGEFILE)",
                "0x8002 (flags O_RDWR|O_LARGEFILE)");
  ExpectDecides("1 ioctl(3, 0x40086602, [0x10]) = 0\n", "openat(-100, \"/proc/self/fd/3\", 0x2)",
                kNo, "4");
  ExpectAgrees(
      "1 ioctl(3, 0x40086602, 0x7ffc) = 0\n"
      "1 openat(-100, \"/proc/self/fd/3\", 0x2) = -1 EPERM (no)\n");
}

TEST(FollowFoundTest, PathsThroughTheWorkingFolderAndLinks) {
  ExpectDecides(
      "1 chdir(\"/proc/self\") = 0\n1 openat(AT_FDCWD, \"fd/3\", O_RDWR) = 7\n"
      "1 write(7, \"\"..., 2000000) = 2000000\n",
      "lseek(3, 0, SEEK_END)", "2000000", "1000000");
  ExpectDecides(
      "1 openat(AT_FDCWD, \"/proc/self/fd\", O_RDONLY) = 5\n1 fchdir(5) = 0\n"
      "1 truncate(\"../fd/3\", 7) = 0\n",
      "lseek(3, 0, SEEK_END)", "7", "1000000");
  ExpectDecides("1 symlink(\"/proc/self/fd/3\", \"/tmp/l\") = 0\n1 truncate(\"/tmp/l\", 7) = 0\n",
                "lseek(3, 0, SEEK_END)", "7", "1000000");
}

TEST(FollowFoundTest, ArgumentsAsAddressesAreNotTrusted) {
  // strace -e raw=all: a path, a name, an offset, a message.
  ExpectAgrees("1 truncate(0x5650, 0x64) = 0\n1 lseek(0x3, 0, 0x2) = 0x64\n");
  ExpectAgrees(
      "1 copy_file_range(0x9, 0x7ffc, 0x3, 0x7ffd, 0x1388, 0) = 0x1388\n"
      "1 lseek(0x3, 0, 0x2) = 0xf4628\n");
  ExpectAgrees("1 sendmsg(0x4, 0x7ffc, 0) = 0x5\n1 fcntl(0x3, 0x409, 0x8) = -1 EBUSY (busy)\n");
  ExpectAgrees(
      "1 geteuid() = 0x3e8\n1 memfd_create(0x5650, 0x2) = 0x4\n"
      "1 fchmod(0x4, 0x100) = 0\n");
}

TEST(FollowFoundTest, DescriptorsThatTheLogLeavesOutMayBeAnyones) {
  ExpectAgrees(
      "1 sendmsg(4, {msg_iov=[...], msg_iovlen=1, msg_control=[{cmsg_len=20, "
      "cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[...]}], "
      "msg_controllen=24}, 0) = 5\n"
      "1 lseek(3, 0, SEEK_CUR) = 1\n1 ftruncate(3, 0) = -1 EPERM (no)\n");
  // Nor is FD_CLOEXEC known of one that came so.
  ExpectAgrees("1 fcntl(9, F_ADD_SEALS, F_SEAL_SHRINK) = 0\n1 fcntl(9, F_GETFD) = 0x1\n");
}

TEST(FollowFoundTest, ASealThatWasGuessedIsNotAFact) {
  const std::string fd = "9</memfd:other>(deleted)";
  const std::string guessed = "1 write(" + fd + ", \"x\", 1) = -1 EPERM (no)\n";
  ExpectAgrees(guessed + "1 fcntl(" + fd + ", F_GET_SEALS) = 0x8 (seals F_SEAL_WRITE)\n");
  ExpectAgrees(guessed + "1 fcntl(" + fd + ", F_GET_SEALS) = 0x10 (seals F_SEAL_FUTURE_WRITE)\n");
  const FollowReport report =
      FollowMade("1 fcntl(" + fd + ", F_ADD_SEALS, F_SEAL_GROW) = 0\n" + guessed + "1 fcntl(" + fd +
                 ", F_GET_SEALS) = 0x8 (seals F_SEAL_WRITE)\n");
  EXPECT_EQ(report.differences.size(), 1u);  // what was added stays
}

TEST(FollowFoundTest, AFilterMayHideWhoActs) {
  const std::string made =
      "1 memfd_create(\"m\", MFD_ALLOW_SEALING) = 3\n1 ioctl(1, TCGETS, 0x7f) = 0\n"
      "1 arch_prctl(0x3001, 0x7f) = 0\n1 close(9) = 0\n1 munmap(0x7f, 1) = 0\n"
      "1 ftruncate(3, 9) = 0\n";
  const std::string got = "2 fcntl(3, F_ADD_SEALS, F_SEAL_SHRINK) = 0\n";  // sendmsg was not traced
  const auto differ = [&](std::string_view more) {
    const FollowReport report = FollowText(made + std::string(more));
    EXPECT_TRUE(report.filtered);
    return report.differences.size();
  };
  EXPECT_EQ(differ("1 write(3, \"x\", 1) = -1 EBADF (bad)\n"), 0u);
  EXPECT_EQ(differ(got + "1 ftruncate(3, 1) = -1 EPERM (no)\n"), 0u);
  EXPECT_EQ(differ(got + "1 fcntl(3, F_ADD_SEALS, F_SEAL_WRITE) = -1 EBUSY (busy)\n"), 0u);
  EXPECT_EQ(differ("1 ftruncate(3, 1) = -1 EPERM (no)\n"), 1u);
  // mseal, RLIMIT_FSIZE.
  const std::string map = "1 mmap(NULL, 8192, PROT_READ, MAP_SHARED, 3, 0) = 0x7f0000000000\n";
  EXPECT_EQ(differ(map + "1 munmap(0x7f0000000000, 8192) = -1 EPERM (no)\n"), 0u);
  EXPECT_EQ(differ(map + "1 munmap(0x7f0000000000, 8192) = -1 EACCES (no)\n"), 1u);
  EXPECT_EQ(differ("1 write(3, \"\"..., 100) = 5\n"), 0u);
  // Nobody takes a seal away.
  EXPECT_EQ(differ(got + "1 fcntl(3, F_ADD_SEALS, F_SEAL_SHRINK) = 0\n1 ftruncate(3, 5) = 0\n"),
            1u);
}

TEST(FollowFoundTest, WhatCannotBeIsNotExcused) {
  // Who made it owns it; nothing was there; addresses are those of pages.
  ExpectDecides("", "fchmod(3, 0600)", "0", kNo);
  ExpectDecides("", "mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0)", "0x7f0000000000",
                "-1 EEXIST (exists)");
  ExpectDecides("", "mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0)", "0x7f0000000000", "1");
  ExpectDecides("", "dup2(3, 900)", "900", "901");
  ExpectDecides("", "fcntl(3, F_DUPFD, 60)", "61", "59");
}

TEST(FollowFoundTest, AnAclIsTheModeOfItsMask) {
  const auto entry = [](std::string_view tag, int bits) {
    return fmt::format("\\{}\\0\\{}\\0\\377\\377\\377\\377", tag, bits);
  };
  // Owner rw-, a user rwx, group ---, mask rwx, others rw-: 0676.
  const std::string entries =
      entry("1", 6) + entry("2", 7) + entry("4", 0) + entry("20", 7) + entry("40", 6);
  const auto differ = [&](int version, std::string_view result, std::string_view chmod) {
    return FollowText(fmt::format("1 prctl(1) = 0\n1 getrandom(1) = 0\n1 geteuid() = 1000\n"
                                  "1 memfd_create(\"m\", MFD_NOEXEC_SEAL) = 3\n"
                                  "1 setxattr(\"/proc/self/fd/3\", \"system.posix_acl_access\", "
                                  "\"\\{}\\0\\0\\0{}\", 44, 0) = {}\n1 fchmod(3, {}) = 0\n",
                                  version, entries, result, chmod))
        .differences.size();
  };
  EXPECT_EQ(differ(2, "0", "0676"), 0u);  // no x bit changes
  EXPECT_EQ(differ(2, "0", "0777"), 1u);
  EXPECT_EQ(differ(2, "-1 EOPNOTSUPP (no)", "0600"), 0u);  // a kernel without ACLs on tmpfs
  EXPECT_EQ(differ(1, "-1 EOPNOTSUPP (no)", "0600"), 0u);  // there is no such version
}

TEST(FollowFoundTest, FlagsByNumber) {
  ExpectDecides(
      "1 clone(child_stack=NULL, flags=0x411) = 2\n2 unshare(0x400) = 0\n2 close(3) = 0\n",
      "lseek(3, 0, SEEK_END)", "1000000", "1000001");
  const FollowReport raw = FollowMade(
      "1 mmap(NULL, 0x2000, 0x1, 0x1, 3, 0) = 0x7f0000000000\n"
      "1 --- SIGSEGV {si_signo=11, si_code=0x2, si_addr=0x7f0000000010} ---\n");
  EXPECT_EQ(raw.modelled_by_name.at("SIGSEGV"), 1);
}

TEST(FollowFoundTest, SeeksOf32Bits) {
  ExpectDecides("", "_llseek(3, -5, [999995], SEEK_END)", "0", "-1 EINVAL (invalid)");
  ExpectDecides("1 _llseek(3, 999990, [999990], SEEK_SET) = 0\n", "read(3, \"\", 4096)", "10",
                "4096");
}

TEST(FollowFoundTest, NamesThatLookLikeWhatStraceAdds) {
  const std::string deleted = "3</memfd:x (deleted)>(deleted)";
  EXPECT_EQ(FollowMade("1 memfd_create(\"x (deleted)\", MFD_ALLOW_SEALING) = " + deleted +
                       "\n1 lseek(" + deleted + ", 0, SEEK_END) = 0\n")
                .from_outside,
            0);
  const std::string quote = "3</memfd:a\\\"b>(deleted)";
  const FollowReport report = FollowMade("1 memfd_create(\"a\\\"b\", 0) = " + quote + "\n1 write(" +
                                         quote + ", \"a\\\"b\", 3) = 3\n");
  EXPECT_EQ(report.from_outside, 0);
  EXPECT_EQ(report.modelled_by_name.at("write"), 1);
}

TEST(FollowFoundTest, CallsOfMergedLogsStandWhereTheyBegan) {
  // strace -ff -ttt, strace-log-merge: the seal may have come before the unmapping.
  const auto differ = [](std::string_view next) {
    const StraceLog log = ReadStrace(
        "log", fmt::format("1 10.0 prctl(1) = 0\n1 10.0 getrandom(1) = 0\n"
                           "1 10.1 memfd_create(\"m\", MFD_ALLOW_SEALING) = 3\n"
                           "1 10.2 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0) = "
                           "0x7f0000000000\n"
                           "1 10.3 clone(child_stack=0x7f, "
                           "flags=CLONE_VM|CLONE_FILES|CLONE_THREAD) = 2\n"
                           "2 10.4 munmap(0x7f0000000000, 4096) = 0\n{}"
                           "1 10.6 fcntl(3, F_ADD_SEALS, F_SEAL_WRITE) = -1 EBUSY (busy)\n"
                           "1 10.8 getpid() = 1\n2 10.9 getpid() = 1\n",
                           next));
    EXPECT_TRUE(log.merged);
    return Follow(log, LoadSemanticsForTest("linux-6.18")).differences.size();
  };
  EXPECT_EQ(differ(""), 0u);
  EXPECT_EQ(differ("2 10.5 getpid() = 1\n"), 1u);
  EXPECT_FALSE(ReadStrace("log", "1 10.0 close(3 <unfinished ...>\n2 10.1 close(4) = 0\n").merged);
}

TEST(FollowFoundTest, ANumberThatAThreadUsesWhileItIsGivenIsNotSure) {
  ExpectAgrees(
      "1 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_FILES|CLONE_THREAD) = 2\n"
      "2 close(3) = 0\n"
      "1 fcntl(3, F_ADD_SEALS, F_SEAL_WRITE <unfinished ...>\n"
      "2 memfd_create(\"m\", MFD_ALLOW_SEALING <unfinished ...>\n"
      "1 <... fcntl resumed>) = 0\n"
      "2 <... memfd_create resumed>) = 3\n"
      "1 write(3, \"x\", 1) = -1 EPERM (no)\n");
}

// Until 2026-11 the new descriptor was not known, and what was done through it neither.
TEST(FollowFoundTest, AnOpenOfTheDescriptorItselfIsFollowed) {
  ExpectDecides("1 openat(3, \"\", O_RDWR|O_EMPTYPATH) = 4\n1 ftruncate(4, 8192) = 0\n",
                "pread64(3, \"\"..., 9000, 0)", "8192", "4096", "linux-7.2");
}

TEST(FollowFoundTest, TheLinkOfAMappingMayBeOfAnyFile) {
  ExpectAgrees(
      "1 open(\"/proc/self/map_files/7f0000000000-7f0000002000\", O_RDWR) = 4\n"
      "1 ftruncate(4, 8192) = 0\n"
      "1 pread64(3, \"\"..., 9000, 0) = 8192\n");
}

TEST(FollowFoundTest, APidNamespaceBeginsWithTheLevelOfTheOneAbove) {
  const auto level = [](int pid, int value) {
    return fmt::format(
        "{0} openat(AT_FDCWD, \"/proc/sys/vm/memfd_noexec\", O_WRONLY) = 9\n"
        "{0} write(9, \"{1}\", 1) = 1\n{0} close(9) = 0\n",
        pid, value);
  };
  EXPECT_THAT(
      FollowText("1 getuid() = 0\n" + level(1, 1) +
                 "1 clone(child_stack=NULL, flags=CLONE_NEWPID|SIGCHLD) = 2\n" + level(1, 0) +
                 "2 memfd_create(\"m\", 0) = 3\n2 fcntl(3, F_GET_SEALS) = 0x20\n")
          .differences,
      testing::IsEmpty());
}

TEST(FollowFoundTest, OwnersAndTimesByTheirOtherNames) {
  const std::string path = "1 openat(AT_FDCWD, \"/proc/self/fd/3\", O_PATH) = 4\n";
  ExpectDecides(path, "fchownat(4, \"\", 4294967295, -1, AT_EMPTY_PATH)", "0", "-1 EBADF (bad)");
  ExpectDecides(path, "fchownat(4, \"\", -1, -1, 0x8)", "-1 EINVAL (bad)", "0");
  ExpectDecides(path, "chown(\"/proc/self/fd/4\", -1, -1)", "0", "-1 ENOENT (no)");
  ExpectDecides(path, "fchownat(AT_FDCWD, \"/proc/self/fd/4\", -1, -1, 0)", "0", "-1 ENOENT (no)");
  ExpectDecides(path, "utimensat(3, NULL, NULL, 0)", "0", "-1 EBADF (bad)");
  ExpectDecides(path, "utimensat(4, NULL, NULL, 0)", "-1 EBADF (bad)", "0");
  ExpectDecides(path, "utimensat(AT_FDCWD, \"/proc/self/fd/4\", NULL, 0)", "0", "-1 ENOENT (no)");
  const FollowReport given =
      FollowMade("1 utimensat(3, NULL, [{tv_sec=1, tv_nsec=0}, {tv_sec=1, tv_nsec=0}], 0) = 0\n");
  EXPECT_EQ(CountUnasked(given, Unasked::kNoRow), 1);
}

TEST(FollowFoundTest, WhatWritesBackIsAsked) {
  for (const std::string_view call :
       {"fsync(3)", "fdatasync(3)", "sync_file_range(3, 0, 0, SYNC_FILE_RANGE_WRITE)",
        "fadvise64(3, 0, 1099511627776, POSIX_FADV_DONTNEED)", "readahead(3, 0, 1099511627776)"})
    ExpectDecides("", call, "0", "-1 EBADF (bad)");
  ExpectDecides("", "fadvise64(3, 0, 4096, 0x6 /* POSIX_FADV_??? */)", "-1 EINVAL (bad)", "0");
  ExpectDecides("", "sync_file_range(3, 0, -1, 0)", "-1 EINVAL (bad)", "0");
  ExpectDecides("", "pwritev(3, [{iov_base=\"x\", iov_len=1}], 1, 2)", "1", "-1 EPERM (no)");
  ExpectDecides("1 fcntl(3, F_ADD_SEALS, F_SEAL_WRITE) = 0\n",
                "pwritev(3, [{iov_base=\"x\", iov_len=1}], 1, 2)", "-1 EPERM (no)", "1");
}

TEST(FollowFoundTest, DupfdQueryComparesOpenFilesThatTheLogMade) {
  const std::string made = "1 dup(3) = 4\n1 openat(AT_FDCWD, \"/proc/self/fd/3\", O_RDWR) = 5\n";
  ExpectDecides(made, "fcntl(3, F_DUPFD_QUERY, 4)", "1", "0");
  ExpectDecides(made, "fcntl(3, 0x403 /* F_??? */, 5)", "0", "1");
  ExpectDecides(made, "fcntl(3, F_CREATED_QUERY)", "0", "1");
  ExpectDecides(made, "fcntl(3, F_DUPFD_QUERY, 4)", "-1 EINVAL (bad)", "1", "linux-6.1");
  // 6 and 7 were there before the log began.
  const FollowReport before =
      FollowMade("1 fcntl(6</memfd:a (deleted)>, F_DUPFD_QUERY, 7</memfd:a (deleted)>) = 1\n");
  EXPECT_THAT(before.differences, IsEmpty());
  EXPECT_EQ(CountUnasked(before, Unasked::kBound), 1);
}

}  // namespace
}  // namespace selkie
