#include "checker/alphabet.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_replace.h"
#include "fmt/format.h"
#include "model/call_text.h"

namespace selkie {
namespace {

// Wild names are parsed as numbers that no argument has: far below zero, with
// room for an offset (map+4096).
constexpr int64_t kWildStep = int64_t{1} << 40;
constexpr int64_t kWildBase = -(int64_t{1} << 60);

int64_t EncodeWild(Wild wild) { return kWildBase + static_cast<int64_t>(wild) * kWildStep; }

std::optional<int64_t> ResolveWild(NameKind kind, std::string_view name) {
  if (kind == NameKind::kFd && name == "fd") return EncodeWild(Wild::kFd);
  if (kind == NameKind::kFd && name == "fd2") return EncodeWild(Wild::kFd2);
  if (kind == NameKind::kFd && name == "theirs") return EncodeWild(Wild::kTheirs);
  if (kind == NameKind::kAddress && name == "map") return EncodeWild(Wild::kMap);
  if (kind == NameKind::kTask && name == "task") return EncodeWild(Wild::kTask);
  return std::nullopt;
}

void DecodeWild(CallTemplate& line) {
  for (int i = 0; i < kMaxWords; ++i) {
    const int64_t above = line.call.arg[i] - kWildBase + kWildStep / 2;
    if (above < 0 || above >= kNumWild * kWildStep) continue;
    line.wild[i] = static_cast<Wild>(above / kWildStep);
    line.call.arg[i] -= EncodeWild(line.wild[i]);
  }
}

absl::StatusOr<CallTemplate> CompileText(const AlphabetLine& line, const std::string& text,
                                         const Semantics& semantics) {
  ParsedCall parsed = ParseCall(text, &semantics, ResolveWild);
  if (parsed.error.has_value())
    return absl::InvalidArgumentError(fmt::format(
        "{}:{}:{}: {} (names in an alphabet are fd, fd2, theirs, map and task)", line.file,
        line.line, line.column + parsed.error->column, parsed.error->message));
  CallTemplate out;
  out.call = parsed.call;
  out.roles = line.roles;
  out.text = text;
  DecodeWild(out);
  IndexWildWords(out);
  if (std::count_if(out.wild.begin(), out.wild.end(), [](Wild wild) {
        return wild != Wild::kNone && wild != Wild::kTask;
      }) > static_cast<int>(out.words.size()))
    return absl::InvalidArgumentError(fmt::format("{}:{}:{}: '{}' names more than two objects",
                                                  line.file, line.line, line.column, text));
  return out;
}

const Objects::List& ChoicesFor(Wild wild, int task, int other, const Objects& objects) {
  if (wild == Wild::kMap) return objects.maps[task];
  return objects.fds[wild == Wild::kTheirs ? other : task];
}

// Every choice for the wild words but the task's.
void Fill(const CallTemplate& line, int other, const Objects& objects, Call& call,
          std::vector<Move>& moves) {
  const auto [first, second] = line.words;
  if (first < 0) return moves.push_back({call, false});
  const Objects::List& list = ChoicesFor(line.wild[first], call.task, other, objects);
  for (int i = 0; i < list.count; ++i) {
    call.arg[first] = line.call.arg[first] + list.item[i];
    if (second < 0) {
      moves.push_back({call, false});
      continue;
    }
    const Objects::List& inner = ChoicesFor(line.wild[second], call.task, other, objects);
    for (int j = 0; j < inner.count; ++j) {
      call.arg[second] = line.call.arg[second] + inner.item[j];
      moves.push_back({call, false});
    }
  }
}

}  // namespace

void IndexWildWords(CallTemplate& line) {
  const Op op = line.call.op;
  line.needs_file = op == Op::kOpen || op == Op::kOpenat || op == Op::kMemfdCreate;
  line.needs_mapping = op == Op::kMmap && (line.call.arg[3] & abi::kMapFixed) == 0;
  size_t found = 0;
  for (int i = 0; i < kMaxWords; ++i) {
    if (line.wild[i] == Wild::kTask)
      line.task_word = static_cast<int8_t>(i);
    else if (line.wild[i] != Wild::kNone && found < line.words.size())
      line.words[found++] = static_cast<int8_t>(i);
  }
}

absl::StatusOr<std::vector<CallTemplate>> CompileLine(const AlphabetLine& line,
                                                      const Semantics& semantics,
                                                      const std::vector<SealName>& seals) {
  std::vector<std::string> texts;
  if (line.text.find("{seal}") == std::string::npos)
    texts.push_back(line.text);
  else
    for (const SealName& seal : seals)
      texts.push_back(absl::StrReplaceAll(line.text, {{"{seal}", seal.name}}));
  std::vector<CallTemplate> templates;
  for (const std::string& text : texts) {
    absl::StatusOr<CallTemplate> compiled = CompileText(line, text, semantics);
    if (!compiled.ok()) return compiled.status();
    templates.push_back(*std::move(compiled));
  }
  return templates;
}

std::vector<CallTemplate> ExtensionTemplates(const Semantics& semantics) {
  std::vector<CallTemplate> templates;
  for (size_t i = 0; i < semantics.extensions.size(); ++i) {
    const Extension& extension = semantics.extensions[i];
    const bool takes_prot = extension.arg == ArgKind::kFlags;
    for (int64_t arg : takes_prot ? std::vector<int64_t>{0, 1, 3} : std::vector<int64_t>{0}) {
      CallTemplate line;
      line.call.op = Op::kExtension;
      line.call.arg = {0, static_cast<int64_t>(i), arg};
      line.wild[0] = Wild::kFd;
      IndexWildWords(line);
      line.text = extension.name;
      templates.push_back(std::move(line));
    }
  }
  return templates;
}

Objects ObjectsOf(const State& s) {
  Objects objects;
  for (int t = 0; t < s.limits.tasks; ++t) {
    if (s.tasks[t].state != TaskState::kRunning) continue;
    objects.tasks.Add(t);
    const FdTable& table = s.fds[s.tasks[t].fds];
    for (int j = 0; j < s.limits.fds; ++j)
      if (table[j].file != 0) objects.fds[t].Add(kFirstFd + j);
    const AddressSpace& mm = s.mms[s.tasks[t].mm];
    for (int j = 0; j < s.limits.maps && mm[j].file != 0; ++j)
      objects.maps[t].Add(int64_t{mm[j].start} * kPageSize);
  }
  return objects;
}

void Instantiate(const CallTemplate& line, int task, const Objects& objects,
                 std::vector<Move>& moves) {
  Call call = line.call;
  call.task = static_cast<uint8_t>(task);
  if (line.task_word < 0) return Fill(line, task, objects, call, moves);
  for (int i = 0; i < objects.tasks.count; ++i) {
    const int other = static_cast<int>(objects.tasks.item[i]);
    if (other == task) continue;
    call.arg[line.task_word] = line.call.arg[line.task_word] + other;
    Fill(line, other, objects, call, moves);
  }
}

}  // namespace selkie
