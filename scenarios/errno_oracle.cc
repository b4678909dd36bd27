#include "scenarios/errno_oracle.h"

#include <limits>

#include "model/step.h"
#include "scenarios/errno_arguments.h"

namespace selkie {
namespace {

// A memfd has no limit of size: such a call would take all memory if the kernel made it.
bool WouldTakeMemory(const Call& call) {
  constexpr int64_t kMuch = int64_t{1} << 26;
  if (call.op != Op::kFallocate || call.arg[3] < kMuch) return false;
  return call.arg[2] < 0 || call.arg[2] <= std::numeric_limits<int64_t>::max() - call.arg[3];
}

// True if descriptors, files or mappings matter to the call at all.
bool ActsOnObjects(const CallSpec& spec) {
  for (const ArgSpec& arg : ArgsOf(spec))
    if (arg.kind == ArgKind::kFd || arg.kind == ArgKind::kPath || arg.kind == ArgKind::kAddress)
      return true;
  return false;
}

bool HasAddress(const CallSpec& spec) {
  for (const ArgSpec& arg : ArgsOf(spec))
    if (arg.kind == ArgKind::kAddress) return true;
  return false;
}

// Whether the circumstance can matter to the call.
bool Matters(Circumstance::Kind kind, const CallSpec& spec) {
  switch (kind) {
    case Circumstance::Kind::kTableFull:
    case Circumstance::Kind::kOtherUser: return true;
    case Circumstance::Kind::kMapSealed: return HasAddress(spec);
    case Circumstance::Kind::kProgram:
      return ActsOnObjects(spec) || spec.op == Op::kEndProgram || spec.op == Op::kOpenExe;
    default: return ActsOnObjects(spec);
  }
}

// Tries the combinations of a call's arguments in a world, and gathers those that leave
// it as it is into one sequence.
class Trials {
 public:
  Trials(const Semantics& semantics, const ErrnoWorld& world, const CallSpec& spec, size_t longest,
         const std::function<bool(const ErrnoTrials&)>& take, ErrnoTally* tally)
      : semantics_(semantics),
        world_(world),
        spec_(spec),
        longest_(longest),
        take_(take),
        tally_(tally) {
    for (int i = 0; i < spec.num_args; ++i)
      choices_.push_back(ErrnoChoicesFor(spec, i, world, semantics));
    call_.op = spec.op;
    call_.task = world.task;
    Begin();
  }

  // `foreign`: only those that name a descriptor of what is no memfd.
  void Run(int wrong, bool foreign) {
    Choose(0, 0, wrong, !foreign);
    Flush();
  }

 private:
  void Begin() {
    trials_.sequence = world_.setup;
    trials_.first = world_.setup.calls.size();
  }

  void Flush() {
    if (trials_.sequence.calls.size() > trials_.first && !ended_) ended_ = !take_(trials_);
    Begin();
  }

  // Argument `index`, whose words begin at `word`, and those after it.  `complete`: what
  // every combination must have is there.
  void Choose(size_t index, size_t word, int wrong, bool complete) {
    if (ended_) return;
    if (index == choices_.size()) return complete ? Try() : void();
    const auto words = static_cast<size_t>(WordsOf(spec_.args[index].kind));
    if (words == 0) return Choose(index + 1, word, wrong, complete);
    for (const ErrnoChoice& choice : choices_[index]) {
      if (choice.wrong && wrong == 0) continue;
      for (size_t i = 0; i < words; ++i) call_.arg[word + i] = choice.words[i];
      Choose(index + 1, word + words, wrong - choice.wrong, complete || choice.foreign);
    }
  }

  void Try() {
    if (WouldTakeMemory(call_)) {
      ++tally_->beyond["the kernel would give all its memory"];
      return;
    }
    State state = world_.state;
    const Result result = Step(state, call_, semantics_);
    if (result.kind == Result::Kind::kBound) {
      ++tally_->beyond[result.check];
      return;
    }
    trials_.sequence.calls.push_back(call_);
    if (result.changed || trials_.sequence.calls.size() >= longest_) Flush();
  }

  const Semantics& semantics_;
  const ErrnoWorld& world_;
  const CallSpec& spec_;
  const size_t longest_;
  const std::function<bool(const ErrnoTrials&)>& take_;
  ErrnoTally* tally_;
  std::vector<std::vector<ErrnoChoice>> choices_;  // by argument
  Call call_;
  ErrnoTrials trials_;
  bool ended_ = false;
};

// All subsets of up to `most`.
void Subsets(const std::vector<Circumstance>& all, size_t from, int most,
             std::vector<Circumstance>& chosen,
             const std::function<void(const std::vector<Circumstance>&)>& take) {
  take(chosen);
  if (most == 0) return;
  for (size_t i = from; i < all.size(); ++i) {
    chosen.push_back(all[i]);
    Subsets(all, i + 1, most - 1, chosen, take);
    chosen.pop_back();
  }
}

}  // namespace

ErrnoOracle::ErrnoOracle(const Semantics& semantics, int most, size_t longest)
    : semantics_(semantics), most_(most), longest_(longest) {
  std::vector<Circumstance> chosen;
  for (const CallSpec* maker : ForeignMakers())
    for (bool mapped : {true, false})
      Subsets(CircumstancesOf(semantics), 0, most, chosen,
              [&](const std::vector<Circumstance>& circumstances) {
                settings_.push_back({mapped, maker, circumstances});
              });
}

int64_t ErrnoOracle::units() const {
  return static_cast<int64_t>(settings_.size() * CallTable().size());
}

void ErrnoOracle::Run(int64_t unit, const std::function<bool(const ErrnoTrials&)>& take,
                      ErrnoTally* tally) const {
  const auto calls = static_cast<int64_t>(CallTable().size());
  const CallSpec& spec = CallTable()[static_cast<size_t>(unit % calls)];
  const Setting& setting = settings_[static_cast<size_t>(unit / calls)];
  if (spec.op == Op::kExtension) return;  // no kernel has it
  if (!setting.mapped && HasAddress(spec)) return;
  for (const Circumstance& c : setting.circumstances)
    if (!Matters(c.kind, spec)) return;
  const std::optional<ErrnoWorld> world =
      MakeErrnoWorld(semantics_, setting.mapped, *setting.maker, setting.circumstances);
  if (!world.has_value()) return;
  Trials(semantics_, *world, spec, longest_, take, tally)
      .Run(most_ - static_cast<int>(setting.circumstances.size()),
           setting.maker->op != Op::kSocketpair);
}

}  // namespace selkie
