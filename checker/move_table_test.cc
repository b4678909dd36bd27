#include "checker/move_table.h"

#include "checker/checker_testing.h"
#include "gmock/gmock.h"
#include "model/call_text.h"
#include "model/step.h"

namespace selkie {
namespace {

// Task 0 has fd 3 and fd 4 for one file, and fd 5 for another one.
State ThreeDescriptors(const Semantics& semantics) {
  State state = InitialState(Limits{}, {0, 0});
  for (const char* text : {"memfd_create(\"m\", 0)", "dup(3)", "memfd_create(\"n\", 0)"})
    EXPECT_TRUE(Step(state, ParseCall(text, &semantics, nullptr).call, semantics).ok()) << text;
  return state;
}

std::vector<std::string> Moves(const std::string& line, bool merges) {
  const Semantics semantics = SemanticsNamed("linux-5.1");
  AlphabetLine written;
  written.text = line;
  auto lines = CompileLine(written, semantics, semantics.seals);
  EXPECT_TRUE(lines.ok()) << lines.status();
  const State state = ThreeDescriptors(semantics);
  const MoveTable table(*lines, state.limits, merges);
  std::vector<std::string> moves;
  auto note = [&](const Move& move, int times) {
    moves.push_back(std::to_string(times) + " " + PrintCall(move.call, &semantics, nullptr));
    return false;
  };
  table.ForEach(0, 0, ObjectsOf(state), note);
  return moves;
}

TEST(MoveTable, ANameStandsForEachObject) {
  EXPECT_THAT(Moves("close(fd)", true),
              testing::ElementsAre("1 close(3)", "1 close(4)", "1 close(5)"));
  EXPECT_THAT(Moves("munmap(map, 4096)", true), testing::IsEmpty());
}

TEST(MoveTable, DescriptorsOfOneFileAreTriedOnceIfTheCallDoesTheSame) {
  EXPECT_THAT(Moves("ftruncate(fd, 0)", true),
              testing::ElementsAre("2 ftruncate(3, 0)", "1 ftruncate(5, 0)"));
  EXPECT_THAT(Moves("ftruncate(fd, 0)", false),
              testing::ElementsAre("1 ftruncate(3, 0)", "1 ftruncate(4, 0)", "1 ftruncate(5, 0)"));
  EXPECT_THAT(Moves("sendmsg(fd, fd2)", true),
              testing::ElementsAre("4 sendmsg(3, 3)", "2 sendmsg(3, 5)", "2 sendmsg(5, 3)",
                                   "1 sendmsg(5, 5)"));
}

TEST(MoveTable, TheirsAreTheOtherTasks) {
  EXPECT_THAT(Moves("pidfd_getfd(task, theirs)", true), testing::IsEmpty());
}

}  // namespace
}  // namespace selkie
