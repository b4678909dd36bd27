// Calls of threads that overlap: whichever argument names the memfd, what the other one gives is
// not sure.
#include <string>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "traces/follow_testing.h"

namespace selkie {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kThread =
    "1 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_FILES|CLONE_THREAD) = 2\n2 getpid() = 1\n";

// `wrong` is not what the model gives, unless `call` of a thread has taken effect before.
void ExpectRace(std::string_view call, std::string_view result, std::string_view wrong,
                std::string_view before = "") {
  const std::string begin = fmt::format("{}{}", kThread, before);
  const FollowReport raced =
      FollowMade(fmt::format("{}2 {} <unfinished ...>\n1 {}\n2 <... {} "
                             "resumed>) = {}\n",
                             begin, call, wrong, call.substr(0, call.find('(')), result));
  EXPECT_THAT(raced.differences, IsEmpty()) << call;
  EXPECT_EQ(CountUnasked(raced, Unasked::kOrder), 1) << call;
  EXPECT_THAT(FollowMade(fmt::format("{}1 {}\n", begin, wrong)).differences, SizeIs(1)) << wrong;
}

TEST(FollowRaceTest, ACallIsConcernedByAnyOfItsDescriptors) {
  const std::string_view busy = "fcntl(3, F_ADD_SEALS, F_SEAL_WRITE) = -1 EBUSY (busy)";
  ExpectRace("mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0", "0x7f0000000000", busy);
  const std::string_view grown = "fstat(3, {st_mode=S_IFREG|0777, st_size=1000004, ...}) = 0";
  ExpectRace("splice(5, NULL, 3, [1000000], 4, 0", "4", grown);
  ExpectRace("copy_file_range(5, NULL, 3, [1000000], 4, 0", "4", grown);
  ExpectRace("sendfile(5, 3, NULL, 4", "4", "lseek(3, 0, SEEK_CUR) = 4");
  ExpectRace("dup2(5, 3", "3", "lseek(3, 0, SEEK_CUR) = 4");
  ExpectRace("close_range(0, 9, 0", "0", "fcntl(3, F_GETFD) = -1 EBADF (bad)");
}

TEST(FollowRaceTest, ACallIsConcernedByItsPath) {
  const std::string_view cut = "fstat(3, {st_mode=S_IFREG|0777, st_size=0, ...}) = 0";
  ExpectRace("openat(AT_FDCWD, \"/proc/self/fd/3\", O_RDWR|O_TRUNC", "4", cut);
  ExpectRace("open(\"/proc/self/fd/3\", O_RDWR|O_TRUNC", "4", cut);
  ExpectRace("truncate(\"/proc/self/fd/3\", 0", "0", cut);
  // Another file's does not excuse anything.
  EXPECT_THAT(FollowMade(fmt::format("{}2 truncate(\"/proc/self/fd/4\", 0 <unfinished ...>\n1 {}\n"
                                     "2 <... truncate resumed>) = 0\n",
                                     kThread, cut))
                  .differences,
              SizeIs(1));
}

TEST(FollowRaceTest, ACallIsConcernedByAllOfItsRange) {
  const std::string map =
      "1 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0) = 0x7f0000001000\n";
  const std::string_view sealed = "fcntl(3, F_ADD_SEALS, F_SEAL_WRITE) = 0";
  ExpectRace("munmap(0x7f0000000000, 8192", "0", sealed, map);
  ExpectRace("mmap(0x7f0000000000, 8192, PROT_NONE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0",
             "0x7f0000000000", sealed, map);
  ExpectRace("mremap(0x7f1000000000, 4096, 8192, MREMAP_MAYMOVE|MREMAP_FIXED, 0x7f0000000000",
             "0x7f0000000000", sealed, map);
}

// It waits for as long as nobody wakes it, and changes nothing.
TEST(FollowRaceTest, AFutexInAMappingExcusesNothing) {
  EXPECT_THAT(
      FollowMade(
          fmt::format(
              "{}1 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0) = "
              "0x7f0000000000\n2 futex(0x7f0000000000, FUTEX_WAIT, 0, NULL <unfinished "
              "...>\n1 fcntl(3, F_ADD_SEALS, F_SEAL_WRITE) = 0\n2 <... futex resumed>) = 0\n",
              kThread))
          .differences,
      SizeIs(1));
}

}  // namespace
}  // namespace selkie
