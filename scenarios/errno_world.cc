#include "scenarios/errno_world.h"

#include <algorithm>

#include "model/step.h"
#include "scenarios/arguments.h"

namespace selkie {
namespace {

using Kind = Circumstance::Kind;

constexpr int64_t kRegionBytes = 2 * kPageSize;
constexpr uint8_t kSealSeal = 1, kSealWrite = 8, kSealExec = 0x20;  // as linux/fcntl.h has them
constexpr int kStranger = 1000;                                     // a user

// Makes one call after another on the model.
class Builder {
 public:
  Builder(const Semantics& semantics, ErrnoWorld& world) : semantics_(semantics), world_(world) {}

  // What the call gives; -1 if it fails, after which the world cannot be had.
  int64_t Make(Op op, int task, std::initializer_list<int64_t> words) {
    const Result r = Try(op, task, words);
    if (!r.ok()) failed_ = true;
    return r.ok() ? r.value : -1;
  }
  Result Try(Op op, int task, std::initializer_list<int64_t> words) {
    Call call{op, static_cast<uint8_t>(task), {}};
    std::copy(words.begin(), words.end(), call.arg.begin());
    return TryCall(call);
  }
  Result MakeCall(const Call& call) {
    const Result r = TryCall(call);
    if (!r.ok()) failed_ = true;
    return r;
  }
  bool failed() const { return failed_; }

 private:
  Result TryCall(const Call& call) {
    const Result r = Step(world_.state, call, semantics_);
    if (r.ok()) world_.setup.calls.push_back(call);
    return r;
  }

  const Semantics& semantics_;
  ErrnoWorld& world_;
  bool failed_ = false;
};

class Maker {
 public:
  Maker(const Semantics& semantics, const CallSpec& foreign,
        const std::vector<Circumstance>& circumstances, ErrnoWorld& world)
      : foreign_(foreign), circumstances_(circumstances), world_(world), build_(semantics, world) {}

  bool Make(bool mapped) {
    MakeFiles();
    MakeDescriptors();
    AddSeals(kSealWrite | kSealExec);
    if (mapped && !build_.failed()) Map();
    AddSeals(static_cast<uint8_t>(~(kSealWrite | kSealExec | kSealSeal)));
    AddSeals(kSealSeal);
    ChangeFile();
    if (Has(Kind::kTableFull)) FillTable();
    return !build_.failed();
  }

 private:
  bool Has(Kind kind) const {
    return std::any_of(circumstances_.begin(), circumstances_.end(),
                       [kind](const Circumstance& c) { return c.kind == kind; });
  }

  int64_t Receive(int64_t fd) {
    if (world_.task == 0) return fd;
    build_.Make(Op::kSendFd, 0, {world_.task, fd});
    return build_.Make(Op::kRecvFd, world_.task, {});
  }

  void MakeFiles() {
    world_.owner_fd = build_.Make(Op::kMemfdCreate, 0, {kOrdinaryName, abi::kMfdAllowSealing});
    if (!Has(Kind::kEmpty)) build_.Make(Op::kFtruncate, 0, {world_.owner_fd, kRegionBytes});
    const int64_t other = build_.Make(Op::kMemfdCreate, 0, {kOrdinaryName, abi::kMfdAllowSealing});
    build_.Make(Op::kFtruncate, 0, {other, kRegionBytes});
    if (Has(Kind::kProgram) && !Has(Kind::kEmpty)) {
      build_.Make(Op::kWriteProgram, 0, {world_.owner_fd});
      build_.Make(Op::kRunProgram, 0, {world_.owner_fd});
    }
    world_.rw = Receive(world_.owner_fd);
    world_.other = Receive(other);
  }

  int64_t Reopen(int64_t flags) {
    return build_.Make(Op::kOpen, world_.task, {kSelf, world_.rw, flags});
  }

  void MakeDescriptors() {
    world_.ro = Reopen(abi::kORdonly);
    if (WritersOf(world_.state, 0) >= 0) world_.wo = Reopen(abi::kOWronly);
    world_.path = Reopen(abi::kOPath);
    MakeForeign();
    world_.free = LowestFreeFd(world_.state, world_.task);
  }

  void MakeForeign() {
    Call call{foreign_.op, world_.task, {}};
    size_t word = 0;
    for (const ArgSpec& arg : ArgsOf(foreign_)) {
      if (arg.kind == ArgKind::kFlags) call.arg[word] = UsualFlags(arg);
      word += static_cast<size_t>(WordsOf(arg.kind));
    }
    const Result r = build_.MakeCall(call);
    world_.foreign = {r.value};
    if (foreign_.returns == ReturnKind::kFdPair) world_.foreign.push_back(r.extra);
  }

  void AddSeals(uint8_t which) {
    int64_t seals = 0;
    for (const Circumstance& c : circumstances_)
      if (c.kind == Kind::kSeal) seals |= c.seal & which;
    if (seals != 0) build_.Make(Op::kAddSeals, 0, {world_.owner_fd, seals});
  }

  Result TryMap(int64_t page, int64_t pages, int64_t prot, int64_t flags, int64_t fd) {
    return build_.Try(Op::kMmap, world_.task,
                      {page * kPageSize, pages * kPageSize, prot, flags | abi::kMapFixed, fd, 0});
  }

  // Some of them cannot be had if the file is sealed.
  void Map() {
    if (!TryMap(kSharedPage, 2, kProtRead | kProtWrite, abi::kMapShared, world_.rw).ok())
      build_.Make(Op::kMmap, world_.task,
                  {kSharedPage * kPageSize, 2 * kPageSize, kProtRead,
                   abi::kMapShared | abi::kMapFixed, world_.rw, 0});
    TryMap(kReadOnlyPage, 1, kProtRead, abi::kMapShared, world_.rw);
    TryMap(kPrivatePage, 1, kProtRead | kProtWrite, abi::kMapPrivate, world_.rw);
    TryMap(kReadOnlyFilePage, 1, kProtRead, abi::kMapShared, world_.ro);
    if (Has(Kind::kMapSealed))
      build_.Make(Op::kMseal, world_.task, {kSharedPage * kPageSize, 2 * kPageSize, 0});
  }

  void ChangeFile() {
    if (Has(Kind::kBeyondEnd))
      build_.Make(Op::kLseek, world_.task, {world_.rw, kRegionBytes + kPageSize, abi::kSeekSet});
    if (Has(Kind::kFileAppends))
      build_.Make(Op::kSetFl, world_.task, {world_.rw, abi::kORdwr | abi::kOAppend});
    if (Has(Kind::kNoPermissions)) build_.Make(Op::kFchmod, 0, {world_.owner_fd, 0});
    int64_t attrs = Has(Kind::kImmutable) ? abi::kFsImmutable : 0;
    if (Has(Kind::kAppendOnly)) attrs |= abi::kFsAppend;
    if (Has(Kind::kNoexec)) build_.Make(Op::kSetNoexec, 0, {kMaxNoexec});
    if (attrs != 0) build_.Make(Op::kSetAttr, 0, {world_.owner_fd, attrs});
  }

  void FillTable() {
    while (LowestFreeFd(world_.state, world_.task) >= 0 && !build_.failed())
      build_.Make(Op::kDup, world_.task, {world_.foreign[0]});
  }

  const CallSpec& foreign_;
  const std::vector<Circumstance>& circumstances_;
  ErrnoWorld& world_;
  Builder build_;
};

}  // namespace

std::vector<Circumstance> CircumstancesOf(const Semantics& semantics) {
  std::vector<Circumstance> all;
  for (const SealName& seal : semantics.seals) all.push_back({Kind::kSeal, seal.bits, seal.name});
  all.push_back({Kind::kImmutable, 0, "immutable"});
  all.push_back({Kind::kAppendOnly, 0, "append only"});
  all.push_back({Kind::kNoPermissions, 0, "mode 0"});
  all.push_back({Kind::kFileAppends, 0, "O_APPEND"});
  all.push_back({Kind::kTableFull, 0, "RLIMIT_NOFILE"});
  all.push_back({Kind::kEmpty, 0, "empty"});
  all.push_back({Kind::kBeyondEnd, 0, "f_pos beyond the end"});
  all.push_back({Kind::kOtherUser, 0, "another user"});
  all.push_back({Kind::kMapSealed, 0, "mseal"});
  all.push_back({Kind::kNoexec, 0, "vm.memfd_noexec 2"});
  all.push_back({Kind::kProgram, 0, "a program"});
  return all;
}

std::vector<const CallSpec*> ForeignMakers() {
  std::vector<const CallSpec*> makers = {&SpecOf(Op::kSocketpair)};
  for (const CallSpec& spec : CallTable()) {
    const bool makes = spec.returns == ReturnKind::kFd || spec.returns == ReturnKind::kFdPair;
    const bool known = spec.op == Op::kSocketpair || spec.op == Op::kMemfdCreate ||
                       spec.op == Op::kRecvFd || spec.op == Op::kExtension;
    bool needs = false;
    for (const ArgSpec& arg : ArgsOf(spec))
      needs |= arg.kind == ArgKind::kFd || arg.kind == ArgKind::kPath ||
               arg.kind == ArgKind::kAddress || arg.kind == ArgKind::kTask;
    if (makes && !known && !needs) makers.push_back(&spec);
  }
  return makers;
}

std::optional<ErrnoWorld> MakeErrnoWorld(const Semantics& semantics, bool mapped,
                                         const CallSpec& maker,
                                         const std::vector<Circumstance>& circumstances) {
  ErrnoWorld world;
  const bool stranger =
      std::any_of(circumstances.begin(), circumstances.end(),
                  [](const Circumstance& c) { return c.kind == Kind::kOtherUser; });
  world.task = stranger ? 1 : 0;
  world.setup.uids = stranger ? std::vector<int>{0, kStranger} : std::vector<int>{0};
  world.state = InitialState(world.setup.limits, world.setup.uids);
  if (!Maker(semantics, maker, circumstances, world).Make(mapped)) return std::nullopt;
  return world;
}

}  // namespace selkie
