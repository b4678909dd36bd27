// What to run, when somebody else has chosen it: batches of calls that are each
// tried in one state.
//
// A batch is a state, named by the calls that lead to it, and branches: calls to
// try there.  A branch that leaves the state for good ends a run, and the state is
// reached anew for the next one; all others are tried one after another in it.
// Expected results are the model's, which makes the same calls beside the kernel.
#ifndef SELKIE_KERNEL_CALL_PLAN_H_
#define SELKIE_KERNEL_CALL_PLAN_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "model/call.h"
#include "model/limits.h"

namespace selkie {

struct CallBranch {
  enum class After : uint8_t {
    kSame,  // the state is the same, or as good as the same
    kBack,  // `back` leads back to it
    kLeft,  // another state
  };
  Call call;
  After after = After::kSame;
  Call back;  // kBack
};

struct CallBatch {
  int64_t number = 0;        // of the state, the same in whatever share it is handed out
  std::vector<Call> path;    // to the state
  bool path_counts = false;  // its last call is one of those to try
  std::vector<CallBranch> branches;
  // Calls that the model does not make there, by its reason.
  std::map<std::string, int64_t> beyond;
};

class CallPlan {
 public:
  virtual ~CallPlan() = default;

  virtual const Limits& limits() const = 0;
  virtual const std::vector<int>& uids() const = 0;
  virtual int64_t states() const = 0;  // of all shares
  // Those that lead from state to state, or calls like them: where one of them cannot be made, the
  // plan cannot be run.
  virtual std::vector<Call> calls() const = 0;

  // Hands out the batches of share `share` of `shares`, until `take` returns false.
  virtual absl::Status ForEach(int64_t share, int64_t shares,
                               const std::function<bool(const CallBatch&)>& take) const = 0;
};

}  // namespace selkie

#endif  // SELKIE_KERNEL_CALL_PLAN_H_
