#include "checker/state_tree.h"

#include <algorithm>
#include <type_traits>

#include "checker/explore_engine.h"
#include "checker/single_system.h"

namespace selkie {
namespace {

template <typename E>
class TreeOf final : public StateTree {
 public:
  TreeOf(const Machine& machine, E engine, const SearchStats& stats)
      : machine_(machine), engine_(std::move(engine)) {
    stats_ = stats;
    // States stand in the order of their parents, so that the children of one are
    // neighbours.
    const uint64_t size = engine_.store().size();
    first_child_.resize(size + 1);
    uint64_t child = 1;
    for (uint64_t i = 0; i < size; ++i) {
      first_child_[i] = static_cast<uint32_t>(child);
      while (child < size && engine_.store().parent(child) == i) ++child;
    }
    first_child_[size] = static_cast<uint32_t>(size);
  }

  absl::Status Walk(const Visit& visit) const override {
    std::vector<Frame> frames;
    std::vector<Call> path;
    frames.push_back(Enter(0, machine_.Initial()));
    for (bool fresh = true; !frames.empty();) {
      Frame& frame = frames.back();
      if (!frame.whole) return absl::InternalError("checker: a path cannot be made concrete");
      if (fresh && !visit({frame.number, frame.state, path, frame.on})) return absl::OkStatus();
      fresh = frame.next < frame.on.size();
      if (!fresh) {
        frames.pop_back();
        if (!path.empty()) path.pop_back();
        continue;
      }
      const size_t next = frame.next++;
      State after = frame.state;
      machine_.Apply(after, Move{frame.on[next], frame.protocol[next]});
      path.push_back(frame.on[next]);
      frames.push_back(Enter(first_child_[frame.number] + next, after));
    }
    return absl::OkStatus();
  }

 private:
  struct Frame {
    uint64_t number;
    State state;
    std::vector<Call> on;        // to each child, in order
    std::vector<bool> protocol;  // which of these are steps of the protocol
    bool whole = true;           // each child has its call
    size_t next = 0;
  };

  Frame Enter(uint64_t number, const State& state) const {
    Frame frame{number, state, {}, {}};
    const uint64_t begin = first_child_[number];
    const uint64_t count = first_child_[number + 1] - begin;
    frame.on.resize(count);
    frame.protocol.resize(count);
    std::vector<bool> found(count);
    uint64_t missing = count;
    if (missing == 0) return frame;
    const SingleSystem system{machine_};
    machine_.ForEachMove(state, [&](const Move& move, int) {
      State after = state;
      if (!machine_.Apply(after, move).changed) return false;
      const auto words = engine_.WordsOf(system.Canonical(after));
      for (uint64_t i = 0; i < count; ++i) {
        if (found[i] || engine_.store()[begin + i] != words) continue;
        frame.on[i] = move.call;
        frame.protocol[i] = move.protocol;
        found[i] = true;
        --missing;
      }
      return missing == 0;
    });
    frame.whole = missing == 0;
    return frame;
  }

  const Machine& machine_;
  mutable E engine_;
  std::vector<uint32_t> first_child_;  // of each state, and the number of states
};

// The engine keeps a reference to its system.
class OwnedSystem : public StateTree {
 public:
  OwnedSystem(std::unique_ptr<SingleSystem> system, std::unique_ptr<SearchOptions> options,
              std::unique_ptr<StateTree> tree)
      : system_(std::move(system)), options_(std::move(options)), tree_(std::move(tree)) {
    stats_ = tree_->stats();
  }
  absl::Status Walk(const Visit& visit) const override { return tree_->Walk(visit); }

 private:
  std::unique_ptr<SingleSystem> system_;
  std::unique_ptr<SearchOptions> options_;
  std::unique_ptr<StateTree> tree_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<StateTree>> StateTree::Explore(const Machine& machine,
                                                              const SearchOptions& options) {
  using Tree = absl::StatusOr<std::unique_ptr<StateTree>>;
  auto system = std::make_unique<SingleSystem>(SingleSystem{machine});
  auto kept = std::make_unique<SearchOptions>(options);
  Tree tree = WithEngine(*system, *kept, [&](auto&& engine) -> Tree {
    absl::StatusOr<Search> search = engine.Run();
    if (!search.ok()) return search.status();
    if (search->ending == Search::Ending::kInterrupted) return absl::CancelledError("interrupted");
    if (search->ending == Search::Ending::kMemory)
      return absl::ResourceExhaustedError("the states take more memory than they may");
    if (search->ending == Search::Ending::kHit)
      return absl::InvalidArgumentError("the property hits: its graph is not explored to its end");
    using E = std::decay_t<decltype(engine)>;
    return std::make_unique<TreeOf<E>>(machine, std::move(engine), search->stats);
  });
  if (!tree.ok()) return tree.status();
  return std::make_unique<OwnedSystem>(std::move(system), std::move(kept), *std::move(tree));
}

}  // namespace selkie
