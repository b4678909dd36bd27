// selkie check as it is typed: what it refuses before it searches.
#include <cstdlib>
#include <filesystem>

#include "cli/command_testing.h"
#include "gmock/gmock.h"

namespace selkie {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A question that is answered at once, and more words.
Outcome Check(const std::vector<std::string>& more, const std::string& semantics = "linux-5.1") {
  std::vector<std::string> words = {"check", "-s", semantics, "-p", "no-writable-reopen"};
  words.insert(words.end(), more.begin(), more.end());
  return RunSelkie(words);
}

// A variable of the environment, while this lives.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Environment() { unsetenv(name_); }

 private:
  const char* name_;
};

TEST(CheckUnderMpirun, TheProgramWithoutMpiIsRefusedOnce) {
  for (const auto& [size, rank] :
       {std::pair("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"), {"PMI_SIZE", "PMI_RANK"}}) {
    const Environment processes(size, "3");
    {
      const Environment first(rank, "0");
      const Outcome outcome = Check({});
      EXPECT_EQ(outcome.code, kBadInput) << size;
      EXPECT_THAT(outcome.out, IsEmpty());
      EXPECT_THAT(outcome.err, HasSubstr("started 3 processes"));
      EXPECT_THAT(outcome.err, HasSubstr("selkie-mpi"));
    }
    const Environment last(rank, "2");
    const Outcome outcome = Check({});
    EXPECT_EQ(outcome.code, kBadInput);
    EXPECT_THAT(outcome.out + outcome.err, IsEmpty());
  }
}

TEST(CheckUnderMpirun, OneProcessSearches) {
  const Environment processes("OMPI_COMM_WORLD_SIZE", "1");
  EXPECT_EQ(Check({}).code, kHolds);
}

}  // namespace
}  // namespace selkie
