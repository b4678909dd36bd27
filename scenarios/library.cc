#include "scenarios/library.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <sstream>
#include <system_error>

#include "fmt/format.h"
#include "fmt/ranges.h"

namespace selkie {
namespace fs = std::filesystem;

absl::StatusOr<std::string> ReadTextFile(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error))
    return absl::InvalidArgumentError(fmt::format("{}: is a folder, expected a file", path));
  std::ifstream in(path, std::ios::binary);
  if (!in)
    return absl::NotFoundError(fmt::format("{}: cannot read: {}", path, std::strerror(errno)));
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

namespace {

// `shown` is the name that messages give the file.
absl::Status WriteAll(const std::string& path, std::string_view text, const std::string& shown) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out)
    return absl::UnavailableError(fmt::format("{}: cannot write: {}", shown, std::strerror(errno)));
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteTextFile(const std::string& path, std::string_view text) {
  std::error_code error;
  fs::path parent = fs::path(path).parent_path();
  if (!parent.empty()) fs::create_directories(parent, error);
  if (error)
    return absl::UnavailableError(
        fmt::format("{}: cannot make its folder: {}", path, error.message()));
  const fs::path target = fs::weakly_canonical(path, error);  // what a link leads to
  const bool exists = !error && fs::exists(target, error);
  const bool special = exists && !fs::is_regular_file(target, error);
  if (error || special || (exists && access(target.parent_path().c_str(), W_OK) != 0))
    return WriteAll(path, text, path);
  const std::string draft = fmt::format("{}.{}.tmp", target.string(), getpid());
  absl::Status status = WriteAll(draft, text, path);
  if (status.ok()) {
    if (exists) fs::permissions(draft, fs::status(target).permissions(), error);
    fs::rename(draft, target, error);
    if (error)
      status = absl::UnavailableError(fmt::format("{}: cannot write: {}", path, error.message()));
  }
  if (!status.ok()) fs::remove(draft, error);
  return status;
}

absl::StatusOr<std::vector<std::string>> FilesUnder(const std::string& path,
                                                    std::string_view extension) {
  std::error_code error;
  if (fs::is_regular_file(path, error)) return std::vector<std::string>{path};
  if (!fs::exists(path, error))
    return absl::NotFoundError(fmt::format("{}: no such file or folder", path));
  if (!fs::is_directory(path, error))
    return absl::InvalidArgumentError(
        fmt::format("{}: is neither a regular file nor a folder", path));
  std::vector<std::string> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path, error))
    if (entry.is_regular_file() && entry.path().string().ends_with(extension))
      files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

Library Library::Default() {
  const char* root = std::getenv("SELKIE_ROOT");
  return Library(root != nullptr && *root != '\0' ? root : SELKIE_SOURCE_ROOT);
}

absl::StatusOr<Semantics> Library::LoadSemantics(std::string_view name_or_path) const {
  const bool is_path =
      name_or_path.find('/') != std::string_view::npos || name_or_path.ends_with(".sem");
  const fs::path folder = is_path ? fs::path(name_or_path).parent_path() : fs::path();
  SemanticsLoader by_name = [&](std::string_view name) -> absl::StatusOr<SemanticsSource> {
    std::string file = fmt::format("model/semantics/{}.sem", name);
    absl::StatusOr<std::string> text = ReadTextFile(fmt::format("{}/{}", root_, file));
    if (!text.ok() && is_path) {  // else beside the text that extends it
      file = (folder / fmt::format("{}.sem", name)).string();
      text = ReadTextFile(file);
    }
    if (!text.ok()) {
      auto names = SemanticsNames();
      return absl::NotFoundError(fmt::format("no semantics is named '{}'; there are: {}", name,
                                             names.ok() ? fmt::format("{}", fmt::join(*names, ", "))
                                                        : "none (is SELKIE_ROOT right?)"));
    }
    return SemanticsSource{file, *std::move(text)};
  };
  if (!is_path) {
    absl::StatusOr<SemanticsSource> source = by_name(name_or_path);
    if (!source.ok()) return source.status();
    return ParseSemantics(*source, by_name);
  }
  absl::StatusOr<std::string> text = ReadTextFile(std::string(name_or_path));
  if (!text.ok()) return text.status();
  return ParseSemantics({std::string(name_or_path), *std::move(text)}, by_name);
}

std::string TextDigest(const std::vector<std::string>& texts) {
  constexpr uint64_t kOffset = 0xcbf29ce484222325, kPrime = 0x100000001b3;
  uint64_t hash = kOffset;
  for (const std::string& text : texts) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
    hash *= kPrime;  // the zero byte
  }
  return fmt::format("{:016x}", hash);
}

std::string SemanticsDigest(const Semantics& semantics) {
  std::vector<std::string> texts;
  for (const SemanticsSource& source : semantics.sources) texts.push_back(source.text);
  return TextDigest(texts);
}

absl::StatusOr<std::vector<std::string>> Library::SemanticsNames() const {
  absl::StatusOr<std::vector<std::string>> files = FilesUnder(root_ + "/model/semantics", ".sem");
  if (!files.ok()) return files.status();
  std::vector<std::string> names;
  for (const std::string& file : *files) names.push_back(fs::path(file).stem().string());
  // No version: after all that have one.
  const auto place = [](const std::string& name) {
    const auto version = KernelVersion(name);
    return std::pair(!version.has_value(), version ? LastRelease(*version) : std::vector<int>());
  };
  std::stable_sort(names.begin(), names.end(),
                   [&](const std::string& a, const std::string& b) { return place(a) < place(b); });
  return names;
}

std::optional<std::vector<int>> KernelVersion(std::string_view name) {
  constexpr std::string_view kPrefix = "linux-";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  std::vector<int> numbers;
  const char* at = name.data() + kPrefix.size();
  const char* end = name.data() + name.size();
  for (;;) {
    int number = 0;
    auto [next, code] = std::from_chars(at, end, number);
    if (code != std::errc()) return std::nullopt;
    numbers.push_back(number);
    if (next == end) return numbers;
    if (*next != '.') return std::nullopt;
    at = next + 1;
  }
}

std::vector<int> LastRelease(std::vector<int> version) {
  if (version.size() < 3) version.push_back(std::numeric_limits<int>::max());
  return version;
}

absl::StatusOr<std::string> SemanticsForRelease(const Library& library, std::string_view release) {
  absl::StatusOr<std::vector<std::string>> names = library.SemanticsNames();
  if (!names.ok()) return names.status();
  const std::string numbers(release.substr(0, release.find_first_not_of("0123456789.")));
  std::optional<std::vector<int>> wanted = KernelVersion("linux-" + numbers);
  if (wanted && wanted->size() < 2) wanted.reset();
  if (wanted) wanted = LastRelease(*wanted);
  std::map<std::vector<int>, std::string> by_release;
  for (const std::string& name : *names)
    if (const auto version = KernelVersion(name)) by_release[LastRelease(*version)] = name;
  std::string best;
  for (const auto& [last, name] : by_release) {
    if (!wanted) break;
    if (std::vector(last.begin(), last.begin() + 2) >
        std::vector(wanted->begin(), wanted->begin() + 2))
      break;
    best = name;
    if (last >= *wanted) break;
  }
  if (!wanted)
    return absl::InvalidArgumentError(
        fmt::format("'{}' is no release of a kernel, expected one such as 6.12 or 6.1.0-56-amd64: "
                    "or name a semantics with --semantics",
                    release));
  if (!best.empty()) return best;
  return absl::NotFoundError(fmt::format(
      "no semantics linux-X.Y is as old as kernel {}: name one with --semantics", release));
}

}  // namespace selkie
