// Finds the program that runs as a guest's /init.
#include <elf.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "kernel/qemu.h"

namespace selkie {
namespace {

namespace fs = std::filesystem;

constexpr char kOwnProgram[] = "/proc/self/exe";

template <typename T>
bool ReadAt(std::ifstream& in, uint64_t at, T& value) {
  in.seekg(static_cast<std::streamoff>(at));
  return static_cast<bool>(in.read(reinterpret_cast<char*>(&value), sizeof value));
}

// A 64-bit x86 ELF program that asks for no interpreter, that is, no ld.so.
bool IsStaticProgram(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  Elf64_Ehdr header;
  if (!in || !ReadAt(in, 0, header)) return false;
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_machine != EM_X86_64)
    return false;
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    if (!ReadAt(in, header.e_phoff + uint64_t{header.e_phentsize} * i, segment)) return false;
    if (segment.p_type == PT_INTERP) return false;
  }
  return header.e_phnum > 0;
}

}  // namespace

absl::StatusOr<std::string> FindGuestBinary(const std::string& root) {
  const char* named = std::getenv("SELKIE_GUEST");
  if (named != nullptr && *named != '\0') {
    if (IsStaticProgram(named)) return std::string(named);
    return absl::FailedPreconditionError(
        fmt::format("{} (from SELKIE_GUEST) is not a statically linked x86-64 program", named));
  }
  std::error_code error;
  fs::path self = fs::read_symlink(kOwnProgram, error);
  std::vector<std::string> places = {kOwnProgram, self.parent_path() / "selkie-guest",
                                     fs::path(root) / "build/static/cli/selkie"};
  for (const std::string& place : places)
    if (IsStaticProgram(place)) return place;
  places[0] = self;
  return absl::NotFoundError(fmt::format(
      "no static selkie to run in the guest: none of {} is one; build it with "
      "'cmake --preset static && cmake --build --preset static', or name it in SELKIE_GUEST",
      fmt::join(places, ", ")));
}

}  // namespace selkie
