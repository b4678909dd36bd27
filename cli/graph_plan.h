// Every call of an alphabet in every state of the graph that the checker explores,
// as a plan for a real kernel.
#ifndef SELKIE_CLI_GRAPH_PLAN_H_
#define SELKIE_CLI_GRAPH_PLAN_H_

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "checker/explore.h"
#include "kernel/call_plan.h"
#include "model/semantics.h"
#include "scenarios/library.h"

namespace selkie {

struct GraphRequest {
  std::string graph = "sealing";  // a name in checker/graphs, or the path of a .prop
  std::string bounds;             // changes to those of the graph: "processes=2,fds=3"
};

class GraphPlan : public CallPlan {
 public:
  // Explores the graph.  `semantics` must outlive the plan.  Errors as LoadProperty, ApplyBounds,
  // Machine::Make and StateTree::Explore.
  static absl::StatusOr<std::unique_ptr<GraphPlan>> Make(const Library& library,
                                                         const GraphRequest& request,
                                                         const Semantics& semantics,
                                                         const SearchOptions& options);

  virtual const SearchStats& stats() const = 0;
};

// Names of the graphs in the tree, sorted.
absl::StatusOr<std::vector<std::string>> GraphNames(const Library& library);

}  // namespace selkie

#endif  // SELKIE_CLI_GRAPH_PLAN_H_
