#include "cli/questions.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>

#include "cli/command.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "model/call_text.h"
#include "traces/json.h"
#include "traces/strace.h"

namespace selkie {
namespace fs = std::filesystem;

namespace {

// Paths below the root are shown from the root on: they are the same everywhere.
std::string ShownPath(const Library& library, const std::string& path) {
  const std::string prefix = library.root() + "/";
  return path.starts_with(prefix) ? path.substr(prefix.size()) : path;
}

absl::StatusOr<PropertySource> ReadSource(const Library& library, const std::string& path) {
  absl::StatusOr<std::string> text = ReadTextFile(path);
  if (!text.ok()) return text.status();
  return PropertySource{ShownPath(library, path), *std::move(text)};
}

std::string FolderOf(const Library& library) { return library.root() + "/checker/properties"; }

// Of every file, whether it can be read or not.
std::vector<std::string> NamesInTree(const Library& library) {
  std::vector<std::string> names;
  if (const auto files = FilesUnder(FolderOf(library), ".prop"); files.ok())
    for (const std::string& file : *files) names.push_back(fs::path(file).stem().string());
  return names;
}

int GroupOf(Property::Kind kind) { return static_cast<int>(kind); }

}  // namespace

absl::StatusOr<Property> LoadProperty(const Library& library, std::string_view name_or_path) {
  const bool is_path =
      name_or_path.find('/') != std::string_view::npos || name_or_path.ends_with(".prop");
  const std::string path = is_path ? std::string(name_or_path)
                                   : fmt::format("{}/{}.prop", FolderOf(library), name_or_path);
  absl::StatusOr<PropertySource> source = ReadSource(library, path);
  if (!source.ok() && !is_path) {
    const std::vector<std::string> names = NamesInTree(library);
    return absl::NotFoundError(fmt::format("no property is named '{}'; there are: {}", name_or_path,
                                           names.empty()
                                               ? "none (is SELKIE_ROOT right?)"
                                               : fmt::format("{}", fmt::join(names, ", "))));
  }
  if (!source.ok()) return source.status();
  const std::string folder = fs::path(path).parent_path().string();
  const std::string standard = FolderOf(library);
  return ParseProperty(*source, [&](std::string_view name) -> absl::StatusOr<PropertySource> {
    for (const std::string& place : {folder, standard}) {
      const std::string calls = fmt::format("{}/{}.calls", place.empty() ? "." : place, name);
      if (std::error_code error; fs::exists(calls, error)) return ReadSource(library, calls);
    }
    return absl::NotFoundError(fmt::format("no list of calls is named '{}'", name));
  });
}

absl::StatusOr<AskedProperties> PropertiesAsked(const Library& library,
                                                const std::vector<std::string>& asked) {
  if (!asked.empty()) return AskedProperties{asked, {}};
  absl::StatusOr<std::vector<std::string>> files = FilesUnder(FolderOf(library), ".prop");
  if (!files.ok()) return files.status();
  std::vector<std::pair<int, std::string>> found;
  std::set<std::string> bad;  // a list of calls that is bad is so for each property with it
  for (const std::string& file : *files) {
    absl::StatusOr<Property> property = LoadProperty(library, file);
    if (property.ok())
      found.emplace_back(GroupOf(property->kind), fs::path(file).stem().string());
    else
      bad.emplace(property.status().message());
  }
  std::sort(found.begin(), found.end());
  AskedProperties out{{}, {bad.begin(), bad.end()}};
  for (auto& [group, name] : found) out.names.push_back(std::move(name));
  return out;
}

int ReportBad(const AskedProperties& properties) {
  for (const std::string& message : properties.bad) Complain(message);
  return properties.bad.empty() ? kHolds : kBadInput;
}

absl::StatusOr<std::optional<Semantics>> BaselineOf(const Library& library,
                                                    const Property& property) {
  if (property.kind != Property::Kind::kSameAs) return std::optional<Semantics>();
  absl::StatusOr<Semantics> baseline = library.LoadSemantics(property.same_as);
  if (!baseline.ok())
    return absl::InvalidArgumentError(
        fmt::format("{}: {}", property.same_as_place, std::string(baseline.status().message())));
  return std::optional<Semantics>(*std::move(baseline));
}

absl::StatusOr<Verdict> Ask(const Library& library, const Property& property,
                            const Semantics& semantics, const Bounds& bounds,
                            const SearchOptions& options) {
  const absl::StatusOr<std::optional<Semantics>> baseline = BaselineOf(library, property);
  if (!baseline.ok()) return baseline.status();
  const Semantics* const other = baseline->has_value() ? &**baseline : nullptr;
  return Check(property, semantics, other, bounds, options);
}

absl::StatusOr<std::vector<Verdict>> AskAll(const Library& library, const Property& property,
                                            const Semantics& semantics, const Bounds& bounds,
                                            const SearchOptions& options) {
  const absl::StatusOr<std::optional<Semantics>> baseline = BaselineOf(library, property);
  if (!baseline.ok()) return baseline.status();
  const Semantics* const other = baseline->has_value() ? &**baseline : nullptr;
  return CheckAll(property, semantics, other, bounds, options);
}

std::string_view VerdictWord(const Verdict& verdict) {
  switch (verdict.kind) {
    case Verdict::Kind::kHolds: return verdict.has_witness ? "reachable" : "holds";
    case Verdict::Kind::kBroken: return verdict.has_witness ? "BROKEN" : "NOT REACHABLE";
    case Verdict::Kind::kVacuous: return "VACUOUS";
    case Verdict::Kind::kNotApplicable: return "NOT APPLICABLE";
    case Verdict::Kind::kStopped: return "STOPPED";
  }
  return "";
}

std::vector<std::string> WitnessLines(const Verdict& verdict, const Semantics& semantics,
                                      bool colour) {
  std::vector<std::string> lines =
      StraceLines(verdict.witness, semantics, {.reasons = true, .color = colour, .names = false});
  for (size_t i = 0; i < lines.size(); ++i) {
    const bool protocol = i < verdict.protocol.size() && verdict.protocol[i];
    lines[i] = fmt::format("{} {}", protocol ? "seal>" : "     ", lines[i]);
  }
  if (!verdict.baseline.empty())
    lines.push_back(fmt::format("      the baseline answers {} instead",
                                PrintResult(verdict.witness.sequence.calls.back(),
                                            verdict.baseline.back(), &semantics, nullptr)));
  return lines;
}

std::string WitnessTrace(const Property& property, const Semantics& semantics,
                         const Verdict& verdict) {
  return TraceToJson(verdict.witness, semantics,
                     {property.doc, property.name, std::string(VerdictWord(verdict))});
}

void AddWitness(const Property& property, const Semantics& semantics, const Verdict& verdict,
                nlohmann::ordered_json* json) {
  (*json)["protocol_steps"] = verdict.protocol;
  (*json)["trace"] = nlohmann::ordered_json::parse(WitnessTrace(property, semantics, verdict));
}

std::string NameOf(const Semantics& semantics) {
  return semantics.unconfirmed ? semantics.name + " (not confirmed on a kernel)" : semantics.name;
}

std::string Grouped(uint64_t number) {
  std::string text = std::to_string(number);
  for (int at = static_cast<int>(text.size()) - 3; at > 0; at -= 3) text.insert(at, ",");
  return text;
}

std::string Bytes(uint64_t bytes) {
  if (bytes < 1024 * 1024) return fmt::format("{:.0f} KiB", bytes / 1024.0);
  if (bytes < 1024ull * 1024 * 1024) return fmt::format("{:.1f} MiB", bytes / 1048576.0);
  return fmt::format("{:.2f} GiB", bytes / 1073741824.0);
}

absl::StatusOr<uint64_t> ParseBytes(const std::string& text) {
  size_t end = 0;
  double number = 0;
  try {
    number = std::stod(text, &end);
  } catch (const std::exception&) {
    number = 0;
  }
  const std::string unit = text.substr(end);
  const int shift = unit == "K" ? 10 : unit == "M" ? 20 : unit == "G" ? 30 : unit.empty() ? 0 : -1;
  if (shift < 0 || !(number >= 1) || number > 1e15)
    return absl::InvalidArgumentError(
        fmt::format("--memory '{}': expected a size such as 512M or 4G", text));
  const double bytes = number * static_cast<double>(uint64_t{1} << shift);
  if (bytes < static_cast<double>(kLeastMemory))
    return absl::InvalidArgumentError(fmt::format(
        "--memory {}: a search takes {}M at least: name that, or more", text, kLeastMemory >> 20));
  return static_cast<uint64_t>(bytes);
}

uint64_t MostMemory() {
  std::ifstream meminfo("/proc/meminfo");
  std::string key;
  uint64_t kibibytes = 0;
  while (meminfo >> key >> kibibytes && key != "MemAvailable:") meminfo.ignore(80, '\n');
  constexpr uint64_t kUnknown = uint64_t{8} << 30;
  return key == "MemAvailable:" ? kibibytes * 1024 / 5 * 4 : kUnknown;
}

std::string Describe(const SearchStats& stats) {
  return fmt::format(
      "{} states, {} transitions, depth {}, {:.2f} s, {}{} ({} bits a state){}",
      Grouped(stats.states), Grouped(stats.transitions), stats.depth, stats.seconds,
      Bytes(stats.bytes),
      stats.disk_bytes > 0 ? fmt::format(" and {} on disk", Bytes(stats.disk_bytes)) : "",
      stats.bits,
      stats.messages > 0
          ? fmt::format("; {} messages, {} sent", Grouped(stats.messages), Bytes(stats.sent_bytes))
          : "");
}

nlohmann::ordered_json StatsJson(const SearchStats& stats) {
  nlohmann::ordered_json json = {{"states", stats.states},      {"transitions", stats.transitions},
                                 {"tried", stats.tried},        {"beyond_bounds", stats.beyond},
                                 {"depth", stats.depth},        {"seconds", stats.seconds},
                                 {"bytes", stats.bytes},        {"disk_bytes", stats.disk_bytes},
                                 {"bits_per_state", stats.bits}};
  if (stats.messages > 0) {
    json["messages"] = stats.messages;
    json["sent_bytes"] = stats.sent_bytes;
  }
  return json;
}

}  // namespace selkie
