// The search itself, for any system of nodes and moves.  Internal to checker/.
//
// A System has
//   using Node;                              a value
//   Node Initial() const;
//   bool ForEachMove(const Node&, visit) const;    until a visit(move, times) is true
//   bool InForce(const Node&) const;         the promise binds from here on
//   StepOutcome Apply(Node&, const Move&) const;
//   void Copy(const Node& from, Node& to) const;   of one system
//   Node Canonical(const Node&) const;
//   int bits() const;                        of a packed node
//   bool Store(const Node&, PackedWords&) const;   false: does not fit
//   void Load(const PackedWords&, Node&) const;     into a node of this system
#ifndef SELKIE_CHECKER_EXPLORE_ENGINE_H_
#define SELKIE_CHECKER_EXPLORE_ENGINE_H_

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "checker/concrete_path.h"
#include "checker/explore.h"
#include "checker/state_store.h"

namespace selkie {

template <typename System, int W>
class Engine {
 public:
  using Node = typename System::Node;
  using Words = typename StateStore<W>::Words;

  Engine(const System& system, const SearchOptions& options)
      : system_(system),
        options_(options),
        start_(std::chrono::steady_clock::now()),
        node_(system.Initial()),
        scratch_(node_) {}

  // Ends with kTooLarge when there are more than `most_states`.
  absl::StatusOr<Search> Run(uint64_t most_states = ~uint64_t{0}) {
    search_.stats.bits = system_.bits();
    Enter(system_.Initial(), 0);
    store_.Flush();
    uint64_t level_end = store_.size();
    for (uint64_t next = 0; next < store_.size() && !misfit_; ++next) {
      if (Expand(next)) return Finish(Search::Ending::kHit, next);
      if ((next & 0xfff) == 0 && MustStop()) return Finish(why_stopped_, next);
      if (store_.size() > most_states) return Finish(Search::Ending::kTooLarge, next);
      if (next + 1 < level_end) continue;
      store_.Flush();
      if (store_.size() > level_end) ++search_.stats.depth;
      level_end = store_.size();
    }
    return Finish(Search::Ending::kExhausted, 0);
  }

  // What was found, after Run.
  const StateStore<W>& store() const { return store_; }

  // A node as it is stored.
  Words WordsOf(const Node& node) {
    PackedWords packed{};
    if (!system_.Store(node, packed)) misfit_ = true;
    Words words;
    std::copy_n(packed.begin(), W, words.begin());
    return words;
  }

 private:
  // Tries every move from state `index`; true if one hits.
  bool Expand(uint64_t index) {
    Load(index, node_);
    in_force_ = system_.InForce(node_);
    system_.Copy(node_, scratch_);
    return system_.ForEachMove(node_, [&](const Move& move, int times) {
      const StepOutcome outcome = system_.Apply(scratch_, move);
      Count(move, times, outcome);
      const bool collects = outcome.hit && options_.all_kinds;
      if (collects) Collect(index, outcome.kind);
      if (collects || (outcome.bound && outcome.changed)) {
        system_.Copy(node_, scratch_);
        return false;
      }
      if (outcome.hit || !outcome.changed) return outcome.hit;
      Enter(scratch_, static_cast<uint32_t>(index));
      system_.Copy(node_, scratch_);
      return false;
    });
  }

  void Collect(uint64_t index, uint64_t kind) {
    if (kinds_.insert(kind).second) hits_.push_back({index, kind});
  }

  void Count(const Move& move, int times, const StepOutcome& outcome) {
    SearchStats& stats = search_.stats;
    stats.tried += times;
    if (outcome.changed && !outcome.hit && !outcome.bound) stats.transitions += times;
    if (outcome.bound) stats.beyond += times;
    stats.seals += outcome.finished;
    if (outcome.made && in_force_) stats.ops_after_seal.set(static_cast<size_t>(move.call.op));
  }

  void Enter(const Node& node, uint32_t parent) {
    store_.Enter(options_.symmetry ? WordsOf(system_.Canonical(node)) : WordsOf(node), parent);
  }

  void Load(uint64_t index, Node& node) const {
    PackedWords packed{};
    std::copy_n(store_[index].begin(), W, packed.begin());
    system_.Load(packed, node);
  }

  bool MustStop() {
    UpdateStats();
    if (options_.progress) options_.progress(search_.stats);
    const bool full = store_.full() || search_.stats.bytes > options_.most_bytes;
    const bool interrupted = options_.interrupted != nullptr && options_.interrupted->load();
    why_stopped_ = full ? Search::Ending::kMemory : Search::Ending::kInterrupted;
    return full || interrupted;
  }

  void UpdateStats() {
    search_.stats.states = store_.size();
    search_.stats.bytes = store_.bytes();
    search_.stats.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

  absl::StatusOr<Search> Finish(Search::Ending ending, uint64_t last) {
    if (misfit_) return absl::InternalError("checker: a state does not fit its layout");
    search_.ending = ending;
    if (ending == Search::Ending::kHit)
      if (absl::Status status = MakePath(last, std::nullopt, &search_.path); !status.ok())
        return status;
    for (const auto& [index, kind] : hits_) {
      search_.hits.push_back({kind, {}});
      absl::Status status = MakePath(index, kind, &search_.hits.back().path);
      if (!status.ok()) return status;
    }
    UpdateStats();
    return std::move(search_);
  }

  // Stored states are canonical, so their names are not those of one run.
  // Starting from the initial state, at each step the first move is taken that
  // leads to the canonical state which is next.  The last one hits, with this kind if
  // one is given.
  absl::Status MakePath(uint64_t last, std::optional<uint64_t> kind, std::vector<Move>* path) {
    std::vector<uint64_t> chain = {last};
    while (chain.back() != 0) chain.push_back(store_.parent(chain.back()));
    std::reverse(chain.begin(), chain.end());
    Node node = system_.Initial();
    for (size_t i = 0; i < chain.size(); ++i) {
      const bool is_last = i + 1 == chain.size();
      if (!TakeMove(node, is_last ? nullptr : &store_[chain[i + 1]], kind, path))
        return absl::InternalError("checker: a path cannot be made concrete");
    }
    return absl::OkStatus();
  }

  // Takes the first move from `node` that leads to `target`, or that hits if
  // `target` is null.
  bool TakeMove(Node& node, const Words* target, std::optional<uint64_t> kind,
                std::vector<Move>* path) {
    const auto fits = [&](const Node& after, const StepOutcome& outcome) {
      if (target == nullptr) return outcome.hit && (!kind || outcome.kind == *kind);
      return LeadsOn(outcome) &&
             WordsOf(options_.symmetry ? system_.Canonical(after) : after) == *target;
    };
    return selkie::TakeMove(system_, node, fits, path);
  }

  const System& system_;
  const SearchOptions& options_;
  std::chrono::steady_clock::time_point start_;
  StateStore<W> store_;
  Search search_;
  std::set<uint64_t> kinds_;                         // of hits that were collected
  std::vector<std::pair<uint64_t, uint64_t>> hits_;  // index of the state, kind
  Search::Ending why_stopped_ = Search::Ending::kInterrupted;
  bool misfit_ = false;
  bool in_force_ = false;
  alignas(64) Node node_;     // the state that is expanded
  alignas(64) Node scratch_;  // where moves are made; equal to it before each
};

// Calls run(engine) with an engine whose width is chosen at run time.
template <typename System, typename Run>
auto WithEngine(const System& system, const SearchOptions& options, Run run) {
  switch ((system.bits() + 63) / 64) {
    case 0:
    case 1: return run(Engine<System, 1>(system, options));
    case 2: return run(Engine<System, 2>(system, options));
    case 3: return run(Engine<System, 3>(system, options));
    case 4: return run(Engine<System, 4>(system, options));
    case 5:
    case 6: return run(Engine<System, 6>(system, options));
    default: return run(Engine<System, 8>(system, options));
  }
}

template <typename System>
absl::StatusOr<Search> RunEngine(const System& system, const SearchOptions& options,
                                 uint64_t most_states = ~uint64_t{0}) {
  return WithEngine(system, options,
                    [most_states](auto&& engine) { return engine.Run(most_states); });
}

}  // namespace selkie

#endif  // SELKIE_CHECKER_EXPLORE_ENGINE_H_
