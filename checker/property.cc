#include "checker/property.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "fmt/format.h"

namespace selkie {
namespace {

constexpr BoundField kBoundFields[] = {
    {"processes", &Bounds::processes, kMaxTasks},  {"fds", &Bounds::fds, kMaxFds},
    {"files", &Bounds::files, kMaxFiles},          {"maps", &Bounds::maps, kMaxMaps},
    {"pages", &Bounds::pages, kMaxPages},          {"inodes", &Bounds::inodes, kMaxInodes},
    {"messages", &Bounds::messages, kMaxMessages}, {"buffers", &Bounds::buffers, kMaxBuffers, 0},
    {"huge", &Bounds::huge, kMaxHuge, 0}};

absl::Status BadBound(std::string_view part, const std::string& expected) {
  return absl::InvalidArgumentError(fmt::format("bound '{}': expected {}", part, expected));
}

absl::Status ApplyBound(std::string_view part, Bounds& bounds) {
  const size_t equals = part.find('=');
  const std::string_view name = part.substr(0, equals);
  const auto* field = std::find_if(std::begin(kBoundFields), std::end(kBoundFields),
                                   [&](const BoundField& f) { return f.name == name; });
  if (field == std::end(kBoundFields) || equals == std::string_view::npos)
    return BadBound(
        part, "processes, fds, files, maps, pages, inodes, messages, buffers or huge, and =NUMBER");
  const std::string_view digits = part.substr(equals + 1);
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value < field->lowest ||
      value > field->highest)
    return BadBound(part, fmt::format("a number from {} to {}", field->lowest, field->highest));
  bounds.*(field->field) = value;
  return absl::OkStatus();
}

const std::vector<BitName> kProtNames = {{"READ", 1}, {"WRITE", 2}, {"EXEC", 4}};
const std::vector<BitName> kSealNames = {{"SEAL", 1},  {"SHRINK", 2},        {"GROW", 4},
                                         {"WRITE", 8}, {"FUTURE_WRITE", 16}, {"EXEC", 32}};
const std::vector<BitName> kFileNames = {{"READ", 1}, {"WRITE", 2}, {"PATH", 4}};

std::vector<BitName> RoleNames(const std::vector<Role>& roles) {
  std::vector<BitName> names;
  for (size_t i = 0; i < roles.size(); ++i) names.push_back({roles[i].name, uint64_t{1} << i});
  return names;
}

void AddFileFacts(Vocabulary& v) {
  v.sets.push_back({"file", fact::kFile, kFileNames});
  v.facts.push_back({"file-after", fact::kFileAfter});
  v.facts.push_back({"file-copy", fact::kFileCopy});
  v.facts.push_back({"file-handed", fact::kFileHanded});
}

void AddMappingFacts(Vocabulary& v) {
  v.sets.push_back({"prot", fact::kProt, kProtNames});
  v.sets.push_back({"may", fact::kMay, kProtNames});
  v.facts.push_back({"shared", fact::kShared});
  v.facts.push_back({"map-after", fact::kMapAfter});
  v.facts.push_back({"map-copied", fact::kMapCopied});
  v.facts.push_back({"map-old-writable", fact::kMapOldWritable});
  v.facts.push_back({"map-old-readonly", fact::kMapOldReadonly});
}

}  // namespace

absl::Status ApplyBounds(std::string_view text, Bounds& bounds) {
  constexpr std::string_view kSeparators = ", \t\n";
  std::set<std::string_view> names;
  while (true) {
    const size_t begin = text.find_first_not_of(kSeparators);
    if (begin == std::string_view::npos) return absl::OkStatus();
    text.remove_prefix(begin);
    const size_t end = std::min(text.find_first_of(kSeparators), text.size());
    const std::string_view bound = text.substr(0, end);
    if (absl::Status status = ApplyBound(bound, bounds); !status.ok()) return status;
    if (!names.insert(bound.substr(0, bound.find('='))).second)
      return absl::InvalidArgumentError(
          fmt::format("bound '{}': given twice, expected each once", bound));
    text.remove_prefix(end);
  }
}

std::span<const BoundField> BoundFields() { return kBoundFields; }

std::string ToString(const Bounds& bounds) {
  std::string out;
  for (const BoundField& field : kBoundFields)
    if (bounds.*(field.field) >= 1)
      out += fmt::format("{}{}={}", out.empty() ? "" : " ", field.name, bounds.*(field.field));
  return out;
}

Vocabulary PropertyVocabulary(Sort sort, const std::vector<Role>& roles) {
  Vocabulary v;
  v.sets.push_back({"seals", fact::kSeals, kSealNames});
  v.sets.push_back({"by", fact::kBy, RoleNames(roles)});
  v.facts.push_back({"sealed", fact::kSealed});
  AddFileFacts(v);
  if (sort == Sort::kPass) v.sets.push_back({"to", fact::kTo, RoleNames(roles)});
  if (sort == Sort::kMapping || sort == Sort::kChange) AddMappingFacts(v);
  if (sort == Sort::kSeal) v.facts.push_back({"mapped-writable", fact::kMappedWritable});
  if (sort == Sort::kChange) {
    v.facts.push_back({"by-write-call", fact::kByWriteCall});
    v.facts.push_back({"by-store", fact::kByStore});
    v.facts.push_back({"by-pin", fact::kByPin});
    v.facts.push_back({"resized", fact::kResized});
    v.facts.push_back({"exec-changed", fact::kExecChanged});
    v.facts.push_back({"runs", fact::kRuns});
  }
  return v;
}

}  // namespace selkie
