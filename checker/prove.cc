#include "checker/prove.h"

#include <algorithm>
#include <bit>
#include <chrono>

#include "checker/machine.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "model/call_text.h"
#include "model/step.h"

namespace selkie {
namespace {

uint64_t FactBit(Fact fact) { return uint64_t{1} << static_cast<int>(fact); }

// What a call that names tasks or descriptors of tasks says: true for each such task.
template <typename F>
bool AnyTaskNamed(const Call& call, F f) {
  int word = 0;
  for (const ArgSpec& arg : ArgsOf(SpecOf(call.op))) {
    const bool names = arg.kind == ArgKind::kTask || arg.kind == ArgKind::kPath;
    if (names && !IsOwnPath(call.arg[word]) && f(call.arg[word])) return true;
    word += WordsOf(arg.kind);
  }
  return false;
}

bool HasMessage(const State& s, int task) {
  return std::any_of(s.messages.begin(), s.messages.end(),
                     [&](const Message& m) { return m.file != 0 && m.end == task; });
}

// Without room for what a call makes.
bool IsFull(const State& s) {
  return FreeFile(s) < 0 || s.messages[s.limits.messages - 1].file != 0 ||
         (s.limits.buffers > 0 && s.buffers[s.limits.buffers - 1].pipe != 0);
}

// Not a call that receives, ends, looks at or stores into what there is none of: of those that
// name nothing else, the model has no answer.
bool HasWhatItIsAbout(const State& s, const Call& call) {
  switch (call.op) {
    case Op::kRecvFd: return HasMessage(s, call.task);
    case Op::kEndProgram: return s.tasks[call.task].program != 0;
    case Op::kOpenExe: return s.tasks[call.arg[0]].program != 0;
    case Op::kDmabufStore: return s.files[FileOf(s, call.task, call.arg[0])].dmabuf != 0;
    default: return true;
  }
}

constexpr int kSeesBoth = kSeesWriter | kSeesProgram;  // never

// Which calls of a scene are made.
enum class Moves : uint8_t {
  kOne,        // all that the actor makes, and name no other task
  kWithOther,  // those of the other task, and those that name it
  kTwo,        // the actor's that name two descriptors
  kMmap,       // the actor's mmap, beside a mapping of the same file
  kRemap,      // the actor's remap_file_pages, beside another mapping
  kProtocol,   // the guard's
};

class Prover {
 public:
  // `twin`: a semantics that is to answer as `semantics` does, or null.
  Prover(const Property& property, const Semantics& semantics, const Semantics* twin,
         const Machine& machine, const ProveOptions& options)
      : property_(property),
        semantics_(semantics),
        twin_(twin),
        machine_(machine),
        options_(options),
        limits_(machine.Initial().limits) {
    NoteFacts(semantics);
    if (twin != nullptr) NoteFacts(*twin);
    one_file_ = !MakesFiles();
    for (const CallTemplate& line : machine.alphabet()) {
      names_task_ |= line.task_word >= 0;
      names_two_ |= line.words[1] >= 0;
      if (line.call.op == Op::kRunProgram) sees_ |= kSeesBoth;
      remaps_ |= line.call.op == Op::kRemapFilePages;
      if (line.call.op == Op::kMmap)
        lengths_.insert(static_cast<int>((line.call.arg[1] + kPageSize - 1) / kPageSize));
    }
  }

  void Run(Proof& proof) {
    const auto start = std::chrono::steady_clock::now();
    Begin();
    while (!stop_ && !waiting_.empty()) {
      const Situation next = *waiting_.begin();
      waiting_.erase(waiting_.begin());
      Expand(next);
      stats_.seconds =
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      stats_.situations = reached_.size();
      if (options_.progress) options_.progress(stats_);
      if (options_.search.interrupted != nullptr && options_.search.interrupted->load())
        Refuse("interrupted");
      if (stats_.kinds > options_.most_kinds)
        Refuse(fmt::format("there are more than {} kinds of objects", options_.most_kinds));
    }
    proof.closed = !stop_;
    proof.reached = hit_;
    proof.why = why_;
    proof.configurations = std::move(reached_);
    proof.steps = std::move(steps_);
    proof.initial = std::move(initial_);
    proof.words = std::move(words_);
    proof.sees = sees_;
    proof.one_file = one_file_;
    proof.programs = Programs();
    proof.stats = stats_;
  }

  // Of all that were tried: the seal may be another inode's, of which there may be any number.
  OpSet ops_after_seal() const { return in_force_ ? ops_ : OpSet(); }

 private:
  void NoteFacts(const Semantics& semantics) {
    for (const uint64_t read : semantics.facts_read) {
      sees_ |= ((read & FactBit(Fact::kMapped)) != 0 ? kSeesShared : 0) |
               ((read & FactBit(Fact::kMappedWritable)) != 0 ? kSeesWritable : 0) |
               ((read & FactBit(Fact::kPinned)) != 0 ? kSeesPinned : 0);
      reads_merges_ |= (read & FactBit(Fact::kMerges)) != 0;
    }
  }

  // Some call runs one: FileKind::writer is kept.
  bool Programs() const { return (sees_ & kSeesProgram) != 0; }

  // Some call gives an inode a second file description, or leads to it without one.
  bool MakesFiles() const {
    const auto makes = [](Op op) {
      return op == Op::kExtension || SpecOf(op).family == Family::kOpen || op == Op::kFuseMmap ||
             op == Op::kUdmabufCreate || op == Op::kRunProgram || op == Op::kUringRegister;
    };
    return std::any_of(machine_.alphabet().begin(), machine_.alphabet().end(),
                       [&](const CallTemplate& line) { return makes(line.call.op); }) ||
           std::any_of(semantics_.protocol.steps.begin(), semantics_.protocol.steps.end(),
                       [&](const ProtocolStep& step) { return makes(step.call.op); });
  }

  // ---- What is reached ----

  void Refuse(std::string why) {
    if (stop_) return;
    stop_ = true;
    why_ = std::move(why);
  }

  void Add(const Situation& situation, const std::set<Kind>& kinds) {
    const auto [at, is_new] = reached_.try_emplace(situation);
    const size_t before = at->second.size();
    at->second.insert(kinds.begin(), kinds.end());
    stats_.kinds += at->second.size() - before;
    if (is_new || at->second.size() != before) waiting_.insert(situation);
  }

  // A new inode, by memfd_create of each role.
  void Begin() {
    for (size_t role = 0; role < property_.roles.size(); ++role) {
      State s = InitialState(limits_, {property_.roles[role].uid});
      s.tasks[0].mark = static_cast<uint8_t>(role << mark::kRoleShift);
      machine_.ForEachMove(s, [&](const Move& move, int) {
        if (move.call.op != Op::kMemfdCreate) return false;
        State after = s;
        const StepOutcome outcome = machine_.Apply(after, move);
        if (outcome.bound) Refuse(Beyond(move, outcome));
        Compare(s, move, outcome, after);
        const Seen seen = LookAt(after, 0, 0, Programs());
        if (!seen.alive) return stop_;
        Add(seen.situation, seen.kinds);
        for (const Kind& kind : seen.kinds) initial_.insert({seen.situation, kind});
        return stop_;
      });
    }
  }

  // ---- Which absences a rule can ask for ----

  // What can be seen of it from afar, and something asks for.
  int SignOf(const Kind& kind) const {
    const bool shared = kind.what == Holding::kMapping && kind.vm_shared != 0;
    const int sign = (shared ? kSeesShared : 0) |
                     (shared && (kind.may & kProtWrite) != 0 ? kSeesWritable : 0) |
                     (kind.what == Holding::kBuffer ? kSeesPinned : 0) |
                     (kind.what == Holding::kProgram ? kSeesProgram : 0);
    return (sign & sees_) | SignOf(kind.file);
  }
  int SignOf(const FileKind& file) const {
    return ((file.pinned != 0 ? kSeesPinned : 0) | (file.writer != 0 ? kSeesWriter : 0)) & sees_;
  }

  // The fewest kinds of which all of `sign` is seen, and no more, beside `own`; false if there
  // are none.
  bool FindWitnesses(const Situation& situation, const std::vector<Placed>& objects, int own,
                     int sign, std::vector<Placed>& witnesses) const {
    for (int seen = own; seen != sign;) {
      std::optional<Placed> best;
      int most = 0;
      for (const Kind& kind : kinds_) {
        const int has = SignOf(kind), news = std::popcount(static_cast<unsigned>(has & ~seen));
        if ((has & ~sign) != 0 || news <= most) continue;
        const std::vector<Placed> ways = WaysToPlace(situation, kind, objects);
        if (ways.empty()) continue;
        best = ways[0];
        most = news;
      }
      if (!best) return false;
      seen |= SignOf(best->kind);
      witnesses.push_back(*best);
    }
    return true;
  }

  // ---- Scenes ----

  void Expand(const Situation& situation) {
    kinds_.assign(reached_[situation].begin(), reached_[situation].end());
    signs_ = 0;
    for (const Kind& kind : kinds_) signs_ |= SignOf(kind);
    for (const FileKind& file : situation.files) signs_ |= SignOf(file);
    if (situation.steps > 0) TryClasses(situation, {}, std::nullopt, Moves::kProtocol);
    for (const Kind& kind : kinds_) {
      for (const Placed& object : WaysToPlace(situation, kind, {})) {
        TryClasses(situation, {object}, std::nullopt, Moves::kOne);
        for (size_t role = 0; names_task_ && role < property_.roles.size(); ++role)
          TryClasses(situation, {object}, static_cast<int>(role), Moves::kWithOther);
        TryPairs(situation, object);
      }
      if (stop_) return;
    }
  }

  // Through a file of its own, or through one of the protocol's or of `others`.
  // Where no call makes a second file description, all go through the same.
  std::vector<Placed> WaysToPlace(const Situation& situation, const Kind& kind,
                                  const std::vector<Placed>& others) const {
    if (kind.what == Holding::kBuffer || kind.what == Holding::kProgram) return {{kind, -1, 0}};
    std::vector<Placed> ways;
    const int held = static_cast<int>(situation.files.size());
    if (!one_file_ || (held == 0 && others.empty())) ways.push_back({kind, -1, 0});
    for (int i = 0; i < held; ++i)
      if (situation.files[i] == kind.file) ways.push_back({kind, i, 0});
    for (size_t i = 0; i < others.size(); ++i)
      if (others[i].shares < 0 && others[i].kind.file == kind.file)
        ways.push_back({kind, held + static_cast<int>(i), 0});
    return ways;
  }

  void TryPairs(const Situation& situation, const Placed& first) {
    const bool fd = first.kind.what == Holding::kDescriptor;
    const bool map = first.kind.what == Holding::kMapping;
    for (const Kind& kind : kinds_) {
      if (kind.role != first.kind.role || stop_) continue;
      if (names_two_ && fd && kind.what == Holding::kDescriptor)
        for (const Placed& second : WaysToPlace(situation, kind, {first}))
          TryClasses(situation, {first, second}, std::nullopt, Moves::kTwo);
      if (!reads_merges_ || kind.what != Holding::kMapping || kind.file != first.kind.file)
        continue;
      const int held = static_cast<int>(situation.files.size());
      Placed beside{kind, first.shares >= 0 ? first.shares : held, 0};
      if (fd) {
        TryClasses(situation, {first, beside}, std::nullopt, Moves::kMmap);
        for (const int pages : lengths_) {
          beside.page = pages;
          TryClasses(situation, {first, beside}, std::nullopt, Moves::kMmap);
        }
      }
      if (map && remaps_) TryClasses(situation, {first, beside}, std::nullopt, Moves::kRemap);
    }
  }

  // Once for each answer that can be got by who asks whether something exists.
  void TryClasses(const Situation& situation, const std::vector<Placed>& objects,
                  std::optional<int> other, Moves moves) {
    int own = 0;
    for (const Placed& object : objects) own |= SignOf(object.kind);
    for (const FileKind& file : situation.files) own |= SignOf(file);
    for (int sign = 0; sign <= kSeesAll; ++sign) {
      if (stop_ || (sign & own) != own || (sign & ~signs_) != 0) continue;
      if ((sign & kSeesBoth) == kSeesBoth) continue;
      std::vector<Placed> witnesses;
      if (!FindWitnesses(situation, objects, own, sign, witnesses)) continue;
      CallScene scene = MakeScene(limits_, property_.roles, situation, objects, other, witnesses);
      if (!scene.fits) return Refuse("a scene of the prover has no room");
      TryMoves(situation, objects, scene, sign, moves);
      if (moves != Moves::kProtocol) continue;
      for (int i = 0; i < limits_.fds; ++i)  // EMFILE
        if (Fd& fd = scene.state.fds[kGuard][i]; fd.file == 0)
          fd.file = static_cast<uint8_t>(scene.anchor + 1);
      TryMoves(situation, objects, scene, sign, moves);
    }
  }

  bool IsMade(const State& s, const Move& move, Moves moves) const {
    const Call& call = move.call;
    if (moves == Moves::kProtocol) return call.task == kGuard;
    if (call.task != kActor && call.task != kOther) return false;
    if (call.op == Op::kMemfdCreate) return false;  // another inode: see Begin
    if (!HasWhatItIsAbout(s, call)) return false;
    const int across = call.task == kActor ? kOther : kActor;
    bool names_other = false;
    const bool names_more = AnyTaskNamed(call, [&](int64_t task) {
      names_other |= task == across;
      return task == kBystander || task == kGuard;
    });
    if (names_more || (call.task == kOther && !names_other)) return false;
    if (moves == Moves::kWithOther) return names_other;
    if (names_other) return false;
    switch (moves) {
      case Moves::kTwo: return call.op == Op::kDup2 || call.op == Op::kDup3;
      case Moves::kMmap: return call.op == Op::kMmap && !move.protocol;
      case Moves::kRemap: return call.op == Op::kRemapFilePages;
      default: return true;
    }
  }

  void TryMoves(const Situation& situation, const std::vector<Placed>& objects,
                const CallScene& scene, int sign, Moves moves) {
    machine_.ForEachMove(scene.state, [&](const Move& move, int) {
      if (IsMade(scene.state, move, moves)) Try(situation, objects, scene, sign, move);
      return stop_;
    });
  }

  // ---- One call ----

  void Try(const Situation& situation, const std::vector<Placed>& objects, const CallScene& scene,
           int sign, const Move& move) {
    ++stats_.tried;
    State after = scene.state;
    const StepOutcome outcome = machine_.Apply(after, move);
    if (outcome.bound) return Refuse(Beyond(move, outcome));
    if (!outcome.made) return;
    ops_.set(static_cast<size_t>(move.call.op));
    in_force_ |= machine_.InForce(scene.state);
    NoteWord(after, move, outcome);
    Compare(scene.state, move, outcome, after);
    if (outcome.hit) Hit(move);
    if (stop_ || !outcome.changed) return;
    const Seen seen = LookAt(after, 0, scene.hidden, Programs());
    const Seen fresh = LookAt(after, 1, scene.hidden, Programs());
    if (fresh.alive) Add(fresh.situation, fresh.kinds);
    Add(seen.situation, seen.kinds);
    Note(situation, objects, scene, sign, move, outcome, after, seen, fresh);

    std::vector<Placed> standing_by;
    for (const Kind& kind : kinds_)
      if ((SignOf(kind) & sign) == SignOf(kind))
        for (const Placed& way : WaysToPlace(situation, kind, objects)) standing_by.push_back(way);
    for (size_t i = 0; i < standing_by.size() && !stop_;)
      i = TryWith(standing_by, i, scene, move, outcome, seen);
  }

  // The same call with as many bystanders of one role as there is room for, from `begin` on.
  // Returns where the next ones begin.
  size_t TryWith(const std::vector<Placed>& standing_by, size_t begin, const CallScene& base,
                 const Move& move, const StepOutcome& expected, const Seen& seen) {
    CallScene scene = base;
    size_t end = begin;
    while (end < standing_by.size() && standing_by[end].kind.role == standing_by[begin].kind.role) {
      CallScene more = scene;
      if (!AddBystander(more, property_.roles, standing_by[end]) || IsFull(more.state)) break;
      scene = std::move(more);
      ++end;
    }
    if (end == begin) {
      Refuse("a scene of the prover has no room");
      return end;
    }
    ++stats_.tried;
    const State before = twin_ == nullptr ? State{} : scene.state;
    const StepOutcome outcome = machine_.Apply(scene.state, move);
    NoteWord(scene.state, move, outcome);
    Compare(before, move, outcome, scene.state);
    if (outcome.hit) Hit(move);
    const Seen with = LookAt(scene.state, 0, scene.hidden, Programs());
    if (outcome.result.kind != expected.result.kind || outcome.made != expected.made ||
        (!outcome.result.ok() && outcome.result.value != expected.result.value) ||
        with.situation != seen.situation)
      Refuse(fmt::format("'{}' depends on objects that it does not name",
                         PrintCall(move.call, &semantics_, nullptr)));
    Add(with.situation, with.kinds);
    return end;
  }

  void Note(const Situation& from, const std::vector<Placed>& objects, const CallScene& scene,
            int sign, const Move& move, const StepOutcome& outcome, const State& after,
            const Seen& seen, const Seen& fresh) {
    if (!options_.keep_steps) return;
    ProofStep step{from, seen.situation, sign, outcome.finished, {}, {}};
    if (one_file_) step.through = objects.empty() ? from.files[0] : objects[0].kind.file;
    for (const int file : scene.files) {
      if (file < 0) continue;
      const FileKind was = KindOf(scene.state.files[file], Programs());
      const FileKind is = KindOf(after.files[file], Programs());
      if (was != is && after.files[file].inode != 0) step.files.emplace_back(was, is);
    }
    std::sort(step.files.begin(), step.files.end());
    step.files.erase(std::unique(step.files.begin(), step.files.end()), step.files.end());
    ProofStepGives& gives = steps_[step];
    gives.call = PrintCall(move.call, &semantics_, nullptr);
    for (const Kind& kind : seen.kinds) gives.kinds.insert({seen.situation, kind});
    for (const Kind& kind : fresh.kinds) gives.kinds.insert({fresh.situation, kind});
  }

  // The twin gives the same answer, and leaves the same state: then their facts stay the same,
  // and they can differ only in what rules make of them.
  void Compare(const State& before, const Move& move, const StepOutcome& outcome,
               const State& after) {
    if (twin_ == nullptr || stop_) return;
    State other = before;
    const Result result = Step(other, move.call, *twin_);
    if (!SameOutcome(result, outcome.result)) return Hit(move);
    if (!(other == after))
      Refuse(fmt::format("'{}' leaves another state though the answers are the same",
                         PrintCall(move.call, &semantics_, nullptr)));
  }

  // The facts that a clause about changes or the seal was tested on.
  void NoteWord(const State& after, const Move& move, const StepOutcome& outcome) {
    if (!options_.keep_steps) return;
    const Effect& effect = outcome.result.effect;
    if (property_.clause.sort == Sort::kChange && effect.ChangedInode())
      words_.insert(machine_.ChangeWord(after, move.call, outcome.result));
    if (property_.clause.sort == Sort::kSeal && outcome.finished)
      words_.insert(machine_.SealWord(after, move.call));
  }

  void Hit(const Move& move) {
    if (stop_ || hit_) return;
    hit_ = true;
    stop_ = !options_.go_on;
    why_ =
        fmt::format("'{}' gets there in the abstract", PrintCall(move.call, &semantics_, nullptr));
  }

  std::string Beyond(const Move& move, const StepOutcome& outcome) const {
    return fmt::format("'{}' is beyond the model: {}", PrintCall(move.call, &semantics_, nullptr),
                       outcome.result.check == nullptr ? "" : outcome.result.check);
  }

  const Property& property_;
  const Semantics& semantics_;
  const Semantics* twin_;
  const Machine& machine_;
  const ProveOptions& options_;
  const Limits limits_;
  int sees_ = 0;  // what something asks for: kSees* bits
  bool reads_merges_ = false;
  bool one_file_ = false, names_task_ = false, names_two_ = false, remaps_ = false;
  std::set<int> lengths_;  // of mappings that mmap makes, in pages
  Configurations reached_;
  std::set<Situation> waiting_;
  std::vector<Kind> kinds_;  // of the situation that is expanded
  int signs_ = 0;            // of them, all together
  std::map<ProofStep, ProofStepGives> steps_;
  std::set<std::pair<Situation, Kind>> initial_;
  std::set<uint64_t> words_;
  OpSet ops_;              // that were tried
  bool in_force_ = false;  // the seal, somewhere
  ProofStats stats_;
  bool stop_ = false, hit_ = false;
  std::string why_;
};

// Room for scenes; how much decides nothing but how many bystanders a scene has.  Without buffers
// nothing is kept of which pages are there.
Bounds RoomFor(const Property& property) {
  return {.processes = 4,
          .fds = 6,
          .files = kMaxFiles,
          .maps = 4,
          .pages = 3,
          .inodes = 2,
          .messages = kMaxMessages,
          .buffers = property.bounds.buffers > 0 ? kMaxBuffers : 0};
}

// Small first; a counterexample that needs more is looked for next.
std::vector<Bounds> GrowingBounds(const Property& property, const Proof& proof) {
  const Bounds own = property.bounds;
  if (!proof.reached) return {own};  // nothing says that more would show anything
  Bounds more = own;
  more.fds = std::min(own.fds + 1, kMaxFds);
  more.maps = own.pages > 1 ? own.maps : std::min(own.maps + 1, kMaxMaps);
  more.files = std::min(own.files + 1, kMaxFiles);
  return {own, more};
}

// Concrete calls that decide it, if a search within small bounds finds some.
absl::Status FindWitness(const Property& property, const Semantics& semantics,
                         const Semantics* baseline, const ProveOptions& options, Proof& proof) {
  const bool reach = property.kind == Property::Kind::kReach;
  std::vector<std::string> searched;
  for (const Bounds& bounds : GrowingBounds(property, proof)) {
    absl::StatusOr<Verdict> verdict = Check(property, semantics, baseline, bounds, options.search);
    if (!verdict.ok()) return verdict.status();
    searched.push_back(ToString(verdict->bounds));
    if (verdict->has_witness) {
      proof.kind = reach ? Proof::Kind::kProved : Proof::Kind::kBroken;
      proof.has_verdict = true;
      proof.verdict = *std::move(verdict);
      proof.why.clear();
      return absl::OkStatus();
    }
    if (verdict->kind == Verdict::Kind::kStopped) break;
  }
  proof.why += fmt::format("; no calls decide it within {}", fmt::join(searched, " nor "));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Proof> Prove(const Property& property, const Semantics& semantics,
                            const Semantics* baseline, const ProveOptions& options) {
  const bool compares = property.kind == Property::Kind::kSameAs;
  if (compares && baseline == nullptr)
    return absl::InvalidArgumentError(fmt::format(
        "property {} compares with {}: no baseline was given", property.name, property.same_as));
  // A comparison makes the baseline's calls, as `check` does.
  const Semantics& first = compares ? *baseline : semantics;
  absl::StatusOr<Machine> machine =
      Machine::Make(property, first, RoomFor(property), Alike::kOne, Stored::kNo);
  if (!machine.ok()) return machine.status();
  Proof proof;
  proof.why = WhyNotProvable(property, first, machine->alphabet());
  if (proof.why.empty() && compares) proof.why = WhyNotProvable(property, semantics, {});
  Prover prover(property, first, compares ? &semantics : nullptr, *machine, options);
  if (proof.why.empty()) prover.Run(proof);
  if (proof.reached || !proof.closed) {
    if (options.find_witness)
      if (absl::Status status = FindWitness(property, semantics, baseline, options, proof);
          !status.ok())
        return status;
    return proof;
  }
  SearchStats stats;
  stats.ops_after_seal = prover.ops_after_seal();
  stats.transitions = proof.stats.tried;
  proof.why = VacuousBecause(property, stats);
  if (property.kind == Property::Kind::kReach)
    proof.kind = Proof::Kind::kBroken;
  else if (proof.why.empty())
    proof.kind = Proof::Kind::kProved;
  return proof;
}

}  // namespace selkie
