// Follows a real program through its strace log and asks the model, call by call,
// whether it gives what the log says.
#ifndef SELKIE_TRACES_FOLLOW_H_
#define SELKIE_TRACES_FOLLOW_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/semantics.h"
#include "traces/strace_read.h"

namespace selkie {

// Why a call was not compared.
enum class Unasked {
  kElsewhere,   // it does not concern a memfd
  kFollowed,    // its effect was followed; what it gives is not for the model to say (fork, execve)
  kNoRow,       // it concerns a memfd, and the table of calls has no row for it
  kBound,       // the model does not cover it, or its bounds are too small
  kSystem,      // it failed for a reason outside of the model: memory, limits, a signal
  kUnreturned,  // the log does not say what it gave
  kOrigin,      // it agrees only if somebody who is not in the log has done something before
  kOrder,       // another call that decides it ran at the same time
  kUnseen,      // the log was made with a filter or without -f: what decides may not be in it
};
inline constexpr int kNumUnasked = static_cast<int>(Unasked::kUnseen) + 1;

// A word for programs ("elsewhere") and a sentence for people.
std::string_view UnaskedWord(Unasked why);
std::string_view UnaskedText(Unasked why);

// A call whose result the model does not give.
struct FollowedDifference {
  int64_t pid = 0;
  int line = 0, last_line = 0;  // where the call begins, and where its result stands
  std::string call;             // as in the log
  std::string logged;           // "-1 EPERM"
  std::string modelled;         // "0"
  std::string decided;          // the rule, with its file and line, or the check
  std::string about;            // the memfd as followed so far
};

// A call that was not compared although it concerns a memfd.
struct FollowedRemark {
  Unasked why = Unasked::kBound;
  int line = 0;
  std::string call;
  std::string text;  // the reason in full
};

struct FollowReport {
  int64_t calls = 0;
  int64_t processes = 0;
  int64_t memfds = 0;        // seen to be made
  int64_t from_outside = 0;  // inherited, received or opened unseen
  int64_t modelled = 0;      // results compared
  std::map<std::string, int64_t> modelled_by_name;
  std::map<Unasked, std::map<std::string, int64_t>> unasked;  // by reason: by name, or by what is
                                                              // not covered
  std::vector<FollowedDifference> differences;                // in the order of the log
  std::vector<FollowedRemark> remarks;
  bool filtered = false;  // the log seems to have some calls only
  bool interrupted = false;
};

struct FollowOptions {
  // The log has every call of its processes: what is not in it did not happen.
  bool complete = false;
  const std::atomic<bool>* interrupted = nullptr;  // polled; may be null
};

// Total: any log gives a report.  After a call that is not compared, or differs, what the
// log says is taken as what happened, so that later calls are not blamed for it.
FollowReport Follow(const StraceLog& log, const Semantics& semantics,
                    const FollowOptions& options = {});

// The release in a log that has uname(2), or empty.
std::string ReleaseInLog(const StraceLog& log);

}  // namespace selkie

#endif  // SELKIE_TRACES_FOLLOW_H_
