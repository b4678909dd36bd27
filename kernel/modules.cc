#include "kernel/modules.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <string_view>

#include "absl/strings/str_split.h"
#include "fmt/format.h"
#include "kernel/image_command.h"
#include "scenarios/library.h"

namespace selkie {
namespace {

namespace fs = std::filesystem;

// What calls of the model need and what some kernel has as a module: /dev/fuse (fuse_mmap) and
// /dev/udmabuf (which no kernel has as one up to 7.3).
constexpr std::string_view kOfUse[] = {"fuse", "udmabuf"};

struct Packing {
  std::string_view extension;
  std::string_view program;  // that writes the unpacked file to its standard output; empty: none
};

constexpr Packing kPackings[] = {
    {".ko", ""}, {".ko.xz", "xz"}, {".ko.zst", "zstd"}, {".ko.gz", "gzip"}};

const Packing* PackingOf(std::string_view path) {
  for (const Packing& each : kPackings)
    if (path.ends_with(each.extension)) return &each;
  return nullptr;
}

// "xt-mark.ko.xz" is the module xt_mark.
std::string NameOf(const std::string& path) {
  std::string name = fs::path(path).filename().string();
  name.resize(name.size() - PackingOf(path)->extension.size());
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

absl::StatusOr<std::string> Unpacked(const std::string& path) {
  const std::string_view program = PackingOf(path)->program;
  if (program.empty()) return ReadTextFile(path);
  absl::StatusOr<CommandOutput> output =
      RunCommand({std::string(program), "-q", "-d", "-c", "--", path}, "");
  if (!output.ok())
    return absl::UnavailableError(
        fmt::format("{}: cannot be unpacked: {}", path, std::string(output.status().message())));
  if (output->exit_code != 0)
    return absl::UnavailableError(
        fmt::format("{}: {} failed with exit status {}", path, program, output->exit_code));
  return std::move(output->out);
}

template <typename T>
bool ReadAt(std::string_view bytes, uint64_t at, T& value) {
  if (at > bytes.size() || bytes.size() - at < sizeof value) return false;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return true;
}

std::string_view Part(std::string_view bytes, const Elf64_Shdr& section) {
  if (section.sh_offset > bytes.size()) return "";
  return bytes.substr(section.sh_offset, section.sh_size);
}

// The section .modinfo of a relocatable object for x86-64; "" if it is none.
std::string_view ModuleInfo(std::string_view bytes) {
  Elf64_Ehdr header;
  Elf64_Shdr names, section;
  if (!ReadAt(bytes, 0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_type != ET_REL || header.e_machine != EM_X86_64)
    return "";
  const auto section_at = [&](int i, Elf64_Shdr& found) {
    return ReadAt(bytes, header.e_shoff + uint64_t{header.e_shentsize} * i, found);
  };
  if (!section_at(header.e_shstrndx, names)) return "";
  for (int i = 0; i < header.e_shnum && section_at(i, section); ++i) {
    std::string_view name = Part(bytes, names);
    name.remove_prefix(std::min<size_t>(section.sh_name, name.size()));
    if (name.substr(0, name.find('\0')) == ".modinfo") return Part(bytes, section);
  }
  return "";
}

// Of the entry "depends=a,b" (scripts/mod/modpost.c add_depends): modules only, not what is built
// in.
std::vector<std::string> DependenciesOf(const std::string& info) {
  constexpr std::string_view kMark = "depends=";
  const std::vector<std::string> entries = absl::StrSplit(info, '\0');
  for (const std::string& entry : entries)
    if (entry.starts_with(kMark))
      return absl::StrSplit(entry.substr(kMark.size()), ',', absl::SkipEmpty());
  return {};
}

class Reader {
 public:
  // Notes what is there, and what of it is asked for.
  absl::Status Add(const std::string& path);
  absl::StatusOr<std::vector<KernelModule>> Read();

 private:
  void AddBeside(const std::string& path);
  absl::Status Load(const std::string& name, const std::string& needed_by);

  std::map<std::string, std::string> paths_;  // by name of the module
  std::vector<std::string> asked_;
  std::set<std::string> begun_;
  std::vector<KernelModule> modules_;
};

// A dependency of a single file may stand in the same folder.
void Reader::AddBeside(const std::string& path) {
  std::error_code error;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(fs::absolute(path, error).parent_path(), error))
    if (const std::string file = entry.path().string(); PackingOf(file) != nullptr)
      paths_.try_emplace(NameOf(file), file);
}

absl::Status Reader::Add(const std::string& path) {
  absl::StatusOr<std::vector<std::string>> files = FilesUnder(path, "");
  if (!files.ok()) return files.status();
  std::error_code error;
  const bool folder = fs::is_directory(path, error);
  const bool tree = folder && std::any_of(files->begin(), files->end(), [](const auto& file) {
                      return fs::path(file).filename() == "modules.order";
                    });
  bool found = false;
  for (const std::string& file : *files) {
    if (PackingOf(file) == nullptr) continue;
    found = true;
    const std::string name = NameOf(file);
    paths_.insert_or_assign(name, file);
    const bool of_use = std::find(std::begin(kOfUse), std::end(kOfUse), name) != std::end(kOfUse);
    if (!tree || of_use) asked_.push_back(name);
  }
  if (!found && folder)
    return absl::NotFoundError(fmt::format("{}: holds no module (*.ko, *.ko.xz, ...)", path));
  if (!found)
    return absl::InvalidArgumentError(
        fmt::format("{}: is no module: expected a name that ends in .ko, .ko.xz, .ko.zst or "
                    ".ko.gz, or a folder",
                    path));
  if (!folder) AddBeside(path);
  return absl::OkStatus();
}

absl::Status Reader::Load(const std::string& name, const std::string& needed_by) {
  if (!begun_.insert(name).second) return absl::OkStatus();
  const auto at = paths_.find(name);
  if (at == paths_.end())
    return absl::NotFoundError(
        fmt::format("{}: needs the module {}, which is not there", needed_by, name));
  absl::StatusOr<std::string> contents = Unpacked(at->second);
  if (!contents.ok()) return contents.status();
  const std::string info(ModuleInfo(*contents));
  if (info.empty())
    return absl::InvalidArgumentError(
        fmt::format("{}: is no module of an x86-64 kernel", at->second));
  for (std::string& each : DependenciesOf(info)) {
    std::replace(each.begin(), each.end(), '-', '_');
    if (absl::Status status = Load(each, at->second); !status.ok()) return status;
  }
  modules_.push_back({name, *std::move(contents)});
  return absl::OkStatus();
}

absl::StatusOr<std::vector<KernelModule>> Reader::Read() {
  for (const std::string& name : asked_)
    if (absl::Status status = Load(name, ""); !status.ok()) return status;
  return std::move(modules_);
}

}  // namespace

absl::StatusOr<std::vector<KernelModule>> ReadModules(const std::vector<std::string>& paths) {
  Reader reader;
  for (const std::string& path : paths)
    if (absl::Status status = reader.Add(path); !status.ok()) return status;
  return reader.Read();
}

}  // namespace selkie
