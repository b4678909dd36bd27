// selkie merge: the slices of one campaign, each a report of conform --json, as one report.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/conform_report.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace selkie {
namespace {

using Json = nlohmann::ordered_json;

struct MergeArguments {
  std::vector<std::string> files;
  ConformPrinting printing;
};

constexpr const char* kMergeExample =
    "Adds up what the slices 0/N to N-1/N of one run of conform found.  All must be there, each\n"
    "once, of the same version, semantics, kernel and question; docs/campaigns.md has scripts\n"
    "for GNU parallel, Slurm and Kubernetes.\n\n"
    "Example:\n"
    "  for i in 0 1 2 3; do\n"
    "    selkie conform --random 100000 --slice $i/4 --json > part-$i.json\n"
    "  done\n"
    "  selkie merge part-*.json";

struct Slice {
  std::string path;
  ConformFile file;

  int64_t number() const { return file.asked.request.slice; }
  int64_t count() const { return file.asked.request.slices; }
  // Nothing ran, so that it does not say where.
  bool never_began() const { return !file.report.complete && file.report.release.empty(); }
};

absl::Status Refuse(const std::string& path, const std::string& text) {
  return absl::InvalidArgumentError(fmt::format("{}: {}", path, text));
}

absl::StatusOr<Slice> ReadSlice(const std::string& path) {
  absl::StatusOr<std::string> text = ReadTextFile(path);
  if (!text.ok()) return text.status();
  if (text->empty()) return Refuse(path, "is empty: the run that was to write it has not ended");
  absl::StatusOr<ConformFile> file = ConformFileFromJson(*text);
  if (!file.ok()) return Refuse(path, std::string(file.status().message()));
  Slice slice{path, *std::move(file)};
  if (slice.count() < 1 || slice.number() < 0 || slice.number() >= slice.count())
    return Refuse(path, fmt::format("slice: {} is no slice: expected I/N with I from 0 to N - 1",
                                    SliceText(slice.file.asked.request)));
  return slice;
}

// Where the two disagree, or "".
std::string Disagreement(const Slice& first, const Slice& other, std::string_view root) {
  const auto differ = [&](std::string_view field, const Json& a, const Json& b) {
    return a == b ? ""
                  : fmt::format("{}: {} is not {} as in {}", field, b.dump(), a.dump(), first.path);
  };
  const ConformReport& a = first.file.report;
  const ConformReport& b = other.file.report;
  std::vector<std::string> found = {differ("version", first.file.version, other.file.version)};
  const Json asked = AskedJson(first.file.asked, root);
  const Json asked_other = AskedJson(other.file.asked, root);
  for (const auto& [field, value] : asked.items())
    found.push_back(differ("asked." + field, value, asked_other.at(field)));
  found.push_back(differ("slices", first.count(), other.count()));
  if (!first.never_began() && !other.never_began()) {
    found.push_back(differ("release", a.release, b.release));
    found.push_back(differ("semantics", a.semantics, b.semantics));
    found.push_back(differ("semantics_digest", a.semantics_digest, b.semantics_digest));
  }
  for (const std::string& text : found)
    if (!text.empty()) return text;
  return "";
}

// Up to a few of the slices that are not there, and how many they are.
absl::Status CheckAllThere(const std::map<int64_t, std::string>& paths, int64_t count) {
  constexpr size_t kMostNamed = 20;
  const int64_t missing = count - static_cast<int64_t>(paths.size());
  if (missing == 0) return absl::OkStatus();
  std::vector<std::string> names;
  for (int64_t i = 0; i < count && names.size() < kMostNamed; ++i)
    if (!paths.contains(i)) names.push_back(fmt::format("{}/{}", i, count));
  const int64_t unnamed = missing - static_cast<int64_t>(names.size());
  return absl::InvalidArgumentError(
      fmt::format("missing: slice {}{}; run conform again with --slice for each",
                  fmt::join(names, ", "), unnamed > 0 ? fmt::format(" and {} more", unnamed) : ""));
}

absl::Status CheckTogether(const std::vector<Slice>& slices, std::string_view root) {
  const auto began = std::find_if(slices.begin(), slices.end(),
                                  [](const Slice& slice) { return !slice.never_began(); });
  const Slice& first = began == slices.end() ? slices.front() : *began;
  std::map<int64_t, std::string> paths;
  for (const Slice& slice : slices) {
    if (const std::string text = Disagreement(first, slice, root); !text.empty())
      return Refuse(slice.path, text);
    const auto [known, is_new] = paths.emplace(slice.number(), slice.path);
    if (!is_new)
      return Refuse(slice.path, fmt::format("slice: {} is in {} already",
                                            SliceText(slice.file.asked.request), known->second));
  }
  return CheckAllThere(paths, first.count());
}

class MergeCommand {
 public:
  MergeCommand(Context& context, const MergeArguments& arguments)
      : context_(context), arguments_(arguments) {}

  int Run() {
    if (absl::Status status = SaveFolderCanBeMade(arguments_.printing); !status.ok())
      return Report(status);
    if (absl::Status status = Read(); !status.ok()) return Report(status);
    std::string_view root = context_.library.root();
    if (absl::Status status = CheckTogether(slices_, root); !status.ok()) return Report(status);
    // In their order, so that the order of the arguments changes nothing.
    std::sort(slices_.begin(), slices_.end(),
              [](const Slice& a, const Slice& b) { return a.number() < b.number(); });
    ConformReport whole;
    whole.complete = true;
    double seconds = 0;
    for (const Slice& slice : slices_) {
      Merge(slice.file.report, &whole);
      whole.complete &= slice.file.report.complete;
      seconds += slice.file.report.seconds;
    }
    whole.seconds = seconds;  // who knows how many ran at a time: the speed is that of one
    ConformAsked asked = slices_.front().file.asked;
    asked.request.slice = 0;
    asked.request.slices = 1;
    ConformPrinting printing = arguments_.printing;
    printing.colour = context_.out_is_terminal;
    PrintConform(whole, asked, root, printing);
    return CodeFor(whole);
  }

 private:
  absl::Status Read() {
    for (const std::string& path : arguments_.files) {
      absl::StatusOr<Slice> slice = ReadSlice(path);
      if (!slice.ok()) return slice.status();
      slices_.push_back(*std::move(slice));
    }
    return absl::OkStatus();
  }

  // A divergence that was found is one, whatever else did not run.
  int CodeFor(const ConformReport& whole) const {
    if (whole.complete) return ConformCode(whole);
    std::vector<std::string> names;
    for (const Slice& slice : slices_)
      if (!slice.file.report.complete)
        names.push_back(fmt::format("{} ({})", SliceText(slice.file.asked.request), slice.path));
    const int code = Report(absl::UnavailableError(
        fmt::format("interrupted before its end: slice {}; run it again", fmt::join(names, ", "))));
    return whole.broken() ? kBroken : code;
  }

  Context& context_;
  const MergeArguments& arguments_;
  std::vector<Slice> slices_;
};

}  // namespace

void AddMergeCommand(CLI::App& app, Context& context) {
  CLI::App* merge = app.add_subcommand("merge", "Add up what the slices of a conform run found");
  auto arguments = std::make_shared<MergeArguments>();
  merge->add_option("FILE", arguments->files, "Reports of conform --slice I/N --json")->required();
  merge->add_option("--save", arguments->printing.save, "Folder for the divergences found")
      ->capture_default_str();
  merge->add_flag("--json", arguments->printing.json, "Print the report as JSON");
  merge->footer(kMergeExample);
  merge->callback(
      [&context, arguments] { context.exit_code = MergeCommand(context, *arguments).Run(); });
}

}  // namespace selkie
