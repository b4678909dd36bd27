#include "cli/graph_plan.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "checker/machine.h"
#include "checker/state_tree.h"
#include "cli/questions.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "model/step.h"

namespace selkie {
namespace {

std::string PathOf(const Library& library, const std::string& graph) {
  if (graph.find('/') != std::string::npos || graph.ends_with(".prop")) return graph;
  return fmt::format("{}/checker/graphs/{}.prop", library.root(), graph);
}

// Which operations may take back what one has done.  What is not here is taken back by
// reaching the state anew.
bool MayUndo(Op op, Op undo) {
  switch (op) {
    case Op::kMemfdCreate:
    case Op::kOpen:
    case Op::kOpenat:
    case Op::kOpenat2:
    case Op::kDup:
    case Op::kDupFd:
    case Op::kDupFdCloexec:
    case Op::kPidfdGetfd: return undo == Op::kClose;
    case Op::kClose: return undo == Op::kDup || undo == Op::kOpen;
    case Op::kMmap: return undo == Op::kMunmap;
    case Op::kMunmap: return undo == Op::kMmap;
    case Op::kMprotect: return undo == Op::kMprotect;
    case Op::kFtruncate:
    case Op::kTruncate:
    case Op::kFallocate: return undo == Op::kFtruncate;
    default: return false;
  }
}

class Plan final : public GraphPlan {
 public:
  Plan(Property property, const Semantics& semantics)
      : property_(std::move(property)), semantics_(semantics) {}

  absl::Status Explore(const std::string& changes, const std::vector<AlphabetLine>& looks,
                       const SearchOptions& options) {
    if (absl::Status status = ApplyBounds(changes, property_.bounds); !status.ok()) return status;
    property_.clause.terms.clear();  // the graph is asked nothing
    absl::StatusOr<Machine> machine = Machine::Make(property_, semantics_, property_.bounds);
    if (!machine.ok()) return machine.status();
    machine_ = std::make_unique<Machine>(*std::move(machine));
    absl::StatusOr<std::unique_ptr<StateTree>> tree = StateTree::Explore(*machine_, options);
    if (!tree.ok()) return tree.status();
    tree_ = *std::move(tree);
    return CompileCalls(looks);
  }

  const Limits& limits() const override { return limits_; }
  const std::vector<int>& uids() const override { return uids_; }
  int64_t states() const override { return static_cast<int64_t>(tree_->stats().states); }
  const SearchStats& stats() const override { return tree_->stats(); }

  std::vector<Call> calls() const override {
    std::vector<Call> calls;
    for (const CallTemplate& line : machine_->alphabet()) calls.push_back(line.call);
    return calls;
  }

  absl::Status ForEach(int64_t share, int64_t shares,
                       const std::function<bool(const CallBatch&)>& take) const override {
    return tree_->Walk([&](const ReachedState& at) {
      return at.number % static_cast<uint64_t>(shares) != static_cast<uint64_t>(share) ||
             take(BatchAt(at));
    });
  }

 private:
  // The calls of the graph, and those that look at a state.
  absl::Status CompileCalls(const std::vector<AlphabetLine>& looks) {
    for (const AlphabetLine& line : looks) {
      auto compiled = CompileLine(line, semantics_, semantics_.seals);
      if (!compiled.ok()) return compiled.status();
      for (CallTemplate& one : *compiled) looks_.push_back(std::move(one));
    }
    const State initial = machine_->Initial();
    limits_ = initial.limits;
    for (int i = 0; i < limits_.tasks; ++i)
      if (initial.tasks[i].state == TaskState::kRunning) uids_.push_back(initial.tasks[i].uid);
    moves_ = MoveTable(machine_->alphabet(), limits_, false);
    look_moves_ = MoveTable(looks_, limits_, true);
    return absl::OkStatus();
  }

  template <typename Visit>
  void ForEachCall(const State& state, int task, const Visit& visit) const {
    const Objects objects = ObjectsOf(state);
    const auto each = [&](const Move& move, int) { return visit(move.call); };
    for (size_t line = 0; line < machine_->alphabet().size(); ++line)
      moves_.ForEach(line, task, objects, each);
    for (size_t line = 0; line < looks_.size(); ++line)
      look_moves_.ForEach(line, task, objects, each);
  }

  CallBatch BatchAt(const ReachedState& at) const {
    CallBatch batch;
    batch.number = static_cast<int64_t>(at.number);
    batch.path.assign(at.path.begin(), at.path.end());
    batch.path_counts = !at.path.empty();
    State state = at.state;
    std::vector<CallBranch> left;
    for (int task = 0; task < limits_.tasks; ++task) {
      if (state.tasks[task].state != TaskState::kRunning) continue;
      ForEachCall(at.state, task, [&](const Call& call) {
        // The path to the next state tries it.
        if (std::find(at.on.begin(), at.on.end(), call) != at.on.end()) return false;
        Add(call, &state, &batch, &left);
        return false;
      });
    }
    batch.branches.insert(batch.branches.end(), left.begin(), left.end());
    return batch;
  }

  void Add(const Call& call, State* state, CallBatch* batch, std::vector<CallBranch>* left) const {
    State after = *state;
    const Result result = Step(after, call, semantics_);
    if (result.kind == Result::Kind::kBound) {
      ++batch->beyond[result.check != nullptr ? result.check : "beyond the bounds"];
      return;
    }
    CallBranch branch{call, CallBranch::After::kSame, {}};
    if (result.changed && !Same(after, *state)) {
      const bool back = FindBack(*state, call, &after, &branch.back);
      branch.after = back ? CallBranch::After::kBack : CallBranch::After::kLeft;
      if (!back) return left->push_back(branch);
    }
    *state = after;
    batch->branches.push_back(branch);
  }

  // Equal in all that the graph is about.
  bool Same(State a, State b) const {
    EraseUnstored(machine_->layout(), a);
    EraseUnstored(machine_->layout(), b);
    return a == b;
  }

  bool FindBack(const State& before, const Call& call, State* after, Call* back) const {
    bool found = false;
    const Objects objects = ObjectsOf(*after);
    const std::vector<CallTemplate>& lines = machine_->alphabet();
    for (size_t line = 0; line < lines.size() && !found; ++line) {
      if (!MayUndo(call.op, lines[line].call.op)) continue;
      moves_.ForEach(line, call.task, objects, [&](const Move& move, int) {
        State undone = *after;
        const Result result = Step(undone, move.call, semantics_);
        if (!result.ok() || !Same(undone, before)) return false;
        *back = move.call;
        *after = undone;
        found = true;
        return true;
      });
    }
    return found;
  }

  Property property_;
  const Semantics& semantics_;
  std::unique_ptr<Machine> machine_;
  std::unique_ptr<StateTree> tree_;
  MoveTable moves_;  // of the graph: through every descriptor
  std::vector<CallTemplate> looks_;
  MoveTable look_moves_;  // through one descriptor of each open file
  Limits limits_;
  std::vector<int> uids_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<GraphPlan>> GraphPlan::Make(const Library& library,
                                                           const GraphRequest& request,
                                                           const Semantics& semantics,
                                                           const SearchOptions& options) {
  absl::StatusOr<Property> property = LoadProperty(library, PathOf(library, request.graph));
  if (!property.ok()) {
    auto names = GraphNames(library);
    if (!absl::IsNotFound(property.status()) || !names.ok()) return property.status();
    return absl::NotFoundError(fmt::format("no graph is named '{}'; there are: {}", request.graph,
                                           fmt::join(*names, ", ")));
  }
  absl::StatusOr<Property> looks = LoadProperty(library, PathOf(library, "looks"));
  if (!looks.ok()) return looks.status();
  auto plan = std::make_unique<Plan>(*std::move(property), semantics);
  if (absl::Status status = plan->Explore(request.bounds, looks->calls, options); !status.ok())
    return status;
  return plan;
}

absl::StatusOr<std::vector<std::string>> GraphNames(const Library& library) {
  absl::StatusOr<std::vector<std::string>> files =
      FilesUnder(library.root() + "/checker/graphs", ".prop");
  if (!files.ok()) return files.status();
  std::vector<std::string> names;
  for (const std::string& file : *files) {
    const std::string name = std::filesystem::path(file).stem().string();
    if (name != "looks") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace selkie
