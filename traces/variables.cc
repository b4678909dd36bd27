#include "traces/variables.h"

#include <algorithm>

#include "fmt/format.h"

namespace selkie {
namespace {

bool IsTask(int64_t task) { return task >= 0 && task < kMaxTasks; }

// The first word of the argument of this kind, or null.
const int64_t* WordOf(const Call& call, ArgKind kind) {
  int word = 0;
  for (const ArgSpec& arg : ArgsOf(SpecOf(call.op))) {
    if (arg.kind == kind) return &call.arg[word];
    word += WordsOf(arg.kind);
  }
  return nullptr;
}

// What a new descriptor is called: after how it came, or after what it can do.
std::string FdBase(const Call& call, const State& after, int64_t fd) {
  switch (call.op) {
    case Op::kMemfdCreate: return "fd";
    case Op::kRecvmsg:
    case Op::kRecvFd: return "received";
    case Op::kPidfdGetfd: return "taken";
    case Op::kSocketpair: return "sock";
    case Op::kPipe2: return "pipe";
    case Op::kDup:
    case Op::kDup2:
    case Op::kDup3:
    case Op::kDupFd:
    case Op::kDupFdCloexec: return "copy";
    default: break;
  }
  const int file = FileOf(after, call.task, fd);
  if (file < 0) return "fd";
  const uint8_t mode = after.files[file].mode;
  if ((mode & kModePath) != 0) return "opath";
  if ((mode & kModeWrite) == 0) return "ro";
  return (mode & kModeRead) == 0 ? "wo" : "rw";
}

std::string MappingBase(const Mapping& mapping) {
  if (mapping.shared == 0) return "private_map";
  return (mapping.prot & kProtWrite) != 0 ? "map" : "view";
}

// dup2 and dup3 onto a number that has a name keep the name.
bool IsArgument(const Call& call, int64_t fd) {
  int word = 0;
  for (const ArgSpec& arg : ArgsOf(SpecOf(call.op))) {
    if (arg.kind == ArgKind::kFd && call.arg[word] == fd) return true;
    word += WordsOf(arg.kind);
  }
  return false;
}

}  // namespace

ReturnKind ReturnsOf(const Call& call, const Semantics& semantics) {
  const Extension* extension = ExtensionOf(call, semantics);
  return extension != nullptr ? extension->returns : SpecOf(call.op).returns;
}

const Extension* ExtensionOf(const Call& call, const Semantics& semantics) {
  const int64_t* request = WordOf(call, ArgKind::kExtension);
  if (request == nullptr || *request < 0) return nullptr;
  if (*request >= static_cast<int64_t>(semantics.extensions.size())) return nullptr;
  return &semantics.extensions[*request];
}

char TaskLetterOf(int64_t task) { return static_cast<char>('A' + task); }

std::string NameTable::FdName(const State& state, int64_t task, int64_t fd) const {
  if (!IsTask(task) || fd < kFirstFd || fd >= kFirstFd + kMaxFds) return "";
  return fds_[state.tasks[task].fds][fd - kFirstFd];
}

std::string NameTable::AddressName(const State& state, int64_t task, int64_t address) const {
  const int at = PageOfAddress(address);
  if (!IsTask(task) || at < 0) return "";
  const Page& page = pages_[state.tasks[task].mm][at];
  const int64_t offset = address - AddressOfPage(page.base);
  if (page.name.empty() || offset == 0) return page.name;
  return fmt::format("{} + {}", page.name, offset);
}

Variables::Variables(const Trace& trace, const std::vector<State>& states,
                     const Semantics& semantics)
    : trace_(trace), states_(states), tables_(1), results_(trace.sequence.calls.size()) {
  for (size_t i = 0; i < trace.sequence.calls.size(); ++i) Learn(i, semantics);
}

std::string Variables::Fresh(const std::string& base) {
  std::string name = base;
  for (int n = 2; std::find(used_.begin(), used_.end(), name) != used_.end(); ++n)
    name = fmt::format("{}{}", base, n);
  used_.push_back(name);
  return name;
}

void Variables::NameFd(NameTable& table, size_t index, int64_t fd) {
  const Call& call = trace_.sequence.calls[index];
  if (fd < kFirstFd || fd >= kFirstFd + kMaxFds) return;
  std::string& name = table.fds_[states_[index].tasks[call.task].fds][fd - kFirstFd];
  if (!name.empty() && IsArgument(call, fd)) return;
  name = Fresh(FdBase(call, states_[index + 1], fd));
  results_[index].push_back({name, false});
}

// The pages of the mapping that stands at the address returned.
void Variables::NamePages(NameTable& table, size_t index) {
  const Call& call = trace_.sequence.calls[index];
  const int page = PageOfAddress(trace_.results[index].value);
  const State& after = states_[index + 1];
  const int at = page < 0 ? -1 : MappingAt(after, call.task, page);
  if (at < 0) return;
  const Mapping& mapping = after.mms[after.tasks[call.task].mm][at];
  auto& pages = table.pages_[after.tasks[call.task].mm];
  NameTable::Page named{pages[page].name, pages[page].base};
  const bool in_place = call.op == Op::kMremap && !named.name.empty() && named.base == page;
  if (!in_place) {
    const bool moved = call.op == Op::kMremap;
    named = {Fresh(moved ? "moved" : MappingBase(mapping)), page};
    results_[index].push_back({named.name, true});
  }
  for (int i = page; i < mapping.start + mapping.pages; ++i) pages[i] = named;
}

// A table that a task has from this call on begins as the caller's was.
void Variables::Inherit(NameTable& table, size_t index) const {
  const Call& call = trace_.sequence.calls[index];
  const State& before = states_[index];
  const State& after = states_[index + 1];
  for (int task = 0; task < kMaxTasks; ++task) {
    const Task& now = after.tasks[task];
    const Task& then = before.tasks[task];
    if (now.state != TaskState::kRunning) continue;
    const bool started = then.state != TaskState::kRunning;
    if (!started && then.fds == now.fds && then.mm == now.mm) continue;
    const Task& source = started ? before.tasks[call.task] : then;
    table.fds_[now.fds] = table.fds_[source.fds];
    table.pages_[now.mm] = table.pages_[source.mm];
  }
}

void Variables::Learn(size_t index, const Semantics& semantics) {
  const Result& result = trace_.results[index];
  const Call& call = trace_.sequence.calls[index];
  NameTable table = tables_.back();
  if (result.ok()) {
    Inherit(table, index);
    const ReturnKind returns = ReturnsOf(call, semantics);
    const bool pair = returns == ReturnKind::kFdPair;
    if (returns == ReturnKind::kFd || pair) NameFd(table, index, result.value);
    if (pair) NameFd(table, index, result.extra);
    if (returns == ReturnKind::kAddress) NamePages(table, index);
  }
  tables_.push_back(std::move(table));
}

Namer Variables::NamerFor(size_t index) const {
  return [this, index](NameKind kind, int64_t value, int task) -> std::string {
    const NameTable& table = tables_[index];
    const State& state = states_[index];
    const int64_t* path = WordOf(trace_.sequence.calls[index], ArgKind::kPath);
    switch (kind) {
      case NameKind::kTask: return IsTask(value) ? std::string(1, TaskLetterOf(value)) : "";
      case NameKind::kAddress: return table.AddressName(state, task, value);
      case NameKind::kFd:
        return table.FdName(state, path != nullptr && !IsOwnPath(path[0]) ? path[0] : task, value);
    }
    return "";
  };
}

}  // namespace selkie
