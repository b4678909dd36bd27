#include "kernel/huge_pages.h"

#include <fstream>

#include "fmt/format.h"

namespace selkie {
namespace {

int64_t ReadNumber(const char* name) {
  std::ifstream file(fmt::format("/sys/kernel/mm/hugepages/hugepages-2048kB/{}", name));
  int64_t number = 0;
  return file >> number ? number : 0;
}

}  // namespace

HugePages ReadHugePages() {
  return {.free = ReadNumber("free_hugepages"), .reserved = ReadNumber("resv_hugepages")};
}

std::optional<std::string> LostHugePages(const HugePages& before, const HugePages& after) {
  if (before.free == after.free && before.reserved == after.reserved) return std::nullopt;
  return fmt::format(
      "the kernel has lost huge pages: free {}, before the first sequence {}; reserved {}, before "
      "{}; --first and --random narrow down by which",
      after.free, before.free, after.reserved, before.reserved);
}

}  // namespace selkie
